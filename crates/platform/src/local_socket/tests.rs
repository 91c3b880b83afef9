//! Connections, what lies in the way of a socket, and other users.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::Barrier,
    thread,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

mod other_user;

fn place() -> (tempfile::TempDir, PathBuf, LocalAddress) {
    // Closed to others, as the run folder is.
    let closed = fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(closed).tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let address = LocalAddress::unix(&path);
    (folder, path, address)
}

#[tokio::test]
async fn shutdown_client_side_server_still_answers() {
    let (_folder, _path, address) = place();
    let mut listener = LocalListener::bind(&address).unwrap();
    let server = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap();
        let mut question = Vec::new();
        stream.read_to_end(&mut question).await.unwrap();
        stream.write_all(&question.repeat(2)).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut nothing = Vec::new();
        assert_eq!(stream.read_to_end(&mut nothing).await.unwrap(), 0);
    });
    let mut client = LocalStream::connect(&address).await.unwrap();
    let question = vec![42; 1 << 20];
    client.write_all(&question).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.len(), 2 << 20);
    server.await.unwrap();
}

#[tokio::test]
async fn peer_of_own_process_is_known_on_both_sides() {
    let (_folder, _path, address) = place();
    let mut listener = LocalListener::bind(&address).unwrap();
    let client = LocalStream::connect(&address).await.unwrap();
    let server = listener.accept().await.unwrap();
    for peer in [client.peer(), server.peer()] {
        assert_eq!(peer.uid, Some(rustix::process::geteuid().as_raw()));
        assert_eq!(peer.pid, Some(std::process::id()));
    }
}

#[tokio::test]
async fn bind_socket_is_for_our_user_alone_and_drop_removes_it() {
    let (_folder, path, address) = place();
    let listener = LocalListener::bind(&address).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    drop(listener);
    assert!(!path.exists());
    LocalListener::bind(&address).unwrap();
}

#[tokio::test]
async fn bind_stale_socket_is_replaced() {
    let (_folder, path, address) = place();
    drop(UnixListener::bind(&path).unwrap());
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    let mut listener = LocalListener::bind(&address).unwrap();
    let _client = LocalStream::connect(&address).await.unwrap();
    listener.accept().await.unwrap();
}

#[tokio::test]
async fn bind_live_socket_is_refused_and_goes_on() {
    let (_folder, _path, address) = place();
    let mut listener = LocalListener::bind(&address).unwrap();
    let error = LocalListener::bind(&address).unwrap_err();
    assert!(matches!(error, LocalSocketError::InUse { .. }), "{error}");
    let _client = LocalStream::connect(&address).await.unwrap();
    listener.accept().await.unwrap();
}

#[tokio::test]
async fn bind_live_socket_of_a_program_without_our_lock_is_refused() {
    let (_folder, path, address) = place();
    let other = UnixListener::bind(&path).unwrap();
    let error = LocalListener::bind(&address).unwrap_err();
    assert!(matches!(error, LocalSocketError::InUse { .. }), "{error}");
    UnixStream::connect(&path).unwrap();
    drop(other);
}

#[tokio::test]
async fn bind_file_in_the_way_is_refused_and_kept() {
    let (_folder, path, address) = place();
    fs::write(&path, "precious").unwrap();
    let error = LocalListener::bind(&address).unwrap_err();
    assert!(matches!(error, LocalSocketError::NotASocket { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[tokio::test]
async fn bind_in_a_folder_open_to_others_is_refused() {
    let (folder, path, address) = place();
    for mode in [0o701, 0o755, 0o777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = LocalListener::bind(&address).unwrap_err();
        assert!(matches!(error, LocalSocketError::NotPrivate { .. }), "{error}");
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn bind_too_long_path_is_an_error() {
    let (folder, _path, _address) = place();
    let address = LocalAddress::unix(folder.path().join("s".repeat(110)));
    let error = LocalListener::bind(&address).unwrap_err();
    assert!(matches!(error, LocalSocketError::Listen { .. }), "{error}");
}

#[tokio::test]
async fn bind_pipe_name_on_unix_is_an_error() {
    let error = LocalListener::bind(&LocalAddress::pipe(r"\\.\pipe\x")).unwrap_err();
    assert!(matches!(error, LocalSocketError::WrongKind { .. }), "{error}");
}

#[tokio::test]
async fn bind_fifty_at_once_over_a_stale_socket_one_wins_and_answers() {
    let (_folder, path, address) = place();
    drop(UnixListener::bind(&path).unwrap());
    let runtime = tokio::runtime::Handle::current();
    let start = Barrier::new(50);
    let mut winners: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let _entered = runtime.enter();
                    start.wait();
                    LocalListener::bind(&address).ok()
                })
            })
            .collect();
        racers
            .into_iter()
            .filter_map(|racer| racer.join().unwrap())
            .collect()
    });
    assert_eq!(winners.len(), 1);
    let _client = LocalStream::connect(&address).await.unwrap();
    winners[0].accept().await.unwrap();
}

#[tokio::test]
async fn drop_listener_whose_socket_was_exchanged_leaves_the_new_one() {
    let (_folder, path, address) = place();
    let listener = LocalListener::bind(&address).unwrap();
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(path.exists());
}

#[tokio::test]
async fn connect_without_listener_fails() {
    let (_folder, path, address) = place();
    assert_eq!(
        LocalStream::connect(&address).await.unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(
        LocalStream::connect(&address).await.unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}
