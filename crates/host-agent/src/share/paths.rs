//! Where the host's folders are in the machine, for what clients ask of the engine.

use std::sync::Arc;

use engine_proxy::rewrite::{PathMap, Paths, SharedFolder};
use tokio::sync::watch;
use tracing::warn;

use super::{
    GUEST_FOLDER,
    sys::{CASE, STYLE, wanted_guest_path},
};

/// A share as far as paths are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// The folder on the host.
    pub host: String,
    /// Another path of it.
    pub written: Option<String>,
    /// Where it is in the machine, once the guest said so.
    pub guest: Option<String>,
}

/// Makes the map. Before the guest has said where a share is, the place is meant that the guest is asked for.
pub fn map(mut places: Vec<Place>, kept: &[String]) -> PathMap {
    // Outer ones first: of two in each other's way, the inner one is where the guest has every share.
    places.sort_by_key(|place| place.host.len());
    let mut folders: Vec<SharedFolder> = Vec::new();
    let mut map = empty();
    for place in &places {
        let own = format!("{GUEST_FOLDER}/{}", place.id);
        let candidates = match &place.guest {
            Some(guest) => vec![guest.clone()],
            None => vec![wanted_guest_path(&place.host), own],
        };
        let added = candidates.into_iter().find_map(|guest| {
            let host = place.host.clone();
            let more = folders.iter().cloned().chain([SharedFolder { host, guest }]);
            let more: Vec<SharedFolder> = more.collect();
            Some((PathMap::new(STYLE, CASE, more.clone()).ok()?, more))
        });
        match added {
            Some((longer, more)) => (map, folders) = (longer, more),
            None => {
                warn!(share = place.id, guest = ?place.guest, "share is in the way of another one in the machine")
            }
        }
    }
    for place in &places {
        let guest = folders.iter().find(|folder| folder.host == place.host);
        if let (Some(folder), Some(written)) = (guest, &place.written) {
            map.also_known_as(&folder.guest, written);
        }
    }
    for path in kept {
        map.keep_from_machine(path);
    }
    map
}

fn empty() -> PathMap {
    // Of no folders there is always a map.
    PathMap::new(STYLE, CASE, []).unwrap_or_else(|_| unreachable!())
}

/// The map that is published last.
#[derive(Clone, Debug)]
pub struct CurrentPaths(pub watch::Receiver<Arc<PathMap>>);

impl Paths for CurrentPaths {
    fn current(&self) -> Arc<PathMap> {
        Arc::clone(&self.0.borrow())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: &str, host: &str, guest: Option<&str>) -> Place {
        Place {
            id: id.to_owned(),
            host: host.to_owned(),
            written: None,
            guest: guest.map(str::to_owned),
        }
    }

    fn check(map: &PathMap, host: &str, guest: &str) {
        assert_eq!(map.guest_path(host).unwrap().as_deref(), Some(guest), "{host}");
    }

    #[test]
    fn map_says_where_the_guest_has_it_or_will_have_it() {
        let shares = vec![
            place("share-1", "/srv/me/.ssh", None),
            place("home", "/srv/me", None),
            place("share-2", "/usr/x", Some("/run/pinnace/shares/share-2")),
        ];
        let map = map(shares, &["/srv/me/.ssh".to_owned(), "/srv/me/.aws".to_owned()]);
        check(&map, "/srv/me/src", "/srv/me/src");
        check(&map, "/usr/x/y", "/run/pinnace/shares/share-2/y");
        // A nested one is never mounted in the outer one.
        check(&map, "/srv/me/.ssh/id", "/run/pinnace/shares/share-1/id");
        let refusal = map.guest_path("/srv/me/.aws/x").unwrap_err();
        assert!(refusal.message.contains("kept from the machine"), "{refusal:?}");
    }

    #[test]
    fn map_of_a_guest_that_says_nonsense_has_the_others() {
        let shares = vec![
            place("a", "/srv/a", Some("/srv/a")),
            place("bb", "/srv/bb", Some("/srv/a")),
            place("ccc", "/srv/ccc", Some("../x")),
            place("dddd", "/srv/dddd", Some("/srv/a/b")),
        ];
        let map = map(shares, &[]);
        check(&map, "/srv/a/x", "/srv/a/x");
        for host in ["/srv/bb", "/srv/ccc/x", "/srv/dddd"] {
            assert!(map.guest_path(host).is_err(), "{host}");
        }
    }

    #[test]
    fn map_knows_the_path_that_was_given() {
        let mut share = place("a", "/srv/a", None);
        share.written = Some("/tmp/link".to_owned());
        let map = map(vec![share], &[]);
        check(&map, "/tmp/link/x", "/srv/a/x");
        check(&map, "/srv/a/x", "/srv/a/x");
    }
}
