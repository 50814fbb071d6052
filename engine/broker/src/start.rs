//! From a data directory to a broker that is ready, and back.
//!
//! ```text
//! meta.properties ─► clean-stop marker ─► deleted directories ─► metadata log ─► registration ─► partitions
//!  (whose is it?)     (read, removed)       (removed)             (replayed)      (synced)        (opened, recovered)
//! ```
//!
//! A lone broker does all of that before its first input. A member of a cluster begins with the metadata log; the rest comes
//! when it has heard from the others ([`crate::membership`]).
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
    forwarding::Forwarding,
    groups::Groups,
    log_dirs::LogDirs,
    membership::Membership,
    metadata_log::{self, MetadataLog},
    metrics::Counters,
    peers::Peers,
    producer_ids::ProducerIds,
    purgatory::Purgatory,
    random::Random,
    replication::Replication,
    retired::RetiredLogs,
    topics::Topics,
    turn::{State, Turn},
    upkeep::Upkeep,
};
use alloc::{collections::VecDeque, format, string::String, string::ToString, vec::Vec};
use naru_log::Storage;
use naru_metadata::{Endpoint, Settings, bootstrap, register_broker};
use naru_raft::Io;
use naru_trace::{Now, SortedMap, TraceKind};
use uuid::Uuid;

/// The epoch of a broker that is not registered.
const NO_EPOCH: i64 = -1;
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
    let previous_broker_epoch = data_dir::clean_shutdown_epoch(storage, &dirs.get(0).join(CLEAN_SHUTDOWN))
        .map_err(|error| StartError::new(format!("the data directory cannot be read: {error}")))?;
    dirs.take_clean_markers(storage)?;
    dirs.remove_deleted(storage)?;
    let metadata_seed = random.next();
    let mut io = Io { now, storage: &mut *storage, trace: &mut out.trace };
    let opened = MetadataLog::open(&config, (&cluster_id, dirs.get(0)), metadata_seed, &mut io);
    let mut metadata = opened.map_err(|reason| {
        StartError::new(format!("the metadata log {}-0 cannot be used: {reason}", metadata_log::TOPIC))
    })?;
    // The log grows with every start, so no two starts make the same ids even with the same seed and the same clock.
    let mut random = Random::new(&[random.next(), metadata.end_offset() as u64]);
    out.trace.emit_then(|| TraceKind::BrokerStarted { broker: config.node_id, port: config.advertised_port });
    metadata.raft.trace_opened(&mut Io { now, storage: &mut *storage, trace: &mut out.trace });
    let mut settings = settings(&config, &dirs);
    settings.take_dynamic_configs(metadata.image());
    let incarnation_id = random.uuid();
    let is_lone = config.cluster.is_lone(config.node_id) && config.cluster.roles.broker;
    let (membership, broker_epoch) = if is_lone {
        let mut io = Io { now, storage: &mut *storage, trace: &mut out.trace };
        let epoch = register(&config, &settings, &mut metadata, incarnation_id, &mut io)?;
        (Membership::lone(incarnation_id), epoch)
    } else {
        (Membership::starting(incarnation_id, now.monotonic), NO_EPOCH)
    };
    let controller = Controller::new(&config, metadata.image(), now.monotonic);
    let (cleaner, upkeep) = (config.cleaner, config.upkeep);
    let groups = Groups::new(config.groups.clone(), now.monotonic);
    let mut state = State {
        config,
        cluster_id,
        broker_epoch,
        previous_broker_epoch,
        membership,
        shown_metadata_offset: 0,
        peers: Peers::default(),
        forwarding: Forwarding::default(),
        quorum_tokens: 0,
        quorum_syncs: SortedMap::new(),
        located: SortedMap::new(),
        last_warning: None,
        settings,
        connections: Connections::default(),
        topics: Topics::default(),
        replication: Replication::default(),
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
        groups,
        counters: Counters::default(),
        random,
        stopping: false,
    };
    let mut turn = Turn { state: &mut state, storage, now, out };
    if is_lone {
        turn.publish_first()?;
    } else {
        turn.start_quorum();
        turn.keep_membership();
        while turn.refuse_questions() {}
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
    Turn { state: &mut state, storage: &mut *storage, now, out: &mut *out }.close_peers();
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

/// Writes into the metadata log that this broker is there. Returns the broker's epoch.
fn register(
    config: &BrokerConfig,
    settings: &Settings,
    metadata: &mut MetadataLog,
    incarnation_id: Uuid,
    io: &mut Io<'_>,
) -> Result<i64, StartError> {
    let failed = |reason: String| StartError::new(format!("the metadata log cannot be written: {reason}"));
    let started = io.trace.cause();
    if metadata.image().features().next().is_none() {
        metadata.append(&bootstrap(), io).map_err(failed)?;
        io.trace.because(started);
    }
    let host = config.advertised_host.clone();
    let endpoint = Endpoint { listener: LISTENER.into(), host, port: config.advertised_port };
    let broker_epoch = metadata.end_offset();
    metadata.append(&register_broker(settings, &endpoint, incarnation_id, broker_epoch), io).map_err(failed)?;
    metadata.sync_now(io).map_err(|error| failed(error.to_string()))?;
    metadata.read_committed(io.storage).map_err(failed)?;
    io.trace.because(started);
    Ok(broker_epoch)
}

fn settings(config: &BrokerConfig, dirs: &LogDirs) -> Settings {
    Settings {
        rack: config.cluster.rack.clone(),
        num_partitions: config.num_partitions,
        default_replication_factor: config.default_replication_factor,
        delete_topic_enable: config.delete_topic_enable,
        log_dirs: dirs.online().map(|(_, dir)| dir.id).collect(),
        static_configs: config.static_configs(),
        ..Settings::stand_alone(config.node_id)
    }
}
