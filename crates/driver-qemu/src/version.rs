//! QEMU's version.

use std::fmt;

/// A version that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QemuVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

impl QemuVersion {
    /// What a plain Debian 12 offers.
    pub(crate) const OLDEST: Self = Self::new(7, 2, 0);

    pub(crate) const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads it from the first line of `qemu-system-… --version`: `QEMU emulator version 7.2.22 (Debian …)`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let after = text.lines().next()?.split("version ").nth(1)?;
        let number = after.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
        let mut parts = number.split('.').map(str::parse);
        let major = parts.next()?.ok()?;
        let minor = parts.next()?.ok()?;
        let patch = parts.next().and_then(Result::ok).unwrap_or(0);
        Some(Self { major, minor, patch })
    }
}

impl fmt::Display for QemuVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_known_shapes_gives_numbers() {
        for (text, want) in [
            (
                "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright",
                Some((7, 2, 22)),
            ),
            ("QEMU emulator version 11.1.0", Some((11, 1, 0))),
            ("QEMU emulator version 10.1.91 (v10.2.0-rc1)", Some((10, 1, 91))),
            ("QEMU emulator version 9.0-rc", Some((9, 0, 0))),
            ("QEMU emulator version ", None),
            ("", None),
            ("some other program 1.2.3", None),
        ] {
            let want = want.map(|(major, minor, patch)| QemuVersion::new(major, minor, patch));
            assert_eq!(QemuVersion::parse(text), want, "{text}");
        }
    }
}
