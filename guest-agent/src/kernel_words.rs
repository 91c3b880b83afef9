//! The words on the kernel's command line that are for the agent.
//!
//! Read leniently: an unknown word or value is reported and otherwise ignored, because a machine that boots with a
//! default can still tell what is wrong with it.

/// What carries the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkKind {
    /// Virtio-serial ports, found by name.
    #[default]
    Serial,
    /// Virtio sockets; the guest listens.
    Vsock,
}

/// How the guest gets an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetKind {
    /// QEMU's user network, whose addresses are known beforehand.
    #[default]
    Slirp,
    /// Any other network.
    Dhcp,
    /// No network card.
    None,
}

/// All words for the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelWords {
    /// From `pinnace.link=`.
    pub link: LinkKind,
    /// From `pinnace.net=`.
    pub net: NetKind,
    /// Words that begin with `pinnace.` and were not understood.
    pub ignored: Vec<String>,
}

impl KernelWords {
    /// Reads them from the text of `/proc/cmdline`. The last of several equal words counts, as for the kernel's own.
    pub fn parse(cmdline: &str) -> Self {
        let mut words = Self::default();
        for word in cmdline.split_ascii_whitespace() {
            let Some(ours) = word.strip_prefix("pinnace.") else {
                continue;
            };
            match ours.split_once('=') {
                Some(("link", "serial")) => words.link = LinkKind::Serial,
                Some(("link", "vsock")) => words.link = LinkKind::Vsock,
                Some(("net", "slirp")) => words.net = NetKind::Slirp,
                Some(("net", "dhcp")) => words.net = NetKind::Dhcp,
                Some(("net", "none")) => words.net = NetKind::None,
                _ => words.ignored.push(word.to_owned()),
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_nothing_gives_defaults() {
        assert_eq!(KernelWords::parse(""), KernelWords::default());
        assert_eq!(
            KernelWords::parse("console=hvc0 quiet panic=-1\n"),
            KernelWords::default()
        );
    }

    #[test]
    fn parse_known_words_sets_them() {
        let words = KernelWords::parse("console=ttyS0 pinnace.link=vsock pinnace.net=dhcp quiet\n");
        assert_eq!((words.link, words.net), (LinkKind::Vsock, NetKind::Dhcp));
        assert!(words.ignored.is_empty());
    }

    #[test]
    fn parse_repeated_word_takes_the_last() {
        assert_eq!(
            KernelWords::parse("pinnace.net=dhcp pinnace.net=none").net,
            NetKind::None
        );
    }

    #[test]
    fn parse_unknown_values_are_reported_and_ignored() {
        let words =
            KernelWords::parse("pinnace.link=pigeon pinnace.colour=red pinnace. pinnace.link pinnace.net=");
        assert_eq!(words.link, LinkKind::Serial);
        assert_eq!(words.ignored.len(), 5);
    }
}
