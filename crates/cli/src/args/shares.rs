//! Arguments of `share`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::FormatArgs;

/// Arguments of `share`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ShareArgs {
    /// What to do; to list them when absent.
    #[command(subcommand)]
    pub action: Option<ShareAction>,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// What to do with the folders that are shared.
#[derive(Debug, Subcommand)]
pub enum ShareAction {
    /// List the folders that are shared.
    #[command(alias = "list")]
    Ls(FormatArgs),
    /// Share a folder, now and after every start of the machine.
    ///
    /// One that is shared already is shared as it is asked for now: read-only, or not. Starts the host agent if there is
    /// none, and never the machine.
    Add(ShareAddArgs),
    /// Share a folder no longer.
    ///
    /// Refused while a container that runs uses it. Nothing in the folder is touched. Starts the host agent if there is
    /// none, and never the machine.
    #[command(alias = "remove")]
    Rm(ShareRmArgs),
}

/// Arguments of `share add`.
#[derive(Debug, Args)]
pub struct ShareAddArgs {
    /// The folder.
    #[arg(value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub path: PathBuf,
    /// Let containers read it only.
    #[arg(long)]
    pub read_only: bool,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `share rm`.
#[derive(Debug, Args)]
pub struct ShareRmArgs {
    /// The folder.
    #[arg(value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub path: PathBuf,
    /// Even while a container that runs uses it, which then gets errors for its files.
    #[arg(short, long)]
    pub force: bool,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}
