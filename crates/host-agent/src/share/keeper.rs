//! Keeps one share served, for as long as it is shared.
//!
//! ```text
//!   machine is up ──► open the folder ──► a file server with a number of its own
//!                          ▲                ├─ streams: one after another, while the guest has it mounted
//!                          │                ├─ watch:   changes on the host are pushed, see `watching`
//!                          └── another ◄────└─ look:    is the folder still there, and the same?
//!                              folder
//! ```
//!
//! A folder that is gone is served on by its handle: programs that have it open lose nothing. When there is another one at
//! its path, such as the folder below a disk that was taken out, a new server takes over. A machine that is down has no
//! nodes left, so the next one gets a new server too.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use agent_client::AgentClient;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

use super::{
    hidden::Hidden,
    input::{Input, News},
    served::{Served, Watching},
    sys::{Identity, identity, resolve},
    watching::{Watched, keep_watched},
};
use crate::failure::chain;

/// The first pause after a stream that ended though its agent is there, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// What a keeper keeps.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The share's id.
    pub id: String,
    /// The folder.
    pub path: PathBuf,
    /// Whether the guest may only read it.
    pub read_only: bool,
    /// What is hidden in it.
    pub hidden: Hidden,
    /// How often is looked whether it is there.
    pub look: Duration,
}

/// What is wanted of a keeper.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// Whether the machine is up.
    pub is_up: bool,
    /// The guest that has it mounted.
    pub agent: Option<AgentClient>,
}

/// A keeper; it ends when this is dropped.
#[derive(Debug)]
pub struct Keeper {
    /// Its number, which is never used again.
    pub number: u64,
    /// What is wanted of it.
    pub want: watch::Sender<Want>,
    _task: AbortOnDropHandle<()>,
}

impl Keeper {
    /// Starts one.
    pub fn start(number: u64, folder: Folder, want: Want, inputs: mpsc::WeakSender<Input>) -> Self {
        let (want, wanted) = watch::channel(want);
        let keeping = Keeping {
            number,
            folder,
            wanted,
            inputs,
        };
        Self {
            number,
            want,
            _task: AbortOnDropHandle::new(tokio::spawn(keeping.keep())),
        }
    }
}

struct Keeping {
    number: u64,
    folder: Folder,
    wanted: watch::Receiver<Want>,
    inputs: mpsc::WeakSender<Input>,
}

impl Keeping {
    async fn keep(self) {
        loop {
            let mut wanted = self.wanted.clone();
            if wanted.wait_for(|want| want.is_up).await.is_err() {
                return;
            }
            match self.open().await {
                Ok((served, found)) => {
                    self.tell(News::Folder(Ok(()))).await;
                    let mut number = [0; 8];
                    if getrandom::fill(&mut number).is_err() {
                        return warn!(share = self.folder.id, "no random numbers: share not served");
                    }
                    let watched = WatchedShare {
                        keeping: &self,
                        served: &served,
                    };
                    tokio::select! {
                        () = self.serve(&served, u64::from_le_bytes(number)) => return,
                        () = keep_watched(&watched) => {}
                        () = self.look(found) => {}
                        ended = async { wanted.wait_for(|want| !want.is_up).await.is_err() } => if ended { return },
                    }
                    self.tell(News::Serving(false)).await;
                }
                Err(reason) => {
                    self.tell(News::Folder(Err(reason))).await;
                    sleep(self.folder.look).await;
                }
            }
        }
    }

    async fn open(&self) -> Result<(Served, Identity), String> {
        let Folder {
            path,
            read_only,
            hidden,
            ..
        } = self.folder.clone();
        let opening = move || {
            let found = identity(&path).map_err(|error| missing(&path, &error))?;
            // Whoever can write to its parent could lead us anywhere.
            if resolve(&path).ok().as_ref() != Some(&path) || hidden.is_own(&path) {
                return Err(format!(
                    "{} is a link now; share the folder that you mean",
                    path.display()
                ));
            }
            let served = Served::open(&path, read_only, &hidden.below(&path))?;
            Ok((served, found))
        };
        let opened = tokio::task::spawn_blocking(opening).await;
        opened.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Serves one stream after another; ends when nobody wants anything any more.
    async fn serve(&self, served: &Served, number: u64) {
        let [least, most] = PAUSES;
        let (mut pause, id) = (least, self.folder.id.as_str());
        let mut wanted = self.wanted.clone();
        loop {
            let Ok(want) = wanted
                .wait_for(|want| want.agent.is_some())
                .await
                .map(|want| want.clone())
            else {
                return;
            };
            let Some(agent) = want.agent else { continue };
            wanted.mark_unchanged();
            let began = Instant::now();
            match agent.open_share(id, number).await {
                Ok(stream) => {
                    self.tell(News::Serving(true)).await;
                    let ended = tokio::select! {
                        ended = served.serve(stream) => ended,
                        () = agent.closed() => Ok(()),
                    };
                    served.note_any_change();
                    self.tell(News::Serving(false)).await;
                    debug!(share = id, error = ended.err(), "share's stream ended");
                }
                Err(error) => debug!(share = id, error = chain(&error), "share's stream not opened"),
            }
            drop(agent);
            pause = if began.elapsed() >= most {
                least
            } else {
                most.min(pause * 2)
            };
            tokio::select! {
                () = sleep(pause) => {}
                changed = wanted.changed() => match changed {
                    Ok(()) => pause = least,
                    Err(_) => return,
                },
            }
        }
    }

    /// Ends when there is another folder at the path.
    async fn look(&self, found: Identity) {
        let mut is_there = true;
        loop {
            sleep(self.folder.look).await;
            let path = self.folder.path.clone();
            let looked =
                tokio::task::spawn_blocking(move || identity(&path).map_err(|error| missing(&path, &error)));
            match looked.await {
                Ok(Ok(now)) if now != found => return,
                Ok(Ok(_)) if !is_there => {
                    is_there = true;
                    self.tell(News::Folder(Ok(()))).await;
                }
                Ok(Err(reason)) if is_there => {
                    is_there = false;
                    self.tell(News::Folder(Err(reason))).await;
                }
                _ => {}
            }
        }
    }

    async fn tell(&self, news: News) {
        let keeper = self.number;
        // The table ends with the host agent.
        if let Some(inputs) = self.inputs.upgrade() {
            drop(inputs.send(Input::Kept { keeper, news }).await);
        }
    }
}

/// What a keeper has watched.
struct WatchedShare<'a> {
    keeping: &'a Keeping,
    served: &'a Served,
}

impl Watched for WatchedShare<'_> {
    type Watch = Watching;

    async fn start(&self) -> Result<Watching, String> {
        let (server, path) = (self.served.clone(), self.keeping.folder.path.clone());
        let watching = tokio::task::spawn_blocking(move || server.watch(&path)).await;
        watching.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn gap(watch: &Watching) -> String {
        watch.gap().await
    }

    async fn tell(&self, news: Result<(), String>) {
        if let Err(reason) = &news {
            warn!(
                share = self.keeping.folder.id,
                reason, "shared folder not watched in full"
            );
        }
        self.keeping.tell(News::Watched(news)).await;
    }
}

fn missing(path: &Path, error: &std::io::Error) -> String {
    format!(
        "{} is not there: {error}; it is looked for again and again",
        path.display()
    )
}
