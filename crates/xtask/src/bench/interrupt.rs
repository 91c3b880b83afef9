//! Ctrl+C: a benchmark ends what it started before it ends itself.
//!
//! Without this the signal would end the program on the spot, and with it every `Drop`. The terminal sends the signal to
//! the programs that were started from here too; what waits for them fails, or asks [`Interrupt::check`].

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, bail};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// What a shell shows for a program that Ctrl+C ended.
const ENDED_BY_INTERRUPT: i32 = 130;

/// Whether somebody pressed Ctrl+C.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes the signals from here on. The first is remembered, the second ends the program on the spot.
    pub fn listen() -> Result<Self> {
        let interrupt = Self(Arc::default());
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        let mut pressed = signal(SignalKind::interrupt()).context("failed to listen for Ctrl+C")?;
        let mut asked = signal(SignalKind::terminate()).context("failed to listen for the end")?;
        drop(entered);
        let flag = interrupt.clone();
        thread::Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || {
                let next = async || {
                    tokio::select! {
                        _ = pressed.recv() => {}
                        _ = asked.recv() => {}
                    }
                };
                runtime.block_on(flag.follow(next));
            })
            .context("failed to start a thread")?;
        Ok(interrupt)
    }

    async fn follow(&self, mut next: impl AsyncFnMut()) {
        next().await;
        self.0.store(true, Ordering::Release);
        eprintln!("\nending what was started; Ctrl+C once more leaves it as it is");
        next().await;
        process::exit(ENDED_BY_INTERRUPT);
    }

    /// Fails once it was pressed.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Acquire) {
            bail!("interrupted");
        }
        Ok(())
    }

    /// One that nothing reaches.
    #[cfg(test)]
    pub fn never() -> Self {
        Self(Arc::default())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn check_after_the_signal_fails() {
        let interrupt = Interrupt::listen().unwrap();
        interrupt.check().unwrap();
        kill_process(getpid(), Signal::INT).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while interrupt.check().is_ok() {
            assert!(Instant::now() < deadline, "the signal was not seen");
            thread::yield_now();
        }
    }
}
