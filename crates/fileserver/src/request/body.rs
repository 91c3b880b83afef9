//! Reading a request's body from front to back.

use zerocopy::FromBytes;

use crate::{Errno, Name, abi};

/// What of a body was not read yet.
pub struct Body<'a>(pub &'a [u8]);

impl<'a> Body<'a> {
    pub fn take<T: FromBytes>(&mut self) -> Result<T, Errno> {
        let (value, rest) = T::read_from_prefix(self.0).map_err(|_| Errno::INVAL)?;
        self.0 = rest;
        Ok(value)
    }

    /// Bytes up to a NUL, which must be there.
    fn string(&mut self) -> Result<&'a [u8], Errno> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(Errno::INVAL)?;
        let (string, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Ok(string)
    }

    pub fn name(&mut self) -> Result<Name, Errno> {
        Name::new(self.string()?)
    }

    pub fn target(&mut self) -> Result<&'a [u8], Errno> {
        match self.string()? {
            [] => Err(Errno::NOENT),
            target if target.len() > abi::MOST_TARGET => Err(Errno::NAMETOOLONG),
            target => Ok(target),
        }
    }

    pub fn xattr_name(&mut self) -> Result<&'a [u8], Errno> {
        match self.string()? {
            name if name.is_empty() || name.len() > Name::MOST_BYTES => Err(Errno::RANGE),
            name => Ok(name),
        }
    }
}
