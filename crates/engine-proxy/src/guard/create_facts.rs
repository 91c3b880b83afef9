//! What the body of `POST /containers/create` says about the foreground.
//!
//! The engine decodes it with Go's `encoding/json`: keys match in any case (and two letters outside of ASCII fold too), a
//! later key overrides an earlier one, a repeated object is merged into the first, `null` changes nothing. This reads it
//! the same way, so that nobody can tell the guard one thing and the engine another.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

/// What a client asked for when it made a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateFacts {
    /// With a terminal.
    pub tty: bool,
    /// Output goes to the client. A client of which only the input is attached leaves on purpose when that ends
    /// (`docker run -i -a stdin`), so that alone is not the foreground.
    pub attached: bool,
    /// Input can be given.
    pub open_stdin: bool,
    /// It is removed when it ends.
    pub auto_remove: bool,
    /// Restart policy; empty and `no` are none.
    pub restart_policy: String,
    /// Labels, without those of the image.
    pub labels: BTreeMap<String, String>,
    /// Who asked, as the header `User-Agent` says.
    pub user_agent: String,
}

impl CreateFacts {
    /// Reads the body. `None` when it is nothing that the engine takes.
    pub fn read(user_agent: &str, body: &[u8]) -> Option<Self> {
        let mut draft = Draft::default();
        let mut json = serde_json::Deserializer::from_slice(body);
        Object::Request(&mut draft).deserialize(&mut json).ok()?;
        json.end().ok()?;
        Some(Self {
            tty: draft.tty,
            attached: draft.stdout || draft.stderr,
            open_stdin: draft.open_stdin,
            auto_remove: draft.host.auto_remove,
            restart_policy: draft.host.restart_policy,
            labels: draft.labels,
            user_agent: user_agent.to_owned(),
        })
    }
}

#[derive(Default)]
struct Draft {
    tty: bool,
    stdout: bool,
    stderr: bool,
    open_stdin: bool,
    labels: BTreeMap<String, String>,
    host: HostDraft,
}

#[derive(Default)]
struct HostDraft {
    auto_remove: bool,
    restart_policy: String,
}

/// One of the objects that are looked into.
enum Object<'a> {
    Request(&'a mut Draft),
    Host(&'a mut HostDraft),
    RestartPolicy(&'a mut HostDraft),
    Labels(&'a mut BTreeMap<String, String>),
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// `null`.
    fn visit_unit<E>(self) -> Result<(), E> {
        match self {
            // Pointers and maps become empty; the other two are values, which keep what they have.
            Self::Host(host) => *host = HostDraft::default(),
            Self::Labels(labels) => labels.clear(),
            Self::Request(_) | Self::RestartPolicy(_) => {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match self {
            Self::Request(draft) => {
                while let Some(key) = map.next_key::<String>()? {
                    match folded(&key).as_str() {
                        "tty" => set(&mut map, &mut draft.tty)?,
                        "attachstdout" => set(&mut map, &mut draft.stdout)?,
                        "attachstderr" => set(&mut map, &mut draft.stderr)?,
                        "openstdin" => set(&mut map, &mut draft.open_stdin)?,
                        "labels" => map.next_value_seed(Object::Labels(&mut draft.labels))?,
                        "hostconfig" => map.next_value_seed(Object::Host(&mut draft.host))?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
            }
            Self::Host(host) => {
                while let Some(key) = map.next_key::<String>()? {
                    match folded(&key).as_str() {
                        "autoremove" => set(&mut map, &mut host.auto_remove)?,
                        "restartpolicy" => map.next_value_seed(Object::RestartPolicy(host))?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
            }
            Self::RestartPolicy(host) => {
                while let Some(key) = map.next_key::<String>()? {
                    match folded(&key).as_str() {
                        "name" => set(&mut map, &mut host.restart_policy)?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
            }
            Self::Labels(labels) => {
                while let Some((key, value)) = map.next_entry::<String, Option<String>>()? {
                    labels.insert(key, value.unwrap_or_default());
                }
            }
        }
        Ok(())
    }
}

fn set<'de, A: MapAccess<'de>, T: serde::Deserialize<'de>>(
    map: &mut A,
    place: &mut T,
) -> Result<(), A::Error> {
    if let Some(value) = map.next_value()? {
        *place = value;
    }
    Ok(())
}

/// The key as Go compares it: without case, and with the two letters that fold into ASCII.
pub(crate) fn folded(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> CreateFacts {
        CreateFacts::read("Docker-Client/28", body.as_bytes()).unwrap()
    }

    #[test]
    fn read_docker_run_has_everything() {
        let facts = read(
            r#"{"Hostname":"","AttachStdin":true,"AttachStdout":true,"AttachStderr":true,"Tty":true,"OpenStdin":true,
            "StdinOnce":true,"Env":null,"Cmd":["sh"],"Image":"x","Labels":{"a":"b"},"HostConfig":{"AutoRemove":true,
            "RestartPolicy":{"Name":"no","MaximumRetryCount":0},"LogConfig":{"Type":"","Config":{}}},
            "NetworkingConfig":{"EndpointsConfig":{"default":{"Labels":{"c":"d"}}}}}"#,
        );
        let expected = CreateFacts {
            tty: true,
            attached: true,
            open_stdin: true,
            auto_remove: true,
            restart_policy: "no".into(),
            labels: BTreeMap::from([("a".into(), "b".into())]),
            user_agent: "Docker-Client/28".into(),
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn read_missing_and_null_are_defaults() {
        let none = CreateFacts {
            user_agent: "Docker-Client/28".into(),
            ..CreateFacts::default()
        };
        assert_eq!(read("{}"), none);
        assert_eq!(read(r#"{"Tty":null,"Labels":null,"HostConfig":null}"#), none);
    }

    #[test]
    fn read_only_input_attached_is_not_attached() {
        assert!(!read(r#"{"AttachStdin":true,"OpenStdin":true}"#).attached);
    }

    #[test]
    fn read_keys_match_as_in_go() {
        let facts = read(
            r#"{"TTY":true,"attachSTDOUT":true,"tty":false,"labels":{"Key":"1"},"Labels":{"key":null},
            "hostConfig":{"autoremove":true},"HOſTCONFIG":{"RestartPolicy":{"NAME":"always"}},"attachstdout":null}"#,
        );
        assert!(!facts.tty, "the later key counts");
        assert!(facts.attached, "null changes nothing");
        assert!(facts.auto_remove, "repeated objects are merged");
        assert_eq!(facts.restart_policy, "always");
        let labels = [("Key", "1"), ("key", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(facts.labels, BTreeMap::from(labels));
    }

    #[test]
    fn read_what_the_engine_refuses_is_none() {
        for body in [
            "",
            "[]",
            "1",
            "{",
            "{}x",
            r#"{"Tty":1}"#,
            r#"{"Labels":[]}"#,
            r#"{"HostConfig":"x"}"#,
        ] {
            assert_eq!(CreateFacts::read("x", body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn read_deep_nesting_needs_no_stack() {
        for place in ["x", "Labels", "HostConfig"] {
            let deep = format!(
                r#"{{"{place}":{}{}}}"#,
                "[".repeat(1_000_000),
                "]".repeat(1_000_000)
            );
            drop(CreateFacts::read("x", deep.as_bytes()));
            let objects = format!(r#"{{"{place}":{}"#, r#"{"a":"#.repeat(1_000_000));
            assert_eq!(CreateFacts::read("x", objects.as_bytes()), None);
        }
    }

    proptest! {
        #[test]
        fn read_any_bytes_never_panics(body: Vec<u8>) {
            drop(CreateFacts::read("x", &body));
        }

        #[test]
        fn read_any_cut_or_change_never_panics(at in 0_usize..200, byte: u8) {
            let mut body = br#"{"AttachStdout":true,"Tty":true,"Labels":{"a":"b\u0041"},"HostConfig":{"AutoRemove":true,
                "RestartPolicy":{"Name":"no"}},"Env":["x=\ud83d\ude00"]}"#.to_vec();
            let at = at.min(body.len() - 1);
            body[at] = byte;
            drop(CreateFacts::read("x", &body));
            drop(CreateFacts::read("x", &body[..at]));
        }
    }
}
