//! What users ask of the table.

use std::path::Path;

use api::{ApiError, Code, Share, ShareOrigin};

use super::{
    HOME_ID, MOST_SHARES,
    entry::Entry,
    input::{Add, Reply},
    task::{Task, id_of},
};
use crate::failure::{failure, hinted};

impl Task {
    /// Shares a folder, unless it can be used already.
    pub(super) fn add(&mut self, add: Add, reply: Reply) {
        let Add { folder, read_only } = add;
        let is_home = self.home.as_ref().is_some_and(|home| home.text == folder.text);
        let known = self.entries.iter().find(|(_, entry)| entry.path == folder.text);
        if let Some(id) = known.map(|(id, _)| id.clone()) {
            return self.change(&id, read_only, folder.written, reply);
        }
        if let Some(outer) = self.reaches(&folder.path, read_only) {
            let mut shown = outer.show();
            shown.reason = Some(format!(
                "{} is already reachable through {}",
                folder.text, outer.path
            ));
            return self.answer(reply, Ok(shown));
        }
        if self.entries.len() >= MOST_SHARES {
            let message = format!("there are {MOST_SHARES} shares, and there cannot be more");
            let hint = "remove one that is not needed, or share a folder that has several of them";
            return self.answer(reply, Err(hinted(Code::Conflict, message, hint)));
        }
        let (id, origin) = if is_home {
            (HOME_ID.to_owned(), ShareOrigin::Home)
        } else {
            (id_of(&folder.text), ShareOrigin::Added)
        };
        self.insert(&id, folder, read_only, origin);
        if is_home {
            self.kept.set_home(true, read_only);
        }
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.is_new = true;
            entry.waiting.push(reply);
        }
    }

    /// Changes a share, where there is something to change.
    fn change(&mut self, id: &str, read_only: bool, written: Option<String>, reply: Reply) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.written = written.or(entry.written.take());
        entry.waiting.push(reply);
        if entry.read_only == read_only {
            return;
        }
        entry.read_only = read_only;
        if id == HOME_ID {
            self.kept.set_home(true, read_only);
        }
        self.begin_anew(id);
    }

    /// The share in which a folder can be used as it is wanted.
    fn reaches(&self, folder: &Path, read_only: bool) -> Option<&Entry> {
        let outer = self
            .entries
            .values()
            .filter(|entry| folder.starts_with(&entry.path));
        let nearest = outer.max_by_key(|entry| entry.path.len())?;
        let is_hidden = self.hidden_paths.iter().any(|place| {
            folder.starts_with(place) && *place != nearest.path && Path::new(place).starts_with(&nearest.path)
        });
        (nearest.read_only == read_only && !is_hidden && !nearest.is_new).then_some(nearest)
    }

    /// Shares a folder no longer.
    pub(super) fn remove(&mut self, id: &str, reply: Reply) {
        let Some(entry) = self.forget(id) else {
            return self.answer(reply, Err(failure(Code::NotFound, "it is not shared any more")));
        };
        let shown = entry.show();
        for waiting in entry.waiting {
            self.answer(waiting, Err(failure(Code::Superseded, "its share was removed")));
        }
        self.answer(reply, Ok(shown));
    }

    fn answer(&mut self, reply: Reply, outcome: Result<Share, ApiError>) {
        self.answers.push((reply, outcome));
    }
}
