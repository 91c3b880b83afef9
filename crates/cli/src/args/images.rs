//! Arguments of the commands about images.

use clap::Args;
use engine_client::Reference;

use super::FormatArgs;

/// Arguments of `images`.
#[derive(Debug, Args)]
pub struct ImagesArgs {
    /// Also the images in between that others are made of.
    #[arg(short, long)]
    pub all: bool,
    /// Print ids only.
    #[arg(short, long, conflicts_with = "format")]
    pub quiet: bool,
    /// Print whole ids.
    #[arg(long)]
    pub no_trunc: bool,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Arguments of `pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// The image, with a tag or a digest; the tag is latest when both are absent.
    #[arg(value_name = "IMAGE[:TAG|@DIGEST]")]
    pub image: Reference,
    /// For this platform instead of the machine's own, as in linux/arm64.
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// No progress.
    #[arg(short, long)]
    pub quiet: bool,
    /// How to print data.
    #[command(flatten)]
    pub format: FormatArgs,
}
