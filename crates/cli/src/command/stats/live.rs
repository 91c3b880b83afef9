//! Figures that renew themselves on a terminal, once a second.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use engine_client::{Engine, EngineError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};

use super::{Figures, Row, chosen, table};
use crate::{command::Outcome, failure::Exit};

/// What came of one container: its figures, or the end of them.
type Told = (String, Result<Option<Figures>, EngineError>);

/// Shows the figures of those that are named until they are all gone, or of all that run, those that come later
/// included.
pub async fn run(engine: &Engine, names: &[String]) -> Outcome {
    let screen = screen();
    let (teller, mut told) = mpsc::channel(64);
    let mut watched = Watched {
        engine: engine.clone(),
        teller,
        tasks: JoinSet::new(),
        handles: HashMap::new(),
    };
    let mut shown = chosen(engine, names).await?;
    watched.follow(&shown);
    let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some((id, news)) = told.recv() => match news {
                Ok(Some(new)) => {
                    figures.insert(id, new);
                }
                Ok(None) => forget(&id, &mut shown, &mut figures),
                Err(error) if error.is_not_found() => forget(&id, &mut shown, &mut figures),
                Err(error) => return Err(error.into()),
            },
            _ = ticks.tick() => {
                if names.is_empty() {
                    shown = chosen(engine, names).await?;
                    watched.follow(&shown);
                    figures.retain(|id, _| shown.iter().any(|(shown, _)| shown == id));
                } else if shown.is_empty() {
                    return Ok(Exit::Success);
                }
                screen.set_message(text(&shown, &figures));
                screen.tick();
            }
        }
    }
}

/// What takes the same lines of the terminal again and again, and leaves them in the end.
fn screen() -> ProgressBar {
    let screen = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout())
        .with_finish(ProgressFinish::Abandon);
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        screen.set_style(style);
    }
    screen
}

fn forget(id: &str, shown: &mut Vec<(String, String)>, figures: &mut BTreeMap<String, Figures>) {
    shown.retain(|(shown, _)| shown != id);
    figures.remove(id);
}

fn text(shown: &[(String, String)], figures: &BTreeMap<String, Figures>) -> String {
    let rows: Vec<Row> = shown
        .iter()
        .map(|(id, name)| Row {
            id: id.clone(),
            name: name.clone(),
            figures: figures.get(id).copied().unwrap_or_default(),
        })
        .collect();
    table(&rows).trim_end().to_owned()
}

/// One task per container that reads its figures.
struct Watched {
    engine: Engine,
    teller: mpsc::Sender<Told>,
    tasks: JoinSet<()>,
    handles: HashMap<String, AbortHandle>,
}

impl Watched {
    /// Begins with those that are new and ends with those that are gone.
    fn follow(&mut self, containers: &[(String, String)]) {
        self.handles.retain(|id, handle| {
            let stays = containers.iter().any(|(one, _)| one == id);
            if !stays {
                handle.abort();
            }
            stays && !handle.is_finished()
        });
        while self.tasks.try_join_next().is_some() {}
        for (id, _) in containers {
            if !self.handles.contains_key(id) {
                let task = watch(self.engine.clone(), id.clone(), self.teller.clone());
                self.handles.insert(id.clone(), self.tasks.spawn(task));
            }
        }
    }
}

async fn watch(engine: Engine, id: String, teller: mpsc::Sender<Told>) {
    let mut stats = match engine.stats(&id, true).await {
        Ok(stats) => stats,
        Err(error) => {
            let _ = teller.send((id, Err(error))).await;
            return;
        }
    };
    loop {
        let news = stats.next().await;
        let goes_on = matches!(news, Ok(Some(_)));
        let news = news.map(|stats| stats.map(|stats| Figures::of(&stats)));
        // Nobody listens any more when the table is done.
        if teller.send((id.clone(), news)).await.is_err() || !goes_on {
            return;
        }
    }
}
