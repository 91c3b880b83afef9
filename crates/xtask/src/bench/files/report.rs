//! The tables: what was measured in each place, and how many times as good Pinnace is.

use std::collections::BTreeMap;

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use super::{
    place::Place,
    rows::{Amount, Goals, Part},
};
use crate::bench::table::{median, number};

/// A figure in all places over all rounds.
pub struct Figure {
    pub name: String,
    pub goals: Goals,
    amount: Amount,
    rounds: usize,
    /// By round; a gap where it could not be measured.
    values: BTreeMap<Place, Vec<Option<f64>>>,
}

impl Figure {
    pub fn new(part: &Part, rounds: usize) -> Self {
        Self {
            name: part.name.clone(),
            goals: part.goals,
            amount: part.amount,
            rounds,
            values: BTreeMap::new(),
        }
    }

    pub fn put(&mut self, place: Place, round: usize, value: f64) {
        let rounds = self.rounds;
        let values = self.values.entry(place).or_insert_with(|| vec![None; rounds]);
        if let Some(slot) = values.get_mut(round) {
            *slot = Some(value);
        }
    }

    /// What was measured in a place, in the order of the rounds.
    fn of(&self, place: Place) -> Vec<f64> {
        self.values
            .get(&place)
            .map(|values| values.iter().copied().flatten().collect())
            .unwrap_or_default()
    }

    /// How many times as good as there Pinnace is: above 1 is better, whatever the unit. Round by round, so that a drift of
    /// the host's speed cancels.
    pub fn advantage(&self, peer: Place) -> Option<f64> {
        let pairs = self
            .values
            .get(&Place::Pinnace)?
            .iter()
            .zip(self.values.get(&peer)?);
        let ratios: Vec<f64> = pairs
            .filter_map(|(ours, theirs)| ours.zip(*theirs))
            .filter(|(ours, theirs)| *ours > 0.0 && *theirs > 0.0)
            .map(|(ours, theirs)| {
                if self.amount.is_better_higher() {
                    ours / theirs
                } else {
                    theirs / ours
                }
            })
            .collect();
        (!ratios.is_empty()).then(|| median(&ratios))
    }
}

/// Medians, and after ± the median distance from them.
pub fn values(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    let names = Place::ALL.iter().map(|place| place.name());
    table.set_header(["figure", "unit"].into_iter().chain(names));
    for figure in figures {
        let cells = Place::ALL.iter().map(|place| cell(&figure.of(*place)));
        let head = [figure.name.clone(), figure.amount.unit().to_owned()];
        table.add_row(head.into_iter().chain(cells));
    }
    table.to_string()
}

/// How many times as good as each peer Pinnace is.
pub fn ratios(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    let names = Place::PEERS.iter().map(|place| place.name());
    table.set_header(["times as good as"].into_iter().chain(names));
    let shown = |ratio: Option<f64>| ratio.map(number).unwrap_or_default();
    for figure in figures {
        let cells = Place::PEERS.iter().map(|place| shown(figure.advantage(*place)));
        table.add_row([figure.name.clone()].into_iter().chain(cells));
    }
    let means = Place::PEERS.iter().map(|place| shown(mean(figures, *place)));
    table.add_row(["geometric mean".to_owned()].into_iter().chain(means));
    table.to_string()
}

/// The geometric mean over all figures that both have.
pub fn mean(figures: &[Figure], peer: Place) -> Option<f64> {
    let logarithms: Vec<f64> = figures
        .iter()
        .filter_map(|figure| figure.advantage(peer))
        .map(f64::ln)
        .collect();
    (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
}

fn cell(values: &[f64]) -> String {
    match values {
        [] => String::new(),
        [one] => short(*one),
        more => {
            let middle = median(more);
            let distances: Vec<f64> = more.iter().map(|value| (value - middle).abs()).collect();
            format!("{} ± {}", short(middle), short(median(&distances)))
        }
    }
}

/// With three digits also where little time is measured.
fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.1 {
        format!("{value:.4}")
    } else {
        number(value)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::files::worker::{Job, Order};

    /// A figure with what was measured in each place, by round.
    pub fn figure(goals: Goals, amount: Amount, values: &[(Place, &[f64])]) -> Figure {
        let part = Part {
            name: "x".to_owned(),
            order: Order::once(Job::Remove {
                folder: "x".to_owned(),
            }),
            amount,
            goals,
        };
        let mut figure = Figure::new(
            &part,
            values
                .iter()
                .map(|(_, by_round)| by_round.len())
                .max()
                .unwrap_or(0),
        );
        for (place, by_round) in values {
            for (round, value) in by_round.iter().enumerate() {
                figure.put(*place, round, *value);
            }
        }
        figure
    }

    #[test]
    fn advantage_depends_on_which_is_better() {
        let values: [(Place, &[f64]); 2] = [(Place::Pinnace, &[4.0]), (Place::Sshfs, &[2.0])];
        let check = |amount, wanted| {
            let figure = figure(Goals::Together, amount, &values);
            assert_eq!(figure.advantage(Place::Sshfs), Some(wanted));
            assert_eq!(figure.advantage(Place::NineP), None);
        };
        check(Amount::Seconds, 0.5);
        check(Amount::PerSecond(1.0, "1/s"), 2.0);
    }

    #[test]
    fn advantage_with_a_gap_compares_the_same_rounds() {
        let mut figure = figure(
            Goals::Together,
            Amount::Seconds,
            &[(Place::Pinnace, &[1.0, 2.0, 4.0])],
        );
        figure.put(Place::NineP, 0, 2.0);
        figure.put(Place::NineP, 2, 8.0);
        assert_eq!(figure.advantage(Place::NineP), Some(2.0));
    }

    #[test]
    fn mean_is_geometric() {
        let of = |theirs: &[f64]| {
            figure(
                Goals::Together,
                Amount::Seconds,
                &[(Place::Pinnace, &[1.0]), (Place::NineP, theirs)],
            )
        };
        let mean = mean(&[of(&[8.0]), of(&[2.0])], Place::NineP).unwrap_or_default();
        assert!((mean - 4.0).abs() < 1e-9, "{mean}");
        assert_eq!(super::mean(&[], Place::NineP), None);
    }

    #[test]
    fn tables_without_a_peer_have_a_gap_and_show_a_loss() {
        let figure = figure(
            Goals::Together,
            Amount::Seconds,
            &[(Place::Pinnace, &[4.0, 6.0]), (Place::Native, &[1.0, 1.0])],
        );
        let text = values(std::slice::from_ref(&figure));
        assert!(text.contains("5.00 ± 1.00"), "{text}");
        let text = ratios(&[figure]);
        assert!(text.contains("0.21"), "{text}");
    }
}
