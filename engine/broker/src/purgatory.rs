//! Where replies wait. Kafka's name for it, too.
//!
//! Waiting is a value: a [`Parked`] reply says what it waits for and until when. Two things free it: its condition, which
//! whoever changes the state reports here ([`Purgatory::bytes_available`], [`Purgatory::durable`]), or its deadline.
//! Deliberately not callbacks: the purgatory only says *which* replies are free; the broker then answers them.

use crate::{
    api::fetch::{FetchLoad, FetchWait},
    connections::RequestContext,
    topics::PartitionKey,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use bytes::Bytes;
use naru_trace::{Deadline, Micros, Seq};
use naru_trace::{SortedMap, SortedSet};
use naru_wire::messages::{DeleteRecordsResponse, ProduceResponse};
use naru_wire::{ErrorCode, Response};

/// What a parked reply waits for.
#[derive(Debug)]
pub(crate) enum Until {
    /// The metadata log is on disk up to this offset.
    Durable { end_offset: i64, response: Box<Response> },
    /// Logs are on disk as far as they were appended to: one ticket for each. `partitions` are all that the response is
    /// about, also those that it does not wait for.
    Flushed { tickets: SortedSet<u64>, partitions: SortedSet<PartitionKey>, end_offset: i64, response: Box<Response> },
    /// All in sync have what a Produce with acks=all has appended.
    Replicated(Box<ReplicationWait>),
    /// All replicas that live have deleted what a DeleteRecords asks for.
    Deleted(Box<DeletionWait>),
    /// A group has come so far that there is an answer: `response`, once there is.
    Group { token: u64, shard: i32, group: String, response: Option<Box<Response>> },
    /// Enough bytes can be read.
    Bytes(Box<FetchWait>),
    /// The active controller answers a request that was passed on to it.
    Forwarded {
        /// The request as it came, to be passed on again.
        original: Bytes,
        /// The answer, once it is there.
        answer: Option<Bytes>,
    },
    /// The quorum answers.
    Quorum {
        /// Its number there.
        token: u64,
        /// The answer, once it is there.
        answer: Option<Box<Response>>,
    },
    /// A part of a file is in memory, which tells where the records are.
    Loaded(Box<FetchLoad>),
}

/// A Produce that waits for followers.
#[derive(Debug)]
pub(crate) struct ReplicationWait {
    /// The partitions that it waits for.
    pub(crate) wants: Vec<ReplicaWant>,
    /// Logs that are to be on disk here as well (`flush.messages`).
    pub(crate) tickets: SortedSet<u64>,
    /// All partitions that the response is about, also those that it does not wait for.
    pub(crate) partitions: SortedSet<PartitionKey>,
    pub(crate) response: Box<ProduceResponse>,
}

/// One partition of a Produce that waits for followers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplicaWant {
    pub(crate) key: PartitionKey,
    /// What the high watermark has to reach.
    pub(crate) end_offset: i64,
    /// Its place in the response: topic, partition.
    pub(crate) place: (usize, usize),
    /// What has become of it; `None` as long as nothing has.
    pub(crate) outcome: Option<ErrorCode>,
}

/// A DeleteRecords that waits for followers.
#[derive(Debug)]
pub(crate) struct DeletionWait {
    pub(crate) wants: Vec<DeletionWant>,
    pub(crate) response: Box<DeleteRecordsResponse>,
}

/// One partition of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeletionWant {
    pub(crate) key: PartitionKey,
    /// Where every replica's log is to begin, or later.
    pub(crate) log_start_offset: i64,
    /// Its place in the response: topic, partition.
    pub(crate) place: (usize, usize),
    /// What has become of it: the low watermark, or an error; `None` as long as nothing has.
    pub(crate) outcome: Option<Result<i64, ErrorCode>>,
}

impl ReplicationWait {
    fn is_over(&self) -> bool {
        self.tickets.is_empty() && self.wants.iter().all(|want| want.outcome.is_some())
    }
}

impl Until {
    /// The partitions whose changes it has to hear of.
    fn watched(&self) -> Vec<PartitionKey> {
        match self {
            Until::Bytes(wait) => wait.wants.iter().map(|want| want.key).collect(),
            Until::Replicated(wait) => wait.wants.iter().map(|want| want.key).collect(),
            Until::Deleted(wait) => wait.wants.iter().map(|want| want.key).collect(),
            Until::Durable { .. }
            | Until::Loaded(_)
            | Until::Group { .. }
            | Until::Flushed { .. }
            | Until::Forwarded { .. }
            | Until::Quorum { .. } => Vec::new(),
        }
    }
}

/// A reply that waits.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) context: RequestContext,
    pub(crate) until: Until,
    pub(crate) deadline: Option<Micros>,
    /// The event of its being parked: what a deadline that passes is blamed on.
    pub(crate) event: Option<Seq>,
}

/// One partition of a fetch that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    pub(crate) key: PartitionKey,
    pub(crate) offset: i64,
    pub(crate) max_bytes: u32,
    /// How many bytes there are to read; at most `max_bytes`.
    pub(crate) available: u32,
}

/// All replies that wait.
#[derive(Debug, Default)]
pub(crate) struct Purgatory {
    next_id: u64,
    next_load: u64,
    parked: SortedMap<u64, Parked>,
    deadlines: SortedSet<(Micros, u64)>,
    /// Who waits for a partition: the reply, and the index among its wants.
    watchers: SortedMap<PartitionKey, SortedSet<(u64, usize)>>,
    /// Replies that wait for a group, by the number that its coordinator knows them by.
    group_waiters: SortedMap<u64, u64>,
}

impl Purgatory {
    /// Parks a reply and returns its number.
    pub(crate) fn park(&mut self, parked: Parked) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if let Some(deadline) = parked.deadline {
            self.deadlines.insert((deadline, id));
        }
        for (index, key) in parked.until.watched().into_iter().enumerate() {
            self.watchers.entry(key).or_default().insert((id, index));
        }
        if let Until::Group { token, .. } = &parked.until {
            self.group_waiters.insert(*token, id);
        }
        self.parked.insert(id, parked);
        id
    }

    /// Notes the event of a reply's being parked.
    pub(crate) fn set_event(&mut self, id: u64, event: Option<Seq>) {
        if let Some(parked) = self.parked.get_mut(&id) {
            parked.event = event;
        }
    }

    /// Takes a reply out, for whatever reason.
    pub(crate) fn take(&mut self, id: u64) -> Option<Parked> {
        let parked = self.parked.remove(&id)?;
        if let Some(deadline) = parked.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        for (index, key) in parked.until.watched().into_iter().enumerate() {
            self.forget_watcher(key, (id, index));
        }
        if let Until::Group { token, .. } = &parked.until {
            self.group_waiters.remove(token);
        }
        Some(parked)
    }

    /// There is an answer for who waits for a group. Returns the number of the reply, if it still waits.
    pub(crate) fn answer_group(&mut self, token: u64, answer: Response) -> Option<u64> {
        let id = *self.group_waiters.get(&token)?;
        let Until::Group { response, .. } = &mut self.parked.get_mut(&id)?.until else { return None };
        *response = Some(Box::new(answer));
        Some(id)
    }

    /// The replies that wait for a group of any coordinator.
    pub(crate) fn waiting_for_groups(&self) -> Vec<u64> {
        self.group_waiters.values().copied().collect()
    }

    /// The replies that wait for a group of this partition of `__consumer_offsets`, and have no answer yet.
    pub(crate) fn waiting_for_groups_of(&self, index: i32) -> Vec<u64> {
        let waits = |id: &&u64| {
            let until = self.parked.get(*id).map(|parked| &parked.until);
            matches!(until, Some(Until::Group { shard, response: None, .. }) if *shard == index)
        };
        self.group_waiters.values().filter(waits).copied().collect()
    }

    /// What a reply that waits for a group is the answer to.
    pub(crate) fn group_waiter(&self, id: u64) -> Option<(u64, RequestContext)> {
        let parked = self.parked.get(&id)?;
        let Until::Group { token, .. } = parked.until else { return None };
        Some((token, parked.context))
    }

    /// A partition has grown, for followers or for consumers: `available` says how many bytes can be read from an offset.
    /// Returns the fetches that have enough now. Costs as much as there are fetches waiting for this very partition.
    pub(crate) fn bytes_available(
        &mut self,
        key: PartitionKey,
        for_followers: bool,
        available: impl Fn(i64) -> u64,
    ) -> Vec<u64> {
        let Some(watchers) = self.watchers.get(&key) else { return Vec::new() };
        let mut free = Vec::new();
        for (id, index) in watchers {
            let Some(Parked { until: Until::Bytes(wait), .. }) = self.parked.get_mut(id) else { continue };
            if wait.plan.limits.is_follower() != for_followers {
                continue;
            }
            let want = &mut wait.wants[*index];
            let now = available(want.offset).min(u64::from(want.max_bytes)) as u32;
            wait.available += u64::from(now.saturating_sub(want.available));
            want.available = want.available.max(now);
            if wait.available >= u64::from(wait.min_bytes) {
                free.push(*id);
            }
        }
        free
    }

    /// A high watermark has moved. Returns the replies of acks=all that have waited for it and for nothing else. `error` is
    /// what they are told of this partition.
    pub(crate) fn replicated(&mut self, key: PartitionKey, high_watermark: i64, error: ErrorCode) -> Vec<u64> {
        self.settle_wants(key, |want| (want.end_offset <= high_watermark).then_some(error))
    }

    /// A low watermark has moved. Returns the DeleteRecords that have waited for it and for nothing else.
    pub(crate) fn deleted(&mut self, key: PartitionKey, low_watermark: Result<i64, ErrorCode>) -> Vec<u64> {
        let Some(watchers) = self.watchers.get(&key) else { return Vec::new() };
        let mut free = Vec::new();
        for (id, index) in watchers {
            let Some(Parked { until: Until::Deleted(wait), .. }) = self.parked.get_mut(id) else { continue };
            let want = &mut wait.wants[*index];
            if low_watermark.is_err() || low_watermark.is_ok_and(|low| low >= want.log_start_offset) {
                want.outcome.get_or_insert(low_watermark);
            }
            if wait.wants.iter().all(|want| want.outcome.is_some()) {
                free.push(*id);
            }
        }
        free
    }

    /// A partition will not be replicated as its producers wait for it. The same as [`Purgatory::replicated`] otherwise.
    pub(crate) fn not_replicated(&mut self, key: PartitionKey, error: ErrorCode) -> Vec<u64> {
        self.settle_wants(key, |_| Some(error))
    }

    fn settle_wants(&mut self, key: PartitionKey, outcome: impl Fn(&ReplicaWant) -> Option<ErrorCode>) -> Vec<u64> {
        let Some(watchers) = self.watchers.get(&key) else { return Vec::new() };
        let mut free = Vec::new();
        for (id, index) in watchers {
            let Some(Parked { until: Until::Replicated(wait), .. }) = self.parked.get_mut(id) else { continue };
            let want = &mut wait.wants[*index];
            want.outcome = want.outcome.or_else(|| outcome(want));
            if wait.is_over() {
                free.push(*id);
            }
        }
        free
    }

    /// Every fetch that waits for a partition: it is gone, or has another role, or its storage failed, and they should hear
    /// of it.
    pub(crate) fn fetches_of(&self, key: PartitionKey) -> Vec<u64> {
        let is_fetch = |id: &u64| self.parked.get(id).is_some_and(|parked| matches!(parked.until, Until::Bytes(_)));
        self.watchers.get(&key).into_iter().flatten().map(|(id, _)| *id).filter(is_fetch).collect()
    }

    /// The replies that waited for the metadata log to be on disk up to `end_offset`.
    pub(crate) fn durable(&self, up_to: i64) -> Vec<u64> {
        let is_free =
            |parked: &Parked| matches!(parked.until, Until::Durable { end_offset, .. } if end_offset <= up_to);
        self.parked.iter().filter(|(_, parked)| is_free(parked)).map(|(id, _)| *id).collect()
    }

    /// A flush is done. Returns the replies that waited for it and for nothing else.
    pub(crate) fn flushed(&mut self, ticket: u64) -> Vec<u64> {
        let mut free = Vec::new();
        for id in self.waiting_for_ticket(ticket) {
            let is_free = match self.parked.get_mut(&id).map(|parked| &mut parked.until) {
                Some(Until::Flushed { tickets, .. }) => {
                    tickets.remove(&ticket);
                    tickets.is_empty()
                }
                Some(Until::Replicated(wait)) => {
                    wait.tickets.remove(&ticket);
                    wait.is_over()
                }
                _ => false,
            };
            free.extend(is_free.then_some(id));
        }
        free
    }

    /// A ticket for [`Until::Loaded`] that nobody has had.
    pub(crate) fn new_load(&mut self) -> u64 {
        self.next_load += 1;
        self.next_load
    }

    /// The reply that waited for a part of a file.
    pub(crate) fn loaded(&self, ticket: u64) -> Option<u64> {
        let waits = |parked: &Parked| matches!(&parked.until, Until::Loaded(load) if load.ticket == ticket);
        self.parked.iter().find(|(_, parked)| waits(parked)).map(|(id, _)| *id)
    }

    /// The replies that wait for a flush, perhaps among others.
    pub(crate) fn waiting_for_ticket(&self, ticket: u64) -> Vec<u64> {
        let waits = |parked: &Parked| match &parked.until {
            Until::Flushed { tickets, .. } => tickets.contains(&ticket),
            Until::Replicated(wait) => wait.tickets.contains(&ticket),
            Until::Durable { .. } | Until::Group { .. } | Until::Bytes(_) | Until::Deleted(_) | Until::Loaded(_) => {
                false
            }
            Until::Forwarded { .. } | Until::Quorum { .. } => false,
        };
        self.parked.iter().filter(|(_, parked)| waits(parked)).map(|(id, _)| *id).collect()
    }

    /// The replies that wait for a flush or for followers, and say that records are in this partition.
    pub(crate) fn promising(&self, key: PartitionKey) -> Vec<u64> {
        let promises = |parked: &Parked| match &parked.until {
            Until::Flushed { partitions, .. } => partitions.contains(&key),
            Until::Replicated(wait) => wait.partitions.contains(&key),
            Until::Durable { .. } | Until::Group { .. } | Until::Bytes(_) | Until::Deleted(_) | Until::Loaded(_) => {
                false
            }
            Until::Forwarded { .. } | Until::Quorum { .. } => false,
        };
        self.parked.iter().filter(|(_, parked)| promises(parked)).map(|(id, _)| *id).collect()
    }

    /// A parked reply, to be given what it waits for.
    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Parked> {
        self.parked.get_mut(&id)
    }

    /// The replies that wait for an answer of the quorum, by its number.
    pub(crate) fn waiting_for_quorum(&self, wanted: u64) -> Option<u64> {
        let waits = |parked: &Parked| matches!(parked.until, Until::Quorum { token, .. } if token == wanted);
        self.parked.iter().find(|(_, parked)| waits(parked)).map(|(id, _)| *id)
    }

    /// A reply whose deadline is over.
    pub(crate) fn expired(&self, now: Micros) -> Option<u64> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now).map(|(_, id)| *id)
    }

    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        let (at, id) = self.deadlines.first()?;
        let until = self.parked.get(id).map(|parked| &parked.until);
        let is_produce = matches!(until, Some(Until::Replicated(_) | Until::Deleted(_)));
        Some(Deadline { at: *at, reason: if is_produce { "timeout.ms" } else { "fetch.max.wait.ms" } })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Parked)> {
        self.parked.iter().map(|(id, parked)| (*id, parked))
    }

    pub(crate) fn len(&self) -> usize {
        self.parked.len()
    }

    pub(crate) fn check_invariants(&self) {
        let with_deadline = self.parked.values().filter(|parked| parked.deadline.is_some()).count();
        assert_eq!(with_deadline, self.deadlines.len(), "every deadline belongs to a parked reply");
        for (id, _) in self.watchers.values().flatten() {
            assert!(self.parked.contains_key(id), "watcher {id} does not wait");
        }
    }

    fn forget_watcher(&mut self, key: PartitionKey, watcher: (u64, usize)) {
        let Some(watchers) = self.watchers.get_mut(&key) else { return };
        watchers.remove(&watcher);
        if watchers.is_empty() {
            self.watchers.remove(&key);
        }
    }
}
