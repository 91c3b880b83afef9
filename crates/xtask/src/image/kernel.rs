//! Takes the kernel out of its wrapper, so that the machine's start does not spend its time unpacking it.
//!
//! amd64: a bzImage holds the uncompressed ELF file that QEMU enters directly through the PVH entry in its notes
//! (Documentation/arch/x86/boot.rst, fields `payload_offset` and `payload_length`). arm64: an `Image`, which may be
//! in a gzip file or in an EFI program (drivers/firmware/efi/libstub/zboot-header.S).

use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use object::{
    Endianness,
    elf::FileHeader64,
    read::elf::{FileHeader, ProgramHeader},
};

use super::{arch::Arch, lz4};

/// The note with the address where a PVH loader enters (xen/include/public/elfnote.h).
const XEN_ELFNOTE_PHYS32_ENTRY: u32 = 18;

/// The unwrapped kernel, checked to be one that the machine can enter.
pub fn unwrap(wrapped: &[u8], arch: Arch) -> Result<Vec<u8>> {
    match arch {
        Arch::Amd64 => {
            let kernel = from_bzimage(wrapped)?;
            ensure!(
                has_pvh_entry(&kernel)?,
                "the kernel has no PVH entry (XEN_ELFNOTE_PHYS32_ENTRY)"
            );
            Ok(kernel)
        }
        Arch::Arm64 => {
            let kernel = from_zboot(wrapped)?;
            ensure!(
                kernel.get(0x38..0x3c) == Some(b"ARM\x64"),
                "the kernel is not an arm64 Image"
            );
            Ok(kernel)
        }
    }
}

fn from_bzimage(wrapped: &[u8]) -> Result<Vec<u8>> {
    ensure!(
        wrapped.get(0x202..0x206) == Some(b"HdrS"),
        "the kernel is not a bzImage"
    );
    let setup_sectors = match wrapped[0x1f1] {
        0 => 4,
        count => usize::from(count),
    };
    let start = (setup_sectors + 1) * 512 + u32_at(wrapped, 0x248)?;
    let length = u32_at(wrapped, 0x24c)?;
    let payload = wrapped
        .get(start..start + length)
        .context("the bzImage is shorter than its header says")?;
    unpack(payload).context("failed to unpack the bzImage's payload")
}

fn from_zboot(wrapped: &[u8]) -> Result<Vec<u8>> {
    if wrapped.starts_with(&[0x1f, 0x8b]) {
        return unpack(wrapped);
    }
    if wrapped.get(4..8) != Some(b"zimg") {
        return Ok(wrapped.to_vec());
    }
    let (start, length) = (u32_at(wrapped, 8)?, u32_at(wrapped, 12)?);
    let payload = wrapped
        .get(start..start + length)
        .context("the EFI program is shorter than its header says")?;
    unpack(payload).context("failed to unpack the EFI program's payload")
}

/// Unpacks by the first bytes. After the packed data the kernel's build appends the unpacked size, which is no error.
fn unpack(payload: &[u8]) -> Result<Vec<u8>> {
    let mut kernel = Vec::new();
    if payload.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        zstd::Decoder::new(payload)?
            .single_frame()
            .read_to_end(&mut kernel)?;
    } else if payload.starts_with(&[0x1f, 0x8b]) {
        flate2::bufread::GzDecoder::new(payload).read_to_end(&mut kernel)?;
    } else if payload.starts_with(b"\xfd7zXZ\0") {
        liblzma::bufread::XzDecoder::new(payload).read_to_end(&mut kernel)?;
    } else if payload.starts_with(&lz4::MAGIC) {
        kernel = lz4::unpack(payload)?;
    } else {
        bail!(
            "packed in an unknown way, it starts with {:02x?}",
            &payload[..payload.len().min(4)]
        );
    }
    Ok(kernel)
}

fn has_pvh_entry(kernel: &[u8]) -> Result<bool> {
    let header = FileHeader64::<Endianness>::parse(kernel).context("the kernel is not an ELF file")?;
    let endian = header.endian()?;
    for segment in header.program_headers(endian, kernel)? {
        let Some(mut notes) = segment.notes(endian, kernel)? else {
            continue;
        };
        while let Some(note) = notes.next()? {
            if note.name() == b"Xen" && note.n_type(endian).0 == XEN_ELFNOTE_PHYS32_ENTRY {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<usize> {
    let field = bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk::<4>())
        .context("the kernel's header is cut short")?;
    Ok(u32::from_le_bytes(*field) as usize)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Arch, XEN_ELFNOTE_PHYS32_ENTRY, lz4, unwrap};

    /// An ELF file that has one segment, a note of this type.
    fn elf(note_type: u32) -> Vec<u8> {
        let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
        elf.resize(16, 0);
        for (value, width) in [
            (2, 2),
            (62, 2),
            (1, 4),
            (0, 8),
            (64, 8),
            (0, 8),
            (0, 4),
            (64, 2),
            (56, 2),
            (1, 2),
            (64, 2),
            (0, 2),
            (0, 2),
        ] {
            elf.extend_from_slice(&u64::to_le_bytes(value)[..width]);
        }
        for (value, width) in [(4, 4), (4, 4), (120, 8), (0, 8), (0, 8), (20, 8), (20, 8), (4, 8)] {
            elf.extend_from_slice(&u64::to_le_bytes(value)[..width]);
        }
        for word in [4, 4, note_type] {
            elf.extend_from_slice(&word.to_le_bytes());
        }
        elf.extend_from_slice(b"Xen\0\x01\x02\x03\x04");
        elf
    }

    fn bzimage(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 0x400];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&16u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        image.extend_from_slice(&[0xcc; 16]);
        image.extend_from_slice(payload);
        image.extend_from_slice(&[0xcc; 100]);
        image
    }

    #[test]
    fn unwrap_bzimage_of_each_packing_given_returns_the_elf_file() {
        let kernel = elf(XEN_ELFNOTE_PHYS32_ENTRY);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&kernel).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&kernel).unwrap();
        let mut packings = [
            zstd::encode_all(&kernel[..], 1).unwrap(),
            gzip.finish().unwrap(),
            xz.finish().unwrap(),
            lz4::pack(&kernel),
        ];
        for packing in &mut packings {
            packing.extend_from_slice(&(kernel.len() as u32).to_le_bytes());
            assert_eq!(unwrap(&bzimage(packing), Arch::Amd64).unwrap(), kernel);
        }
    }

    #[test]
    fn unwrap_kernel_without_pvh_note_given_fails() {
        let packed = zstd::encode_all(&elf(1)[..], 1).unwrap();
        let error = unwrap(&bzimage(&packed), Arch::Amd64).unwrap_err();
        assert!(error.to_string().contains("PVH"), "{error}");
    }

    #[test]
    fn unwrap_foreign_or_cut_file_given_fails() {
        assert!(unwrap(b"MZ", Arch::Amd64).is_err());
        assert!(unwrap(&bzimage(b"what is this"), Arch::Amd64).is_err());
        let whole = bzimage(&zstd::encode_all(&elf(18)[..], 1).unwrap());
        assert!(unwrap(&whole[..whole.len() - 110], Arch::Amd64).is_err());
        assert!(unwrap(b"MZ", Arch::Arm64).is_err());
    }

    #[test]
    fn unwrap_arm64_image_given_plain_or_in_zboot_returns_it() {
        let mut kernel = vec![0; 0x40];
        kernel[0x38..0x3c].copy_from_slice(b"ARM\x64");
        assert_eq!(unwrap(&kernel, Arch::Arm64).unwrap(), kernel);
        let packed = zstd::encode_all(&kernel[..], 1).unwrap();
        let mut zboot = b"MZ\0\0zimg".to_vec();
        zboot.extend_from_slice(&16u32.to_le_bytes());
        zboot.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        zboot.extend_from_slice(&packed);
        assert_eq!(unwrap(&zboot, Arch::Arm64).unwrap(), kernel);
    }
}
