//! What is changed in requests, as far as that can be chosen.

use std::{fmt, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::PathMap;

/// What is changed in requests.
#[derive(Clone, Debug, Default)]
pub struct RewriteSettings {
    /// Where ports are opened for which the client named no address.
    pub open_on: OpenOn,
    /// The host as containers reach it. `None`: they are told no name for it.
    pub host_address: Option<IpAddr>,
    /// Where the host's folders are in the machine. `None`: paths are left as they are.
    pub paths: Option<Arc<dyn Paths>>,
}

/// Where the host's folders are in the machine, which changes with what is shared. Asked anew for each request.
pub trait Paths: fmt::Debug + Send + Sync {
    /// The places as they are now.
    fn current(&self) -> Arc<PathMap>;
}

/// Places that never change.
impl Paths for PathMap {
    fn current(&self) -> Arc<PathMap> {
        Arc::new(self.clone())
    }
}

/// Where ports are opened for which nobody named an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenOn {
    /// 127.0.0.1 and ::1: for programs on the host.
    #[default]
    Localhost,
    /// All addresses of the host, as dockerd does it: for everybody who can reach it.
    All,
}

impl OpenOn {
    /// The addresses that are bound, one for each family.
    pub const fn addresses(self) -> [&'static str; 2] {
        match self {
            Self::Localhost => ["127.0.0.1", "::1"],
            Self::All => ["0.0.0.0", "::"],
        }
    }
}
