//! Changes that wait to be replayed, in the order in which they were heard of.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use super::{
    change::{Action, Change, ChangeKind, Place, Prepared, Replay},
    is_older,
};
use crate::{Name, abi::ROOT_ID, nodes::NodeTable};

/// More changes than this at once are not replayed.
const MOST_QUEUED: usize = 16_384;
const WRITTEN: u8 = 1;
const ATTRIBUTES: u8 = 2;

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: VecDeque<Entry>,
    /// What waits for a place, behind the last change of its name.
    kinds: HashMap<Place, u8>,
    /// Where nodes that were renamed will be for the guest when that was replayed.
    moved: HashMap<Place, u64>,
}

#[derive(Debug)]
struct Entry {
    replay: Replay,
    /// The first half of a rename, with the mark that the second has.
    half: Option<(Option<usize>, Instant)>,
}

impl Queue {
    /// Finds the place of a change. None when nobody in the guest can watch it.
    pub fn prepare<N>(&self, nodes: &NodeTable<N>, change: Change) -> Option<Prepared> {
        let (name, folders) = change.path.split_last()?;
        let folder = folders
            .iter()
            .try_fold(ROOT_ID, |folder, name| self.child(nodes, folder, name))?;
        let node = self.child(nodes, folder, name);
        let place = Place {
            folder,
            name: name.clone(),
        };
        Some(Prepared { change, place, node })
    }

    fn child<N>(&self, nodes: &NodeTable<N>, folder: u64, name: &Name) -> Option<u64> {
        if !self.moved.is_empty() {
            let place = Place {
                folder,
                name: name.clone(),
            };
            if let Some(moved) = self.moved.get(&place) {
                return Some(*moved);
            }
        }
        nodes.child(folder, name).map(|(id, _)| id)
    }

    /// Adds a change. How many were dropped because there are too many.
    pub fn push(&mut self, prepared: Prepared) -> u64 {
        let Prepared { change, place, node } = prepared;
        let mut half = None;
        let action = match change.kind {
            ChangeKind::Written if self.is_waiting(&place, WRITTEN) => return 0,
            ChangeKind::Attributes if self.is_waiting(&place, ATTRIBUTES) => return 0,
            ChangeKind::Written => Action::Modified,
            ChangeKind::Attributes => Action::Attributes,
            ChangeKind::Created { is_folder } => Action::Created {
                is_folder: is_folder == Some(true),
            },
            ChangeKind::Removed { is_folder } => Action::Removed {
                is_folder: is_folder == Some(true),
            },
            ChangeKind::MovedFrom { mark } => {
                half = Some((mark, Instant::now()));
                Action::Removed { is_folder: false }
            }
            ChangeKind::MovedTo { mark } => {
                if self.complete(&place, node, mark) {
                    return 0;
                }
                Action::Created { is_folder: false }
            }
        };
        if self.waiting.len() >= MOST_QUEUED {
            let dropped = self.waiting.len() as u64 + 1;
            *self = Self::default();
            return dropped;
        }
        if !matches!(action, Action::Modified | Action::Attributes) {
            self.kinds.remove(&place);
            self.moved.remove(&place);
        }
        let replay = Replay {
            place,
            former: node,
            action,
        };
        self.waiting.push_back(Entry { replay, half });
        0
    }

    /// Whether the same waits already; else notes that it does from now on.
    fn is_waiting(&mut self, place: &Place, kind: u8) -> bool {
        let kinds = self.kinds.entry(place.clone()).or_default();
        let is_waiting = *kinds & kind != 0;
        *kinds |= kind;
        is_waiting
    }

    /// Joins the second half of a rename with the first.
    fn complete(&mut self, to: &Place, replaced: Option<u64>, mark: Option<usize>) -> bool {
        // Without a mark only what is next to each other belongs together.
        let reach = if mark.is_some() { 64 } else { 1 };
        let is_first = |entry: &&mut Entry| entry.half.is_some_and(|(other, _)| other == mark);
        let Some(entry) = self.waiting.iter_mut().rev().take(reach).find(is_first) else {
            return false;
        };
        entry.half = None;
        let moved = entry.replay.former;
        entry.replay.action = Action::Renamed {
            to: to.clone(),
            replaced: replaced.filter(|replaced| Some(*replaced) != moved),
            is_folder: false,
        };
        self.kinds.remove(to);
        match moved {
            Some(moved) => self.moved.insert(to.clone(), moved),
            None => self.moved.remove(to),
        };
        true
    }

    /// When the first may be popped. None when there is none.
    pub fn ripe_in(&self, half_rename: Duration) -> Option<Duration> {
        match self.waiting.front()?.half {
            Some((_, since)) if !is_older(since, half_rename) => {
                Some((half_rename.saturating_sub(since.elapsed())).max(Duration::from_millis(1)))
            }
            _ => Some(Duration::ZERO),
        }
    }

    pub fn pop(&mut self) -> Option<Replay> {
        let entry = self.waiting.pop_front()?;
        let kind = match entry.replay.action {
            Action::Modified => WRITTEN,
            Action::Attributes => ATTRIBUTES,
            _ => 0,
        };
        if kind != 0
            && let Some(kinds) = self.kinds.get_mut(&entry.replay.place)
        {
            *kinds &= !kind;
            if *kinds == 0 {
                self.kinds.remove(&entry.replay.place);
            }
        }
        Some(entry.replay)
    }

    /// What was renamed to this place is there for the guest, or never will be.
    pub fn forget_moved(&mut self, to: &Place) {
        self.moved.remove(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: ChangeKind, text: &str) -> Prepared {
        let name = Name::new(text.as_bytes()).unwrap();
        let place = Place {
            folder: ROOT_ID,
            name: name.clone(),
        };
        let path = vec![name];
        Prepared {
            change: Change { kind, path },
            place,
            node: Some(7),
        }
    }

    fn popped(queue: &mut Queue) -> Vec<Action> {
        std::iter::from_fn(|| queue.pop())
            .map(|replay| replay.action)
            .collect()
    }

    #[test]
    fn push_many_writes_are_one_until_it_is_popped() {
        let mut queue = Queue::default();
        for _ in 0..3 {
            queue.push(change(ChangeKind::Written, "a"));
        }
        queue.push(change(ChangeKind::Attributes, "a"));
        assert_eq!(popped(&mut queue), [Action::Modified, Action::Attributes]);
        queue.push(change(ChangeKind::Written, "a"));
        assert_eq!(popped(&mut queue), [Action::Modified]);
    }

    #[test]
    fn push_writes_around_a_removal_stay_apart() {
        let mut queue = Queue::default();
        queue.push(change(ChangeKind::Written, "a"));
        queue.push(change(ChangeKind::Removed { is_folder: None }, "a"));
        queue.push(change(ChangeKind::Written, "a"));
        assert_eq!(
            popped(&mut queue),
            [
                Action::Modified,
                Action::Removed { is_folder: false },
                Action::Modified
            ]
        );
    }

    #[test]
    fn push_halves_of_a_rename_are_joined_by_their_mark() {
        let mut queue = Queue::default();
        queue.push(change(ChangeKind::MovedFrom { mark: Some(1) }, "a"));
        assert!(queue.ripe_in(Duration::from_secs(3600)).unwrap() > Duration::ZERO);
        queue.push(change(ChangeKind::MovedFrom { mark: Some(2) }, "b"));
        queue.push(change(ChangeKind::MovedTo { mark: Some(1) }, "c"));
        assert_eq!(queue.ripe_in(Duration::from_secs(3600)), Some(Duration::ZERO));
        let actions = popped(&mut queue);
        assert!(matches!(&actions[0], Action::Renamed { to, .. } if to.name.as_bytes() == b"c"));
        assert_eq!(actions[1..], [Action::Removed { is_folder: false }]);
    }

    #[test]
    fn push_too_many_all_are_dropped_and_counted() {
        let mut queue = Queue::default();
        for index in 0..MOST_QUEUED {
            let dropped = queue.push(change(ChangeKind::Written, &index.to_string()));
            assert_eq!(dropped, 0);
        }
        assert_eq!(
            queue.push(change(ChangeKind::Written, "more")),
            MOST_QUEUED as u64 + 1
        );
        assert_eq!(popped(&mut queue), []);
    }
}
