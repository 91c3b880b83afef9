//! The table of three doors.

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use super::door::Door;
use crate::bench::table::{median, number};

/// A figure through the doors over all rounds, in the order of the rounds.
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    pub values: Vec<(Door, f64)>,
    pub better: Better,
}

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

impl Figure {
    fn of(&self, door: Door) -> Vec<f64> {
        let values = self.values.iter().filter(|(found, _)| *found == door);
        values.map(|(_, value)| *value).collect()
    }

    /// How ours compares with a peer's, round by round, so that a drift of the host's speed cancels.
    fn ratio(&self, peer: Door) -> Option<f64> {
        let ratios: Vec<f64> = self
            .of(Door::Pinnace)
            .into_iter()
            .zip(self.of(peer))
            .filter(|(_, peer)| *peer > 0.0)
            .map(|(ours, peer)| ours / peer)
            .collect();
        (!ratios.is_empty()).then(|| median(&ratios))
    }

    /// In a word, who is the best.
    fn verdict(&self) -> &'static str {
        let ratios: Vec<f64> = [Door::Hostfwd, Door::Ssh]
            .into_iter()
            .filter_map(|peer| self.ratio(peer))
            .collect();
        let wins = |ratio: &f64| match self.better {
            Better::Higher => *ratio >= 1.0,
            Better::Lower => *ratio <= 1.0,
        };
        match ratios.iter().filter(|ratio| wins(ratio)).count() {
            _ if ratios.is_empty() => "",
            count if count == ratios.len() => "ahead",
            0 => "behind",
            _ => "between",
        }
    }
}

/// Renders figures as a Markdown table: medians and, after ±, the median absolute deviation.
pub fn render(figures: &[Figure]) -> String {
    let mut rendered = Table::new();
    rendered.load_style(ASCII_MARKDOWN);
    rendered.set_header([
        "figure",
        "unit",
        "Pinnace",
        "hostfwd",
        "ssh -L",
        "Pinnace / hostfwd",
        "Pinnace / ssh -L",
        "",
    ]);
    for figure in figures {
        let ratio = |peer| figure.ratio(peer).map(number).unwrap_or_default();
        rendered.add_row([
            figure.name.clone(),
            figure.unit.to_owned(),
            cell(&figure.of(Door::Pinnace)),
            cell(&figure.of(Door::Hostfwd)),
            cell(&figure.of(Door::Ssh)),
            ratio(Door::Hostfwd),
            ratio(Door::Ssh),
            figure.verdict().to_owned(),
        ]);
    }
    rendered.to_string()
}

fn cell(values: &[f64]) -> String {
    match values {
        [] => String::new(),
        [one] => number(*one),
        more => format!("{} ± {}", number(median(more)), number(deviation(more))),
    }
}

/// The median distance from the median.
fn deviation(values: &[f64]) -> f64 {
    let middle = median(values);
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&distances)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(better: Better, rounds: &[[f64; 3]]) -> Figure {
        let values = rounds.iter().flat_map(|round| Door::ALL.into_iter().zip(*round));
        Figure {
            name: "x".to_owned(),
            unit: "ms",
            values: values.collect(),
            better,
        }
    }

    #[test]
    fn verdict_depends_on_which_is_better() {
        let check = |better, round, wanted| assert_eq!(figure(better, &[round]).verdict(), wanted);
        check(Better::Higher, [3.0, 2.0, 1.0], "ahead");
        check(Better::Lower, [3.0, 2.0, 1.0], "behind");
        check(Better::Lower, [1.5, 2.0, 1.0], "between");
    }

    #[test]
    fn render_without_peers_has_no_ratio() {
        let mut alone = figure(Better::Lower, &[[4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]);
        alone.values.retain(|(door, _)| *door == Door::Pinnace);
        let row = render(&[alone]).lines().last().unwrap_or_default().to_owned();
        assert!(row.contains("5.00 ± 1.00") && !row.contains("ahead"), "{row}");
    }

    #[test]
    fn deviation_of_an_outlier_is_small() {
        assert_eq!(deviation(&[1.0, 1.0, 2.0, 2.0, 90.0]), 1.0);
    }
}
