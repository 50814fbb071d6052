//! Reading: from an offset to a position in a file, and from there to the last whole batch that fits.
//!
//! Nothing is copied: the result is ranges of files. Reads at the end of the log are answered from memory
//! ([`crate::recent`]); others search the index, which leaves at most `index.interval.bytes` to scan at either end. Those need
//! a few pages of the index and of the log: a broker's thread does not wait for them ([`Log::read_cached`]).

use crate::{
    Log, LogError, ReadAt, ReadResult, Storage,
    index::IndexEntry,
    scan::{LOOKUP_CHUNK_BYTES, Located, Scan},
    segment::Segment,
    storage::CachedOnly,
};
use alloc::{string::ToString, vec::Vec};

/// Where a batch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Which segment, counted from the oldest.
    segment: usize,
    position: u32,
    base_offset: i64,
}

/// How far a read may go.
#[derive(Debug, Clone, Copy)]
struct Limit {
    bytes: u32,
    up_to_offset: i64,
    /// The first batch may be larger than `bytes` (KIP-74).
    at_least_one: bool,
}

/// What a read takes of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    /// The position after the last batch taken.
    end: u32,
    /// Where the next read goes on.
    next_offset: i64,
}

impl Log {
    /// Whole batches from the one that holds `from` (or the first one after it), at most `max_bytes` of them, none that
    /// reaches `up_to_offset`. With `at_least_one`, the first may be larger than `max_bytes` (KIP-74).
    pub fn read(
        &self,
        from: i64,
        max_bytes: u32,
        up_to_offset: i64,
        at_least_one: bool,
        storage: &dyn Storage,
    ) -> Result<ReadResult, LogError> {
        let limit = Limit { bytes: max_bytes, up_to_offset, at_least_one };
        self.read_through(from, limit, storage, storage)
    }

    /// The same for a thread that must not wait for a disk: [`LogError::NotCached`] says which part of a file would have to be
    /// in memory to find out where the records are. They themselves need not be.
    pub fn read_cached(
        &self,
        from: i64,
        max_bytes: u32,
        up_to_offset: i64,
        at_least_one: bool,
        storage: &dyn Storage,
    ) -> Result<ReadResult, LogError> {
        let cached = CachedOnly::new(storage);
        let limit = Limit { bytes: max_bytes, up_to_offset, at_least_one };
        let result = self.read_through(from, limit, &cached, storage);
        cached.missed().map_or(result, |range| Err(LogError::NotCached(range)))
    }

    /// Places are looked up through `lookups`.
    fn read_through(
        &self,
        from: i64,
        mut limit: Limit,
        lookups: &dyn ReadAt,
        storage: &dyn Storage,
    ) -> Result<ReadResult, LogError> {
        self.check_range(from)?;
        let mut result = ReadResult { slices: Vec::new(), bytes: 0, first_offset: from, next_offset: from };
        if from >= limit.up_to_offset.min(self.log_end_offset()) {
            return Ok(result);
        }
        let Some(place) = self.locate(from, lookups)? else { return Ok(result) };
        let (mut segment, mut position) = (place.segment, place.position);
        while let Some(current) = self.segments.get(segment) {
            let extent = self.extent(current, position, limit, lookups)?;
            let length = extent.end - position;
            if length > 0 {
                result.slices.push(storage.slice(current.log, u64::from(position), length)?);
                result.bytes += length;
                result.next_offset = extent.next_offset;
            }
            limit = Limit { bytes: limit.bytes.saturating_sub(length), at_least_one: false, ..limit };
            // Going on after a batch that did not fit would leave a gap.
            if extent.end < current.size || limit.bytes == 0 {
                break;
            }
            (segment, position) = (segment + 1, 0);
        }
        if result.bytes > 0 {
            result.first_offset = place.base_offset;
        }
        Ok(result)
    }

    fn check_range(&self, offset: i64) -> Result<(), LogError> {
        let (log_start_offset, log_end_offset) = (self.log_start_offset(), self.log_end_offset());
        if (log_start_offset..=log_end_offset).contains(&offset) {
            return Ok(());
        }
        Err(LogError::OffsetOutOfRange { partition: self.id.to_string(), offset, log_start_offset, log_end_offset })
    }

    /// The batch that holds `offset`, or the first one after it.
    fn locate(&self, offset: i64, storage: &dyn ReadAt) -> Result<Option<Place>, LogError> {
        if let Some(mut recent) = self.recent.starting_at(offset) {
            let place = |batch: &crate::recent::RecentBatch| Place {
                segment: self.segment_number(batch.segment),
                position: batch.position,
                base_offset: batch.base_offset,
            };
            return Ok(recent.next().map(place));
        }
        // Compaction may leave a segment whose last records are gone: then the next one has the first batch after it.
        for segment in self.segment_number(offset)..self.segments.len() {
            if let Some(batch) = self.locate_in(&self.segments[segment], offset, storage)? {
                return Ok(Some(Place { segment, position: batch.position, base_offset: batch.header.base_offset }));
            }
        }
        Ok(None)
    }

    /// The batch of a segment that holds `offset`, or the first one after it.
    pub(crate) fn locate_in(
        &self,
        segment: &Segment,
        offset: i64,
        storage: &dyn ReadAt,
    ) -> Result<Option<Located>, LogError> {
        let before = |entry: IndexEntry| segment.base_offset + i64::from(entry.relative_offset) <= offset;
        let start = segment.indexed_position(storage, before)?;
        self.first_batch_where(segment, start, storage, |batch| batch.header.last_offset() >= offset)
    }

    /// The first batch from `position` on for which `wanted` holds.
    pub(crate) fn first_batch_where(
        &self,
        segment: &Segment,
        position: u32,
        storage: &dyn ReadAt,
        wanted: impl Fn(&Located) -> bool,
    ) -> Result<Option<Located>, LogError> {
        let mut scan = Scan::new(storage, segment.log, (position, segment.size), LOOKUP_CHUNK_BYTES);
        loop {
            match scan.next_batch() {
                Ok(Some(batch)) if !wanted(&batch) => {}
                Ok(found) => return Ok(found),
                Err(error) => return Err(error.at(|| self.path_of(segment), scan.position)),
            }
        }
    }

    /// How much of a segment, from the batch at `position`, lies within the limit.
    fn extent(&self, segment: &Segment, position: u32, limit: Limit, storage: &dyn ReadAt) -> Result<Extent, LogError> {
        if segment.next_offset <= limit.up_to_offset && segment.size - position <= limit.bytes {
            return Ok(Extent { end: segment.size, next_offset: segment.next_offset });
        }
        // All batches in front of an entry's batch have smaller offsets than the entry, and end where it begins.
        let reachable = position.saturating_add(limit.bytes);
        let within = |entry: IndexEntry| {
            let offset = segment.base_offset + i64::from(entry.relative_offset);
            entry.position <= reachable && offset <= limit.up_to_offset
        };
        let start = segment.indexed_position(storage, within)?.max(position);
        let fits = |batch: &Located| {
            let in_bytes = batch.end() <= reachable || (batch.position == position && limit.at_least_one);
            in_bytes && batch.header.last_offset() < limit.up_to_offset
        };
        let beyond = self.first_batch_where(segment, start, storage, |batch| !fits(batch))?;
        Ok(beyond.map_or(Extent { end: segment.size, next_offset: segment.next_offset }, |batch| Extent {
            end: batch.position,
            next_offset: batch.header.base_offset,
        }))
    }

    /// About how many bytes lie between two offsets, without touching the storage: exact for recent batches, else up to
    /// the ends of their segments. For `fetch.min.bytes`.
    pub fn bytes_available(&self, from: i64, up_to_offset: i64) -> u64 {
        let end = up_to_offset.min(self.log_end_offset());
        if from >= end || from < self.log_start_offset() {
            return 0;
        }
        let (first, start) = self.recent_place(from).unwrap_or_else(|| (self.segment_number(from), 0));
        let (last, stop) = self.recent_place(end).unwrap_or_else(|| {
            let segment = self.segment_number(end - 1);
            (segment, self.segments[segment].size)
        });
        let whole: u64 = self.segments[first..last].iter().map(|segment| u64::from(segment.size)).sum();
        (whole + u64::from(stop)).saturating_sub(u64::from(start))
    }

    /// The segment and position of a recent batch; of the log's end, if no batch has the offset yet.
    fn recent_place(&self, offset: i64) -> Option<(usize, u32)> {
        if offset >= self.log_end_offset() {
            return Some((self.segments.len() - 1, self.active().size));
        }
        let batch = self.recent.starting_at(offset)?.next()?;
        Some((self.segment_number(batch.segment), batch.position))
    }
}
