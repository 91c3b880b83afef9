//! Bodies as nobody sends them.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    intent::{HOST, intended},
    judge::{CONTAINER, Json, read},
};
use crate::rewrite::{
    CaseRule, CreateRewrite, OpenOn, PathMap, PathStyle, Paths, Rewrite, RewriteSettings, SharedFolder,
};

const TARGET: &str = "/v1.51/containers/create";

/// Members of an object: each key is one of several spellings.
fn object(members: BoxedStrategy<(&'static str, String)>) -> BoxedStrategy<String> {
    let spelt = members.prop_flat_map(|(key, value)| {
        let spellings = vec![
            key.to_owned(),
            key.to_lowercase(),
            key.to_uppercase(),
            key.replace('s', "\u{17f}"),
            key.replace('i', "\\u0069"),
        ];
        (select(spellings), Just(value))
    });
    let text = vec(spelt, 0..5).prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(key, value)| format!("\"{key}\": {value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    });
    noisy(text.boxed())
}

fn array(element: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let text = vec(element, 0..4).prop_map(|elements| format!("[{}]", elements.join(" ,")));
    noisy(text.boxed())
}

fn text(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    noisy(select(texts).prop_map(|text| format!("\"{text}\"")).boxed())
}

/// Now and then something else.
fn noisy(usual: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let noise = select(vec!["null", "null", "null", "1.50", "{}", "[]", "\"\""]).prop_map(str::to_owned);
    prop_oneof![30 => usual, 1 => noise].boxed()
}

fn member(key: &'static str, value: BoxedStrategy<String>) -> BoxedStrategy<(&'static str, String)> {
    value.prop_map(move |value| (key, value)).boxed()
}

fn request() -> BoxedStrategy<String> {
    let binding = object(
        prop_oneof![
            member("HostIp", text(&["", "", "127.0.0.1", "::"])),
            member("HostPort", text(&["", "80", "1-9"])),
        ]
        .boxed(),
    );
    let ports = object(
        prop_oneof![
            member("80/tcp", array(binding.clone())),
            member("53/udp", array(binding)),
        ]
        .boxed(),
    );
    const HOSTS: &[&str] = &[
        "a:host-gateway",
        "HOST.docker.internal:::1",
        "b",
        "gateway.docker.internal:x",
        "a:b:host-gateway",
    ];
    const PATHS: &[&str] = &[
        "/srv",
        "/srv/../etc",
        "/etc/../srv/x",
        "/dev/null",
        "cache",
        "/srvx",
        "/srv/./a//b/",
    ];
    const BINDS: &[&str] = &[
        "/srv:/x",
        "/srv/../etc:/x",
        "/etc/../srv/x:/x:ro",
        "/dev/null:/x",
        "cache:/x",
        "/x",
    ];
    let mount = object(
        prop_oneof![
            member("Type", text(&["bind", "bind", "volume"])),
            member("Source", text(PATHS)),
            member("Target", text(&["/x"])),
        ]
        .boxed(),
    );
    let host_config = object(
        prop_oneof![
            member("PortBindings", ports),
            member("ExtraHosts", array(text(HOSTS))),
            member("NetworkMode", text(&["none", "container:x", "host", ""])),
            member("Binds", array(text(BINDS))),
            member("Mounts", array(mount)),
            member("Memory", text(&["1"])),
        ]
        .boxed(),
    );
    object(prop_oneof![4 => member("HostConfig", host_config), 1 => member("Image", text(&["x"]))].boxed())
}

fn rewrite(paths: Option<PathMap>) -> CreateRewrite {
    CreateRewrite::new(RewriteSettings {
        open_on: OpenOn::Localhost,
        host_address: Some(HOST.parse().unwrap()),
        paths: paths.map(|paths| Arc::new(paths) as Arc<dyn Paths>),
    })
}

fn is_in_the_machine(path: &str) -> bool {
    !path.starts_with('/') || path == "/mnt/srv" || path.starts_with("/mnt/srv/") || path == "/dev/null"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_the_engine_reads_is_what_is_intended(body in request()) {
        let changed = rewrite(None).rewrite("POST", TARGET, body.as_bytes()).unwrap();
        let forwarded = changed.clone().unwrap_or_else(|| body.clone().into_bytes());
        if let Some(before @ Json::Object(_)) = read(body.as_bytes(), &CONTAINER) {
            let after = read(&forwarded, &CONTAINER);
            prop_assert_eq!(after, Some(intended(before)), "{} became {}", body, String::from_utf8_lossy(&forwarded));
            // Then there is nothing left to do.
            prop_assert_eq!(rewrite(None).rewrite("POST", TARGET, &forwarded).unwrap(), None);
        }
    }

    #[test]
    fn what_the_engine_mounts_is_shared(body in request()) {
        let share = SharedFolder { host: "/srv".into(), guest: "/mnt/srv".into() };
        let paths = PathMap::new(PathStyle::Unix, CaseRule::Sensitive, [share]).unwrap();
        let Ok(changed) = rewrite(Some(paths)).rewrite("POST", TARGET, body.as_bytes()) else { return Ok(()) };
        let forwarded = changed.unwrap_or_else(|| body.clone().into_bytes());
        let Some(request) = read(&forwarded, &CONTAINER) else { return Ok(()) };
        let Some(host_config) = request.get("HostConfig") else { return Ok(()) };
        for bind in host_config.get("Binds").map(Json::values).unwrap_or_default() {
            if let Some((source, _)) = bind.text().split_once(':') {
                prop_assert!(is_in_the_machine(source), "{} of {}", source, body);
            }
        }
        for mount in host_config.get("Mounts").map(Json::values).unwrap_or_default() {
            if mount.get("Type").is_some_and(|kind| kind.text() == "bind") {
                let source = mount.get("Source").map(Json::text).unwrap_or_default();
                prop_assert!(is_in_the_machine(source), "{} of {}", source, body);
            }
        }
    }

    #[test]
    fn rewrite_any_cut_or_change_never_panics(at in 0_usize..3000, byte: u8) {
        let mut body = include_bytes!("../bodies/container-create.json").to_vec();
        let at = at.min(body.len() - 1);
        body[at] = byte;
        drop(rewrite(None).rewrite("POST", TARGET, &body));
        drop(rewrite(None).rewrite("POST", TARGET, &body[..at]));
    }
}
