//! The calls that make containers, services and volumes.

use super::{
    Refusal, Rewrite, RewriteSettings, Stop,
    document::{Document, Value},
    host_names, mounts,
    object::Object,
    ports,
};
use crate::Call;

/// Changes what Pinnace does differently from an engine on the host itself: where open ports are opened, what the host is
/// called, and where its folders are.
#[derive(Clone, Debug)]
pub struct CreateRewrite {
    settings: RewriteSettings,
}

impl CreateRewrite {
    /// Makes one.
    pub fn new(settings: RewriteSettings) -> Self {
        Self { settings }
    }

    /// `POST /containers/create`
    fn container(&self, request: &mut Object<'_>) -> Result<(), Stop> {
        let Some(host_config) = request.pointer("HostConfig")? else {
            if let Some(address) = self.settings.host_address {
                let mut host_config = Object::new();
                host_names::tell_container(&mut host_config, address)?;
                request.set("HostConfig", Value::Object(host_config));
            }
            return Ok(());
        };
        ports::name_addresses(host_config, self.settings.open_on)?;
        if let Some(address) = self.settings.host_address {
            host_names::tell_container(host_config, address)?;
        }
        if let Some(paths) = &self.settings.paths {
            mounts::in_container(host_config, &paths.current())?;
        }
        Ok(())
    }

    /// `POST /services/create` and `POST /services/{id}/update`
    fn service(&self, request: &mut Object<'_>) -> Result<(), Stop> {
        if let Some(task) = request.structure("TaskTemplate")?
            && let Some(container) = task.pointer("ContainerSpec")?
        {
            if let Some(address) = self.settings.host_address {
                host_names::tell_service(container, address)?;
            }
            if let Some(paths) = &self.settings.paths {
                mounts::in_service(container, &paths.current())?;
            }
        }
        Ok(())
    }

    /// `POST /volumes/create`
    fn volume(&self, request: &mut Object<'_>) -> Result<(), Stop> {
        if let Some(paths) = &self.settings.paths {
            mounts::in_volume(request, &paths.current())?;
        }
        Ok(())
    }

    fn change(&self, call: &Call, body: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        let mut document = Document::read(body)?;
        let request = document.root.object()?;
        match call {
            Call::Create => self.container(request)?,
            Call::ServiceCreate | Call::ServiceUpdate => self.service(request)?,
            Call::VolumeCreate => self.volume(request)?,
            _ => {}
        }
        Ok(document.changed())
    }
}

impl Rewrite for CreateRewrite {
    fn wants(&self, method: &str, target: &str) -> bool {
        let RewriteSettings {
            host_address, paths, ..
        } = &self.settings;
        match Call::of(method, target) {
            Call::Create => true,
            Call::ServiceCreate | Call::ServiceUpdate => host_address.is_some() || paths.is_some(),
            Call::VolumeCreate => paths.is_some(),
            _ => false,
        }
    }

    fn rewrite(&self, method: &str, target: &str, body: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        match self.change(&Call::of(method, target), body) {
            Ok(changed) => Ok(changed),
            Err(Stop::Engine) => Ok(None),
            Err(Stop::Refused(refusal)) => Err(refusal),
        }
    }
}
