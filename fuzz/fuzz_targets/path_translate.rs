//! Paths of the host to paths in the machine: never outside of a share.
#![no_main]

use engine_proxy::rewrite::{
    CaseRule, CreateRewrite, OpenOn, PathMap, PathStyle, Rewrite, RewriteSettings, SharedFolder,
};

/// What is the machine's own on a host with Unix's paths.
const MACHINES: [&str; 7] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/var/lib/docker",
    "/lib/modules",
    "/dev",
    "/proc",
    "/sys",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(path) = std::str::from_utf8(bytes) else {
        return;
    };
    for (style, hosts) in [
        (PathStyle::Unix, ["/Users", "/Users/x/deep"]),
        (PathStyle::Windows, [r"C:\Users", r"\\nas\data\x"]),
    ] {
        let guests = ["/mnt/users", "/mnt/other"];
        let shares = hosts.iter().zip(guests).map(|(host, guest)| SharedFolder {
            host: (*host).to_owned(),
            guest: guest.to_owned(),
        });
        let paths = PathMap::new(style, CaseRule::Insensitive, shares).expect("the shares are apart");
        if let Ok(Some(guest)) = paths.guest_path(path) {
            check(style, guests, &guest);
        }
        let rewrite = CreateRewrite::new(RewriteSettings {
            open_on: OpenOn::All,
            host_address: None,
            paths: Some(std::sync::Arc::new(paths)),
        });
        let body =
            serde_json::json!({ "HostConfig": { "Binds": [format!("{path}:/target:ro")] } }).to_string();
        if let Ok(Some(changed)) = rewrite.rewrite("POST", "/containers/create", body.as_bytes()) {
            let changed: serde_json::Value = serde_json::from_slice(&changed).expect("it is JSON");
            let bind = changed["HostConfig"]["Binds"][0]
                .as_str()
                .expect("it is a string");
            let (source, _) = bind.split_once(':').expect("it has a target");
            check(style, guests, source);
        }
    }
});

fn check(style: PathStyle, guests: [&str; 2], guest: &str) {
    let names = guest.strip_prefix('/').expect("it is a full path");
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
    assert!(names.is_empty() || names.split('/').all(is_name), "{guest:?}");
    let is_within = |folder: &&str| {
        let rest = guest.strip_prefix(*folder);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // A host with drives has no other paths that begin like this.
    let is_machines =
        style == PathStyle::Windows || guest == "/" || MACHINES.iter().any(|folder| is_within(&folder));
    assert!(
        is_machines || guests.iter().any(|folder| is_within(&folder)),
        "{guest:?}"
    );
}
