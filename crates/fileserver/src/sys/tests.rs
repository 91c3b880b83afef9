//! What every host's folder must do: run on each of them.

mod contents;
mod links;
mod listing;
mod names;
mod served;

use tempfile::TempDir;

use super::HostFolder;
use crate::{Found, Name, OpenMode, Volume};

pub type Node = <HostFolder as Volume>::Node;
pub type File = <HostFolder as Volume>::File;

pub const READ_WRITE: OpenMode = OpenMode {
    read: true,
    write: true,
    append: false,
    truncate: false,
    synchronous: false,
};

/// An empty folder of the host.
pub struct Folder {
    pub host: TempDir,
    pub volume: HostFolder,
    pub root: Node,
}

impl Folder {
    pub fn new() -> Self {
        let host = TempDir::new().unwrap();
        let volume = HostFolder::open(host.path()).unwrap();
        let root = volume.root().unwrap().node;
        Self { host, volume, root }
    }

    pub fn find(&self, text: &str) -> Found<Node> {
        self.volume.find(&self.root, &name(text)).unwrap()
    }

    /// Makes a file of these bytes and leaves it open.
    pub fn file(&self, text: &str, bytes: &[u8]) -> (Node, File) {
        self.file_in(&self.root, text, bytes)
    }

    pub fn file_in(&self, folder: &Node, text: &str, bytes: &[u8]) -> (Node, File) {
        let (found, file) = self
            .volume
            .create(folder, &name(text), READ_WRITE, 0o644)
            .unwrap();
        assert_eq!(self.volume.write(&file, 0, bytes), Ok(bytes.len()));
        (found.node, file)
    }

    pub fn folder(&self, text: &str) -> Node {
        let made = self.volume.make_folder(&self.root, &name(text), 0o755);
        made.unwrap().node
    }

    /// All bytes of an open file.
    pub fn bytes(&self, file: &File) -> Vec<u8> {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.volume.read(file, 0, &mut buffer).unwrap();
        buffer.truncate(count);
        buffer
    }

    /// All bytes of what has this name.
    pub fn bytes_of(&self, text: &str) -> Vec<u8> {
        let mode = OpenMode {
            read: true,
            ..OpenMode::default()
        };
        self.bytes(&self.volume.open(&self.find(text).node, mode).unwrap())
    }
}

pub fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}
