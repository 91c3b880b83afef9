//! `pinnace logs CONTAINER`.

use engine_client::{LogFrameDecoder, LogsQuery, Output};

use super::super::Outcome;
use crate::{
    args::{LogsArgs, Tail},
    engine::engine,
    failure::{Exit, Failure},
    printer::Printer,
};

/// The most bytes that are kept of what the engine says of a log it cannot go on with.
const MAX_ENGINE_WORDS: usize = 4096;

/// The most bytes that wait to be printed together, apart from what came in one piece.
const MOST_WAITING: usize = 64 * 1024;

/// Prints a container's log: its stdout to ours, its stderr to ours. Holds little of it at a time.
pub async fn run(container: &str, args: LogsArgs) -> Outcome {
    let engine = engine()?;
    let details = engine.container(container).await.map_err(|error| {
        let unknown = error.is_not_found();
        let failure = Failure::from(error);
        if unknown {
            failure.hint("`pinnace ps --all` lists the containers, `pinnace logs --help` Pinnace's own logs")
        } else {
            failure
        }
    })?;
    let tty = details.config.tty;
    let query = LogsQuery {
        follow: args.follow,
        tail: Some(match args.tail {
            None | Some(Tail::All) => "all".to_owned(),
            Some(Tail::Lines(lines)) => lines.to_string(),
        }),
        since: args.since,
        until: args.until,
        timestamps: args.timestamps,
    };
    let mut stream = engine.logs(container, &query).await?;
    let mut log = Log::new(tty);
    loop {
        let next = tokio::select! {
            biased;
            next = stream.next() => next,
            // Nothing more right now: what came so far is not to wait.
            () = tokio::task::yield_now(), if !log.waiting.is_empty() => {
                log.flush()?;
                continue;
            }
        };
        match next {
            Ok(Some(piece)) => log.push(&piece)?,
            Ok(None) => return log.finish(),
            Err(error) => {
                log.flush()?;
                return Err(error.into());
            }
        }
    }
}

/// Both outputs of a container. The engine sends each line by itself; they are printed as many at a time as have come.
struct Log {
    stdout: Printer,
    stderr: Printer,
    /// Tells them apart; a terminal has only one.
    frames: Option<LogFrameDecoder>,
    /// What has come and is not printed yet, all of one output.
    waiting: Vec<u8>,
    waiting_for: Output,
    /// Why there is no more, in the engine's words.
    engine_words: Vec<u8>,
}

impl Log {
    fn new(tty: bool) -> Self {
        Self {
            stdout: Printer::stdout(),
            stderr: Printer::stderr(),
            frames: (!tty).then(LogFrameDecoder::default),
            waiting: Vec::new(),
            waiting_for: Output::Stdout,
            engine_words: Vec::new(),
        }
    }

    fn push(&mut self, mut piece: &[u8]) -> Result<(), Failure> {
        let Some(mut frames) = self.frames.take() else {
            return self.push_to(Output::Stdout, piece);
        };
        let broken = loop {
            match frames.next(&mut piece) {
                Ok(Some(frame)) => self.push_to(frame.output, frame.bytes)?,
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        self.frames = Some(frames);
        match broken {
            None => Ok(()),
            Some(error) => {
                self.flush()?;
                Err(Failure::caused("failed to read the log", &error))
            }
        }
    }

    fn push_to(&mut self, output: Output, bytes: &[u8]) -> Result<(), Failure> {
        if output != self.waiting_for || self.waiting.len() + bytes.len() > MOST_WAITING {
            self.flush()?;
            self.waiting_for = output;
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    /// Prints what has come.
    fn flush(&mut self) -> Result<(), Failure> {
        match self.waiting_for {
            Output::Stdout => self.stdout.print(&self.waiting)?,
            Output::Stderr => self.stderr.print(&self.waiting)?,
            Output::Engine => {
                let space = MAX_ENGINE_WORDS.saturating_sub(self.engine_words.len());
                let length = self.waiting.len().min(space);
                self.engine_words.extend_from_slice(&self.waiting[..length]);
            }
        }
        self.waiting.clear();
        Ok(())
    }

    fn finish(mut self) -> Outcome {
        self.flush()?;
        self.stdout.finish()?;
        self.stderr.finish()?;
        if !self.engine_words.is_empty() {
            let words = String::from_utf8_lossy(&self.engine_words);
            return Err(Failure::new(format!("failed to read the log: {}", words.trim())));
        }
        if self.frames.is_some_and(|frames| !frames.at_boundary()) {
            return Err(Failure::new("failed to read the log: it broke off")
                .hint("the machine or its engine may have ended; see `pinnace status`"));
        }
        Ok(Exit::Success)
    }
}
