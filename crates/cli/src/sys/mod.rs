//! What differs between OSes: terminal, processes, memory. One implementation each with equal names.

#[cfg(all(test, unix))]
mod hung_program;
#[cfg(target_os = "linux")]
#[path = "memory_linux.rs"]
mod memory;
#[cfg(target_os = "macos")]
#[path = "memory_macos.rs"]
mod memory;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use self::{
    memory::memory,
    unix::{
        Interrupts, PROGRAM_FOLDERS, RawTerminal, Resizes, USUAL_SHELL, process_is_alive, replace_process,
        terminal_size,
    },
};
#[cfg(windows)]
pub use windows::{
    Interrupts, PROGRAM_FOLDERS, RawTerminal, Resizes, USUAL_SHELL, memory, process_is_alive,
    replace_process, terminal_size,
};

/// Something that usually ends a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Ctrl+C.
    Interrupt,
    /// Ctrl+\, which programs may make something else of.
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has no such key"))]
    Quit,
    /// Ctrl+Break, which is no key for programs also while the console is raw.
    StopNow,
    /// The terminal is closed, the user logs off, the host shuts down, or somebody ends this program.
    Closing,
}

/// The host's memory.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All of it.
    pub total_bytes: u64,
    /// What programs can still have without swapping, where the OS says it.
    pub available_bytes: Option<u64>,
}
