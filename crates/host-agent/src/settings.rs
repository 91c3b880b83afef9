//! The settings file `config.toml`. Every key is optional; an empty file and a byte order mark are fine.
//!
//! An unknown key is a warning. Anything else that is wrong keeps the machine from starting, with the place in the file
//! and the next step; everything that needs no settings keeps working.

mod host;
mod network;
mod place;

use std::{fs, io, io::Read, path::Path, time::Duration};

use api::{ApiError, Code};
use engine_proxy::{guard::GuardMode, rewrite::OpenOn};
use machine::{AcceleratorChoice, LinkChoice};
use serde::Deserialize;

use crate::{failure::hinted, network::NetworkChoice, share::is_place};
pub use host::HostSize;
use place::Place;

/// The most bytes of a settings file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
const MIN_MEMORY_MIB: u32 = 512;
const MIN_DISK_GIB: u64 = 4;
const MAX_DISK_GIB: u64 = 16 * 1024;
const MAX_STOP_GRACE_S: u64 = 3600;
const MAX_INTERRUPT_WAIT_S: u64 = 3600;
const MOST_HIDDEN: usize = 256;

/// The settings, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The driver's name.
    pub driver: String,
    /// Number of virtual CPUs.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Size of the data disk in GiB. Only ever grows.
    pub disk_gib: u64,
    /// Which accelerator to use.
    pub accelerator: AcceleratorChoice,
    /// What carries the link.
    pub link: LinkChoice,
    /// How long containers may take to stop.
    pub stop_grace: Duration,
    /// Whether the machine is started again after a crash.
    pub restart: bool,
    /// Whether a docker context `pinnace` is written.
    pub context: bool,
    /// Whether a client of the engine starts or resumes the machine.
    pub on_demand: bool,
    /// Which rules stop a container whose client goes or gives up.
    pub guard: GuardMode,
    /// How long a container may take over a Ctrl+C before it is stopped.
    pub interrupt_wait: Duration,
    /// On which addresses of the host a port is opened whose publisher left that open.
    pub open_on: OpenOn,
    /// Whether the user's home is shared, where no user said otherwise by `pinnace share`.
    pub share_home: bool,
    /// Places below the home that are hidden in shares, besides those that always are.
    pub hide: Vec<String>,
    /// The engine's proxies and certificate authorities.
    pub network: NetworkChoice,
}

/// What came of reading the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The settings; defaults when the file is wrong.
    pub settings: Settings,
    /// What was ignored.
    pub warnings: Vec<String>,
    /// Why the machine must not start.
    pub invalid: Option<ApiError>,
}

impl Settings {
    /// What holds where the file says nothing: up to 4 CPUs, 2 GiB but at most half of the host's memory, 64 GiB disk.
    pub fn defaults(host: HostSize) -> Self {
        let half = u32::try_from(host.memory_mib / 2).unwrap_or(u32::MAX);
        Self {
            driver: "qemu".to_owned(),
            cpus: host.cpus.clamp(1, 4),
            memory_mib: half.clamp(MIN_MEMORY_MIB, 2048),
            disk_gib: 64,
            accelerator: AcceleratorChoice::Auto,
            link: LinkChoice::Auto,
            stop_grace: Duration::from_secs(10),
            restart: true,
            context: true,
            on_demand: false,
            guard: GuardMode::default(),
            interrupt_wait: Duration::from_secs(10),
            open_on: OpenOn::default(),
            share_home: true,
            hide: Vec::new(),
            network: NetworkChoice::default(),
        }
    }
}

/// Reads the file; never fails.
pub fn load(path: &Path, host: HostSize) -> Loaded {
    let defaults = Settings::defaults(host);
    let wrong = |invalid| Loaded {
        settings: defaults.clone(),
        warnings: Vec::new(),
        invalid: Some(invalid),
    };
    match read(path) {
        Ok(text) => match parse(&text, &Place::new(path, &text), &defaults, host) {
            Ok((settings, warnings)) => Loaded {
                settings,
                warnings,
                invalid: None,
            },
            Err(error) => wrong(error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Loaded {
            settings: defaults,
            warnings: Vec::new(),
            invalid: None,
        },
        Err(error) => wrong(hinted(
            Code::Settings,
            format!("failed to read {}: {error}", path.display()),
            "correct or remove it, then run `pinnace start`",
        )),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let file = fs::File::open(path)?;
    let size = file.metadata()?;
    if size.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "it is larger than {MAX_FILE_BYTES} bytes"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        io::Error::other(format!(
            "it is no UTF-8 text from byte {}",
            error.utf8_error().valid_up_to()
        ))
    })?;
    // Editors on Windows write a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

type Spanned<T> = Option<toml::Spanned<T>>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    machine: MachineTable,
    engine: EngineTable,
    guard: GuardTable,
    ports: PortsTable,
    shares: SharesTable,
    network: network::NetworkTable,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MachineTable {
    driver: Spanned<String>,
    cpus: Spanned<u32>,
    memory_mib: Spanned<u32>,
    disk_gib: Spanned<u64>,
    accelerator: Option<AcceleratorChoice>,
    link: Option<LinkChoice>,
    stop_grace_s: Spanned<u64>,
    restart: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EngineTable {
    context: Option<bool>,
    on_demand: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GuardTable {
    mode: Option<GuardMode>,
    interrupt_wait_s: Spanned<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PortsTable {
    open_on: Option<OpenOn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SharesTable {
    home: Option<bool>,
    hide: Vec<toml::Spanned<String>>,
}

const KNOWN: [(&str, &[&str]); 6] = [
    (
        "machine",
        &[
            "driver",
            "cpus",
            "memory_mib",
            "disk_gib",
            "accelerator",
            "link",
            "stop_grace_s",
            "restart",
        ],
    ),
    ("engine", &["context", "on_demand"]),
    ("guard", &["mode", "interrupt_wait_s"]),
    ("ports", &["open_on"]),
    ("shares", &["home", "hide"]),
    ("network", &["proxy", "ca_certificates"]),
];

fn parse(
    text: &str,
    place: &Place<'_>,
    defaults: &Settings,
    host: HostSize,
) -> Result<(Settings, Vec<String>), ApiError> {
    // The parser would take zero bytes for a very long key.
    if let Some(zero) = text.find('\0') {
        return Err(place.error(Some(zero..zero), "a zero byte: this is no text file"));
    }
    let syntax = |error: toml::de::Error| {
        let key = error.span().and_then(|span| key_before(text, span.start));
        let named = key.map(|key| format!("`{key}`: {}", error.message()));
        place.error(error.span(), named.as_deref().unwrap_or(error.message()))
    };
    let table: toml::Table = toml::from_str(text).map_err(syntax)?;
    let file: File = toml::from_str(text).map_err(syntax)?;
    let MachineTable {
        driver,
        cpus,
        memory_mib,
        disk_gib,
        accelerator,
        link,
        stop_grace_s,
        restart,
    } = file.machine;
    let memory_max = u32::try_from(host.memory_mib)
        .unwrap_or(u32::MAX)
        .max(MIN_MEMORY_MIB);
    let settings = Settings {
        driver: match driver {
            Some(name) if crate::drivers::NAMES.contains(&name.get_ref().as_str()) => name.into_inner(),
            Some(name) => {
                let known = crate::drivers::NAMES.join("`, `");
                return Err(place.error(
                    Some(name.span()),
                    &format!("`driver` is `{}`, it must be one of `{known}`", name.get_ref()),
                ));
            }
            None => defaults.driver.clone(),
        },
        cpus: within(place, "cpus", cpus, 1..=host.cpus.max(1), defaults.cpus)?,
        memory_mib: within(
            place,
            "memory_mib",
            memory_mib,
            MIN_MEMORY_MIB..=memory_max,
            defaults.memory_mib,
        )?,
        disk_gib: within(
            place,
            "disk_gib",
            disk_gib,
            MIN_DISK_GIB..=MAX_DISK_GIB,
            defaults.disk_gib,
        )?,
        accelerator: accelerator.unwrap_or(defaults.accelerator),
        link: link.unwrap_or(defaults.link),
        stop_grace: Duration::from_secs(within(
            place,
            "stop_grace_s",
            stop_grace_s,
            0..=MAX_STOP_GRACE_S,
            defaults.stop_grace.as_secs(),
        )?),
        restart: restart.unwrap_or(defaults.restart),
        context: file.engine.context.unwrap_or(defaults.context),
        on_demand: file.engine.on_demand.unwrap_or(defaults.on_demand),
        guard: file.guard.mode.unwrap_or(defaults.guard),
        interrupt_wait: Duration::from_secs(within(
            place,
            "interrupt_wait_s",
            file.guard.interrupt_wait_s,
            1..=MAX_INTERRUPT_WAIT_S,
            defaults.interrupt_wait.as_secs(),
        )?),
        open_on: file.ports.open_on.unwrap_or(defaults.open_on),
        share_home: file.shares.home.unwrap_or(defaults.share_home),
        hide: hidden_places(place, file.shares.hide)?,
        network: file.network.check(place)?,
    };
    Ok((settings, unknown_keys(&table, place)))
}

/// At most [`MOST_HIDDEN`], each a path below the home.
fn hidden_places(place: &Place<'_>, hide: Vec<toml::Spanned<String>>) -> Result<Vec<String>, ApiError> {
    if let Some(beyond) = hide.get(MOST_HIDDEN) {
        let message = format!("`hide` has more than {MOST_HIDDEN} places");
        return Err(place.error(Some(beyond.span()), &message));
    }
    let check = |one: toml::Spanned<String>| {
        if is_place(one.get_ref()) {
            return Ok(one.into_inner());
        }
        let message = format!(
            "`hide` has `{}`, which is no path below the home, such as `private/keys`",
            one.get_ref().escape_debug()
        );
        Err(place.error(Some(one.span()), &message))
    };
    hide.into_iter().map(check).collect()
}

/// The key whose value begins at that byte, if a value does.
fn key_before(text: &str, at: usize) -> Option<&str> {
    let before = text.get(..at)?;
    let line = before.rsplit('\n').next()?;
    Some(line.split_once('=')?.0.trim())
}

fn within<T: PartialOrd + std::fmt::Display>(
    place: &Place<'_>,
    key: &str,
    value: Spanned<T>,
    range: std::ops::RangeInclusive<T>,
    default: T,
) -> Result<T, ApiError> {
    match value {
        None => Ok(default),
        Some(value) if range.contains(value.get_ref()) => Ok(value.into_inner()),
        Some(value) => Err(place.error(
            Some(value.span()),
            &format!(
                "`{key}` is {}, it must be from {} to {} on this host",
                value.get_ref(),
                range.start(),
                range.end()
            ),
        )),
    }
}

fn unknown_keys(table: &toml::Table, place: &Place<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, value) in table {
        match (KNOWN.iter().find(|(known, _)| known == name), value.as_table()) {
            (Some((_, keys)), Some(inner)) => {
                let unknown = inner.keys().filter(|key| !keys.contains(&key.as_str()));
                warnings.extend(
                    unknown.map(|key| format!("{}: unknown setting `{name}.{key}` is ignored", place.file())),
                );
            }
            _ => warnings.push(format!("{}: unknown setting `{name}` is ignored", place.file())),
        }
    }
    warnings
}

#[cfg(test)]
mod tests;
