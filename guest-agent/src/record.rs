//! The agent's own records: kept in a ring for the host, and written where the console shows them.
//!
//! A small `tracing` subscriber without spans or filters: the agent is loaded into every machine, and what it and the
//! link have to tell is little.

use std::{
    fmt::{self, Write as _},
    fs::{File, OpenOptions},
    io::Write as _,
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{clock::Uptime, ring::LogRing};

const RING_BYTES: usize = 256 * 1024;

/// Where records go besides the ring.
#[derive(Debug)]
pub enum Sink {
    /// The kernel's log, which shows on the console.
    Kernel(File),
    /// Standard error, when the agent is an ordinary process.
    StandardError,
    /// Nowhere.
    Nowhere,
}

impl Sink {
    /// The kernel's log where it can be opened.
    pub fn kernel() -> Self {
        OpenOptions::new()
            .write(true)
            .open("/dev/kmsg")
            .map_or(Self::Nowhere, Self::Kernel)
    }

    fn write(&self, level: Level, line: &str) {
        // A record that cannot be written is in the ring; there is nobody else to tell.
        let _ = match self {
            Self::Kernel(file) => {
                // Priorities of syslog(2): error 3, warning 4, info 6.
                let priority = if level == Level::ERROR {
                    3
                } else if level == Level::WARN {
                    4
                } else {
                    6
                };
                let mut file: &File = file;
                file.write_all(format!("<{priority}>pinnace: {line}\n").as_bytes())
            }
            Self::StandardError => std::io::stderr().write_all(format!("{line}\n").as_bytes()),
            Self::Nowhere => Ok(()),
        };
    }
}

/// Starts recording; returns the ring that the records are kept in. Called once, before the agent forks.
pub fn start(sink: Sink, uptime: Uptime) -> LogRing {
    let ring = LogRing::new(RING_BYTES);
    let recorder = Recorder {
        ring: ring.clone(),
        sink,
        uptime,
    };
    // It fails only when a recorder is there already; then that one goes on.
    let _ = tracing::subscriber::set_global_default(recorder);
    ring
}

struct Recorder {
    ring: LogRing,
    sink: Sink,
    uptime: Uptime,
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = *event.metadata().level();
        let word = level.as_str().to_ascii_lowercase();
        let body = format!("{word} {}{}", text.message, text.fields);
        let uptime_ms = self.uptime.now_ms();
        self.ring
            .push(&format!("{}.{:03} {body}", uptime_ms / 1000, uptime_ms % 1000));
        self.sink.write(level, &body);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Collects an event: its message, then ` key=value` for each field.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_kept_with_level_message_and_fields() {
        let ring = LogRing::new(1000);
        let recorder = Recorder {
            ring: ring.clone(),
            sink: Sink::Nowhere,
            uptime: Uptime::since_kernel_boot(),
        };
        tracing::subscriber::with_default(recorder, || {
            tracing::warn!(port = 7, name = "x", "stream lost");
            tracing::debug!("not kept");
        });
        let kept = ring.tail(10).lines;
        assert_eq!(kept.len(), 1);
        assert!(
            kept[0].ends_with("warn stream lost port=7 name=\"x\""),
            "{}",
            kept[0]
        );
    }
}
