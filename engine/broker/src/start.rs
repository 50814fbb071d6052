//! From a data directory to a broker that is ready, and back.
//!
//! ```text
//! meta.properties ─► clean-stop marker ─► deleted directories ─► metadata log ─► registration ─► partitions
//!  (whose is it?)     (read, removed)       (removed)             (replayed)      (synced)        (opened, recovered)
//! ```
//!
//! A directory that belongs to somebody else is refused before anything in it is touched.

use crate::{
    broker::StartError,
    config::BrokerConfig,
    connections::Connections,
    data_dir::{self, CLEAN_SHUTDOWN, META_PROPERTIES, MetaProperties},
    effect::{Effect, Outbox},
    fetch_sessions::FetchSessions,
    metadata_log::{self, MetadataLog},
    metrics::Counters,
    producer_ids::ProducerIds,
    purgatory::Purgatory,
    random::Random,
    retired::RetiredLogs,
    topics::Topics,
    turn::{State, Turn},
};
use alloc::{collections::VecDeque, format, string::String, string::ToString, vec::Vec};
use naru_log::{Storage, StorageError};
use naru_metadata::{Endpoint, Settings, bootstrap, register_broker};
use naru_trace::{Now, TraceKind};
use uuid::Uuid;

/// The listener that clients use.
const LISTENER: &str = "PLAINTEXT";
/// How the directory of a deleted partition ends.
const DELETED: &str = "-delete";

/// Opens the data directory.
pub(crate) fn open(
    config: BrokerConfig,
    storage: &mut dyn Storage,
    now: Now,
    out: &mut Outbox,
) -> Result<State, StartError> {
    let mut random = Random::new(&[config.seed, config.node_id as u64, now.monotonic.0, now.wall_ms as u64]);
    let meta = claim_directory(&config, storage, &mut random)?;
    let clean = take_clean_marker(storage).map_err(cannot_use)?;
    remove_deleted(storage).map_err(cannot_use)?;
    let mut metadata = MetadataLog::open(clean, storage, &mut out.trace).map_err(|reason| {
        StartError::new(format!("the metadata log {}-0 cannot be used: {reason}", metadata_log::TOPIC))
    })?;
    // The log grows with every start, so no two starts make the same ids even with the same seed and the same clock.
    let mut random = Random::new(&[random.next(), metadata.end_offset() as u64]);
    out.trace.emit_then(|| TraceKind::BrokerStarted { broker: config.node_id, port: config.advertised_port });
    let mut settings = settings(&config, meta.directory_id);
    settings.take_dynamic_configs(metadata.image());
    let broker_epoch = register(&config, &settings, &mut metadata, &mut random, &mut Start { storage, now, out })?;
    let mut state = State {
        config,
        cluster_id: meta.cluster_id,
        broker_epoch,
        settings,
        connections: Connections::default(),
        topics: Topics::default(),
        metadata,
        purgatory: Purgatory::default(),
        ready: VecDeque::new(),
        sessions: FetchSessions::default(),
        producer_ids: ProducerIds::default(),
        retired: RetiredLogs::default(),
        counters: Counters::default(),
        random,
        stopping: false,
    };
    set_strays_aside(&mut state, storage).map_err(cannot_use)?;
    let topics: Vec<naru_metadata::Topic> = state.metadata.image().topics().cloned().collect();
    let mut turn = Turn { state: &mut state, storage, now, out };
    for topic in &topics {
        turn.open_topic(topic, clean);
    }
    Ok(state)
}

/// Stops in good order. The marker is written only if every file could be synced: without it, the next start checks all.
pub(crate) fn close(mut state: State, storage: &mut dyn Storage, now: Now, out: &mut Outbox) {
    let reason = "the broker is shutting down";
    let connections: Vec<_> = state.connections.iter().map(|(id, _)| id).collect();
    let mut turn = Turn { state: &mut state, storage: &mut *storage, now, out: &mut *out };
    for connection in connections {
        turn.close_connection(connection, reason.into());
    }
    out.effects.retain(|effect| !matches!(effect, Effect::Sync { .. }));
    state.retired.remove_due(naru_trace::Micros(u64::MAX), storage);
    let mut all_synced = true;
    for log in state.topics.take_logs() {
        all_synced &= log.is_some_and(|log| log.close(storage).is_ok());
    }
    all_synced &= state.metadata.failed().is_none();
    all_synced &= state.metadata.close(storage).is_ok();
    if all_synced {
        // CleanShutdownFileHandler: what the next start knows is only that the file is there.
        let text = format!("{{\"version\":0,\"brokerEpoch\":{}}}", state.broker_epoch);
        let written = storage.replace_file(CLEAN_SHUTDOWN, text.as_bytes());
        drop(written);
    }
    out.trace.emit(|| TraceKind::BrokerStopped { broker: state.config.node_id });
}

/// Everything from outside, while the broker starts.
struct Start<'a> {
    storage: &'a mut dyn Storage,
    now: Now,
    out: &'a mut Outbox,
}

/// Reads whose directory it is, or makes it ours if it is nobody's.
fn claim_directory(
    config: &BrokerConfig,
    storage: &mut dyn Storage,
    random: &mut Random,
) -> Result<MetaProperties, StartError> {
    let Some(text) = data_dir::read_text(storage, META_PROPERTIES).map_err(cannot_use)? else {
        return format_directory(config, storage, random);
    };
    let meta = MetaProperties::parse(&text).map_err(|reason| {
        StartError::new(format!("the data directory's {META_PROPERTIES} cannot be used: {reason}"))
    })?;
    if meta.node_id != config.node_id {
        return Err(StartError::new(format!(
            "the data directory belongs to node.id={} ({META_PROPERTIES}), but this broker is configured as node.id={}",
            meta.node_id, config.node_id
        )));
    }
    if !config.cluster_id.is_empty() && meta.cluster_id != config.cluster_id {
        return Err(StartError::new(format!(
            "the data directory belongs to cluster {} ({META_PROPERTIES}), but this broker is configured for cluster {}",
            meta.cluster_id, config.cluster_id
        )));
    }
    Ok(meta)
}

fn format_directory(
    config: &BrokerConfig,
    storage: &mut dyn Storage,
    random: &mut Random,
) -> Result<MetaProperties, StartError> {
    let names = data_dir::directories(storage).map_err(cannot_use)?;
    if let Some(name) = names.iter().find(|name| data_dir::parse_partition_directory(name).is_some()) {
        return Err(StartError::new(format!(
            "the data directory holds partitions ({name}) but no {META_PROPERTIES}, so it is not clear whose they are; \
             use an empty directory, or bring the file back"
        )));
    }
    let cluster_id = match config.cluster_id.as_str() {
        "" => data_dir::id_text(random.uuid()),
        id => id.into(),
    };
    let meta = MetaProperties { cluster_id, node_id: config.node_id, directory_id: random.uuid() };
    storage.replace_file(META_PROPERTIES, meta.text().as_bytes()).map_err(cannot_use)?;
    Ok(meta)
}

/// Whether the last process stopped in good order. The marker goes: this process has not stopped yet.
fn take_clean_marker(storage: &mut dyn Storage) -> Result<bool, StorageError> {
    let clean = data_dir::read_text(storage, CLEAN_SHUTDOWN)?.is_some();
    if clean {
        storage.remove_file(CLEAN_SHUTDOWN)?;
        // A power failure must not bring it back: the next start would trust files that nobody closed.
        storage.sync_dir("")?;
    }
    Ok(clean)
}

/// Finishes what the last process began.
fn remove_deleted(storage: &mut dyn Storage) -> Result<(), StorageError> {
    for name in data_dir::directories(storage)? {
        if name.ends_with(DELETED) && name.contains('.') {
            storage.remove_dir_all(&name)?;
        }
    }
    Ok(())
}

/// Writes into the metadata log that this broker is there. Returns the broker's epoch.
fn register(
    config: &BrokerConfig,
    settings: &Settings,
    metadata: &mut MetadataLog,
    random: &mut Random,
    start: &mut Start<'_>,
) -> Result<i64, StartError> {
    let failed = |reason: String| StartError::new(format!("the metadata log cannot be written: {reason}"));
    let started = start.out.trace.cause();
    if metadata.end_offset() == 0 {
        let records = bootstrap();
        let appended = metadata.append(&records, start.now.wall_ms, start.storage, &mut start.out.trace);
        appended.map_err(|error| failed(error.to_string()))?;
        start.out.trace.because(started);
    }
    let host = config.advertised_host.clone();
    let endpoint = Endpoint { listener: LISTENER.into(), host, port: config.advertised_port };
    let broker_epoch = metadata.end_offset();
    let records = register_broker(settings, &endpoint, random.uuid(), broker_epoch);
    let appended = metadata.append(&records, start.now.wall_ms, start.storage, &mut start.out.trace);
    appended.map_err(|error| failed(error.to_string()))?;
    metadata.sync_now(start.storage).map_err(|error| failed(error.to_string()))?;
    start.out.trace.because(started);
    Ok(broker_epoch)
}

/// Directories of partitions that no topic claims (any more) get another name, so that a new topic of the same name cannot
/// mistake them for its own (`LogManager.addStrayLog`). Directories that do not say whose they are, are left alone.
fn set_strays_aside(state: &mut State, storage: &mut dyn Storage) -> Result<(), StorageError> {
    for name in data_dir::directories(storage)? {
        let Some((topic, partition)) = data_dir::parse_partition_directory(&name) else { continue };
        let Some(topic_id) = data_dir::read_partition_metadata(storage, &name)? else { continue };
        let claimed = state.metadata.image().topic(topic);
        let is_claimed =
            claimed.is_some_and(|claimed| claimed.id == topic_id && (partition as usize) < claimed.partitions.len());
        if !is_claimed {
            let aside = data_dir::renamed_directory(topic, partition, state.random.uuid(), "stray");
            storage.rename(&name, &aside)?;
        }
    }
    Ok(())
}

fn settings(config: &BrokerConfig, directory_id: Uuid) -> Settings {
    Settings {
        num_partitions: config.num_partitions,
        default_replication_factor: config.default_replication_factor,
        delete_topic_enable: config.delete_topic_enable,
        directory_id,
        static_configs: config.static_configs(),
        ..Settings::stand_alone(config.node_id)
    }
}

fn cannot_use(error: StorageError) -> StartError {
    StartError::new(format!("the data directory cannot be used: {error}"))
}
