//! Where numbers that the guest's kernel keeps begin.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use crate::abi::ROOT_ID;

/// A place to count from that no earlier server counted past, so far as chance goes: 62 random bits.
///
/// The kernel may still hold nodes and open files of a server that is gone. Its number 5 must not be taken for ours: a
/// write through an old open file would reach another file.
pub fn random_start() -> u64 {
    (RandomState::new().build_hasher().finish() >> 2).max(ROOT_ID + 1)
}
