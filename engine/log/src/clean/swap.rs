//! How cleaned files take the place of old ones so that a crash at any moment loses nothing (LocalLog.replaceSegments), and
//! how the next start completes what was begun (LogLoader.removeTempFilesAndCollectSwapFiles).
//!
//! ```text
//! 1  0.log 40.log   0.log.cleaned               written and synced; a start removes it
//! 2  0.log 40.log   0.log.swap                  from here on a start completes it
//! 3  0.log.deleted 40.log.deleted   0.log.swap
//! 4  0.log.deleted 40.log.deleted   0.log
//! ```
//!
//! All files of the segment are renamed in each step, the `.log` last in step 2. So a `.cleaned` file beside a `.swap` file
//! of the same segment says that step 2 was not completed, and then the old files are still there.

use super::{output::Output, plan::Source};
use crate::{
    Log, Storage, StorageError, StorageErrorKind,
    retention::DeletedSegment,
    scan::{OPEN_CHUNK_BYTES, Scan, ScanError},
    segment::{SEGMENT_BYTES_MAX, Segment},
    snapshots,
};
use alloc::{format, string::String, vec::Vec};

/// What is added to the names of files that a cleaning writes.
pub const CLEANED: &str = ".cleaned";
/// What is added to the names of cleaned files that are about to take their place.
pub const SWAP: &str = ".swap";
/// What is added to the names of files that are no longer part of a log.
pub const DELETED: &str = ".deleted";

/// What the names of a segment's files end with; the `.log` last.
const EXTENSIONS: [&str; 4] = ["index", "timeindex", "txnindex", "log"];

/// The files of a segment, the `.log` last. Not all of them need be there.
pub(super) fn segment_paths(directory: &str, base_offset: i64) -> impl DoubleEndedIterator<Item = String> {
    EXTENSIONS.iter().map(move |extension| format!("{directory}/{base_offset:020}.{extension}"))
}

impl Log {
    /// Puts a cleaned segment, whose files are synced, in the place of the segments it was made from.
    pub(super) fn replace_segments(
        &mut self,
        group: &[Source],
        output: Output,
        storage: &mut dyn Storage,
    ) -> Result<(), StorageError> {
        let Output { mut segment, recent, .. } = output;
        let (first, last) = (group[0].base_offset, group[group.len() - 1]);
        let numbers = self.segment_number(first)..self.segment_number(last.base_offset) + 1;
        assert_eq!(numbers.len(), group.len(), "nothing but the group is replaced");
        assert!(numbers.end < self.segments.len(), "the active segment is never compacted");
        // For retention it is as old as they were, even if no record is left to tell.
        segment.created_ms = self.segments[numbers.start].created_ms;
        segment.touched_ms = self.segments[numbers.end - 1].touched_ms;
        for path in segment_paths(&self.directory, first) {
            rename_if_there(&format!("{path}{CLEANED}"), &format!("{path}{SWAP}"), storage)?;
        }
        storage.sync_dir(&self.directory)?;
        let replaced: Vec<_> = self.segments.splice(numbers, [segment]).collect();
        for segment in replaced {
            self.retire_segment(segment, first, storage)?;
        }
        for path in segment_paths(&self.directory, first).rev() {
            rename_if_there(&format!("{path}{SWAP}"), &path, storage)?;
        }
        storage.sync_dir(&self.directory)?;
        self.recent.replace((first, last.range_end), &recent);
        self.check_invariants();
        Ok(())
    }

    /// The files get another name at once, and go later: answers on their way may still read them. So does the producer
    /// snapshot, unless a segment begins there still, at `kept_base`.
    fn retire_segment(
        &mut self,
        segment: Segment,
        kept_base: i64,
        storage: &mut dyn Storage,
    ) -> Result<(), StorageError> {
        let base_offset = segment.base_offset;
        let mut paths: Vec<String> = segment_paths(&self.directory, base_offset).collect();
        if base_offset != kept_base {
            self.snapshots.retain(|offset| *offset != base_offset);
            paths.push(snapshots::path(&self.directory, base_offset));
        }
        let mut renamed = Vec::new();
        for path in paths {
            let deleted = format!("{path}{DELETED}");
            rename_if_there(&path, &deleted, storage)?;
            renamed.push(deleted);
        }
        self.deleted.push(DeletedSegment { segment, paths: renamed, remove_at_ms: None });
        Ok(())
    }
}

/// Completes replacements that a crash interrupted, and removes what cleanings that came to nothing have left. To be called
/// before anything else looks at the directory.
pub fn complete(directory: &str, storage: &mut dyn Storage) -> Result<(), StorageError> {
    let names: Vec<String> = storage.list(directory)?.into_iter().map(|entry| entry.name).collect();
    if !names.iter().any(|name| name.ends_with(CLEANED) || name.ends_with(SWAP)) {
        return Ok(());
    }
    let with = |suffix: &'static str| {
        names.iter().filter_map(move |name| {
            let name = name.strip_suffix(suffix)?;
            Some((base_offset_of(name)?, name))
        })
    };
    let path = |name: &str| format!("{directory}/{name}");
    let unfinished = with(CLEANED).map(|(base_offset, _)| base_offset).min();
    let is_whole = |base_offset: i64| unfinished.is_none_or(|unfinished| base_offset < unfinished);
    for (base_offset, name) in with(SWAP) {
        if !is_whole(base_offset) {
            storage.remove_file(&format!("{}{SWAP}", path(name)))?;
        }
    }
    for (_, name) in with(CLEANED) {
        storage.remove_file(&format!("{}{CLEANED}", path(name)))?;
    }
    for (base_offset, name) in with(SWAP).filter(|(base, name)| is_whole(*base) && name.ends_with(".log")) {
        let next_offset = next_offset_of(&format!("{}{SWAP}", path(name)), base_offset, storage)?;
        // What was being replaced, if the crash came before step 3 was complete.
        let replaced = |base: i64| base == base_offset || (base_offset..next_offset).contains(&base);
        for name in names.iter().filter(|name| base_offset_of(name).is_some_and(replaced)) {
            storage.remove_file(&path(name))?;
        }
    }
    for (_, name) in with(SWAP).filter(|(base, _)| is_whole(*base)) {
        storage.rename(&format!("{}{SWAP}", path(name)), &path(name))?;
    }
    storage.sync_dir(directory)
}

/// The base offset in the name of a segment's file, of whatever kind; `None` for every other file.
fn base_offset_of(name: &str) -> Option<i64> {
    let (digits, extension) = name.split_once('.')?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits && EXTENSIONS.contains(&extension) { digits.parse().ok() } else { None }
}

/// The offset after the last batch in a file.
fn next_offset_of(path: &str, base_offset: i64, storage: &mut dyn Storage) -> Result<i64, StorageError> {
    let file = storage.open(path, crate::OpenMode::Existing)?;
    let end = storage.len(file)?.min(u64::from(SEGMENT_BYTES_MAX)) as u32;
    let mut scan = Scan::new(storage, file, (0, end), OPEN_CHUNK_BYTES);
    let mut next_offset = base_offset;
    let scanned = loop {
        match scan.next_batch() {
            Ok(Some(batch)) => next_offset = batch.header.next_offset(),
            // Damage is for recovery to find; what lies behind it was not copied, so the old files of it stay.
            Ok(None) | Err(ScanError::Damaged(_)) => break Ok(next_offset),
            Err(ScanError::Storage(error)) => break Err(error),
        }
    };
    let closed = storage.close(file);
    scanned.and_then(|next_offset| closed.map(|()| next_offset))
}

fn rename_if_there(from: &str, to: &str, storage: &mut dyn Storage) -> Result<(), StorageError> {
    match storage.rename(from, to) {
        Err(error) if error.kind == StorageErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}
