use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

fn map(style: PathStyle, case: CaseRule, shares: &[(&str, &str)]) -> Result<PathMap, PathMapError> {
    let shares = shares.iter().map(|(host, guest)| SharedFolder {
        host: (*host).to_owned(),
        guest: (*guest).to_owned(),
    });
    PathMap::new(style, case, shares)
}

fn unix() -> PathMap {
    let shares = [
        ("/Users", "/mnt/users"),
        ("/Users/x/deep/", "/mnt/deep"),
        ("/srv/a", "/mnt/a"),
    ];
    map(PathStyle::Unix, CaseRule::Sensitive, &shares).unwrap()
}

fn windows() -> PathMap {
    let shares = [
        (r"C:\Users", "/mnt/users"),
        ("d:/", "/mnt/d"),
        (r"\\NAS\data\x", "/mnt/nas"),
        (r"C:\Program Files", "/mnt/programs"),
    ];
    map(PathStyle::Windows, CaseRule::Insensitive, &shares).unwrap()
}

/// What a path becomes: the path in the machine, `-` for what is no full path, or the refusal.
fn outcome(paths: &PathMap, path: &str) -> String {
    match paths.guest_path(path) {
        Ok(guest) => guest.unwrap_or_else(|| "-".to_owned()),
        Err(refusal) => refusal.message,
    }
}

#[test]
fn kept_folder_is_refused_unless_something_nearer_is_shared() {
    let mut paths = unix();
    for kept in ["/Users/x", "/Users/me/.netrc", "/nowhere", "no path"] {
        paths.keep_from_machine(kept);
    }
    for path in ["/Users/x", "/Users/x/y/../z", "/Users/me/.netrc", "/nowhere/a"] {
        let refusal = outcome(&paths, path);
        assert!(
            refusal.starts_with(&format!("cannot mount {path}: it is kept from the machine; share it on purpose with: pinnace share add /")),
            "{refusal}"
        );
    }
    for (path, guest) in [
        ("/Users", "/mnt/users"),
        ("/Users/me/.netrc2", "/mnt/users/me/.netrc2"),
        ("/Users/xy", "/mnt/users/xy"),
        ("/Users/x/deep", "/mnt/deep"),
        ("/Users/x/deep/er", "/mnt/deep/er"),
    ] {
        assert_eq!(outcome(&paths, path), guest);
    }
    // A folder that is shared itself is not kept.
    paths.keep_from_machine("/Users/x/deep");
    assert_eq!(outcome(&paths, "/Users/x/deep"), "/mnt/deep");
    let mut paths = windows();
    paths.keep_from_machine(r"C:\Users\Me\.ssh");
    assert!(outcome(&paths, "c:/users/me/.SSH/id").contains(r"pinnace share add C:\users\me\.SSH\id"));
}

#[test]
fn share_is_found_by_its_other_name_too() {
    let mut paths = unix();
    paths.also_known_as("/mnt/a", "/link/to/a");
    // Taken, unknown in the machine, no path.
    paths.also_known_as("/mnt/a", "/Users/");
    paths.also_known_as("/mnt/none", "/other");
    paths.also_known_as("/mnt/a", "a");
    assert_eq!(outcome(&paths, "/link/to/a/b"), "/mnt/a/b");
    assert_eq!(outcome(&paths, "/srv/a/b"), "/mnt/a/b");
    assert_eq!(outcome(&paths, "/Users/b"), "/mnt/users/b");
    assert!(outcome(&paths, "/other").contains("no folder that is shared"));
}

#[test]
fn unix_paths_are_found_in_the_nearest_share() {
    for (path, expected) in [
        ("/Users", "/mnt/users"),
        ("/Users/", "/mnt/users"),
        ("/Users/x/../y", "/mnt/users/y"),
        ("//Users/./x//y/", "/mnt/users/x/y"),
        ("/../../Users/x", "/mnt/users/x"),
        ("/Users/x/deep", "/mnt/deep"),
        ("/Users/x/deep/../other", "/mnt/users/x/other"),
        ("/Users/x/deeper", "/mnt/users/x/deeper"),
        ("/etc/../Users/x", "/mnt/users/x"),
        ("/Users/a\\b:c d", "/mnt/users/a\\b:c d"),
        ("/srv/a/b", "/mnt/a/b"),
        ("Users/x", "-"),
        ("cache", "-"),
        ("", "-"),
        ("~/x", "-"),
        // These are the machine's own.
        ("/", "/"),
        ("/var/run/docker.sock", "/var/run/docker.sock"),
        ("/var/run/../run/docker.sock", "/var/run/docker.sock"),
        ("/proc/1", "/proc/1"),
        ("/dev/..", "/"),
    ] {
        assert_eq!(outcome(&unix(), path), expected, "{path}");
    }
}

#[test]
fn unix_paths_outside_are_refused_with_the_way_to_share_them() {
    for (path, shared) in [
        ("/users/x", "/users/x"),
        ("/Users/../etc", "/etc"),
        ("/Users/x/../../Usersx", "/Usersx"),
        ("/srv", "/srv"),
        ("/srv/ab", "/srv/ab"),
        ("/devx", "/devx"),
        ("/dev/../etc/passwd", "/etc/passwd"),
        ("/var/run/docker.sockx", "/var/run/docker.sockx"),
        ("/opt/my files", "'/opt/my files'"),
        ("/opt/$(x)", "'/opt/$(x)'"),
    ] {
        let expected = format!(
            "cannot mount {path}: it is in no folder that is shared with the machine; share it with: pinnace share add {shared}"
        );
        assert_eq!(outcome(&unix(), path), expected);
    }
    assert_eq!(
        outcome(&unix(), "/Users/\0"),
        "cannot mount /Users/\0: it has a zero byte"
    );
    // A share of everything takes what is no closer to the machine.
    let all = map(PathStyle::Unix, CaseRule::Sensitive, &[("/", "/mnt/all")]).unwrap();
    for (path, expected) in [
        ("/", "/mnt/all"),
        ("/etc", "/mnt/all/etc"),
        ("/dev/null", "/dev/null"),
        ("/run/docker.sock", "/run/docker.sock"),
    ] {
        assert_eq!(outcome(&all, path), expected, "{path}");
    }
}

#[test]
fn the_case_rule_is_the_hosts() {
    let shares = [("/Users/Zoë", "/mnt/z")];
    let paths = map(PathStyle::Unix, CaseRule::Insensitive, &shares).unwrap();
    assert_eq!(outcome(&paths, "/users/ZOË/Src"), "/mnt/z/Src");
    let paths = map(PathStyle::Unix, CaseRule::Sensitive, &shares).unwrap();
    assert!(outcome(&paths, "/users/ZOË/Src").contains("share add /users/ZOË/Src"));
}

#[test]
fn windows_paths_are_found_however_they_are_written() {
    for (path, expected) in [
        (r"C:\Users\Me\src", "/mnt/users/Me/src"),
        ("c:/users/Me/src/", "/mnt/users/Me/src"),
        (r"C:\Users/Me\.\x\..\src\\", "/mnt/users/Me/src"),
        ("/c/Users/Me", "/mnt/users/Me"),
        ("//c/Users/Me", "/mnt/users/Me"),
        ("//C/..//Users", "/mnt/users"),
        (r"\\?\C:\Users\Me", "/mnt/users/Me"),
        (r"\\?\UNC\nas\DATA\X\y", "/mnt/nas/y"),
        ("//?/c:/Users", "/mnt/users"),
        (r"\\nas\data\x\y z", "/mnt/nas/y z"),
        ("//nas/data/x", "/mnt/nas"),
        ("D:\\", "/mnt/d"),
        (r"d:\a\..\..\b", "/mnt/d/b"),
        ("/d", "/mnt/d"),
        (r"C:\Users\Me.", "/mnt/users/Me"),
        (r"C:\Users\Me. . ", "/mnt/users/Me"),
        (r"C:\Users.\a.b\.c", "/mnt/users/a.b/.c"),
        (r"C:\Users\console\com10\nully", "/mnt/users/console/com10/nully"),
        // Such as Git for Windows and compose files for every host have them.
        ("/var/run/docker.sock", "/var/run/docker.sock"),
        ("//var/run/docker.sock", "/var/run/docker.sock"),
        ("/srv/x/../y", "/srv/y"),
        ("/", "/"),
        ("cache", "-"),
        ("x", "-"),
        ("./x", "-"),
        (r"..\x", "-"),
        ("1:\\x", "-"),
        ("ä:\\x", "-"),
        ("", "-"),
    ] {
        assert_eq!(outcome(&windows(), path), expected, "{path}");
    }
}

#[test]
fn windows_paths_outside_are_refused_with_the_way_to_share_them() {
    for (path, shared) in [
        (r"C:\Users\..\Windows", r"C:\Windows"),
        (r"C:\UsersX", r"C:\UsersX"),
        ("c:/", r"C:\"),
        ("/e/my files", r#""E:\my files""#),
        // Nobody knows here what a short name is short for.
        (r"C:\PROGRA~1\x", r#""C:\PROGRA~1\x""#),
        (r"\\nas\data\y", r"\\nas\data\y"),
        (r"\\nas\data\x\..\..\..\y", r"\\nas\data\y"),
        (r"\\other\data\x", r"\\other\data\x"),
        (r"\\c\Users\Me", r"\\c\Users\Me"),
    ] {
        let expected = format!(
            "cannot mount {path}: it is in no folder that is shared with the machine; share it with: pinnace share add {shared}"
        );
        assert_eq!(outcome(&windows(), path), expected);
    }
}

#[test]
fn windows_names_that_are_something_else_are_refused() {
    let drive = "it depends on the current folder of drive C: and is no full path, such as C:\\folder";
    let no_drive = "it says no drive and is no full path, such as C:\\folder";
    let device = "it is the name of a device, not of a folder";
    for (path, why) in [
        ("C:", drive),
        ("C:foo", drive),
        ("c:..\\Users", drive),
        (r"\Users", no_drive),
        (r"\??\C:\Users", no_drive),
        (r"\\nas", no_drive),
        (r"\\nas\", no_drive),
        ("//", no_drive),
        (r"\\.\C:\Users", device),
        (r"\\.\pipe\docker_engine", device),
        ("//./pipe/docker_engine", device),
        (r"\\?\Volume{1}\Users", device),
        (r"\\?\C:Users", device),
        (r"\\?\GLOBALROOT\x", device),
        (r"\\?", device),
        (r"\\?\", device),
        (r"C:\Users\NUL", "the name NUL belongs to a device"),
        (r"C:\Users\nul.txt\..\x", "the name nul.txt belongs to a device"),
        (r"C:\Users\Com1 .x", "the name Com1 .x belongs to a device"),
        (r"C:\Users\lpt²", "the name lpt² belongs to a device"),
        (r"C:\Users\CON:x", "the name CON:x belongs to a device"),
        (
            r"C:\Users\a:b",
            "a:b is a stream of a file, not a file of its own",
        ),
        (
            "/c/Users/a::$DATA",
            "a::$DATA is a stream of a file, not a file of its own",
        ),
        (r"C:\Users\a*b", "no file can have the name a*b"),
        (r"C:\Users\...\x", "no file can have the name ..."),
        (r"C:\Users\ \x", "no file can have the name  "),
        ("C:\\Users\\a\u{1}b", "no file can have the name a\u{1}b"),
        ("C:\\Users\\a\0", "it has a zero byte"),
        ("//var/run/docker.sock/\0", "it has a zero byte"),
        (r"\\?\C:\Users\x.", "no file can have the name x."),
        (r"\\?\C:\Users\..\Windows", "no file can have the name .."),
        (r"\\..\data\x", "no file can have the name .."),
        (r"\\nas\..\x", "no file can have the name .."),
        (r"\\nas\data.\x", "no file can have the name data."),
    ] {
        assert_eq!(outcome(&windows(), path), format!("cannot mount {path}: {why}"));
    }
}

#[test]
fn binds_are_split_where_the_target_begins() {
    for (paths, bind, expected) in [
        (unix(), "/Users/x:/x", Some("/mnt/users/x:/x")),
        (unix(), "/Users/x:/x:ro,z", Some("/mnt/users/x:/x:ro,z")),
        (unix(), "/Users/x:relative", Some("/mnt/users/x:relative")),
        (unix(), "cache:/x:ro", None),
        (unix(), "/Users/x", None),
        (windows(), r"C:\Users\a:/b:ro", Some("/mnt/users/a:/b:ro")),
        (windows(), "c:/Users/a:/b", Some("/mnt/users/a:/b")),
        (windows(), "/c/Users/a:/b:ro", Some("/mnt/users/a:/b:ro")),
        (windows(), r"\\?\C:\Users\a:/b", Some("/mnt/users/a:/b")),
        (windows(), "//?/C:/Users/a:/b", Some("/mnt/users/a:/b")),
        (windows(), r"\\nas\data\x:/b", Some("/mnt/nas:/b")),
        (
            windows(),
            "//var/run/docker.sock:/var/run/docker.sock",
            Some("/var/run/docker.sock:/var/run/docker.sock"),
        ),
        (windows(), "cache:/b:ro", None),
        (windows(), "C:/Users", None),
        (windows(), r"C:\Users\a:\b", None),
        (windows(), "", None),
        (windows(), r"/srv\:b:/c", None),
    ] {
        assert_eq!(paths.guest_bind(bind).unwrap().as_deref(), expected, "{bind}");
    }
    for (bind, why) in [
        (
            "C:foo:/b",
            "C:foo: it depends on the current folder of drive C: and is no full path, such as C:\\folder",
        ),
        (
            r"C:\Users\a:s:/b",
            r"C:\Users\a:s: a:s is a stream of a file, not a file of its own",
        ),
    ] {
        let refusal = windows().guest_bind(bind).unwrap_err();
        assert_eq!(refusal.message, format!("cannot mount {why}"));
    }
}

#[test]
fn shares_that_nobody_could_tell_apart_are_refused() {
    let new = |style, shares: &[(&str, &str)]| map(style, CaseRule::Insensitive, shares).err();
    for host in ["", "x", "~/x"] {
        let expected = Some(PathMapError::HostFolder {
            path: host.to_owned(),
        });
        assert_eq!(new(PathStyle::Unix, &[(host, "/mnt/x")]), expected);
    }
    for host in ["/srv", "C:x", r"\x", r"C:\nul", r"\\.\C:\x"] {
        let expected = Some(PathMapError::HostFolder {
            path: host.to_owned(),
        });
        assert_eq!(new(PathStyle::Windows, &[(host, "/mnt/x")]), expected);
    }
    for guest in ["", "/", "x", "/a/", "/a//b", "/a/../b", "/a:b", "/."] {
        let expected = Some(PathMapError::GuestFolder {
            path: guest.to_owned(),
        });
        assert_eq!(new(PathStyle::Unix, &[("/x", guest)]), expected);
    }
    for other in [
        ("/b", "/mnt/x"),
        ("/b", "/mnt/x/y"),
        ("/b", "/mnt"),
        ("/A/.", "/mnt/z"),
    ] {
        let found = new(PathStyle::Unix, &[("/a", "/mnt/x"), other]);
        assert!(
            matches!(found, Some(PathMapError::Overlap { .. })),
            "{other:?}: {found:?}"
        );
    }
    assert_eq!(
        new(PathStyle::Unix, &[("/a", "/mnt/x"), ("/a/b", "/mnt/xy")]),
        None
    );
}

/// The path of the host that a path of the machine was made from.
fn host_path(style: PathStyle, shares: &[(&str, &str)], guest: &str) -> Option<String> {
    let (host, rest) = shares.iter().find_map(|(host, folder)| {
        let rest = guest.strip_prefix(folder)?;
        (rest.is_empty() || rest.starts_with('/')).then_some((host, rest))
    })?;
    let rest = match style {
        PathStyle::Unix => rest.to_owned(),
        PathStyle::Windows => rest.replace('/', "\\"),
    };
    Some(format!("{host}{rest}"))
}

/// Paths of pieces that mean something to one of the hosts.
fn any_path() -> impl Strategy<Value = String> {
    let pieces = vec![
        "/", "\\", "//", "\\\\", "..", ".", "?", ":", "C:", "c", "Users", "users", "x", "UNC", "nas", "data",
        " ", "nul", "srv", "a", "dev", "\0", "é", "~1",
    ];
    prop_oneof![vec(select(pieces), 0..9).prop_map(|pieces| pieces.concat()), ".*",]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_path_leaves_the_shares(path in any_path()) {
        for (paths, guests) in [(unix(), ["/mnt/users", "/mnt/deep", "/mnt/a", "/mnt/a"]),
            (windows(), ["/mnt/users", "/mnt/d", "/mnt/nas", "/mnt/programs"])]
        {
            let Ok(Some(guest)) = paths.guest_path(&path) else { continue };
            prop_assert!(guest.starts_with('/') && !guest.contains('\0'), "{} of {:?}", guest, path);
            let names: Vec<&str> = guest.split('/').skip(1).collect();
            let is_canonical = guest == "/" || names.iter().all(|name| !matches!(*name, "" | "." | ".."));
            prop_assert!(is_canonical, "{} of {:?}", guest, path);
            let is_shared = guests.iter().any(|folder| is_within(&guest, folder));
            let host = HostPath::read(paths.style, &path).unwrap().unwrap();
            let is_machines = machine::place(paths.style, &host).is_some() && guest == joined("/", &host.names);
            prop_assert!(is_shared || is_machines, "{} of {:?}", guest, path);
        }
    }

    #[test]
    fn a_path_comes_back_from_the_machine(
        names in vec("[a-z][a-z é.~-]{0,6}[a-z]", 0..5),
        share in 0_usize..3,
        detour in "[a-z]{9}",
    ) {
        prop_assume!(!names.iter().any(|name| ["con", "prn", "aux", "nul"].contains(&name.split(['.', ' ']).next().unwrap())));
        let unix_shares = [("/Users", "/mnt/users"), ("/Users/x/deep", "/mnt/deep"), ("/srv/a", "/mnt/a")];
        let windows_shares = [(r"C:\Users", "/mnt/users"), (r"D:\x", "/mnt/d"), (r"\\nas\data\x", "/mnt/nas")];
        for (style, shares, separator) in [
            (PathStyle::Unix, unix_shares, "/"),
            (PathStyle::Windows, windows_shares, "\\"),
        ] {
            let paths = map(style, CaseRule::Sensitive, &shares).unwrap();
            let mut path = shares[share].0.to_owned();
            let mut winding = path.clone();
            for name in &names {
                path = format!("{path}{separator}{name}");
                winding = format!("{winding}{separator}.{separator}{detour}{separator}..{separator}{separator}{name}");
            }
            let guest = paths.guest_path(&path).unwrap().unwrap();
            prop_assert_eq!(paths.guest_path(&winding).unwrap(), Some(guest.clone()));
            prop_assert_eq!(host_path(style, &shares, &guest), Some(path));
        }
    }

    #[test]
    fn a_bind_has_its_own_target(path in any_path(), options in select(vec!["", ":ro", ":rw,z"])) {
        for paths in [unix(), windows()] {
            if let Ok(Some(guest)) = paths.guest_bind(&format!("{path}:/target{options}")) {
                let target = format!(":/target{options}");
                prop_assert!(guest.ends_with(&target), "{} of {:?}", guest, path);
                prop_assert!(guest.starts_with('/'), "{} of {:?}", guest, path);
                if !path.contains(':') {
                    prop_assert_eq!(guest.find(':'), Some(guest.len() - target.len()), "{} of {:?}", guest, path);
                }
            }
        }
    }
}
