//! The brokers' disks in the world: what they cost, how they fail, and what is told of them.
//!
//! A trip to the disk takes time, and the responses of the turn that needed it leave later for it. What is dirty is written
//! back after a while. All chance in this comes from a stream of its own: a world without faults of disks is the same
//! with and without this file. How a disk behaves in itself is in `naru_log::memory`.

use crate::{
    DiskJournal, Rng,
    nodes::BrokerSlot,
    world::{Happening, QueueKey, World},
};
use alloc::{boxed::Box, string::ToString};
use naru_log::{CacheConfig, DiskChange, MemoryStorage};
use naru_trace::{Actor, DiskView, Name, Seq, TraceKind};

/// How the disks of a world work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskConfig {
    /// The page cache.
    pub cache: CacheConfig,
    /// How long a trip to the disk takes, in microseconds.
    pub trip_us: u64,
    /// How long a page may be dirty before it is written back, in microseconds (`vm.dirty_expire_centisecs`); `None`: for
    /// ever.
    pub write_back_us: Option<u64>,
}

impl DiskConfig {
    /// A small machine with a hard disk, in which everything can be seen happening: 256 pages (1 MiB) of memory, 8 pages
    /// read ahead, 8 ms for a trip, 30 s until dirty pages are written back (Linux' default).
    pub const HARD_DISK: DiskConfig = DiskConfig {
        cache: CacheConfig { pages_max: Some(256), read_ahead: 8 },
        trip_us: 8_000,
        write_back_us: Some(30_000_000),
    };
}

/// What the world knows of a broker's disk besides what is on it.
#[derive(Debug, Default)]
pub(crate) struct DiskState {
    pub(crate) full: bool,
    pub(crate) slow_us: u64,
    pub(crate) sync_fails: bool,
    /// Whether anything was told of it.
    shown: bool,
    /// Trips that have been paid for.
    trips_paid: u64,
    write_back: Option<QueueKey>,
}

impl BrokerSlot {
    /// The disk as a picture; `None` if nothing was told of it.
    pub(crate) fn disk_view(&self) -> Option<DiskView> {
        self.disk_state.shown.then(|| self.whole_disk_view())
    }

    /// Another disk is in its place. Returns what was to be done to the old one.
    pub(crate) fn replace_disk(&mut self, disk: MemoryStorage) -> Option<QueueKey> {
        self.disk = disk;
        let shown = self.disk_state.shown;
        core::mem::replace(&mut self.disk_state, DiskState { shown, ..DiskState::default() }).write_back
    }

    fn whole_disk_view(&self) -> DiskView {
        let DiskState { full, slow_us, sync_fails, .. } = self.disk_state;
        DiskView { full, slow_us, sync_fails, ..self.disk.view() }
    }
}

impl World {
    /// Every change of what is on the disks. Empty unless the world shows them.
    pub fn journal(&self) -> &DiskJournal {
        &self.journal
    }

    /// Takes the journal out.
    pub fn take_journal(&mut self) -> DiskJournal {
        core::mem::take(&mut self.journal)
    }

    /// A new broker's disk works as the world's do.
    pub(crate) fn set_up_disk(&mut self, id: i32) {
        let slot = &self.brokers[&id];
        slot.disk.set_cache(self.config.disk.cache);
        slot.disk.watch(self.config.show_disk && self.config.record);
    }

    /// The broker is about to do something.
    pub(crate) fn wake_disk(&mut self, id: i32) {
        if let Some(slot) = self.brokers.get(&id) {
            slot.disk.set_time(self.now.0);
        }
    }

    /// Tells what happened on a disk since the last time, because of `cause`.
    pub(crate) fn tell_of_disk(&mut self, id: i32, cause: Option<Seq>) {
        let Some(slot) = self.brokers.get_mut(&id) else { return };
        let changes = slot.disk.take_changes();
        if changes.is_empty() {
            return;
        }
        slot.disk_state.shown = true;
        self.touched.insert(Actor::Broker(id));
        let before = self.trace.cause();
        self.trace.enter(Actor::World, self.now, cause);
        for change in changes {
            let slot = &self.brokers[&id];
            let told = self.trace.emit(|| kind_of(id, slot, &change));
            if let Some(seq) = told {
                self.journal.push(seq, id, change);
            }
        }
        self.trace.because(before);
    }

    /// How long the broker's last turn waited for the disk, in microseconds.
    pub(crate) fn pay_for_trips(&mut self, id: i32) -> u64 {
        let Some(slot) = self.brokers.get_mut(&id) else { return 0 };
        let trips = slot.disk.counters().trips;
        let new = trips - core::mem::replace(&mut slot.disk_state.trips_paid, trips);
        new * (self.config.disk.trip_us + slot.disk_state.slow_us)
    }

    /// Sees to it that dirty pages are written back when they are old.
    pub(crate) fn note_write_back(&mut self, id: i32) {
        let Some(after) = self.config.disk.write_back_us else { return };
        let Some(slot) = self.brokers.get(&id).filter(|slot| slot.disk_state.write_back.is_none()) else { return };
        let Some(since) = slot.disk.dirty_since() else { return };
        let at = naru_trace::Micros(since).plus(after).max(self.now);
        let key = self.enqueue(at, Happening::WriteBack { broker: id });
        self.brokers.get_mut(&id).expect("just looked").disk_state.write_back = Some(key);
    }

    pub(crate) fn on_write_back(&mut self, id: i32) {
        let Some(after) = self.config.disk.write_back_us else { return };
        let Some(slot) = self.brokers.get_mut(&id) else { return };
        slot.disk_state.write_back = None;
        slot.disk.write_back(self.now.0.saturating_sub(after));
        self.tell_of_disk(id, None);
        self.note_write_back(id);
    }

    /// The machine loses power: its process ends, and all that was only in memory is gone.
    pub(crate) fn lose_power(&mut self, id: i32, torn: bool, cause: Option<Seq>) {
        let Some(slot) = self.brokers.get_mut(&id) else { return };
        let was_up = slot.broker.is_some();
        slot.end_process();
        let old_key = slot.disk_state.write_back.take();
        let (disk, rng) = (&slot.disk, &mut self.disk_rng);
        let mut below = |bound| rng.below(bound);
        disk.lose_power(if torn { Some(&mut below) } else { None });
        if let Some(key) = old_key {
            self.dequeue(key);
        }
        let lost = if self.config.show_disk {
            self.tell_of_disk(id, cause);
            self.trace.next_seq().checked_sub(1)
        } else {
            self.trace.enter(Actor::World, self.now, cause);
            self.trace.emit(|| TraceKind::PowerLost { broker: id, disk: Box::default() })
        };
        if was_up {
            self.end_of_process(id, lost);
        }
    }

    /// Somebody changed how the disk fails.
    pub(crate) fn set_disk_fault(&mut self, id: i32, cause: Option<Seq>, set: impl FnOnce(&mut BrokerSlot)) {
        let Some(slot) = self.brokers.get_mut(&id) else { return };
        set(slot);
        if !self.config.show_disk {
            return;
        }
        slot.disk_state.shown = true;
        let DiskState { full, slow_us, sync_fails, .. } = slot.disk_state;
        self.touched.insert(Actor::Broker(id));
        self.trace.enter(Actor::World, self.now, cause);
        self.trace.emit(|| TraceKind::DiskFaultSet { broker: id, full, slow_us, sync_fails });
    }

    pub(crate) fn drop_caches(&mut self, id: i32, cause: Option<Seq>) {
        let Some(slot) = self.brokers.get(&id) else { return };
        slot.disk.drop_caches();
        self.tell_of_disk(id, cause);
    }

    pub(crate) fn edit_byte(&mut self, id: i32, (path, position, value): (&str, u64, u8), cause: Option<Seq>) {
        let Some(slot) = self.brokers.get(&id) else { return };
        // A file that does not have the byte stays as it is.
        let _ = slot.disk.edit_byte(path, position, value);
        self.tell_of_disk(id, cause);
    }
}

/// The stream that chance of disks comes from.
pub(crate) fn rng(seed: u64) -> Rng {
    Rng::new(seed ^ 0x6469_736b_7320_2020)
}

/// The event that tells of a change.
fn kind_of(broker: i32, slot: &BrokerSlot, change: &DiskChange) -> TraceKind {
    match change {
        DiskChange::Created { path } => TraceKind::FileCreated { broker, path: path.clone() },
        DiskChange::Written { path, position, bytes } => {
            let (path, position, bytes) = (path.clone(), *position, bytes.len() as u64);
            TraceKind::FileWritten { broker, path, position, bytes }
        }
        DiskChange::Truncated { path, length } => {
            TraceKind::FileTruncated { broker, path: path.clone(), length: *length }
        }
        DiskChange::Replaced { path, bytes } => {
            TraceKind::FileReplaced { broker, path: path.clone(), length: bytes.len() as u64 }
        }
        DiskChange::Renamed { from, to } => TraceKind::FileRenamed { broker, from: from.clone(), to: to.clone() },
        DiskChange::Removed { path } => TraceKind::FileRemoved { broker, path: path.clone() },
        DiskChange::Synced { path, pages } => TraceKind::FileSynced { broker, path: path.clone(), pages: *pages },
        DiskChange::SyncFailed { path, pages } => TraceKind::SyncFailed { broker, path: path.clone(), pages: *pages },
        DiskChange::Read { path, first_page, pages, misses, read_ahead } => {
            let (path, first_page, pages) = (path.to_string(), *first_page, *pages);
            TraceKind::PagesRead { broker, path, first_page, pages, misses: *misses, read_ahead: *read_ahead }
        }
        DiskChange::WrittenBack { path, first_page, pages, because } => {
            let (path, because) = (path.to_string(), Name::Borrowed(because));
            TraceKind::PagesWrittenBack { broker, path, first_page: *first_page, pages: *pages, because }
        }
        DiskChange::Evicted { path, first_page, pages } => {
            TraceKind::PagesEvicted { broker, path: path.clone(), first_page: *first_page, pages: *pages }
        }
        // Nothing has happened to the disk since: what it is like now is what was left.
        DiskChange::PowerLost { .. } => TraceKind::PowerLost { broker, disk: Box::new(slot.whole_disk_view()) },
        DiskChange::Edited { path, position, before, after } => {
            let (path, position, before, after) = (path.clone(), *position, *before, *after);
            TraceKind::ByteEdited { broker, path, position, before, after }
        }
    }
}
