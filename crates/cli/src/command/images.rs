//! `pinnace images`.

use engine_client::ImageSummary;
use jiff::Timestamp;
use serde::Serialize;

use super::Outcome;
use crate::{
    args::ImagesArgs,
    columns::Columns,
    engine::engine,
    failure::Exit,
    identity,
    output::{self, Format},
    quantity,
};

/// What stands for a name that is not there, as with docker.
const NONE: &str = "<none>";

/// Lists images.
pub async fn run(args: ImagesArgs) -> Outcome {
    let images = engine()?.images(args.all).await?;
    if args.quiet {
        let mut ids: Vec<String> = images
            .iter()
            .map(|image| format!("{}\n", identity::shown(&image.id, args.no_trunc)))
            .collect();
        ids.dedup();
        output::data(&ids.concat())?;
        return Ok(Exit::Success);
    }
    match args.format.format {
        Format::Json => {
            let rows: Vec<Row> = images.iter().map(row).collect();
            output::json(&rows)?;
        }
        Format::Table => output::data(&table(&images, args.no_trunc))?,
    }
    Ok(Exit::Success)
}

/// An image as `--format json` has it.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    tags: &'a [String],
    digests: &'a [String],
    created: Option<String>,
    size_bytes: i64,
}

fn row(image: &ImageSummary) -> Row<'_> {
    Row {
        id: &image.id,
        tags: image.repo_tags.as_deref().unwrap_or_default(),
        digests: image.repo_digests.as_deref().unwrap_or_default(),
        created: Timestamp::from_second(image.created)
            .ok()
            .map(|time| time.to_string()),
        size_bytes: image.size,
    }
}

/// A line per name of each image.
fn table(images: &[ImageSummary], whole: bool) -> String {
    let mut columns = Columns::new(&["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]);
    for image in images {
        for (repository, tag) in names(image) {
            columns.add([
                repository,
                tag,
                identity::shown(&image.id, whole),
                quantity::ago(image.created),
                quantity::size(u64::try_from(image.size).unwrap_or(0)),
            ]);
        }
    }
    columns.text()
}

/// Repository and tag of each name. An image without a tag may still have a digest's repository.
fn names(image: &ImageSummary) -> Vec<(String, String)> {
    let tags = image.repo_tags.as_deref().unwrap_or_default();
    let split = |name: &String| match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.to_owned(), tag.to_owned()),
        _ => (name.clone(), NONE.to_owned()),
    };
    if !tags.is_empty() {
        return tags.iter().map(split).collect();
    }
    let digests = image.repo_digests.as_deref().unwrap_or_default();
    let repository = digests.first().and_then(|digest| digest.split_once('@'));
    let repository = repository.map_or(NONE, |(repository, _)| repository);
    vec![(repository.to_owned(), NONE.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_kind_of_image_has_a_line() {
        let check = |tags: &[&str], digests: &[&str], expected: &[(&str, &str)]| {
            let owned = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
            let image = ImageSummary {
                repo_tags: owned(tags),
                repo_digests: owned(digests),
                ..ImageSummary::default()
            };
            let expected: Vec<_> = expected
                .iter()
                .map(|(repository, tag)| ((*repository).to_owned(), (*tag).to_owned()))
                .collect();
            assert_eq!(names(&image), expected);
        };
        check(&["a:1", "r:5000/b:2"], &[], &[("a", "1"), ("r:5000/b", "2")]);
        check(&["<none>:<none>"], &[], &[(NONE, NONE)]);
        check(&[], &["r:5000/b@sha256:12"], &[("r:5000/b", NONE)]);
        check(&[], &[], &[(NONE, NONE)]);
        assert_eq!(names(&ImageSummary::default()).len(), 1);
    }
}
