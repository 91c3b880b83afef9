//! The guard through its public face, against a host that models one container. Time is tokio's paused clock.

mod exec;
mod fake;
mod intent;
mod leaving;
mod random;
mod sessions;
