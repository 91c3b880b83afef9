//! A stream of somebody else's bytes: harmless on a terminal, the bytes as they are elsewhere.

use std::io::{self, IsTerminal as _};

use crate::{failure::Failure, harmless::Cleaner, output};

/// Prints one stream to one output.
pub struct Printer {
    output: Output,
    /// What makes it harmless, on a terminal.
    cleaner: Option<Cleaner>,
}

/// Where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Stdout,
    Stderr,
}

impl Printer {
    /// Prints to stdout.
    pub fn stdout() -> Self {
        Self::new(Output::Stdout, io::stdout().is_terminal())
    }

    /// Prints to stderr.
    pub fn stderr() -> Self {
        Self::new(Output::Stderr, io::stderr().is_terminal())
    }

    fn new(output: Output, on_terminal: bool) -> Self {
        Self {
            output,
            cleaner: on_terminal.then(Cleaner::default),
        }
    }

    /// Prints the next piece.
    pub fn print(&mut self, piece: &[u8]) -> Result<(), Failure> {
        match &mut self.cleaner {
            Some(cleaner) => {
                let clean = cleaner.push(piece);
                self.write(clean.as_bytes())
            }
            None => self.write(piece),
        }
    }

    /// Prints what is left when the stream has ended.
    pub fn finish(mut self) -> Result<(), Failure> {
        match self.cleaner.take() {
            Some(cleaner) => self.write(cleaner.finish().as_bytes()),
            None => Ok(()),
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        match self.output {
            Output::Stdout => output::bytes(bytes),
            Output::Stderr => {
                output::error_bytes(bytes);
                Ok(())
            }
        }
    }
}
