//! Error numbers as the guest's kernel knows them: Linux's, whatever the host is.
//!
//! The numbers are those of `include/uapi/asm-generic/errno-base.h` and `errno.h`, which x86-64 and arm64 share.

use std::fmt;

/// A Linux error number, positive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(i32);

macro_rules! errnos {
    ($($name:ident = $number:literal,)*) => {
        impl Errno {
            $(#[doc = concat!("Linux's `E", stringify!($name), "`.")] pub const $name: Self = Self($number);)*

            /// Linux's name without the `E`, where it is one that a file system answers.
            fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    PERM = 1, NOENT = 2, INTR = 4, IO = 5, NXIO = 6, BADF = 9, AGAIN = 11, NOMEM = 12, ACCES = 13, BUSY = 16, EXIST = 17,
    XDEV = 18, NODEV = 19, NOTDIR = 20, ISDIR = 21, INVAL = 22, NFILE = 23, MFILE = 24, TXTBSY = 26, FBIG = 27,
    NOSPC = 28, SPIPE = 29, ROFS = 30, MLINK = 31, RANGE = 34, DEADLK = 35, NAMETOOLONG = 36, NOLCK = 37, NOSYS = 38,
    NOTEMPTY = 39, LOOP = 40, NODATA = 61, PROTO = 71, OVERFLOW = 75, ILSEQ = 84, OPNOTSUPP = 95, TIMEDOUT = 110, STALE = 116,
    DQUOT = 122,
}

impl Errno {
    /// A number of Linux's own. What no error can be becomes [`Errno::IO`]: the kernel ends the connection over it.
    pub fn from_linux(number: i32) -> Self {
        if (1..=511).contains(&number) {
            Self(number)
        } else {
            Self::IO
        }
    }

    /// The number, positive.
    pub fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "E{name}"),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_linux_what_is_no_error_becomes_an_input_error() {
        for number in [0, -2, 512, i32::MIN, i32::MAX] {
            assert_eq!(Errno::from_linux(number), Errno::IO);
        }
        assert_eq!(Errno::from_linux(2), Errno::NOENT);
    }

    #[test]
    fn debug_names_the_error() {
        assert_eq!(
            format!("{:?} {}", Errno::NOTEMPTY, Errno::from_linux(200)),
            "ENOTEMPTY errno 200"
        );
    }
}
