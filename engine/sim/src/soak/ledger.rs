//! What only whoever wrote the records can know: which ones were sent, what became of each, and whether the logs agree.
//!
//! Every record has a value of its own: the producer's name and a number that counts up, so that a log read back tells of
//! records that are missing, doubled, or out of order.

use crate::{ClientId, Violation, World, invariants::read_log};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_client::{DeliveryReport, RecordMetadata};
use naru_records::DecompressLimit;
use naru_trace::{Actor, Seq, TopicView, TraceEvent, TraceKind};
use naru_trace::{SortedMap, SortedSet};

/// One producer's account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) broker: i32,
    pub(super) idempotent: bool,
    /// Records handed over; also the next record's number.
    pub(super) sent: u64,
    /// Every record's key, by number.
    pub(super) keys: Vec<Option<String>>,
    /// The number of the record that a ticket is for.
    tickets: SortedMap<u64, u64>,
    /// Where records are, by number.
    acknowledged: SortedMap<u64, RecordMetadata>,
    failed: u64,
    /// Records that failed, and may be in the log all the same.
    uncertain: u64,
}

/// All accounts, by client.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) accounts: SortedMap<ClientId, Account>,
}

/// Topic, partition, offset, producer's name, record's number.
type Found = (String, i32, i64, String, u64);

/// What a broker's logs look like at the end, and what may be missing in them.
struct Logs {
    found: Vec<Found>,
    topics: SortedMap<String, TopicView>,
    /// The newest offset of each key, by topic and partition. Only of compacted topics.
    newest: SortedMap<(String, i32), SortedMap<Vec<u8>, i64>>,
    /// Whether the machine ever lost power. Then `acknowledged_since` says which records were acknowledged after the last
    /// time.
    lost_power: bool,
    acknowledged_since: SortedSet<(u32, String, i32, i64)>,
    /// Who began anew in which partition (producer, topic, partition), because its batches there were gone.
    begun_anew: SortedSet<(String, String, i32)>,
}

impl Account {
    pub(super) fn new(name: &str, broker: i32, idempotent: bool) -> Self {
        Account {
            name: name.to_string(),
            broker,
            idempotent,
            sent: 0,
            keys: Vec::new(),
            tickets: SortedMap::new(),
            acknowledged: SortedMap::new(),
            failed: 0,
            uncertain: 0,
        }
    }

    /// The next record's value.
    pub(super) fn next_value(&mut self) -> String {
        let value = format!("{}#{}", self.name, self.sent);
        self.sent += 1;
        value
    }

    /// The last value was handed over with this ticket.
    pub(super) fn on_ticket(&mut self, ticket: u64) {
        self.tickets.insert(ticket, self.sent - 1);
    }
}

impl Ledger {
    pub(super) fn on_reports(&mut self, id: ClientId, reports: Vec<DeliveryReport>) -> Result<(), Violation> {
        let Some(account) = self.accounts.get_mut(&id) else { return Ok(()) };
        for report in reports {
            let Some(number) = account.tickets.remove(&report.ticket) else {
                let message = format!("{} was told twice about ticket {}", account.name, report.ticket);
                return Err(Violation::new("reports", message));
            };
            match report.result {
                Ok(metadata) => {
                    account.acknowledged.insert(number, metadata);
                }
                Err(error) => {
                    account.failed += 1;
                    account.uncertain +=
                        u64::from(error.error == "REQUEST_TIMED_OUT" || error.error == "NETWORK_EXCEPTION");
                }
            }
        }
        Ok(())
    }

    /// How many records were handed over, acknowledged, failed.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let sum = |count: fn(&Account) -> u64| self.accounts.values().map(count).sum();
        (sum(|a| a.sent), sum(|a| a.acknowledged.len() as u64), sum(|a| a.failed))
    }

    /// Compares the accounts with all logs. To be called when every producer is idle.
    pub(super) fn audit(&self, world: &World) -> Result<(), Violation> {
        for broker in world.brokers() {
            let logs = Logs::of(world, broker);
            for (id, account) in self.accounts.iter().filter(|(_, account)| account.broker == broker) {
                account.audit(*id, &logs)?;
            }
        }
        Ok(())
    }
}

impl Account {
    fn audit(&self, id: ClientId, logs: &Logs) -> Result<(), Violation> {
        if !self.tickets.is_empty() {
            let message = format!("{} never heard of {} of its records", self.name, self.tickets.len());
            return Err(Violation::new("reports", message));
        }
        let mine: Vec<&Found> = logs.found.iter().filter(|(_, _, _, name, _)| *name == self.name).collect();
        let places: SortedMap<u64, &Found> = mine.iter().map(|found| (found.4, *found)).collect();
        let place = |told: &RecordMetadata| (told.topic.clone(), told.partition, told.offset);
        let last_at: SortedMap<_, u64> =
            self.acknowledged.iter().map(|(number, told)| (place(told), *number)).collect();
        for (number, told) in self.acknowledged.iter().filter(|(_, told)| told.offset >= 0) {
            let there = |found: &&Found| (&found.0, found.1, found.2) == (&told.topic, told.partition, told.offset);
            let is_there = places.get(number).is_some_and(&there) || mine.iter().any(|f| f.4 == *number && there(f));
            let key = self.keys.get(*number as usize).and_then(Option::as_deref);
            // After a power failure the same offset is given again.
            let is_last = last_at.get(&place(told)) == Some(number);
            if !is_there && is_last && !logs.may_miss(id, told, key) {
                let message = format!("{}#{number} was acknowledged at {told:?} and is not there", self.name);
                return Err(Violation::new("acknowledged", message));
            }
        }
        // After a failure of which nobody knows whether the record is in the log, the next epoch begins, and batches behind
        // it may come twice. Only a producer without such failures promises more.
        if !self.idempotent || self.uncertain > 0 {
            return Ok(());
        }
        // The same in a single partition, where the broker could not know a batch again that was sent again.
        let begun_anew = |found: &Found| logs.begun_anew.contains(&(self.name.clone(), found.0.clone(), found.1));
        let promised: Vec<&Found> = mine.into_iter().filter(|found| !begun_anew(found)).collect();
        self.audit_idempotence(&promised)
    }

    /// Each record once, and in each partition in the order in which they were handed over.
    fn audit_idempotence(&self, mine: &[&Found]) -> Result<(), Violation> {
        let mut last: SortedMap<(&str, i32), u64> = SortedMap::new();
        let mut seen: SortedMap<u64, i64> = SortedMap::new();
        for (topic, partition, offset, _, number) in mine {
            if let Some(before) = seen.insert(*number, *offset) {
                let message = format!("{}#{number} is in {topic} twice, at {before} and {offset}", self.name);
                return Err(Violation::new("idempotence", message));
            }
            if let Some(before) = last.insert((topic, *partition), *number)
                && before > *number
            {
                let message = format!("{topic}-{partition}: {}#{number} stands behind #{before}", self.name);
                return Err(Violation::new("idempotence", message));
            }
        }
        Ok(())
    }
}

impl Logs {
    fn of(world: &World, broker: i32) -> Logs {
        let topics = world.broker_view(broker).map(|running| running.topics).unwrap_or_default();
        let (lost_power, acknowledged_since) = acknowledged_since_power_loss(world.events(), broker);
        let begun_anew = begun_anew(world.events(), broker);
        let (found, newest) = (Vec::new(), SortedMap::new());
        let mut logs = Logs { found, topics, newest, lost_power, acknowledged_since, begun_anew };
        logs.read(world, broker);
        logs
    }

    fn read(&mut self, world: &World, broker: i32) {
        for (topic, view) in &self.topics {
            for partition in view.partitions.keys() {
                for batch in read_log(world.disk(broker), topic, *partition) {
                    let records = batch.records(DecompressLimit(64 * 1024 * 1024)).unwrap_or_default();
                    let newest = self.newest.entry((topic.clone(), *partition)).or_default();
                    let keys = records.iter().filter_map(|record| Some((record.key.as_ref()?.to_vec(), record.offset)));
                    newest.extend(keys);
                    self.found.extend(records.into_iter().filter_map(|record| {
                        let value = record.value?;
                        let (name, number) = core::str::from_utf8(&value).ok()?.split_once('#')?;
                        let number = number.split(' ').next()?.parse().ok()?;
                        Some((topic.clone(), *partition, record.offset, name.to_string(), number))
                    }));
                }
            }
        }
    }

    /// Whether an acknowledged record may be missing: deleted by retention or on request (that this was right is for
    /// `retention` and `log_start`), replaced by a newer one of its key, or lost in a power failure before it was synced.
    fn may_miss(&self, id: ClientId, told: &RecordMetadata, key: Option<&str>) -> bool {
        let Some(topic) = self.topics.get(&told.topic) else { return true };
        let setting = |key: &str| topic.configs.get(key).map_or("", String::as_str);
        let log_start = topic.partitions.get(&told.partition).map_or(0, |partition| partition.log_start_offset);
        let acknowledged = (id.0, told.topic.clone(), told.partition, told.offset);
        let lost =
            self.lost_power && setting("flush.messages") != "1" && !self.acknowledged_since.contains(&acknowledged);
        let newest = self.newest.get(&(told.topic.clone(), told.partition));
        let newer = key.zip(newest).and_then(|(key, newest)| newest.get(key.as_bytes()));
        let compacted =
            setting("cleanup.policy").contains("compact") && newer.is_some_and(|newer| *newer > told.offset);
        told.offset < log_start || compacted || lost
    }
}

/// Whether a broker's machine lost power, and the records (client, topic, partition, offset) whose acknowledgement it sent
/// after the last time.
fn acknowledged_since_power_loss(events: &[TraceEvent], broker: i32) -> (bool, SortedSet<(u32, String, i32, i64)>) {
    let is_loss =
        |event: &&TraceEvent| matches!(event.kind, TraceKind::PowerLost { broker: lost, .. } if lost == broker);
    let Some(lost) = events.iter().rev().find(is_loss).map(|event| event.seq) else { return (false, SortedSet::new()) };
    let cause = |seq: Option<Seq>| events.get(seq? as usize)?.cause;
    let mut since = SortedSet::new();
    for event in events {
        if let (Actor::Client(client), TraceKind::BatchAcknowledged { topic, partition, base_offset, records }) =
            (event.actor, &event.kind)
            // An arrival is caused by its being sent.
            && cause(event.cause).is_some_and(|sent| sent > lost)
        {
            let offsets = *base_offset..base_offset + i64::from(*records);
            since.extend(offsets.map(|offset| (client, topic.clone(), *partition, offset)));
        }
    }
    (true, since)
}

/// The producers (and topic, partition) that were refused with `OUT_OF_ORDER_SEQUENCE_NUMBER` after the log had lost batches:
/// to a power failure, to retention, to DeleteRecords, or to compaction. A producer state that is read back from files knows
/// of the last batch of each producer, and of those in the log. So a batch that was written, and of which the producer never
/// heard, may be taken for a gap when it is sent again; the producer begins anew with it, in its next epoch, and it comes
/// after batches that were behind it (`TransactionManager.canRetry`; KIP-360). Without such a loss, it is known again.
fn begun_anew(events: &[TraceEvent], broker: i32) -> SortedSet<(String, String, i32)> {
    let (mut ends, mut lossy, mut found) = (SortedMap::new(), SortedSet::new(), SortedSet::new());
    for event in events.iter().filter(|event| event.actor == Actor::Broker(broker)) {
        match &event.kind {
            TraceKind::BatchAppended { topic, partition, log_end_offset, .. } => {
                ends.insert((topic.clone(), *partition), *log_end_offset);
            }
            TraceKind::PartitionOpened { topic, partition, view, .. } if view.online => {
                let replica = (topic.clone(), *partition);
                if ends.insert(replica.clone(), view.log_end_offset).is_some_and(|end| end > view.log_end_offset) {
                    lossy.insert(replica);
                }
            }
            TraceKind::LogStartOffsetAdvanced { topic, partition, .. }
            | TraceKind::SegmentsReplaced { topic, partition, .. }
            | TraceKind::CleaningFinished { topic, partition, .. } => {
                lossy.insert((topic.clone(), *partition));
            }
            TraceKind::BatchRejected { topic, partition, error, .. } if error == "OUT_OF_ORDER_SEQUENCE_NUMBER" => {
                if lossy.contains(&(topic.clone(), *partition))
                    && let Some(client) = asked_by(events, event)
                {
                    found.insert((client.to_string(), topic.clone(), *partition));
                }
            }
            _ => {}
        }
    }
    found
}

/// The `client.id` of the request that an event goes back to.
fn asked_by<'a>(events: &'a [TraceEvent], event: &'a TraceEvent) -> Option<&'a str> {
    let mut event = event;
    loop {
        if let TraceKind::RequestReceived { client_id, .. } = &event.kind {
            return Some(client_id);
        }
        event = events.get(event.cause? as usize)?;
    }
}
