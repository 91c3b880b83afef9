//! `pinnace logs`.

mod container;

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
};

use api::{LogQuery, LogSource};
use tokio::io::AsyncReadExt as _;

use super::Outcome;
use crate::{
    args::{LogName, LogsArgs, Source, Tail},
    failure::{Exit, Failure},
    host_agent, output,
    printer::Printer,
    session,
};

/// The last lines that are printed of a log of ours without `--tail`.
const USUAL_TAIL: u32 = 200;

/// Prints the log of a container, or one of ours.
pub async fn run(mut args: LogsArgs) -> Outcome {
    match (args.container.take(), args.name.take()) {
        (Some(name), _) | (None, Some(LogName::Container(name))) => container::run(&name, args).await,
        (None, Some(LogName::Ours(source))) => ours(source, args).await,
        (None, None) => ours(Source::default(), args).await,
    }
}

/// Prints a log of ours: through the host agent, or from its file while there is none.
async fn ours(source: Source, args: LogsArgs) -> Outcome {
    if args.since.is_some() || args.until.is_some() || args.timestamps {
        return Err(
            Failure::new("--since, --until and --timestamps are for the logs of containers")
                .exit(Exit::Usage)
                .hint("a container with the name of a log is meant by --container"),
        );
    }
    let tail = match args.tail {
        None => USUAL_TAIL,
        Some(Tail::Lines(lines)) => lines,
        Some(Tail::All) => u32::MAX,
    };
    let folders = session::folders()?;
    let mut printer = Printer::stdout();
    let Some(client) = session::connect(&folders.api_socket).await? else {
        let path = match source {
            Source::HostAgent => host_agent::log_file(&folders),
            Source::Console => folders.logs.join("console.log"),
            _ => {
                return Err(Failure::not_running(
                    "the machine is not running, its logs are kept inside",
                ));
            }
        };
        if args.follow {
            return Err(Failure::not_running("nothing runs that could be followed"));
        }
        printer.print(&last_lines_of(&path, tail)?)?;
        printer.finish()?;
        return Ok(Exit::Success);
    };
    let query = LogQuery {
        source: source.into(),
        tail,
        follow: args.follow,
    };
    let mut log = client.logs(&query).await?;
    let mut piece = vec![0; 16 << 10];
    loop {
        match log
            .read(&mut piece)
            .await
            .map_err(|error| Failure::caused("failed to read the log", &error))?
        {
            0 => {
                printer.finish()?;
                return Ok(Exit::Success);
            }
            length => printer.print(&piece[..length])?,
        }
    }
}

impl From<Source> for LogSource {
    fn from(source: Source) -> Self {
        match source {
            Source::HostAgent => Self::HostAgent,
            Source::Console => Self::Console,
            Source::GuestAgent => Self::GuestAgent,
            Source::Engine => Self::Engine,
            Source::Containerd => Self::Containerd,
            Source::Kernel => Self::Kernel,
        }
    }
}

/// The last lines of a file. None if there is no file: nothing has been logged yet.
fn last_lines_of(path: &Path, count: u32) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::caused(format!("failed to read {}", path.display()), &error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            output::note(&format!("nothing in {} yet", path.display()));
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut reader = BufReader::new(file);
    let mut last = VecDeque::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        last.push_back(line);
        if last.len() > count as usize {
            last.pop_front();
        }
    }
    let mut text = Vec::new();
    for line in last {
        text.write_all(&line).map_err(failed)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_of_file_without_final_line_feed_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "a\nb\nc").unwrap();
        let check = |count, text: &str| assert_eq!(last_lines_of(&path, count).unwrap(), text.as_bytes());
        check(0, "");
        check(2, "b\nc");
        check(9, "a\nb\nc");
        assert_eq!(last_lines_of(&folder.path().join("none"), 3), Ok(Vec::new()));
    }
}
