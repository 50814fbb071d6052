//! Becoming a leader, becoming a follower, letting a replica go: what a decision of the controller means for one partition.

use super::{Following, Leadership, Role, cluster::is_eligible};
use crate::{
    data_dir::{renamed_directory, write_partition_metadata},
    log_dirs::may_be_elsewhere,
    retired::RetiredLog,
    topics::{Offline, Partition, PartitionKey, PartitionState, TopicKey},
    turn::{State, Turn},
};
use alloc::{boxed::Box, string::String, string::ToString, vec::Vec};
use naru_log::{Log, LogError, Opening, TopicPartition};
use naru_trace::{Micros, PartitionView, Trace, TraceKind};
use naru_wire::ErrorCode;

/// Where a replica's log lies, and what is known of it.
pub(crate) struct Place {
    /// The log directory; `None` if nobody can tell.
    pub(crate) dir: Option<usize>,
    pub(crate) opening: Opening,
    /// What was known to be on all replicas; 0 if nothing was noted.
    pub(crate) high_watermark: i64,
}

impl Turn<'_> {
    /// What the image says of a partition is true from now on. One that this broker has not seen yet comes after those it
    /// has.
    pub(crate) fn publish_partition(&mut self, key: PartitionKey, decided: &naru_metadata::Partition) {
        self.add_partition_slot(key);
        self.take_assignment(key, decided, |turn| Place {
            dir: turn.state.dirs.place_new(),
            opening: Opening { now_ms: turn.now.wall_ms, ..Opening::unclean() },
            high_watermark: 0,
        });
    }

    /// The same when the broker starts: the replica's log is there already.
    pub(crate) fn open_located(&mut self, key: PartitionKey, decided: &naru_metadata::Partition, place: Place) {
        self.add_partition_slot(key);
        self.take_assignment(key, decided, |_| place);
    }

    fn add_partition_slot(&mut self, key: PartitionKey) {
        let Some(topic) = self.state.topics.get_mut(key.topic) else { return };
        let count = topic.partitions.len() as i32;
        assert!(key.partition <= count, "partitions are numbered without gaps");
        if key.partition == count {
            topic.partitions.push(Partition::unassigned());
        }
    }

    fn take_assignment(
        &mut self,
        key: PartitionKey,
        decided: &naru_metadata::Partition,
        place: impl FnOnce(&Self) -> Place,
    ) {
        let Some(partition) = self.state.topics.partition(key) else { return };
        // The leader has heard of it before, from the controller itself.
        if decided.partition_epoch <= partition.partition_epoch && decided.leader_epoch <= partition.leader_epoch {
            return;
        }
        let is_replica = decided.replicas.contains(&self.state.config.node_id);
        let is_new = partition.leader_epoch < 0;
        let has_replica = !matches!(partition.state, PartitionState::Elsewhere);
        match (is_replica, has_replica) {
            (true, false) => {
                let place = place(self);
                self.open_replica(key, decided, place);
            }
            (false, false) if is_new => self.note_partition_elsewhere(key, decided),
            (false, true) => self.let_go(key, decided),
            _ => self.change_role(key, decided),
        }
    }

    /// Opens a replica's log, or makes it. A log that cannot be opened is an offline partition, not the end of the broker.
    fn open_replica(&mut self, key: PartitionKey, decided: &naru_metadata::Partition, place: Place) {
        let Some(topic) = self.state.topics.get(key.topic) else { return };
        let id = TopicPartition { topic: topic.name.as_str().into(), partition: key.partition };
        let (topic_id, log_config) = (topic.id, topic.settings.log);
        if log_config.cleanup.compact {
            self.state.cleaning.on_compacted_topic(self.now.monotonic);
        }
        let opened = match place.dir.map(|dir| self.state.dirs.get_mut(dir)) {
            None => Err(may_be_elsewhere(&id).into()),
            Some(dir) => {
                dir.partitions += 1;
                Log::open_in(&dir.mount, &id, log_config, place.opening, self.storage, &mut self.out.trace)
            }
        };
        let opened = opened.and_then(|log| {
            write_partition_metadata(self.storage, log.directory(), topic_id)?;
            Ok(log)
        });
        let failure = opened.as_ref().err().cloned();
        let cut = opened.as_ref().ok().and_then(Log::cut_when_opened).map(String::from);
        self.out.warnings.extend(cut);
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        partition.dir = place.dir;
        partition.high_watermark =
            opened.as_ref().map_or(0, |log| place.high_watermark.clamp(log.log_start_offset(), log.log_end_offset()));
        partition.state = match opened {
            Ok(log) => PartitionState::Online(log),
            Err(_) => PartitionState::Offline(Offline { log: None, last_view: Box::new(PartitionView::default()) }),
        };
        // What follows from it is in the view of the event below.
        self.assume_role(key, decided, &mut Trace::default());
        if let Some(due) = self.state.due_high_watermark(key, self.now.monotonic)
            && let Some(partition) = self.state.topics.partition_mut(key)
        {
            partition.high_watermark = due;
        }
        self.arrange_fetching(key);
        self.trace_opened(key);
        if let Some(reason) = failure.as_ref().map(ToString::to_string) {
            let (topic, partition) = (id.topic, id.partition);
            self.out.trace.emit_then(|| TraceKind::PartitionOffline { topic, partition, reason });
        }
        if let Some(LogError::Storage(error)) = failure {
            self.fail(key, &error.to_string());
        }
    }

    fn note_partition_elsewhere(&mut self, key: PartitionKey, decided: &naru_metadata::Partition) {
        self.assume_role(key, decided, &mut Trace::default());
        self.trace_opened(key);
    }

    /// A replica changes hands, or who is in sync changes.
    fn change_role(&mut self, key: PartitionKey, decided: &naru_metadata::Partition) {
        let published = self.out.trace.cause();
        let before = self.state.topics.partition(key).map(|partition| partition.leader_epoch);
        let mut epochs = Trace::default();
        core::mem::swap(&mut epochs, &mut self.out.trace);
        self.assume_role(key, decided, &mut epochs);
        core::mem::swap(&mut epochs, &mut self.out.trace);
        self.arrange_fetching(key);
        let cause = self.trace_role(key);
        if before.is_some_and(|before| before != decided.leader_epoch) {
            self.abandon_waiting(key);
        }
        self.advance_high_watermark(key);
        if cause.is_some() {
            self.out.trace.because(published);
        }
    }

    /// This broker is no replica any more: what it has of the partition is removed.
    fn let_go(&mut self, key: PartitionKey, decided: &naru_metadata::Partition) {
        self.stop_cleaning(|other| other == key, "this broker is no longer a replica.");
        self.assume_role(key, decided, &mut Trace::default());
        self.arrange_fetching(key);
        let Some(topic) = self.state.topics.get(key.topic) else { return };
        let (name, delay_ms) = (String::from(topic.name.as_str()), topic.settings.file_delete_delay_ms);
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        partition.high_watermark = 0;
        let (dir, log) = (partition.dir.take(), partition.take_log());
        self.retire(&name, key.partition, dir, log, delay_ms);
        self.forget_gone_partitions();
        self.trace_role(key);
        self.abandon_waiting(key);
    }

    /// A replica's directory is renamed now and removed a little later, because answers on their way still read from it.
    pub(crate) fn retire(&mut self, topic: &str, index: i32, dir: Option<usize>, log: Option<Log>, delay_ms: u64) {
        let renamed = renamed_directory(topic, index, self.state.random.uuid(), "delete");
        // One that nobody could find is a stray when it is found again.
        let Some(dir) = dir.map(|dir| self.state.dirs.get_mut(dir)) else { return };
        dir.partitions -= 1;
        let from = dir.join(&TopicPartition { topic: topic.into(), partition: index }.to_string());
        let directory = dir.join(&renamed);
        // If it cannot be renamed, the next start finds that no topic claims it.
        let directory = self.storage.rename(&from, &directory).map_or(from, |()| directory);
        let remove_at = self.now.monotonic.plus(delay_ms.saturating_mul(1_000));
        self.state.retired.push(RetiredLog { remove_at, directory, log });
    }

    /// Sets everything that the controller decides.
    fn assume_role(&mut self, key: PartitionKey, decided: &naru_metadata::Partition, trace: &mut Trace) {
        let (me, now) = (self.state.config.node_id, self.now.monotonic);
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        let is_new_epoch = decided.leader_epoch != partition.leader_epoch;
        let is_replica = decided.replicas.contains(&me);
        let others: Vec<i32> = decided.replicas.iter().copied().filter(|id| *id != me).collect();
        let before = core::mem::replace(&mut partition.role, Role::Elsewhere);
        partition.role = match before {
            Role::Leader(mut leadership) if decided.leader == me && !is_new_epoch => {
                leadership.pending = None;
                leadership.set_replicas(&others, &decided.isr, now);
                Role::Leader(leadership)
            }
            _ if decided.leader == me && is_replica => {
                let mut end = 0;
                if let Some(log) = partition.log_mut() {
                    log.begin_epoch(decided.leader_epoch, trace);
                    end = log.log_end_offset();
                }
                Role::Leader(Leadership::begin(end, others.iter().copied(), &decided.isr, now))
            }
            Role::Follower(following) if is_replica && !is_new_epoch => Role::Follower(following),
            _ if is_replica => Role::Follower(Following::default()),
            _ => Role::Elsewhere,
        };
        partition.leader = decided.leader;
        partition.leader_epoch = decided.leader_epoch;
        partition.partition_epoch = decided.partition_epoch;
        partition.replicas.clone_from(&decided.replicas);
        partition.isr.clone_from(&decided.isr);
    }

    /// A follower fetches from its leader, and a leader looks after its followers.
    fn arrange_fetching(&mut self, key: PartitionKey) {
        let Some(partition) = self.state.topics.partition(key) else { return };
        let (leader, followed) = match &partition.role {
            Role::Follower(_) => (Some(partition.leader).filter(|leader| *leader >= 0), false),
            Role::Leader(leadership) => (None, !leadership.followers.is_empty()),
            Role::Elsewhere => (None, false),
        };
        self.follow(key, leader);
        if followed {
            self.watch_followers();
        }
    }

    /// Whoever waits for this partition was promised something by another leader, or in another epoch.
    pub(crate) fn abandon_waiting(&mut self, key: PartitionKey) {
        let cause = self.out.trace.cause();
        let leads = self.state.topics.partition(key).is_some_and(|partition| matches!(partition.role, Role::Leader(_)));
        let mut free = Vec::new();
        if !leads {
            free.extend(self.state.purgatory.not_replicated(key, ErrorCode::NotLeaderOrFollower));
        }
        free.extend(self.state.purgatory.fetches_of(key));
        self.state.ready.extend(free.into_iter().map(|id| (id, cause)));
        self.advance_low_watermark(key);
    }

    #[track_caller]
    fn trace_opened(&mut self, key: PartitionKey) {
        let state = &*self.state;
        let (Some(topic), Some(partition)) = (state.topics.get(key.topic), state.topics.partition(key)) else { return };
        self.out.trace.emit_then(|| TraceKind::PartitionOpened {
            topic: topic.name.as_str().into(),
            topic_id: topic.id.hyphenated().to_string(),
            partition: key.partition,
            view: Box::new(partition.view(self.storage)),
        });
    }

    /// Tells of a role, and of who else has one.
    #[track_caller]
    pub(crate) fn trace_role(&mut self, key: PartitionKey) -> Option<naru_trace::Seq> {
        let partition = self.state.topics.partition(key)?;
        self.out.trace.emit_then(|| TraceKind::PartitionRoleChanged {
            topic: self.state.topics.name(key.topic).into(),
            partition: key.partition,
            role: partition.role.name().into(),
            leader: partition.leader,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            replicas: partition.replicas.clone(),
            isr: partition.isr.clone(),
        })
    }

    /// The end of the log has moved, or what followers have: consumers may read as far as all in sync have it.
    pub(crate) fn advance_high_watermark(&mut self, key: PartitionKey) {
        if let Some(high_watermark) = self.state.due_high_watermark(key, self.now.monotonic) {
            self.set_high_watermark(key, high_watermark);
        }
    }

    /// Sets a larger high watermark, and lets those go on who have waited for it.
    pub(crate) fn set_high_watermark(&mut self, key: PartitionKey, high_watermark: i64) {
        let Some(partition) = self.state.topics.partition_mut(key) else { return };
        assert!(high_watermark >= partition.high_watermark, "a high watermark never goes back");
        partition.high_watermark = high_watermark;
        if partition.is_replicated() {
            let wait_ms = self.state.config.replication.high_watermark_checkpoint_ms;
            self.state.upkeep.note_high_watermarks_by(self.now.monotonic.plus(wait_ms.saturating_mul(1_000)));
        }
        let cause = self.out.trace.emit_then(|| TraceKind::HighWatermarkAdvanced {
            topic: self.state.topics.name(key.topic).into(),
            partition: key.partition,
            high_watermark,
        });
        let error = self.state.error_after_append(key);
        let state = &mut *self.state;
        let Some(log) = state.topics.partition(key).and_then(Partition::log) else { return };
        let available = |offset| log.bytes_available(offset, high_watermark);
        let mut free = state.purgatory.bytes_available(key, false, available);
        free.extend(state.purgatory.replicated(key, high_watermark, error));
        state.ready.extend(free.into_iter().map(|id| (id, cause)));
    }

    /// A leader has appended: its followers may fetch it.
    pub(crate) fn wake_followers(&mut self, key: PartitionKey) {
        let cause = self.out.trace.cause();
        let state = &mut *self.state;
        let Some(partition) = state.topics.partition(key) else { return };
        if partition.replicas.len() < 2 {
            return;
        }
        let Some(log) = partition.log() else { return };
        let available = |offset| log.bytes_available(offset, log.log_end_offset());
        let free = state.purgatory.bytes_available(key, true, available);
        state.ready.extend(free.into_iter().map(|id| (id, cause)));
    }
}

impl State {
    /// The high watermark that a leader should have by now, if it is larger than the one it has.
    pub(crate) fn due_high_watermark(&self, key: PartitionKey, now: Micros) -> Option<i64> {
        let partition = self.topics.partition(key)?;
        let Role::Leader(leadership) = &partition.role else { return None };
        let end = partition.log()?.log_end_offset();
        let due = match leadership.followers.is_empty() {
            true => end,
            // What too few replicas have is not promised to anybody (KIP-966).
            false if partition.isr.len() < self.min_in_sync(key) => return None,
            false => {
                let may_join = |id, epoch| is_eligible(self.cluster(), id, epoch);
                let lag = (now, self.config.replication.lag_time_max());
                leadership.high_watermark(end, &partition.isr, lag, may_join)
            }
        };
        (due > partition.high_watermark).then_some(due)
    }

    /// `min.insync.replicas`, but not more than there are replicas (Partition.effectiveMinIsr).
    pub(crate) fn min_in_sync(&self, key: PartitionKey) -> usize {
        let min = self.topics.get(key.topic).map_or(1, |topic| topic.settings.min_insync_replicas);
        let replicas = self.topics.partition(key).map_or(1, |partition| partition.replicas.len());
        usize::try_from(min).unwrap_or(1).min(replicas)
    }

    /// What a producer with acks=all is told of records that are replicated: they are, but perhaps not often enough
    /// (SEMANTICS 2).
    pub(crate) fn error_after_append(&self, key: PartitionKey) -> ErrorCode {
        let Some(partition) = self.topics.partition(key) else { return ErrorCode::UnknownTopicOrPartition };
        let Role::Leader(leadership) = &partition.role else { return ErrorCode::NotLeaderOrFollower };
        match leadership.maximal_isr_len(&partition.isr) < self.min_in_sync(key) {
            true => ErrorCode::NotEnoughReplicasAfterAppend,
            false => ErrorCode::None,
        }
    }

    /// Number of the topic's key with this id and partition, if it is known here.
    pub(crate) fn partition_key(&self, topic_id: uuid::Uuid, partition: i32) -> Option<PartitionKey> {
        let topic: TopicKey = self.topics.by_id(topic_id)?;
        let key = PartitionKey { topic, partition };
        self.topics.partition(key).map(|_| key)
    }
}
