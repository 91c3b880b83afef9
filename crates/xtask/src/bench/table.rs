//! Medians, spreads, ratios, and the words around them.

use anyhow::Result;
use comfy_table::{Table, presets::ASCII_MARKDOWN};

use crate::shell;

/// One figure of both machines over all rounds, in the order of the rounds.
pub struct Row {
    /// What is measured.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// Pinnace's values.
    pub ours: Vec<f64>,
    /// The stock machine's values; empty where it has no such figure.
    pub stock: Vec<f64>,
    /// The ratio to reach, where there is one.
    pub goal: Option<f64>,
}

/// Renders rows as a Markdown table.
pub fn render(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header([
        "figure", "unit", "Pinnace", "spread", "stock", "spread", "ratio", "goal", "",
    ]);
    for row in rows {
        let (ours, stock) = (median(&row.ours), median(&row.stock));
        let ratio = ratios(row).map(|ratios| median(&ratios));
        let verdict = match (ratio, row.goal) {
            (Some(ratio), Some(goal)) if ratio <= goal => "met",
            (Some(_), Some(_)) => "missed",
            _ => "",
        };
        table.add_row([
            row.name.clone(),
            row.unit.to_owned(),
            number(ours),
            spread(&row.ours),
            if row.stock.is_empty() {
                String::new()
            } else {
                number(stock)
            },
            spread(&row.stock),
            ratio.map(number).unwrap_or_default(),
            row.goal.map(|goal| format!("≤ {goal}")).unwrap_or_default(),
            verdict.to_owned(),
        ]);
    }
    table.to_string()
}

/// Ratios round by round, so that a drift of the host's speed cancels.
fn ratios(row: &Row) -> Option<Vec<f64>> {
    let pairs = row.ours.iter().zip(&row.stock);
    let ratios: Vec<f64> = pairs
        .filter(|(_, stock)| **stock > 0.0)
        .map(|(ours, stock)| ours / stock)
        .collect();
    (!ratios.is_empty()).then_some(ratios)
}

/// The median; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The least and the most; nothing where there are not two.
pub fn spread(values: &[f64]) -> String {
    if values.len() < 2 {
        return String::new();
    }
    let (low, high) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    format!("{} to {}", number(low), number(high))
}

/// A figure with three digits or so.
pub fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// One line on the machine that the figures come from.
pub fn machine_description() -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map_or("", |l| l.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism()?.get();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .unwrap_or_default();
    let kernel = String::from_utf8_lossy(&shell::output(shell::command("uname").arg("-sr"))?)
        .trim()
        .to_owned();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!(
        "host: {cores} × {model}, {} GiB, {kernel}, load average before the run {load}",
        kib >> 20
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_takes_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn render_publishes_a_missed_goal() {
        let row = Row {
            name: "x".into(),
            unit: "s",
            ours: vec![4.0],
            stock: vec![8.0],
            goal: Some(0.35),
        };
        let text = render(&[row]);
        assert!(text.contains("0.50") && text.contains("missed"), "{text}");
    }
}
