//! Whether a container gets an init as its PID 1.
//!
//! A program that is PID 1 gets only the signals that it has a handler for (pid_namespaces(7)), so that Ctrl+C does
//! nothing to most of them. With an init in between they end by it, as they do everywhere else. An image that has an
//! init of its own needs no second one, and some (systemd, s6) insist on being PID 1.

use api::InitChoice;
use engine_client::ImageDetailsConfig;
use serde_json::Value;

/// Programs that are inits, by the last part of their path.
const INITS: &[&str] = &[
    "catatonit",
    "docker-init",
    "dumb-init",
    "init",
    "runit-init",
    "s6-svscan",
    "systemd",
    "tini",
    "tini-static",
];

/// Whether this is a program that is made to be PID 1.
fn is_init(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    INITS.contains(&name)
}

/// Whether the container that `config` asks for gets an init.
pub fn wants_init(choice: InitChoice, config: &Value, image: Option<&ImageDetailsConfig>) -> bool {
    match choice {
        InitChoice::Always => true,
        InitChoice::Never => false,
        InitChoice::Auto => program(config, image).is_none_or(|program| !is_init(&program)),
    }
}

/// The program that would be PID 1: an entry point that is asked for also does away with the image's command.
fn program(config: &Value, image: Option<&ImageDetailsConfig>) -> Option<String> {
    let asked = |key: &str| first(config.get(key)?.as_array()?);
    let of_image = |list: Option<&Vec<String>>| list?.iter().find(|word| !word.is_empty()).cloned();
    if config.get("Entrypoint").is_some_and(Value::is_array) {
        return asked("Entrypoint").or_else(|| asked("Cmd"));
    }
    of_image(image.and_then(|image| image.entrypoint.as_ref()))
        .or_else(|| asked("Cmd"))
        .or_else(|| of_image(image.and_then(|image| image.cmd.as_ref())))
}

fn first(words: &[Value]) -> Option<String> {
    words
        .iter()
        .filter_map(Value::as_str)
        .find(|word| !word.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(entrypoint: &[&str], cmd: &[&str]) -> ImageDetailsConfig {
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        ImageDetailsConfig {
            entrypoint: words(entrypoint),
            cmd: words(cmd),
        }
    }

    #[test]
    fn wants_init_unless_the_program_is_one() {
        let check = |config: Value, image: &ImageDetailsConfig, wanted| {
            assert_eq!(
                wants_init(InitChoice::Auto, &config, Some(image)),
                wanted,
                "{config} {image:?}"
            );
        };
        check(json!({}), &image(&[], &["sh"]), true);
        check(json!({}), &image(&[], &["/sbin/init"]), false);
        check(json!({}), &image(&["/usr/bin/tini", "--"], &["sh"]), false);
        check(json!({}), &image(&["/init"], &[]), false);
        check(json!({}), &image(&["/docker-entrypoint.sh"], &["systemd"]), true);
        check(json!({"Cmd": ["dumb-init", "x"]}), &image(&[], &["sh"]), false);
        check(json!({"Cmd": ["initdb"]}), &image(&[], &["init"]), true);
        check(json!({"Entrypoint": ["sleep"]}), &image(&["tini"], &[]), true);
        check(
            json!({"Entrypoint": [""], "Cmd": ["/lib/systemd/systemd"]}),
            &image(&["a"], &["b"]),
            false,
        );
        check(json!({"Entrypoint": null}), &image(&["catatonit"], &[]), false);
        check(json!({}), &image(&[], &[]), true);
    }

    #[test]
    fn wants_init_as_chosen() {
        let tini = image(&["tini"], &[]);
        assert!(wants_init(InitChoice::Always, &json!({}), Some(&tini)));
        assert!(!wants_init(
            InitChoice::Never,
            &json!({"Cmd": ["sleep"]}),
            Some(&tini)
        ));
        assert!(wants_init(InitChoice::Auto, &json!({}), None));
    }
}
