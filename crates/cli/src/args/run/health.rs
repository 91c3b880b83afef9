//! Arguments of `run`: how the engine finds out whether a container is well.

use std::time::Duration;

use clap::Args;

use crate::run_flags::parse_health_time;

/// How the engine finds out whether a container is well.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The shell command that succeeds while it is well.
    #[arg(long, value_name = "COMMAND")]
    pub health_cmd: Option<String>,
    /// Between two checks, as in 30s.
    #[arg(long, value_name = "TIME", value_parser = parse_health_time)]
    pub health_interval: Option<Duration>,
    /// How long a check may take.
    #[arg(long, value_name = "TIME", value_parser = parse_health_time)]
    pub health_timeout: Option<Duration>,
    /// How long it may take to get well after its start.
    #[arg(long, value_name = "TIME", value_parser = parse_health_time)]
    pub health_start_period: Option<Duration>,
    /// Between two checks during that time.
    #[arg(long, value_name = "TIME", value_parser = parse_health_time)]
    pub health_start_interval: Option<Duration>,
    /// After so many checks that fail one after another it is not well.
    #[arg(long, value_name = "NUMBER")]
    pub health_retries: Option<u32>,
    /// No checks, also where the image has some.
    #[arg(long, conflicts_with_all = [
        "health_cmd", "health_interval", "health_timeout", "health_start_period", "health_start_interval",
        "health_retries",
    ])]
    pub no_healthcheck: bool,
}
