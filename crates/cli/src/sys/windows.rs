//! Windows: console modes, processes, memory.
#![expect(unsafe_code, reason = "console, process and memory calls of the Windows API")]

use std::{io, mem, process::Command, ptr, time::Duration};

use tokio::{
    signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_logoff,
        ctrl_shutdown,
    },
    time::{Interval, MissedTickBehavior, interval},
};
use windows_sys::Win32::{
    Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE, WAIT_TIMEOUT},
    System::{
        Console::{
            CONSOLE_MODE, CONSOLE_SCREEN_BUFFER_INFO, DISABLE_NEWLINE_AUTO_RETURN, ENABLE_ECHO_INPUT,
            ENABLE_LINE_INPUT, ENABLE_PROCESSED_INPUT, ENABLE_PROCESSED_OUTPUT,
            ENABLE_VIRTUAL_TERMINAL_INPUT, ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode,
            GetConsoleScreenBufferInfo, GetStdHandle, STD_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
            SetConsoleCtrlHandler, SetConsoleMode,
        },
        SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX},
        Threading::{OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject},
    },
};

use super::{Interruption, Memory};

/// The syntax of `docker-host --shell` without a name.
pub const USUAL_SHELL: &str = "powershell";

/// Folders where programs are besides PATH: QEMU's installer does not add its own.
pub const PROGRAM_FOLDERS: &[&str] = &[r"C:\Program Files\qemu", r"C:\msys64\ucrt64\bin"];

/// Runs the program to its end; Windows cannot replace a process.
pub fn replace_process(mut command: Command) -> io::Result<u8> {
    let status = command.status()?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}

/// Whether there is a process with this id.
pub fn process_is_alive(pid: u32) -> bool {
    // SAFETY: takes numbers only.
    let process = unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, pid) };
    if process.is_null() {
        return false;
    }
    // SAFETY: the handle was just opened and is closed once, after its last use.
    unsafe {
        let waited = WaitForSingleObject(process, 0);
        CloseHandle(process);
        waited == WAIT_TIMEOUT
    }
}

/// A console that passes every key on. Dropping it restores what was before, also while panicking.
pub struct RawTerminal {
    input: CONSOLE_MODE,
    output: CONSOLE_MODE,
}

impl RawTerminal {
    /// Makes the console raw: keys arrive as escape sequences and output may hold them.
    pub fn enter() -> io::Result<Self> {
        let before = Self {
            input: mode(STD_INPUT_HANDLE)?,
            output: mode(STD_OUTPUT_HANDLE)?,
        };
        let cooked = ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT | ENABLE_PROCESSED_INPUT;
        set_mode(
            STD_INPUT_HANDLE,
            before.input & !cooked | ENABLE_VIRTUAL_TERMINAL_INPUT,
        )?;
        let sequences =
            ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING | DISABLE_NEWLINE_AUTO_RETURN;
        // From here on `before` restores both modes when the second call fails.
        set_mode(STD_OUTPUT_HANDLE, before.output | sequences)?;
        Ok(before)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Nobody is left to tell when the console is gone.
        let _ = set_mode(STD_INPUT_HANDLE, self.input);
        let _ = set_mode(STD_OUTPUT_HANDLE, self.output);
    }
}

/// Columns and rows of the console's window.
pub fn terminal_size() -> Option<(u16, u16)> {
    let handle = standard_handle(STD_OUTPUT_HANDLE).ok()?;
    // SAFETY: a plain structure of integers, for which zeros are valid.
    let mut info: CONSOLE_SCREEN_BUFFER_INFO = unsafe { mem::zeroed() };
    // SAFETY: the handle is this process's own and `info` is writable for the call.
    if unsafe { GetConsoleScreenBufferInfo(handle, ptr::from_mut(&mut info)) } == 0 {
        return None;
    }
    let columns = u16::try_from(i32::from(info.srWindow.Right) - i32::from(info.srWindow.Left) + 1).ok()?;
    let rows = u16::try_from(i32::from(info.srWindow.Bottom) - i32::from(info.srWindow.Top) + 1).ok()?;
    (columns > 0 && rows > 0).then_some((columns, rows))
}

/// Tells when the console's size has changed. The console reports that only between the keys of its own input format,
/// which raw bytes replace, so the size is looked at four times a second.
pub struct Resizes {
    last: Option<(u16, u16)>,
    looks: Interval,
}

impl Resizes {
    /// Listens from now on.
    pub fn new() -> io::Result<Self> {
        let mut looks = interval(Duration::from_millis(250));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            last: terminal_size(),
            looks,
        })
    }

    /// The size after the next change.
    pub async fn next(&mut self) -> (u16, u16) {
        loop {
            self.looks.tick().await;
            let size = terminal_size();
            if size != self.last {
                self.last = size;
                if let Some(size) = size {
                    return size;
                }
            }
        }
    }
}

/// Listens for what usually ends a program. After close, logoff and shutdown Windows ends it all the same: at once when
/// the handler returns, which tokio's does not, or 5 s later.
pub struct Interrupts {
    c: CtrlC,
    break_key: CtrlBreak,
    close: CtrlClose,
    logoff: CtrlLogoff,
    shutdown: CtrlShutdown,
}

impl Interrupts {
    /// Listens from now on, also to Ctrl+C that the parent process had this one ignore.
    pub fn new() -> io::Result<Self> {
        // Ignoring Ctrl+C is inherited; without this a launcher that does makes the key dead.
        // SAFETY: without a handler the call only sets a flag of this process.
        if unsafe { SetConsoleCtrlHandler(None, 0) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            c: ctrl_c()?,
            break_key: ctrl_break()?,
            close: ctrl_close()?,
            logoff: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// The next one. Cancel safe.
    pub async fn next(&mut self) -> Interruption {
        tokio::select! {
            Some(()) = self.c.recv() => Interruption::Interrupt,
            Some(()) = self.break_key.recv() => Interruption::StopNow,
            Some(()) = self.close.recv() => Interruption::Closing,
            Some(()) = self.logoff.recv() => Interruption::Closing,
            Some(()) = self.shutdown.recv() => Interruption::Closing,
            else => std::future::pending().await,
        }
    }
}

/// The host's memory.
pub fn memory() -> Option<Memory> {
    // SAFETY: a plain structure of integers, for which zeros are valid.
    let mut status: MEMORYSTATUSEX = unsafe { mem::zeroed() };
    status.dwLength = u32::try_from(mem::size_of::<MEMORYSTATUSEX>()).ok()?;
    // SAFETY: `status` is writable and says its own size, as the call demands.
    if unsafe { GlobalMemoryStatusEx(ptr::from_mut(&mut status)) } == 0 {
        return None;
    }
    Some(Memory {
        total_bytes: status.ullTotalPhys,
        available_bytes: Some(status.ullAvailPhys),
    })
}

fn standard_handle(which: STD_HANDLE) -> io::Result<HANDLE> {
    // SAFETY: takes a number only.
    let handle = unsafe { GetStdHandle(which) };
    if handle.is_null() || handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    Ok(handle)
}

fn mode(which: STD_HANDLE) -> io::Result<CONSOLE_MODE> {
    let mut mode = 0;
    // SAFETY: the handle is this process's own and `mode` is writable for the call.
    if unsafe { GetConsoleMode(standard_handle(which)?, ptr::from_mut(&mut mode)) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(mode)
}

fn set_mode(which: STD_HANDLE, mode: CONSOLE_MODE) -> io::Result<()> {
    // SAFETY: the handle is this process's own; the mode is a number.
    if unsafe { SetConsoleMode(standard_handle(which)?, mode) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
