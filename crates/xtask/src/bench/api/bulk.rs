//! Many bytes in one request: save, load, copies, and a build's context.

use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Result, ensure};

use super::{
    ApiArgs,
    bed::{Bed, Door, IMAGE, text},
    http::Connection,
    in_turns,
    report::{Figure, Goal},
};
use crate::shell;

const MIB: u64 = 1 << 20;
const GOAL: f64 = 0.85;
const PIECE_BYTES: usize = 256 * 1024;

pub fn measure(bed: &Bed, args: &ApiArgs) -> Result<Vec<Figure>> {
    let setup = Setup::prepare(bed, args.bulk_mib)?;
    let figure = |name: &str, measure: &dyn Fn(Door) -> Result<f64>| -> Result<Figure> {
        Ok(Figure {
            name: format!("{name} of {} MiB", args.bulk_mib),
            unit: "MiB/s",
            values: in_turns(args.rounds, measure)?,
            goal: Goal::AtLeast(GOAL),
        })
    };
    let figures = vec![
        figure("save", &|door| setup.download(door, "/v1.44/images/large/get"))?,
        figure("load", &|door| {
            // What is there already would not be written again.
            text(&mut bed.docker(Door::Direct, &["rmi", "--force", "large"]))?;
            setup.upload(door, "POST", "/v1.44/images/load?quiet=1", &setup.saved)
        })?,
        figure("cp from a container", &|door| {
            setup.download(door, "/v1.44/containers/copied/archive?path=/content")
        })?,
        figure("cp into a container", &|door| {
            setup.upload(
                door,
                "PUT",
                "/v1.44/containers/copied/archive?path=/",
                &setup.archive,
            )
        })?,
    ];
    text(&mut bed.docker(Door::Direct, &["rm", "--force", "copied"]))?;
    text(&mut bed.docker(Door::Direct, &["rmi", "--force", "large"]))?;
    Ok(figures)
}

pub fn measure_context(bed: &Bed, args: &ApiArgs) -> Result<Vec<Figure>> {
    let folder = bed.file("context");
    fs::create_dir_all(&folder)?;
    write_noise(&folder.join("content"), args.bulk_mib)?;
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY content /\n")?;
    let folder = folder.display().to_string();
    let values = in_turns(args.rounds, |door| {
        // What the builder has seen of a context is not sent again.
        text(&mut bed.docker(Door::Direct, &["builder", "prune", "--all", "--force"]))?;
        let begun = Instant::now();
        shell::output(&mut bed.docker(door, &["build", "--quiet", "--no-cache", &folder]))?;
        Ok(args.bulk_mib as f64 / begun.elapsed().as_secs_f64())
    })?;
    // Without a name, what was built is only in the way.
    text(&mut bed.docker(Door::Direct, &["image", "prune", "--force"]))?;
    Ok(vec![Figure {
        name: format!("build with a context of {} MiB", args.bulk_mib),
        unit: "MiB/s",
        values,
        goal: Goal::AtLeast(GOAL),
    }])
}

/// An image, a container and the archives of both.
struct Setup<'a> {
    bed: &'a Bed,
    mib: u64,
    archive: PathBuf,
    saved: PathBuf,
}

impl<'a> Setup<'a> {
    fn prepare(bed: &'a Bed, mib: u64) -> Result<Self> {
        let (content, archive, saved) = (
            bed.file("content"),
            bed.file("content.tar"),
            bed.file("saved.tar"),
        );
        write_noise(&content, mib)?;
        let mut tar = tar::Builder::new(BufWriter::new(File::create(&archive)?));
        tar.append_path_with_name(&content, "content")?;
        tar.into_inner()?.flush()?;
        text(&mut bed.docker(Door::Direct, &["import", &archive.display().to_string(), "large"]))?;
        text(&mut bed.docker(
            Door::Direct,
            &["save", "--output", &saved.display().to_string(), "large"],
        ))?;
        text(&mut bed.docker(Door::Direct, &["create", "--name", "copied", "large", "/none"]))?;
        // The container keeps its layers, the name goes.
        text(&mut bed.docker(Door::Direct, &["rm", "copied"]))?;
        text(&mut bed.docker(Door::Direct, &["create", "--name", "copied", IMAGE, "/none"]))?;
        text(&mut bed.docker(
            Door::Direct,
            &["cp", &content.display().to_string(), "copied:/content"],
        ))?;
        Ok(Self {
            bed,
            mib,
            archive,
            saved,
        })
    }

    fn download(&self, door: Door, target: &str) -> Result<f64> {
        let mut connection = Connection::open(&self.bed.socket(door))?;
        let begun = Instant::now();
        connection.ask("GET", target, "Connection: close\r\n", "")?;
        connection.head(&[200])?;
        let count = connection.drain()?;
        ensure!(count >= self.mib * MIB, "only {count} bytes came");
        Ok(self.mib as f64 / begun.elapsed().as_secs_f64())
    }

    fn upload(&self, door: Door, method: &str, target: &str, path: &Path) -> Result<f64> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut connection = Connection::open(&self.bed.socket(door))?;
        let begun = Instant::now();
        let headers =
            format!("Connection: close\r\nContent-Type: application/x-tar\r\nContent-Length: {length}\r\n");
        connection.ask(method, target, &headers, "")?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                length => connection.send(&piece[..length])?,
            }
        }
        connection.head(&[200])?;
        connection.drain()?;
        Ok(self.mib as f64 / begun.elapsed().as_secs_f64())
    }
}

/// Writes bytes that no compressor makes smaller (SplitMix64).
fn write_noise(path: &Path, mib: u64) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut state = 1_u64;
    for _ in 0..mib * MIB / 8 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        file.write_all(&(mixed ^ (mixed >> 31)).to_le_bytes())?;
    }
    file.flush()?;
    Ok(())
}
