//! Shares of a machine that runs.

use std::fs;

use api::ShareState;
use machine::MachineState;

use super::fake::{Kernel, World, snapshot};

const NO_ENTRY: i32 = 2;

#[tokio::test]
async fn home_is_mounted_and_its_files_are_read_but_not_the_hidden_ones() {
    let mut world = World::new();
    assert_eq!(world.warnings, [""; 0]);
    let waiting = world.until_state(ShareState::Waiting).await;
    assert_eq!(
        (waiting.path, waiting.guest_path),
        (world.path("").trim_end_matches('/').to_owned(), None)
    );
    // Until the guest has said where it is, its own path is meant.
    assert_eq!(world.guest_path(&world.path("file")).unwrap(), world.path("file"));
    let mut guest = world.connect(1).await;
    let asked = guest.asked().await;
    assert_eq!(
        (asked.len(), asked[0].id.as_str(), asked[0].read_only),
        (1, "home", false)
    );
    let (id, _, stream) = guest.stream().await;
    assert_eq!(id, "home");
    let mut kernel = Kernel::begin(stream).await;
    let file = kernel.lookup(1, "file").await.unwrap();
    assert_eq!(kernel.read(file).await.unwrap(), b"hello");
    assert_eq!(kernel.lookup(1, ".ssh").await, Err(NO_ENTRY));
    let share = world
        .until(|list| list[0].state == ShareState::Mounted && list[0].watched)
        .await
        .remove(0);
    assert_eq!(share.guest_path.as_deref(), Some("/run/pinnace/shares/home"));
    world.shares.settled().await;
    assert_eq!(
        world.guest_path(&world.path("a/b")).unwrap(),
        "/run/pinnace/shares/home/a/b"
    );
    let refusal = world.guest_path(&world.path(".ssh/id")).unwrap_err();
    assert!(
        refusal.contains("share it on purpose with: pinnace share add"),
        "{refusal}"
    );
}

#[tokio::test]
async fn stream_that_is_cut_is_followed_by_one_to_the_same_server() {
    let mut world = World::new();
    let mut guest = world.connect(1).await;
    let (_, server, stream) = guest.stream().await;
    let mut kernel = Kernel::begin(stream).await;
    let file = kernel.lookup(1, "file").await.unwrap();
    kernel.end().await;
    let (_, again, stream) = guest.stream().await;
    assert_eq!(again, server);
    // Nodes stay what they were.
    assert_eq!(Kernel::resume(stream).read(file).await.unwrap(), b"hello");
}

#[tokio::test]
async fn agent_that_comes_back_is_asked_again_and_has_the_same_server() {
    let mut world = World::new();
    let mut guest = world.connect(1).await;
    let (_, server, stream) = guest.stream().await;
    let mut kernel = Kernel::begin(stream).await;
    let file = kernel.lookup(1, "file").await.unwrap();
    world.lose_link();
    world.until_state(ShareState::Waiting).await;
    // What is mounted stays so without a link.
    assert_eq!(
        world.guest_path(&world.path("x")).unwrap(),
        "/run/pinnace/shares/home/x"
    );
    let mut guest = world.connect(1).await;
    assert_eq!(guest.asked().await[0].id, "home");
    let (_, again, stream) = guest.stream().await;
    assert_eq!(again, server);
    assert_eq!(Kernel::resume(stream).read(file).await.unwrap(), b"hello");
    world.until_state(ShareState::Mounted).await;
}

#[tokio::test]
async fn new_boot_gets_a_new_server() {
    let mut world = World::new();
    let mut guest = world.connect(1).await;
    let (_, first, _stream) = guest.stream().await;
    world.until_state(ShareState::Mounted).await;
    world.snapshots.send_replace(snapshot(MachineState::Stopped));
    world.lose_link();
    let waiting = world.until_state(ShareState::Waiting).await;
    assert!(!waiting.watched);
    world.until(|list| list[0].guest_path.is_none()).await;
    world.snapshots.send_replace(snapshot(MachineState::Running));
    let mut guest = world.connect(2).await;
    let (_, second, stream) = guest.stream().await;
    assert_ne!(first, second);
    Kernel::begin(stream).await.lookup(1, "file").await.unwrap();
}

#[tokio::test]
async fn folder_that_is_gone_fails_and_comes_back_as_another_one() {
    let mut world = World::new();
    let mut guest = world.connect(1).await;
    let (_, first, stream) = guest.stream().await;
    let mut kernel = Kernel::begin(stream).await;
    let file = kernel.lookup(1, "file").await.unwrap();
    world.until_state(ShareState::Mounted).await;
    let elsewhere = world.home.with_file_name("elsewhere");
    fs::rename(&world.home, &elsewhere).unwrap();
    let failed = world.until_state(ShareState::Failed).await;
    assert!(failed.reason.unwrap().contains("is not there"));
    // Whoever has its files open keeps them.
    assert_eq!(kernel.read(file).await.unwrap(), b"hello");
    fs::create_dir(&world.home).unwrap();
    fs::write(world.home.join("file"), "other").unwrap();
    let (_, second, stream) = guest.stream().await;
    assert_ne!(first, second);
    let mut kernel = Kernel::begin(stream).await;
    let file = kernel.lookup(1, "file").await.unwrap();
    assert_eq!(kernel.read(file).await.unwrap(), b"other");
    world.until_state(ShareState::Mounted).await;
}

#[tokio::test]
async fn folder_that_became_a_link_is_not_followed() {
    let mut world = World::new();
    let elsewhere = world.home.with_file_name("elsewhere");
    fs::rename(&world.home, &elsewhere).unwrap();
    super::super::sys::link(&elsewhere, &world.home).unwrap();
    let _guest = world.connect(1).await;
    let failed = world.until_state(ShareState::Failed).await;
    assert!(failed.reason.unwrap().contains("is a link now"));
}
