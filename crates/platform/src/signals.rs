//! The request to end, as the OS delivers it.

use std::future;

use crate::sys::os;

/// Resolves when somebody asks this process to end: SIGTERM, SIGINT or SIGHUP; on Windows Ctrl+C, Ctrl+Break, and
/// closing the console, logging off or shutting down.
///
/// From the first poll on these no longer end the process by themselves, so poll it early. Where they cannot be caught
/// (out of file descriptors) it never resolves and they end the process as usual.
pub async fn terminate_signal() {
    if let Err(error) = os::terminate_signal().await {
        tracing::error!(%error, "failed to catch terminate signals");
        future::pending::<()>().await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{future::poll_fn, pin::pin, task::Poll};

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn terminate_signal_after_sighup_resolves() {
        let mut asked = pin!(terminate_signal());
        // The first poll catches the signals.
        poll_fn(|context| {
            assert!(asked.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        kill_process(getpid(), Signal::HUP).unwrap();
        asked.await;
    }
}
