//! Runs cells of the matrix, many at a time: all clients are started, all is done to them, and then all are watched.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};

use super::{
    bed::Live,
    cell::{Cell, Outcome, Surface},
    facts::Facts,
    interpreters,
};
use crate::{Door, EngineEvents, Machine, at_once};

/// Cells at one time, at most. Each is a client, a container and its shim, which wait most of the time: how long a batch
/// takes, its slowest cell decides.
const CELLS_AT_ONCE: usize = 64;
/// The guard's longest waits, with the setting `interrupt_wait_s` beside them: its grace after a client's end, and as
/// much again for a busy host.
const GRACE: Duration = Duration::from_secs(2);
const MARGIN: Duration = Duration::from_secs(4);
/// A container's own time to stop is 10 s. The rest is for a busy host.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Runs the cells through a door; fails with every cell that came out otherwise. `interrupt_wait` is the guard's.
pub fn run(machine: &Machine, door: &Door, cells: &[Cell], interrupt_wait: Duration) -> Result<()> {
    let begun = Instant::now();
    if cells
        .iter()
        .any(|cell| cell.pid1.image() == interpreters::INTERPRETERS)
    {
        interpreters::import(machine)?;
    }
    let mut failures = Vec::new();
    let batches = cells.len().div_ceil(CELLS_AT_ONCE).max(1);
    for (number, batch) in cells.chunks(cells.len().div_ceil(batches).max(1)).enumerate() {
        failures.extend(Batch::run(machine, door, batch, number, interrupt_wait)?);
    }
    let count = cells.len();
    let note = format!("{count} cells through {} in {:?}", door.name(), begun.elapsed());
    machine.home.journal().note(&note);
    ensure!(
        failures.is_empty(),
        "{} of {count} cells through {} came out otherwise:\n\n{}\n",
        failures.len(),
        door.name(),
        failures.join("\n\n")
    );
    Ok(())
}

struct Batch<'a> {
    machine: &'a Machine,
    events: EngineEvents,
    /// How long a container that stays is watched after the last that happened to its client.
    watch: Duration,
    stop_limit: Duration,
}

/// What came of a cell.
type Verdict = Result<(), String>;

impl<'a> Batch<'a> {
    fn run(
        machine: &'a Machine,
        door: &Door,
        cells: &[Cell],
        number: usize,
        interrupt_wait: Duration,
    ) -> Result<Vec<String>> {
        let name = |index: usize| format!("m{number}-{index}");
        let batch = Self {
            machine,
            events: EngineEvents::follow(&machine.docker)?,
            watch: GRACE + interrupt_wait + MARGIN,
            stop_limit: STOP_LIMIT.max(machine.driver.patience() / 2),
        };
        let started = at_once::each(cells.len(), |index| {
            Live::start(machine, door, cells[index], name(index))
        });
        let mut failures = Vec::new();
        let mut lives = Vec::new();
        for (live, cell) in started.into_iter().zip(cells) {
            match live {
                Ok(live) => lives.push(live),
                Err(error) => failures.push(format!("{cell}\n  did not begin: {error:#}")),
            }
        }
        failures.extend(batch.wait_ready(&mut lives)?);
        let acted = batch.act(&mut lives);
        for (error, live) in acted.into_iter().zip(&lives) {
            if let Err(error) = error {
                failures.push(batch.describe(live, &format!("could not be done: {error:#}")));
            }
        }
        failures.extend(batch.judge(&mut lives)?);
        let names: Vec<String> = (0..cells.len()).map(name).collect();
        machine
            .docker
            .run(["rm", "--force", "--volumes"])
            .args(&names)
            .run()?;
        Ok(failures)
    }

    /// Waits until every cell is where it begins; takes out those that do not get there.
    fn wait_ready(&self, lives: &mut Vec<Live>) -> Result<Vec<String>> {
        let deadline = Instant::now() + self.machine.driver.patience();
        let mut ready = vec![false; lives.len()];
        while Instant::now() < deadline {
            let facts = Facts::look(self.machine)?;
            for (live, ready) in lives.iter().zip(&mut ready) {
                *ready = *ready || live.is_ready(self.machine, &facts, &self.events)?;
            }
            if ready.iter().all(|ready| *ready) {
                return Ok(Vec::new());
            }
        }
        let mut failures = Vec::new();
        let mut states = ready.into_iter();
        lives.retain(|live| {
            let is_ready = states.next() == Some(true);
            if !is_ready {
                failures.push(self.describe(live, "did not get to where it begins"));
            }
            is_ready
        });
        Ok(failures)
    }

    fn act(&self, lives: &mut [Live]) -> Vec<Result<()>> {
        let slots: Vec<_> = lives
            .iter_mut()
            .map(|live| std::sync::Mutex::new(Some(live)))
            .collect();
        at_once::each(slots.len(), |index| {
            let live = slots[index].lock().ok().and_then(|mut slot| slot.take());
            live.ok_or_else(|| anyhow!("a cell was taken twice"))?
                .act(self.machine, &self.events)
        })
    }

    /// Watches until every cell has come out one way or the other. Those that stay are watched at least until those that
    /// stop have: so the guard was awake all the time.
    fn judge(&self, lives: &mut [Live]) -> Result<Vec<String>> {
        let mut verdicts: BTreeMap<usize, Verdict> = BTreeMap::new();
        while verdicts.len() < lives.len() {
            std::thread::sleep(Duration::from_millis(250));
            let running = self.running()?;
            let facts = lives.iter().any(|live| live.cell.surface == Surface::ExecIt);
            let facts = if facts {
                Some(Facts::look(self.machine)?)
            } else {
                None
            };
            let stopping = lives
                .iter()
                .enumerate()
                .any(|(index, live)| live.cell.outcome == Outcome::Stops && !verdicts.contains_key(&index));
            for (index, live) in lives.iter_mut().enumerate() {
                live.notice_end()?;
                if verdicts.contains_key(&index) {
                    continue;
                }
                let container = running.contains(&live.name);
                let runs = match &facts {
                    Some(facts) if live.cell.surface == Surface::ExecIt => facts.has_exec(&live.name),
                    _ => container,
                };
                let since = live.since.map_or(Duration::ZERO, |since| since.elapsed());
                if live.since.is_none() {
                    // What could not be done has failed already.
                    verdicts.insert(index, Ok(()));
                } else if let Some(verdict) = self.verdict(live, container, runs, since, stopping) {
                    verdicts.insert(index, verdict);
                }
            }
        }
        Ok(verdicts.into_values().filter_map(Verdict::err).collect())
    }

    fn verdict(
        &self,
        live: &Live,
        container: bool,
        runs: bool,
        since: Duration,
        others_stop: bool,
    ) -> Option<Verdict> {
        let failed = |what: &str| Some(Err(self.describe(live, what)));
        match live.cell.outcome {
            _ if live.cell.surface == Surface::ExecIt && !container => failed("the container itself stopped"),
            Outcome::Stops if !runs => Some(Ok(())),
            Outcome::Stops if since > self.stop_limit => failed("still runs"),
            Outcome::Stays if !runs => failed("stopped"),
            Outcome::Stays if since > self.watch && !others_stop => Some(Ok(())),
            _ => None,
        }
    }

    /// The names of the containers that run.
    fn running(&self) -> Result<Vec<String>> {
        let list = self
            .machine
            .docker
            .run(["ps", "--format", "{{.Names}}"])
            .quietly()
            .text()?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    fn describe(&self, live: &Live, what: &str) -> String {
        let events: Vec<String> = self
            .events
            .of(&live.name)
            .into_iter()
            .map(|event| format!("{} {}", event.action, event.detail).trim_end().to_owned())
            .collect();
        format!(
            "{} ({})\n  {what}; client {}, {:.1} s after the last that happened to it\n  events: {}\n  screen: {:?}",
            live.cell,
            live.name,
            if live.gone { "gone" } else { "there" },
            live.since.map_or(0.0, |since| since.elapsed().as_secs_f64()),
            events.join(", "),
            live.terminal.screen()
        )
    }
}
