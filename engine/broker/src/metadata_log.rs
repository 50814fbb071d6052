//! `__cluster_metadata-0`: the log that the cluster's metadata lives in, and the way of a decision through it.
//!
//! ```text
//! decide ─► append ─► replay into the image ─► Effect::Sync ─► Input::Synced ─► publish ─► answer
//!           (records)  (the controller's view)                                  (topics that clients see)
//! ```
//!
//! The image runs ahead of the disk so that two requests for one name cannot both succeed. Clients see a topic, and get
//! their answer, only when it would survive a power failure (SEMANTICS 29: the metadata log *is* synced, unlike topics).
//!
//! Deliberately not a Raft log: a lone broker is its own quorum.

use crate::{effect::Effect, log_dirs::LogDir, turn::Turn};
use alloc::{collections::VecDeque, format, string::String, string::ToString, vec::Vec};
use bytes::{Bytes, BytesMut};
use naru_log::{Log, LogConfig, LogError, Opening, Slice, Storage, StorageError, TopicPartition};
use naru_metadata::{Image, MetadataRecord};
use naru_records::{Batch, BatchBuilder, Compression, DecompressLimit, RecordsError, batches};
use naru_trace::{Name, Seq, Trace, TraceKind};

/// Its topic.
pub(crate) const TOPIC: &str = "__cluster_metadata";
/// How many bytes are read at once when the log is replayed at start.
const READ_BYTES: u32 = 1 << 20;
/// A lone broker has led its metadata for ever.
const LEADER_EPOCH: i32 = 0;

/// The metadata log and what it adds up to.
#[derive(Debug)]
pub(crate) struct MetadataLog {
    log: Log,
    image: Image,
    /// Appended, and not on disk yet.
    pending: VecDeque<Pending>,
    next_ticket: u64,
    /// Everything before this offset is on disk.
    durable_offset: i64,
    /// Why nothing can be written any more.
    failed: Option<String>,
}

/// A decision on its way to the disk.
#[derive(Debug)]
struct Pending {
    ticket: u64,
    files: u32,
    end_offset: i64,
    records: Vec<MetadataRecord>,
    /// The event of its being appended.
    event: Option<Seq>,
}

impl MetadataLog {
    /// Opens the log and replays it from its first record to its last. An error is a sentence.
    pub(crate) fn open(dir: &LogDir, storage: &mut dyn Storage, trace: &mut Trace) -> Result<Self, String> {
        let id = TopicPartition { topic: TOPIC.into(), partition: 0 };
        // A decision is one batch, however many partitions it makes.
        let config = LogConfig { max_message_bytes: u32::MAX, ..LogConfig::default() };
        let opening = Opening { clean: dir.clean, ..Opening::clean() };
        let log = Log::open_in(&dir.mount, &id, config, opening, storage, trace).map_err(|error| error.to_string())?;
        let mut image = Image::default();
        let mut from = log.log_start_offset();
        while from < log.log_end_offset() {
            let read = log.read(from, READ_BYTES, log.log_end_offset(), true, storage);
            let read = read.map_err(|error| error.to_string())?;
            let bytes = gather(&read.slices, storage).map_err(|error| error.to_string())?;
            replay_batches(bytes, &mut image)?;
            assert!(read.next_offset > from, "a read before the end of a log makes progress");
            from = read.next_offset;
        }
        let durable_offset = log.log_end_offset();
        Ok(MetadataLog { log, image, pending: VecDeque::new(), next_ticket: 0, durable_offset, failed: None })
    }

    /// What all records add up to, those included that are not on disk yet.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }

    /// Whether this node decides for the cluster. A lone broker does.
    pub(crate) fn is_active_controller(&self) -> bool {
        true
    }

    /// The offset that the next record gets.
    pub(crate) fn end_offset(&self) -> i64 {
        self.log.log_end_offset()
    }

    /// Everything before this offset is on disk.
    pub(crate) fn durable_offset(&self) -> i64 {
        self.durable_offset
    }

    /// Why nothing can be written any more, if so.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Length of its segments in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.log.size()
    }

    /// Appends records as one batch and replays them. Returns the end offset that has to be on disk before they count.
    pub(crate) fn append(
        &mut self,
        records: &[MetadataRecord],
        wall_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<i64, LogError> {
        assert!(!records.is_empty(), "a decision without records needs no log");
        let mut builder = BatchBuilder::new(Compression::None);
        for record in records {
            builder.append(wall_ms, None, Some(&record.encode()), &[]);
        }
        let batch = Batch::parse(builder.build(0, -1)).expect("a batch that was just built is well-formed");
        // The log's own events would say the same again in bytes.
        let appended = self.log.append(&batch, LEADER_EPOCH, wall_ms, storage, &mut Trace::default())?;
        for record in records {
            self.image.replay(record).expect("what was decided on this image fits it");
        }
        trace.emit_then(|| TraceKind::MetadataAppended {
            base_offset: appended.base_offset,
            records: records.iter().map(|record| Name::Borrowed(record.name())).collect(),
        });
        Ok(appended.last_offset + 1)
    }

    /// Syncs at once, which only a broker that is starting may do.
    pub(crate) fn sync_now(&mut self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        for file in self.log.flush_files() {
            storage.sync(file)?;
        }
        self.durable_offset = self.log.log_end_offset();
        self.log.flushed(self.durable_offset, "metadata", &mut Trace::default());
        Ok(())
    }

    /// Closes the files, synced.
    pub(crate) fn close(self, storage: &mut dyn Storage) -> Result<(), LogError> {
        self.log.close(storage)
    }

    pub(crate) fn owns_file(&self, file: naru_log::FileId) -> bool {
        self.log.owns_file(file)
    }

    pub(crate) fn check_invariants(&self) {
        self.log.check_invariants();
        assert!(self.durable_offset <= self.log.log_end_offset(), "what is on disk was appended before");
    }
}

impl Turn<'_> {
    /// Whether this node decides for the cluster.
    pub(crate) fn is_active_controller(&self) -> bool {
        self.state.metadata.is_active_controller()
    }

    /// Brings a decision on its way: appended, replayed, and asked to be synced. Returns the offset to wait for; an error is
    /// a sentence, and then nothing was changed.
    pub(crate) fn commit_metadata(&mut self, records: Vec<MetadataRecord>) -> Result<i64, String> {
        if let Some(reason) = self.state.metadata.failed() {
            return Err(reason.into());
        }
        let metadata = &mut self.state.metadata;
        let appended = metadata.append(&records, self.now.wall_ms, self.storage, &mut self.out.trace);
        let end_offset = appended.map_err(|error| {
            let reason = error.to_string();
            metadata.failed = Some(reason.clone());
            reason
        })?;
        let (ticket, files) = (metadata.next_ticket, metadata.log.flush_files());
        metadata.next_ticket += 1;
        let (count, event) = (files.len() as u32, self.out.trace.cause());
        metadata.pending.push_back(Pending { ticket, files: count, end_offset, records, event });
        self.out.effects.push(Effect::Sync { ticket, files });
        Ok(end_offset)
    }

    /// The same for a decision that may change nothing: then there is nothing to wait for.
    pub(crate) fn commit_decision(&mut self, records: Vec<MetadataRecord>) -> Result<i64, String> {
        match records.is_empty() {
            true => Ok(self.state.metadata.durable_offset()),
            false => self.commit_metadata(records),
        }
    }

    /// The answer to [`Effect::Sync`].
    pub(crate) fn on_synced(&mut self, ticket: u64, result: Result<(), StorageError>) {
        let Some(position) = self.state.metadata.pending.iter().position(|pending| pending.ticket == ticket) else {
            return;
        };
        if let Err(error) = result {
            self.fail_metadata(&error);
            return;
        }
        // Files are synced whole: with this decision, all that were appended before it are on disk as well.
        let synced: Vec<Pending> = self.state.metadata.pending.drain(..=position).collect();
        let Some(last) = synced.last() else { return };
        let (files, end_offset) = (last.files, last.end_offset);
        if last.event.is_some() {
            self.out.trace.because(last.event);
        }
        let synced_event = self.out.trace.emit_then(|| TraceKind::StorageSynced { files });
        self.state.metadata.durable_offset = end_offset;
        self.state.metadata.log.flushed(end_offset, "metadata", &mut Trace::default());
        for pending in synced {
            self.out.trace.because(synced_event);
            self.publish(&pending.records);
        }
        for id in self.state.purgatory.durable(end_offset) {
            self.state.ready.push_back((id, synced_event));
        }
    }

    /// The metadata log cannot be written. Apache Kafka stops the process; here nothing is acknowledged any more.
    pub(crate) fn fail_metadata(&mut self, error: &StorageError) {
        self.state.metadata.failed = Some(error.to_string());
        self.state.metadata.pending.clear();
        for id in self.state.purgatory.durable(i64::MAX) {
            let Some(parked) = self.state.purgatory.take(id) else { continue };
            let reason = format!("the metadata log failed: {error}");
            self.close_connection(parked.context.connection, reason.into());
        }
    }
}

/// The bytes of slices, wherever they are. Only for starting: a running broker leaves this to its driver.
fn gather(slices: &[Slice], storage: &dyn Storage) -> Result<Bytes, StorageError> {
    let mut gathered = BytesMut::new();
    for slice in slices {
        match slice {
            Slice::Bytes(bytes) => gathered.extend_from_slice(bytes),
            Slice::File(range) => {
                gathered.extend_from_slice(&storage.read(range.file, range.position, range.length)?);
            }
        }
    }
    Ok(gathered.freeze())
}

fn replay_batches(bytes: Bytes, image: &mut Image) -> Result<(), String> {
    for batch in batches(bytes) {
        let batch = batch.map_err(|error| error.to_string())?;
        if batch.header().is_control() {
            continue;
        }
        let records = batch.records(DecompressLimit::default()).map_err(|error: RecordsError| error.to_string())?;
        for record in records {
            let value = record.value.unwrap_or_default();
            let decoded = MetadataRecord::decode(&value)
                .map_err(|error| format!("the record at offset {} is not understood: {error:?}", record.offset))?;
            let replayed = image.replay(&decoded);
            replayed
                .map_err(|error| format!("the record at offset {} does not fit: {}", record.offset, error.reason))?;
        }
    }
    Ok(())
}
