//! The LZ4 "legacy" frame, one of the ways in which a kernel is packed: a magic number, then blocks of at most 8 MiB
//! unpacked, each after its packed length.

use anyhow::{Context, Result, bail};

/// The first four bytes.
pub const MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

const BLOCK_BYTES: usize = 8 << 20;

/// Packs the bytes, for tests: the RAM disk is not packed, because unpacking costs more than reading saves.
#[cfg(test)]
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = MAGIC.to_vec();
    for chunk in bytes.chunks(BLOCK_BYTES) {
        let block = lz4_flex::block::compress(chunk);
        packed.extend_from_slice(&(block.len() as u32).to_le_bytes());
        packed.extend_from_slice(&block);
    }
    packed
}

/// Unpacks a frame, up to its end or to a length that cannot be one.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let Some(mut rest) = packed.strip_prefix(&MAGIC) else {
        bail!("not an LZ4 legacy frame")
    };
    let mut bytes = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(block) = after.get(..length) else { break };
        bytes.extend(lz4_flex::block::decompress(block, BLOCK_BYTES).context("a damaged LZ4 block")?);
        rest = &after[length..];
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, pack, unpack};

    #[test]
    fn pack_and_unpack_two_blocks_given_is_the_same() {
        let bytes: Vec<u8> = (0..BLOCK_BYTES + 5000).map(|index| (index / 7) as u8).collect();
        let packed = pack(&bytes);
        assert!(packed.len() < bytes.len() / 10);
        assert_eq!(unpack(&packed).unwrap(), bytes);
        assert!(unpack(b"nothing").is_err());
    }
}
