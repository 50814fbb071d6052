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
    checkpoints::{Checkpoints, Noted},
    cleaning::Cleaning,
    config::BrokerConfig,
    connections::Connections,
    controller::Controller,
    data_dir::{self, CLEAN_SHUTDOWN},
    effect::{Effect, Outbox},
    fetch_sessions::FetchSessions,
    flushing::Flushing,
    log_dirs::LogDirs,
    metadata_log::{self, MetadataLog},
    metrics::Counters,
    producer_ids::ProducerIds,
    purgatory::Purgatory,
    random::Random,
    retired::RetiredLogs,
    topics::Topics,
    turn::{State, Turn},
    upkeep::Upkeep,
};
use alloc::{collections::VecDeque, format, string::String, string::ToString, vec::Vec};
use naru_log::Storage;
use naru_metadata::{Endpoint, Settings, bootstrap, register_broker};
use naru_trace::{Now, TraceKind};
use uuid::Uuid;

/// The listener that clients use.
const LISTENER: &str = "PLAINTEXT";

/// Opens the data directory.
pub(crate) fn open(
    config: BrokerConfig,
    storage: &mut dyn Storage,
    now: Now,
    out: &mut Outbox,
) -> Result<State, StartError> {
    let mut random = Random::new(&[config.seed, config.node_id as u64, now.monotonic.0, now.wall_ms as u64]);
    let (mut dirs, cluster_id) = LogDirs::claim(&config, storage, &mut random)?;
    dirs.take_clean_markers(storage)?;
    dirs.remove_deleted(storage)?;
    let mut metadata = MetadataLog::open(dirs.get(0), storage, &mut out.trace).map_err(|reason| {
        StartError::new(format!("the metadata log {}-0 cannot be used: {reason}", metadata_log::TOPIC))
    })?;
    // The log grows with every start, so no two starts make the same ids even with the same seed and the same clock.
    let mut random = Random::new(&[random.next(), metadata.end_offset() as u64]);
    out.trace.emit_then(|| TraceKind::BrokerStarted { broker: config.node_id, port: config.advertised_port });
    let mut settings = settings(&config, &dirs);
    settings.take_dynamic_configs(metadata.image());
    let broker_epoch = register(&config, &settings, &mut metadata, &mut random, &mut Start { storage, now, out })?;
    let controller = Controller::new(&config, metadata.image(), now.monotonic);
    let (cleaner, upkeep) = (config.cleaner, config.upkeep);
    let mut state = State {
        config,
        cluster_id,
        broker_epoch,
        settings,
        connections: Connections::default(),
        topics: Topics::default(),
        metadata,
        purgatory: Purgatory::default(),
        ready: VecDeque::new(),
        sessions: FetchSessions::default(),
        producer_ids: ProducerIds::default(),
        controller,
        retired: RetiredLogs::default(),
        dirs,
        cleaning: Cleaning::new(cleaner),
        upkeep: Upkeep::new(upkeep, now.monotonic),
        flushing: Flushing::default(),
        checkpoints: Checkpoints::default(),
        counters: Counters::default(),
        random,
        stopping: false,
    };
    set_strays_aside(&mut state, storage)?;
    let located = state.dirs.locate(storage)?;
    for (index, dir) in state.dirs.online() {
        out.warnings.extend(state.checkpoints.read(index, dir, storage));
    }
    let topics: Vec<naru_metadata::Topic> = state.metadata.image().topics().cloned().collect();
    let mut turn = Turn { state: &mut state, storage, now, out };
    for topic in &topics {
        turn.open_topic(topic, &located);
    }
    Ok(state)
}

/// Stops in good order. A directory's marker is written only if every file in it could be synced: without it, the next start
/// checks all.
pub(crate) fn close(mut state: State, storage: &mut dyn Storage, now: Now, out: &mut Outbox) {
    let reason = "the broker is shutting down";
    let connections: Vec<_> = state.connections.iter().map(|(id, _)| id).collect();
    let mut turn = Turn { state: &mut state, storage: &mut *storage, now, out: &mut *out };
    for connection in connections {
        turn.close_connection(connection, reason.into());
    }
    out.effects.retain(|effect| !matches!(effect, Effect::Sync { .. }));
    state.cleaning.close(storage);
    state.retired.remove_due(naru_trace::Micros(u64::MAX), storage);
    let mut all_synced: Vec<bool> = state.dirs.iter().map(|dir| dir.failed.is_none()).collect();
    state.checkpoints.abandon(|_| true, storage);
    for mut partition in state.topics.take_partitions() {
        let (dir, works) = (partition.dir, partition.is_online());
        let synced = partition.take_log().is_some_and(|log| {
            let note = dir.map(|dir| Noted::of(dir, &partition, &log));
            let closed = log.close(storage).is_ok();
            note.into_iter().for_each(|note| state.checkpoints.note(note, works && closed));
            closed
        });
        if let Some(dir) = dir {
            all_synced[dir] &= synced && works;
        }
    }
    state.checkpoints.write_noted(&state.dirs, storage);
    all_synced[0] &= state.metadata.failed().is_none();
    all_synced[0] &= state.metadata.close(storage).is_ok();
    for (dir, _) in state.dirs.iter().zip(all_synced).filter(|(_, synced)| *synced) {
        // CleanShutdownFileHandler: what the next start knows is only that the file is there.
        let text = format!("{{\"version\":0,\"brokerEpoch\":{}}}", state.broker_epoch);
        let written = storage.replace_file(&dir.join(CLEAN_SHUTDOWN), text.as_bytes());
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

/// Directories of partitions that no topic claims (any more), or not for this broker, get another name, so that a new topic of the same name cannot
/// mistake them for its own (`LogManager.addStrayLog`). Directories that do not say whose they are, are left alone.
fn set_strays_aside(state: &mut State, storage: &mut dyn Storage) -> Result<(), StartError> {
    let State { dirs, metadata, random, config, .. } = state;
    let node_id = config.node_id;
    dirs.for_each_online(|dir| {
        for name in data_dir::directories(storage, &dir.mount)? {
            let Some((topic, partition)) = data_dir::parse_partition_directory(&name) else { continue };
            let directory = dir.join(&name);
            let Some(topic_id) = data_dir::read_partition_metadata(storage, &directory)? else { continue };
            let claimed = metadata.image().topic(topic);
            let is_replica = |topic: &naru_metadata::Topic| {
                topic.partition(partition).is_some_and(|partition| partition.replicas.contains(&node_id))
            };
            let is_claimed = claimed.is_some_and(|claimed| claimed.id == topic_id && is_replica(claimed));
            if !is_claimed {
                let aside = data_dir::renamed_directory(topic, partition, random.uuid(), "stray");
                storage.rename(&directory, &dir.join(&aside))?;
            }
        }
        Ok(())
    })
}

fn settings(config: &BrokerConfig, dirs: &LogDirs) -> Settings {
    // A broker with several directories chooses when it makes the partition's log.
    let directory_id = if dirs.are_several() { Uuid::nil() } else { dirs.get(0).id };
    Settings {
        rack: config.cluster.rack.clone(),
        num_partitions: config.num_partitions,
        default_replication_factor: config.default_replication_factor,
        delete_topic_enable: config.delete_topic_enable,
        directory_id,
        log_dirs: dirs.online().map(|(_, dir)| dir.id).collect(),
        static_configs: config.static_configs(),
        ..Settings::stand_alone(config.node_id)
    }
}
