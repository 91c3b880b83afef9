//! A process that may open no more. Alone in its program: the limit is the whole process's.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "attack/client.rs"]
mod client;

use std::fs;

use client::Attacker;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const ROOT: u64 = 1;
const ENFILE: i32 = -23;
const FORGET: u32 = 2;

#[test]
fn descriptors_used_up_fails_what_needs_one_and_the_server_goes_on() {
    let mut guest = Attacker::new();
    for index in 0..100 {
        fs::write(guest.share.join(format!("f{index}")), "x").unwrap();
    }
    let before = getrlimit(Resource::Nofile);
    let open = fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let few = Rlimit {
        current: Some(open + 20),
        ..before
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let found: Vec<Result<u64, i32>> = (0..100)
        .map(|index| guest.find(ROOT, format!("f{index}").as_bytes()))
        .collect();
    let nodes: Vec<u64> = found.iter().filter_map(|found| found.ok()).collect();
    assert!(!nodes.is_empty() && nodes.len() < 100, "{}", nodes.len());
    assert!(
        found.iter().all(|found| found.is_ok() || *found == Err(ENFILE)),
        "{found:?}"
    );
    // Known nodes are answered for as before.
    assert_eq!(guest.ask(3, nodes[0], &[0; 16]).0, 0);
    // The guest's kernel lets go of some: there is room again, with the limit as it is.
    for node in &nodes {
        guest.tell(FORGET, *node, &1_u64.to_le_bytes());
    }
    assert!(guest.find(ROOT, b"f99").is_ok());
    setrlimit(Resource::Nofile, before).unwrap();
    for index in 0..100 {
        assert!(guest.find(ROOT, format!("f{index}").as_bytes()).is_ok());
    }
}
