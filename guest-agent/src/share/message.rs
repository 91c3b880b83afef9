//! FUSE messages as far as the guest looks at them, and those of our own between them (docs/protocol.md).
//!
//! ```text
//!   to the server    [len u32][opcode u32][unique u64][node u64][uid u32][gid u32][pid u32][extlen u16][0 u16] body
//!   from the server  [len u32][error i32][unique u64] body
//! ```
//! All numbers are little endian, as on every machine that the guest runs on.

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Length of what every request begins with (`fuse_in_header`).
pub const REQUEST_HEADER: usize = 40;
/// Length of what every answer begins with (`fuse_out_header`).
pub const ANSWER_HEADER: usize = 16;
/// Longer than any answer: 1 MiB of data and what goes with it.
pub const MAX_ANSWER: usize = (1 << 20) + (64 << 10);

/// linux/fuse.h, `enum fuse_opcode`.
const FORGET: u32 = 2;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const NOTIFY_REPLY: u32 = 41;
const BATCH_FORGET: u32 = 42;

/// linux/fuse.h, `enum fuse_notify_code`: the kernel would send again what it asked, under other numbers.
const NOTIFY_RESEND: i32 = 7;
/// The kernel's own codes are below.
const KERNEL_NOTIFICATIONS: std::ops::Range<i32> = 1..0x1000;

const ADOPT: u32 = 0x5000;
const REPLAYER: u32 = 0x5001;
const REPLAYED: u32 = 0x5002;
const REPLAY: i32 = 0x5000;

/// What a request begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What is asked.
    opcode: u32,
    /// The answer has the same.
    pub unique: u64,
}

impl Head {
    /// Reads it. None for what is no request.
    pub fn of(request: &[u8]) -> Option<Self> {
        let length = usize::try_from(u32_at(request, 0)?).ok()?;
        if length != request.len() || length < REQUEST_HEADER {
            return None;
        }
        Some(Self {
            opcode: u32_at(request, 4)?,
            unique: u64_at(request, 8)?,
        })
    }

    /// Whether it is the kernel's first, by which the two agree on how they talk.
    pub fn is_init(self) -> bool {
        self.opcode == INIT
    }

    /// Whether somebody waits for an answer.
    pub fn has_answer(self) -> bool {
        !matches!(self.opcode, FORGET | BATCH_FORGET | INTERRUPT | NOTIFY_REPLY)
    }
}

/// What came from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromServer {
    /// The answer to a request.
    Answer {
        /// The request's.
        unique: u64,
    },
    /// For the kernel, unasked.
    Notification,
    /// A change on the host that programs in containers should be told of. For the replayer.
    Replay,
    /// Nothing that this guest knows.
    Unknown,
}

/// Tells what a whole message of the server is.
pub fn kind(message: &[u8]) -> FromServer {
    match (u64_at(message, 8), error(message)) {
        (Some(0), Some(REPLAY)) => FromServer::Replay,
        (Some(0), Some(code)) if code != NOTIFY_RESEND && KERNEL_NOTIFICATIONS.contains(&code) => {
            FromServer::Notification
        }
        (Some(unique), Some(error)) if unique != 0 && error <= 0 => FromServer::Answer { unique },
        _ => FromServer::Unknown,
    }
}

/// What kernel and server agreed on, as far as it must be the same with another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    version: (u32, u32),
    flags: (u32, u32),
    max_write: u32,
    max_pages: u16,
}

impl Agreed {
    /// Reads it from the answer to INIT (`fuse_init_out`). None when the server refused.
    pub fn of(answer: &[u8]) -> Option<Self> {
        if error(answer)? != 0 {
            return None;
        }
        let body = answer.get(ANSWER_HEADER..)?;
        Some(Self {
            version: (u32_at(body, 0)?, u32_at(body, 4)?),
            flags: (u32_at(body, 12)?, u32_at(body, 32)?),
            max_write: u32_at(body, 20)?,
            max_pages: u16::from_le_bytes(body.get(28..30)?.try_into().ok()?),
        })
    }
}

/// The answer that a request failed. `errno` is positive.
pub fn failure(unique: u64, errno: i32) -> Vec<u8> {
    let mut answer = Vec::with_capacity(ANSWER_HEADER);
    answer.extend(16_u32.to_le_bytes());
    answer.extend((-errno).to_le_bytes());
    answer.extend(unique.to_le_bytes());
    answer
}

/// Tells a new server that the kernel still uses a node. The path is below the share, its names separated by NUL.
pub fn adopt(node: u64, path: &[u8]) -> Vec<u8> {
    ours(ADOPT, node, 0, path)
}

/// Tells the server by which thread replays are done.
pub fn replayer(thread: u32) -> Vec<u8> {
    ours(REPLAYER, 0, thread, &[])
}

/// Tells the server that a replay was done. `errno`: 0, or why not.
pub fn replayed(number: u64, errno: i32) -> Vec<u8> {
    ours(REPLAYED, number, 0, &errno.unsigned_abs().to_le_bytes())
}

fn ours(opcode: u32, node: u64, pid: u32, body: &[u8]) -> Vec<u8> {
    // Paths are far shorter than 4 GiB.
    let length = u32::try_from(REQUEST_HEADER + body.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(REQUEST_HEADER + body.len());
    message.extend(length.to_le_bytes());
    message.extend(opcode.to_le_bytes());
    message.extend(0_u64.to_le_bytes());
    message.extend(node.to_le_bytes());
    message.extend([0; 8]);
    message.extend(pid.to_le_bytes());
    message.extend([0; 4]);
    message.extend(body);
    message
}

/// Reads the server's next message, or none after the stream's clean end.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if stream
        .read(&mut length[..1])
        .await
        .context("failed to read an answer")?
        == 0
    {
        return Ok(None);
    }
    stream
        .read_exact(&mut length[1..])
        .await
        .context("failed to read an answer")?;
    let bytes = usize::try_from(u32::from_le_bytes(length))?;
    if !(ANSWER_HEADER..=MAX_ANSWER).contains(&bytes) {
        bail!("the server sent an answer of {bytes} bytes, which none can have");
    }
    let mut message = vec![0; bytes];
    message[..4].copy_from_slice(&length);
    stream
        .read_exact(&mut message[4..])
        .await
        .context("failed to read an answer")?;
    Ok(Some(message))
}

fn error(answer: &[u8]) -> Option<i32> {
    Some(i32::from_le_bytes(answer.get(4..8)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A request of the kernel's without a body.
    pub fn request(opcode: u32, unique: u64) -> Vec<u8> {
        let mut message = ours(opcode, 1, 0, &[]);
        message[8..16].copy_from_slice(&unique.to_le_bytes());
        message
    }

    fn from_server(error: i32, unique: u64) -> Vec<u8> {
        failure(unique, -error)
    }

    #[test]
    fn head_of_what_is_no_request_is_none() {
        let whole = request(3, 7);
        assert_eq!(Head::of(&whole), Some(Head { opcode: 3, unique: 7 }));
        assert_eq!(Head::of(&whole[..39]), None);
        assert_eq!(Head::of(&[&whole[..], b"x"].concat()), None);
        assert_eq!(Head::of(&[]), None);
    }

    #[test]
    fn head_forget_and_interrupt_have_no_answer() {
        for (opcode, has_answer) in [(1, true), (2, false), (36, false), (42, false), (26, true)] {
            let head = Head::of(&request(opcode, 1)).unwrap();
            assert_eq!(head.has_answer(), has_answer, "{opcode}");
        }
    }

    #[test]
    fn kind_tells_ours_from_the_kernels() {
        assert_eq!(kind(&from_server(-5, 9)), FromServer::Answer { unique: 9 });
        assert_eq!(kind(&from_server(0, 9)), FromServer::Answer { unique: 9 });
        assert_eq!(kind(&from_server(3, 0)), FromServer::Notification);
        assert_eq!(kind(&from_server(0x5000, 0)), FromServer::Replay);
        for (error, unique) in [(0, 0), (-5, 0), (7, 0), (0x5001, 0), (3, 9)] {
            assert_eq!(
                kind(&from_server(error, unique)),
                FromServer::Unknown,
                "{error} {unique}"
            );
        }
        assert_eq!(kind(&[0; 9]), FromServer::Unknown);
    }

    #[test]
    fn ours_have_their_numbers_in_place() {
        let message = adopt(0x0102_0304_0506, b"a\0b");
        assert_eq!(message.len(), 43);
        assert_eq!(u32_at(&message, 0), Some(43));
        assert_eq!(u32_at(&message, 4), Some(0x5000));
        assert_eq!(u64_at(&message, 8), Some(0));
        assert_eq!(u64_at(&message, 16), Some(0x0102_0304_0506));
        assert_eq!(&message[40..], b"a\0b");
        assert_eq!(u32_at(&replayer(77), 32), Some(77));
        assert_eq!(u64_at(&replayed(5, 17), 16), Some(5));
        assert_eq!(replayed(5, 17)[40..], [17, 0, 0, 0]);
    }

    #[tokio::test]
    async fn read_of_lengths_that_no_answer_has_fails() {
        for length in [0_u32, 15, u32::try_from(MAX_ANSWER).unwrap() + 1, u32::MAX] {
            let bytes = [&length.to_le_bytes()[..], &[0; 64]].concat();
            let error = read(&mut &bytes[..]).await.unwrap_err();
            assert!(error.to_string().contains("none can have"), "{error}");
        }
        // Cut off within a message is no clean end.
        assert!(read(&mut &failure(1, 5)[..15]).await.is_err());
        assert!(read(&mut &b"\x10"[..]).await.is_err());
    }

    #[tokio::test]
    async fn read_goes_message_by_message() {
        let bytes = [failure(1, 5), failure(2, 5)].concat();
        let mut stream = &bytes[..];
        assert_eq!(read(&mut stream).await.unwrap(), Some(failure(1, 5)));
        assert_eq!(read(&mut stream).await.unwrap(), Some(failure(2, 5)));
        assert_eq!(read(&mut stream).await.unwrap(), None);
    }

    #[test]
    fn agreed_differs_by_what_matters_only() {
        let answer = |at: usize| {
            let mut answer = [failure(1, 0), vec![0; 64]].concat();
            answer[ANSWER_HEADER + at] = 1;
            answer
        };
        let plain = Agreed::of(&answer(63)).unwrap();
        for at in [0, 4, 12, 20, 28, 32] {
            assert_ne!(Agreed::of(&answer(at)), Some(plain), "{at}");
        }
        // How much the kernel reads ahead.
        assert_eq!(Agreed::of(&answer(8)), Some(plain));
        assert_eq!(Agreed::of(&failure(1, 5)), None);
        assert_eq!(Agreed::of(&failure(1, 0)), None);
    }
}
