//! Bodies as clients send them, and as they could send them.

use std::sync::Arc;

use crate::rewrite::{
    CaseRule, CreateRewrite, LeaveAll, OpenOn, PathMap, PathStyle, Rewrite, RewriteSettings, SharedFolder,
};

const CONTAINER: &str = include_str!("../bodies/container-create.json");
const SERVICE: &str = include_str!("../bodies/service-create.json");

const TO_CONTAINER: &str = "/v1.51/containers/create?name=web";
const TO_SERVICE: &str = "/v1.51/services/create";
const TO_VOLUME: &str = "/v1.51/volumes/create";

fn everything() -> RewriteSettings {
    let shared = |host: &str, guest: &str| SharedFolder {
        host: host.to_owned(),
        guest: guest.to_owned(),
    };
    let shares = [shared("/srv", "/mnt/srv")];
    RewriteSettings {
        open_on: OpenOn::Localhost,
        host_address: Some("10.0.2.2".parse().unwrap()),
        paths: Some(Arc::new(
            PathMap::new(PathStyle::Unix, CaseRule::Sensitive, shares).unwrap(),
        )),
    }
}

fn only_ports() -> RewriteSettings {
    RewriteSettings::default()
}

fn only_names() -> RewriteSettings {
    RewriteSettings {
        paths: None,
        ..everything()
    }
}

fn only_paths() -> RewriteSettings {
    RewriteSettings {
        host_address: None,
        ..everything()
    }
}

/// What becomes of a body; `None` when it stays as it is.
fn rewritten(settings: RewriteSettings, target: &str, body: &str) -> Option<String> {
    let rewrite = CreateRewrite::new(settings);
    let changed = rewrite.rewrite("POST", target, body.as_bytes()).unwrap();
    changed.map(|body| String::from_utf8(body).unwrap())
}

fn refused(target: &str, body: &str) -> String {
    let rewrite = CreateRewrite::new(only_paths());
    rewrite
        .rewrite("POST", target, body.as_bytes())
        .unwrap_err()
        .message
}

/// The body with each text replaced by another. Fails unless each is there once.
fn replaced(body: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(body.to_owned(), |body, (from, to)| {
        assert_eq!(body.matches(from).count(), 1, "{from}");
        body.replace(from, to)
    })
}

#[test]
fn docker_create_changes_ports_names_and_paths_only() {
    let expected = replaced(
        CONTAINER,
        &[
            (
                r#""53/udp":[{"HostIp":"","HostPort":""}]"#,
                r#""53/udp":[{"HostIp":"127.0.0.1","HostPort":""},{"HostIp":"::1","HostPort":""}]"#,
            ),
            (
                r#""80/tcp":[{"HostIp":"","HostPort":"8080"}]"#,
                r#""80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"},{"HostIp":"::1","HostPort":"8080"}]"#,
            ),
            (
                r#"[{"HostIp":"","HostPort":"8000-8010"}]"#,
                r#"[{"HostIp":"127.0.0.1","HostPort":"8000-8010"},{"HostIp":"::1","HostPort":"8000-8010"}]"#,
            ),
            (
                r#""ExtraHosts":["db:10.1.2.3"]"#,
                r#""ExtraHosts":["db:10.1.2.3","host.docker.internal:10.0.2.2","gateway.docker.internal:10.0.2.2"]"#,
            ),
            (r#""/srv/data:/data:ro""#, r#""/mnt/srv/data:/data:ro""#),
            (r#""Source":"/srv/www""#, r#""Source":"/mnt/srv/www""#),
            (r#""device":"/srv/cache""#, r#""device":"/mnt/srv/cache""#),
        ],
    );
    assert_eq!(rewritten(everything(), TO_CONTAINER, CONTAINER), Some(expected));
}

#[test]
fn open_on_all_names_every_address_of_both_families() {
    let settings = RewriteSettings {
        open_on: OpenOn::All,
        ..only_ports()
    };
    let body = r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}}}"#;
    let bound = r#"[{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"}]"#;
    let expected = format!(r#"{{"HostConfig":{{"PortBindings":{{"80/tcp":{bound}}}}}}}"#);
    assert_eq!(rewritten(settings, TO_CONTAINER, body), Some(expected));
}

#[test]
fn docker_service_create_changes_names_and_paths_only() {
    let expected = replaced(
        SERVICE,
        &[
            (
                r#""Hosts":["host-gateway host.docker.internal","10.1.2.3 db"]"#,
                r#""Hosts":["10.0.2.2 host.docker.internal","10.1.2.3 db","10.0.2.2 gateway.docker.internal"]"#,
            ),
            (r#""Source":"/srv/data""#, r#""Source":"/mnt/srv/data""#),
        ],
    );
    for target in [TO_SERVICE, "/services/web/update?version=12"] {
        assert_eq!(rewritten(everything(), target, SERVICE).as_ref(), Some(&expected));
        assert_eq!(rewritten(only_ports(), target, SERVICE), None);
    }
}

#[test]
fn ports_that_name_an_address_stay() {
    let check = |ports: &str, expected: Option<&str>| {
        let body = |ports: &str| format!(r#"{{ "Image":"x","HostConfig":{{"PortBindings":{ports}}} }}"#);
        let expected = expected.map(|ports| body(ports).replace("{ ", "{").replace(" }", "}"));
        assert_eq!(
            rewritten(only_ports(), TO_CONTAINER, &body(ports)),
            expected,
            "{ports}"
        );
    };
    for ports in [
        "null",
        "{}",
        r#"{"80/tcp":null}"#,
        r#"{"80/tcp":[]}"#,
        r#"{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"80"}]}"#,
        r#"{"80/tcp":[{"hostip":"::","HostPort":"80"}]}"#,
        // Not for us to say what is wrong with it.
        r#"{"80/tcp":[{"HostIp":0}]}"#,
        r#"{"80/tcp":[{"HostIp":""},"x"]}"#,
        r#"{"80/tcp":{}}"#,
        "[]",
    ] {
        check(ports, None);
    }
    check(
        r#"{"80/tcp":[null]}"#,
        Some(r#"{"80/tcp":[{"HostIp":"127.0.0.1"},{"HostIp":"::1"}]}"#),
    );
    check(
        r#"{"80/tcp":[{"HostPort":"8080","New":1.0}]}"#,
        Some(concat!(
            r#"{"80/tcp":[{"HostPort":"8080","New":1.0,"HostIp":"127.0.0.1"},"#,
            r#"{"HostPort":"8080","New":1.0,"HostIp":"::1"}]}"#
        )),
    );
    check(
        r#"{"80/tcp":[{"HostIp":"10.0.0.1","HOSTIP":""}]}"#,
        Some(r#"{"80/tcp":[{"HOSTIP":"127.0.0.1"},{"HOSTIP":"::1"}]}"#),
    );
    check(
        r#"{"80/tcp":[{"HostIp":"","HostPort":"1"},{"HostIp":"10.0.0.1","HostPort":"2"}]}"#,
        Some(concat!(
            r#"{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"1"},{"HostIp":"::1","HostPort":"1"},"#,
            r#"{"HostIp":"10.0.0.1","HostPort":"2"}]}"#
        )),
    );
}

#[test]
fn what_is_not_looked_at_stays_as_it_is_written() {
    let body = concat!(
        "{\"Image\" : \"x\", \"Big\":123456789012345678901234567890, \"Small\":1.10e-3,\n \"Odd\":\"\\ud800\\/\",",
        "\"HostConfig\":{\"Memory\": 9007199254740993 ,\"PortBindings\":{\"80/tcp\":[{}]}}} ] more"
    );
    let expected = concat!(
        "{\"Image\":\"x\",\"Big\":123456789012345678901234567890,\"Small\":1.10e-3,\"Odd\":\"\\ud800\\/\",",
        "\"HostConfig\":{\"Memory\":9007199254740993,\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\"},",
        "{\"HostIp\":\"::1\"}]}}} ] more"
    );
    assert_eq!(
        rewritten(only_ports(), TO_CONTAINER, body).as_deref(),
        Some(expected)
    );
    let body =
        [&b"{\"Labels\":{\"a\":\"\xff\"},\"HostConfig\":{\"PortBindings\":{\"1/tcp\":[null]}}}"[..]].concat();
    let changed = CreateRewrite::new(only_ports())
        .rewrite("POST", TO_CONTAINER, &body)
        .unwrap();
    assert!(
        changed
            .unwrap()
            .starts_with(b"{\"Labels\":{\"a\":\"\xff\"},\"HostConfig\"")
    );
}

#[test]
fn values_that_are_written_twice_hide_nothing() {
    let open = r#"{"80/tcp":[{}]}"#;
    for body in [
        format!(r#"{{"hostconfig":{{"PORTBINDINGS":{open}}}}}"#),
        format!(r#"{{"ho\u0073tConfig":{{"PortBinding\u0073":{open}}}}}"#),
        format!(r#"{{"hoſtconfig":{{"PortBindingſ":{open}}}}}"#),
        format!(r#"{{"HostConfig":{{"PortBindings":{open}}},"HostConfig":{{}}}}"#),
        format!(r#"{{"HostConfig":{{}},"hostConfig":{{"PortBindings":{open}}}}}"#),
        format!(r#"{{"HostConfig":{{"PortBindings":{open},"portbindings":{{"81/tcp":[]}}}}}}"#),
        r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1"}],"80/tcp":[{}]}}}"#.to_owned(),
    ] {
        let changed = rewritten(only_ports(), TO_CONTAINER, &body).unwrap_or_else(|| panic!("{body} stays"));
        assert_eq!(changed.matches("127.0.0.1").count(), 1, "{changed}");
        assert_eq!(changed.matches("::1").count(), 1, "{changed}");
        assert_eq!(changed.matches("80/tcp").count(), 1, "{changed}");
    }
    // Go would lay the second array over the elements of the first.
    let body = r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/etc"}],"Mounts":[{"Target":"/x"}]}}"#;
    let changed = rewritten(only_paths(), TO_CONTAINER, body);
    assert_eq!(
        changed.as_deref(),
        Some(r#"{"HostConfig":{"Mounts":[{"Target":"/x"}]}}"#)
    );
}

#[test]
fn values_that_are_written_very_often_take_no_long_time() {
    // By the square of their number it would be hours.
    let body = format!("{{{}\"HostConfig\":{{}}}}", "\"HostConfig\":{},".repeat(200_000));
    let changed = rewritten(only_ports(), TO_CONTAINER, &body);
    assert_eq!(changed.as_deref(), Some(r#"{"HostConfig":{}}"#));
}

#[test]
fn host_names_are_told_unless_the_client_gave_them() {
    let check = |host_config: &str, expected: Option<&str>| {
        let body = format!(r#"{{"HostConfig":{host_config}}}"#);
        let expected = expected.map(|host_config| format!(r#"{{"HostConfig":{host_config}}}"#));
        assert_eq!(
            rewritten(only_names(), TO_CONTAINER, &body),
            expected,
            "{host_config}"
        );
    };
    let both = r#""host.docker.internal:10.0.2.2","gateway.docker.internal:10.0.2.2""#;
    let told = format!(r#"{{"ExtraHosts":[{both}]}}"#);
    check("{}", Some(&told));
    check("null", Some(&told));
    check(r#"{"ExtraHosts":null}"#, Some(&told));
    check(r#"{"ExtraHosts":[]}"#, Some(&told));
    check(
        r#"{"NetworkMode":"host"}"#,
        Some(&format!(r#"{{"NetworkMode":"host","ExtraHosts":[{both}]}}"#)),
    );
    check(
        r#"{"ExtraHosts":["Host.Docker.Internal:1.2.3.4","db:host-gateway","six:::1","odd"]}"#,
        Some(
            r#"{"ExtraHosts":["Host.Docker.Internal:1.2.3.4","db:10.0.2.2","six:::1","odd","gateway.docker.internal:10.0.2.2"]}"#,
        ),
    );
    check(r#"{"NetworkMode":"none"}"#, None);
    check(r#"{"NetworkMode":"container:db","ExtraHosts":[]}"#, None);
    check(
        r#"{"NetworkMode":"none","ExtraHosts":["db:host-gateway"]}"#,
        Some(r#"{"NetworkMode":"none","ExtraHosts":["db:10.0.2.2"]}"#),
    );
    check(r#"{"ExtraHosts":[1]}"#, None);
    assert_eq!(
        rewritten(only_names(), TO_CONTAINER, r#"{"Image":"x"}"#),
        Some(format!(r#"{{"Image":"x","HostConfig":{told}}}"#))
    );
    assert_eq!(rewritten(only_names(), TO_CONTAINER, "null"), None);
    assert_eq!(rewritten(only_ports(), TO_CONTAINER, r#"{"Image":"x"}"#), None);
}

#[test]
fn paths_outside_of_shares_are_refused() {
    let told = "cannot mount /etc/../opt/it's: it is in no folder that is shared with the machine; share it with: \
                pinnace share add '/opt/it'\\''s'";
    for body in [
        r#"{"HostConfig":{"Binds":["/etc/../opt/it's:/x"]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/etc/../opt/it's"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local",
            "Options":{"o":"ro,bind","device":"/etc/../opt/it's"}}}}]}}"#,
    ] {
        assert_eq!(refused(TO_CONTAINER, body), told, "{body}");
    }
    let service =
        r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/etc/../opt/it's"}]}}}"#;
    assert_eq!(refused(TO_SERVICE, service), told);
    let volume = r#"{"DriverOpts":{"type":"none","o":"rbind","device":"/etc/../opt/it's"}}"#;
    assert_eq!(refused(TO_VOLUME, volume), told);
}

#[test]
fn what_is_no_path_of_the_host_stays() {
    for body in [
        r#"{"HostConfig":{"Binds":["cache:/cache","/anonymous","./relative:/x","/var/run/docker.sock:/s:ro"]}}"#,
        r#"{"HostConfig":{"Binds":null,"Mounts":[{"Type":"tmpfs","Target":"/t"},{"Type":"volume","Source":"/x"},null]}}"#,
        r#"{"HostConfig":{"Binds":[null,"","x"]}}"#,
    ] {
        assert_eq!(rewritten(only_paths(), TO_CONTAINER, body), None, "{body}");
    }
    for body in [
        r#"{"Name":"x"}"#,
        r#"{"DriverOpts":{"type":"nfs","o":"addr=10.0.0.1","device":":/export"}}"#,
        r#"{"DriverOpts":{"type":"tmpfs","device":"tmpfs"}}"#,
        r#"{"DriverOpts":{"o":"bind","Device":"/etc"}}"#,
        r#"{"Driver":"other","DriverOpts":{"o":"bind","device":"/etc"}}"#,
    ] {
        assert_eq!(rewritten(only_paths(), TO_VOLUME, body), None, "{body}");
    }
    let volume =
        r#"{"Driver":"local","DriverOpts":{"device":"/srv/data","o":"bind","type":"none"},"Name":"r3"}"#;
    let changed = rewritten(only_paths(), TO_VOLUME, volume);
    assert_eq!(changed, Some(volume.replace("/srv", "/mnt/srv")));
}

#[test]
fn wants_names_only_calls_that_could_change() {
    let check = |settings: RewriteSettings, method: &str, target: &str, wanted: bool| {
        let rewrite = CreateRewrite::new(settings);
        assert_eq!(rewrite.wants(method, target), wanted, "{method} {target}");
    };
    for target in [
        TO_CONTAINER,
        TO_SERVICE,
        TO_VOLUME,
        "/services/web/update?version=3",
    ] {
        check(everything(), "POST", target, true);
        check(only_ports(), "POST", target, target == TO_CONTAINER);
        check(only_names(), "POST", target, target != TO_VOLUME);
        check(only_paths(), "POST", target, true);
        assert!(!LeaveAll.wants("POST", target));
    }
    check(everything(), "GET", TO_CONTAINER, false);
    check(everything(), "POST", "/containers/web/start", false);
}
