//! Says how large an image is and what makes it so, and whether two are the same.

use std::{fs, io, path::Path};

use anyhow::{Context, Result, bail};

use super::{assets, manifest, root_disk::Piece};

/// Prints the largest pieces of the root disk and the totals.
pub fn print(image: &Path, pieces: &[Piece]) -> Result<()> {
    eprintln!("the ten largest pieces of the root disk:");
    for piece in pieces.iter().take(10) {
        eprintln!("  {:>7.1} MB  {}", megabytes(piece.size_bytes), piece.path);
    }
    let unpacked: u64 = pieces.iter().map(|piece| piece.size_bytes).sum();
    eprintln!(
        "  {:>7.1} MB  in all, {} files",
        megabytes(unpacked),
        pieces.len()
    );
    eprintln!("the image's files, as they are and packed with zstd for a download:");
    let (mut total, mut total_packed) = (0, 0);
    for name in manifest::FILES {
        let path = image.join(name);
        let size = fs::metadata(&path)?.len();
        let packed = packed_bytes(&path).with_context(|| format!("failed to pack {}", path.display()))?;
        eprintln!(
            "  {:>7.1} MB  {:>7.1} MB  {name}",
            megabytes(size),
            megabytes(packed)
        );
        total += size;
        total_packed += packed;
    }
    eprintln!(
        "  {:>7.1} MB  {:>7.1} MB  in all",
        megabytes(total),
        megabytes(total_packed)
    );
    Ok(())
}

/// Fails when a file of one image differs from the other's.
pub fn compare(one: &Path, other: &Path) -> Result<()> {
    let mut differing = Vec::new();
    for name in manifest::FILES.iter().chain([&manifest::NAME]) {
        let (first, second) = (
            assets::file_sha256(&one.join(name))?,
            assets::file_sha256(&other.join(name))?,
        );
        eprintln!("  {first}  {name}");
        if first != second {
            differing.push(format!("{name} ({first} and {second})"));
        }
    }
    if !differing.is_empty() {
        bail!("two builds of the same inputs differ: {}", differing.join(", "));
    }
    eprintln!("two builds gave the same bytes");
    Ok(())
}

/// The size that a quick zstd gives: a release is packed harder and is smaller.
fn packed_bytes(path: &Path) -> Result<u64> {
    let mut count = Counter(0);
    zstd::stream::copy_encode(fs::File::open(path)?, &mut count, 3)?;
    Ok(count.0)
}

struct Counter(u64);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
