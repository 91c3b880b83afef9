//! Random choices that a printed seed repeats (SplitMix64).

/// A source of random numbers.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Takes the seed from `PINNACE_E2E_SEED`, else from the clock. Returns it too, to be printed.
    pub fn from_environment() -> (Self, u64) {
        let clock = || {
            std::time::UNIX_EPOCH
                .elapsed()
                .map_or(1, |since| since.as_nanos() as u64)
        };
        let given = std::env::var("PINNACE_E2E_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(clock);
        (Self(seed), seed)
    }

    /// Repeats the choices of a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Brings items into another order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// `length` bytes that no compressor makes smaller.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length.div_ceil(8))
            .flat_map(|_| self.below(u64::MAX).to_le_bytes())
            .take(length)
            .collect()
    }
}
