//! The process that dockerd takes for its `docker-proxy`: a published port's representative among dockerd's children.
//!
//! ```text
//!   asks ── answer ──► tells dockerd (fd 3) ──► parks ── SIGINT ──► tells the agent, waits until all is freed ──► ends
//!                                                  └──── SIGTERM: dockerd died; or the agent is gone ───────────► ends
//! ```
//! There is one for each port, so it is small: one thread, no runtime.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, FromRawFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use protocol::FrameDecoder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    handover::{self, Answer, RELEASE},
    request::Request,
};

/// The program's name, by which it knows what it is.
pub const NAME: &str = "docker-proxy";
/// Name of the agent's socket, in the folder of the program.
pub const SOCKET: &str = "publish.sock";

/// dockerd waits for 16 s (moby, libnetwork/portmapper: `StartProxy`), the agent for less than this.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long dockerd may be held up when it frees a port. The agent needs no time worth the name.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

/// Descriptors that dockerd gives.
const REPORT: i32 = 3;
const LISTENER: i32 = 4;

/// Represents a published port until dockerd frees it. `words` are the command line, the program's path first.
pub fn run(words: &[&str]) -> ExitCode {
    let Some(report) = inherited(REPORT) else {
        return ExitCode::from(2);
    };
    match Signals::block().and_then(|signals| Ok((ask(words, &signals)?, signals))) {
        Ok((Some(agent), signals)) => {
            tell(report, "0\n");
            park(agent, &signals);
            ExitCode::SUCCESS
        }
        // dockerd does not wait for the answer any more.
        Ok((None, _)) => ExitCode::SUCCESS,
        Err(error) => {
            tell(report, &format!("1\n{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells dockerd, and closes: it reads a failure's reason up to the end.
fn tell(report: OwnedFd, text: &str) {
    // A dockerd that gave up in the meantime frees the port as well.
    let _ = File::from(report).write_all(text.as_bytes());
}

/// Asks the agent. `None` when a signal came first.
fn ask(words: &[&str], signals: &Signals) -> anyhow::Result<Option<UnixStream>> {
    let (program, arguments) = words.split_first().context("the command line is empty")?;
    let (request, has_listener) = Request::parse(arguments)?;
    let listener = if has_listener {
        Some(inherited(LISTENER).context("dockerd gave no listener")?)
    } else {
        None
    };
    let socket = socket(program);
    let mut agent =
        UnixStream::connect(&socket).with_context(|| format!("failed to connect to {}", socket.display()))?;
    handover::send(&agent, &request, listener.as_ref().map(OwnedFd::as_fd))?;
    // From here on only the agent holds it, so that closing it there frees the port.
    drop(listener);
    let end = Instant::now() + ANSWER_LIMIT;
    let mut decoder = FrameDecoder::<Answer>::default();
    loop {
        if let Some(answer) = decoder.next_message()? {
            return match answer {
                Ok(()) => Ok(Some(agent)),
                Err(reason) => bail!(reason),
            };
        }
        match signals.or_readable(&agent, Some(end))? {
            Woken::Readable => {}
            Woken::Signal(_) => return Ok(None),
            Woken::TooLate => bail!(
                "the guest agent did not answer within {} s",
                ANSWER_LIMIT.as_secs()
            ),
        }
        let mut bytes = [0; 1024];
        let length = agent
            .read(&mut bytes)
            .context("failed to read the guest agent's answer")?;
        if length == 0 {
            bail!("the guest agent gave no answer");
        }
        decoder.push(&bytes[..length]);
    }
}

fn socket(program: &str) -> PathBuf {
    Path::new(program).with_file_name(SOCKET)
}

/// Waits until the port is freed, or the agent or dockerd is gone.
fn park(mut agent: UnixStream, signals: &Signals) {
    // It says nothing more: what can be read is its end.
    if !matches!(signals.or_readable(&agent, None), Ok(Woken::Signal(libc::SIGINT))) {
        return;
    }
    let end = Instant::now() + RELEASE_LIMIT;
    if agent.write_all(&[RELEASE]).is_ok() {
        // dockerd may bind the same port as soon as we have ended. An agent that is too slow delays that no further.
        let _ = signals.or_readable(&agent, Some(end));
    }
}

/// What dockerd gave as this descriptor. `None` when it is not open.
#[expect(unsafe_code, reason = "a descriptor that is inherited has only a number")]
fn inherited(number: i32) -> Option<OwnedFd> {
    // SAFETY: only asks about the number; it is negative when nothing is open there.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return None;
    }
    // SAFETY: it is open, and nothing in this process owns it: both are taken once each, before anything else is opened
    // that could get the same number.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The two signals that end a proxy, as something to wait for.
struct Signals {
    descriptor: OwnedFd,
}

enum Woken {
    Signal(i32),
    Readable,
    TooLate,
}

impl Signals {
    /// Takes both from now on. That they may be ignored, which is inherited, does not matter then.
    #[expect(unsafe_code, reason = "signal sets have no safe form")]
    fn block() -> anyhow::Result<Self> {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigemptyset` fills the set before anybody reads it; the others get valid pointers and known signals.
        // The process has one thread, so that its mask is the process's. A new descriptor is ours alone.
        let descriptor = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
            if libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error()).context("failed to block signals");
            }
            match libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC) {
                -1 => return Err(io::Error::last_os_error()).context("failed to wait for signals"),
                number => OwnedFd::from_raw_fd(number),
            }
        };
        Ok(Self { descriptor })
    }

    /// Waits for a signal, or for something to read.
    fn or_readable(&self, stream: &UnixStream, end: Option<Instant>) -> anyhow::Result<Woken> {
        let left = end
            .map(|end| Timespec::try_from(end.saturating_duration_since(Instant::now())))
            .transpose()?;
        let mut polled = [
            PollFd::new(&self.descriptor, PollFlags::IN),
            PollFd::new(stream, PollFlags::IN),
        ];
        let count = poll(&mut polled, left.as_ref()).context("failed to wait")?;
        if polled[0].revents().contains(PollFlags::IN) {
            let mut record = [0; size_of::<libc::signalfd_siginfo>()];
            rustix::io::read(&self.descriptor, &mut record).context("failed to read a signal")?;
            // Its first field is the number (signalfd(2)).
            let number = u32::from_ne_bytes([record[0], record[1], record[2], record[3]]);
            return Ok(Woken::Signal(i32::try_from(number)?));
        }
        Ok(if count == 0 {
            Woken::TooLate
        } else {
            Woken::Readable
        })
    }
}
