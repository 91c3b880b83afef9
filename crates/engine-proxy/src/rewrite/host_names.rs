//! The host's names in containers.
//!
//! Docker's own word for the host, `host-gateway`, is not used, and is replaced where a client uses it: dockerd 28.5.2
//! forgets what it stands for at every reload of its configuration, does not know it in services at all, and then
//! refuses to start the container. docs/decisions/0012 has the details.

use std::net::IpAddr;

use super::{
    document::{Mismatch, Value},
    object::Object,
};

/// What Docker Desktop calls the host, and the way to it.
const NAMES: [&str; 2] = ["host.docker.internal", "gateway.docker.internal"];
/// Docker's word for the address of the host.
const HOST_GATEWAY: &str = "host-gateway";

/// How an entry is written.
#[derive(Clone, Copy)]
enum Form {
    /// `name:address`, in containers.
    NameFirst,
    /// `address name`, in services.
    AddressFirst,
}

impl Form {
    fn entry(self, name: &str, address: IpAddr) -> String {
        match self {
            Self::NameFirst => format!("{name}:{address}"),
            Self::AddressFirst => format!("{address} {name}"),
        }
    }

    /// Name and address; as the engine reads it, what follows in a service's entry is nothing.
    fn parts(self, entry: &str) -> Option<(&str, &str)> {
        match self {
            Self::NameFirst => entry.split_once(':'),
            Self::AddressFirst => {
                let mut words = entry.split_whitespace();
                let address = words.next()?;
                Some((words.next()?, address))
            }
        }
    }
}

/// Tells a container the host's names, unless it has no network of its own, or the client gave them itself.
pub(super) fn tell_container(host_config: &mut Object<'_>, address: IpAddr) -> Result<(), Mismatch> {
    let mode = host_config.string("NetworkMode")?;
    let is_told = mode != "none" && !mode.starts_with("container:");
    complete(host_config, "ExtraHosts", Form::NameFirst, address, is_told)
}

/// Tells the containers of a service.
pub(super) fn tell_service(container_spec: &mut Object<'_>, address: IpAddr) -> Result<(), Mismatch> {
    complete(container_spec, "Hosts", Form::AddressFirst, address, true)
}

fn complete(
    object: &mut Object<'_>,
    field: &str,
    form: Form,
    address: IpAddr,
    is_told: bool,
) -> Result<(), Mismatch> {
    let mut missing = if is_told { NAMES.to_vec() } else { Vec::new() };
    let entries = object.slice(field)?;
    if entries.is_none() && missing.is_empty() {
        return Ok(());
    }
    let Some(entries) = entries else {
        let names = missing.iter().map(|name| form.entry(name, address));
        object.set(field, Value::strings(names));
        return Ok(());
    };
    for entry in entries.iter_mut() {
        let text = entry.string()?;
        let Some((name, known)) = form.parts(&text) else {
            continue;
        };
        missing.retain(|missing| !missing.eq_ignore_ascii_case(name));
        if known == HOST_GATEWAY {
            *entry = Value::new(&form.entry(name, address));
        }
    }
    for name in missing {
        entries.push(Value::new(&form.entry(name, address)));
    }
    Ok(())
}
