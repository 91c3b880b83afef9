//! Where files are.

/// A folder as it is seen from one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A share of Pinnace, in a container.
    Pinnace,
    /// A volume on the data disk of Pinnace's machine, in a container.
    Local,
    /// virtiofs that asks again after a second, in the stock machine.
    VirtiofsAuto,
    /// virtiofs that never asks again: what changes on the host is not seen.
    VirtiofsAlways,
    /// 9p as Lima mounts it, in the stock machine.
    NineP,
    /// sshfs over the connection that the host made, as Lima mounts it.
    Sshfs,
    /// This host.
    Native,
}

impl Place {
    pub const ALL: [Self; 7] = [
        Self::Pinnace,
        Self::Local,
        Self::VirtiofsAuto,
        Self::VirtiofsAlways,
        Self::NineP,
        Self::Sshfs,
        Self::Native,
    ];

    /// What Pinnace is compared with.
    pub const PEERS: [Self; 6] = [
        Self::Local,
        Self::VirtiofsAuto,
        Self::VirtiofsAlways,
        Self::NineP,
        Self::Sshfs,
        Self::Native,
    ];

    /// Those of the peers that show what changes on the host, as a share of Pinnace does.
    pub const COHERENT: [Self; 2] = [Self::VirtiofsAuto, Self::NineP];

    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pinnace => "Pinnace",
            Self::Local => "guest-local",
            Self::VirtiofsAuto => "virtiofs auto",
            Self::VirtiofsAlways => "virtiofs always",
            Self::NineP => "9p",
            Self::Sshfs => "sshfs",
            Self::Native => "native",
        }
    }

    /// The name of its folder, on this host and below `/places` where a worker has the bundle as its root.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Pinnace => "pinnace",
            Self::Local => "local",
            Self::VirtiofsAuto => "virtiofs-auto",
            Self::VirtiofsAlways => "virtiofs-always",
            Self::NineP => "9p",
            Self::Sshfs => "sshfs",
            Self::Native => "native",
        }
    }
}
