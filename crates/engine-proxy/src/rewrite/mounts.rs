//! Paths of the host in mounts.

use super::{
    PathMap, Stop,
    document::{Array, Value},
    object::Object,
};

/// Those of a container: `HostConfig.Binds` and `HostConfig.Mounts`.
pub(super) fn in_container(host_config: &mut Object<'_>, paths: &PathMap) -> Result<(), Stop> {
    if let Some(binds) = host_config.slice("Binds")? {
        for bind in binds.iter_mut() {
            let text = bind.string()?;
            if let Some(guest) = paths.guest_bind(&text)?.filter(|guest| *guest != text) {
                *bind = Value::new(&guest);
            }
        }
    }
    in_mounts(host_config.slice("Mounts")?, paths)
}

/// Those of a service: `TaskTemplate.ContainerSpec.Mounts`.
pub(super) fn in_service(container_spec: &mut Object<'_>, paths: &PathMap) -> Result<(), Stop> {
    in_mounts(container_spec.slice("Mounts")?, paths)
}

/// That of a volume that is a folder: `DriverOpts.device`.
pub(super) fn in_volume(volume: &mut Object<'_>, paths: &PathMap) -> Result<(), Stop> {
    let driver = volume.string("Driver")?;
    in_driver_options(&driver, volume.map("DriverOpts")?, paths)
}

fn in_mounts(mounts: Option<&mut Array<'_>>, paths: &PathMap) -> Result<(), Stop> {
    let Some(mounts) = mounts else { return Ok(()) };
    for mount in mounts.iter_mut().filter(|mount| !mount.is_null()) {
        let mount = mount.object()?;
        match mount.string("Type")?.as_str() {
            "bind" => {
                let source = mount.string("Source")?;
                if let Some(guest) = paths.guest_path(&source)?.filter(|guest| *guest != source) {
                    mount.set("Source", Value::new(&guest));
                }
            }
            "volume" => {
                if let Some(options) = mount.pointer("VolumeOptions")?
                    && let Some(driver) = options.pointer("DriverConfig")?
                {
                    let name = driver.string("Name")?;
                    in_driver_options(&name, driver.map("Options")?, paths)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Of the driver `local`, which is meant where none is named; its device is a path where the mount is a bind. What `type`
/// says does not matter then (mount(2)).
fn in_driver_options(driver: &str, options: Option<&mut Object<'_>>, paths: &PathMap) -> Result<(), Stop> {
    let Some(options) = options.filter(|_| matches!(driver, "" | "local")) else {
        return Ok(());
    };
    let flags = options
        .entry("o")
        .map_or_else(|| Ok(String::new()), |flags| flags.string())?;
    if !flags.split(',').any(|flag| matches!(flag, "bind" | "rbind")) {
        return Ok(());
    }
    if let Some(device) = options.entry("device") {
        let source = device.string()?;
        if let Some(guest) = paths.guest_path(&source)?.filter(|guest| *guest != source) {
            *device = Value::new(&guest);
        }
    }
    Ok(())
}
