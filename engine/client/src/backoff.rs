//! How long to wait before the next attempt (KIP-580): the wait doubles, up to a limit, with some chance in it so that many
//! clients do not come back at the same moment.

use naru_trace::Micros;

/// Chance, from a seed: SplitMix64. The clients' only source of it.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance(seed)
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }
}

/// When attempt number `failures` (from 1) may be made, as `ExponentialBackoff` in Kafka: doubling, give or take 20 %.
pub(crate) fn retry_at(now: Micros, failures: u32, first_ms: u32, max_ms: u32, chance: &mut Chance) -> Micros {
    let doubled = u64::from(first_ms) << failures.saturating_sub(1).min(20);
    let wait_us = doubled.min(u64::from(max_ms)) * 1_000;
    let jitter = chance.below(wait_us / 5 * 2 + 1);
    now.plus(wait_us - wait_us / 5 + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let mut chance = Chance::new(7);
        let mut wait = |failures| retry_at(Micros(0), failures, 100, 1_000, &mut chance).as_millis();
        assert!((80..=120).contains(&wait(1)));
        assert!((160..=240).contains(&wait(2)));
        assert!((800..=1_200).contains(&wait(9)));
        assert!((800..=1_200).contains(&wait(u32::MAX)));
    }
}
