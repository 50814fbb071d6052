//! What a power failure leaves.
//!
//! Without torn writes: exactly what was synced or written back. With them, anything that a file system may leave of a
//! write that nobody waited for: a prefix of what was new; a length that has grown over zeros; pages of which some sectors
//! arrived, or that hold what somebody else's file held before. What was synced is never among it.

use super::{
    Disk, DiskChange,
    file::{File, Page},
    tree::{Node, Tree},
};
use alloc::vec::Vec;
use bytes::Bytes;
use naru_trace::{PAGE_BYTES, PageState};
use naru_trace::{SortedMap, SortedSet};

/// What a disk writes in one piece, in bytes.
const SECTOR_BYTES: usize = 512;

impl Disk {
    pub(super) fn lose_power(&mut self, mut torn: Option<&mut dyn FnMut(u64) -> u64>) {
        self.buffered.clear();
        self.open.clear();
        self.tree.lose_power(|pending| torn.as_mut().map_or(0, |below| below(pending + 1)));
        for file in self.files.values_mut() {
            file.buffered.clear();
            file.buffered_length = 0;
            if let Some(below) = &mut torn {
                file.tear(below);
            }
            file.restart();
        }
        self.name_files();
        self.cache.clear();
        self.used = self.files.values().map(|file| file.bytes.len() as u64).sum();
        if self.changes.is_some() {
            let contents = |file: &File| (file.path.clone(), Bytes::copy_from_slice(&file.bytes));
            let files: SortedMap<_, _> = self.files.values().map(contents).collect();
            self.note(|| DiskChange::PowerLost { files });
        }
    }

    /// Files have the names that are left; files without one are gone.
    fn name_files(&mut self) {
        self.tree.sweep();
        let mut named = SortedSet::new();
        for (path, node) in self.tree.below(Tree::ROOT, "") {
            if let Node::File(number) = node {
                let file = self.files.get_mut(&number).expect("names lead to files");
                (file.path, file.linked) = (path, true);
                named.insert(number);
            }
        }
        self.files.retain(|number, _| named.contains(number));
        self.ghosts.clear();
    }
}

impl File {
    /// The disk is all there is.
    fn restart(&mut self) {
        self.bytes.clone_from(&self.disk);
        self.synced = self.bytes.len() as u64;
        self.pages.clear();
        self.pages.resize(self.bytes.len().div_ceil(PAGE_BYTES as usize), Page::ON_DISK);
        self.dirty_since = None;
        self.read_end = 0;
    }

    /// Some of what was on its way has arrived.
    fn tear(&mut self, below: &mut &mut dyn FnMut(u64) -> u64) {
        if self.dirty_since.is_none() {
            return;
        }
        match below(4) {
            0 => {}
            1 => self.keep_prefix(below),
            2 => self.keep_pages(below),
            _ => {
                self.keep_length(self.bytes.len());
                self.dirty_pages().into_iter().for_each(|page| self.write_page(page));
            }
        }
    }

    fn dirty_pages(&self) -> Vec<usize> {
        (0..self.pages.len()).filter(|page| self.pages[*page].state == PageState::Dirty).collect()
    }

    /// New bytes, up to any of them.
    fn keep_prefix(&mut self, below: &mut &mut dyn FnMut(u64) -> u64) {
        let (old, new) = (self.disk.len(), self.bytes.len());
        let mut end = old + below(new.saturating_sub(old) as u64 + 1) as usize;
        // What a failed sync lost is not on its way.
        while let Some(lost) = (old..end).find(|at| self.pages[at / PAGE_BYTES as usize].lost) {
            end = lost;
        }
        if end > old {
            self.disk.extend_from_slice(&self.bytes[old..end]);
        }
    }

    /// The length has grown, and each page has arrived or has not.
    fn keep_pages(&mut self, below: &mut &mut dyn FnMut(u64) -> u64) {
        let (old, new) = (self.disk.len(), self.bytes.len());
        let length = if new > old { old + below((new - old) as u64 + 1) as usize } else { new };
        self.keep_length(length);
        for page in self.dirty_pages() {
            let start = page * PAGE_BYTES as usize;
            let end = (start + PAGE_BYTES as usize).min(length);
            if start >= end {
                break;
            }
            let arrived = match below(8) {
                0..4 => end - start,
                4..6 => (below(8) as usize * SECTOR_BYTES).min(end - start),
                _ => 0,
            };
            self.disk[start..start + arrived].copy_from_slice(&self.bytes[start..start + arrived]);
            let fresh = old.max(start + arrived);
            if below(8) == 0 && fresh < end {
                self.disk[fresh..end].iter_mut().for_each(|byte| *byte = below(256) as u8);
            }
        }
    }

    fn keep_length(&mut self, length: usize) {
        self.disk.resize(length, 0);
    }
}
