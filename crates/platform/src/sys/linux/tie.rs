//! The kernel's parent-death signal.
//!
//! It is sent when the *thread* that forked ends, not the process, so all tied children are spawned by one thread that
//! never ends (seen the hard way by others: children spawned from a pool thread died with it).
#![expect(unsafe_code, reason = "what a new process does before its program starts")]

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::{
        OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use rustix::process::{Pid, Signal};

/// Nothing to hold: the kernel keeps the tie.
#[derive(Debug)]
pub struct Tie;

impl Tie {
    /// Ends the child, unless it was reaped already.
    pub fn kill(&self, child: &mut Child) -> io::Result<()> {
        child.kill()
    }
}

struct Order {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

/// Spawns the command so that the kernel kills it when we are gone.
pub fn spawn(mut command: Command) -> io::Result<(Child, Tie)> {
    let parent = rustix::process::getpid();
    command.process_group(0);
    // SAFETY: the closure runs between fork and exec and makes only system calls; it allocates nothing and takes no
    // lock.
    unsafe { command.pre_exec(move || tie_to(parent)) };

    let (answer, spawned) = channel();
    let order = Order { command, answer };
    let gone = || io::Error::other("the thread that spawns children is gone");
    spawner()?.send(order).map_err(|_| gone())?;
    let child = spawned.recv().map_err(|_| gone())??;
    Ok((child, Tie))
}

fn tie_to(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // Whoever died before the line above sent no signal.
    if rustix::process::getppid() != Some(parent) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}

/// The one thread. It holds no state: it only has to be the same one for as long as the process lives.
fn spawner() -> io::Result<&'static Sender<Order>> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    if let Some(orders) = SPAWNER.get() {
        return Ok(orders);
    }
    let (orders, inbox) = channel();
    thread::Builder::new()
        .name("child spawner".into())
        .spawn(move || serve(&inbox))?;
    // The loser of a race drops its sender, and with it its idle thread.
    Ok(SPAWNER.get_or_init(|| orders))
}

fn serve(inbox: &Receiver<Order>) {
    for Order { mut command, answer } in inbox {
        if let Err(unheard) = answer.send(command.spawn()) {
            // Whoever asked is gone; nobody would ever end this child.
            if let Ok(mut child) = unheard.0 {
                let _ = child.kill().and_then(|()| child.wait());
            }
        }
    }
}
