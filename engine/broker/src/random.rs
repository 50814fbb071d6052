//! Randomness from a seed: the same broker with the same seed and the same inputs makes the same ids.
//!
//! Deliberately not for secrets. The native server takes its seed from the operating system.

use uuid::Uuid;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and every seed gives a good sequence.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Everything that makes this start of this broker different from others goes in.
    pub(crate) fn new(seeds: &[u64]) -> Self {
        let mut random = Random(0);
        for seed in seeds {
            random.0 ^= *seed;
            random.0 = random.next();
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A version 4 UUID. Like Kafka's `Uuid.randomUuid`, never one whose text begins with a dash: command lines would take
    /// it for an option.
    pub(crate) fn uuid(&mut self) -> Uuid {
        loop {
            let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
            let versioned = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
            let id = Uuid::from_u128(versioned);
            if !crate::data_dir::id_text(id).starts_with('-') {
                return id;
            }
        }
    }

    /// A positive number, never 0: a fetch session's id.
    pub(crate) fn positive(&mut self) -> i32 {
        ((self.next() % (i32::MAX as u64 - 1)) + 1) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_make_equal_ids_and_other_seeds_make_others() {
        let ids = |seeds: &[u64]| {
            let mut random = Random::new(seeds);
            (random.uuid(), random.uuid(), random.positive())
        };
        assert_eq!(ids(&[1, 2]), ids(&[1, 2]));
        assert_ne!(ids(&[1, 2]), ids(&[2, 1]));
        let (first, second, session) = ids(&[7]);
        assert_ne!(first, second);
        assert_eq!(first.get_version_num(), 4);
        assert!(session > 0);
    }
}
