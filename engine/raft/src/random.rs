//! Dice for timeouts, thrown from a seed: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Good enough to keep candidates
//! from standing up at the same moment; never for secrets.

/// A source of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same seed and node give the same numbers; two nodes of one seed get different ones.
    pub fn new(seed: u64, node_id: i32) -> Self {
        let mut random = Random(seed ^ (node_id as u64).wrapping_mul(0xd6e8_feb8_6659_fd93));
        random.next();
        random
    }

    /// A number from 0 to `end`, without `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
