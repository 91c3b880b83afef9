use super::*;

const HOST: HostSize = HostSize {
    cpus: 8,
    memory_mib: 16384,
};

fn check(content: &[u8]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, content).unwrap();
    load(&path, HOST)
}

fn invalid(content: &[u8]) -> String {
    let loaded = check(content);
    assert_eq!(loaded.settings, Settings::defaults(HOST));
    let error = loaded.invalid.expect("it is wrong");
    assert_eq!(error.code, Code::Settings);
    assert!(error.hint.is_some());
    error
        .message
        .rsplit_once("config.toml")
        .expect("it names the file")
        .1
        .to_owned()
}

#[test]
fn file_missing_empty_or_with_mark_gives_defaults() {
    let defaults = Loaded {
        settings: Settings::defaults(HOST),
        warnings: Vec::new(),
        invalid: None,
    };
    assert_eq!(load(Path::new("/does/not/exist.toml"), HOST), defaults);
    for content in [
        &b""[..],
        b"\n",
        b"# only a comment",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf[machine]\n",
    ] {
        assert_eq!(check(content), defaults, "{content:?}");
    }
}

#[test]
fn file_with_every_key_is_taken() {
    let loaded = check(
        b"[machine]\ndriver='fake'\ncpus=2\nmemory_mib=1024\ndisk_gib=10\naccelerator='tcg'\nlink='serial'\n\
          stop_grace_s=3\nrestart=false\n[engine]\ncontext=false\non_demand=true\n\
          [guard]\nmode='signals'\ninterrupt_wait_s=3\n[ports]\nopen_on='all'\n\
          [shares]\nhome=false\nhide=['a/b', '.c']\n\
          [network]\nproxy={http='http://a:1',no_proxy='b'}\nca_certificates=['/c.pem']\n",
    );
    let expected = Settings {
        driver: "fake".to_owned(),
        cpus: 2,
        memory_mib: 1024,
        disk_gib: 10,
        accelerator: AcceleratorChoice::Tcg,
        link: LinkChoice::Serial,
        stop_grace: Duration::from_secs(3),
        restart: false,
        context: false,
        on_demand: true,
        guard: GuardMode::Signals,
        interrupt_wait: Duration::from_secs(3),
        open_on: OpenOn::All,
        share_home: false,
        hide: vec!["a/b".to_owned(), ".c".to_owned()],
        network: NetworkChoice {
            proxy: crate::network::ProxyChoice::These(crate::network::Proxies {
                http: Some("http://a:1".to_owned()),
                https: None,
                no_proxy: Some("b".to_owned()),
            }),
            ca_certificates: vec!["/c.pem".into()],
        },
    };
    assert_eq!(
        loaded,
        Loaded {
            settings: expected,
            warnings: Vec::new(),
            invalid: None
        }
    );
}

#[test]
fn unknown_key_is_a_warning() {
    let loaded = check(b"color='red'\n[machine]\ncpu=2\n[engine]\n[x]\n");
    assert_eq!(loaded.invalid, None);
    let names: Vec<_> = loaded
        .warnings
        .iter()
        .map(|warning| warning.split('`').nth(1).unwrap())
        .collect();
    assert_eq!(names, ["color", "machine.cpu", "x"]);
}

#[test]
fn wrong_content_is_named_with_its_place() {
    let table: [(&[u8], &str); 15] = [
        (b"[machine]\ncpus = 'two'\n", ":2:8: `cpus`: "),
        (
            b"[machine]\n\ncpus = 0\n",
            ":3:8: `cpus` is 0, it must be from 1 to 8",
        ),
        (b"[machine]\ncpus = 9\n", ":2:8: `cpus` is 9"),
        (b"[machine]\nmemory_mib = 100\n", ":2:14: `memory_mib` is 100"),
        (
            b"[machine]\ndriver = 'vmware'\n",
            ":2:10: `driver` is `vmware`, it must be one of",
        ),
        (
            b"[machine]\naccelerator = 'xen'\n",
            ":2:15: `accelerator`: unknown variant `xen`",
        ),
        (
            b"[shares]\nhide = ['a', '../b']\n",
            ":2:14: `hide` has `../b`, which is no path below the home",
        ),
        (b"[shares]\nhome = 'no'\n", ":2:8: `home`: "),
        (
            b"[network]\nproxy = 'http://ann:secret@a:1'\n",
            ":2:9: `proxy` must be",
        ),
        (
            b"[network]\nproxy = {http = 'ftp://ann:secret@a:1'}\n",
            ":2:9: `proxy.http` is no proxy: it begins neither",
        ),
        (b"[network]\nproxy = {socks = 'a'}\n", ":2:9: `proxy`"),
        (
            b"[network]\nca_certificates = ['a.pem']\n",
            ":2:20: `ca_certificates` has `a.pem`",
        ),
        (b"[machine]\ncpus = ", ":2:8: "),
        (b"[mach", ":1:"),
        (b"machine = 7", ":1:11: "),
    ];
    for (content, expected) in table {
        let message = invalid(content);
        assert!(
            message.starts_with(expected) && !message.contains("secret"),
            "{}: {message}",
            String::from_utf8_lossy(content)
        );
    }
}

#[test]
fn file_that_is_no_text_is_refused() {
    let message = invalid(&[0; 100]);
    assert_eq!(message, ":1:1: a zero byte: this is no text file");
    assert!(invalid(b"a = '\xff'").contains("no UTF-8"));
    assert!(invalid(&vec![b'#'; 2 * 1024 * 1024]).contains("larger than"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::create_dir(&path).unwrap();
    assert!(load(&path, HOST).invalid.is_some());
}

#[test]
fn defaults_on_small_host_take_at_most_half() {
    let settings = Settings::defaults(HostSize {
        cpus: 2,
        memory_mib: 2048,
    });
    assert_eq!((settings.cpus, settings.memory_mib), (2, 1024));
}
