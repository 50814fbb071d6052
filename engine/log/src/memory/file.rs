//! One file: bytes buffered in the process, bytes as the operating system shows them page by page, bytes on the disk.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use bytes::Bytes;
use naru_trace::{FileView, PAGE_BYTES, PageState, pages_of};

#[derive(Debug, Default)]
pub(super) struct File {
    /// Its name, for messages and faults: the last one it had.
    pub(super) path: String,
    /// Whether it still has a name.
    pub(super) linked: bool,
    /// What the process has not handed over yet.
    pub(super) buffered: Vec<Bytes>,
    pub(super) buffered_length: u64,
    /// What whoever reads it sees.
    pub(super) bytes: Vec<u8>,
    /// Where the pages of `bytes` are.
    pub(super) pages: Vec<Page>,
    /// What the disk has.
    pub(super) disk: Vec<u8>,
    /// How many bytes from the first one on are known to be on the disk.
    pub(super) synced: u64,
    /// Since when, in microseconds, something of it is newer than on the disk.
    pub(super) dirty_since: Option<u64>,
    /// The page after the last one that was read: whoever goes on there reads in order.
    pub(super) read_end: u32,
}

/// One page of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) state: PageState,
    /// Its place in the order of use.
    pub(super) used: u64,
    /// It counts as clean, but the disk never got it: its sync failed.
    pub(super) lost: bool,
}

impl Page {
    pub(super) const CLEAN: Page = Page { state: PageState::Clean, used: 0, lost: false };
    pub(super) const ON_DISK: Page = Page { state: PageState::OnDisk, used: 0, lost: false };
}

impl File {
    /// Length in bytes, with what is buffered.
    pub(super) fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.buffered_length
    }

    pub(super) fn read(&self, position: u64, length: u32) -> Bytes {
        let start = position.min(self.length()) as usize;
        let end = position.saturating_add(u64::from(length)).min(self.length()) as usize;
        if end <= self.bytes.len() {
            return Bytes::copy_from_slice(&self.bytes[start..end]);
        }
        let mut out = Vec::with_capacity(end - start);
        let mut chunk_start = 0;
        for chunk in core::iter::once(&self.bytes[..]).chain(self.buffered.iter().map(|bytes| &bytes[..])) {
            let from = start.clamp(chunk_start, chunk_start + chunk.len()) - chunk_start;
            let to = end.clamp(chunk_start, chunk_start + chunk.len()) - chunk_start;
            out.extend_from_slice(&chunk[from..to]);
            chunk_start += chunk.len();
        }
        Bytes::from(out)
    }

    /// New contents, in memory and on the disk.
    pub(super) fn replace(&mut self, contents: &[u8]) {
        self.bytes = contents.to_owned();
        self.disk = contents.to_owned();
        self.synced = contents.len() as u64;
        self.pages.clear();
        self.pages.resize(pages_of(self.synced) as usize, Page::CLEAN);
        self.dirty_since = None;
    }

    /// Brings one page to the disk.
    pub(super) fn write_page(&mut self, page: usize) {
        let start = page * PAGE_BYTES as usize;
        let end = (start + PAGE_BYTES as usize).min(self.bytes.len());
        if self.disk.len() < end {
            self.disk.resize(end, 0);
        }
        self.disk[start..end].copy_from_slice(&self.bytes[start..end]);
    }

    /// The disk learns the file's length.
    pub(super) fn write_length(&mut self) {
        self.disk.resize(self.bytes.len(), 0);
    }

    /// Memory forgets a page; what is shown from now on is what the disk has.
    pub(super) fn forget_page(&mut self, page: usize) {
        let lost = core::mem::take(&mut self.pages[page].lost);
        self.pages[page].state = PageState::OnDisk;
        if !lost {
            return;
        }
        let start = page * PAGE_BYTES as usize;
        let end = (start + PAGE_BYTES as usize).min(self.bytes.len());
        for index in start..end {
            self.bytes[index] = self.disk.get(index).copied().unwrap_or(0);
        }
    }

    /// How many bytes, from the first one on, the disk has. Pages that a failed sync lost end it.
    pub(super) fn safe_prefix(&self) -> u64 {
        let unsafe_page = self.pages.iter().position(|page| page.lost || page.state == PageState::Dirty);
        let length = self.bytes.len() as u64;
        unsafe_page.map_or(length, |page| length.min(page as u64 * PAGE_BYTES))
    }

    pub(super) fn view(&self) -> FileView {
        let mut view = FileView { length: self.bytes.len() as u64, pages: Vec::new() };
        self.pages.iter().for_each(|page| view.push_pages(page.state, 1));
        view
    }
}
