//! The proxies of this host: the environment's, else the system's.

use super::proxy::Proxies;

/// Looks variables up with `variable`, in capitals first; where none names a proxy, `system` is asked.
pub(super) fn proxies(
    variable: &dyn Fn(&str) -> Option<String>,
    system: impl FnOnce() -> Proxies,
) -> Proxies {
    let find = |name: &str| {
        [name.to_owned(), name.to_ascii_lowercase()]
            .iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
    };
    let all = find("ALL_PROXY");
    let http = find("HTTP_PROXY").or_else(|| all.clone());
    let https = find("HTTPS_PROXY").or(all);
    if http.is_none() && https.is_none() {
        return system();
    }
    Proxies {
        http,
        https,
        no_proxy: find("NO_PROXY"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)]) -> [Option<String>; 3] {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let system = || Proxies {
            http: Some("system".to_owned()),
            ..Proxies::default()
        };
        let Proxies {
            http,
            https,
            no_proxy,
        } = proxies(&variable, system);
        [http, https, no_proxy]
    }

    #[test]
    fn proxies_of_the_environment_come_before_the_systems() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            check(&[
                ("http_proxy", "a"),
                ("HTTPS_PROXY", "b"),
                ("https_proxy", "c"),
                ("no_proxy", "d")
            ]),
            [some("a"), some("b"), some("d")]
        );
        assert_eq!(
            check(&[("all_proxy", "a"), ("HTTPS_PROXY", "b")]),
            [some("a"), some("b"), None]
        );
        assert_eq!(
            check(&[("HTTP_PROXY", ""), ("NO_PROXY", "x")]),
            [some("system"), None, None]
        );
    }
}
