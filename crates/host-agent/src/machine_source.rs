//! What the machine boots from on this host: settings, driver, VM image, data disk.

use std::{io, net::IpAddr, path::PathBuf, sync::Arc};

use api::{ApiError, Code, ResetPlan, ResetRequest, VmImageInfo};
use async_trait::async_trait;
use machine::{Driver, LinkChoice, MachineSpec, VmImagePaths};
use platform::Folders;

use crate::{
    data_disk::DataDisk,
    failure::failure,
    reset,
    settings::{self, HostSize, Loaded, Settings},
    share,
    supervisor::{MachineSettings, Provision, Provisioned},
    vm_image,
};

/// The console's file in the log folder.
pub const CONSOLE_LOG: &str = "console.log";
const DATA_DISK_RECORD: &str = "data-disk.json";

/// This host's.
pub struct MachineSource {
    folders: Folders,
    drivers: Vec<Arc<dyn Driver>>,
    host: HostSize,
    chosen_image: Option<PathBuf>,
    seen_image: vm_image::SeenImage,
}

impl MachineSource {
    /// Takes the VM image's folder from `PINNACE_VM_IMAGE` where that is set.
    pub fn new(folders: Folders, drivers: Vec<Arc<dyn Driver>>) -> Self {
        let chosen_image = std::env::var_os("PINNACE_VM_IMAGE")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        Self {
            folders,
            drivers,
            host: HostSize::probe(),
            chosen_image,
            seen_image: vm_image::SeenImage::default(),
        }
    }

    /// Reads the settings file.
    pub fn load(&self) -> Loaded {
        settings::load(&self.folders.config_file(), self.host)
    }

    /// The host as a machine of the chosen driver reaches it.
    pub fn host_address(&self, settings: &Settings) -> Option<IpAddr> {
        self.driver(&settings.driver)?.capabilities().host_address
    }

    fn driver(&self, name: &str) -> Option<&Arc<dyn Driver>> {
        self.drivers.iter().find(|driver| driver.name() == name)
    }

    fn data_disk(&self) -> DataDisk {
        DataDisk {
            path: self.folders.data_disk(),
            record: self.folders.state.join(DATA_DISK_RECORD),
        }
    }

    fn shown(&self, loaded: Loaded) -> MachineSettings {
        let mut warnings = loaded.warnings;
        warnings.extend(loaded.invalid.map(|error| error.message));
        let settings = loaded.settings;
        let link = match settings.link {
            LinkChoice::Auto => self
                .driver(&settings.driver)
                .and_then(|driver| driver.capabilities().links.first().copied()),
            chosen => Some(chosen),
        };
        let link = if link == Some(LinkChoice::Vsock) {
            "vsock"
        } else {
            "serial"
        }
        .to_owned();
        MachineSettings {
            driver: settings.driver,
            link,
            cpus: settings.cpus,
            memory_mib: settings.memory_mib,
            warnings,
        }
    }

    fn image_candidates(&self) -> Vec<PathBuf> {
        let program = std::env::current_exe().ok();
        vm_image::candidates(self.chosen_image.clone(), &self.folders.data, program.as_deref())
    }
}

#[async_trait]
impl Provision for MachineSource {
    fn settings(&self) -> MachineSettings {
        self.shown(self.load())
    }

    fn image(&self) -> Option<VmImageInfo> {
        let settings = self.load().settings;
        if !self.driver(&settings.driver)?.capabilities().needs_vm_image {
            return None;
        }
        let folder = vm_image::find(&self.image_candidates()).ok()?;
        self.seen_image.look(&folder)
    }

    async fn provision(&self) -> Result<Provisioned, ApiError> {
        let mut loaded = self.load();
        if let Some(error) = loaded.invalid.take() {
            return Err(error);
        }
        let settings = loaded.settings.clone();
        let driver = self.driver(&settings.driver).cloned().ok_or_else(|| {
            failure(
                Code::UnsupportedHost,
                format!("there is no driver {} on this host", settings.driver),
            )
        })?;
        let (paths, image) = if driver.capabilities().needs_vm_image {
            let folder = vm_image::find(&self.image_candidates())?;
            let image = vm_image::verify(&folder, vm_image::host_arch()).await?;
            (image.paths, Some(image.info))
        } else {
            let [kernel, initrd, root] = [(); 3].map(|()| PathBuf::new());
            (VmImagePaths { kernel, initrd, root }, None)
        };
        let (disk, size_gib) = (self.data_disk(), settings.disk_gib);
        tokio::task::spawn_blocking(move || disk.ensure(size_gib))
            .await
            .map_err(|error| failure(Code::Internal, error.to_string()))??;
        let console_log = self.folders.logs.join(CONSOLE_LOG);
        Ok(Provisioned {
            driver,
            spec: MachineSpec {
                cpus: settings.cpus,
                memory_mib: settings.memory_mib,
                image: paths,
                data_disk: self.folders.data_disk(),
                run_dir: self.folders.run.clone(),
                console_log: console_log.clone(),
                accelerator: settings.accelerator,
                link: settings.link,
                extra_cmdline: Vec::new(),
            },
            settings: self.shown(loaded),
            image,
            console_log,
            stop_grace: settings.stop_grace,
            restart: settings.restart,
        })
    }

    async fn reset(&self, request: ResetRequest) -> Result<ResetPlan, ApiError> {
        let disk = self.data_disk();
        let mut files = vec![disk.path, disk.record];
        if request.factory {
            files.push(self.folders.config_file());
            files.extend(share::Kept::files(&self.folders.state));
            for name in [CONSOLE_LOG, "console.log.1", "host-agent.log", "host-agent.log.1"] {
                files.push(self.folders.logs.join(name));
            }
        }
        tokio::task::spawn_blocking(move || reset::reset(&files, request.dry_run))
            .await
            .map_err(|error| failure(Code::Internal, error.to_string()))?
    }

    fn free_space(&self) -> io::Result<u64> {
        platform::free_space(&self.folders.data)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::tests::folders_below;

    #[tokio::test]
    async fn reset_to_factory_deletes_what_users_set_and_a_plain_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let folders = folders_below(folder.path());
        for folder in [&folders.config, &folders.data, &folders.state, &folders.logs] {
            fs::create_dir_all(folder).unwrap();
        }
        let set = [
            folders.config_file(),
            folders.state.join("shares.json"),
            folders.state.join("shares.json.bad"),
        ];
        let other = folders.state.join("other.json");
        for file in set.iter().chain([&other]) {
            fs::write(file, "{}").unwrap();
        }
        let source = MachineSource::new(folders, Vec::new());
        let reset = async |factory, dry_run| source.reset(ResetRequest { factory, dry_run }).await.unwrap();
        assert_eq!(reset(false, false).await, ResetPlan::default());
        let planned = reset(true, true).await;
        assert!(set.iter().all(|file| file.exists()));
        assert_eq!(reset(true, false).await, planned);
        let deleted: Vec<PathBuf> = planned.deletes.into_iter().map(|(path, _)| path.into()).collect();
        assert_eq!(deleted, set);
        assert!(set.iter().all(|file| !file.exists()) && other.exists());
    }
}
