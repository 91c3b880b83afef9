//! Where packages are fetched from: the mirror that this machine's apt uses, reached as apt reaches it.
//!
//! No host is written down in the project. The suite that an image is built from need not be one of the machine's own
//! suites: a Debian mirror has all of them.

use std::{fs::File, io, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::shell;

/// Says which mirror to use, where apt's configuration does not or not the right one.
const VARIABLE: &str = "PINNACE_DEBIAN_MIRROR";

/// A Debian mirror.
#[derive(Clone)]
pub struct Mirror {
    site: String,
    agent: ureq::Agent,
}

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The mirror answered that it has no such file.
    #[error("the mirror does not serve {path} any more")]
    Gone { path: String },
    /// The mirror has the file with other contents.
    #[error("{path} has sha256 {found}, expected {expected}")]
    Hash {
        path: String,
        expected: String,
        found: String,
    },
    /// The mirror could not be asked.
    #[error("failed to fetch {url}")]
    Http { url: String, source: Box<ureq::Error> },
    /// The answer broke off or could not be stored.
    #[error("failed to download {url}")]
    Io { url: String, source: io::Error },
}

impl Mirror {
    /// Its address.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The mirror from the environment, else the first site in apt's configuration that has the suite.
    pub fn find(suite: &str) -> Result<Self> {
        let agent = agent()?;
        if let Some(site) = std::env::var(VARIABLE).ok().filter(|site| !site.is_empty()) {
            return Ok(Self {
                site: site.trim_end_matches('/').to_owned(),
                agent,
            });
        }
        let sites = sites().unwrap_or_default();
        let mut failures = Vec::new();
        for site in &sites {
            let mirror = Self {
                site: site.clone(),
                agent: agent.clone(),
            };
            match mirror.has_suite(suite) {
                Ok(true) => return Ok(mirror),
                Ok(false) => failures.push(format!("{site} has no suite {suite}")),
                Err(error) => failures.push(format!("{:#}", anyhow::Error::from(error))),
            }
        }
        let tried = if failures.is_empty() {
            "it names no site".to_owned()
        } else {
            failures.join("; ")
        };
        bail!(
            "no Debian mirror with the suite {suite} in this machine's apt configuration ({tried}); \
             set {VARIABLE} to the address of one, the folder that holds `dists` and `pool`"
        )
    }

    /// Fetches a whole file into memory; for indexes.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        self.copy(path, &mut bytes, &mut |_| ())?;
        Ok(bytes)
    }

    /// Fetches a file, reporting the bytes as they come, and stores it under its name only when its hash is right.
    pub fn download(
        &self,
        path: &str,
        sha256: &str,
        to: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), FetchError> {
        let io_error = |source| FetchError::Io {
            url: self.url(path),
            source,
        };
        let part = to.with_extension(format!("part-{}", std::process::id()));
        let mut file = HashingFile {
            file: File::create(&part).map_err(io_error)?,
            hash: Sha256::new(),
        };
        self.copy(path, &mut file, progress)?;
        let found = hex::encode(file.hash.finalize());
        if found != sha256 {
            std::fs::remove_file(&part).map_err(io_error)?;
            return Err(FetchError::Hash {
                path: path.to_owned(),
                expected: sha256.to_owned(),
                found,
            });
        }
        std::fs::rename(&part, to).map_err(io_error)
    }

    fn has_suite(&self, suite: &str) -> Result<bool, FetchError> {
        let path = format!("dists/{suite}/InRelease");
        let url = self.url(&path);
        match self.agent.head(&url).call() {
            Ok(_) => Ok(true),
            Err(ureq::Error::StatusCode(400..500)) => Ok(false),
            Err(source) => Err(FetchError::Http {
                url,
                source: Box::new(source),
            }),
        }
    }

    fn copy(
        &self,
        path: &str,
        to: &mut dyn io::Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), FetchError> {
        let url = self.url(path);
        let response = match self.agent.get(&url).call() {
            Ok(response) => response,
            Err(ureq::Error::StatusCode(404 | 410)) => {
                return Err(FetchError::Gone {
                    path: path.to_owned(),
                });
            }
            Err(source) => {
                return Err(FetchError::Http {
                    url,
                    source: Box::new(source),
                });
            }
        };
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = io::Read::read(&mut body, &mut buffer).map_err(|source| FetchError::Io {
                url: url.clone(),
                source,
            })?;
            if count == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..count]).map_err(|source| FetchError::Io {
                url: url.clone(),
                source,
            })?;
            progress(count as u64);
        }
    }

    fn url(&self, path: &str) -> String {
        // A version's epoch and `+` stay as they are in pool paths; only `~` tends to be escaped by others, needlessly.
        format!("{}/{path}", self.site)
    }
}

/// Writes to a file and hashes what it writes.
struct HashingFile {
    file: File,
    hash: Sha256,
}

impl io::Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An HTTP client that uses the environment's proxy, else apt's, and trusts the certificates that this machine trusts.
fn agent() -> Result<ureq::Agent> {
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::PlatformVerifier)
        .build();
    let mut config = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(Duration::from_secs(1800)));
    if ureq::Proxy::try_from_env().is_none()
        && let Some(proxy) = apt_proxy()
    {
        let proxy = ureq::Proxy::new(&proxy).with_context(|| format!("apt's proxy {proxy:?}"))?;
        config = config.proxy(Some(proxy));
    }
    Ok(config.build().new_agent())
}

fn apt_proxy() -> Option<String> {
    let output = shell::output(shell::command("apt-config").args([
        "--format",
        "%v%n",
        "dump",
        "Acquire::http::Proxy",
    ]))
    .ok()?;
    let value = String::from_utf8(output).ok()?.trim().to_owned();
    (!value.is_empty() && value != "DIRECT").then_some(value)
}

/// The addresses in apt's configuration that say they are Debian's, in its order.
fn sites() -> Result<Vec<String>> {
    let mut apt = shell::command("apt-get");
    apt.args(["indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(SITE)"]);
    Ok(sites_from(&String::from_utf8(shell::output(&mut apt)?)?))
}

fn sites_from(listing: &str) -> Vec<String> {
    let mut sites = Vec::new();
    for line in listing.lines() {
        let address = line
            .split('|')
            .next()
            .unwrap_or(line)
            .trim_end_matches('/')
            .to_owned();
        // The security archive has other suites and no pool of ours.
        if address.starts_with("http") && !address.ends_with("-security") && !sites.contains(&address) {
            sites.push(address);
        }
    }
    sites
}

#[cfg(test)]
mod tests {
    use super::sites_from;

    #[test]
    fn sites_from_listing_given_keeps_each_http_site_once() {
        let listing = "http://a.example/debian/|Debian|x\nhttp://a.example/debian/|Debian|x\nfile:/srv/x|y|z\n\
                       http://a.example/debian-security/|Debian|x\nhttps://b.example/other|O|x\n";
        assert_eq!(
            sites_from(listing),
            ["http://a.example/debian", "https://b.example/other"]
        );
    }
}
