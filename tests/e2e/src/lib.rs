//! End-to-end cases: the built programs, as a user runs them, against a real engine.
//!
//! ```text
//!   tests/fake.rs    one machine without a VM (driver `fake`), every case that needs no VM
//!   tests/stop.rs    one machine without a VM: what stops a container, and the endpoint beside dockerd's own socket
//!   tests/ports.rs   one machine without a VM: ports of containers on the host
//!   tests/files.rs   one machine without a VM: folders of the host in containers
//!   tests/vm.rs      one machine in QEMU, the same cases and those that only a VM can show
//!   tests/faults.rs  many short-lived homes: bad files, missing programs, kills
//!        │
//!        ▼
//!   Suite ─► Machine { Home, Pinnace, Docker } ─► Case = fn(&Machine) -> Result
//! ```
//!
//! A case arranges, acts, and asserts on what a user would see: output, exit code, status. Its name is
//! `action_condition_result`. Cases of one machine run one after another and leave it running. After the last case the
//! machine is stopped, and a process, mount or control group that is left over fails the run.
//!
//! `cargo xtask e2e` builds what the cases need. What they read: `PINNACE_E2E_BIN_DIR` (the programs; else the folder
//! that this test was built into), `PINNACE_VM_IMAGE` (else `vm-image/<arch>` beside that folder), `PINNACE_E2E_DOCKER`
//! (a docker CLI; else the VM image's own, unpacked once), `PINNACE_E2E_REGISTRY` (a registry's program; else that of the
//! package `docker-registry`, unpacked once), `PINNACE_E2E_ROUNDS`, `PINNACE_E2E_SEED`.
#![deny(unsafe_code)]

mod at_once;
pub mod cases;
mod docker;
mod door;
mod engine_events;
mod home;
mod invocation;
mod journal;
mod leftover;
mod machine;
mod payload;
mod pinnace;
mod programs;
mod pty;
mod random;
mod registry;
mod suite;
mod tools;
mod wait;
pub mod wire;

pub use docker::Docker;
pub use door::Door;
pub use engine_events::{EngineEvent, EngineEvents};
pub use home::Home;
pub use invocation::{Invocation, Output};
pub use journal::Journal;
pub use leftover::leftovers;
pub use machine::{DriverKind, Machine};
pub use payload::IMAGE;
pub use pinnace::Pinnace;
pub use programs::{kill_now, vm_image_folder};
pub use pty::Terminal;
pub use random::Random;
pub use suite::{Case, Setup, run_cases, run_machine_cases};
pub use wait::{until, until_some};
