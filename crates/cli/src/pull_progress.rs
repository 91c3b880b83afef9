//! What a user sees while an image is pulled: a bar per layer on a terminal, a line per change elsewhere.

use std::collections::HashMap;

use engine_client::PullStep;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{harmless, output};

/// Layers that are shown. The engine's answer is as long as it likes.
const MOST_LAYERS: usize = 256;

/// Shows a pull on stderr. Dropping it removes what is unfinished from the terminal.
pub struct PullProgress {
    bars: MultiProgress,
    layers: HashMap<String, Layer>,
    /// The tag or digest: steps that name it are about the whole image.
    version: String,
}

struct Layer {
    bar: ProgressBar,
    status: String,
}

impl PullProgress {
    /// Shows nothing yet.
    pub fn new(version: &str) -> Self {
        Self {
            bars: MultiProgress::new(),
            layers: HashMap::new(),
            version: version.to_owned(),
        }
    }

    /// Shows the next step.
    pub fn show(&mut self, step: &PullStep) {
        let Some(status) = &step.status else { return };
        match &step.id {
            Some(id) if *id != self.version => self.show_layer(id, status, step),
            Some(id) => self.message(&format!("{id}: {status}")),
            None => self.message(status),
        }
    }

    fn show_layer(&mut self, id: &str, status: &str, step: &PullStep) {
        if !self.layers.contains_key(id) {
            if self.layers.len() >= MOST_LAYERS {
                return;
            }
            let layer = Layer {
                bar: self.bars.add(bar(id)),
                status: String::new(),
            };
            self.layers.insert(id.to_owned(), layer);
        }
        let Some(layer) = self.layers.get_mut(id) else {
            return;
        };
        let changed = layer.status != status;
        if changed {
            status.clone_into(&mut layer.status);
            layer.bar.set_message(harmless::line(status));
        }
        if let Some(progress) = step.progress {
            // Without a total it is no bar.
            if let (Some(current), Some(total)) =
                (progress.current, progress.total.filter(|total| *total > 0))
            {
                layer.bar.set_length(total);
                layer.bar.set_position(current.min(total));
            }
        }
        if changed && self.bars.is_hidden() {
            output::note(&harmless::line(&format!("{id}: {status}")));
        }
    }

    fn message(&self, text: &str) {
        let text = harmless::line(text);
        if self.bars.is_hidden() {
            output::note(&text);
        } else {
            self.bars.suspend(|| output::note(&text));
        }
    }
}

impl Drop for PullProgress {
    fn drop(&mut self) {
        for layer in self.layers.values() {
            layer.bar.finish_and_clear();
        }
    }
}

fn bar(id: &str) -> ProgressBar {
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template(
        "{prefix} {wide_bar:.cyan} {binary_bytes:>11}/{binary_total_bytes:11} {msg:18}",
    ) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(format!("{:12}", harmless::line(id)));
    bar
}
