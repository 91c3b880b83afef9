//! The one task that owns the table: its data, its loop, what the guest is asked.

use std::{collections::BTreeMap, path::Path, time::Duration};

use agent_client::AgentClient;
use api::{ApiError, Code, Share, ShareOrigin, ShareState};
use protocol::ShareSpec;
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::{
    HOME_ID,
    check::Checked,
    entry::{Entry, Mount},
    hidden::Hidden,
    input::{Input, MountAnswer, Reply},
    keeper::{Folder, Keeper, Want},
    kept::Kept,
    publish::Outlets,
};
use crate::failure::{chain, failure};

/// Between two tries to have mounted what could not be.
const RETRY: Duration = Duration::from_secs(10);

/// The task's data.
pub(super) struct Task {
    pub(super) hidden: Hidden,
    /// The hidden places as text, for the map of paths.
    pub(super) hidden_paths: Vec<String>,
    /// The user's home, where it can be shared.
    pub(super) home: Option<Checked>,
    pub(super) kept: Kept,
    /// Every share, by its id.
    pub(super) entries: BTreeMap<String, Entry>,
    agent: Option<AgentClient>,
    pub(super) boot_id: Option<[u8; 16]>,
    /// Whether the guest of that boot has answered.
    pub(super) has_answered: bool,
    is_up: bool,
    /// The guest should be asked, or asked again.
    pub(super) is_changed: bool,
    /// The asking under way, and the number of the last one.
    asking: Option<AbortOnDropHandle<()>>,
    asked: u64,
    retry_at: Option<Instant>,
    next_keeper: u64,
    look: Duration,
    /// Outcomes for those who asked, given once they are published.
    pub(super) answers: Vec<(Reply, Result<Share, ApiError>)>,
    inputs: mpsc::WeakSender<Input>,
    pub(super) outlets: Outlets,
}

impl Task {
    pub(super) fn new(
        hidden: Hidden,
        home: Option<Checked>,
        kept: Kept,
        look: Duration,
        inputs: mpsc::WeakSender<Input>,
        outlets: Outlets,
    ) -> Self {
        let places = hidden.places();
        let hidden_paths = places.iter().filter_map(|place| place.to_str());
        Self {
            hidden_paths: hidden_paths.map(str::to_owned).collect(),
            hidden,
            home,
            kept,
            entries: BTreeMap::new(),
            agent: None,
            boot_id: None,
            has_answered: false,
            is_up: false,
            is_changed: true,
            asking: None,
            asked: 0,
            retry_at: None,
            next_keeper: 1,
            look,
            answers: Vec::new(),
            inputs,
            outlets,
        }
    }

    /// Takes inputs until nobody sends any more.
    pub(super) async fn serve(mut self, mut inputs: mpsc::Receiver<Input>) {
        loop {
            self.settle();
            self.ask();
            self.save_kept().await;
            self.publish();
            // Whoever asked finds everything as the answer says. They may have gone.
            for (reply, outcome) in self.answers.drain(..) {
                drop(reply.send(outcome));
            }
            let due = self.retry_at;
            let retry = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => return,
                },
                () = retry => {
                    self.retry_at = None;
                    self.is_changed = true;
                }
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Connected(agent) => self.connected(agent),
            Input::Lost => {
                (self.agent, self.asking) = (None, None);
                self.tell_keepers();
            }
            Input::Down => self.down(),
            Input::Answered { asking, answer } => {
                if asking == self.asked && self.asking.take().is_some() {
                    self.answered(answer);
                }
            }
            Input::Kept { keeper, news } => {
                let entry = self
                    .entries
                    .values_mut()
                    .find(|entry| entry.keeper.number == keeper);
                if let Some(entry) = entry {
                    entry.hear(news);
                }
            }
            Input::Add(add, reply) => self.add(add, reply),
            Input::Remove { id, reply } => self.remove(&id, reply),
        }
    }

    fn connected(&mut self, agent: AgentClient) {
        if self.boot_id != Some(agent.boot_id()) {
            // Nothing of an earlier machine is there any more.
            self.boot_id = Some(agent.boot_id());
            self.has_answered = false;
            let ids: Vec<String> = self.entries.keys().cloned().collect();
            ids.iter().for_each(|id| self.begin_anew(id));
        }
        (self.agent, self.asking) = (Some(agent), None);
        (self.is_up, self.is_changed) = (true, true);
        // The connection is of no use to keepers before the guest has the mounts.
        let want = || Want {
            is_up: true,
            agent: None,
        };
        self.entries
            .values()
            .for_each(|entry| drop(entry.keeper.want.send_replace(want())));
    }

    fn down(&mut self) {
        (self.agent, self.asking, self.boot_id) = (None, None, None);
        (self.is_up, self.has_answered, self.retry_at) = (false, false, None);
        self.entries.values_mut().for_each(Entry::forget_machine);
        self.tell_keepers();
    }

    fn answered(&mut self, answer: Result<Vec<(ShareSpec, MountAnswer)>, String>) {
        let is_first = !std::mem::replace(&mut self.has_answered, true);
        let mut failed = false;
        match answer {
            Ok(answers) => {
                for (spec, answer) in answers {
                    // It may have been changed meanwhile; then the guest is asked again.
                    let entry = self.entries.get_mut(&spec.id);
                    let Some(entry) = entry.filter(|entry| entry.spec(&spec.id) == spec) else {
                        continue;
                    };
                    let guest = match answer {
                        Ok(mounted) if mounted.id == spec.id => Mount::At(mounted.path),
                        Ok(_) => Mount::Failed("the machine mounted another folder".to_owned()),
                        Err(error) => Mount::Failed(format!("failed to mount it in the machine: {error}")),
                    };
                    failed |= matches!(guest, Mount::Failed(_));
                    if entry.guest == guest {
                        continue;
                    }
                    match &guest {
                        Mount::Failed(reason) => warn!(share = spec.id, reason, "share not mounted"),
                        _ => info!(share = spec.id, path = entry.path, "share mounted"),
                    }
                    entry.guest = guest;
                }
            }
            Err(reason) => {
                failed = true;
                if is_first {
                    warn!(reason, "guest not asked to mount shares");
                }
                let unknown = self
                    .entries
                    .values_mut()
                    .filter(|entry| entry.guest == Mount::Unknown);
                unknown.for_each(|entry| {
                    entry.guest = Mount::Failed(format!("failed to mount it in the machine: {reason}"));
                });
            }
        }
        self.retry_at = failed.then(|| Instant::now() + RETRY);
        self.tell_keepers();
    }

    /// Asks the guest for everything that is shared, where it was not asked yet. One asking at a time.
    fn ask(&mut self) {
        let (true, None, Some(agent)) = (self.is_changed, &self.asking, self.agent.clone()) else {
            return;
        };
        let Some(inputs) = self.inputs.upgrade() else {
            return;
        };
        self.is_changed = false;
        self.asked += 1;
        let asking = self.asked;
        let specs: Vec<ShareSpec> = self.entries.iter().map(|(id, entry)| entry.spec(id)).collect();
        self.asking = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let answer = agent.set_shares(specs.clone()).await;
            let answer = match answer {
                Ok(answers) if answers.len() == specs.len() => Ok(specs.into_iter().zip(answers).collect()),
                Ok(_) => Err("the machine answered for other shares".to_owned()),
                Err(error) => Err(chain(&error)),
            };
            // The table ends with the host agent.
            drop(inputs.send(Input::Answered { asking, answer }).await);
        })));
    }

    /// Answers those who wait; what is new and cannot be had is forgotten.
    fn settle(&mut self) {
        let is_there = self.agent.is_some();
        let mut refused = Vec::new();
        for (id, entry) in &mut self.entries {
            let shown = entry.show();
            let outcome = match shown.state {
                ShareState::Failed if entry.is_new => {
                    refused.push(id.clone());
                    let reason = shown.reason.unwrap_or_default();
                    let message = format!("`{}` was not shared: {reason}", entry.path);
                    Err(failure(Code::Conflict, message))
                }
                ShareState::Waiting if is_there => continue,
                // Of a machine that is not there, nobody can say more.
                ShareState::Mounted | ShareState::Failed | ShareState::Waiting => Ok(shown),
            };
            entry.is_new = false;
            let waiting = entry.waiting.drain(..);
            self.answers.extend(waiting.map(|reply| (reply, outcome.clone())));
        }
        for id in refused {
            self.forget(&id);
        }
    }

    /// Shares a folder.
    pub(super) fn insert(&mut self, id: &str, folder: Checked, read_only: bool, origin: ShareOrigin) {
        let entry = Entry {
            keeper: self.keeper(id, Path::new(&folder.text), read_only),
            path: folder.text,
            written: folder.written,
            read_only,
            origin,
            guest: Mount::Unknown,
            missing: None,
            is_serving: false,
            watched: None,
            waiting: Vec::new(),
            is_new: false,
        };
        self.entries.insert(id.to_owned(), entry);
        self.is_changed = true;
    }

    /// Shares a folder no longer.
    pub(super) fn forget(&mut self, id: &str) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        if id == HOME_ID {
            self.kept.set_home(false, entry.read_only);
        }
        self.is_changed = true;
        Some(entry)
    }

    /// Gives a share a new file server, for a new mount.
    pub(super) fn begin_anew(&mut self, id: &str) {
        let Some((path, read_only)) = self
            .entries
            .get(id)
            .map(|entry| (entry.path.clone(), entry.read_only))
        else {
            return;
        };
        let keeper = self.keeper(id, Path::new(&path), read_only);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.forget_machine();
            entry.keeper = keeper;
        }
        self.is_changed = true;
    }

    fn keeper(&mut self, id: &str, path: &Path, read_only: bool) -> Keeper {
        let number = self.next_keeper;
        self.next_keeper += 1;
        let folder = Folder {
            id: id.to_owned(),
            path: path.to_owned(),
            read_only,
            hidden: self.hidden.clone(),
            look: self.look,
        };
        let want = Want {
            is_up: self.is_up,
            agent: None,
        };
        Keeper::start(number, folder, want, self.inputs.clone())
    }

    fn tell_keepers(&self) {
        for entry in self.entries.values() {
            let is_mounted = matches!(entry.guest, Mount::At(_));
            let agent = self.agent.clone().filter(|_| is_mounted);
            let is_up = self.is_up;
            entry.keeper.want.send_replace(Want { is_up, agent });
        }
    }
}

/// The id of a folder's share.
pub(super) fn id_of(path: &str) -> String {
    let hash = hex::encode(Sha256::digest(path.as_bytes()));
    format!("share-{}", hash.get(..12).unwrap_or(&hash))
}
