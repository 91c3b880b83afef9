//! `--add-host`, `--label`, `--sysctl` and `--tmpfs`.

use std::net::IpAddr;

/// Reads `NAME:IP`, `NAME=IP` or `NAME:host-gateway` into the form with a colon.
pub fn parse_added_host(text: &str) -> Result<String, String> {
    let separator = text
        .find(['=', ':'])
        .filter(|at| *at > 0)
        .ok_or("write it as NAME:IP")?;
    let (name, ip) = (&text[..separator], &text[separator + 1..]);
    let bare = ip
        .strip_prefix('[')
        .and_then(|ip| ip.strip_suffix(']'))
        .unwrap_or(ip);
    if bare != "host-gateway" && bare.parse::<IpAddr>().is_err() {
        return Err(format!("{ip:?} is no IP address"));
    }
    Ok(format!("{name}:{bare}"))
}

/// Reads `KEY[=VALUE]`.
pub fn parse_label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() {
        return Err("the key is empty".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Reads `NAME=VALUE`.
pub fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// Reads `PATH[:OPTIONS]`.
pub fn parse_tmpfs(text: &str) -> Result<(String, String), String> {
    let (path, options) = text.split_once(':').unwrap_or((text, ""));
    if !path.starts_with('/') {
        return Err(format!("{path:?} is no absolute path"));
    }
    Ok((path.to_owned(), options.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_added_host_each_form_is_read() {
        let check = |text, wanted: &str| assert_eq!(parse_added_host(text).as_deref(), Ok(wanted), "{text}");
        check("db:10.0.0.2", "db:10.0.0.2");
        check("db=10.0.0.2", "db:10.0.0.2");
        check("db:::1", "db:::1");
        check("db=[::1]", "db:::1");
        check("host:host-gateway", "host:host-gateway");
        for text in ["", "db", ":1.2.3.4", "db:", "db:web", "db=1.2.3"] {
            assert!(parse_added_host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_label_and_tmpfs_are_read() {
        let pair = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(parse_label("a.b=c=d"), pair("a.b", "c=d"));
        assert_eq!(parse_label("a"), pair("a", ""));
        assert!(parse_label("=x").is_err());
        assert_eq!(parse_setting("net.x=1 2"), pair("net.x", "1 2"));
        assert!(parse_setting("net.x").is_err() && parse_setting("=1").is_err());
        assert_eq!(parse_tmpfs("/run"), pair("/run", ""));
        assert_eq!(
            parse_tmpfs("/run:size=64m,mode=1777"),
            pair("/run", "size=64m,mode=1777")
        );
        assert!(parse_tmpfs("run").is_err());
    }
}
