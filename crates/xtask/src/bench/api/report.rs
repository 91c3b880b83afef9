//! The table of three doors.

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use super::{super::table, bed::Door};

/// A figure through every door over all rounds, in the order of the rounds.
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    pub values: Vec<(Door, f64)>,
    pub goal: Goal,
}

/// What the endpoint is to reach.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most so many times dockerd's own.
    AtMost(f64),
    /// The same, and less than socat's.
    AtMostAndBelowSocat(f64),
    /// At least so much of dockerd's own.
    AtLeast(f64),
    /// By itself, at most so much.
    Below(f64),
    None,
}

impl Figure {
    pub fn of(&self, door: Door) -> Vec<f64> {
        let values = self.values.iter().filter(|(found, _)| *found == door);
        values.map(|(_, value)| *value).collect()
    }

    /// Round by round, so that a drift of the host's speed cancels.
    fn ratio(&self, door: Door) -> Option<f64> {
        let ratios: Vec<f64> = self
            .of(door)
            .into_iter()
            .zip(self.of(Door::Direct))
            .filter(|(_, direct)| *direct > 0.0)
            .map(|(value, direct)| value / direct)
            .collect();
        (!ratios.is_empty()).then(|| table::median(&ratios))
    }

    fn goal(&self) -> (String, Option<bool>) {
        let ours = self.ratio(Door::Pinnace);
        match self.goal {
            Goal::AtMost(most) => (format!("≤ {most}"), ours.map(|ours| ours <= most)),
            Goal::AtMostAndBelowSocat(most) => {
                let socat = self.ratio(Door::Socat).unwrap_or(f64::MAX);
                (
                    format!("≤ {most}, < socat"),
                    ours.map(|ours| ours <= most && ours < socat),
                )
            }
            Goal::AtLeast(least) => (format!("≥ {least}"), ours.map(|ours| ours >= least)),
            Goal::Below(most) => {
                let value = table::median(&self.of(Door::Pinnace));
                (format!("≤ {most} {}", self.unit), Some(value <= most))
            }
            Goal::None => (String::new(), None),
        }
    }
}

/// Renders figures as a Markdown table.
pub fn render(figures: &[Figure]) -> String {
    let mut rendered = Table::new();
    rendered.load_style(ASCII_MARKDOWN);
    rendered.set_header([
        "figure", "unit", "direct", "spread", "socat", "ratio", "Pinnace", "spread", "ratio", "goal", "",
    ]);
    for figure in figures {
        let median = |door| {
            let values = figure.of(door);
            if values.is_empty() {
                String::new()
            } else {
                table::number(table::median(&values))
            }
        };
        let ratio = |door| figure.ratio(door).map(table::number).unwrap_or_default();
        let (goal, met) = figure.goal();
        rendered.add_row([
            figure.name.clone(),
            figure.unit.to_owned(),
            median(Door::Direct),
            table::spread(&figure.of(Door::Direct)),
            median(Door::Socat),
            ratio(Door::Socat),
            median(Door::Pinnace),
            table::spread(&figure.of(Door::Pinnace)),
            ratio(Door::Pinnace),
            goal,
            met.map_or("", |met| if met { "met" } else { "missed" })
                .to_owned(),
        ]);
    }
    rendered.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(values: [f64; 3], goal: Goal) -> String {
        let figure = Figure {
            name: "x".to_owned(),
            unit: "µs",
            values: Door::ALL.into_iter().zip(values).collect(),
            goal,
        };
        render(&[figure]).lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn render_says_whether_each_kind_of_goal_is_met() {
        let check = |values, goal, met: bool| {
            let row = verdict(values, goal);
            assert_eq!(row.contains("met"), met, "{row}");
            assert_eq!(row.contains("missed"), !met, "{row}");
        };
        check([10.0, 20.0, 15.0], Goal::AtMostAndBelowSocat(1.6), true);
        check([10.0, 14.0, 15.0], Goal::AtMostAndBelowSocat(1.6), false);
        check([10.0, 20.0, 17.0], Goal::AtMostAndBelowSocat(1.6), false);
        check([10.0, 1.0, 15.0], Goal::AtMost(1.5), true);
        check([10.0, 1.0, 9.0], Goal::AtLeast(0.85), true);
        check([10.0, 1.0, 8.0], Goal::AtLeast(0.85), false);
        check([0.0, 0.0, 17.0], Goal::Below(16.0), false);
    }
}
