//! Arguments of `run`: what a container may use of the machine.

use clap::Args;

use crate::run_flags::{
    Device, DeviceRequest, Ulimit, parse_cpus, parse_device, parse_gpus, parse_memory, parse_memory_swap,
    parse_ulimit,
};

/// What a container may use of the machine.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// The most memory, as in 512m or 2g.
    #[arg(short, long, value_name = "SIZE", value_parser = parse_memory)]
    pub memory: Option<i64>,
    /// The most memory and swap together; -1 for any amount of swap.
    #[arg(long, value_name = "SIZE", value_parser = parse_memory_swap, allow_negative_numbers = true)]
    pub memory_swap: Option<i64>,
    /// The memory that it is pushed back to when the machine has little.
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub memory_reservation: Option<i64>,
    /// The size of /dev/shm.
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub shm_size: Option<i64>,
    /// The most processors, as in 1.5.
    #[arg(long, value_name = "NUMBER", value_parser = parse_cpus)]
    pub cpus: Option<i64>,
    /// The weight among others that want processors; 1024 is usual.
    #[arg(short, long, value_name = "WEIGHT")]
    pub cpu_shares: Option<i64>,
    /// The processors to run on, as in 0-2,4.
    #[arg(long, value_name = "LIST")]
    pub cpuset_cpus: Option<String>,
    /// The most processes; -1 for any number.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub pids_limit: Option<i64>,
    /// A limit of each process: NAME=SOFT[:HARD], -1 for none.
    #[arg(long, value_name = "LIMIT", value_parser = parse_ulimit)]
    pub ulimit: Vec<Ulimit>,
    /// How early it is killed for want of memory: -1000 to 1000.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(i64).range(-1000..=1000))]
    pub oom_score_adj: Option<i64>,
    /// Give it a device of the machine: DEVICE[:PATH[:PERMISSIONS]].
    #[arg(long, value_name = "DEVICE", value_parser = parse_device)]
    pub device: Vec<Device>,
    /// Give it GPUs: all, a number, or device=ID.
    #[arg(long, value_name = "GPUS", value_parser = parse_gpus)]
    pub gpus: Vec<DeviceRequest>,
}
