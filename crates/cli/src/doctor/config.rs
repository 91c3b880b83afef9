//! The settings file: readable, and with the keys that are known.

use std::{fs, io::ErrorKind, ops::Range};

use platform::Folders;
use toml::de::{DeTable, DeValue};

use super::Check;
use crate::failure::chain;

const NAME: &str = "settings";

/// The kind of value that a key takes.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Boolean,
    Number,
    OneOf(&'static [&'static str]),
}

/// All keys. The host agent's settings are the authority; this says beforehand what it would say.
const KEYS: &[(&str, &str, Kind)] = &[
    ("machine", "driver", Kind::OneOf(&["qemu", "vz", "fake"])),
    ("machine", "cpus", Kind::Number),
    ("machine", "memory_mib", Kind::Number),
    ("machine", "disk_gib", Kind::Number),
    (
        "machine",
        "accelerator",
        Kind::OneOf(&["auto", "kvm", "hvf", "whpx", "tcg"]),
    ),
    ("machine", "link", Kind::OneOf(&["auto", "serial", "vsock"])),
    ("machine", "stop_grace_s", Kind::Number),
    ("machine", "restart", Kind::Boolean),
    ("engine", "context", Kind::Boolean),
];

/// Reads the settings file. None at all is fine: every key is optional.
pub fn check(folders: &Folders) -> Check {
    let path = folders.config_file();
    let shown = path.display();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Check::ok(NAME, format!("defaults, there is no {shown}"));
        }
        Err(error) => {
            return Check::fail(
                NAME,
                format!("failed to read {shown}: {}", chain(&error)),
                "save it as UTF-8 text",
            );
        }
    };
    match problems(&text) {
        Err(problem) => Check::fail(
            NAME,
            format!("{shown}:{}: {}", problem.line, problem.message),
            "correct this line, or delete the file to use the defaults",
        ),
        Ok(unknown) if unknown.is_empty() => Check::ok(NAME, shown.to_string()),
        Ok(unknown) => {
            let unknown: Vec<String> = unknown
                .iter()
                .map(|problem| format!("line {}: {}", problem.line, problem.message))
                .collect();
            Check::warn(
                NAME,
                format!("{shown}: {}", unknown.join(", ")),
                "unknown keys do nothing; check their spelling",
            )
        }
    }
}

/// Something wrong in the file.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    line: usize,
    message: String,
}

/// The unknown keys, or the first thing that keeps the machine from starting.
fn problems(text: &str) -> Result<Vec<Problem>, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let at = |span: Range<usize>, message: String| Problem {
        line: text[..span.start.min(text.len())].matches('\n').count() + 1,
        message,
    };
    let file =
        DeTable::parse(text).map_err(|error| at(error.span().unwrap_or(0..0), error.message().to_owned()))?;
    let mut unknown = Vec::new();
    for (section, values) in file.get_ref() {
        let name = section.get_ref().as_ref();
        if !KEYS.iter().any(|(known, ..)| *known == name) {
            unknown.push(at(section.span(), format!("unknown section {name}")));
            continue;
        }
        let DeValue::Table(values) = values.get_ref() else {
            return Err(at(section.span(), format!("{name} must be a section, [{name}]")));
        };
        for (key, value) in values {
            let key_name = key.get_ref().as_ref();
            match KEYS
                .iter()
                .find(|(in_section, known, _)| *in_section == name && *known == key_name)
            {
                None => unknown.push(at(key.span(), format!("unknown key {name}.{key_name}"))),
                Some((.., kind)) => {
                    wrong(*kind, value.get_ref()).map_or(Ok(()), |need| {
                        Err(at(value.span(), format!("{name}.{key_name} must be {need}")))
                    })?;
                }
            }
        }
    }
    unknown.sort_by_key(|problem| problem.line);
    Ok(unknown)
}

/// What the value would have to be, if it is not that.
fn wrong(kind: Kind, value: &DeValue<'_>) -> Option<String> {
    match (kind, value) {
        (Kind::Boolean, DeValue::Boolean(_)) => None,
        (Kind::Boolean, _) => Some("true or false".to_owned()),
        (Kind::Number, DeValue::Integer(number))
            if u64::from_str_radix(number.as_str(), number.radix()).is_ok() =>
        {
            None
        }
        (Kind::Number, _) => Some("a whole number".to_owned()),
        (Kind::OneOf(words), DeValue::String(word)) if words.contains(&word.as_ref()) => None,
        (Kind::OneOf(words), _) => Some(format!("one of {}", words.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_good_files_have_none() {
        for text in [
            "",
            "\u{feff}",
            "\u{feff}[machine]\ncpus = 2\n",
            "[machine]\naccelerator = \"tcg\"\nrestart = false\n[engine]\n",
        ] {
            assert_eq!(problems(text), Ok(vec![]), "{text:?}");
        }
    }

    #[test]
    fn problems_wrong_values_name_line_and_need() {
        let check = |text, line, message: &str| {
            assert_eq!(
                problems(text),
                Err(Problem {
                    line,
                    message: message.to_owned()
                })
            );
        };
        check(
            "[machine]\n\ncpus = \"two\"",
            3,
            "machine.cpus must be a whole number",
        );
        check("[machine]\ncpus = -1", 2, "machine.cpus must be a whole number");
        check("[engine]\ncontext = 1", 2, "engine.context must be true or false");
        check(
            "[machine]\nlink = \"tcp\"",
            2,
            "machine.link must be one of auto, serial, vsock",
        );
        check("machine = 1", 1, "machine must be a section, [machine]");
        assert_eq!(problems("[machine]\ncpus = ").unwrap_err().line, 2);
    }

    #[test]
    fn problems_unknown_keys_are_listed() {
        let unknown = problems("[machine]\ncpu = 2\n[extra]\nx = 1").unwrap();
        assert_eq!(
            unknown.iter().map(|problem| problem.line).collect::<Vec<_>>(),
            [2, 3]
        );
    }
}
