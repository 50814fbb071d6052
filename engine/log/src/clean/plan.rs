//! Which segments are cleaned into which: neighbours that fit into one (Cleaner.groupSegmentsBySize).

use crate::{FileId, Log, index::ENTRY_BYTES, segment::SEGMENT_BYTES_MAX, segment::Segment};
use alloc::{collections::VecDeque, vec, vec::Vec};

/// A segment that is to be cleaned. Its file says whether it is still the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    pub base_offset: i64,
    /// Where the next segment begins.
    pub range_end: i64,
    pub log: FileId,
    pub size: u32,
}

impl Source {
    fn of(log: &Log, segment: &Segment) -> Source {
        let range_end = log.range_end(segment);
        Source { base_offset: segment.base_offset, range_end, log: segment.log, size: segment.size }
    }

    /// Whether it is still in the log, unchanged.
    pub fn is_in(&self, log: &Log) -> bool {
        let segment = log.segment_with_base(self.base_offset);
        segment.base_offset == self.base_offset && segment.log == self.log && segment.size == self.size
    }
}

/// The segments that hold the offsets from `first` to before `end`, oldest first.
pub(super) fn sources(log: &Log, first: i64, end: i64) -> VecDeque<Source> {
    let wanted = |segment: &&Segment| segment.base_offset < end && log.range_end(segment) > first;
    log.segments.iter().filter(wanted).map(|segment| Source::of(log, segment)).collect()
}

/// All segments before `end`, in groups: each becomes one segment.
///
/// A group is not longer than `segment.bytes` and its indexes not than `segment.index.bytes`, as if nothing went; and its
/// offsets lie near enough to its base offset for index entries to hold them.
pub(super) fn groups(log: &Log, end: i64) -> VecDeque<Vec<Source>> {
    let bytes_max = u64::from(log.config.segment_bytes.min(SEGMENT_BYTES_MAX));
    let mut groups: VecDeque<Vec<Source>> = VecDeque::new();
    let (mut bytes, mut entries) = (0, 0);
    for segment in log.segments.iter().filter(|segment| segment.base_offset < end) {
        let source = Source::of(log, segment);
        let (segment_bytes, segment_entries) = (u64::from(segment.size), segment.index.count);
        let fits = |group: &&mut Vec<Source>| {
            bytes + segment_bytes <= bytes_max
                && entries + segment_entries <= log.config.segment_index_bytes / ENTRY_BYTES
                && (segment.size == 0 || source.range_end - group[0].base_offset <= i64::from(i32::MAX))
        };
        match groups.back_mut().filter(fits) {
            Some(group) => {
                group.push(source);
                (bytes, entries) = (bytes + segment_bytes, entries + segment_entries);
            }
            None => {
                groups.push_back(vec![source]);
                (bytes, entries) = (segment_bytes, segment_entries);
            }
        }
    }
    groups
}
