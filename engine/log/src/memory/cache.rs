//! The page cache: which pages are in memory, which of them have to go when there are too many, and what a read costs.
//!
//! Clean pages are forgotten, the least recently used first. When only dirty ones are left, the file that has been dirty
//! longest is written back first. A read that misses, and goes on where the last one ended, reads ahead.

use super::{Disk, DiskChange, file::File};
use crate::{FileId, StorageError};
use alloc::vec::Vec;
use bytes::Bytes;
use naru_trace::SortedMap;
use naru_trace::{PAGE_BYTES, PageState, pages_of};

/// How the page cache works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheConfig {
    /// How many pages fit into memory; `None` for all there are.
    pub pages_max: Option<u32>,
    /// How many more pages a read in order brings in when it has to go to the disk.
    pub read_ahead: u32,
}

/// What the page cache has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounters {
    /// Pages asked for that were in memory.
    pub hits: u64,
    /// Pages asked for that were not.
    pub misses: u64,
    /// How often the disk had to be asked. Neighbouring pages come in one trip.
    pub trips: u64,
    /// Pages read ahead.
    pub read_ahead: u64,
    /// Pages written without anybody asking.
    pub written_back: u64,
    /// Pages forgotten.
    pub evicted: u64,
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) config: CacheConfig,
    pub(super) counters: CacheCounters,
    /// Somebody looks on who must not be noticed.
    pub(super) asleep: bool,
    /// Clean pages in the order of their last use: file and page. Kept only while there is a limit.
    clean: SortedMap<u64, (u32, u32)>,
    in_memory: u64,
    next_use: u64,
}

impl Cache {
    /// A page is used: it moves to the end of the order.
    fn touch(&mut self, number: u32, page: u32, file: &mut File) {
        let slot = &mut file.pages[page as usize];
        if self.config.pages_max.is_some() {
            self.clean.remove(&slot.used);
            self.next_use += 1;
            slot.used = self.next_use;
            if slot.state == PageState::Clean {
                self.clean.insert(slot.used, (number, page));
            }
        }
    }

    /// A page is in this state from now on, and was just used.
    fn set(&mut self, number: u32, page: u32, file: &mut File, state: PageState) {
        let slot = &mut file.pages[page as usize];
        self.in_memory += u64::from(slot.state == PageState::OnDisk);
        slot.state = state;
        self.touch(number, page, file);
    }

    /// A file's pages are none of the cache's business any more.
    pub(super) fn forget_file(&mut self, number: u32, file: &File) {
        for page in file.pages.iter().filter(|page| page.state != PageState::OnDisk) {
            self.in_memory -= 1;
            if self.clean.get(&page.used).is_some_and(|(owner, _)| *owner == number) {
                self.clean.remove(&page.used);
            }
        }
    }

    /// Counts a file's pages that are in memory. They are used in this order.
    pub(super) fn count_file(&mut self, number: u32, file: &mut File) {
        for page in 0..file.pages.len() {
            if file.pages[page].state != PageState::OnDisk {
                self.in_memory += 1;
                self.touch(number, page as u32, file);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.clean.clear();
        self.in_memory = 0;
    }
}

impl Disk {
    /// Whether a page of the range is not in memory, and the disk is one that tells.
    pub(super) fn is_to_wait_for(&self, file: FileId, position: u64, length: u32) -> Result<bool, StorageError> {
        let file = &self.files[&self.number_of(file)?];
        let end = position.saturating_add(u64::from(length)).min(file.bytes.len() as u64);
        if !self.tells_cached || position >= end {
            return Ok(false);
        }
        let mut pages = (position / PAGE_BYTES) as u32..pages_of(end);
        Ok(pages.any(|page| file.pages[page as usize].state == PageState::OnDisk))
    }

    /// Pages of a file are read: counts, and brings in what is missing.
    pub(super) fn on_read(&mut self, number: u32, position: u64, length: u64) {
        let file = self.files.get_mut(&number).expect("the caller has found it");
        let end = position.saturating_add(length).min(file.bytes.len() as u64);
        if self.cache.asleep || position >= end {
            return;
        }
        let (first, end) = ((position / PAGE_BYTES) as u32, pages_of(end));
        let in_order = first == 0 || first == file.read_end || first + 1 == file.read_end;
        file.read_end = end;
        let (mut misses, mut trips, mut after_miss) = (0, 0, false);
        for page in first..end {
            let missing = file.pages[page as usize].state == PageState::OnDisk;
            trips += u64::from(missing && !after_miss);
            misses += u32::from(missing);
            after_miss = missing;
            let state = if missing { PageState::Clean } else { file.pages[page as usize].state };
            self.cache.set(number, page, file, state);
        }
        let ahead_end = (end + self.cache.config.read_ahead).min(file.pages.len() as u32);
        let mut read_ahead = 0;
        if in_order && misses > 0 && ahead_end > end {
            read_ahead = ahead_end - end;
            let missing = |page: &u32| file.pages[*page as usize].state == PageState::OnDisk;
            let missing: Vec<u32> = (end..ahead_end).filter(missing).collect();
            self.cache.counters.read_ahead += missing.len() as u64;
            missing.into_iter().for_each(|page| self.cache.set(number, page, file, PageState::Clean));
        }
        self.cache.counters.hits += u64::from(end - first - misses);
        self.cache.counters.misses += u64::from(misses);
        self.cache.counters.trips += trips;
        let pages = end - first;
        self.note_of(number, |file| {
            let path = file.path.clone();
            DiskChange::Read { path, first_page: first, pages, misses, read_ahead }
        });
        self.shrink_cache();
    }

    /// Bytes were written at the end of a file.
    pub(super) fn on_written(&mut self, number: u32, position: u64, length: u64) {
        if length == 0 {
            return;
        }
        let file = self.files.get_mut(&number).expect("the caller has found it");
        let (first, end) = ((position / PAGE_BYTES) as u32, pages_of(position + length));
        // A page that is written in part has to be there first.
        let missing = file.pages.get(first as usize).is_some_and(|page| page.state == PageState::OnDisk);
        self.cache.counters.misses += u64::from(missing);
        self.cache.counters.trips += u64::from(missing);
        let old = file.pages.len();
        file.pages.resize(end as usize, super::file::Page::ON_DISK);
        (old as u32..end).chain((first < old as u32).then_some(first)).for_each(|page| {
            self.cache.set(number, page, file, PageState::Dirty);
        });
        file.dirty_since.get_or_insert(self.time_us);
        self.note_of(number, |file| {
            let bytes = Bytes::copy_from_slice(&file.bytes[position as usize..(position + length) as usize]);
            DiskChange::Written { path: file.path.clone(), position, bytes }
        });
        self.shrink_cache();
    }

    /// A file was cut.
    pub(super) fn on_truncated(&mut self, number: u32) {
        let file = self.files.get_mut(&number).expect("the caller has found it");
        let length = file.bytes.len() as u64;
        self.cache.forget_file(number, file);
        let kept = pages_of(length) as usize;
        file.pages.truncate(kept);
        self.cache.count_file(number, file);
        if !length.is_multiple_of(PAGE_BYTES) {
            self.cache.set(number, kept as u32 - 1, file, PageState::Dirty);
        }
        file.dirty_since.get_or_insert(self.time_us);
    }

    /// Writes a file's dirty pages and its length to the disk. Returns how many pages.
    pub(super) fn write_pages(&mut self, number: u32) -> u32 {
        let file = self.files.get_mut(&number).expect("the caller has found it");
        if file.dirty_since.take().is_none() {
            return 0;
        }
        let mut written = 0;
        for page in 0..file.pages.len() {
            if file.pages[page].state == PageState::Dirty {
                file.write_page(page);
                self.cache.set(number, page as u32, file, PageState::Clean);
                file.pages[page].lost = false;
                written += 1;
            }
        }
        file.write_length();
        written
    }

    /// A file's dirty pages count as clean, and the disk does not get them. Returns how many.
    pub(super) fn lose_dirty_pages(&mut self, number: u32) -> u32 {
        let file = self.files.get_mut(&number).expect("the caller has found it");
        let mut lost = 0;
        for page in 0..file.pages.len() {
            if file.pages[page].state == PageState::Dirty {
                self.cache.set(number, page as u32, file, PageState::Clean);
                file.pages[page].lost = true;
                lost += 1;
            }
        }
        file.dirty_since = None;
        lost
    }

    /// Writes back what has been dirty since `dirty_since_us` or longer. The names are journaled at such times too.
    pub(super) fn write_back_old(&mut self, dirty_since_us: u64) {
        let old = self.files.iter().filter(|(_, file)| file.dirty_since.is_some_and(|since| since <= dirty_since_us));
        let old: Vec<u32> = old.map(|(number, _)| *number).collect();
        old.into_iter().for_each(|number| self.write_back_file(number, "old"));
        self.tree.sync_all();
        self.sweep();
    }

    fn write_back_file(&mut self, number: u32, because: &'static str) {
        for (first_page, pages) in runs(&self.files[&number], PageState::Dirty) {
            self.note_of(number, |file| DiskChange::WrittenBack {
                path: file.path.clone(),
                first_page,
                pages,
                because,
            });
        }
        self.cache.counters.written_back += u64::from(self.write_pages(number));
    }

    /// Forgets pages until the cache is as small as it has to be.
    pub(super) fn shrink_cache(&mut self) {
        let Some(pages_max) = self.cache.config.pages_max else { return };
        let mut evicted: Vec<(u32, u32)> = Vec::new();
        while self.cache.in_memory > u64::from(pages_max) {
            let Some((_, (number, page))) = self.cache.clean.pop_first() else {
                let dirty = self.files.iter().filter(|(_, file)| file.dirty_since.is_some());
                let oldest = dirty.min_by_key(|(number, file)| (file.dirty_since, **number));
                let Some((number, _)) = oldest else { break };
                let number = *number;
                self.note_evicted(&core::mem::take(&mut evicted));
                self.write_back_file(number, "memory is full");
                continue;
            };
            self.cache.in_memory -= 1;
            self.files.get_mut(&number).expect("cached pages belong to files").forget_page(page as usize);
            evicted.push((number, page));
        }
        self.note_evicted(&evicted);
    }

    pub(super) fn drop_caches(&mut self) {
        let mut evicted: Vec<(u32, u32)> = Vec::new();
        for (number, file) in self.files.iter_mut().filter(|(number, _)| !self.ghosts.contains(number)) {
            for page in 0..file.pages.len() {
                if file.pages[page].state == PageState::Clean {
                    file.forget_page(page);
                    self.cache.in_memory -= 1;
                    evicted.push((*number, page as u32));
                }
            }
        }
        self.cache.clean.clear();
        self.note_evicted(&evicted);
    }

    /// Starts to count anew, as the configuration says.
    pub(super) fn count_pages(&mut self) {
        self.cache.clear();
        for (number, file) in self.files.iter_mut().filter(|(number, _)| !self.ghosts.contains(number)) {
            self.cache.count_file(*number, file);
        }
        self.shrink_cache();
    }

    /// Neighbours are one change.
    fn note_evicted(&mut self, evicted: &[(u32, u32)]) {
        self.cache.counters.evicted += evicted.len() as u64;
        for run in evicted.chunk_by(|a, b| a.0 == b.0 && a.1 + 1 == b.1) {
            let (number, first_page) = run[0];
            let pages = run.len() as u32;
            self.note_of(number, |file| DiskChange::Evicted { path: file.path.clone(), first_page, pages });
        }
    }
}

/// The runs of pages in a state: first page and count.
fn runs(file: &File, state: PageState) -> Vec<(u32, u32)> {
    let pages: Vec<u32> =
        (0..file.pages.len() as u32).filter(|page| file.pages[*page as usize].state == state).collect();
    pages.chunk_by(|a, b| a + 1 == *b).map(|run| (run[0], run.len() as u32)).collect()
}
