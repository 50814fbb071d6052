//! A log against the simplest model of one: a list of batches.

mod support;

use naru_log::LogConfig;
use proptest::{collection::vec, prelude::*};
use support::*;

#[derive(Debug, Clone)]
enum Operation {
    /// This many records of this many bytes.
    Append(usize, usize),
    Commit,
    Crash,
    Restart,
    Read(prop::sample::Index, u32, prop::sample::Index, bool),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (1..5_usize, 0..120_usize).prop_map(|(count, length)| Operation::Append(count, length)),
        2 => Just(Operation::Commit),
        1 => Just(Operation::Crash),
        1 => Just(Operation::Restart),
        4 => (any::<prop::sample::Index>(), 0..3_000_u32, any::<prop::sample::Index>(), any::<bool>())
            .prop_map(|(from, max, up_to, one)| Operation::Read(from, max, up_to, one)),
    ]
}

/// Base offset, next offset and length of each batch.
#[derive(Debug, Clone, Default)]
struct Model {
    batches: Vec<(i64, i64, u32)>,
    committed: usize,
}

impl Model {
    fn end(&self) -> i64 {
        self.batches.last().map_or(0, |(_, next, _)| *next)
    }

    fn read(&self, from: i64, max_bytes: u32, up_to: i64, at_least_one: bool) -> Vec<i64> {
        let mut taken = 0;
        let mut bases = Vec::new();
        for (base, next, bytes) in self.batches.iter().filter(|(_, next, _)| *next > from) {
            let fits = taken + bytes <= max_bytes || (at_least_one && bases.is_empty());
            if !fits || *next > up_to {
                break;
            }
            taken += bytes;
            bases.push(*base);
        }
        bases
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_log_is_a_list_of_batches(
        operations in vec(operation(), 1..120),
        segment_bytes in 700..4_000_u32,
        index_interval_bytes in 0..1_000_u32,
    ) {
        let config = LogConfig { segment_bytes, index_interval_bytes, ..LogConfig::default() };
        let mut bench = Bench::new(config);
        let mut model = Model::default();
        for operation in operations {
            match operation {
                Operation::Append(count, length) => {
                    let value = "x".repeat(length);
                    let appended = bench.put(&vec![value.as_str(); count]);
                    prop_assert_eq!(appended.base_offset, model.end());
                    model.batches.push((appended.base_offset, appended.last_offset + 1, appended.bytes));
                }
                Operation::Commit => {
                    bench.commit();
                    model.committed = model.batches.len();
                }
                Operation::Crash => {
                    // Rolling closes nothing: what was not committed is lost in every segment.
                    bench = bench.crash();
                    model.batches.truncate(model.committed);
                }
                Operation::Restart => {
                    bench = bench.restart();
                    model.committed = model.batches.len();
                }
                Operation::Read(from, max_bytes, up_to, at_least_one) => {
                    let from = from.index(model.end() as usize + 1) as i64;
                    let up_to = up_to.index(model.end() as usize + 1) as i64;
                    let result = bench.log.read(from, max_bytes, up_to, at_least_one, &bench.storage).unwrap();
                    prop_assert_eq!(bench.bases(&result), model.read(from, max_bytes, up_to, at_least_one));
                }
            }
            prop_assert_eq!(bench.log.log_end_offset(), model.end());
            prop_assert_eq!(bench.log.size(), model.batches.iter().map(|(_, _, bytes)| u64::from(*bytes)).sum::<u64>());
            bench.log.check_invariants();
        }
    }
}
