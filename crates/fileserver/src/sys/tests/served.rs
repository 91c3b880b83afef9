//! The whole way: messages of a guest's kernel in, files of this host out.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::HostFolder;
use crate::{Access, FileServer, ShareOptions};

const ROOT: u64 = 1;
const LOOKUP: u32 = 1;
const READ: u32 = 15;
const WRITE: u32 = 16;
const INIT: u32 = 26;
const CREATE: u32 = 35;
/// Bytes of `fuse_entry_out`.
const ENTRY_BYTES: usize = 128;

struct Guest {
    stream: DuplexStream,
    unique: u64,
}

impl Guest {
    /// Sends a request and returns the answer's body, or its error.
    async fn ask(&mut self, opcode: u32, node: u64, body: &[u8]) -> Result<Vec<u8>, i32> {
        self.unique += 1;
        let mut message = (40 + body.len() as u32).to_le_bytes().to_vec();
        message.extend_from_slice(&opcode.to_le_bytes());
        message.extend_from_slice(&self.unique.to_le_bytes());
        message.extend_from_slice(&node.to_le_bytes());
        // Root of process 1.
        message.extend([0_u32, 0, 1, 0].into_iter().flat_map(u32::to_le_bytes));
        message.extend_from_slice(body);
        self.stream.write_all(&message).await.unwrap();
        let mut header = [0; 16];
        self.stream.read_exact(&mut header).await.unwrap();
        let length = u32::from_le_bytes(*header.first_chunk().unwrap());
        let error = i32::from_le_bytes(*header[4..].first_chunk().unwrap());
        assert_eq!(number(&header, 8), self.unique);
        let mut answer = vec![0; length as usize - header.len()];
        self.stream.read_exact(&mut answer).await.unwrap();
        if error == 0 { Ok(answer) } else { Err(error) }
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().unwrap())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().copied().flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn serve_file_made_in_the_guest_is_on_the_host_and_back() {
    let host = tempfile::TempDir::new().unwrap();
    let options = ShareOptions {
        access: Access::ReadWrite,
        ..ShareOptions::default()
    };
    let server = FileServer::new(HostFolder::open(host.path()).unwrap(), options).unwrap();
    let (stream, servers) = tokio::io::duplex(1 << 16);
    let serving = tokio::spawn(async move { server.serve(servers).await });
    let mut guest = Guest { stream, unique: 0 };
    let mut init = words(&[7, 41, 1 << 17, 0]);
    init.resize(64, 0);
    guest.ask(INIT, 0, &init).await.unwrap();

    // O_RDWR, -rw-r--r--.
    let mut create = words(&[2, 0o100_644, 0, 0]);
    create.extend_from_slice(b"made\0");
    let made = guest.ask(CREATE, ROOT, &create).await.unwrap();
    let (node, handle) = (number(&made, 0), number(&made, ENTRY_BYTES));
    let place = |size: u32| {
        let mut place = handle.to_le_bytes().to_vec();
        place.extend_from_slice(&0_u64.to_le_bytes());
        place.extend(words(&[size, 0, 0, 0, 0, 0]));
        place
    };
    let write = [&place(5)[..], b"hello"].concat();
    guest.ask(WRITE, node, &write).await.unwrap();
    assert_eq!(std::fs::read(host.path().join("made")).unwrap(), b"hello");

    std::fs::write(host.path().join("made"), b"from here").unwrap();
    assert_eq!(guest.ask(READ, node, &place(100)).await.unwrap(), b"from here");
    let found = guest.ask(LOOKUP, ROOT, b"made\0").await.unwrap();
    assert_eq!(number(&found, 0), node);
    assert_eq!(guest.ask(LOOKUP, ROOT, b"missing\0").await, Err(-2));
    drop(guest);
    serving.await.unwrap().unwrap();
}
