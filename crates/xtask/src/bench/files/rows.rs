//! What is measured.

use super::{
    data::{self, Sizes},
    place::Place,
    worker::{Cache, Job, Order},
};

/// Figures that are taken one after the other in one place, since the second needs what the first leaves.
pub struct Row {
    pub parts: Vec<Part>,
}

/// One figure.
pub struct Part {
    pub name: String,
    pub order: Order,
    pub amount: Amount,
    pub goals: Goals,
}

/// What a figure says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// How long it took.
    Seconds,
    /// How many of these in a second.
    PerSecond(f64, &'static str),
}

/// What Pinnace wants to reach in a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goals {
    /// Only what all figures together reach counts.
    Together,
    /// Metadata that the kernel may remember: three times as good as sshfs, and as good as virtiofs auto.
    Metadata,
    /// The same, and nearly as good as the machine's own disk: nobody needs to be asked.
    Remembered,
}

impl Amount {
    /// The figure for a time.
    pub fn of(self, seconds: f64) -> f64 {
        match self {
            Self::Seconds => seconds,
            Self::PerSecond(count, _) => count / seconds.max(1e-9),
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::PerSecond(_, unit) => unit,
        }
    }

    pub fn is_better_higher(self) -> bool {
        matches!(self, Self::PerSecond(..))
    }
}

impl Part {
    /// This host's caches are everybody's: they are not dropped, so nothing is cold here.
    pub fn is_measured_in(&self, place: Place) -> bool {
        place != Place::Native || self.order.cache != Cache::Cold
    }
}

impl Row {
    fn of(name: String, job: Job, cache: Cache, amount: Amount, goals: Goals) -> Self {
        let order = Order { job, cache };
        Self {
            parts: vec![Part {
                name,
                order,
                amount,
                goals,
            }],
        }
    }

    /// The names of its figures.
    pub fn figures(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }
}

pub fn all(sizes: &Sizes) -> Vec<Row> {
    [contents(sizes), trees(sizes), names(sizes)]
        .into_iter()
        .flatten()
        .collect()
}

fn contents(sizes: &Sizes) -> Vec<Row> {
    let mib = (sizes.large_bytes >> 20) as f64;
    let bytes = Amount::PerSecond(mib, "MiB/s");
    let pages = Amount::PerSecond(sizes.pages as f64, "1/s");
    let large = || data::LARGE.to_owned();
    let random = || Job::ReadRandom {
        file: large(),
        count: sizes.pages,
    };
    let write = Job::Write {
        file: "written".to_owned(),
        bytes: sizes.large_bytes,
    };
    let synced = Job::WriteSynced {
        file: "synced".to_owned(),
        count: sizes.synced,
    };
    let stored = Amount::PerSecond(sizes.synced as f64, "1/s");
    let row = |name: String, job, cache, amount| Row::of(name, job, cache, amount, Goals::Together);
    vec![
        row(
            format!("read {mib} MiB, cold"),
            Job::Read { file: large() },
            Cache::Cold,
            bytes,
        ),
        row(
            format!("read {mib} MiB, warm"),
            Job::Read { file: large() },
            Cache::Warm,
            bytes,
        ),
        row(format!("write {mib} MiB and store it"), write, Cache::AsIs, bytes),
        row(
            "read 4 KiB here and there, cold".to_owned(),
            random(),
            Cache::Cold,
            pages,
        ),
        row(
            "read 4 KiB here and there, warm".to_owned(),
            random(),
            Cache::Warm,
            pages,
        ),
        row(
            "write 4 KiB and store it, each".to_owned(),
            synced,
            Cache::AsIs,
            stored,
        ),
    ]
}

fn trees(sizes: &Sizes) -> Vec<Row> {
    let status = || Job::Status {
        folder: data::REPOSITORY.to_owned(),
    };
    let find = || Job::Find {
        folder: data::TREE.to_owned(),
        count: sizes.listed,
    };
    let unpacked = || "unpacked".to_owned();
    let (tracked, listed, packed) = (sizes.tracked, sizes.listed, sizes.packed);
    let seconds = |name: String, job, cache, goals| Row::of(name, job, cache, Amount::Seconds, goals);
    let mut unpack = seconds(
        format!("untar {packed} files"),
        Job::Unpack {
            archive: data::SMALL.to_owned(),
            folder: unpacked(),
        },
        Cache::AsIs,
        Goals::Together,
    );
    let remove = seconds(
        format!("rm -rf of {packed} files"),
        Job::Remove { folder: unpacked() },
        Cache::AsIs,
        Goals::Together,
    );
    unpack.parts.extend(remove.parts);
    vec![
        seconds(
            format!("git status, {tracked} files, cold"),
            status(),
            Cache::Cold,
            Goals::Together,
        ),
        seconds(
            format!("git status, {tracked} files, warm"),
            status(),
            Cache::Warm,
            Goals::Metadata,
        ),
        seconds(
            format!("find, {listed} files, cold"),
            find(),
            Cache::Cold,
            Goals::Together,
        ),
        seconds(
            format!("find, {listed} files, warm"),
            find(),
            Cache::Warm,
            Goals::Metadata,
        ),
        unpack,
    ]
}

fn names(sizes: &Sizes) -> Vec<Row> {
    let row = |name: String, job, count: u64| {
        let amount = Amount::PerSecond(count as f64, "1/s");
        Row::of(name, job, Cache::Warm, amount, Goals::Remembered)
    };
    let folder = || data::TREE.to_owned();
    let (missing, stated) = (sizes.missing, sizes.stated);
    vec![
        row(
            format!("{missing} questions for missing files, warm"),
            Job::Missing {
                folder: folder(),
                count: missing,
            },
            missing,
        ),
        row(
            format!("stat of {stated} files, warm"),
            Job::Stat {
                folder: folder(),
                count: stated,
            },
            stated,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_of_a_time_is_a_rate_or_the_time() {
        assert_eq!(Amount::Seconds.of(2.0), 2.0);
        assert_eq!(Amount::PerSecond(64.0, "MiB/s").of(2.0), 32.0);
    }

    #[test]
    fn cold_part_is_not_measured_on_this_host() {
        for row in all(&Sizes::scaled(10, 8)) {
            for part in row.parts {
                let is_cold = part.name.contains("cold");
                assert_eq!(part.order.cache == Cache::Cold, is_cold, "{}", part.name);
                assert_eq!(part.is_measured_in(Place::Native), !is_cold, "{}", part.name);
                assert!(part.is_measured_in(Place::Pinnace));
            }
        }
    }

    #[test]
    fn goals_of_warm_metadata_are_set() {
        let parts: Vec<Part> = all(&Sizes::scaled(10, 8))
            .into_iter()
            .flat_map(|row| row.parts)
            .collect();
        let count = |goals| parts.iter().filter(|part| part.goals == goals).count();
        assert_eq!((count(Goals::Metadata), count(Goals::Remembered)), (2, 2));
        let names: std::collections::BTreeSet<&String> = parts.iter().map(|part| &part.name).collect();
        assert_eq!(names.len(), parts.len());
    }
}
