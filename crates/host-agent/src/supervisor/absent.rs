//! A host without a VM image, for tests.

use std::io;

use api::{ApiError, Code, ResetPlan, ResetRequest, VmImageInfo};
use async_trait::async_trait;

use super::{MachineSettings, Provision, Provisioned};
use crate::failure::hinted;

pub(crate) struct Absent;

#[async_trait]
impl Provision for Absent {
    fn settings(&self) -> MachineSettings {
        let [driver, link] = ["qemu", "serial"].map(str::to_owned);
        MachineSettings {
            driver,
            link,
            cpus: 1,
            memory_mib: 512,
            warnings: Vec::new(),
        }
    }

    fn image(&self) -> Option<VmImageInfo> {
        None
    }

    async fn provision(&self) -> Result<Provisioned, ApiError> {
        Err(hinted(Code::VmImage, "no image", "build one"))
    }

    async fn reset(&self, _: ResetRequest) -> Result<ResetPlan, ApiError> {
        Ok(ResetPlan::default())
    }

    fn free_space(&self) -> io::Result<u64> {
        Ok(0)
    }
}
