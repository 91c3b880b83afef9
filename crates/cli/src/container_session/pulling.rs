//! How far a pull is: one bar on a terminal, two lines elsewhere.

use std::time::Duration;

use api::SessionEvent;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{harmless, output};

/// Shows a pull on stderr. Dropping it removes what is unfinished from the terminal.
#[derive(Default)]
pub struct Pulling {
    bar: Option<ProgressBar>,
}

impl Pulling {
    /// Shows an event, if it is about a pull.
    pub fn show(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Pulling {
                image,
                layers_done,
                layers,
                bytes,
                total_bytes,
            } => {
                let bar = self.bar.get_or_insert_with(|| begin(image));
                bar.set_length(*total_bytes);
                bar.set_position(*bytes);
                bar.set_message(format!(
                    "{}: {layers_done} of {layers} layers",
                    harmless::line(image)
                ));
            }
            SessionEvent::Pulled { image } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                output::note(&format!("pulled {}", harmless::line(image)));
            }
            _ => {}
        }
    }
}

impl Drop for Pulling {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn begin(image: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if bar.is_hidden() {
        output::note(&format!("pulling {}", harmless::line(image)));
    }
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {bytes} of {total_bytes}  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
