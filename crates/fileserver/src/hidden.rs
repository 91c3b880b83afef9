//! Places below a share that the guest does not get to see.
//!
//! ```text
//!   share ─┬─ .ssh                      hidden: nothing is there, nothing can be made there
//!          └─ .config ── google-chrome  hidden
//!               └ on the way: seen, but never moved, removed, or made to be anything but a folder
//! ```
//!
//! What is on the way stays where it is as far as the guest goes, so a place cannot be hidden in one moment and be reached
//! by another name in the next. A name is compared as text first; only when it is one of ours, the way from the share's
//! folder is walked, to see whether this is the folder that is meant. Where a volume has several names for one thing (no
//! case, short names, forms of Unicode), what was found is compared too.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{Errno, Found, Kind, Name, NodeKey, Volume, nodes::Known};

/// How old what was found at our places may be, where it is compared with what the guest finds under another name.
const MOST_AGE: Duration = Duration::from_secs(1);

/// All of them, as a tree.
#[derive(Debug)]
pub struct Hidden {
    /// A folder comes before what is in it.
    steps: Vec<Step>,
    /// By text, as [`Hidden::text`] makes it.
    by_text: HashMap<Vec<u8>, Vec<usize>>,
    /// All names without case.
    loose: HashSet<Vec<u8>>,
    /// Whether the volume's names have no case.
    folds: bool,
    seen: Mutex<Option<(Instant, AllSeen)>>,
}

#[derive(Debug)]
struct Step {
    /// None for the share's own folder.
    parent: Option<usize>,
    name: Name,
    is_hidden: bool,
}

/// What is at a step now.
#[derive(Clone, Copy, Debug)]
struct Seen {
    folder: NodeKey,
    key: NodeKey,
}

/// What is at each step, or none where nothing is.
type AllSeen = Arc<[Option<Seen>]>;

/// What a name in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The guest's to use.
    Open,
    /// Something hidden is below it.
    OnTheWay,
    /// Not there for the guest.
    Hidden,
}

impl Hidden {
    /// Paths below the share's folder. An empty one hides nothing.
    pub fn new(paths: &[Vec<Name>], folds: bool) -> Self {
        let mut hidden = Self {
            steps: Vec::new(),
            by_text: HashMap::new(),
            loose: HashSet::new(),
            folds,
            seen: Mutex::default(),
        };
        for path in paths {
            let mut at = None;
            for name in path {
                at = Some(hidden.step(at, name).unwrap_or_else(|| hidden.add(at, name)));
            }
            if let Some(last) = at {
                hidden.steps[last].is_hidden = true;
            }
        }
        hidden
    }

    /// Whether these names lead to something hidden, or into it.
    pub fn covers(&self, names: &[Name]) -> bool {
        let mut at = None;
        for name in names {
            let Some(step) = self.step(at, name) else {
                return false;
            };
            if self.steps[step].is_hidden {
                return true;
            }
            at = Some(step);
        }
        false
    }

    /// What this name in this folder is, as text goes.
    pub fn place<V: Volume>(
        &self,
        volume: &V,
        root: &Known<V::Node>,
        folder: NodeKey,
        name: &[u8],
    ) -> Result<Place, Errno> {
        let mut place = Place::Open;
        for step in self.named(name) {
            let step = &self.steps[*step];
            if self.folder_key(volume, root, step.parent)? == Some(folder) {
                if step.is_hidden {
                    return Ok(Place::Hidden);
                }
                place = Place::OnTheWay;
            }
        }
        Ok(place)
    }

    /// What this name in this folder is, whatever other names the volume has for it: also looks at what is there.
    pub fn true_place<V: Volume>(
        &self,
        volume: &V,
        root: &Known<V::Node>,
        (folder, folder_key): (&V::Node, NodeKey),
        name: &Name,
    ) -> Result<Place, Errno> {
        let place = self.place(volume, root, folder_key, name.as_bytes())?;
        // A folder of a Linux file system may be made to have no case, so a name that only differs in it is suspicious.
        let suspicious = self.folds || self.loose.contains(&*folded(name.as_bytes()));
        if place != Place::Open || self.steps.is_empty() || !suspicious {
            return Ok(place);
        }
        match volume.find(folder, name) {
            Ok(found) => self.alias(volume, root, folder_key, found.metadata.key, true),
            Err(Errno::NOENT) => Ok(Place::Open),
            Err(errno) => Err(errno),
        }
    }

    /// Whether what was found under this name in this folder is hidden under another one.
    pub fn is_alias<V: Volume>(
        &self,
        volume: &V,
        root: &Known<V::Node>,
        folder: NodeKey,
        name: &[u8],
        found: NodeKey,
    ) -> Result<bool, Errno> {
        if self.steps.is_empty() {
            return Ok(false);
        }
        // Short names have a `~`; other forms of a name are not ASCII.
        let fresh = self.folds && (name.contains(&b'~') || !name.is_ascii());
        Ok(self.alias(volume, root, folder, found, fresh)? == Place::Hidden)
    }

    fn alias<V: Volume>(
        &self,
        volume: &V,
        root: &Known<V::Node>,
        folder: NodeKey,
        found: NodeKey,
        fresh: bool,
    ) -> Result<Place, Errno> {
        let seen = self.seen(volume, root, fresh)?;
        let mut place = Place::Open;
        for (seen, step) in seen.iter().zip(&self.steps) {
            if seen.is_some_and(|seen| seen.folder == folder && seen.key == found) {
                if step.is_hidden {
                    return Ok(Place::Hidden);
                }
                place = Place::OnTheWay;
            }
        }
        Ok(place)
    }

    /// What is at each step.
    fn seen<V: Volume>(&self, volume: &V, root: &Known<V::Node>, fresh: bool) -> Result<AllSeen, Errno> {
        let lock = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !fresh
            && let Some((at, seen)) = &*lock()
            && at.elapsed() < MOST_AGE
        {
            return Ok(Arc::clone(seen));
        }
        let now = Instant::now();
        let mut found: Vec<Option<Found<V::Node>>> = Vec::with_capacity(self.steps.len());
        let mut seen = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let folder = match step.parent {
                None => Some((&*root.node, root.key)),
                Some(parent) => found[parent]
                    .as_ref()
                    .map(|found| (&found.node, found.metadata.key)),
            };
            let (there, key) = match folder {
                Some((folder, folder_key)) => {
                    let there = present(volume.find(folder, &step.name))?;
                    let key = there.as_ref().map(|there| Seen {
                        folder: folder_key,
                        key: there.metadata.key,
                    });
                    (there, key)
                }
                None => (None, None),
            };
            // A link is where the way ends.
            found.push(there.filter(|there| there.metadata.kind == Kind::Folder && !step.is_hidden));
            seen.push(key);
        }
        let seen: AllSeen = seen.into();
        *lock() = Some((now, Arc::clone(&seen)));
        Ok(seen)
    }

    /// Which folder is at a step now.
    fn folder_key<V: Volume>(
        &self,
        volume: &V,
        root: &Known<V::Node>,
        step: Option<usize>,
    ) -> Result<Option<NodeKey>, Errno> {
        let mut way = Vec::new();
        let mut at = step;
        while let Some(step) = at {
            way.push(&self.steps[step].name);
            at = self.steps[step].parent;
        }
        let mut found: Option<Found<V::Node>> = None;
        for name in way.into_iter().rev() {
            let folder = found.as_ref().map_or(&*root.node, |found| &found.node);
            found = present(volume.find(folder, name))?;
            if found
                .as_ref()
                .is_none_or(|found| found.metadata.kind != Kind::Folder)
            {
                return Ok(None);
            }
        }
        Ok(Some(found.map_or(root.key, |found| found.metadata.key)))
    }

    fn named(&self, name: &[u8]) -> &[usize] {
        if self.steps.is_empty() {
            return &[];
        }
        self.by_text.get(&*self.text(name)).map_or(&[], Vec::as_slice)
    }

    fn step(&self, parent: Option<usize>, name: &Name) -> Option<usize> {
        let mut named = self.named(name.as_bytes()).iter().copied();
        named.find(|step| self.steps[*step].parent == parent)
    }

    fn add(&mut self, parent: Option<usize>, name: &Name) -> usize {
        let text = self.text(name.as_bytes()).into_owned();
        self.by_text.entry(text).or_default().push(self.steps.len());
        self.loose.insert(folded(name.as_bytes()).into_owned());
        self.steps.push(Step {
            parent,
            name: name.clone(),
            is_hidden: false,
        });
        self.steps.len() - 1
    }

    fn text<'a>(&self, name: &'a [u8]) -> Cow<'a, [u8]> {
        if self.folds {
            folded(name)
        } else {
            Cow::Borrowed(name)
        }
    }
}

/// Nothing there is no failure; not to know is one, and then nothing is shown.
fn present<N>(found: Result<Found<N>, Errno>) -> Result<Option<Found<N>>, Errno> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// A name as a volume without case may compare it: by way of upper case, because there are letters that have one upper
/// case and two lower ones, and without the characters that HFS+ does not see.
pub fn folded(name: &[u8]) -> Cow<'_, [u8]> {
    if name
        .iter()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
    {
        return Cow::Borrowed(name);
    }
    let Ok(text) = std::str::from_utf8(name) else {
        return Cow::Owned(name.to_ascii_lowercase());
    };
    let seen = text.chars().filter(|letter| !is_ignored(*letter));
    let upper: String = seen.flat_map(char::to_uppercase).collect();
    Cow::Owned(upper.to_lowercase().into_bytes())
}

/// Characters that are no part of a name for HFS+.
fn is_ignored(letter: char) -> bool {
    matches!(
        letter,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Name> {
        text.split('/')
            .map(|name| Name::new(name.as_bytes()).unwrap())
            .collect()
    }

    #[test]
    fn covers_what_is_hidden_and_below_it_and_nothing_else() {
        let hidden = Hidden::new(&[path(".ssh"), path(".config/chrome"), Vec::new()], false);
        for text in [".ssh", ".ssh/id", ".config/chrome", ".config/chrome/a/b"] {
            assert!(hidden.covers(&path(text)), "{text}");
        }
        for text in [".config", ".config/x", "chrome", "x/.ssh", ".SSH", ".ssh2"] {
            assert!(!hidden.covers(&path(text)), "{text}");
        }
        assert!(!hidden.covers(&[]) && !Hidden::new(&[], false).covers(&path(".ssh")));
    }

    #[test]
    fn covers_without_case_every_spelling_is_one() {
        let hidden = Hidden::new(&[path(".ssh/Keys")], true);
        for text in [
            ".SSH/kEYS",
            ".\u{17f}sh/keys",
            ".ssh/\u{212a}eys",
            ".s\u{200c}sh/keys",
        ] {
            assert!(hidden.covers(&path(text)), "{text}");
        }
        assert!(!hidden.covers(&path(".ssh/key")));
    }

    #[test]
    fn new_a_place_in_a_hidden_one_is_hidden_with_it() {
        for paths in [[path("a"), path("a/b")], [path("a/b"), path("a")]] {
            let hidden = Hidden::new(&paths, false);
            assert!(hidden.covers(&path("a/c")) && hidden.covers(&path("a/b")));
        }
    }
}
