//! Arguments of the commands about containers.

use clap::{ArgGroup, Args};

use super::{FormatArgs, parse_stop_timeout};
use crate::{
    filter::{Filter, parse_filter},
    moment::parse_moment,
    output::Format,
};

/// Arguments of `ps`.
#[derive(Debug, Args)]
pub struct PsArgs {
    /// Also those that do not run.
    #[arg(short, long)]
    pub all: bool,
    /// Print ids only.
    #[arg(short, long, conflicts_with = "format")]
    pub quiet: bool,
    /// Only those that fit, as in name=web, status=exited, label=KEY=VALUE.
    #[arg(short, long = "filter", value_name = "KEY=VALUE", value_parser = parse_filter)]
    pub filters: Vec<Filter>,
    /// Print whole ids.
    #[arg(long)]
    pub no_trunc: bool,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Which containers `stop` stops, and how.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").args(["containers", "all"])))]
pub struct StopContainersArgs {
    /// Stop these containers, by name or id, instead of the machine.
    #[arg(value_name = "CONTAINER", conflicts_with_all = ["force", "grace"])]
    pub containers: Vec<String>,
    /// Stop every container that runs, but not the machine.
    #[arg(long, conflicts_with_all = ["force", "grace"])]
    pub all: bool,
    /// How many seconds a container may take before it is killed; -1 for as long as it takes.
    #[arg(short = 't', long, alias = "time", value_name = "SECONDS", value_parser = parse_stop_timeout)]
    #[arg(allow_negative_numbers = true, requires = "which")]
    pub timeout: Option<i64>,
}

impl StopContainersArgs {
    /// Whether this is about containers and not about the machine.
    pub fn any(&self) -> bool {
        self.all || !self.containers.is_empty()
    }
}

/// Arguments of `kill`.
#[derive(Debug, Args)]
pub struct KillArgs {
    /// The signal, by name or number.
    #[arg(short, long, default_value = "KILL")]
    pub signal: String,
    /// The containers, by name or id.
    #[arg(value_name = "CONTAINER", required = true)]
    pub containers: Vec<String>,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Also those that run: they are killed.
    #[arg(short, long)]
    pub force: bool,
    /// Also their anonymous volumes.
    #[arg(short, long)]
    pub volumes: bool,
    /// The containers, by name or id.
    #[arg(value_name = "CONTAINER", required = true)]
    pub containers: Vec<String>,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// The containers, by name or id; all that run when absent.
    #[arg(value_name = "CONTAINER")]
    pub containers: Vec<String>,
    /// Print once and end, as without a terminal and as JSON.
    #[arg(long)]
    pub no_stream: bool,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// What `inspect` looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Inspected {
    /// Containers only.
    Container,
    /// Images only.
    Image,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Containers or images, by name or id.
    #[arg(value_name = "CONTAINER|IMAGE", required = true)]
    pub names: Vec<String>,
    /// What the names name; a container, and else an image, when absent.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub kind: Option<Inspected>,
    /// How to print data: all that the engine says, or what matters most.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Json)]
    pub format: Format,
}

/// Arguments of `events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Begin with what happened then: how long ago, as in 10m, or a time.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub since: Option<String>,
    /// End with what happened until then.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub until: Option<String>,
    /// Only those that fit, as in type=container, event=die, container=web.
    #[arg(short, long = "filter", value_name = "KEY=VALUE", value_parser = parse_filter)]
    pub filters: Vec<Filter>,
    /// How to print data; as JSON one object per line.
    #[command(flatten)]
    pub format: FormatArgs,
}
