//! Another user at either end. Only root can become somebody else; others pass without a check.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "changing one thread's user")]

use super::*;

/// Debian's `nobody`.
const NOBODY: u32 = 65534;

/// Runs it in a thread of another user. On Linux a system call changes the user of one thread; the C library's function
/// of that name would change the whole process. `None` when we are not root.
fn as_nobody<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let thread = thread::spawn(move || {
        // SAFETY: takes numbers; the thread ends as this user and shares no privileges with others.
        let result = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
        assert_eq!(result, 0);
        act()
    });
    Some(thread.join().unwrap())
}

#[tokio::test]
async fn connect_as_another_user_is_refused_by_the_folder() {
    let (folder, path, address) = place();
    let _listener = LocalListener::bind(&address).unwrap();
    let Some(result) = as_nobody({
        let path = path.clone();
        move || UnixStream::connect(path)
    }) else {
        return;
    };
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::PermissionDenied);

    // With the folder open, the socket's own permissions refuse.
    open_to_all(folder.path());
    let result = as_nobody(move || UnixStream::connect(path)).unwrap();
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn accept_another_user_through_open_permissions_is_dropped() {
    let (folder, path, address) = place();
    let mut listener = LocalListener::bind(&address).unwrap();
    open_to_all(folder.path());
    open_to_all(&path);
    let Some(stranger) = as_nobody(move || UnixStream::connect(path)) else {
        return;
    };
    let mut stranger = stranger.unwrap();
    let _own = LocalStream::connect(&address).await.unwrap();
    // The stranger was first in the queue.
    let accepted = listener.accept().await.unwrap();
    assert_eq!(accepted.peer().uid, Some(0));
    let read = std::io::Read::read(&mut stranger, &mut [0]);
    assert!(matches!(read, Ok(0)) || read.is_err(), "{read:?}");
}

#[tokio::test]
async fn connect_to_a_listener_of_another_user_is_refused() {
    let (folder, path, address) = place();
    open_to_all(folder.path());
    let Some(listener) = as_nobody(move || UnixListener::bind(path).unwrap()) else {
        return;
    };
    let error = LocalStream::connect(&address).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    drop(listener);
}
