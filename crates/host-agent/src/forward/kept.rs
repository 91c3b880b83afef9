//! What users changed, kept in `forwards.json` for the life of the containers.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use protocol::Transport;
use serde::{Deserialize, Serialize};

use crate::kept_file::{self, KeptFile};

const FILE: KeptFile = KeptFile {
    name: "forwards.json",
    aside: "forwards.json.bad",
    max_bytes: 4 << 20,
    content: "added ports",
};

/// The file and its content.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    /// Ports that users joined.
    pub live: Vec<Live>,
    /// Published ports that users moved.
    pub moved: Vec<Moved>,
}

/// A port of a container that a user joined to one of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The container's id.
    pub container: String,
    /// Its name when it was last seen.
    pub name: String,
    /// The transport.
    #[serde(with = "transport_name")]
    pub protocol: Transport,
    /// What is bound on the host.
    pub host: SocketAddr,
    /// The port in the container.
    pub container_port: u16,
}

/// A published port that is bound elsewhere than its container says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The container's id.
    pub container: String,
    /// The transport.
    #[serde(with = "transport_name")]
    pub protocol: Transport,
    /// What the container says.
    pub from: SocketAddr,
    /// What is bound.
    pub to: SocketAddr,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    live: Vec<Live>,
    moved: Vec<Moved>,
}

impl Kept {
    /// Reads the file in the state folder. One that cannot be understood is set aside, with a warning for the user.
    pub fn load(folder: &Path) -> (Self, Option<String>) {
        let (file, warning) = FILE.load(folder, check);
        let kept = Self {
            path: folder.join(FILE.name),
            live: file.live,
            moved: file.moved,
        };
        (kept, warning)
    }

    /// Writes the file. What cannot be written holds until the host agent ends.
    pub async fn save(&self) {
        let file = File {
            live: self.live.clone(),
            moved: self.moved.clone(),
        };
        kept_file::save(&self.path, file).await;
    }

    /// Where a published port is bound instead, for each container that has one such moved.
    pub fn moved_from(&self, transport: Transport, from: SocketAddr) -> impl Iterator<Item = &Moved> {
        self.moved
            .iter()
            .filter(move |moved| moved.protocol == transport && moved.from == from)
    }

    /// Where a container's published port is bound instead.
    pub fn moved_to(&self, container: &str, transport: Transport, from: SocketAddr) -> Option<SocketAddr> {
        self.moved_from(transport, from)
            .find(|moved| moved.container == container)
            .map(|moved| moved.to)
    }

    /// Keeps where a published port is bound instead, or that it is bound as published.
    pub fn set_moved(&mut self, container: &str, transport: Transport, from: SocketAddr, to: SocketAddr) {
        self.moved.retain(|moved| {
            (moved.container.as_str(), moved.protocol, moved.from) != (container, transport, from)
        });
        if from != to {
            self.moved.push(Moved {
                container: container.to_owned(),
                protocol: transport,
                from,
                to,
            });
        }
    }

    /// The place of a live port.
    pub fn live_mut(&mut self, container: &str, transport: Transport, host: SocketAddr) -> Option<&mut Live> {
        self.live
            .iter_mut()
            .find(|live| (live.container.as_str(), live.protocol, live.host) == (container, transport, host))
    }

    /// Forgets a live port.
    pub fn forget_live(&mut self, container: &str, transport: Transport, host: SocketAddr) {
        self.live.retain(|live| {
            (live.container.as_str(), live.protocol, live.host) != (container, transport, host)
        });
    }
}

fn check(file: &File) -> io::Result<()> {
    if file.live.len() + file.moved.len() > super::MOST_FORWARDS {
        return Err(io::Error::other("it has too many ports"));
    }
    Ok(())
}

mod transport_name {
    //! `tcp` and `udp`.

    use protocol::Transport;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::super::entry::protocol_name;

    pub fn serialize<S: Serializer>(transport: &Transport, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(protocol_name(*transport))
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Transport, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "tcp" => Ok(Transport::Tcp),
            "udp" => Ok(Transport::Udp),
            _ => Err(D::Error::custom("`protocol` must be `tcp` or `udp`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn save_and_load_give_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (mut kept, warning) = Kept::load(folder.path());
        assert_eq!((kept.live.len(), warning), (0, None));
        let [from, to] = ["127.0.0.1:80", "[::1]:81"].map(|text| text.parse().unwrap());
        kept.set_moved("c1", Transport::Udp, from, to);
        kept.live.push(Live {
            container: "c1".to_owned(),
            name: "web".to_owned(),
            protocol: Transport::Tcp,
            host: to,
            container_port: 80,
        });
        kept.save().await;
        let (again, warning) = Kept::load(folder.path());
        assert_eq!(
            (&again.live, &again.moved, warning),
            (&kept.live, &kept.moved, None)
        );
        assert_eq!(again.moved_from(Transport::Udp, from).count(), 1);
        kept.set_moved("c1", Transport::Udp, from, from);
        kept.forget_live("c1", Transport::Tcp, to);
        assert!(kept.moved.is_empty() && kept.live.is_empty());
    }

    #[test]
    fn load_of_a_bad_file_sets_it_aside_with_one_warning() {
        let bad = [&b"{"[..], b"\xff", br#"{"live":[{"protocol":"sctp"}]}"#];
        for content in bad {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE.name), content).unwrap();
            let (kept, warning) = Kept::load(folder.path());
            assert!(kept.live.is_empty() && warning.unwrap().contains(FILE.aside));
            assert_eq!(fs::read(folder.path().join(FILE.aside)).unwrap(), content);
            assert_eq!(Kept::load(folder.path()).1, None);
        }
    }
}
