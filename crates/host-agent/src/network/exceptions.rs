//! What is reached without a proxy, in the words that dockerd knows: names, `.example.com`, addresses, networks.

use std::net::IpAddr;

use protocol::MAX_PROXY_BYTES;

/// What the machine reaches by itself: itself, and containers on the engine's own bridge.
const OWN: [&str; 4] = ["localhost", "127.0.0.0/8", "::1", "172.17.0.0/16"];

/// The list with the machine's own places, and whether all of `given` is in it.
pub(super) fn join(given: &str, host_address: Option<IpAddr>) -> (String, bool) {
    let own = OWN.into_iter().map(str::to_owned);
    let host = host_address.map(|address| address.to_string());
    let mut list: Vec<String> = own.chain(host).collect();
    let mut length: usize = list.iter().map(|one| one.len() + 1).sum();
    for one in given.split([',', ';', ' ', '\t']).filter_map(translate) {
        if list.contains(&one) {
            continue;
        }
        length += one.len() + 1;
        if length > MAX_PROXY_BYTES {
            return (list.join(","), false);
        }
        list.push(one);
    }
    (list.join(","), true)
}

/// One entry; `None` for what cannot be said, such as Windows's `<local>`.
fn translate(entry: &str) -> Option<String> {
    let entry = entry.trim();
    if entry.is_empty() || entry.starts_with('<') || entry.contains(char::is_control) {
        return None;
    }
    if entry == "*" {
        return Some(entry.to_owned());
    }
    if let Some(domain) = entry.strip_prefix("*.") {
        return Some(format!(".{domain}"));
    }
    // `169.254/16` and `10.*` are the short forms of networks.
    let (address, bits) = match entry.split_once('/') {
        Some((address, bits)) => (address, bits.parse::<u8>().ok()),
        None => (entry, None),
    };
    let numbers: Vec<&str> = address.trim_end_matches(['.', '*']).split('.').collect();
    let is_short = numbers.len() < 4 && (bits.is_some() || entry.ends_with(".*"));
    if is_short && numbers.iter().all(|number| number.parse::<u8>().is_ok()) {
        let mut whole = numbers.clone();
        whole.resize(4, "0");
        let bits = bits.unwrap_or(u8::try_from(numbers.len() * 8).unwrap_or(32));
        return Some(format!("{}/{bits}", whole.join(".")));
    }
    Some(entry.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_adds_the_machines_own_places_and_the_host_once() {
        let (list, is_whole) = join(
            " .corp , localhost,10.0.0.1:5000,,::1",
            Some("192.168.127.2".parse().unwrap()),
        );
        assert_eq!(
            list,
            "localhost,127.0.0.0/8,::1,172.17.0.0/16,192.168.127.2,.corp,10.0.0.1:5000"
        );
        assert!(is_whole);
    }

    #[test]
    fn translate_of_other_systems_words_is_what_dockerd_knows() {
        let table = [
            ("*.local", Some(".local")),
            ("169.254/16", Some("169.254.0.0/16")),
            ("10.*", Some("10.0.0.0/8")),
            ("192.168.*", Some("192.168.0.0/16")),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("<local>", None),
            ("*", Some("*")),
            ("a\u{7}b", None),
            ("corp.example:8080", Some("corp.example:8080")),
        ];
        for (given, expected) in table {
            assert_eq!(translate(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn join_of_an_endless_list_is_cut() {
        let (list, is_whole) = join(&"a.b.c,d.e.f,".repeat(3), None);
        assert!(is_whole, "{list}");
        let many: Vec<String> = (0..5000).map(|number| format!("host-{number}")).collect();
        let (list, is_whole) = join(&many.join(","), None);
        assert!(!is_whole && list.len() <= MAX_PROXY_BYTES);
    }
}
