//! A process handle, and a wait that the system's thread pool does for us.
#![expect(unsafe_code, reason = "processes and waits have no safe face")]

use std::{
    ffi::{OsString, c_void},
    future, io,
    os::windows::{
        ffi::OsStringExt,
        io::{AsRawHandle, FromRawHandle, OwnedHandle},
    },
    ptr, slice,
};

use tokio::sync::watch;
use windows_sys::{
    Wdk::System::Threading::{NtQueryInformationProcess, ProcessCommandLineInformation},
    Win32::{
        Foundation::{
            ERROR_INVALID_PARAMETER, FILETIME, HANDLE, INVALID_HANDLE_VALUE, LocalFree, NTSTATUS,
            STATUS_BUFFER_TOO_SMALL, STATUS_INFO_LENGTH_MISMATCH, STATUS_SUCCESS, UNICODE_STRING,
        },
        System::Threading::{
            GetExitCodeProcess, GetProcessTimes, INFINITE, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
            PROCESS_SYNCHRONIZE, RegisterWaitForSingleObject, UnregisterWaitEx, WT_EXECUTEONLYONCE,
        },
        UI::Shell::CommandLineToArgvW,
    },
};

/// Holds every command line that the structure's 16-bit length can tell of.
const ANSWER_BYTES: usize = size_of::<UNICODE_STRING>() + (64 << 10);
/// What a kernel that wants more room may get.
const MOST_ANSWER_BYTES: usize = 1 << 20;

/// A process.
#[derive(Debug)]
pub struct Process {
    /// Dropped before the handle that it waits for.
    end: End,
    handle: OwnedHandle,
}

/// A wait for the process's end.
#[derive(Debug)]
struct End {
    registration: HANDLE,
    /// On the heap: the thread pool knows its address.
    ended: Box<watch::Sender<bool>>,
}

// SAFETY: the registration is a token that any thread may hand back.
unsafe impl Send for End {}
// SAFETY: as above; only `drop` uses it.
unsafe impl Sync for End {}

impl Process {
    /// See [`crate::ClientProcess::of`]. Gives its start in units of 100 ns since 1601 as well.
    pub fn open(pid: u32) -> io::Result<Option<(Self, u64)>> {
        // SAFETY: takes numbers.
        let handle = unsafe { OpenProcess(PROCESS_SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
        if handle.is_null() {
            let error = io::Error::last_os_error();
            // What a number that is no process's answers.
            return match error.raw_os_error().map(i32::cast_unsigned) {
                Some(ERROR_INVALID_PARAMETER) => Ok(None),
                _ => Err(error),
            };
        }
        // SAFETY: just opened, owned by nobody else.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        let started = started(&handle)?;
        let end = End::of(&handle)?;
        Ok(Some((Self { end, handle }, started)))
    }

    /// See [`crate::ClientProcess::arguments`]. The kernel reads it in the process, which may have changed it; that
    /// takes no right to the process's memory.
    ///
    /// The SDK does not document this class of information, but it has been the same since Windows 8.1. Should Windows
    /// refuse it one day, or answer in another form, then this is `None`, and the guard fails open: the rules that need
    /// the arguments leave the container running.
    pub fn arguments(&self, _pid: u32) -> Option<Vec<OsString>> {
        let answer = command_line(&self.handle)?;
        split(text(&answer)?)
    }

    /// See [`crate::ClientProcess::exited`].
    pub async fn exited(&self) -> Option<u32> {
        let mut ended = self.end.ended.subscribe();
        if ended.wait_for(|ended| *ended).await.is_err() {
            // The sender lives as long as we do.
            future::pending::<()>().await;
        }
        let mut code = 0;
        // SAFETY: an open process, and a number to write to.
        let known = unsafe { GetExitCodeProcess(self.handle.as_raw_handle(), &raw mut code) };
        (known != 0).then_some(code)
    }
}

impl End {
    fn of(process: &OwnedHandle) -> io::Result<Self> {
        let ended = Box::new(watch::Sender::new(false));
        let mut registration = ptr::null_mut();
        // SAFETY: the context lives until the wait is unregistered, and the process's handle longer: see `Process`.
        let registered = unsafe {
            RegisterWaitForSingleObject(
                &raw mut registration,
                process.as_raw_handle(),
                Some(note_end),
                ptr::from_ref(&*ended).cast(),
                INFINITE,
                WT_EXECUTEONLYONCE,
            )
        };
        if registered == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { registration, ended })
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // SAFETY: registered, and unregistered once. It returns when no callback runs any more; ours never waits.
        unsafe { UnregisterWaitEx(self.registration, INVALID_HANDLE_VALUE) };
    }
}

/// Called by the thread pool.
unsafe extern "system" fn note_end(context: *mut c_void, _timed_out: bool) {
    // SAFETY: what `End::of` registered, which outlives the wait.
    let ended = unsafe { &*context.cast::<watch::Sender<bool>>() };
    ended.send_replace(true);
}

fn started(process: &OwnedHandle) -> io::Result<u64> {
    let mut times = [FILETIME::default(); 4];
    let [created, exited, kernel, user] = &mut times;
    // SAFETY: an open process, and four times to write to.
    let known = unsafe { GetProcessTimes(process.as_raw_handle(), created, exited, kernel, user) };
    if known == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime))
}

/// The kernel's answer: a `UNICODE_STRING`, and behind it the text that it points to. In words, so that the structure
/// is aligned.
fn command_line(process: &OwnedHandle) -> Option<Vec<u64>> {
    let mut answer = zeros(ANSWER_BYTES);
    let (mut status, needed_bytes) = query(process, &mut answer);
    if matches!(status, STATUS_INFO_LENGTH_MISMATCH | STATUS_BUFFER_TOO_SMALL) {
        if !(ANSWER_BYTES + 1..=MOST_ANSWER_BYTES).contains(&needed_bytes) {
            tracing::debug!(needed_bytes, "client's command line has an unlikely length");
            return None;
        }
        answer = zeros(needed_bytes);
        (status, _) = query(process, &mut answer);
    }
    if status != STATUS_SUCCESS {
        tracing::debug!(
            status = format_args!("{status:#x}"),
            "client's command line unknown"
        );
        return None;
    }
    Some(answer)
}

fn zeros(bytes: usize) -> Vec<u64> {
    vec![0; bytes.div_ceil(size_of::<u64>())]
}

/// Asks for the command line. Gives the length of the whole answer as well, which matters when the buffer is too short.
fn query(process: &OwnedHandle, buffer: &mut [u64]) -> (NTSTATUS, usize) {
    let mut length = 0;
    // SAFETY: an open process, a buffer of the length that is said, and a number to write to.
    let status = unsafe {
        NtQueryInformationProcess(
            process.as_raw_handle(),
            ProcessCommandLineInformation,
            buffer.as_mut_ptr().cast(),
            size_of_val(buffer) as u32,
            &raw mut length,
        )
    };
    (status, length as usize)
}

/// The text in such an answer. The pointer in it is only compared, never followed: `None` if it, or the length, leads
/// out of the answer.
fn text(answer: &[u64]) -> Option<&[u16]> {
    let bytes = size_of_val(answer);
    if bytes < size_of::<UNICODE_STRING>() {
        return None;
    }
    // SAFETY: long enough and aligned for the structure, which may hold any numbers.
    let header = unsafe { *answer.as_ptr().cast::<UNICODE_STRING>() };
    // SAFETY: the same memory in smaller units, borrowed as long.
    let units = unsafe { slice::from_raw_parts(answer.as_ptr().cast::<u16>(), bytes / size_of::<u16>()) };
    let start = header.Buffer.addr().checked_sub(answer.as_ptr().addr())?;
    let length = usize::from(header.Length);
    let fits = start >= size_of::<UNICODE_STRING>()
        && start.is_multiple_of(size_of::<u16>())
        && length.is_multiple_of(size_of::<u16>());
    if !fits {
        return None;
    }
    units
        .get(start / size_of::<u16>()..)?
        .get(..length / size_of::<u16>())
}

/// The arguments in a command line, as most programs split it.
///
/// `None` for an empty one, which a process without memory has: Windows would give our own program's path for it.
fn split(line: &[u16]) -> Option<Vec<OsString>> {
    let mut line: Vec<u16> = line.iter().copied().take_while(|unit| *unit != 0).collect();
    if line.is_empty() {
        return None;
    }
    line.push(0);
    let mut count = 0;
    // SAFETY: the text ends with a zero; on success the list is ours to free.
    let list = unsafe { CommandLineToArgvW(line.as_ptr(), &raw mut count) };
    if list.is_null() {
        return None;
    }
    let arguments = (0..usize::try_from(count).unwrap_or(0)).map(|index| {
        // SAFETY: the list has `count` texts.
        let argument = unsafe { *list.add(index) };
        // SAFETY: each ends with a zero and lives as long as the list.
        let length = (0..)
            .take_while(|index| unsafe { *argument.add(*index) } != 0)
            .count();
        // SAFETY: as above.
        OsString::from_wide(unsafe { slice::from_raw_parts(argument, length) })
    });
    let arguments = arguments.collect();
    // SAFETY: allocated by Windows for us, texts included, and freed once.
    unsafe { LocalFree(list.cast()) };
    Some(arguments)
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    /// An answer of 64 bytes whose text begins at byte `start` and has `length` bytes.
    fn answer(start: usize, length: u16) -> Vec<u64> {
        let mut answer = zeros(64);
        let header = UNICODE_STRING {
            Length: length,
            MaximumLength: length,
            Buffer: answer.as_mut_ptr().wrapping_byte_add(start).cast(),
        };
        // SAFETY: the buffer is longer than the structure and aligned for it.
        unsafe { answer.as_mut_ptr().cast::<UNICODE_STRING>().write(header) };
        answer
    }

    #[test]
    fn arguments_of_our_own_process_are_ours() {
        let (own, _) = Process::open(process::id()).unwrap().unwrap();
        let expected: Vec<_> = env::args_os().collect();
        assert_eq!(own.arguments(process::id()).unwrap(), expected);
    }

    #[test]
    fn text_is_read_only_inside_the_answer() {
        for (start, length, units) in [
            (16, 48, Some(24)),
            (16, 0, Some(0)),
            (32, 32, Some(16)),
            (64, 0, Some(0)),
            (16, 50, None),
            (16, 47, None),
            (17, 2, None),
            (8, 2, None),
            (64, 2, None),
            (66, 0, None),
            (usize::MAX - 1, 2, None),
        ] {
            let found = text(&answer(start, length)).map(<[u16]>::len);
            assert_eq!(found, units, "{start} {length}");
        }
        // No pointer at all, and no whole structure.
        assert_eq!(text(&zeros(64)), None);
        assert_eq!(text(&zeros(8)), None);
    }

    #[test]
    fn split_follows_quotes_and_refuses_an_empty_line() {
        let units = |line: &str| line.encode_utf16().collect::<Vec<_>>();
        let line = "\"C:\\a b\\docker.exe\" run --sig-proxy=false \"\" \"a \\\" b\" c\0d";
        let expected = [
            r"C:\a b\docker.exe",
            "run",
            "--sig-proxy=false",
            "",
            "a \" b",
            "c",
        ];
        assert_eq!(split(&units(line)).unwrap(), expected);
        assert_eq!(split(&[]), None);
        assert_eq!(split(&units("\0docker")), None);
    }
}
