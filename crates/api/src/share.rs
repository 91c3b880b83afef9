//! Folders of the host in the machine, and the bodies of `POST /v1/shares/…`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A folder of the host that containers can mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    /// The folder on the host, from its root: `/home/me`, `C:\\Users\\me`.
    pub path: String,
    /// Where it is in the machine, while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_path: Option<String>,
    /// Whether containers may only read it.
    pub read_only: bool,
    /// Why it is shared.
    pub origin: ShareOrigin,
    /// Whether it can be used.
    pub state: ShareState,
    /// Why it failed, or what it does less well than it could; and the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether changes on the host are pushed to the machine. False: they are seen after a second.
    pub watched: bool,
}

/// Why a folder is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShareOrigin {
    /// It is the user's home, which is shared unless the settings say otherwise.
    Home,
    /// A user shared it: `pinnace share add`.
    Added,
}

/// Whether a share can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShareState {
    /// The machine does not run, or has not mounted it yet.
    Waiting,
    /// It is mounted and served.
    Mounted,
    /// It could not be mounted, or its folder is gone; it is tried again.
    Failed,
}

/// The body of `POST /v1/shares/add`: shares a folder, now and after every start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddShare {
    /// The folder on the host, from its root.
    pub path: String,
    /// Whether containers may only read it.
    #[serde(default)]
    pub read_only: bool,
}

/// The body of `POST /v1/shares/remove`: shares a folder no longer. Refused while a container that runs uses it, unless
/// forced; such a container then gets errors for its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveShare {
    /// The folder on the host, from its root.
    pub path: String,
    /// Whether containers that use it are left without.
    #[serde(default)]
    pub force: bool,
}
