//! Shares in words: what is shared, how, and the command that does it.

use api::{Share, ShareState};

/// Shares as people look for them: the home first, then by path.
pub fn sorted(shares: &[Share]) -> Vec<&Share> {
    let mut sorted: Vec<&Share> = shares.iter().collect();
    sorted.sort_by_key(|share| (share.origin, &share.path));
    sorted
}

/// What containers may do with the files.
pub fn access(share: &Share) -> &'static str {
    if share.read_only {
        "read-only"
    } else {
        "read-write"
    }
}

/// Whether changes on the host are pushed to the machine. Nothing is told of a share that is not there.
pub fn watched(share: &Share) -> &'static str {
    match (share.state, share.watched) {
        (ShareState::Waiting | ShareState::Failed, _) => "",
        (ShareState::Mounted, true) => "yes",
        (ShareState::Mounted, false) => "no",
    }
}

/// A state in words.
pub fn state(state: ShareState) -> &'static str {
    match state {
        ShareState::Waiting => "waiting",
        ShareState::Mounted => "mounted",
        ShareState::Failed => "failed",
    }
}

/// The command that shares it as it is.
pub fn add_command(share: &Share) -> String {
    let read_only = if share.read_only { " --read-only" } else { "" };
    format!("pinnace share add{read_only} {}", word(&share.path))
}

/// The command that takes it back.
pub fn rm_command(share: &Share) -> String {
    format!("pinnace share rm {}", word(&share.path))
}

/// A path as a word of a command line, as the path's own host writes it.
fn word(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/\\:._-+,@".contains(c);
    if path.starts_with('/') {
        if path.chars().all(|c| is_plain(c) && c != '\\') {
            return path.to_owned();
        }
        return format!("'{}'", path.replace('\'', r"'\''"));
    }
    if path.chars().all(is_plain) {
        path.to_owned()
    } else {
        // No name there has a double quote.
        format!("\"{path}\"")
    }
}

#[cfg(test)]
mod tests {
    use api::ShareOrigin;

    use super::*;

    fn share(path: &str, origin: ShareOrigin) -> Share {
        Share {
            path: path.to_owned(),
            guest_path: None,
            read_only: false,
            origin,
            state: ShareState::Mounted,
            reason: None,
            watched: true,
        }
    }

    #[test]
    fn sorted_home_is_first_and_the_rest_by_path() {
        let shares = [
            share("/srv", ShareOrigin::Added),
            share("/home/ann", ShareOrigin::Home),
            share("/data", ShareOrigin::Added),
        ];
        let paths: Vec<&str> = sorted(&shares).iter().map(|share| share.path.as_str()).collect();
        assert_eq!(paths, ["/home/ann", "/data", "/srv"]);
    }

    #[test]
    fn add_command_each_path_is_one_word() {
        let check = |path: &str, wanted: &str| {
            let command = add_command(&share(path, ShareOrigin::Added));
            assert_eq!(command, format!("pinnace share add {wanted}"));
        };
        check("/srv/größe_1.2", "/srv/größe_1.2");
        check("/srv/ann's files", r"'/srv/ann'\''s files'");
        check("/srv/$(x)", "'/srv/$(x)'");
        check(r"/srv/a\b", r"'/srv/a\b'");
        check(r"C:\Users\ann", r"C:\Users\ann");
        check(r"C:\My Files", "\"C:\\My Files\"");
    }

    #[test]
    fn watched_is_told_of_what_is_there_only() {
        let mut share = share("/srv", ShareOrigin::Added);
        assert_eq!(watched(&share), "yes");
        share.watched = false;
        assert_eq!(watched(&share), "no");
        share.state = ShareState::Waiting;
        assert_eq!(watched(&share), "");
    }
}
