//! Records as cells of the picture. Only for views and traces: a broker that nobody watches never comes here.

use crate::{Log, Storage};
use alloc::{collections::VecDeque, vec::Vec};
use naru_records::{Batch, DecompressLimit};
use naru_trace::{CellView, Preview};

/// A batch that takes more than this when decompressed is shown without its records.
const DECOMPRESS_LIMIT: DecompressLimit = DecompressLimit(16 << 20);

impl Log {
    /// The newest records, at most `max`, oldest first: for a view. Knows those of the last
    /// 256 batches.
    pub fn cells(&self, max: usize, storage: &dyn Storage) -> Vec<CellView> {
        let first = self.cells_from.max(self.log_start_offset());
        let mut newest_first = Vec::new();
        for recent in self.recent.newest_first() {
            let room = max - newest_first.len();
            if room == 0 {
                break;
            }
            let file = self.segment_with_base(recent.segment).log;
            let bytes = storage.read(file, u64::from(recent.position), recent.size);
            let Some(batch) = bytes.ok().and_then(|bytes| Batch::parse(bytes).ok()) else { continue };
            let cells = cells_of(&batch, recent.base_offset, room).into_iter().rev();
            newest_first.extend(cells.take_while(|cell| cell.offset >= first));
        }
        newest_first.reverse();
        newest_first
    }
}

/// The last records of a batch that begins at `base_offset`, at most `max`. None if it cannot be decompressed or parsed:
/// the broker stores such a batch as it came, and consumers will say what is wrong with it.
pub fn cells_of(batch: &Batch, base_offset: i64, max: usize) -> Vec<CellView> {
    let shift = base_offset - batch.header().base_offset;
    let Ok(records) = batch.iter(DECOMPRESS_LIMIT) else { return Vec::new() };
    let mut cells = VecDeque::new();
    for record in records {
        let Ok(record) = record else { return Vec::new() };
        if cells.len() == max {
            cells.pop_front();
        }
        cells.push_back(CellView {
            offset: record.offset + shift,
            batch: base_offset,
            key: record.key.as_deref().map(Preview::of),
            value: record.value.as_deref().map(Preview::of),
            timestamp_ms: record.timestamp,
        });
    }
    cells.into()
}
