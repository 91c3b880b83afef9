//! What other systems' own programs print about proxies.

use crate::network::Proxies;

/// Reads what macOS's `scutil --proxy` prints: `  HTTPProxy : proxy.example`, exceptions as `    0 : *.local`.
#[cfg_attr(
    not(any(test, target_os = "macos")),
    expect(dead_code, reason = "read on macOS, tested everywhere")
)]
pub(super) fn scutil(text: &str) -> Proxies {
    let pairs: Vec<(&str, &str)> = pairs(text);
    let value = |key: &str| {
        pairs
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    };
    let one = |kind: &str| {
        let is_on = value(&format!("{kind}Enable")) == Some("1");
        let host = value(&format!("{kind}Proxy")).filter(|host| is_on && !host.is_empty())?;
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        Some(match value(&format!("{kind}Port")) {
            Some(port) => format!("http://{host}:{port}"),
            None => format!("http://{host}"),
        })
    };
    let numbered = pairs.iter().filter(|(name, _)| name.parse::<u32>().is_ok());
    let exceptions: Vec<&str> = numbered.map(|(_, value)| *value).collect();
    Proxies {
        http: one("HTTP"),
        https: one("HTTPS"),
        no_proxy: (!exceptions.is_empty()).then(|| exceptions.join(",")),
    }
}

fn pairs(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter_map(|line| line.split_once(" : "));
    lines.map(|(name, value)| (name.trim(), value.trim())).collect()
}

/// Reads what Windows's `reg query` prints of the Internet Settings: `    ProxyServer    REG_SZ    proxy:3128`.
#[cfg_attr(
    not(any(test, windows)),
    expect(dead_code, reason = "read on Windows, tested everywhere")
)]
pub(super) fn registry(text: &str) -> Proxies {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let rest = line.trim().strip_prefix(key)?.trim_start();
            let (kind, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            kind.starts_with("REG_").then(|| value.trim())
        })
    };
    let server = value("ProxyServer").filter(|server| !server.is_empty());
    let Some(server) = server.filter(|_| value("ProxyEnable") == Some("0x1")) else {
        return Proxies::default();
    };
    // One for everything, or `http=proxy:3128;https=proxy:3129`.
    let one = |kind: &str| {
        if !server.contains('=') {
            return Some(server.to_owned());
        }
        let mut each = server.split(';').filter_map(|one| one.split_once('='));
        each.find(|(name, _)| name.trim() == kind)
            .map(|(_, server)| server.trim().to_owned())
    };
    Proxies {
        http: one("http"),
        https: one("https"),
        no_proxy: value("ProxyOverride").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scutil_text_gives_what_is_enabled() {
        let text = "<dictionary> {\n  ExceptionsList : <array> {\n    0 : *.local\n    1 : 169.254/16\n  }\n  \
                    HTTPEnable : 1\n  HTTPPort : 8080\n  HTTPProxy : proxy.example\n  HTTPSEnable : 0\n  \
                    HTTPSPort : 8080\n  HTTPSProxy : proxy.example\n}\n";
        let expected = Proxies {
            http: Some("http://proxy.example:8080".to_owned()),
            https: None,
            no_proxy: Some("*.local,169.254/16".to_owned()),
        };
        assert_eq!(scutil(text), expected);
        assert_eq!(scutil("<dictionary> {\n}\n"), Proxies::default());
        assert_eq!(
            scutil("HTTPEnable : 1\nHTTPProxy : ::1").http.as_deref(),
            Some("http://[::1]")
        );
    }

    #[test]
    fn registry_text_gives_one_server_or_one_for_each() {
        let text = |enable: &str, server: &str| {
            format!(
                "\r\nHKEY_CURRENT_USER\\Internet Settings\r\n    ProxyEnable    REG_DWORD    {enable}\r\n    \
                 ProxyServer    REG_SZ    {server}\r\n    ProxyOverride    REG_SZ    10.*;<local>\r\n"
            )
        };
        let expected = Proxies {
            http: Some("p:3128".to_owned()),
            https: Some("p:3128".to_owned()),
            no_proxy: Some("10.*;<local>".to_owned()),
        };
        assert_eq!(registry(&text("0x1", "p:3128")), expected);
        let each = registry(&text("0x1", "http=p:1;https=q:2;ftp=r:3"));
        assert_eq!(
            (each.http.as_deref(), each.https.as_deref()),
            (Some("p:1"), Some("q:2"))
        );
        assert_eq!(registry(&text("0x0", "p:3128")), Proxies::default());
        assert_eq!(registry(""), Proxies::default());
    }
}
