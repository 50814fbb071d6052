//! A coordinator at work: what it may look at, and what becomes of what it decides.

use super::{Pending, offsets_partition, shard::Stage};
use crate::{
    api::produce::append_own,
    connections::RequestContext,
    purgatory::Until,
    reply::Reply,
    topics::{PartitionKey, Topic, Topics},
    turn::Turn,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_coordinator::{Client, Coordinator, Io, Outcome, Record, TopicInfo, Waiter};
use naru_records::{Batch, BatchBuilder, Compression};
use naru_trace::SortedMap;
use naru_wire::{ErrorCode, Response};
use uuid::Uuid;

/// How many bytes of records become one batch at most. A decision is rarely larger than one.
const BATCH_BYTES: usize = 512 << 10;

/// The topics as a coordinator sees them.
pub(crate) struct Seen<'a>(pub(crate) &'a Topics);

impl naru_coordinator::Topics for Seen<'_> {
    fn by_name(&self, name: &str) -> Option<TopicInfo> {
        self.0.get(self.0.by_name(name)?).map(info)
    }

    fn by_id(&self, id: Uuid) -> Option<TopicInfo> {
        self.0.get(self.0.by_id(id)?).map(info)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|topic| topic.name.to_string()).collect()
    }
}

fn info(topic: &Topic) -> TopicInfo {
    TopicInfo { name: topic.name.to_string(), id: topic.id, partitions: topic.partitions.len() as i32 }
}

impl Turn<'_> {
    /// A request about one group: the coordinator decides, or `refuse` says why it cannot.
    pub(crate) fn on_group(
        &mut self,
        context: &RequestContext,
        group: &str,
        refuse: impl FnOnce(ErrorCode) -> Response,
        decide: impl FnOnce(&mut Coordinator, &mut Io<'_>, &Client<'_>) -> Outcome,
    ) -> Reply {
        let index = match self.shard_of(group) {
            Ok(index) => index,
            Err(error) => return Reply::Now(refuse(error)),
        };
        let token = self.state.groups.token();
        let (id, host) = self.client_of(context);
        let client = Client { waiter: Waiter { id: token, version: context.version }, id: &id, host: &host };
        let answer = self.run(index, Some(token), |coordinator, io| decide(coordinator, io, &client));
        match answer {
            Some(response) => Reply::Now(response),
            None => {
                let until = Until::Group { token, shard: index, group: group.into(), response: None };
                Reply::Park { until, deadline: None }
            }
        }
    }

    /// An answer to a request that only looked: it goes out when what it saw is committed.
    pub(crate) fn reply_when_committed(&mut self, response: Response, shards: &[i32]) -> Reply {
        let waits: SortedMap<i32, i64> = shards.iter().filter_map(|index| self.uncommitted(*index)).collect();
        let Some((index, _)) = waits.iter().next() else { return Reply::Now(response) };
        let shard = *index;
        let token = self.state.groups.token();
        self.state.groups.pending.insert(token, Pending { response, waits });
        Reply::Park { until: Until::Group { token, shard, group: String::new(), response: None }, deadline: None }
    }

    /// Which partition's coordinator a group belongs to, if it is here and at work.
    pub(crate) fn shard_of(&self, group: &str) -> Result<i32, ErrorCode> {
        if self.state.stopping {
            return Err(ErrorCode::NotCoordinator);
        }
        let index = offsets_partition(group, self.offsets_partitions().unwrap_or(1));
        let shard = self.state.groups.shards.get(&index).ok_or(ErrorCode::NotCoordinator)?;
        match shard.stage {
            Stage::Active(_) => Ok(index),
            Stage::Loading { .. } => Err(ErrorCode::CoordinatorLoadInProgress),
            Stage::Out => Err(ErrorCode::NotCoordinator),
        }
    }

    /// The coordinator of a partition, to look at.
    pub(crate) fn coordinator(&self, index: i32) -> Option<&Coordinator> {
        self.state.groups.shards.get(&index)?.coordinator()
    }

    /// Lets a coordinator do something that nobody waits for.
    pub(crate) fn on_coordinator(&mut self, index: i32, decide: impl FnOnce(&mut Coordinator, &mut Io<'_>) -> Outcome) {
        self.run(index, None, decide);
    }

    /// What a coordinator may look at and use.
    pub(super) fn with_io<R>(&mut self, work: impl FnOnce(&mut Io<'_>) -> R) -> R {
        let state = &mut *self.state;
        let random = &mut state.random;
        let mut new_uuid = || random.uuid();
        let mut io =
            Io { now: self.now, topics: &Seen(&state.topics), new_uuid: &mut new_uuid, trace: &mut self.out.trace };
        work(&mut io)
    }

    /// Decides, appends, replays. Returns the answer for `token` if it may go out at once.
    pub(crate) fn run(
        &mut self,
        index: i32,
        token: Option<u64>,
        decide: impl FnOnce(&mut Coordinator, &mut Io<'_>) -> Outcome,
    ) -> Option<Response> {
        let shard = self.state.groups.shards.get_mut(&index)?;
        let key = shard.key;
        let Stage::Active(mut coordinator) = core::mem::replace(&mut shard.stage, Stage::Out) else {
            return None;
        };
        let outcome = self.with_io(|io| decide(&mut coordinator, io));
        let decided = self.out.trace.cause();
        let appended = self.append_group_records(key, &outcome.records);
        outcome.records.into_iter().for_each(|record| coordinator.replay(record));
        if let Some(shard) = self.state.groups.shards.get_mut(&index) {
            shard.stage = Stage::Active(coordinator);
        }
        self.out.trace.because(decided);
        let mut replies = outcome.replies;
        if let Err(error) = appended {
            self.begin_again(index, error, &mut replies);
        }
        self.hand_out(index, token, replies)
    }

    /// Gives each who waits its answer, when all that it may have seen is committed.
    fn hand_out(&mut self, index: i32, token: Option<u64>, replies: Vec<(u64, Response)>) -> Option<Response> {
        let uncommitted = self.uncommitted(index);
        let cause = self.out.trace.cause();
        let mut own = None;
        for (waiter, response) in replies {
            if let Some(wait) = uncommitted {
                self.state.groups.pending.insert(waiter, Pending { response, waits: SortedMap::from([wait]) });
            } else if Some(waiter) == token {
                own = Some(response);
            } else if let Some(id) = self.state.purgatory.answer_group(waiter, response) {
                self.state.ready.push_back((id, cause));
            }
        }
        own
    }

    /// The end of a partition's log, if not all of it is committed.
    fn uncommitted(&self, index: i32) -> Option<(i32, i64)> {
        let key = self.state.groups.shards.get(&index)?.key;
        let end_offset = self.log(key)?.log_end_offset();
        let high_watermark = self.state.topics.partition(key)?.high_watermark;
        (high_watermark < end_offset).then_some((index, end_offset))
    }

    fn append_group_records(&mut self, key: PartitionKey, records: &[Record]) -> Result<(), ErrorCode> {
        let Some(partition) = self.state.topics.partition(key) else { return Err(ErrorCode::NotCoordinator) };
        if records.is_empty() {
            return Ok(());
        }
        if partition.isr.len() < self.state.min_in_sync(key) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let mut builder = BatchBuilder::new(Compression::None);
        for record in records {
            if builder.size_estimate() >= BATCH_BYTES {
                let full = core::mem::replace(&mut builder, BatchBuilder::new(Compression::None));
                append_batch(self, key, full)?;
            }
            let (record_key, value) = record.encode();
            builder.append(self.now.wall_ms, Some(&record_key), value.as_deref(), &[]);
        }
        append_batch(self, key, builder)
    }

    /// What was decided could not be written: it counts for nothing. The partition is read anew, and everybody is told.
    fn begin_again(&mut self, index: i32, error: ErrorCode, replies: &mut [(u64, Response)]) {
        for (_, response) in replies.iter_mut() {
            super::answer::fail(response, error);
        }
        let Some(shard) = self.state.groups.shards.get_mut(&index) else { return };
        // Leadership is looked up at the end of the step: in an epoch of its own, the shard is begun again.
        shard.epoch = i32::MIN;
        self.out.warnings.push(format!("the groups of __consumer_offsets-{index} are read anew: {}", error.name()));
    }

    /// `client.id` and address of who asks, the latter as Kafka writes it.
    fn client_of(&self, context: &RequestContext) -> (String, String) {
        let connection = self.state.connections.get(context.connection);
        connection.map_or_else(Default::default, |connection| {
            let view = connection.view();
            let host = view.peer.rsplit_once(':').map_or(view.peer.as_str(), |(host, _)| host);
            (view.client_id.clone(), format!("/{}", host.trim_matches(['[', ']'])))
        })
    }
}

fn append_batch(turn: &mut Turn<'_>, key: PartitionKey, builder: BatchBuilder) -> Result<(), ErrorCode> {
    let batch = Batch::parse(builder.build(0, -1)).expect("a batch that was just built is well-formed");
    let cause = turn.out.trace.cause();
    let appended = append_own(turn, key, &batch);
    turn.out.trace.because(cause);
    appended.map_err(|error| match error {
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::NotEnoughReplicas | ErrorCode::UnknownTopicOrPartition => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        other => other,
    })
}
