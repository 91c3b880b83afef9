//! `pinnace ports`, `pinnace port` and what `status` and `ps` show of ports.

use api::{
    AddForward, ApiError, Code, Forward, ForwardOrigin, ForwardState, MoveForward, RemoveForward, Route,
};
use serde_json::{Value, json};

use crate::{
    engine::{Engine, Script},
    home::{Home, Ran},
    host_agent::{self, HostAgent, running},
};

/// 64 digits, of which the first are `digits`.
fn id(digits: &str) -> String {
    format!("{digits:0<64}")
}

fn forward(container: &str, host: &str, target: &str) -> Forward {
    Forward {
        id: format!("{container}-{host}"),
        origin: ForwardOrigin::Published,
        protocol: "tcp".to_owned(),
        host: host.to_owned(),
        target: target.to_owned(),
        container: Some(container.to_owned()),
        container_id: Some(id(container)),
        state: ForwardState::Open,
        reason: None,
        connections: 0,
    }
}

/// A pair on localhost, a wildcard, a name server, one that failed, one of the host network.
fn forwards() -> Vec<Forward> {
    let mut dns = forward("dns", "127.0.0.1:5353", "172.17.0.3:53");
    (dns.protocol, dns.connections) = ("udp".to_owned(), 1);
    let mut busy = forward("web", "[::1]:8080", "172.17.0.2:80");
    busy.connections = 3;
    let mut taken = forward("web\x1b[2J", "127.0.0.1:443", "172.17.0.4:443");
    taken.state = ForwardState::Failed;
    taken.reason = Some("port 443 is in use by nginx (pid 7)\x1b]0;owned\x07; stop it".to_owned());
    let mut live = forward("web", "0.0.0.0:9229", "localhost:9229");
    live.origin = ForwardOrigin::Live;
    let mut listener = forward("x", "127.0.0.1:3000", "127.0.0.1:3000");
    (listener.container, listener.container_id) = (None, None);
    listener.origin = ForwardOrigin::HostNetwork;
    vec![
        dns,
        busy,
        taken,
        live,
        listener,
        forward("web", "127.0.0.1:8080", "172.17.0.2:80"),
    ]
}

fn inspected(container: &str) -> (String, Value) {
    (
        format!("GET /containers/{container}/json"),
        json!({"Id": id(container), "Name": format!("/{container}"), "State": {"Running": true}}),
    )
}

fn engine_of_web(home: &Home) -> Engine {
    let (call, answer) = inspected("web");
    Engine::start(home, Script::new().json(&call, &answer))
}

fn agent(home: &Home, script: impl FnOnce(host_agent::Script) -> host_agent::Script) -> HostAgent {
    let answers = host_agent::Script::new(running()).answer(Route::Forwards, &forwards());
    HostAgent::start(&home.api_address(), script(answers))
}

fn ok(ran: Ran) -> (String, String) {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (ran.stdout, ran.stderr)
}

#[test]
fn ports_table_has_a_line_per_port_and_the_reason_below() {
    let home = Home::new();
    let _agent = agent(&home, |script| script);
    let (stdout, stderr) = ok(home.run(&["ports"]));
    assert_eq!(stderr, "");
    insta::assert_snapshot!(stdout);
}

#[test]
fn ports_json_is_the_answer_itself() {
    let home = Home::new();
    let _agent = agent(&home, |script| script);
    let (stdout, _) = ok(home.run(&["ports", "--format", "json"]));
    assert_eq!(serde_json::from_str::<Vec<Forward>>(&stdout).unwrap(), forwards());
    assert!(!stdout.contains('\x07'), "{stdout:?}");
    insta::assert_snapshot!(stdout);
}

#[test]
fn ports_of_a_container_are_its_own_only() {
    let home = Home::new();
    let _agent = agent(&home, |script| script);
    let _engine = engine_of_web(&home);
    let (stdout, _) = ok(home.run(&["ports", "web", "--format", "json"]));
    let shown: Vec<Forward> = serde_json::from_str(&stdout).unwrap();
    assert_eq!(shown.len(), 3);
    assert!(
        shown
            .iter()
            .all(|forward| forward.container_id == Some(id("web")))
    );
    let ran = home.run(&["ports", "nope"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
}

#[test]
fn ports_nothing_running_exits_3() {
    for arguments in [
        &["ports"][..],
        &["port", "web"],
        &["port", "add", "web", "80"],
        &["port", "move", "web", "1", "2"],
        &["port", "rm", "web", "1"],
    ] {
        let ran = Home::new().run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{arguments:?}");
        assert!(ran.stderr.contains("hint: start the machine"), "{}", ran.stderr);
    }
}

#[test]
fn port_of_a_container_is_told_as_docker_does() {
    let home = Home::new();
    let _agent = agent(&home, |script| script);
    let _engine = engine_of_web(&home);
    let all = "80/tcp -> 127.0.0.1:8080\n80/tcp -> [::1]:8080\n9229/tcp -> 0.0.0.0:9229\n";
    assert_eq!(ok(home.run(&["port", "web"])).0, all);
    assert_eq!(
        ok(home.run(&["port", "web", "80"])).0,
        "127.0.0.1:8080\n[::1]:8080\n"
    );
    let ran = home.run(&["port", "web", "80/udp"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_eq!(
        ran.stderr,
        "error: port 80/udp of web is not open on this host\n\
         hint: see `pinnace ports`; open it with `pinnace port add web 80/udp`\n"
    );
}

#[test]
fn port_add_asks_for_each_form_and_tells_the_undo() {
    let check = |port: &str, host: Option<&str>, host_port, protocol: &str| {
        let home = Home::new();
        let mut opened = forward("web", "127.0.0.1:8080", "localhost:80");
        (opened.origin, opened.protocol) = (ForwardOrigin::Live, protocol.to_owned());
        let mut other = opened.clone();
        other.host = "[::1]:8080".to_owned();
        let agent = agent(&home, |script| script.answer(Route::AddForward, &[opened, other]));
        let (stdout, stderr) = ok(home.run(&["port", "add", "web", port]));
        assert_eq!(
            stdout,
            format!("80/{protocol} -> 127.0.0.1:8080\n80/{protocol} -> [::1]:8080\n")
        );
        let shown = if protocol == "udp" { "8080/udp" } else { "8080" };
        assert_eq!(stderr, format!("undo: pinnace port rm web {shown}\n"));
        let asked: AddForward = serde_json::from_str(&agent.bodies(Route::AddForward)[0]).unwrap();
        assert_eq!(
            asked,
            AddForward {
                container: "web".to_owned(),
                protocol: protocol.to_owned(),
                host: host.map(str::to_owned),
                host_port,
                container_port: 80,
            }
        );
    };
    check("8080:80", None, 8080, "tcp");
    check("8080:80/udp", None, 8080, "udp");
    check("127.0.0.1:8080:80", Some("127.0.0.1"), 8080, "tcp");
    check("[::1]:8080:80", Some("::1"), 8080, "tcp");
    check("80", None, 0, "tcp");
}

#[test]
fn port_add_refused_says_why_and_leaves_nothing_open() {
    let home = Home::new();
    let error = ApiError {
        code: Code::Conflict,
        message: "port 8080 is already allocated: node\x1b[2J (pid 7) has it".to_owned(),
        hint: Some("stop it, or name another port".to_owned()),
    };
    let agent = agent(&home, |script| script.error(Route::AddForward, &error));
    let ran = home.run(&["port", "add", "web", "8080-8081:80-81"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_eq!(
        ran.stderr,
        "error: port 8080 is already allocated: node^[[2J (pid 7) has it\nhint: stop it, or name another port\n"
    );
    assert_eq!(agent.bodies(Route::AddForward).len(), 1);
    assert!(agent.bodies(Route::RemoveForward).is_empty());
}

#[test]
fn port_that_came_to_nothing_is_a_failure() {
    let home = Home::new();
    let mut failed = forward("web", "127.0.0.1:8080", "localhost:80");
    failed.state = ForwardState::Failed;
    failed.reason = Some("it is taken".to_owned());
    let _agent = agent(&home, |script| script.answer(Route::AddForward, &[failed]));
    let ran = home.run(&["port", "add", "web", "8080:80"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("warning: 127.0.0.1:8080 is not open: it is taken\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn port_move_asks_and_tells_the_way_back() {
    let check = |to: &str, moved: &[Forward], wanted: (u16, Option<&str>), undo: &str| {
        let home = Home::new();
        let agent = agent(&home, |script| script.answer(Route::MoveForward, &moved));
        let (_, stderr) = ok(home.run(&["port", "move", "web", "9229", to]));
        assert_eq!(stderr, format!("undo: {undo}\n"));
        let asked: MoveForward = serde_json::from_str(&agent.bodies(Route::MoveForward)[0]).unwrap();
        assert_eq!((asked.from_host_port, asked.to_host_port), (9229, wanted.0));
        assert_eq!(asked.to_host.as_deref(), wanted.1);
    };
    let moved = [forward("web", "0.0.0.0:9090", "localhost:9229")];
    check("9090", &moved, (9090, None), "pinnace port move web 9090 9229");
    let moved = [forward("web", "[::1]:9090", "localhost:9229")];
    check(
        "[::1]:9090",
        &moved,
        (9090, Some("::1")),
        "pinnace port move web 9090 0.0.0.0:9229",
    );
}

#[test]
fn port_rm_tells_what_was_closed_and_how_to_get_it_back() {
    let home = Home::new();
    let mut closed = vec![
        forward("web", "127.0.0.1:8080", "172.17.0.2:80"),
        forward("web", "[::1]:8080", "172.17.0.2:80"),
    ];
    let agent = agent(&home, |script| script.answer(Route::RemoveForward, &closed));
    let (stdout, stderr) = ok(home.run(&["port", "rm", "web", "8080"]));
    assert_eq!(stdout, "80/tcp -> 127.0.0.1:8080\n80/tcp -> [::1]:8080\n");
    assert_eq!(
        stderr,
        "web publishes the port: it comes back when web starts again\nundo: pinnace port add web 8080:80\n"
    );
    let asked: RemoveForward = serde_json::from_str(&agent.bodies(Route::RemoveForward)[0]).unwrap();
    assert_eq!((asked.host_port, asked.protocol.as_str()), (8080, "tcp"));

    let home = Home::new();
    closed.truncate(1);
    closed[0].origin = ForwardOrigin::Live;
    let _agent = self::agent(&home, |script| script.answer(Route::RemoveForward, &closed));
    let (_, stderr) = ok(home.run(&["port", "rm", "web", "8080"]));
    assert_eq!(stderr, "undo: pinnace port add web 127.0.0.1:8080:80\n");
}

#[test]
fn help_of_ports_and_port_is_complete() {
    let home = Home::new();
    let help = ["ports", "port"].map(|command| ok(home.run(&[command, "--help"])).0);
    insta::assert_snapshot!(help.join("\n----\n"));
}

#[test]
fn status_shows_what_failed_first_and_not_a_thousand() {
    let home = Home::new();
    let mut status = running();
    status.forwards = forwards();
    for port in 10_000..11_000 {
        status.forwards.push(forward(
            "range",
            &format!("127.0.0.1:{port}"),
            &format!("172.17.0.9:{port}"),
        ));
    }
    let _agent = HostAgent::start(&home.api_address(), host_agent::Script::new(status));
    let (stdout, _) = ok(home.run(&["status"]));
    let shown: Vec<&str> = stdout
        .lines()
        .skip_while(|line| !line.starts_with("port "))
        .take(11)
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn ps_shows_ports_as_they_are_now() {
    let home = Home::new();
    let listed = json!([{
        "Id": id("web"), "Names": ["/web"], "Image": "nginx", "State": "running", "Status": "Up",
        "Ports": [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 1, "Type": "tcp"}]
    }]);
    let _engine = Engine::start(&home, Script::new().json("GET /containers/json", &listed));
    let _agent = agent(&home, |script| script);
    let (stdout, _) = ok(home.run(&["ps"]));
    let ports = "0.0.0.0:9229->9229/tcp, 127.0.0.1:8080->80/tcp, ::1:8080->80/tcp";
    let ports = ports.replace("::1:", "[::1]:");
    assert!(stdout.contains(&ports), "{stdout}");
}
