//! The decoder of requests. It borrows from the message, allocates nothing but names, and never panics.

mod body;
mod notice;

use zerocopy::FromBytes;

use crate::{
    Errno, Name,
    abi::{self, InHeader, opcode},
};

use body::Body;
pub use notice::{Notice, is_notice, notice};

/// Bytes of the header that every request starts with.
pub const HEADER_BYTES: usize = size_of::<InHeader>();

/// What a request asks for, with what it is asked about in the header's `nodeid`.
#[derive(Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    Init(abi::InitIn),
    Destroy,
    Lookup(Name),
    /// The header names the node, and an open file's attributes are its node's.
    GetAttributes,
    SetAttributes(abi::SetattrIn),
    ReadLink,
    MakeLink {
        name: Name,
        target: &'a [u8],
    },
    MakeNode {
        name: Name,
        mode: u32,
    },
    MakeFolder {
        name: Name,
        mode: u32,
    },
    Remove(Name),
    RemoveFolder(Name),
    Rename {
        name: Name,
        new_folder: u64,
        new_name: Name,
        flags: u32,
    },
    HardLink {
        node: u64,
        name: Name,
    },
    Create {
        name: Name,
        input: abi::CreateIn,
    },
    Open(abi::OpenIn),
    Read(abi::ReadIn),
    Write {
        input: abi::WriteIn,
        data: &'a [u8],
    },
    Flush(abi::FlushIn),
    Release(abi::ReleaseIn),
    Sync {
        handle: u64,
        data_only: bool,
    },
    Allocate(abi::FallocateIn),
    Seek(abi::LseekIn),
    Copy(abi::CopyFileRangeIn),
    OpenFolder,
    ReadFolder {
        input: abi::ReadIn,
        plus: bool,
    },
    ReleaseFolder(abi::ReleaseIn),
    SyncFolder {
        handle: u64,
    },
    SetXattr {
        name: &'a [u8],
        value: &'a [u8],
        flags: u32,
    },
    GetXattr {
        name: &'a [u8],
        size: u32,
    },
    ListXattrs {
        size: u32,
    },
    RemoveXattr {
        name: &'a [u8],
    },
    Statistics,
    ProbeLock(abi::LkIn),
    Lock {
        input: abi::LkIn,
        wait: bool,
    },
}

/// Reads a header, and checks the length in it.
pub fn header(bytes: &[u8]) -> Option<InHeader> {
    let (header, _) = InHeader::read_from_prefix(bytes).ok()?;
    (HEADER_BYTES..=abi::MOST_REQUEST)
        .contains(&(header.len as usize))
        .then_some(header)
}

/// Decodes a request's body. `ENOSYS` for what this server does not know: the kernel then does without.
pub fn operation<'a>(header: &InHeader, body: &'a [u8]) -> Result<Operation<'a>, Errno> {
    // Extensions (security contexts, groups) come last; none is ever negotiated.
    let extensions = usize::from(header.total_extlen) * 8;
    let length = body.len().checked_sub(extensions).ok_or(Errno::INVAL)?;
    let mut body = Body(&body[..length]);
    Ok(match header.opcode {
        opcode::INIT => Operation::Init(body.take()?),
        opcode::DESTROY => Operation::Destroy,
        opcode::LOOKUP => Operation::Lookup(body.name()?),
        opcode::GETATTR => {
            let _: abi::GetattrIn = body.take()?;
            Operation::GetAttributes
        }
        opcode::SETATTR => Operation::SetAttributes(body.take()?),
        opcode::READLINK => Operation::ReadLink,
        opcode::SYMLINK => Operation::MakeLink {
            name: body.name()?,
            target: body.target()?,
        },
        opcode::MKNOD => {
            let input: abi::MknodIn = body.take()?;
            Operation::MakeNode {
                mode: input.mode,
                name: body.name()?,
            }
        }
        opcode::MKDIR => {
            let input: abi::MkdirIn = body.take()?;
            Operation::MakeFolder {
                mode: input.mode,
                name: body.name()?,
            }
        }
        opcode::UNLINK => Operation::Remove(body.name()?),
        opcode::RMDIR => Operation::RemoveFolder(body.name()?),
        opcode::RENAME => {
            let input: abi::RenameIn = body.take()?;
            rename(input.newdir, 0, &mut body)?
        }
        opcode::RENAME2 => {
            let input: abi::Rename2In = body.take()?;
            rename(input.newdir, input.flags, &mut body)?
        }
        opcode::LINK => {
            let input: abi::LinkIn = body.take()?;
            Operation::HardLink {
                node: input.oldnodeid,
                name: body.name()?,
            }
        }
        opcode::CREATE => {
            let input = body.take()?;
            Operation::Create {
                input,
                name: body.name()?,
            }
        }
        opcode::OPEN => Operation::Open(body.take()?),
        opcode::READ => Operation::Read(bounded(body.take()?)?),
        opcode::WRITE => {
            let input: abi::WriteIn = body.take()?;
            let data = body.0.get(..input.size as usize).ok_or(Errno::INVAL)?;
            if data.len() > abi::MOST_DATA {
                return Err(Errno::INVAL);
            }
            Operation::Write { input, data }
        }
        opcode::FLUSH => Operation::Flush(body.take()?),
        opcode::RELEASE => Operation::Release(body.take()?),
        opcode::FSYNC => {
            let input: abi::FsyncIn = body.take()?;
            let data_only = input.fsync_flags & abi::FSYNC_DATA_ONLY != 0;
            Operation::Sync {
                handle: input.fh,
                data_only,
            }
        }
        opcode::FALLOCATE => Operation::Allocate(body.take()?),
        opcode::LSEEK => Operation::Seek(body.take()?),
        opcode::COPY_FILE_RANGE => Operation::Copy(body.take()?),
        opcode::OPENDIR => Operation::OpenFolder,
        opcode::READDIR => Operation::ReadFolder {
            input: bounded(body.take()?)?,
            plus: false,
        },
        opcode::READDIRPLUS => Operation::ReadFolder {
            input: bounded(body.take()?)?,
            plus: true,
        },
        opcode::RELEASEDIR => Operation::ReleaseFolder(body.take()?),
        opcode::FSYNCDIR => {
            let input: abi::FsyncIn = body.take()?;
            Operation::SyncFolder { handle: input.fh }
        }
        opcode::SETXATTR => {
            let input: abi::SetxattrIn = body.take()?;
            let name = body.xattr_name()?;
            let value = body.0.get(..input.size as usize).ok_or(Errno::INVAL)?;
            if value.len() > abi::MOST_XATTR {
                return Err(Errno::RANGE);
            }
            Operation::SetXattr {
                name,
                value,
                flags: input.flags,
            }
        }
        opcode::GETXATTR => {
            let input: abi::GetxattrIn = body.take()?;
            Operation::GetXattr {
                size: input.size,
                name: body.xattr_name()?,
            }
        }
        opcode::LISTXATTR => {
            let input: abi::GetxattrIn = body.take()?;
            Operation::ListXattrs { size: input.size }
        }
        opcode::REMOVEXATTR => Operation::RemoveXattr {
            name: body.xattr_name()?,
        },
        opcode::STATFS => Operation::Statistics,
        opcode::GETLK => Operation::ProbeLock(body.take()?),
        opcode::SETLK => Operation::Lock {
            input: body.take()?,
            wait: false,
        },
        opcode::SETLKW => Operation::Lock {
            input: body.take()?,
            wait: true,
        },
        _ => return Err(Errno::NOSYS),
    })
}

/// Reads of more than was agreed on would make this side allocate what the guest pleases.
fn bounded(input: abi::ReadIn) -> Result<abi::ReadIn, Errno> {
    if input.size as usize > abi::MOST_DATA {
        return Err(Errno::INVAL);
    }
    Ok(input)
}

fn rename<'a>(new_folder: u64, flags: u32, body: &mut Body<'a>) -> Result<Operation<'a>, Errno> {
    Ok(Operation::Rename {
        name: body.name()?,
        new_name: body.name()?,
        new_folder,
        flags,
    })
}

/// Decodes a message as the server does. What comes out is never larger than what went in.
pub fn fuzz_request(bytes: &[u8]) {
    let Some(header) = header(bytes) else { return };
    let body = &bytes[HEADER_BYTES..];
    match notice(&header, body) {
        Some(Notice::Forget(forgotten)) => {
            assert!(forgotten.len() <= 1 + body.len() / size_of::<abi::ForgetOne>());
        }
        Some(Notice::Adopt { names, .. }) => {
            let length: usize = names.iter().map(|name| name.as_bytes().len() + 1).sum();
            assert!(length <= body.len() + 1 && length <= abi::extension::MOST_PATH + 1);
        }
        Some(_) | None => {}
    }
    match operation(&header, body) {
        Ok(Operation::Write { data, .. }) => assert!(data.len() <= body.len()),
        Ok(Operation::SetXattr { value, .. }) => assert!(value.len() <= body.len()),
        Ok(Operation::Read(input) | Operation::ReadFolder { input, .. }) => {
            assert!(input.size as usize <= abi::MOST_DATA);
        }
        Ok(Operation::Lookup(name) | Operation::Remove(name) | Operation::MakeFolder { name, .. }) => {
            assert!(Name::new(name.as_bytes()).is_ok());
        }
        Ok(_) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zerocopy::IntoBytes;

    use super::*;

    fn of(opcode: u32) -> InHeader {
        InHeader {
            len: HEADER_BYTES as u32,
            opcode,
            ..InHeader::default()
        }
    }

    #[test]
    fn header_length_is_checked() {
        let with = |len| {
            header(
                InHeader {
                    len,
                    ..InHeader::default()
                }
                .as_bytes(),
            )
        };
        for len in [0, 39, abi::MOST_REQUEST as u32 + 1, u32::MAX] {
            assert_eq!(with(len), None);
        }
        assert!(with(40).is_some() && with(abi::MOST_REQUEST as u32).is_some());
        assert_eq!(header(&[0; 39]), None);
    }

    #[test]
    fn operation_name_without_its_end_is_refused() {
        assert_eq!(operation(&of(opcode::LOOKUP), b"name"), Err(Errno::INVAL));
        assert_eq!(operation(&of(opcode::LOOKUP), b"..\0"), Err(Errno::INVAL));
        assert_eq!(operation(&of(opcode::LOOKUP), b"/etc\0"), Err(Errno::INVAL));
        assert_eq!(
            operation(&of(opcode::LOOKUP), b"a\0"),
            Ok(Operation::Lookup(Name::new(b"a").unwrap()))
        );
    }

    #[test]
    fn operation_sizes_beyond_the_agreed_are_refused() {
        let read = abi::ReadIn {
            size: abi::MOST_DATA as u32 + 1,
            ..Default::default()
        };
        for opcode in [opcode::READ, opcode::READDIR, opcode::READDIRPLUS] {
            assert_eq!(operation(&of(opcode), read.as_bytes()), Err(Errno::INVAL));
        }
        let write = abi::WriteIn {
            size: 5,
            ..Default::default()
        };
        let mut bytes = write.as_bytes().to_vec();
        bytes.extend(b"four");
        assert_eq!(operation(&of(opcode::WRITE), &bytes), Err(Errno::INVAL));
    }

    #[test]
    fn operation_extensions_are_cut_off_and_must_be_there() {
        let header = InHeader {
            total_extlen: 1,
            ..of(opcode::LOOKUP)
        };
        assert_eq!(operation(&header, b"a\0"), Err(Errno::INVAL));
        assert!(operation(&header, b"a\0--------").is_ok());
    }

    proptest! {
        #[test]
        fn operation_any_bytes_never_panic(opcode in prop_oneof![0_u32..64, 0x5000_u32..0x5004], extensions in 0_u16..4, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let header = InHeader { len: (HEADER_BYTES + body.len()) as u32, opcode, total_extlen: extensions, ..InHeader::default() };
            let mut bytes = header.as_bytes().to_vec();
            bytes.extend(&body);
            fuzz_request(&bytes);
        }
    }
}
