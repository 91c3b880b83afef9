//! What hosts do to processes.

#[cfg(unix)]
mod unix;
