//! Fetch sessions (KIP-227): a client says once which partitions it reads, and later only what changed; the broker answers
//! only for partitions that have news.
//!
//! Deliberately not the reading itself: [`crate::api::fetch`] asks here *what* to read and *what* to tell.

use crate::{random::Random, topics::TopicRef};
use alloc::vec::Vec;
use naru_trace::Micros;
use naru_trace::SortedMap;
use naru_wire::ErrorCode;

/// An epoch that ends a session, or asks for none.
pub(crate) const FINAL_EPOCH: i32 = -1;
/// An epoch that asks for a new session.
pub(crate) const INITIAL_EPOCH: i32 = 0;
/// A session that was not used for so long may be evicted (`min.incremental.fetch.session.eviction.ms`).
const EVICTION_MICROS: u64 = 120_000_000;

/// What is asked of one partition.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) topic: TopicRef,
    pub(crate) partition: i32,
    pub(crate) fetch_offset: i64,
    pub(crate) max_bytes: i32,
    pub(crate) current_leader_epoch: i32,
    /// The epoch of the last record that the other side has; -1 if it does not say.
    pub(crate) last_fetched_epoch: i32,
    /// Where a follower's log begins.
    pub(crate) log_start_offset: i64,
}

/// What the last answer said of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) error: ErrorCode,
    pub(crate) high_watermark: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) has_records: bool,
    /// The logs part, or another replica is to be asked: news in any case.
    pub(crate) is_redirected: bool,
}

/// One session.
#[derive(Debug)]
struct Session {
    /// The epoch that the next request must have.
    epoch: i32,
    /// Whether its topics are named by id (Fetch 13 and later).
    by_id: bool,
    created: Micros,
    last_used: Micros,
    /// The partitions in the order in which they are read. Who was given records goes to the end, so that a partition with
    /// much to read does not starve the others.
    order: SortedMap<u64, Remembered>,
    places: SortedMap<(TopicRef, i32), u64>,
    next_place: u64,
}

#[derive(Debug)]
struct Remembered {
    wanted: Wanted,
    high_watermark: i64,
    log_start_offset: i64,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct FetchSessions {
    sessions: SortedMap<i32, Session>,
}

/// How a fetch stands to sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionUse {
    /// No session, and none wanted.
    None,
    /// All partitions are named, and a session is wanted.
    Full,
    /// Goes on with this session.
    Incremental { id: i32 },
}

/// What a request with a session id changes in its session.
#[derive(Debug)]
pub(crate) struct SessionUpdate {
    pub(crate) id: i32,
    pub(crate) epoch: i32,
    /// Topics are named by id (version 13 and later).
    pub(crate) by_id: bool,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) forgotten: Vec<(TopicRef, i32)>,
}

impl FetchSessions {
    /// Begins with a request: `Ok` with how it uses sessions and the partitions to read, or Kafka's error.
    pub(crate) fn begin(&mut self, update: SessionUpdate, now: Micros) -> Result<(SessionUse, Vec<Wanted>), ErrorCode> {
        if update.epoch == FINAL_EPOCH || update.epoch == INITIAL_EPOCH {
            self.sessions.remove(&update.id);
            let usage = if update.epoch == FINAL_EPOCH { SessionUse::None } else { SessionUse::Full };
            return Ok((usage, update.wanted));
        }
        let id = update.id;
        let session = self.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != update.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != update.by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.last_used = now;
        session.epoch = next_epoch(session.epoch);
        for (topic, partition) in update.forgotten {
            session.forget(&topic, partition);
        }
        for wanted in update.wanted {
            session.remember(wanted);
        }
        if session.order.is_empty() {
            self.sessions.remove(&id);
            return Ok((SessionUse::None, Vec::new()));
        }
        let wanted = session.order.values().map(|remembered| remembered.wanted.clone()).collect();
        Ok((SessionUse::Incremental { id }, wanted))
    }

    /// Makes a session for a full fetch, if there is room or somebody can be evicted. 0 if not: the client then fetches
    /// without a session.
    pub(crate) fn create(
        &mut self,
        told: impl Iterator<Item = (Wanted, Told)>,
        by_id: bool,
        limits: &SessionLimits,
        random: &mut Random,
    ) -> i32 {
        let mut session = Session::new(by_id, limits.now);
        for (wanted, told) in told {
            let place = session.remember(wanted);
            session.tell(place, &told);
        }
        if session.order.is_empty() || !self.make_room(session.order.len(), limits) {
            return 0;
        }
        let id = loop {
            let id = random.positive();
            if !self.sessions.contains_key(&id) {
                break id;
            }
        };
        self.sessions.insert(id, session);
        id
    }

    /// Notes what an incremental answer says of a partition, and returns whether it has to say it at all.
    pub(crate) fn tell(&mut self, id: i32, topic: &TopicRef, partition: i32, told: &Told) -> bool {
        let news_by_itself = told.has_records || told.is_redirected || told.error != ErrorCode::None;
        let Some(session) = self.sessions.get_mut(&id) else { return news_by_itself };
        let Some(place) = session.places.get(&(topic.clone(), partition)).copied() else { return news_by_itself };
        session.tell(place, told)
    }

    /// How many partitions a session remembers.
    pub(crate) fn size(&self, id: i32) -> Option<usize> {
        self.sessions.get(&id).map(|session| session.order.len())
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is room for a session of `size` partitions: evicts one that was not used for long, or else a smaller one
    /// that has had its time (FetchSessionCache.tryEvict).
    fn make_room(&mut self, size: usize, limits: &SessionLimits) -> bool {
        if self.sessions.len() < limits.sessions_max {
            return true;
        }
        let stale = |since: Micros| limits.now.since(since) > EVICTION_MICROS;
        let idle = self.sessions.iter().filter(|(_, session)| stale(session.last_used));
        let idle = idle.min_by_key(|(id, session)| (session.last_used, **id)).map(|(id, _)| *id);
        let smaller = self.sessions.iter();
        let smaller = smaller.filter(|(_, session)| stale(session.created) && session.order.len() < size);
        let smaller = smaller.min_by_key(|(id, session)| (session.order.len(), **id)).map(|(id, _)| *id);
        match idle.or(smaller) {
            Some(id) => self.sessions.remove(&id).is_some(),
            None => false,
        }
    }
}

/// What a new session has to fit into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimits {
    /// `max.incremental.fetch.session.cache.slots`.
    pub(crate) sessions_max: usize,
    pub(crate) now: Micros,
}

impl Session {
    fn new(by_id: bool, now: Micros) -> Self {
        Session {
            epoch: next_epoch(INITIAL_EPOCH),
            by_id,
            created: now,
            last_used: now,
            order: SortedMap::new(),
            places: SortedMap::new(),
            next_place: 0,
        }
    }

    fn remember(&mut self, wanted: Wanted) -> u64 {
        let wanted = Wanted { topic: wanted.topic.to_owned(), ..wanted };
        let key = (wanted.topic.clone(), wanted.partition);
        if let Some(place) = self.places.get(&key).copied()
            && let Some(remembered) = self.order.get_mut(&place)
        {
            remembered.wanted = wanted;
            return place;
        }
        // -1: whatever the first answer says of it is news.
        let remembered = Remembered { wanted, high_watermark: -1, log_start_offset: -1 };
        let place = self.next_place;
        self.places.insert(key, place);
        self.order.insert(place, remembered);
        self.next_place += 1;
        place
    }

    fn forget(&mut self, topic: &TopicRef, partition: i32) {
        if let Some(place) = self.places.remove(&(topic.clone(), partition)) {
            self.order.remove(&place);
        }
    }

    fn tell(&mut self, place: u64, told: &Told) -> bool {
        let Some(remembered) = self.order.get_mut(&place) else { return true };
        let failed = told.error != ErrorCode::None;
        let news = failed
            || told.has_records
            || told.is_redirected
            || remembered.high_watermark != told.high_watermark
            || remembered.log_start_offset != told.log_start_offset;
        // After an error the next answer is news again, whatever it says (FetchSession.maybeUpdateResponseData).
        remembered.high_watermark = if failed { -1 } else { told.high_watermark };
        remembered.log_start_offset = told.log_start_offset;
        if told.has_records {
            self.move_to_end(place);
        }
        news
    }

    fn move_to_end(&mut self, place: u64) {
        let Some(remembered) = self.order.remove(&place) else { return };
        let key = (remembered.wanted.topic.clone(), remembered.wanted.partition);
        self.places.insert(key, self.next_place);
        self.order.insert(self.next_place, remembered);
        self.next_place += 1;
    }
}

/// Epochs count up from 1 and skip 0 when they wrap.
fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}
