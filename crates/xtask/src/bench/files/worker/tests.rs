use std::{fs, path::Path};

use super::{Answer, Cache, Job, Order, carry_out, contents};
use crate::bench::files::data::{self, Sizes};

fn check(root: &Path, job: Job, cache: Cache) -> Result<f64, String> {
    carry_out(root, &Order { job, cache }).map_err(|error| format!("{error:#}"))
}

#[test]
fn order_as_a_line_is_read_back() {
    let order = Order {
        job: Job::Find {
            folder: "tree".to_owned(),
            count: 500,
        },
        cache: Cache::Warm,
    };
    let line = serde_json::to_string(&order).unwrap();
    assert_eq!(
        line,
        r#"{"job":{"do":"find","folder":"tree","count":500},"cache":"warm"}"#
    );
    assert_eq!(serde_json::from_str::<Order>(&line).unwrap(), order);
}

#[test]
fn answer_of_either_kind_is_read_back() {
    for answer in [
        Answer::Took { seconds: 0.5 },
        Answer::Failed {
            error: "x".to_owned(),
        },
    ] {
        let line = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), answer);
    }
}

#[test]
fn every_job_on_made_files_succeeds_and_leaves_what_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let sizes = Sizes::scaled(1, 1);
    data::seed(root, &sizes).unwrap();
    for row in super::super::rows::all(&sizes) {
        for part in row.parts {
            // Nobody's caches are dropped for a test.
            let cache = if part.order.cache == Cache::Cold {
                Cache::AsIs
            } else {
                part.order.cache
            };
            let took = check(root, part.order.job, cache);
            assert!(
                took.as_ref().is_ok_and(|seconds| *seconds > 0.0),
                "{}: {took:?}",
                part.name
            );
        }
    }
    assert!(!root.join("unpacked").exists());
    assert_eq!(fs::metadata(root.join("written")).unwrap().len(), 1 << 20);
}

#[test]
fn job_that_finds_something_else_fails() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let sizes = Sizes::scaled(1, 1);
    data::seed(root, &sizes).unwrap();
    fs::write(data::file_of(&root.join(data::REPOSITORY), 0), "changed").unwrap();
    fs::write(
        data::file_of(&root.join(data::TREE), 0).with_extension("gone"),
        "",
    )
    .unwrap();
    let repository = || data::REPOSITORY.to_owned();
    let tree = || data::TREE.to_owned();
    let status = check(root, Job::Status { folder: repository() }, Cache::AsIs);
    assert!(status.is_err_and(|error| error.contains("git sees a change")));
    let count = sizes.listed;
    let find = check(
        root,
        Job::Find {
            folder: tree(),
            count,
        },
        Cache::AsIs,
    );
    assert!(find.is_err_and(|error| error.contains("find found")));
    let missing = check(
        root,
        Job::Missing {
            folder: tree(),
            count: 10,
        },
        Cache::AsIs,
    );
    assert!(missing.is_err_and(|error| error.contains("is there")));
    let stat = check(
        root,
        Job::Stat {
            folder: tree(),
            count: count + 1,
        },
        Cache::AsIs,
    );
    assert!(stat.is_err_and(|error| error.contains("failed to look at")));
}

#[test]
fn places_of_a_file_are_in_it_and_spread() {
    let found: std::collections::BTreeSet<u64> = contents::places(1000).take(1000).collect();
    assert!(found.iter().all(|place| *place < 1000));
    assert!(found.len() > 500, "{}", found.len());
}
