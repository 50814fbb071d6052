//! A broker's disk as a picture: which files there are, and which of their pages are in memory.
//!
//! The operating system keeps files in pages of [`PAGE_BYTES`]. A page that is in memory is read without the disk; a page
//! that was written and is only in memory is lost in a power failure. The world tells of it only when it is asked to
//! (`WorldConfig::show_disk`): it is many events. Deliberately not here: what is in the files. Bytes do not belong into
//! events; the simulation keeps a journal of them.

use crate::kind::TraceKind;
use crate::sorted::SortedMap;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// The length of a page in bytes.
pub const PAGE_BYTES: u64 = 4096;

/// One broker's disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiskView {
    /// Files by path, relative to the data directory: `orders-0/00000000000000000000.log`.
    pub files: SortedMap<String, FileView>,
    /// Whether there is no room.
    pub full: bool,
    /// By how much every access to the disk is slower than usual, in microseconds.
    pub slow_us: u64,
    /// Whether files cannot be brought safely to disk: `fsync` fails.
    pub sync_fails: bool,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileView {
    /// Its length in bytes, as far as it was handed to the operating system.
    pub length: u64,
    /// Its pages, first to last. Neighbours of one state are one run.
    pub pages: Vec<PageRun>,
}

/// Neighbouring pages of one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PageRun {
    /// Their state.
    pub state: PageState,
    /// How many.
    pub count: u32,
}

/// Where a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// On the disk only. Reading it costs a trip there.
    OnDisk,
    /// In memory, and the same on the disk.
    Clean,
    /// In memory, and newer than what the disk has.
    Dirty,
}

/// How many pages `bytes` take.
pub fn pages_of(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PAGE_BYTES)).unwrap_or(u32::MAX)
}

impl FileView {
    /// The state of one page; `None` behind the end.
    pub fn page(&self, page: u32) -> Option<PageState> {
        let mut end = 0u32;
        self.pages.iter().find_map(|run| {
            end += run.count;
            (page < end).then_some(run.state)
        })
    }

    /// How many pages are in this state.
    pub fn count(&self, state: PageState) -> u32 {
        self.pages.iter().filter(|run| run.state == state).map(|run| run.count).sum()
    }

    /// Adds pages at the end.
    pub fn push_pages(&mut self, state: PageState, count: u32) {
        match self.pages.last_mut() {
            _ if count == 0 => {}
            Some(last) if last.state == state => last.count += count,
            _ => self.pages.push(PageRun { state, count }),
        }
    }

    /// Puts the pages from `first` up to `end` that are in a state of which `from` holds into the state `to`.
    fn change(&mut self, first: u32, end: u32, from: impl Fn(PageState) -> bool, to: PageState) {
        let mut start = 0u32;
        for run in core::mem::take(&mut self.pages) {
            let stop = start + run.count;
            let (inner, outer) = (first.clamp(start, stop), end.clamp(start, stop).max(first.clamp(start, stop)));
            let state = if from(run.state) { to } else { run.state };
            self.push_pages(run.state, inner - start);
            self.push_pages(state, outer - inner);
            self.push_pages(run.state, stop - outer);
            start = stop;
        }
    }

    /// The file ends after so many bytes; new pages are dirty.
    fn resize(&mut self, length: u64) {
        self.length = length;
        let (wanted, mut have) = (pages_of(length), 0);
        for run in core::mem::take(&mut self.pages) {
            self.push_pages(run.state, run.count.min(wanted.saturating_sub(have)));
            have = have.saturating_add(run.count);
        }
        self.push_pages(PageState::Dirty, wanted.saturating_sub(have));
    }

    fn write(&mut self, position: u64, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let end = position.saturating_add(bytes);
        self.resize(self.length.max(end));
        self.change((position / PAGE_BYTES) as u32, pages_of(end), |_| true, PageState::Dirty);
    }

    fn truncate(&mut self, length: u64) {
        self.resize(length.min(self.length));
        // What is left of the last page is written again, with zeros behind it.
        if !self.length.is_multiple_of(PAGE_BYTES) {
            let pages = pages_of(self.length);
            self.change(pages - 1, pages, |_| true, PageState::Dirty);
        }
    }
}

/// The broker whose disk an event is about.
fn broker_of(kind: &TraceKind) -> Option<i32> {
    match kind {
        TraceKind::FileCreated { broker, .. }
        | TraceKind::FileWritten { broker, .. }
        | TraceKind::FileTruncated { broker, .. }
        | TraceKind::FileReplaced { broker, .. }
        | TraceKind::FileRenamed { broker, .. }
        | TraceKind::FileRemoved { broker, .. }
        | TraceKind::FileSynced { broker, .. }
        | TraceKind::SyncFailed { broker, .. }
        | TraceKind::PagesRead { broker, .. }
        | TraceKind::PagesWrittenBack { broker, .. }
        | TraceKind::PagesEvicted { broker, .. }
        | TraceKind::PowerLost { broker, .. }
        | TraceKind::DiskLost { broker, .. }
        | TraceKind::ByteEdited { broker, .. }
        | TraceKind::DiskFaultSet { broker, .. } => Some(*broker),
        _ => None,
    }
}

/// Folds an event into the pictures of the disks. Events about anything else change nothing.
pub(crate) fn apply(disks: &mut SortedMap<i32, DiskView>, kind: &TraceKind) {
    match (broker_of(kind), kind) {
        (None, _) => {}
        // It is told of in every world; the disk is shown in some.
        (Some(broker), TraceKind::PowerLost { .. } | TraceKind::DiskLost { .. }) if !disks.contains_key(&broker) => {}
        (Some(broker), kind) => disks.entry(broker).or_default().apply(kind),
    }
}

impl DiskView {
    fn apply(&mut self, kind: &TraceKind) {
        match kind {
            TraceKind::FileCreated { path, .. } => {
                self.files.insert(path.clone(), FileView::default());
            }
            TraceKind::FileReplaced { path, length, .. } => {
                let mut file = FileView { length: *length, pages: Vec::new() };
                file.push_pages(PageState::Clean, pages_of(*length));
                self.files.insert(path.clone(), file);
            }
            TraceKind::FileRenamed { from, to, .. } => self.rename(from, to),
            TraceKind::FileRemoved { path, .. } => {
                let below = format!("{path}/");
                self.files.retain(|name, _| name != path && !name.starts_with(&below));
            }
            TraceKind::PowerLost { disk, .. } => self.clone_from(disk),
            TraceKind::DiskLost { .. } => *self = DiskView::default(),
            TraceKind::DiskFaultSet { full, slow_us, sync_fails, .. } => {
                (self.full, self.slow_us, self.sync_fails) = (*full, *slow_us, *sync_fails);
            }
            kind => self.apply_to_pages(kind),
        }
    }

    fn apply_to_pages(&mut self, kind: &TraceKind) {
        let (TraceKind::FileWritten { path, .. }
        | TraceKind::FileTruncated { path, .. }
        | TraceKind::FileSynced { path, .. }
        | TraceKind::SyncFailed { path, .. }
        | TraceKind::PagesRead { path, .. }
        | TraceKind::PagesWrittenBack { path, .. }
        | TraceKind::PagesEvicted { path, .. }) = kind
        else {
            return;
        };
        let Some(file) = self.files.get_mut(path) else { return };
        let is = |wanted: PageState| move |state: PageState| state == wanted;
        match kind {
            TraceKind::FileWritten { position, bytes, .. } => file.write(*position, *bytes),
            TraceKind::FileTruncated { length, .. } => file.truncate(*length),
            TraceKind::FileSynced { .. } | TraceKind::SyncFailed { .. } => {
                file.change(0, u32::MAX, is(PageState::Dirty), PageState::Clean)
            }
            TraceKind::PagesRead { first_page, pages, read_ahead, .. } => {
                let end = first_page.saturating_add(pages + read_ahead);
                file.change(*first_page, end, is(PageState::OnDisk), PageState::Clean);
            }
            TraceKind::PagesWrittenBack { first_page, pages, .. } => {
                file.change(*first_page, first_page + pages, is(PageState::Dirty), PageState::Clean);
            }
            TraceKind::PagesEvicted { first_page, pages, .. } => {
                file.change(*first_page, first_page + pages, is(PageState::Clean), PageState::OnDisk);
            }
            _ => {}
        }
    }

    /// A file, or a directory with all that is in it.
    fn rename(&mut self, from: &str, to: &str) {
        let below = format!("{from}/");
        let names: Vec<String> = self
            .files
            .keys()
            .filter(|name| *name == from || name.starts_with(&below))
            .map(ToString::to_string)
            .collect();
        for name in names {
            if let Some(file) = self.files.remove(&name) {
                self.files.insert(format!("{to}{}", &name[from.len()..]), file);
            }
        }
    }
}
