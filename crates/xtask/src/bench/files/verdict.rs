//! The goals, and whether they were met.

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use super::{
    place::Place,
    report::{self, Figure},
    rows::Goals,
};
use crate::bench::table::number;

/// Warm metadata beside sshfs.
const SSHFS: f64 = 3.0;
/// Warm metadata beside virtiofs that asks again.
const VIRTIOFS: f64 = 1.0;
/// What is remembered beside the machine's own disk.
const LOCAL: f64 = 0.9;
/// All figures together beside the peers that show what changes on the host.
const COHERENT: f64 = 1.3;

/// A goal and what was reached.
struct Line {
    name: String,
    peer: Place,
    goal: f64,
    reached: Option<f64>,
}

/// Renders a line for every goal, also for those that were missed or could not be measured.
pub fn goals(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(["goal", "beside", "times as good", "wanted", ""]);
    for line in lines(figures) {
        table.add_row([
            line.name.clone(),
            line.peer.name().to_owned(),
            line.reached.map(number).unwrap_or_default(),
            format!("≥ {}", line.goal),
            line.verdict().to_owned(),
        ]);
    }
    table.to_string()
}

impl Line {
    fn verdict(&self) -> &'static str {
        match self.reached {
            None => "not measured",
            Some(reached) if reached >= self.goal => "pass",
            Some(_) => "lose",
        }
    }
}

fn lines(figures: &[Figure]) -> Vec<Line> {
    let mut lines = Vec::new();
    for figure in figures {
        let goals: &[(Place, f64)] = match figure.goals {
            Goals::Together => &[],
            Goals::Metadata => &[(Place::Sshfs, SSHFS), (Place::VirtiofsAuto, VIRTIOFS)],
            Goals::Remembered => &[
                (Place::Sshfs, SSHFS),
                (Place::VirtiofsAuto, VIRTIOFS),
                (Place::Local, LOCAL),
            ],
        };
        lines.extend(goals.iter().map(|(peer, goal)| Line {
            name: figure.name.clone(),
            peer: *peer,
            goal: *goal,
            reached: figure.advantage(*peer),
        }));
    }
    lines.extend(Place::COHERENT.map(|peer| Line {
        name: "all figures, geometric mean".to_owned(),
        peer,
        goal: COHERENT,
        reached: report::mean(figures, peer),
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files::{report::tests::figure, rows::Amount};

    fn verdicts(goals: Goals, values: &[(Place, &[f64])]) -> Vec<(Place, &'static str)> {
        lines(&[figure(goals, Amount::Seconds, values)])
            .iter()
            .map(|line| (line.peer, line.verdict()))
            .collect()
    }

    #[test]
    fn goals_of_remembered_metadata_met_missed_and_not_measured() {
        let found = verdicts(
            Goals::Remembered,
            &[
                (Place::Pinnace, &[1.0]),
                (Place::Sshfs, &[2.9]),
                (Place::Local, &[0.95]),
                (Place::NineP, &[1.3]),
            ],
        );
        assert_eq!(
            found,
            [
                (Place::Sshfs, "lose"),
                (Place::VirtiofsAuto, "not measured"),
                (Place::Local, "pass"),
                (Place::VirtiofsAuto, "not measured"),
                (Place::NineP, "pass"),
            ]
        );
    }

    #[test]
    fn goals_of_other_figures_are_those_of_all_together() {
        let found = verdicts(
            Goals::Together,
            &[(Place::Pinnace, &[1.0]), (Place::VirtiofsAuto, &[1.2])],
        );
        assert_eq!(
            found,
            [(Place::VirtiofsAuto, "lose"), (Place::NineP, "not measured")]
        );
    }
}
