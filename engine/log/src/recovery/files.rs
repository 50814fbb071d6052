//! What is in a partition's directory, and what becomes of leftovers.
//!
//! | file | is |
//! |---|---|
//! | `.deleted` | removed: its time had come before the last process ended |
//! | `.cleaned`, `.swap` | settled before by [`crate::clean::swap`]: compaction is undone, or completed |
//! | an index without its `.log` | removed: there is nothing that it could be the index of |
//! | anything else that this crate does not make | left alone |

use crate::{
    Storage, StorageError, StorageErrorKind,
    clean::swap::DELETED,
    segment::{SUFFIXES, base_offset_of, offset_in},
    snapshots,
};
use alloc::{format, string::String, vec::Vec};
use naru_trace::SortedMap;

/// The names in the directory.
#[derive(Debug)]
pub struct Files {
    /// The base offsets of all segments, ascending.
    pub bases: Vec<i64>,
    /// The offsets of all producer snapshots, ascending.
    pub snapshots: Vec<i64>,
    /// All files with their lengths.
    lengths: SortedMap<String, u64>,
}

impl Files {
    /// Lists the directory, after leftovers of the last process are gone.
    pub fn settle(directory: &str, storage: &mut dyn Storage) -> Result<Files, StorageError> {
        let entries = storage.list(directory)?.into_iter().filter(|entry| !entry.is_dir);
        let mut lengths: SortedMap<String, u64> = entries.map(|entry| (entry.name, entry.length)).collect();
        let leftovers: Vec<String> = lengths.keys().filter(|name| is_leftover(name, &lengths)).cloned().collect();
        for name in leftovers {
            storage.remove_file(&format!("{directory}/{name}"))?;
            lengths.remove(&name);
        }
        let sorted = |offset_of: fn(&str) -> Option<i64>| -> Vec<i64> {
            let mut offsets: Vec<i64> = lengths.keys().filter_map(|name| offset_of(name)).collect();
            offsets.sort_unstable();
            offsets
        };
        Ok(Files { bases: sorted(base_offset_of), snapshots: sorted(snapshots::offset_of), lengths })
    }

    /// Nothing but producer snapshots.
    pub fn of_snapshots(snapshots: Vec<i64>) -> Files {
        Files { bases: Vec::new(), snapshots, lengths: SortedMap::new() }
    }

    /// Whether both indexes of a segment were there.
    pub fn has_indexes(&self, base_offset: i64) -> bool {
        [".index", ".timeindex"].iter().all(|suffix| self.lengths.contains_key(&format!("{base_offset:020}{suffix}")))
    }

    /// Length of a segment's `.log` file in bytes.
    pub fn log_bytes(&self, base_offset: i64) -> u64 {
        self.lengths.get(&format!("{base_offset:020}.log")).copied().unwrap_or(0)
    }

    /// Removes a segment's files and the snapshot that was taken when it was begun.
    pub fn remove_segment(
        &mut self,
        directory: &str,
        base_offset: i64,
        storage: &mut dyn Storage,
    ) -> Result<(), StorageError> {
        for suffix in SUFFIXES {
            remove_if_there(&format!("{directory}/{base_offset:020}{suffix}"), storage)?;
        }
        Ok(())
    }
}

/// Removes a file, if there is one.
pub fn remove_if_there(path: &str, storage: &mut dyn Storage) -> Result<(), StorageError> {
    match storage.remove_file(path) {
        Err(error) if error.kind != StorageErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_leftover(name: &str, all: &SortedMap<String, u64>) -> bool {
    if let Some(before) = name.strip_suffix(DELETED) {
        let ours = |suffix: &&str| offset_in(before, suffix).is_some();
        return SUFFIXES.iter().chain(&[".snapshot"]).any(ours);
    }
    // Begun by a process that ended before it wrote anything of it.
    if snapshots::offset_of(name).is_some() && all.get(name) == Some(&0) {
        return true;
    }
    let index_of = |suffix: &&str| offset_in(name, suffix);
    let base_offset = SUFFIXES.iter().filter(|suffix| **suffix != ".log").find_map(index_of);
    base_offset.is_some_and(|base_offset| !all.contains_key(&format!("{base_offset:020}.log")))
}
