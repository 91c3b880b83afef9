//! Arguments of `logs`.

use clap::{
    Args, ValueEnum as _,
    builder::{PossibleValue, TypedValueParser},
};

use crate::moment::parse_moment;

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// One of Pinnace's own logs, or a container, by name or id; the host agent's log when absent.
    #[arg(value_parser = NameParser)]
    pub name: Option<LogName>,
    /// A container, also when it is called as one of Pinnace's own logs is.
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    pub container: Option<String>,
    /// How many last lines to print, or all; all of a container's, 200 of others, when absent.
    #[arg(short = 'n', long, value_name = "LINES", value_parser = parse_tail)]
    pub tail: Option<Tail>,
    /// Go on with new lines until Ctrl+C.
    #[arg(short, long)]
    pub follow: bool,
    /// Begin with what a container printed then: how long ago, as in 10m, or a time.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub since: Option<String>,
    /// End with what a container printed until then.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub until: Option<String>,
    /// Begin each of a container's lines with its time.
    #[arg(short, long)]
    pub timestamps: bool,
}

/// Whose log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogName {
    /// Pinnace's own.
    Ours(Source),
    /// This container's.
    Container(String),
}

/// A log of Pinnace's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Source {
    /// The host agent's own records; readable also while nothing runs.
    #[default]
    HostAgent,
    /// The machine's serial console; readable also while nothing runs.
    Console,
    /// The guest agent's records.
    GuestAgent,
    /// dockerd's output.
    Engine,
    /// containerd's output.
    Containerd,
    /// The guest kernel's messages.
    Kernel,
}

/// How many last lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Every one.
    All,
    /// This many.
    Lines(u32),
}

/// Takes every name and offers those that are known.
#[derive(Clone)]
struct NameParser;

impl TypedValueParser for NameParser {
    type Value = LogName;

    fn parse_ref(
        &self,
        _: &clap::Command,
        _: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<LogName, clap::Error> {
        let Some(name) = value.to_str().filter(|name| !name.is_empty()) else {
            return Err(clap::Error::raw(
                clap::error::ErrorKind::InvalidUtf8,
                "a container's name is plain text\n",
            ));
        };
        Ok(Source::from_str(name, false).map_or_else(|_| LogName::Container(name.to_owned()), LogName::Ours))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            Source::value_variants()
                .iter()
                .filter_map(Source::to_possible_value),
        ))
    }
}

fn parse_tail(text: &str) -> Result<Tail, String> {
    if text == "all" {
        return Ok(Tail::All);
    }
    text.parse()
        .map(Tail::Lines)
        .map_err(|_| "give a number of lines, or all".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn parsed(arguments: &[&str]) -> LogsArgs {
        let words = ["pinnace", "logs"].iter().chain(arguments);
        let Command::Logs(args) = Cli::parse_from(words).command else {
            panic!("another command");
        };
        args
    }

    #[test]
    fn name_known_is_ours_and_any_other_a_container() {
        let check = |name, expected| assert_eq!(parsed(&[name]).name, Some(expected));
        check("guest-agent", LogName::Ours(Source::GuestAgent));
        check("engine", LogName::Ours(Source::Engine));
        check("Engine", LogName::Container("Engine".to_owned()));
        check("web", LogName::Container("web".to_owned()));
        assert_eq!(
            parsed(&["--container", "engine"]).container.as_deref(),
            Some("engine")
        );
        assert_eq!(parsed(&[]).name, None);
    }

    #[test]
    fn tail_is_a_number_or_all() {
        assert_eq!(parsed(&["web", "-n", "5"]).tail, Some(Tail::Lines(5)));
        assert_eq!(parsed(&["web", "--tail", "all"]).tail, Some(Tail::All));
        for text in ["-1", "", "ALL", "x", "99999999999"] {
            assert!(parse_tail(text).is_err(), "{text}");
        }
    }
}
