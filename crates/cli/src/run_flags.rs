//! The values of `run`'s and `exec`'s flags, as docker's users write them. Pure: texts in, values out.

mod attach;
mod config;
mod device;
mod env;
mod fields;
mod gpus;
mod health;
mod host;
mod host_config;
mod mount;
mod ports;
mod quantities;
mod restart;
mod security;
mod ulimit;
mod volume;

pub use self::{
    attach::{AttachedStream, parse_attach},
    config::{container_config, read_variables},
    device::{Device, parse_device},
    env::{Variable, parse_variable, resolve_variables, variables_of_file},
    gpus::{DeviceRequest, parse_gpus},
    health::parse_health_time,
    host::{parse_added_host, parse_label, parse_setting, parse_tmpfs},
    mount::parse_mount,
    ports::{PublishedPort, parse_exposed, parse_ports},
    quantities::{parse_cpus, parse_memory, parse_memory_swap},
    restart::{RestartPolicy, parse_restart},
    ulimit::{Ulimit, parse_ulimit},
    volume::{Volume, parse_volume},
};
