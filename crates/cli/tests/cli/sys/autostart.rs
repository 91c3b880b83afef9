//! The host agent started on demand. Its place is taken by a script that runs one test of this very file as the server.

use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use api::{Route, Share, ShareOrigin, ShareState};
use platform::{Folders, LocalListener, OwnerLock};

use crate::{
    home::{Home, Ran, run},
    host_agent::{Script, running, serve, stopped},
};

/// A folder with a copy of the program and a stand-in for its host agent beside it.
struct Installation {
    home: Home,
    program: PathBuf,
}

impl Installation {
    fn new(host_agent: &str) -> Self {
        let home = Home::new();
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let program = bin.join("pinnace");
        // Written by other processes: a file that this one has open for writing while another test forks cannot be
        // executed until that child is on its way.
        let script = format!("#!/bin/sh\n{host_agent}\n");
        let written = Command::new("sh")
            .args([
                "-ec",
                r#"cp "$1" "$3/pinnace"; printf %s "$2" >"$3/pinnace-host-agent"; chmod 755 "$3"/*"#,
                "sh",
            ])
            .args([env!("CARGO_BIN_EXE_pinnace"), &script])
            .arg(&bin)
            .status()
            .unwrap();
        assert!(written.success());
        Self { home, program }
    }

    /// One whose stand-in serves.
    fn serving() -> Self {
        let test = env::current_exe().unwrap();
        Self::new(&format!(
            "echo started >>\"$PINNACE_HOME/starts\"\nPINNACE_STAND_IN=1 exec '{}' --exact sys::autostart::stand_in_serves --ignored --nocapture",
            test.display()
        ))
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.home.command_of(&self.program, arguments))
    }

    fn starts(&self) -> usize {
        fs::read_to_string(self.home.path().join("starts"))
            .unwrap_or_default()
            .lines()
            .count()
    }
}

/// No test of anything: the stand-in, when the script says so.
#[test]
#[ignore = "run by the other tests as a program"]
fn stand_in_serves() {
    if env::var_os("PINNACE_STAND_IN").is_none() {
        return;
    }
    let folders = Folders::resolve().unwrap();
    folders.create().unwrap();
    let Some(_lock) = OwnerLock::try_acquire(&folders.run.join("stand-in.lock")).unwrap() else {
        return;
    };
    let changed = Share {
        path: "/data".to_owned(),
        guest_path: None,
        read_only: false,
        origin: ShareOrigin::Added,
        state: ShareState::Waiting,
        reason: None,
        watched: false,
    };
    let script = Script::new(stopped())
        .answer(Route::Start, &running())
        .answer(Route::Shares, &Vec::<Share>::new())
        .answer(Route::AddShare, &changed)
        .answer(Route::RemoveShare, &changed);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = LocalListener::bind(&folders.api_socket).unwrap();
        serve(listener, script, Arc::new(Mutex::new(Vec::new()))).await;
    });
}

#[test]
fn start_nothing_running_starts_the_host_agent() {
    let installation = Installation::serving();
    let ran = installation.run(&["start"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("machine running in 8.4 s"), "{}", ran.stderr);
    assert_eq!(installation.starts(), 1);
    let ran = installation.run(&["daemon"]);
    assert!(ran.stderr.contains("already running"), "{}", ran.stderr);
    let ran = installation.run(&["daemon", "--stop"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(installation.run(&["status"]).code, 3);
}

#[test]
fn start_fifty_at_once_share_one_host_agent() {
    let installation = Installation::serving();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..50)
            .map(|_| scope.spawn(|| installation.run(&["start"])))
            .collect();
        for ran in runs {
            let ran = ran.join().unwrap();
            assert_eq!(ran.code, 0, "{}", ran.stderr);
        }
    });
    assert_eq!(installation.starts(), 1);
    assert_eq!(installation.run(&["daemon", "--stop"]).code, 0);
}

#[test]
fn start_host_agent_that_fails_shows_what_it_wrote() {
    let installation = Installation::new("echo 'no \x1b[31mluck today' >&2; exit 7");
    let ran = installation.run(&["start"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("error: the host agent ended before it listened\n  no ^[[31mluck today\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
}

#[test]
fn start_without_host_agent_program_names_it() {
    let installation = Installation::new("");
    fs::remove_file(installation.home.path().join("bin/pinnace-host-agent")).unwrap();
    let mut command = installation.home.command_of(&installation.program, &["start"]);
    let ran = run(command.env("PATH", "/nowhere"));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("failed to find pinnace-host-agent"),
        "{}",
        ran.stderr
    );
}

#[test]
fn commands_that_only_look_start_nothing() {
    let installation = Installation::serving();
    for command in [
        "status", "stop", "pause", "version", "doctor", "paths", "logs", "share",
    ] {
        installation.run(&[command]);
    }
    assert_eq!(installation.starts(), 0);
}

#[test]
fn share_changed_nothing_running_starts_the_host_agent_and_no_machine() {
    for action in ["add", "rm"] {
        let installation = Installation::serving();
        let ran = installation.run(&["share", action, "/data"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "/data\n"), "{}", ran.stderr);
        assert_eq!(installation.starts(), 1);
        // It stays, and what it says of the machine is that it is stopped.
        let status = installation.run(&["status"]);
        assert_eq!(status.code, 3);
        assert!(
            status.stdout.contains("host agent"),
            "{action}: {}",
            status.stdout
        );
        assert_eq!(installation.run(&["daemon", "--stop"]).code, 0);
    }
}

#[test]
fn start_unwritable_home_names_the_folder() {
    let installation = Installation::serving();
    installation.home.write("file", "");
    let below = installation.home.path().join("file/home");
    let mut command = installation.home.command_of(&installation.program, &["start"]);
    let ran = run(command.env("PINNACE_HOME", &below));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("file/home"), "{}", ran.stderr);
    assert_eq!(installation.starts(), 0);
}

#[test]
fn daemon_foreground_becomes_the_host_agent() {
    let installation = Installation::new("echo I am $$; exit 9");
    let ran = installation.run(&["daemon", "--foreground"]);
    assert_eq!(ran.code, 9);
    assert!(ran.stdout.starts_with("I am "));
}

#[test]
fn reset_nothing_running_ends_the_host_agent_that_it_started() {
    let installation = Installation::serving();
    // The stand-in answers a reset with a status, which is no plan: the error counts, and the end all the same.
    let ran = installation.run(&["reset", "--yes"]);
    assert_eq!(ran.code, 1);
    assert_eq!(installation.starts(), 1);
    assert_eq!(installation.run(&["daemon", "--stop"]).code, 0);
    assert_eq!(installation.run(&["status"]).code, 3);
}
