//! A Job Object around each child. It ends with its last handle, which only we hold, and takes its processes along.
#![expect(unsafe_code, reason = "Job Objects have no safe face")]

mod threads;

use std::{
    io,
    os::windows::{
        io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle},
        process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Command, ExitStatus},
    ptr,
};

use windows_sys::Win32::{
    Foundation::WAIT_OBJECT_0,
    System::{
        JobObjects::{
            AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
            JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
            TerminateJobObject,
        },
        Threading::{
            CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_SUSPENDED, INFINITE, WaitForSingleObject,
        },
    },
};

/// What a killed child's exit code is.
const KILLED: u32 = 1;

/// The job.
#[derive(Debug)]
pub struct Tie {
    job: OwnedHandle,
}

impl Tie {
    /// Ends the child and what it started. No error when they have ended already.
    pub fn kill(&self, _child: &mut Child) -> io::Result<()> {
        // SAFETY: an open job.
        check(unsafe { TerminateJobObject(self.job.as_raw_handle(), KILLED) })
    }
}

/// Spawns the command in a job. It runs only once it is in there, so nothing that it starts can escape.
pub fn spawn(mut command: Command) -> io::Result<(Child, Tie)> {
    let job = job()?;
    command.creation_flags(CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
    let mut child = command.spawn()?;
    // SAFETY: both are open.
    let tied = check(unsafe { AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()) })
        .and_then(|()| threads::resume(child.id()));
    if let Err(error) = tied {
        // It never ran.
        let _ = child.kill().and_then(|()| child.wait());
        return Err(error);
    }
    Ok((child, Tie { job }))
}

fn job() -> io::Result<OwnedHandle> {
    // SAFETY: no attributes and no name.
    let job = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just created, owned by nobody else.
    let job = unsafe { OwnedHandle::from_raw_handle(job) };
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    // SAFETY: an open job, and a structure of the length that is said.
    check(unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            size_of_val(&limits) as u32,
        )
    })?;
    Ok(job)
}

/// A child's end.
#[derive(Debug)]
pub struct End(OwnedHandle);

impl End {
    /// The end of this child.
    pub fn of(child: &Child) -> io::Result<Self> {
        child.as_handle().try_clone_to_owned().map(Self)
    }

    /// Blocks until it has ended.
    pub fn wait(&self) -> io::Result<()> {
        // SAFETY: an open process.
        match unsafe { WaitForSingleObject(self.0.as_raw_handle(), INFINITE) } {
            WAIT_OBJECT_0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// For a child whose end could not be learned.
pub fn unknown_status() -> ExitStatus {
    ExitStatus::from_raw(KILLED)
}

fn check(result: windows_sys::core::BOOL) -> io::Result<()> {
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
