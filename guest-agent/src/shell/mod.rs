//! Programs that the host runs in the machine, with a terminal or without.

mod pty;
mod running;
mod terminals;

pub use running::{Program, run};
pub use terminals::Terminals;
