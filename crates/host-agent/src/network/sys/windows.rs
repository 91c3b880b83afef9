//! Windows: the user's Internet Settings in the registry.

use std::{
    os::windows::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::lists;
use crate::network::Proxies;

const KEY: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Internet Settings";
/// `CREATE_NO_WINDOW` of the process creation flags.
const NO_WINDOW: u32 = 0x0800_0000;

pub(crate) fn proxies() -> Proxies {
    let Some(root) = std::env::var_os("SystemRoot").map(PathBuf::from) else {
        return Proxies::default();
    };
    let output = Command::new(root.join(r"System32\reg.exe"))
        .args(["query", KEY])
        .stdin(Stdio::null())
        .creation_flags(NO_WINDOW)
        .output();
    output.map_or_else(
        |_| Proxies::default(),
        |output| lists::registry(&String::from_utf8_lossy(&output.stdout)),
    )
}
