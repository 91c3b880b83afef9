//! Which accelerator a guest really runs on. A device that opens proves nothing: a guest of ours has to get through.

mod guest;
mod probe;

use std::path::Path;

use machine::{Accelerator, AcceleratorChoice, DriverError, Verdict};
use tokio::sync::Mutex;

use crate::{
    cache::{Cache, Trial},
    host::{Arch, HostOs},
    program::Program,
};

/// The accelerators of a host, the best one first. The one ordered list.
fn candidates(host: HostOs) -> &'static [Accelerator] {
    match host {
        HostOs::Linux => &[Accelerator::Kvm, Accelerator::Tcg],
        HostOs::Macos => &[Accelerator::Hvf, Accelerator::Tcg],
        HostOs::Windows => &[Accelerator::Whpx, Accelerator::Tcg],
    }
}

/// QEMU's name for it.
pub(crate) fn name(accelerator: Accelerator) -> &'static str {
    match accelerator {
        Accelerator::Kvm => "kvm",
        Accelerator::Hvf => "hvf",
        Accelerator::Whpx => "whpx",
        Accelerator::Tcg => "tcg",
        Accelerator::Vz => "vz",
        Accelerator::None => "none",
    }
}

fn wanted(choice: AcceleratorChoice) -> Option<Accelerator> {
    match choice {
        AcceleratorChoice::Auto => None,
        AcceleratorChoice::Kvm => Some(Accelerator::Kvm),
        AcceleratorChoice::Hvf => Some(Accelerator::Hvf),
        AcceleratorChoice::Whpx => Some(Accelerator::Whpx),
        AcceleratorChoice::Tcg => Some(Accelerator::Tcg),
    }
}

/// Finds accelerators by trying, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Chooser {
    trying: Mutex<()>,
}

impl Chooser {
    /// The accelerator for guests of `arch`: the wanted one or an error, else the best one that works.
    pub(crate) async fn choose(
        &self,
        program: &Program,
        arch: Arch,
        choice: AcceleratorChoice,
        cache: &Cache,
    ) -> Result<Verdict, DriverError> {
        // Two probes at once would slow each other down into their time limits.
        let _trying = self.trying.lock().await;
        let host = HostOs::current();
        let verdict = |accelerator, (note, detail)| Verdict {
            accelerator,
            note,
            detail,
            program: Some(program.path().to_owned()),
            version: Some(program.version.to_string()),
        };
        let unusable = |accelerator, reason| DriverError::AcceleratorUnusable {
            accelerator: name(accelerator).to_owned(),
            reason,
        };
        if let Some(accelerator) = wanted(choice) {
            return match try_one(program, arch, accelerator, host, cache).await {
                Ok(()) => Ok(verdict(accelerator, (None, None))),
                Err(failure) => Err(unusable(accelerator, failure.reason)),
            };
        }
        let mut story = None;
        let mut last = unusable(Accelerator::Tcg, "it was not tried".to_owned());
        for &accelerator in candidates(host) {
            match try_one(program, arch, accelerator, host, cache).await {
                Ok(()) => return Ok(verdict(accelerator, story.unwrap_or_default())),
                Err(failure) => {
                    tracing::info!(
                        accelerator = name(accelerator),
                        reason = failure.reason,
                        "accelerator not usable"
                    );
                    // The best one's story is the one to tell.
                    story.get_or_insert_with(|| failure.story(accelerator));
                    last = unusable(accelerator, failure.reason);
                }
            }
        }
        Err(last)
    }
}

/// Why an accelerator is not used.
struct Failure {
    reason: String,
    /// Whether the host offers it at all.
    present: bool,
}

impl Failure {
    /// A sentence for people, and what it leaves out. What QEMU says when a guest fails is for neither a status line
    /// nor a beginner; that there is no `/dev/kvm`, or no right to it, is something to act on.
    fn story(&self, accelerator: Accelerator) -> (Option<String>, Option<String>) {
        let (name, reason) = (name(accelerator), &self.reason);
        if self.present {
            let note = format!(
                "{name} is present but guests do not run on it; using plain emulation, which is slow"
            );
            (Some(note), Some(format!("{name}: {reason}")))
        } else {
            let note = format!("{name} is not available ({reason}); using plain emulation, which is slow");
            (Some(note), None)
        }
    }
}

async fn try_one(
    program: &Program,
    arch: Arch,
    accelerator: Accelerator,
    host: HostOs,
    cache: &Cache,
) -> Result<(), Failure> {
    // Looked at each time: the user may have mended it since.
    absence(accelerator, arch, host).map_or(Ok(()), |reason| {
        Err(Failure {
            reason,
            present: false,
        })
    })?;
    if let Some(trial) = cache.trial(&program.key, accelerator) {
        return trial.failure.map_or(Ok(()), |reason| {
            Err(Failure {
                reason,
                present: true,
            })
        });
    }
    let started = std::time::Instant::now();
    let outcome = probe::run(program, arch, accelerator, host).await;
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        accelerator = name(accelerator),
        elapsed_ms,
        ?outcome,
        "tried an accelerator"
    );
    let failure = match outcome {
        probe::Outcome::Ran => None,
        probe::Outcome::Failed(reason) => Some(reason),
        // Perhaps the host was busy: to be tried again at the next start.
        probe::Outcome::Unsure(reason) => {
            return Err(Failure {
                reason,
                present: true,
            });
        }
    };
    cache.remember_trial(
        &program.key,
        Trial {
            accelerator,
            failure: failure.clone(),
        },
    );
    failure.map_or(Ok(()), |reason| {
        Err(Failure {
            reason,
            present: true,
        })
    })
}

/// Why it is not worth a try; `None` when it is.
fn absence(accelerator: Accelerator, arch: Arch, host: HostOs) -> Option<String> {
    if accelerator == Accelerator::Tcg {
        return None;
    }
    if !candidates(host).contains(&accelerator) {
        return Some("this operating system does not have it".to_owned());
    }
    if arch != Arch::current() {
        return Some("the guest is made for another kind of processor".to_owned());
    }
    if accelerator != Accelerator::Kvm {
        return None;
    }
    match std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(Path::new("/dev/kvm"))
    {
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Some("/dev/kvm is missing: switch on virtualisation in the firmware's settings".to_owned())
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Some("you may not open /dev/kvm: join the group `kvm` and log in again".to_owned())
        }
        Err(error) => Some(format!("/dev/kvm does not open: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_every_host_ends_with_plain_emulation() {
        for host in [HostOs::Linux, HostOs::Macos, HostOs::Windows] {
            assert_eq!(candidates(host).last(), Some(&Accelerator::Tcg));
        }
    }

    #[test]
    fn story_of_a_failed_guest_keeps_the_raw_reason_out_of_the_sentence() {
        let failure = |present| Failure {
            reason: "qemu: kvm_buf_set_msrs: Assertion failed".to_owned(),
            present,
        };
        let (note, detail) = failure(true).story(Accelerator::Kvm);
        assert_eq!(
            note.unwrap(),
            "kvm is present but guests do not run on it; using plain emulation, which is slow"
        );
        assert!(detail.unwrap().contains("Assertion failed"));
        let (note, detail) = failure(false).story(Accelerator::Kvm);
        assert!(note.unwrap().contains("not available (qemu"));
        assert_eq!(detail, None);
    }

    #[test]
    fn absence_of_foreign_accelerator_or_processor_is_told() {
        assert!(absence(Accelerator::Hvf, Arch::current(), HostOs::Linux).is_some());
        let foreign = if Arch::current() == Arch::Amd64 {
            Arch::Arm64
        } else {
            Arch::Amd64
        };
        assert!(absence(Accelerator::Whpx, foreign, HostOs::Windows).is_some());
        assert_eq!(absence(Accelerator::Tcg, foreign, HostOs::Windows), None);
    }
}
