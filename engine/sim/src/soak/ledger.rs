//! What only whoever wrote the records can know: which ones were sent, what became of each, and whether the logs agree.
//!
//! Every record has a value of its own: the producer's name and a number that counts up, so that a log read back tells of
//! records that are missing, doubled, or out of order.

use crate::{ClientId, Violation, World, invariants::read_log};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_client::{DeliveryReport, RecordMetadata};
use naru_records::DecompressLimit;

/// One producer's account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) broker: i32,
    pub(super) idempotent: bool,
    /// Records handed over; also the next record's number.
    pub(super) sent: u64,
    /// The number of the record that a ticket is for.
    tickets: BTreeMap<u64, u64>,
    /// Where records are, by number.
    acknowledged: BTreeMap<u64, RecordMetadata>,
    failed: u64,
    /// Records that failed, and may be in the log all the same.
    uncertain: u64,
}

/// All accounts, by client.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) accounts: BTreeMap<ClientId, Account>,
}

/// Topic, partition, offset, producer's name, record's number.
type Found = (String, i32, i64, String, u64);

impl Account {
    pub(super) fn new(name: &str, broker: i32, idempotent: bool) -> Self {
        Account {
            name: name.to_string(),
            broker,
            idempotent,
            sent: 0,
            tickets: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
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
            let found = read_records(world, broker);
            for account in self.accounts.values().filter(|account| account.broker == broker) {
                account.audit(&found)?;
            }
        }
        Ok(())
    }
}

impl Account {
    fn audit(&self, log: &[Found]) -> Result<(), Violation> {
        if !self.tickets.is_empty() {
            let message = format!("{} never heard of {} of its records", self.name, self.tickets.len());
            return Err(Violation::new("reports", message));
        }
        let mine: Vec<&Found> = log.iter().filter(|(_, _, _, name, _)| *name == self.name).collect();
        for (number, told) in self.acknowledged.iter().filter(|(_, told)| told.offset >= 0) {
            let there = |(topic, partition, offset, _, found): &&&Found| {
                *topic == told.topic && *partition == told.partition && *offset == told.offset && found == number
            };
            if !mine.iter().any(|found| there(&found)) {
                let message = format!("{}#{number} was acknowledged at {told:?} and is not there", self.name);
                return Err(Violation::new("acknowledged", message));
            }
        }
        // After a failure of which nobody knows whether the record is in the log, the next epoch begins, and batches behind
        // it may come twice. Only a producer without such failures promises more.
        if self.idempotent && self.uncertain == 0 { self.audit_idempotence(&mine) } else { Ok(()) }
    }

    /// Each record once, and in each partition in the order in which they were handed over.
    fn audit_idempotence(&self, mine: &[&Found]) -> Result<(), Violation> {
        let mut last: BTreeMap<(&str, i32), u64> = BTreeMap::new();
        let mut seen: BTreeMap<u64, i64> = BTreeMap::new();
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

fn read_records(world: &World, broker: i32) -> Vec<Found> {
    let mut found = Vec::new();
    let Some(running) = world.broker(broker) else { return found };
    for (topic, view) in running.view().topics {
        for partition in view.partitions.into_keys() {
            for batch in read_log(world.disk(broker), &topic, partition) {
                let records = batch.records(DecompressLimit(64 * 1024 * 1024)).unwrap_or_default();
                found.extend(records.into_iter().filter_map(|record| {
                    let value = record.value?;
                    let (name, number) = core::str::from_utf8(&value).ok()?.split_once('#')?;
                    let number = number.split(' ').next()?.parse().ok()?;
                    Some((topic.clone(), partition, record.offset, name.to_string(), number))
                }));
            }
        }
    }
    found
}
