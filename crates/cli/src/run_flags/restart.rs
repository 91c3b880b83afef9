//! `--restart POLICY[:TRIES]`.

/// When the engine starts a container again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub name: &'static str,
    /// The most tries of `on-failure`; 0 for any number.
    pub tries: u32,
}

/// Reads the value of `--restart`.
pub fn parse_restart(text: &str) -> Result<RestartPolicy, String> {
    let (name, tries) = match text.split_once(':') {
        Some((name, tries)) => (name, Some(tries)),
        None => (text, None),
    };
    let Some(name) = ["no", "always", "unless-stopped", "on-failure"]
        .into_iter()
        .find(|known| *known == name)
    else {
        return Err("use no, always, unless-stopped or on-failure[:TRIES]".to_owned());
    };
    let tries = match tries {
        None => 0,
        Some(_) if name != "on-failure" => return Err(format!("{name} has no number of tries")),
        Some(tries) => tries
            .parse()
            .map_err(|_| format!("{tries:?} is no number of tries"))?,
    };
    Ok(RestartPolicy { name, tries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_restart_each_policy_is_read() {
        let check = |text, name, tries| {
            assert_eq!(parse_restart(text), Ok(RestartPolicy { name, tries }), "{text}");
        };
        check("no", "no", 0);
        check("always", "always", 0);
        check("unless-stopped", "unless-stopped", 0);
        check("on-failure", "on-failure", 0);
        check("on-failure:5", "on-failure", 5);
        for text in ["", "never", "always:3", "on-failure:", "on-failure:-1", "Always"] {
            assert!(parse_restart(text).is_err(), "{text}");
        }
    }
}
