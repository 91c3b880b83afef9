//! Port bindings that were left open.

use super::{
    OpenOn,
    document::{Mismatch, Value},
    object::Object,
};

/// Makes two bindings of each in `HostConfig` that names no address, one for each family. The port stays as it is
/// written: where it is left open too, or a range, dockerd takes the same port for both (checked with 28.5.2), and
/// reaches a container without IPv6 from either. `PublishAllPorts` names no binding: there dockerd takes the address of
/// its own settings, which the guest agent sets to 127.0.0.1.
pub(super) fn name_addresses(host_config: &mut Object<'_>, open_on: OpenOn) -> Result<(), Mismatch> {
    let addresses = open_on.addresses();
    let Some(ports) = host_config.map("PortBindings")? else {
        return Ok(());
    };
    for bindings in ports.values_mut().filter(|bindings| !bindings.is_null()) {
        bindings.array()?.replace(|binding| {
            // Go makes an empty binding of it.
            if binding.is_null() {
                return Ok(Some(
                    addresses.map(|address| bound(Object::new(), address)).into(),
                ));
            }
            let binding = binding.object()?;
            let is_open = binding.string("HostIp")?.is_empty();
            Ok(is_open.then(|| addresses.map(|address| bound(binding.clone(), address)).into()))
        })?;
    }
    Ok(())
}

fn bound<'a>(mut binding: Object<'a>, address: &str) -> Value<'a> {
    binding.set("HostIp", Value::new(address));
    Value::Object(binding).closed()
}
