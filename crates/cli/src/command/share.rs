//! `pinnace share`: the folders of this host that containers can mount.

use std::path::{self, Path, PathBuf};

use api::{AddShare, RemoveShare, Share, ShareState};

use super::Outcome;
use crate::{
    args::{ShareAction, ShareAddArgs, ShareArgs, ShareRmArgs},
    columns::Columns,
    failure::{Exit, Failure},
    harmless,
    output::{self, Format},
    session, shares,
};

/// Lists or changes shares.
pub async fn run(args: ShareArgs) -> Outcome {
    match args.action {
        None => list(args.format.format).await,
        Some(ShareAction::Ls(args)) => list(args.format).await,
        Some(ShareAction::Add(args)) => add(args).await,
        Some(ShareAction::Rm(args)) => remove(args).await,
    }
}

/// Never starts anything.
async fn list(format: Format) -> Outcome {
    let listed = session::running().await?.shares().await?;
    match format {
        Format::Json => output::json(&listed)?,
        Format::Table => output::data(&table(&listed))?,
    }
    Ok(Exit::Success)
}

/// A line for each share, and below it why it is not there, or what it does less well than it could.
fn table(listed: &[Share]) -> String {
    let rows = shares::sorted(listed);
    let mut columns = Columns::new(&["PATH", "IN THE MACHINE", "ACCESS", "WATCHED", "STATE"]);
    for share in &rows {
        columns.add([
            share.path.clone(),
            share.guest_path.clone().unwrap_or_default(),
            shares::access(share).to_owned(),
            shares::watched(share).to_owned(),
            shares::state(share.state).to_owned(),
        ]);
    }
    let reasons = rows.iter().map(|share| share.reason.as_deref());
    let mut text = String::new();
    // A cell never holds a line feed, so lines and rows keep step.
    for (line, reason) in columns.text().lines().zip(std::iter::once(None).chain(reasons)) {
        text.push_str(line);
        text.push('\n');
        if let Some(reason) = reason {
            text.push_str(&format!("  {}\n", harmless::line(reason)));
        }
    }
    text
}

/// Writes a setting, for which only the host agent has to be there.
async fn add(args: ShareAddArgs) -> Outcome {
    let path = absolute(&args.path)?;
    let client = session::running_or_started().await?;
    let before = client.shares().await?;
    let added = client
        .add_share(&AddShare {
            path,
            read_only: args.read_only,
        })
        .await?;
    if added.state == ShareState::Failed {
        if args.format.format == Format::Json {
            output::json(&added)?;
        }
        let reason = added.reason.as_deref().unwrap_or("no reason is known");
        return Err(Failure::new(format!("failed to share {}: {reason}", added.path)));
    }
    print(&added, args.format.format)?;
    match (&added.guest_path, added.state) {
        (Some(guest), ShareState::Mounted) => {
            output::note(&format!("in the machine: {}", harmless::line(guest)));
        }
        _ => output::note("the machine gets it when it runs"),
    }
    if let Some(reason) = &added.reason {
        output::warning(reason);
    }
    let was = before.iter().find(|share| share.path == added.path);
    match was {
        None => undo(&shares::rm_command(&added)),
        Some(was) if was.read_only != added.read_only => undo(&shares::add_command(was)),
        Some(_) => output::note("it was shared already"),
    }
    Ok(Exit::Success)
}

/// Writes a setting as well: what is not to be shared may be taken back before the machine starts.
async fn remove(args: ShareRmArgs) -> Outcome {
    let path = absolute(&args.path)?;
    let client = session::running_or_started().await?;
    let removed = client
        .remove_share(&RemoveShare {
            path,
            force: args.force,
        })
        .await?;
    print(&removed, args.format.format)?;
    undo(&shares::add_command(&removed));
    Ok(Exit::Success)
}

fn print(share: &Share, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::json(share),
        Format::Table => output::data(&format!("{}\n", harmless::line(&share.path))),
    }
}

fn undo(command: &str) {
    output::note(&format!("undo: {}", harmless::line(command)));
}

/// The whole path of what may be below the current folder. Links and `..` are the host agent's to follow.
fn absolute(path: &Path) -> Result<String, Failure> {
    let whole = path::absolute(path)
        .map_err(|error| Failure::caused(format!("failed to find the folder {}", path.display()), &error))?;
    // Without a separator at its end.
    let whole: PathBuf = whole.components().collect();
    whole.into_os_string().into_string().map_err(|path| {
        Failure::new(format!("the folder {} is not UTF-8", path.display()))
            .exit(Exit::Usage)
            .hint("rename it, or share the folder that it is in")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_is_whole_without_dots_and_end() {
        let current = std::env::current_dir().unwrap();
        let in_current = |name: &str| current.join(name).into_os_string().into_string().unwrap();
        assert_eq!(absolute(Path::new("a")).unwrap(), in_current("a"));
        assert_eq!(absolute(Path::new("./a/./b/")).unwrap(), in_current("a/b"));
        assert_eq!(absolute(Path::new(".")).unwrap(), current.to_str().unwrap());
    }
}
