//! Who lets clients and faults loose on a world.

use super::{SoakOptions, SoakReport, ledger::Account, ledger::Ledger, random};
use crate::{Action, ClientId, Outcome, Rng, Violation, World, WorldConfig, invariants::read_log};
use alloc::{format, string::String, vec::Vec};
use naru_client::{Acks, AdminConfig, ConsumerConfig, NewTopic, OffsetReset, ProducerRecord, StartAt};
use naru_trace::Micros;
use naru_trace::{SortedMap, SortedSet};

/// A soak in progress.
pub(super) struct Driver<'a> {
    options: &'a SoakOptions,
    world: World,
    rng: Rng,
    ledger: Ledger,
    /// Broker, topic, partitions.
    topics: Vec<(i32, String, i32)>,
    /// The topics, by broker and name, of which records need keys.
    compacted: SortedSet<(i32, String)>,
    admins: SortedMap<i32, ClientId>,
    /// Client, its broker, its topic.
    consumers: Vec<(ClientId, i32, String)>,
    steps: u64,
    faults: u64,
    delivered: u64,
}

/// How long what was repaired may take to come to rest: longer than `delivery.timeout.ms`.
const REST_US: u64 = 200_000_000;
/// How long a fault that ends by itself may last.
const FAULT_US_MAX: u64 = 3_000_000;

impl<'a> Driver<'a> {
    pub(super) fn new(seed: u64, options: &'a SoakOptions) -> Self {
        let mut rng = Rng::new(seed ^ 0x736f_616b);
        let brokers = rng.between(1, options.brokers_max) as i32;
        let mut config = WorldConfig::new(seed, brokers);
        config.brokers.iter_mut().for_each(|broker| random::randomise_broker(&mut rng, broker));
        let fast = rng.between(100, 2_000);
        let slowest = if rng.percent(30) { options.latency_us_max } else { options.latency_us_max.min(3_000) };
        config.latency_us = (fast.min(slowest), slowest.max(fast));
        if options.faults.of_disks() {
            random::randomise_disks(&mut rng, &mut config);
        }
        Driver {
            options,
            world: World::new(config),
            rng,
            ledger: Ledger::default(),
            topics: Vec::new(),
            compacted: SortedSet::new(),
            admins: SortedMap::new(),
            consumers: Vec::new(),
            steps: 0,
            faults: 0,
            delivered: 0,
        }
    }

    pub(super) fn run(&mut self) -> Result<(), Violation> {
        self.create_topics()?;
        self.start_clients()?;
        for _ in 0..self.options.deeds {
            self.deed()?;
            let pause = self.rng.between(0, 150_000);
            self.pass(pause)?;
        }
        // Faults that end by themselves do so before the repair: one must not begin after it.
        self.pass(FAULT_US_MAX)?;
        self.repair()?;
        self.come_to_rest()?;
        self.read_everything()?;
        self.world.try_check_all()?;
        self.ledger.audit(&self.world)
    }

    pub(super) fn finish(self) -> (World, u64, SoakReport) {
        let (sent, acknowledged, failed) = self.ledger.counts();
        let (faults, delivered) = (self.faults, self.delivered);
        (self.world, self.steps, SoakReport { sent, acknowledged, failed, faults, delivered, ..SoakReport::default() })
    }

    /// Steps until `done`, checking as often as the options say.
    fn until(&mut self, mut done: impl FnMut(&mut World) -> bool, at_most_us: u64) -> Result<Outcome, Violation> {
        let mut violation = None;
        let (steps, every) = (&mut self.steps, self.options.check_every.max(1));
        let outcome = self.world.run_until(
            |world| {
                *steps += 1;
                if steps.is_multiple_of(every) {
                    violation = world.try_check().err();
                }
                violation.is_some() || done(world)
            },
            at_most_us,
        );
        violation.map_or(Ok(outcome), Err)
    }

    fn pass(&mut self, us: u64) -> Result<(), Violation> {
        self.until(|_| false, us).map(drop)
    }

    fn create_topics(&mut self) -> Result<(), Violation> {
        for broker in self.world.brokers() {
            let bootstrap = alloc::vec![self.world.address(broker)];
            let config = AdminConfig { bootstrap, ..AdminConfig::default() };
            let admin = self.world.add_admin(&format!("admin-{broker}"), config);
            self.admins.insert(broker, admin);
            for number in 0..self.rng.between(1, 3) {
                let (name, partitions) = (format!("topic-{number}"), self.rng.between(1, 4) as i32);
                let configs = if self.options.topic_settings { random::topic(&mut self.rng) } else { Vec::new() };
                if configs.iter().any(|(key, value)| key == "cleanup.policy" && value.contains("compact")) {
                    self.compacted.insert((broker, name.clone()));
                }
                let topic =
                    NewTopic { name: name.clone(), partitions: Some(partitions), configs, ..NewTopic::default() };
                self.world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
                self.topics.push((broker, name, partitions));
            }
            let outcome = self.until(|world| world.with_admin(admin, |admin, _, _| admin.is_idle()), REST_US)?;
            let results = self.world.with_admin(admin, |admin, _, _| admin.results());
            if outcome != Outcome::Done || results.iter().any(|(_, result)| result.is_err()) {
                return Err(liveness(format!("topics were not created on broker {broker}: {outcome:?} {results:?}")));
            }
        }
        Ok(())
    }

    fn start_clients(&mut self) -> Result<(), Violation> {
        for number in 0..self.rng.between(1, 4) {
            let broker = *self.rng.pick(&self.world.brokers());
            let name = format!("p{number}");
            let mut config = random::producer(&mut self.rng);
            config.bootstrap = alloc::vec![self.world.address(broker)];
            let idempotent = config.enable_idempotence && config.acks == Acks::All;
            let id = self.world.add_producer(&name, config);
            self.ledger.accounts.insert(id, Account::new(&name, broker, idempotent));
        }
        for number in 0..self.rng.between(1, 3) {
            // Somebody writes there, so that there is something to read.
            let written: Vec<i32> = self.ledger.accounts.values().map(|account| account.broker).collect();
            let topics: Vec<_> = self.topics.iter().filter(|(broker, _, _)| written.contains(broker)).collect();
            let (broker, topic, partitions) = (*self.rng.pick(&topics)).clone();
            let resets = [OffsetReset::Earliest, OffsetReset::Latest];
            let config = ConsumerConfig {
                bootstrap: alloc::vec![self.world.address(broker)],
                auto_offset_reset: *self.rng.pick(&resets),
                fetch_max_wait_ms: self.rng.between(0, 500) as u32,
                max_partition_fetch_bytes: self.rng.between(64, 20_000) as u32,
                network: random::network(&mut self.rng),
                ..ConsumerConfig::default()
            };
            let id = self.world.add_consumer(&format!("c{number}"), config);
            let start = self.random_start();
            let assigned = (0..partitions).map(|partition| (topic.clone(), partition, start)).collect();
            self.world.with_consumer(id, |consumer, now, out| consumer.assign(now, assigned, out));
            self.consumers.push((id, broker, topic));
        }
        Ok(())
    }

    fn deed(&mut self) -> Result<(), Violation> {
        if self.rng.percent(self.options.faults_percent) {
            self.fault();
            return Ok(());
        }
        if self.options.topic_settings && self.rng.percent(5) {
            self.delete_records();
            return Ok(());
        }
        match self.rng.below(10) {
            0..5 => self.send_some()?,
            5..8 => {
                let (consumer, _, _) = self.rng.pick(&self.consumers).clone();
                self.poll(consumer);
            }
            8 => self.seek(),
            _ => {
                let ids: Vec<ClientId> = self.ledger.accounts.keys().copied().collect();
                let id = *self.rng.pick(&ids);
                self.world.with_producer(id, |producer, now, out| producer.flush(now, out));
            }
        }
        self.collect_reports()
    }

    fn send_some(&mut self) -> Result<(), Violation> {
        let ids: Vec<ClientId> = self.ledger.accounts.keys().copied().collect();
        let id = *self.rng.pick(&ids);
        let account = self.ledger.accounts.get_mut(&id).expect("just listed");
        let topics: Vec<&(i32, String, i32)> =
            self.topics.iter().filter(|(broker, _, _)| *broker == account.broker).collect();
        for _ in 0..self.rng.between(1, 20) {
            let (_, topic, partitions) = *self.rng.pick(&topics);
            let with_key = self.rng.percent(60) || self.compacted.contains(&(account.broker, topic.clone()));
            let key = with_key.then(|| format!("key-{}", self.rng.below(8)));
            account.keys.push(key.clone());
            let key = key.map(|key| key.into_bytes().into());
            let partition = self.rng.percent(20).then(|| self.rng.below(*partitions as u64) as i32);
            // Some records are long, so that batches fill and segments roll.
            let padding = if self.rng.percent(10) { self.rng.below(3_000) as usize } else { 0 };
            let value = format!("{} {}", account.next_value(), "x".repeat(padding)).into_bytes().into();
            let record =
                ProducerRecord { topic: topic.clone(), partition, key, value: Some(value), ..Default::default() };
            match self.world.with_producer(id, |producer, now, out| producer.send(now, record, out)) {
                Ok(ticket) => account.on_ticket(ticket),
                Err(error) => return Err(Violation::new("reports", format!("a record was not taken: {error}"))),
            }
        }
        Ok(())
    }

    /// Asks for records to be deleted, from a partition's beginning. Nobody waits for the answer.
    fn delete_records(&mut self) {
        let (broker, topic, partitions) = self.rng.pick(&self.topics).clone();
        let partition = self.rng.below(partitions as u64) as i32;
        let before = self.rng.below(60) as i64;
        let admin = self.admins[&broker];
        self.world.with_admin(admin, |admin, now, out| admin.delete_records(now, &topic, partition, before, out));
    }

    fn poll(&mut self, consumer: ClientId) {
        let max = self.rng.between(1, 500) as usize;
        let records = self.world.with_consumer(consumer, |consumer, now, out| consumer.poll(now, max, out));
        self.delivered += records.len() as u64;
    }

    fn seek(&mut self) {
        let (id, _, _) = self.rng.pick(&self.consumers).clone();
        let assignment = self.world.consumer(id).assignment();
        let (topic, partition) = self.rng.pick(&assignment).clone();
        let to = self.random_start();
        let moved = self.world.with_consumer(id, |consumer, now, out| consumer.seek(now, &topic, partition, to, out));
        moved.expect("the partition is assigned");
    }

    fn random_start(&mut self) -> StartAt {
        match self.rng.below(4) {
            0 => StartAt::Earliest,
            1 => StartAt::Latest,
            _ => StartAt::Offset(self.rng.below(120) as i64),
        }
    }

    fn collect_reports(&mut self) -> Result<(), Violation> {
        let ids: Vec<ClientId> = self.ledger.accounts.keys().copied().collect();
        for id in ids {
            let reports = self.world.with_producer(id, |producer, _, _| producer.reports());
            self.ledger.on_reports(id, reports)?;
        }
        Ok(())
    }

    fn fault(&mut self) {
        let faults = self.options.faults;
        let of_processes = [faults.crash, faults.stop, faults.cut, faults.delay, faults.hold, faults.disk];
        let of_machines = [faults.power, faults.sync, faults.slow_disk];
        let kinds = [of_processes.as_slice(), &of_machines].concat();
        let kinds: Vec<usize> = (0..kinds.len()).filter(|kind| kinds[*kind]).collect();
        if kinds.is_empty() {
            return;
        }
        self.faults += 1;
        let broker = *self.rng.pick(&self.world.brokers());
        let clients: Vec<u32> =
            self.ledger.accounts.keys().chain(self.consumers.iter().map(|c| &c.0)).map(|c| c.0).collect();
        let client = *self.rng.pick(&clients);
        let wait = self.rng.between(1_000, FAULT_US_MAX - 1_000);
        let later = self.world.now().monotonic.plus(wait);
        match *self.rng.pick(&kinds) {
            0 => self.for_a_while(Action::Crash { broker }, later, Action::Restart { broker }),
            1 => self.for_a_while(Action::Stop { broker }, later, Action::Restart { broker }),
            2 => {
                self.world.inject(Action::Cut { client, broker });
            }
            3 => {
                let extra_us = self.rng.between(1_000, 400_000);
                let end = Action::Delay { client, broker, extra_us: 0 };
                self.for_a_while(Action::Delay { client, broker, extra_us }, later, end);
            }
            4 => self.for_a_while(Action::Hold { client, broker }, later, Action::Release { client, broker }),
            6 => {
                let torn = self.rng.percent(80);
                self.for_a_while(Action::PowerLoss { broker, torn }, later, Action::Restart { broker });
            }
            7 => {
                // What a failed sync lost is still in memory. Only a restart of the machine tells what is on the disk.
                self.for_a_while(Action::FailSync { broker, on: true }, later, Action::FailSync { broker, on: false });
                self.world.schedule(later, Action::PowerLoss { broker, torn: true });
                self.world.schedule(later.plus(1), Action::Restart { broker });
            }
            8 => {
                let extra_us = self.rng.between(1_000, 200_000);
                let end = Action::SlowDisk { broker, extra_us: 0 };
                self.for_a_while(Action::SlowDisk { broker, extra_us }, later, end);
            }
            _ => {
                // Partitions that could not be written come back with the process only.
                let room = Action::DiskFull { broker, full: false };
                self.for_a_while(Action::DiskFull { broker, full: true }, later, room);
                self.world.schedule(later, Action::Crash { broker });
                self.world.schedule(later.plus(1), Action::Restart { broker });
            }
        }
    }

    fn for_a_while(&mut self, begin: Action, later: Micros, end: Action) {
        self.world.inject(begin);
        self.world.schedule(later, end);
    }

    /// From now on nothing goes wrong any more.
    fn repair(&mut self) -> Result<(), Violation> {
        let clients: Vec<u32> =
            self.ledger.accounts.keys().chain(self.consumers.iter().map(|c| &c.0)).map(|c| c.0).collect();
        for broker in self.world.brokers() {
            self.world.inject(Action::DiskFull { broker, full: false });
            if self.options.faults.slow_disk {
                self.world.inject(Action::SlowDisk { broker, extra_us: 0 });
            }
            if self.options.faults.of_machines() {
                self.world.inject(Action::FailSync { broker, on: false });
                self.world.inject(Action::PowerLoss { broker, torn: true });
            } else {
                self.world.inject(Action::Crash { broker });
            }
            self.world.inject(Action::Restart { broker });
            self.check_recovered(broker)?;
            for client in &clients {
                self.world.inject(Action::Delay { client: *client, broker, extra_us: 0 });
                self.world.inject(Action::Release { client: *client, broker });
            }
        }
        Ok(())
    }

    /// On a disk that works, a broker starts and uses every partition, whatever was left on it.
    fn check_recovered(&self, broker: i32) -> Result<(), Violation> {
        let Some(running) = self.world.broker_view(broker) else {
            return Err(Violation::new("recovery", format!("broker {broker} does not start any more")));
        };
        for (topic, view) in running.topics {
            if let Some((partition, _)) = view.partitions.iter().find(|(_, view)| !view.online) {
                let message = format!("{topic}-{partition} is offline on broker {broker}, and its disk works");
                return Err(Violation::new("recovery", message));
            }
        }
        Ok(())
    }

    /// Once faults stop, every producer gets rid of its records.
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        let ids: Vec<ClientId> = self.ledger.accounts.keys().copied().collect();
        for id in &ids {
            self.world.with_producer(*id, |producer, now, out| producer.flush(now, out));
        }
        let outcome = self.until(|world| ids.iter().all(|id| world.producer(*id).is_idle()), REST_US)?;
        if outcome != Outcome::Done {
            return Err(liveness(format!("producers still have records to send: {outcome:?}")));
        }
        self.collect_reports()
    }

    /// Once faults stop, every consumer can read its partitions from the beginning to the end.
    fn read_everything(&mut self) -> Result<(), Violation> {
        for (id, broker, topic) in self.consumers.clone() {
            let assignment = self.world.consumer(id).assignment();
            for (topic, partition) in &assignment {
                let to = StartAt::Earliest;
                let moved = self.world.with_consumer(id, |c, now, out| c.seek(now, topic, *partition, to, out));
                moved.expect("the partition is assigned");
            }
            // As long as it goes on it may take its time: some consumers fetch one record after the other.
            let mut deadline = self.world.now().monotonic.plus(REST_US);
            while !self.has_read_all(id, broker) {
                let before = self.delivered;
                self.poll(id);
                if self.delivered > before {
                    deadline = self.world.now().monotonic.plus(REST_US);
                }
                let left = deadline.since(self.world.now().monotonic);
                let ready = |world: &mut World| world.consumer(id).buffered() > 0 || world.consumer(id).is_at_end();
                if self.until(ready, left.min(900_000))? == Outcome::OutOfEvents || left == 0 {
                    return Err(liveness(format!("a consumer does not reach the end of {topic} on broker {broker}")));
                }
            }
            self.check_ends(id, broker)?;
        }
        Ok(())
    }

    /// Whether a consumer has nothing to read any more.
    fn has_read_all(&self, id: ClientId, broker: i32) -> bool {
        let consumer = self.world.consumer(id);
        let is_read = |(topic, partition): &(String, i32)| {
            let position = consumer.position(topic, *partition);
            let is_at_end = position.is_some() && position == consumer.high_watermark(topic, *partition);
            is_at_end || (position.is_some() && position == self.end_without_records(broker, topic, *partition))
        };
        consumer.is_at_end() || (consumer.buffered() == 0 && consumer.assignment().iter().all(is_read))
    }

    /// Where the records of a compacted log end, if the log itself may end later. Its last records may be gone, to compaction
    /// or to a power failure, and an empty segment behind them keeps their offsets from being given again. A consumer moves
    /// over records only, so that it waits in front of that gap until more are written, as with Kafka (`LocalLog.read`); at
    /// the log's start, if no record is left. Every other log ends with its last record.
    fn end_without_records(&self, broker: i32, topic: &str, partition: i32) -> Option<i64> {
        let view = self.world.broker_view(broker).unwrap_or_default();
        let topic_view = view.topics.get(topic)?;
        let is_compacted = topic_view.configs.get("cleanup.policy")?.contains("compact");
        let start = topic_view.partitions.get(&partition)?.log_start_offset;
        let last = read_log(self.world.disk(broker), topic, partition).pop();
        is_compacted.then(|| last.map_or(start, |batch| batch.header().next_offset().max(start)))
    }

    fn check_ends(&mut self, id: ClientId, broker: i32) -> Result<(), Violation> {
        let view = self.world.broker_view(broker).unwrap_or_default();
        for (topic, partition) in self.world.consumer(id).assignment() {
            let end = view.topics.get(&topic).and_then(|t| t.partitions.get(&partition)).map(|p| p.high_watermark);
            let position = self.world.consumer(id).position(&topic, partition);
            if position != end && position != self.end_without_records(broker, &topic, partition) {
                let message = format!("{topic}-{partition} was read to {position:?}, and its end is {end:?}");
                return Err(Violation::new("reading", message));
            }
        }
        Ok(())
    }
}

pub(super) fn liveness(message: String) -> Violation {
    Violation::new("liveness", message)
}
