//! Waiting for something to become true, with a generous deadline and no luck.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Asks again and again until `probe` is true.
pub fn until(what: &str, deadline: Duration, mut probe: impl FnMut() -> Result<bool>) -> Result<()> {
    until_some(what, deadline, || Ok(probe()?.then_some(())))
}

/// Asks again and again until `probe` has an answer.
pub fn until_some<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if begun.elapsed() > deadline {
            bail!("{what} did not happen within {deadline:?}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}
