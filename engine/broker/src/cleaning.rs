//! When which compacted log is cleaned, and the driving of it (LogCleaner.scala, LogCleanerManager.scala).
//!
//! One log at a time, the dirtiest first, and of that a small piece for each [`crate::Input::Tick`], so that requests never
//! wait for it. While there is work, the next deadline is now; when there was nothing to clean, it is
//! `log.cleaner.backoff.ms` later. How far each log was cleaned is in `cleaner-offset-checkpoint` of its log directory.
//!
//! A cleaning that fails takes nothing: it is tried again later, or, if the log is damaged, never. Only when segments were
//! being replaced, or when syncing failed, is the partition taken offline. How a log is cleaned is [`naru_log::clean`]'s.

use crate::{
    config::CleanerConfig,
    data_dir::read_text,
    effect::Effect,
    topics::{Partition, PartitionKey, Topic, TopicKey},
    turn::Turn,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_log::{
    FileId, Log, Storage, StorageError, TopicPartition, checkpoint,
    clean::{CleanError, Cleanable, Cleaned, Cleaner, CleanerOptions, DigestSecret, Progress},
};
use naru_records::DecompressLimit;
use naru_trace::{Deadline, Micros, TraceKind};
use naru_trace::{SortedMap, SortedSet};

/// How much of a log is read in one step.
const STEP_BYTES: u32 = 256 << 10;
/// `log.cleaner.io.buffer.load.factor`: Kafka's default.
const LOAD_PERCENT: u8 = 90;
/// Tickets for syncing, apart from everybody else's.
const TICKET: u64 = 1 << 62;

/// What is known of compaction.
#[derive(Debug)]
pub(crate) struct Cleaning {
    config: CleanerConfig,
    /// Drawn when it is needed first.
    secret: Option<DigestSecret>,
    current: Option<Current>,
    /// When to go on, or to look for something to clean. `None` while no topic is compacted.
    next: Option<Micros>,
    /// The first dirty offset of each log, by log directory.
    checkpoints: SortedMap<String, SortedMap<TopicPartition, i64>>,
    /// Partitions that cannot be cleaned, until the next start.
    uncleanable: SortedSet<PartitionKey>,
    /// Partitions whose cleaning was given up: their turn comes again when no other is due.
    given_up: SortedSet<PartitionKey>,
    tickets: u64,
}

/// The cleaning under way.
#[derive(Debug)]
struct Current {
    key: PartitionKey,
    id: TopicPartition,
    cleaner: Cleaner,
    /// Nothing goes on before these files are synced.
    ticket: Option<u64>,
}

impl Cleaning {
    pub(crate) fn new(config: CleanerConfig) -> Self {
        Cleaning {
            config,
            secret: None,
            current: None,
            next: None,
            checkpoints: SortedMap::new(),
            uncleanable: SortedSet::new(),
            given_up: SortedSet::new(),
            tickets: TICKET,
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        let is_waiting = self.current.as_ref().is_some_and(|current| current.ticket.is_some());
        let at = self.next.filter(|_| !is_waiting)?;
        Some(Deadline { at, reason: "log.cleaner" })
    }

    /// A topic is compacted now, perhaps the first.
    pub(crate) fn on_compacted_topic(&mut self, now: Micros) {
        if self.config.enable && self.next.is_none() {
            self.next = Some(now.plus(self.backoff_us()));
        }
    }

    /// Whether the cleaning under way writes to this file.
    pub(crate) fn owns_file(&self, file: FileId) -> bool {
        self.current.as_ref().is_some_and(|current| current.cleaner.owns_file(file))
    }

    /// The broker stops.
    pub(crate) fn close(&mut self, storage: &mut dyn Storage) {
        // What cannot be removed now is removed by the next start.
        drop(self.current.take().map(|current| current.cleaner.abort(storage)));
    }

    fn backoff_us(&self) -> u64 {
        self.config.backoff_ms.saturating_mul(1_000)
    }

    /// How long reading so many bytes has to take.
    fn pace_us(&self, bytes: u32) -> u64 {
        u64::from(bytes).saturating_mul(1_000_000) / self.config.io_bytes_per_second_max.max(1)
    }

    /// How far a log was cleaned, if ever.
    pub(crate) fn checkpoint(&mut self, parent: &str, id: &TopicPartition, storage: &dyn Storage) -> Option<i64> {
        let offsets = self.checkpoints.entry(parent.into()).or_insert_with(|| read_checkpoints(parent, storage));
        offsets.get(id).copied()
    }
}

impl Turn<'_> {
    /// Does a piece of work if it is time.
    pub(crate) fn clean_logs(&mut self) {
        let cleaning = &self.state.cleaning;
        if cleaning.next_deadline().is_none_or(|deadline| deadline.at > self.now.monotonic) {
            return;
        }
        if cleaning.current.is_none() {
            self.choose_log();
        }
        self.clean_some();
    }

    /// The files of the cleaning under way are on disk, or could not be brought there. `false`: the ticket is not its.
    pub(crate) fn on_cleaning_synced(&mut self, ticket: u64, result: &Result<(), StorageError>) -> bool {
        if ticket < TICKET {
            return false;
        }
        let cleaning = &mut self.state.cleaning;
        let Some(current) = cleaning.current.as_mut().filter(|current| current.ticket == Some(ticket)) else {
            return true;
        };
        current.ticket = None;
        match result {
            Ok(()) => current.cleaner.on_synced(),
            // Nobody knows what of the log is on disk.
            Err(error) => {
                let (key, reason) = (current.key, error.to_string());
                self.give_up(&format!("{reason}."), false);
                self.fail(key, &reason);
            }
        }
        true
    }

    /// A write of the cleaning under way failed: a full disk, perhaps. The log itself is whole.
    pub(crate) fn on_cleaning_write_failed(&mut self, error: &StorageError) {
        self.give_up(&format!("{error}."), false);
    }

    /// A partition is going offline or away, or is no longer to be cleaned.
    pub(crate) fn stop_cleaning(&mut self, is_it: impl Fn(PartitionKey) -> bool, reason: &str) {
        let cleaning = &mut self.state.cleaning;
        if cleaning.current.as_ref().is_some_and(|current| is_it(current.key)) {
            self.give_up(reason, false);
        }
    }

    /// A topic is gone: one of the same name begins anew.
    pub(crate) fn forget_checkpoints(&mut self, topic: &Topic) {
        let Turn { state, storage, .. } = self;
        for log in topic.partitions.iter().filter_map(Partition::log) {
            // Reads the file, if nobody has done so yet.
            state.cleaning.checkpoint(parent_of(log), log.id(), *storage);
        }
        for (parent, offsets) in &mut state.cleaning.checkpoints {
            let before = offsets.len();
            offsets.retain(|id, _| id.topic != topic.name.as_str());
            if offsets.len() < before {
                // When it cannot be written, an offset outside of the new log counts for nothing.
                drop(write_checkpoints(parent, offsets, *storage));
            }
        }
    }

    /// Begins with the dirtiest log that is due, or waits.
    fn choose_log(&mut self) {
        let dirtiest = self.dirtiest_log().or_else(|| {
            self.state.cleaning.given_up.clear();
            self.dirtiest_log()
        });
        let Some((key, cleanable)) = dirtiest else {
            let topics = self.state.topics.iter();
            let has_compacted = topics.into_iter().any(|topic| topic.settings.log.cleanup.compact);
            let cleaning = &mut self.state.cleaning;
            cleaning.next = has_compacted.then(|| self.now.monotonic.plus(cleaning.backoff_us()));
            return;
        };
        let (cleaning, random) = (&mut self.state.cleaning, &mut self.state.random);
        let secret = *cleaning.secret.get_or_insert_with(|| DigestSecret(random.next(), random.next()));
        let options = CleanerOptions {
            dedupe_buffer_bytes: cleaning.config.dedupe_buffer_bytes,
            load_percent: LOAD_PERCENT,
            secret,
            decompress_limit: DecompressLimit::default(),
        };
        let Some(log) = self.state.topics.partition(key).and_then(Partition::log) else { return };
        let cleaner = Cleaner::start(log, &cleanable, options, self.now.wall_ms, &mut self.out.trace);
        cleaning.current = Some(Current { key, id: log.id().clone(), cleaner, ticket: None });
    }

    fn dirtiest_log(&mut self) -> Option<(PartitionKey, Cleanable)> {
        let mut dirtiest: Option<(PartitionKey, Cleanable)> = None;
        for key in self.compacted_partitions() {
            let Turn { state, storage, now, .. } = self;
            let Some(partition) = state.topics.partition(key) else { continue };
            let is_left_alone = state.cleaning.uncleanable.contains(&key) || state.cleaning.given_up.contains(&key);
            let Some(log) = partition.log().filter(|_| !is_left_alone) else { continue };
            let checkpoint = state.cleaning.checkpoint(parent_of(log), log.id(), *storage);
            let (high_watermark, now_ms) = (partition.high_watermark, now.wall_ms);
            // A log that cannot be read is found out by whoever reads it next.
            let Ok(cleanable) = log.cleanable(checkpoint, high_watermark, now_ms, *storage) else { continue };
            let is_dirtier = dirtiest.is_none_or(|(_, dirtiest)| cleanable.dirty_ppm() > dirtiest.dirty_ppm());
            if is_dirtier && cleanable.is_due(log.config().min_cleanable_dirty_ppm) {
                dirtiest = Some((key, cleanable));
            }
        }
        dirtiest
    }

    fn compacted_partitions(&mut self) -> Vec<PartitionKey> {
        let compacted = self.state.topics.iter_mut().filter(|(_, topic)| topic.settings.log.cleanup.compact);
        let keys = |(topic, entry): (TopicKey, &mut Topic)| {
            (0..entry.partitions.len() as i32).map(move |partition| PartitionKey { topic, partition })
        };
        compacted.flat_map(keys).collect()
    }

    /// One step of the cleaning under way.
    fn clean_some(&mut self) {
        let Turn { state, storage, now, out } = self;
        let Some(current) = &mut state.cleaning.current else { return };
        let key = current.key;
        let Some(log) = state.topics.partition_mut(key).and_then(Partition::log_mut) else { return };
        match current.cleaner.step(STEP_BYTES, log, *storage, &mut out.trace) {
            Ok(Progress::Working) => state.cleaning.next = Some(now.monotonic.plus(state.cleaning.pace_us(STEP_BYTES))),
            Ok(Progress::Sync(files)) => {
                let ticket = state.cleaning.tickets;
                state.cleaning.tickets += 1;
                current.ticket = Some(ticket);
                out.effects.push(Effect::Sync { ticket, files });
            }
            Ok(Progress::Done(cleaned)) => self.finish_cleaning(&cleaned),
            Err(error) => self.on_clean_error(key, &error),
        }
    }

    fn finish_cleaning(&mut self, cleaned: &Cleaned) {
        let Some(current) = self.state.cleaning.current.take() else { return };
        self.state.upkeep.remove_files_by(self.now.monotonic);
        // At once the next log, if one is due.
        self.state.cleaning.next = Some(self.now.monotonic);
        self.note_cleaned(current.key, cleaned.first_dirty_offset);
    }

    /// A log is clean up to this offset. Written down if that is new.
    fn note_cleaned(&mut self, key: PartitionKey, first_dirty_offset: i64) {
        let Turn { state, storage, .. } = self;
        let Some(log) = state.topics.partition(key).and_then(Partition::log) else { return };
        let parent = parent_of(log);
        let offsets = state.cleaning.checkpoints.entry(parent.into()).or_default();
        if offsets.insert(log.id().clone(), first_dirty_offset) != Some(first_dirty_offset) {
            // When it cannot be written, the next start cleans once more what is clean already.
            drop(write_checkpoints(parent, offsets, *storage));
        }
    }

    fn on_clean_error(&mut self, key: PartitionKey, error: &CleanError) {
        let is_hopeless = matches!(error, CleanError::Corrupt(_));
        self.give_up(&error.to_string(), is_hopeless);
        if is_hopeless {
            self.state.cleaning.uncleanable.insert(key);
        }
        if let CleanError::Swap(error) = error {
            self.fail(key, &error.to_string());
        }
    }

    fn give_up(&mut self, reason: &str, uncleanable: bool) {
        let Turn { state, storage, now, out } = self;
        let Some(current) = state.cleaning.current.take() else { return };
        state.cleaning.given_up.insert(current.key);
        state.cleaning.next = Some(now.monotonic.plus(state.cleaning.backoff_us()));
        let first_dirty_offset = current.cleaner.first_dirty_offset();
        // What cannot be removed now is removed before the next cleaning, or by the next start.
        drop(current.cleaner.abort(*storage));
        state.upkeep.remove_files_by(now.monotonic);
        out.trace.emit(|| TraceKind::CleaningAborted {
            topic: current.id.topic,
            partition: current.id.partition,
            reason: reason.into(),
            uncleanable,
        });
        self.note_cleaned(current.key, first_dirty_offset);
    }
}

/// Where the log directory is mounted in which a log lies.
fn parent_of(log: &Log) -> &str {
    log.directory().rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn checkpoint_path(parent: &str) -> String {
    match parent {
        "" => checkpoint::CLEANER_OFFSETS.into(),
        parent => format!("{parent}/{}", checkpoint::CLEANER_OFFSETS),
    }
}

/// A file that is not there or says nothing that can be understood: then everything is dirty.
fn read_checkpoints(parent: &str, storage: &dyn Storage) -> SortedMap<TopicPartition, i64> {
    let text = read_text(storage, &checkpoint_path(parent)).ok().flatten();
    text.and_then(|text| checkpoint::parse(&text).ok()).unwrap_or_default()
}

fn write_checkpoints(
    parent: &str,
    offsets: &SortedMap<TopicPartition, i64>,
    storage: &mut dyn Storage,
) -> Result<(), StorageError> {
    storage.replace_file(&checkpoint_path(parent), checkpoint::text(offsets).as_bytes())
}
