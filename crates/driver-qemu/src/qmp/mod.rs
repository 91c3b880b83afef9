//! The machine's control connection (QMP): JSON objects, one a line.
//!
//! The session is our own and tolerant: what it does not know it keeps as a raw value, and nothing that QEMU sends
//! can end it except the end of the connection. The commands' types are those of the `qapi` crate.
//!
//! ```text
//!   QEMU ──► {"QMP": …}                                greeting
//!        ◄── {"execute":"qmp_capabilities","id":1}
//!        ──► {"return":{},"id":1}
//!        ──► {"event":"STOP","timestamp":…}            at any time
//! ```

mod line;
mod message;
mod session;

pub(crate) use message::RawEvent;
pub(crate) use session::Session;
