//! Many things done at the same time.

use std::thread;

use anyhow::{Result, anyhow};

/// Does it `count` times at once, each on a thread. Returns what came of each, in order.
pub fn each<T: Send>(count: usize, act: impl Fn(usize) -> Result<T> + Sync) -> Vec<Result<T>> {
    thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || act(number)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|result| result.unwrap_or_else(|panic| Err(anyhow!("a thread panicked: {panic:?}"))))
            .collect()
    })
}
