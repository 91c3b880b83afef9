//! Extended attributes of nodes; `ea` has their form.

use std::fs::File;

use windows_sys::{
    Wdk::Storage::FileSystem::{FILE_EA_INFORMATION, FileEaInformation},
    Win32::Storage::FileSystem::{FILE_READ_ATTRIBUTES, FILE_READ_EA, FILE_WRITE_EA},
};

use super::{
    ea, native,
    nodes::{HostFolder, Node, looking},
};
use crate::{Errno, XattrMode};

/// Room for the usual attribute; a long one is asked for again with all the room there can be.
const USUAL_BYTES: usize = 512;

impl HostFolder {
    pub(super) fn read_xattr(&self, node: &Node, name: &[u8]) -> Result<Vec<u8>, Errno> {
        let file = self.reopen(node, looking(FILE_READ_ATTRIBUTES | FILE_READ_EA))?;
        read(&file, &ea::to_host(name)?)
    }

    pub(super) fn write_xattr(
        &self,
        node: &Node,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<(), Errno> {
        let name = ea::to_host(name)?;
        let file = self.reopen(node, looking(FILE_READ_ATTRIBUTES | FILE_READ_EA | FILE_WRITE_EA))?;
        // Between the question and the write somebody on the host might do the same; the guest's kernel lets only one in.
        match (mode, read(&file, &name)) {
            (XattrMode::Create, Ok(_)) => return Err(Errno::EXIST),
            (XattrMode::Replace, Err(errno)) => return Err(errno),
            _ => {}
        }
        set_raw(&file, &name, &ea::value_to_host(value))
    }

    pub(super) fn list_xattrs(&self, node: &Node) -> Result<Vec<Vec<u8>>, Errno> {
        let file = self.reopen(node, looking(FILE_READ_ATTRIBUTES | FILE_READ_EA))?;
        match native::read_attributes(&file, &[], ea::MOST_BYTES) {
            Ok(list) => Ok(ea::parse(&list)
                .into_iter()
                .filter_map(|(name, _)| ea::to_guest(name))
                .collect()),
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(Vec::new()),
            Err(errno) => Err(errno),
        }
    }

    pub(super) fn delete_xattr(&self, node: &Node, name: &[u8]) -> Result<(), Errno> {
        let name = ea::to_host(name)?;
        let file = self.reopen(node, looking(FILE_READ_ATTRIBUTES | FILE_READ_EA))?;
        read(&file, &name)?;
        let file = self.reopen(node, looking(FILE_READ_ATTRIBUTES | FILE_WRITE_EA))?;
        set_raw(&file, &name, &[])
    }
}

/// Writes an attribute of the host, or removes it when there is no value.
pub fn set_raw(file: &File, name: &[u8], value: &[u8]) -> Result<(), Errno> {
    native::write_attributes(file, &ea::full(name, value)?)
}

/// Reads an attribute of the host. `ENODATA` when there is none, or one without a value.
pub fn raw(file: &File, name: &[u8]) -> Result<Vec<u8>, Errno> {
    // Most files have none at all.
    if native::query::<FILE_EA_INFORMATION>(file, FileEaInformation)?.EaSize == 0 {
        return Err(Errno::NODATA);
    }
    let wanted = ea::wanted(name)?;
    let list = match native::read_attributes(file, &wanted, USUAL_BYTES) {
        Err(Errno::RANGE) => native::read_attributes(file, &wanted, ea::MOST_BYTES)?,
        result => result?,
    };
    let found = ea::parse(&list)
        .into_iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name));
    match found {
        Some((_, value)) if !value.is_empty() => Ok(value.to_vec()),
        _ => Err(Errno::NODATA),
    }
}

fn read(file: &File, name: &[u8]) -> Result<Vec<u8>, Errno> {
    ea::value_to_guest(&raw(file, name)?)
}
