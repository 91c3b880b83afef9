//! Shares that users add and remove.

use std::{fs, sync::Arc};

use api::{AddShare, ApiError, Code, RemoveShare, Share, ShareOrigin, ShareState};

use machine::MachineState;

use super::fake::{Kernel, World, snapshot};

async fn add(world: &World, path: &str, read_only: bool) -> Result<Share, ApiError> {
    let path = path.to_owned();
    world.shares.add(AddShare { path, read_only }).await
}

async fn remove(world: &World, path: &str, force: bool) -> Result<Share, ApiError> {
    let path = path.to_owned();
    world.shares.remove(RemoveShare { path, force }).await
}

/// A world without a shared home, and a folder to share.
fn homeless() -> (World, String) {
    let world = World::with(false, Arc::new(tempfile::tempdir().unwrap()));
    fs::create_dir(world.home.join("src")).unwrap();
    let path = world.path("src");
    (world, path)
}

#[tokio::test]
async fn added_folder_is_mounted_kept_and_removed() {
    let (mut world, path) = homeless();
    let mut guest = world.connect(1).await;
    assert_eq!(guest.asked().await, []);
    let added = add(&world, &path, true).await.unwrap();
    assert_eq!(
        (added.path.as_str(), added.state, added.origin, added.read_only),
        (path.as_str(), ShareState::Mounted, ShareOrigin::Added, true)
    );
    let (id, first, stream) = guest.stream().await;
    assert_eq!(added.guest_path, Some(format!("/run/pinnace/shares/{id}")));
    let _kernel = Kernel::begin(stream).await;
    // Again is no change; otherwise it is another mount of another server.
    assert!(add(&world, &path, true).await.unwrap().read_only);
    assert!(!add(&world, &path, false).await.unwrap().read_only);
    let (_, second, _stream) = guest.stream().await;
    assert_ne!(first, second);
    // The next host agent has it too.
    let next = World::with(false, Arc::clone(&world.folder));
    assert_eq!(next.shares.list().len(), 1);
    drop(next);
    assert_eq!(remove(&world, &path, false).await.unwrap().path, path);
    assert_eq!(
        remove(&world, &path, false).await.unwrap_err().code,
        Code::NotFound
    );
    let next = World::with(false, Arc::clone(&world.folder));
    assert!(next.shares.list().is_empty());
}

#[tokio::test]
async fn folder_that_the_guest_refuses_is_not_kept() {
    let (mut world, path) = homeless();
    let _guest = world.connect(1).await;
    world.refused.send_replace(vec![path.clone()]);
    let error = add(&world, &path, false).await.unwrap_err();
    assert_eq!(error.code, Code::Conflict);
    assert!(error.message.contains("no place"), "{error:?}");
    assert!(world.shares.list().is_empty());
}

#[tokio::test]
async fn add_without_a_machine_is_answered_at_once() {
    let (world, path) = homeless();
    assert_eq!(
        add(&world, &path, false).await.unwrap().state,
        ShareState::Waiting
    );
    let gone = add(&world, &world.path("gone"), false).await.unwrap_err();
    assert_eq!(gone.code, Code::NotFound);
    assert_eq!(world.shares.list().len(), 1);
}

#[tokio::test]
async fn add_in_a_share_is_one_only_where_it_changes_something() {
    let world = World::new();
    for name in ["src", "private/x"] {
        fs::create_dir_all(world.home.join(name)).unwrap();
    }
    let reachable = add(&world, &world.path("src"), false).await.unwrap();
    assert!(reachable.reason.unwrap().contains("already reachable through"));
    assert_eq!(
        (reachable.origin, world.shares.list().len()),
        (ShareOrigin::Home, 1)
    );
    for (index, (name, read_only)) in [("src", true), (".ssh", false), ("private/x", false)]
        .into_iter()
        .enumerate()
    {
        let added = add(&world, &world.path(name), read_only).await.unwrap();
        assert_eq!(
            (added.path, world.shares.list().len()),
            (world.path(name), index + 2)
        );
    }
    // On purpose it can be mounted now.
    assert!(
        world
            .guest_path(&world.path(".ssh/id"))
            .unwrap()
            .starts_with("/run/pinnace/shares/share-")
    );
    assert!(world.guest_path(&world.path(".aws")).is_err());
}

#[tokio::test]
async fn home_that_is_removed_stays_so_until_it_is_added() {
    let world = World::new();
    let home = world.home.to_str().unwrap().to_owned();
    assert_eq!(
        remove(&world, &home, false).await.unwrap().origin,
        ShareOrigin::Home
    );
    let next = World::with(true, Arc::clone(&world.folder));
    assert!(next.shares.list().is_empty() && next.warnings.is_empty());
    assert!(
        next.guest_path(&next.path("file"))
            .unwrap_err()
            .contains("no folder that is shared")
    );
    let back = add(&next, &home, true).await.unwrap();
    assert_eq!((back.origin, back.read_only), (ShareOrigin::Home, true));
    let last = World::with(false, Arc::clone(&world.folder));
    assert_eq!(
        (last.shares.list().len(), last.shares.list()[0].read_only),
        (1, true)
    );
}

#[tokio::test]
async fn share_that_a_container_uses_is_removed_by_force_only() {
    let (mut world, path) = homeless();
    let mut guest = world.connect(1).await;
    let share = add(&world, &path, false).await.unwrap();
    let _stream = guest.stream().await;
    let source = format!("{}/below", share.guest_path.unwrap());
    let containers = serde_json::json!([{ "Id": "c1", "Names": ["/web"], "Mounts": [{ "Source": source }] }]);
    world.containers.send_replace(Some(containers.to_string()));
    for refused in [remove(&world, &path, false).await, add(&world, &path, true).await] {
        let error = refused.unwrap_err();
        assert_eq!(error.code, Code::Conflict);
        assert!(error.message.ends_with("containers that run: web"), "{error:?}");
    }
    assert_eq!(
        add(&world, &path, false).await.unwrap().state,
        ShareState::Mounted
    );
    remove(&world, &path, true).await.unwrap();
    world.until(<[Share]>::is_empty).await;
}

#[tokio::test]
async fn share_of_an_engine_that_does_not_answer_is_removed_by_force_or_with_the_machine_down() {
    let (mut world, path) = homeless();
    let mut guest = world.connect(1).await;
    add(&world, &path, false).await.unwrap();
    let _stream = guest.stream().await;
    world.containers.send_replace(None);
    let refused = remove(&world, &path, false).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    assert_eq!(
        refused.message,
        "cannot tell whether a container uses it: the engine does not answer"
    );
    assert!(refused.hint.unwrap().contains("`--force`"));
    // Nor is its mount made anew beneath a container.
    let refused = add(&world, &path, true).await.unwrap_err();
    assert!(!refused.hint.unwrap().contains("force"));
    assert_eq!(
        (world.shares.list().len(), world.shares.list()[0].read_only),
        (1, false)
    );
    remove(&world, &path, true).await.unwrap();
    add(&world, &path, false).await.unwrap();
    let failed = MachineState::Failed {
        reason: "it crashed".to_owned(),
    };
    for state in [MachineState::Stopped, failed] {
        add(&world, &path, false).await.unwrap();
        world.snapshots.send_replace(snapshot(MachineState::Paused));
        assert!(remove(&world, &path, false).await.is_err());
        world.snapshots.send_replace(snapshot(state));
        assert_eq!(remove(&world, &path, false).await.unwrap().path, path);
    }
}

#[tokio::test]
async fn kept_file_with_nonsense_shares_nothing_of_it() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let state = folder.path().join("pinnace/state");
    fs::create_dir_all(&state).unwrap();
    let own = folder.path().canonicalize().unwrap().join("pinnace/data");
    let added = ["/proc", "/", "relative", "/a/../b", own.to_str().unwrap()];
    let added: Vec<_> = added
        .iter()
        .map(|path| serde_json::json!({ "path": path }))
        .collect();
    fs::write(
        state.join("shares.json"),
        serde_json::json!({ "added": added }).to_string(),
    )
    .unwrap();
    let world = World::with(false, folder);
    assert!(world.shares.list().is_empty());
    assert_eq!(world.warnings.len(), 5, "{:?}", world.warnings);
}
