//! Which container somebody means.

use super::{Entry, What};

/// The shortest beginning of an id that is one.
const LEAST_ID_LENGTH: usize = 4;

/// What a name or an id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// One container.
    One {
        /// Its whole id.
        container: String,
        /// Its last name, empty where none is known.
        name: String,
    },
    /// An id's beginning that several have.
    Several,
    /// Nothing that is recorded.
    Nothing,
}

/// Finds the container that `asked` means: a whole id, the last container of that name, or the beginning of an id.
/// Containers that are gone count as well.
pub fn resolve(entries: &[Entry], asked: &str) -> Resolved {
    if asked.is_empty() {
        return Resolved::Nothing;
    }
    let of_containers = || entries.iter().rev().filter(|entry| !entry.container.is_empty());
    if of_containers().any(|entry| entry.container == asked) {
        return one(entries, asked);
    }
    let named = of_containers().find(|entry| entry.name == asked && is_last_name(entries, entry));
    if let Some(entry) = named {
        return one(entries, &entry.container);
    }
    if asked.len() < LEAST_ID_LENGTH {
        return Resolved::Nothing;
    }
    let mut ids = of_containers()
        .map(|entry| entry.container.as_str())
        .filter(|id| id.starts_with(asked));
    match ids.next() {
        None => Resolved::Nothing,
        Some(id) if ids.any(|other| other != id) => Resolved::Several,
        Some(id) => one(entries, id),
    }
}

/// Whether a container still has the name that one of its entries has. The name of a renamed one may be another's.
fn is_last_name(entries: &[Entry], entry: &Entry) -> bool {
    let renamed = |other: &&Entry| other.container == entry.container && other.what == What::Renamed;
    entries
        .iter()
        .rev()
        .find(renamed)
        .is_none_or(|renamed| renamed.name == entry.name)
}

fn one(entries: &[Entry], container: &str) -> Resolved {
    let mut its = entries.iter().rev().filter(|entry| entry.container == container);
    Resolved::One {
        container: container.to_owned(),
        name: its
            .find(|entry| !entry.name.is_empty())
            .map(|entry| entry.name.clone())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(container: &str, name: &str, what: What) -> Entry {
        Entry {
            at_ms: 0,
            container: container.to_owned(),
            name: name.to_owned(),
            image: String::new(),
            what,
        }
    }

    #[test]
    fn resolve_name_id_and_prefix() {
        let entries = [
            entry("aaaa1111", "web", What::Started),
            entry("aaaa1111", "web", What::Removed),
            entry("aaaa2222", "web", What::Started),
            entry(
                "aaaa2222",
                "",
                What::Killed {
                    by: super::super::By::Lease,
                },
            ),
            entry("bbbb3333", "db", What::Started),
            entry("", "", What::EngineLost),
            entry("bbbb3333", "old-db", What::Renamed),
        ];
        let one = |container: &str, name: &str| Resolved::One {
            container: container.to_owned(),
            name: name.to_owned(),
        };
        let check = |asked, expected| assert_eq!(resolve(&entries, asked), expected, "{asked}");
        check("web", one("aaaa2222", "web"));
        check("aaaa1111", one("aaaa1111", "web"));
        check("aaaa1", one("aaaa1111", "web"));
        check("aaaa", Resolved::Several);
        check("aaa", Resolved::Nothing);
        check("bbbb", one("bbbb3333", "old-db"));
        check("old-db", one("bbbb3333", "old-db"));
        check("db", Resolved::Nothing);
        check("", Resolved::Nothing);
    }
}
