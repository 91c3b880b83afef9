//! `pinnace share` and what `status` shows of shares.

use api::{AddShare, ApiError, Code, RemoveShare, Route, Share, ShareOrigin, ShareState};

use crate::{
    home::{Home, Ran, run},
    host_agent::{HostAgent, Script, running, stopped},
};

fn share(path: &str) -> Share {
    Share {
        path: path.to_owned(),
        guest_path: Some(path.to_owned()),
        read_only: false,
        origin: ShareOrigin::Added,
        state: ShareState::Mounted,
        reason: None,
        watched: true,
    }
}

/// The home, one that is elsewhere in the machine and not watched, one that is gone, one that waits.
fn shares() -> Vec<Share> {
    let mut elsewhere = share("/var/data");
    elsewhere.guest_path = Some("/run/pinnace/shares/share-0123456789ab".to_owned());
    (elsewhere.read_only, elsewhere.watched) = (true, false);
    elsewhere.reason = Some("too many folders to watch them\x1b]0;owned\x07; raise the limit".to_owned());
    let mut home = share("/home/ann");
    home.origin = ShareOrigin::Home;
    let mut gone = share("/media/stick\x1b[2J");
    (gone.state, gone.guest_path) = (ShareState::Failed, None);
    gone.reason = Some("the folder is gone\nconnect it again".to_owned());
    let mut waiting = share("/srv/größe");
    (waiting.state, waiting.guest_path, waiting.watched) = (ShareState::Waiting, None, false);
    vec![elsewhere, home, waiting, gone]
}

fn agent(home: &Home, script: impl FnOnce(Script) -> Script) -> HostAgent {
    let answers = Script::new(running()).answer(Route::Shares, &shares());
    HostAgent::start(&home.api_address(), script(answers))
}

fn ok(ran: Ran) -> (String, String) {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (ran.stdout, ran.stderr)
}

/// `name` in the home, or the home itself, as the program is to say it.
fn in_home(home: &Home, name: &str) -> String {
    let path = match name {
        "" => home.path().to_owned(),
        name => home.path().join(name),
    };
    path.into_os_string().into_string().unwrap()
}

#[test]
fn share_table_has_a_line_per_share_and_the_reason_below() {
    let home = Home::new();
    let _agent = agent(&home, |script| script);
    let (stdout, stderr) = ok(home.run(&["share"]));
    assert_eq!(stderr, "");
    for arguments in [&["share", "ls"], &["share", "list"]] {
        assert_eq!(ok(home.run(arguments)).0, stdout, "{arguments:?}");
    }
    insta::assert_snapshot!(stdout);
}

#[test]
fn share_json_is_the_answer_itself() {
    let home = Home::new();
    let _agent = agent(&home, |script| script);
    for arguments in [
        &["share", "--format", "json"][..],
        &["share", "ls", "--format", "json"],
    ] {
        let (stdout, _) = ok(home.run(arguments));
        assert_eq!(serde_json::from_str::<Vec<Share>>(&stdout).unwrap(), shares());
        assert!(!stdout.contains('\u{7f}'), "{stdout:?}");
    }
}

#[test]
fn share_machine_stopped_lists_all_the_same() {
    let home = Home::new();
    let script = Script::new(stopped()).answer(Route::Shares, &shares());
    let _agent = HostAgent::start(&home.api_address(), script);
    assert!(ok(home.run(&["share"])).0.contains("/srv/größe"));
}

#[test]
fn share_no_host_agent_exits_3() {
    for arguments in [&["share"][..], &["share", "ls", "--format", "json"]] {
        let ran = Home::new().run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{arguments:?}");
        assert!(ran.stderr.contains("hint: start the machine"), "{}", ran.stderr);
    }
}

#[test]
fn share_add_asks_for_the_whole_path_and_tells_the_undo() {
    let check = |path: &str, wanted: &str, flags: &[&str]| {
        let home = Home::new();
        let mut added = share("/srv/my files");
        added.guest_path = Some("/run/pinnace/shares/share-1".to_owned());
        added.read_only = !flags.is_empty();
        let agent = agent(&home, |script| script.answer(Route::AddShare, &added));
        let arguments = [&["share", "add", path][..], flags].concat();
        let ran = run(home.command(&arguments).current_dir(home.path()));
        assert_eq!(
            ok(ran),
            (
                "/srv/my files\n".to_owned(),
                "in the machine: /run/pinnace/shares/share-1\n\
                 undo: pinnace share rm '/srv/my files'\n"
                    .to_owned()
            )
        );
        let asked: AddShare = serde_json::from_str(&agent.bodies(Route::AddShare)[0]).unwrap();
        assert_eq!(
            asked,
            AddShare {
                path: in_home(&home, wanted),
                read_only: !flags.is_empty(),
            }
        );
    };
    check("data", "data", &[]);
    check("./data/", "data", &["--read-only"]);
    check(".", "", &[]);
    check("größe/x y", "größe/x y", &[]);
}

#[test]
fn share_add_absolute_path_stays_and_links_are_not_resolved() {
    let home = Home::new();
    let agent = agent(&home, |script| script.answer(Route::AddShare, &share("/srv")));
    let up = in_home(&home, "link/../data");
    ok(home.run(&["share", "add", &up]));
    let asked: AddShare = serde_json::from_str(&agent.bodies(Route::AddShare)[0]).unwrap();
    // What `..` means depends on what the name before it is.
    let whole = std::path::absolute(&up).unwrap();
    assert_eq!(asked.path, whole.to_str().unwrap());
}

#[test]
fn share_add_what_is_shared_tells_what_it_was() {
    let check = |added: &Share, arguments: &[&str], last: &str| {
        let home = Home::new();
        let _agent = agent(&home, |script| script.answer(Route::AddShare, added));
        let (_, stderr) = ok(home.run(&[&["share", "add"][..], arguments].concat()));
        assert_eq!(stderr.lines().last(), Some(last));
    };
    check(&share("/home/ann"), &["/home/ann"], "it was shared already");
    let mut read_only = share("/home/ann");
    read_only.read_only = true;
    check(
        &read_only,
        &["/home/ann", "--read-only"],
        "undo: pinnace share add /home/ann",
    );
    check(
        &share("/var/data"),
        &["/var/data"],
        "undo: pinnace share add --read-only /var/data",
    );
}

#[test]
fn share_add_machine_stopped_says_when_it_is_there() {
    let home = Home::new();
    let mut added = share("/data");
    (added.guest_path, added.state, added.watched) = (None, ShareState::Waiting, false);
    let _agent = agent(&home, |script| script.answer(Route::AddShare, &added));
    let (stdout, stderr) = ok(home.run(&["share", "add", "/data"]));
    assert_eq!(
        (stdout.as_str(), stderr.as_str()),
        (
            "/data\n",
            "the machine gets it when it runs\nundo: pinnace share rm /data\n"
        )
    );
}

#[test]
fn share_add_less_than_it_could_be_is_a_warning() {
    let home = Home::new();
    let mut added = share("/data");
    added.watched = false;
    added.reason = Some("the watches are used up\x1b[2J".to_owned());
    let _agent = agent(&home, |script| script.answer(Route::AddShare, &added));
    let (_, stderr) = ok(home.run(&["share", "add", "/data"]));
    assert!(
        stderr.contains("warning: the watches are used up^[[2J\n"),
        "{stderr}"
    );
}

#[test]
fn share_add_that_came_to_nothing_is_a_failure() {
    let home = Home::new();
    let mut failed = share("/data");
    (failed.state, failed.reason) = (ShareState::Failed, Some("it is no folder".to_owned()));
    let _agent = agent(&home, |script| script.answer(Route::AddShare, &failed));
    let ran = home.run(&["share", "add", "/data"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (1, "", "error: failed to share /data: it is no folder\n")
    );
    let ran = home.run(&["share", "add", "/data", "--format", "json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(serde_json::from_str::<Share>(&ran.stdout).unwrap(), failed);
}

#[test]
fn share_refused_says_why_and_what_to_do() {
    let check = |route, code, arguments: &[&str]| {
        let home = Home::new();
        let error = ApiError {
            code,
            message: "failed to share /proc\x1b[2J".to_owned(),
            hint: Some("name another folder".to_owned()),
        };
        let _agent = agent(&home, |script| script.error(route, &error));
        let ran = home.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{arguments:?}");
        assert_eq!(
            ran.stderr,
            "error: failed to share /proc^[[2J\nhint: name another folder\n"
        );
    };
    check(Route::AddShare, Code::BadRequest, &["share", "add", "/proc"]);
    check(Route::RemoveShare, Code::Conflict, &["share", "rm", "/proc"]);
    check(Route::RemoveShare, Code::NotFound, &["share", "remove", "/proc"]);
    check(Route::Shares, Code::Internal, &["share"]);
}

#[test]
fn share_rm_asks_and_tells_the_way_back() {
    let check = |arguments: &[&str], force| {
        let home = Home::new();
        let mut removed = share("/var/data");
        removed.read_only = true;
        let agent = agent(&home, |script| script.answer(Route::RemoveShare, &removed));
        let ran = run(home.command(arguments).current_dir(home.path()));
        assert_eq!(
            ok(ran),
            (
                "/var/data\n".to_owned(),
                "undo: pinnace share add --read-only /var/data\n".to_owned()
            )
        );
        let asked: RemoveShare = serde_json::from_str(&agent.bodies(Route::RemoveShare)[0]).unwrap();
        assert_eq!(
            asked,
            RemoveShare {
                path: in_home(&home, "data"),
                force,
            }
        );
    };
    check(&["share", "rm", "data/"], false);
    check(&["share", "remove", "data", "--force"], true);
    check(&["share", "rm", "-f", "./data"], true);
}

#[test]
fn share_changes_as_json_are_the_answer_itself() {
    let home = Home::new();
    let changed = share("/data");
    let _agent = agent(&home, |script| {
        script
            .answer(Route::AddShare, &changed)
            .answer(Route::RemoveShare, &changed)
    });
    for action in ["add", "rm"] {
        let (stdout, _) = ok(home.run(&["share", action, "/data", "--format", "json"]));
        assert_eq!(
            serde_json::from_str::<Share>(&stdout).unwrap(),
            changed,
            "{action}"
        );
    }
}

#[test]
fn status_shows_failed_shares_first_and_not_a_hundred() {
    let home = Home::new();
    let mut status = running();
    status.shares = shares();
    for number in 10..110 {
        status.shares.push(share(&format!("/w/{number}")));
    }
    let _agent = HostAgent::start(&home.api_address(), Script::new(status));
    let (stdout, _) = ok(home.run(&["status"]));
    let shown: Vec<&str> = stdout
        .lines()
        .skip_while(|line| !line.starts_with("share "))
        .take(11)
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn help_of_share_is_complete() {
    let home = Home::new();
    let help = [
        &["share", "--help"][..],
        &["share", "add", "--help"],
        &["share", "rm", "--help"],
    ]
    .map(|arguments| ok(home.run(arguments)).0);
    insta::assert_snapshot!(help.join("\n----\n"));
}
