//! Keeps a share's folder watched.
//!
//! ```text
//!   start ──► watched ── there is more than the host has watches for ──► wait, then once more from the start
//!     │                  (what is still heard of goes on being pushed)     ▲
//!     └── failed: nothing is watched ──────────────────────────────────────┘
//! ```
//!
//! Each start walks through the whole folder, so the waits grow.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The first wait before another start, and the longest.
pub const WAITS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(30 * 60)];

/// What can be watched, and who is told.
pub trait Watched: Sync {
    /// While it exists the folder is watched.
    type Watch: Send + Sync;

    /// Starts a watch of the whole folder, or says why that cannot be.
    fn start(&self) -> impl Future<Output = Result<Self::Watch, String>> + Send;

    /// Resolves, with the reason, when a watch does not hear of everything any more.
    fn gap(watch: &Self::Watch) -> impl Future<Output = String> + Send;

    /// Tells that everything is heard of, or why not.
    fn tell(&self, news: Result<(), String>) -> impl Future<Output = ()> + Send;
}

/// Never ends: a share that is not watched goes on.
pub async fn keep_watched<W: Watched>(watched: &W) {
    let [least, most] = WAITS;
    let mut wait = least;
    loop {
        let (watch, reason) = match watched.start().await {
            Ok(watch) => {
                watched.tell(Ok(())).await;
                let began = Instant::now();
                let reason = W::gap(&watch).await;
                if began.elapsed() >= most {
                    wait = least;
                }
                (Some(watch), reason)
            }
            Err(reason) => (None, reason),
        };
        watched.tell(Err(reason)).await;
        sleep(wait).await;
        wait = most.min(wait * 2);
        // Its watches are needed for the next one.
        drop(watch);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    /// A folder whose watches do what a test says.
    struct Scripted {
        /// The outcomes of starts, last first.
        starts: Mutex<Vec<Result<oneshot::Receiver<String>, String>>>,
        started: mpsc::UnboundedSender<Instant>,
        told: mpsc::UnboundedSender<Result<(), String>>,
        alive: &'static AtomicUsize,
    }

    struct ScriptedWatch {
        gap: Mutex<Option<oneshot::Receiver<String>>>,
        alive: &'static AtomicUsize,
    }

    impl Drop for ScriptedWatch {
        fn drop(&mut self) {
            self.alive.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Watched for Scripted {
        type Watch = ScriptedWatch;

        async fn start(&self) -> Result<ScriptedWatch, String> {
            self.started.send(Instant::now()).unwrap();
            let next = self.starts.lock().unwrap().pop();
            let gap = match next {
                Some(outcome) => outcome?,
                None => std::future::pending().await,
            };
            assert_eq!(self.alive.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
            Ok(ScriptedWatch {
                gap: Mutex::new(Some(gap)),
                alive: self.alive,
            })
        }

        async fn gap(watch: &ScriptedWatch) -> String {
            let gap = watch.gap.lock().unwrap().take().unwrap();
            gap.await.unwrap()
        }

        async fn tell(&self, news: Result<(), String>) {
            self.told.send(news).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn keep_watched_a_gap_is_told_and_the_watch_is_made_anew() {
        static ALIVE: AtomicUsize = AtomicUsize::new(0);
        let used_up = || "watches are used up".to_owned();
        let (fill, first) = oneshot::channel();
        let (_fill_second, second) = oneshot::channel();
        let (tell_started, mut started) = mpsc::unbounded_channel();
        let (tell, mut told) = mpsc::unbounded_channel();
        let scripted = Scripted {
            starts: Mutex::new(vec![Ok(second), Err(used_up()), Ok(first)]),
            started: tell_started,
            told: tell,
            alive: &ALIVE,
        };
        let keeping = tokio::spawn(async move { keep_watched(&scripted).await });
        let begin = started.recv().await.unwrap();
        assert_eq!(told.recv().await.unwrap(), Ok(()));
        fill.send("too many folders".to_owned()).unwrap();
        assert_eq!(told.recv().await.unwrap(), Err("too many folders".to_owned()));
        // What it still hears of is worth having until the next try.
        assert_eq!(ALIVE.load(Ordering::SeqCst), 1);
        let again = started.recv().await.unwrap();
        assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
        assert_eq!(told.recv().await.unwrap(), Err(used_up()));
        let last = started.recv().await.unwrap();
        assert_eq!(told.recv().await.unwrap(), Ok(()));
        // The clock is the test's own.
        assert_eq!(
            [again - begin, last - again].map(|wait| wait.as_secs()),
            [60, 120]
        );
        keeping.abort();
    }
}
