//! Programs that people run in shared folders.

use std::{fs, path::Path, process::Command};

use crate::guest::Guest;

fn run(folder: &Path, line: &str) -> String {
    let output = Command::new("sh")
        .args(["-euc", line])
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{line}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

const TREE: &str = "mkdir -p tree/a/b/c tree/empty; \
     for i in $(seq 200); do echo file $i > tree/a/b/$i; done; \
     ln -s b/7 tree/a/link; ln tree/a/b/1 tree/a/hard; printf x > tree/a/b/c/x; chmod 750 tree/a; chmod 4755 tree/a/b/2";

#[test]
fn git_repository_works() {
    let guest = Guest::new();
    run(&guest.point, TREE);
    run(
        &guest.point,
        "git init -q repo; cp -a tree repo/; cd repo; git config user.email a@b; git config user.name n; \
         git add -A; git commit -qm first; git checkout -qb other; git mv tree/a/b/1 moved; git commit -qam second; \
         git checkout -q -; git merge -q other; git gc -q; git fsck --strict; git status --porcelain > ../status",
    );
    assert_eq!(fs::read_to_string(guest.host.join("status")).unwrap(), "");
    run(
        &guest.point,
        "git clone -q repo clone; rmdir repo/tree/empty; diff -r repo/tree clone/tree",
    );
}

#[test]
fn tar_unpacks_what_it_packed_with_owners_and_modes() {
    let guest = Guest::new();
    run(&guest.point, TREE);
    run(
        &guest.point,
        "chown -R 1234:99 tree/a/b; chown -h 5:6 tree/a/link",
    );
    let list = "find . -not -type l -printf '%P %y %m %U:%G %s\\n' | sort";
    let before = run(&guest.point.join("tree"), list);
    run(
        &guest.point,
        "tar -cf tree.tar tree; mkdir out; tar -xpf tree.tar -C out; diff -r tree out/tree",
    );
    assert_eq!(run(&guest.point.join("out/tree"), list), before);
    // A change of the owner takes set-user-id away, as everywhere.
    assert!(before.contains("a/b/2 f 755 1234:99"), "{before}");
}

#[test]
fn find_and_remove_see_the_whole_tree() {
    let guest = Guest::new();
    run(&guest.host, TREE);
    assert_eq!(run(&guest.point, "find tree | wc -l").trim(), "208");
    assert_eq!(run(&guest.point, "grep -rl 'file 7' tree | wc -l").trim(), "11");
    run(&guest.point, "rm -rf tree");
    assert!(!guest.host.join("tree").exists());
}
