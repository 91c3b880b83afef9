//! The foreground guard: stops a container whose foreground client gave up or died, where the engine would let it run.
//!
//! The relay tells what each client did ([`Client`], [`Attachment`]); one task groups that by client process and
//! container; [`GuardHost`] answers questions about the container, and acts. Nothing is decided from one look at the
//! client alone: every rule asks the container first, and every question that cannot be answered now means "do nothing".
//!
//! ```text
//!             attached and started        evidence                    delay over, container asked
//!  Preparing ─────────────────────► Watching ─────► (delay of the rule) ─────► Acting ──► Over
//!      │ client ended: rule O           │ ▲               │                      │
//!      │ (attached, not started)        │ └── cancelled ──┘ ◄──── it failed ─────┘
//!      └──────────────► Over ◄──────────┘ container ended or is another run, stream lost, stop asked for, exempt
//! ```
//!
//! That is one session: one container whose client made it, attached to it and started it. The rules, with the letters
//! that the journal uses:
//!
//! | rule | evidence | action |
//! | --- | --- | --- |
//! | K | INT, TERM or QUIT sent, which the main process neither catches nor blocks | stop at once |
//! | K2 | a second INT, or the client gone within 10 s | stop |
//! | K3 | one INT without a terminal, still running after 10 s | stop |
//! | H | HUP, then CONT at once or the end of a terminal's input | stop after 2 s |
//! | T | Ctrl+C typed on a terminal where it does nothing | stop |
//! | C1 | no terminal, so no key to detach: the client left | stop after 2 s |
//! | C2, C3 | terminal, the client left after K, or its exit code is no detach's | stop after 2 s |
//! | C4 | terminal, left in any other way | nothing: it detached |
//! | O | client ended between attach and start of a container with `--rm` | remove |
//! | X | an exec's client left | end the exec's processes |

mod client;
mod create_facts;
mod decision;
mod exec;
mod exempt;
mod host;
mod input;
mod session;
mod settings;
mod signal;
mod task;

pub use client::{Attachment, Client, Guard};
pub use create_facts::CreateFacts;
pub(crate) use create_facts::folded;
pub use decision::{Action, Decision, Evidence, Rule};
pub use host::{ClientIdentity, ContainerNow, GuardHost, ProcessNow, TerminalNow};
pub use input::ClosedBy;
pub use settings::{GuardMode, GuardSettings};
pub use signal::Signal;

#[cfg(test)]
mod tests;
