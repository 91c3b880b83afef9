//! `--ulimit NAME=SOFT[:HARD]`.
//!
//! Source: `ParseUlimit` in `ulimit.go` of github.com/docker/go-units.

use serde::Serialize;

/// A limit of each process of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ulimit {
    /// What is limited, as in `nofile`.
    pub name: String,
    /// The most that a process may raise its limit to; -1 for any.
    pub hard: i64,
    /// Its limit at first; -1 for none.
    pub soft: i64,
}

const NAMES: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Reads one value of `--ulimit`.
pub fn parse_ulimit(text: &str) -> Result<Ulimit, String> {
    let (name, limits) = text.split_once('=').ok_or("write it as NAME=SOFT[:HARD]")?;
    if !NAMES.contains(&name) {
        return Err(format!("unknown limit {name:?}, use one of {}", NAMES.join(", ")));
    }
    let number = |text: &str| match text.parse::<i64>() {
        Ok(number) if number >= -1 => Ok(number),
        _ => Err(format!("{text:?} is no limit, use a number or -1 for none")),
    };
    let (soft, hard) = match limits.split_once(':') {
        Some((soft, hard)) => (number(soft)?, number(hard)?),
        None => (number(limits)?, number(limits)?),
    };
    if hard != -1 && (soft == -1 || soft > hard) {
        return Err(format!("the soft limit {soft} is above the hard limit {hard}"));
    }
    Ok(Ulimit {
        name: name.to_owned(),
        hard,
        soft,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_ulimit_each_form_is_read() {
        let check = |text: &str, soft, hard| {
            let limit = parse_ulimit(text).unwrap();
            assert_eq!((limit.soft, limit.hard), (soft, hard), "{text}");
        };
        check("nofile=1024", 1024, 1024);
        check("nofile=1024:2048", 1024, 2048);
        check("memlock=-1", -1, -1);
        check("core=0:-1", 0, -1);
        for text in [
            "",
            "nofile",
            "x=1",
            "nofile=",
            "nofile=2:1",
            "nofile=-1:5",
            "nofile=-2",
            "nofile=1:",
            "nofile=1:2:3",
        ] {
            assert!(parse_ulimit(text).is_err(), "{text}");
        }
    }
}
