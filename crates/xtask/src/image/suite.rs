//! A suite's index: its `Release` file, whose signature is checked, and the `Packages` file whose hash it has.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::{arch::Arch, control, mirror::Mirror, recipe::Suite, resolve::Index};

/// Where Debian's and Ubuntu's package `debian-archive-keyring` puts the archive's keys.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A suite as published at one moment.
pub struct Release {
    text: String,
    /// Seconds since 1970.
    pub published_s: u64,
}

impl Release {
    /// Fetches the suite's `InRelease` and checks its signature where the archive's keys are at hand.
    ///
    /// Its Valid-Until is not checked: that guards a machine that updates itself against an old archive, while here a
    /// person reads what changed in the lock.
    pub fn fetch(mirror: &Mirror, suite: &Suite) -> Result<Self> {
        let signed = mirror.read(&format!("dists/{}/InRelease", suite.name))?;
        let text = verified(&signed)?;
        let published_s = published_s(&text)?;
        Ok(Self { text, published_s })
    }

    /// Fetches the index of packages for an architecture.
    pub fn index(&self, mirror: &Mirror, suite: &Suite, arch: Arch) -> Result<Index> {
        let name = format!("{}/binary-{}/Packages.xz", suite.component, arch.name());
        let expected = sha256_of(&self.text, &name)
            .with_context(|| format!("the suite {} has no {name}", suite.name))?;
        let path = format!("dists/{}/{name}", suite.name);
        let packed = mirror.read(&path)?;
        let found = hex::encode(Sha256::digest(&packed));
        if found != expected {
            bail!(
                "{path} has sha256 {found}, expected {expected}; the mirror may be in the middle of an update, try again"
            );
        }
        let mut text = String::new();
        std::io::Read::read_to_string(&mut liblzma::read::XzDecoder::new(&packed[..]), &mut text)
            .with_context(|| format!("failed to unpack {path}"))?;
        Index::parse(&text).with_context(|| format!("failed to read {path}"))
    }
}

/// The signed text. Without keys or `gpgv` it is taken as it is, and said so.
fn verified(signed: &[u8]) -> Result<String> {
    if !Path::new(KEYRING).exists() {
        eprintln!(
            "note: the suite's signature is not checked: no {KEYRING} (package debian-archive-keyring)"
        );
        return unsigned(signed);
    }
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), signed)?;
    let gpgv = Command::new("gpgv")
        .args(["--keyring", KEYRING, "--output", "-"])
        .arg(file.path())
        .stdin(Stdio::null())
        .output();
    match gpgv {
        Ok(output) if output.status.success() => Ok(String::from_utf8(output.stdout)?),
        Ok(output) => bail!(
            "the suite's signature is wrong: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
        Err(error) => {
            eprintln!("note: the suite's signature is not checked: gpgv does not start ({error})");
            unsigned(signed)
        }
    }
}

/// The text between the armour's header and the signature.
fn unsigned(signed: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(signed)?;
    let (_, body) = text.split_once("\n\n").context("no signed text in InRelease")?;
    let (body, _) = body
        .split_once("-----BEGIN PGP SIGNATURE-----")
        .context("no signature in InRelease")?;
    Ok(body.to_owned())
}

fn sha256_of(release: &str, name: &str) -> Option<String> {
    let paragraph = control::paragraphs(release).ok()?.into_iter().next()?;
    paragraph.get("SHA256")?.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (hash, _, path) = (words.next()?, words.next()?, words.next()?);
        (path == name).then(|| hash.to_owned())
    })
}

fn published_s(release: &str) -> Result<u64> {
    let paragraph = control::paragraphs(release)?
        .into_iter()
        .next()
        .context("an empty Release file")?;
    let date = paragraph.get("Date").context("a Release file without a date")?;
    let date = date.replace("UTC", "+0000");
    let time =
        jiff::fmt::rfc2822::parse(&date).with_context(|| format!("the Release file's date {date:?}"))?;
    Ok(time.timestamp().as_second().try_into()?)
}

#[cfg(test)]
mod tests {
    use super::{published_s, sha256_of, unsigned};

    const RELEASE: &str = "Origin: Debian\nDate: Fri, 30 Oct 2026 08:08:01 UTC\nMD5Sum:\n 00 1 main/x\nSHA256:\n aa 1 main/w\n bb 2 main/x\n";

    #[test]
    fn sha256_of_name_given_reads_the_right_section() {
        assert_eq!(sha256_of(RELEASE, "main/x").as_deref(), Some("bb"));
        assert_eq!(sha256_of(RELEASE, "main/y"), None);
    }

    #[test]
    fn published_s_date_given_is_seconds() {
        assert_eq!(published_s(RELEASE).unwrap(), 1_793_347_681);
    }

    #[test]
    fn unsigned_armour_given_returns_the_text() {
        let signed = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{RELEASE}-----BEGIN PGP SIGNATURE-----\nx\n"
        );
        assert_eq!(unsigned(signed.as_bytes()).unwrap(), RELEASE);
        assert!(unsigned(b"x").is_err());
    }
}
