//! A soak of a whole cluster: replicated topics, a quorum, and every fault there is between nodes and in them.
//!
//! What clients did and saw is written down as a [`crate::history`], which says in the end whether they got what they were
//! promised. Here is only what is done, and that everything comes to rest when nothing is done any more.

use super::{SoakOptions, SoakReport, driver::liveness, random};
use crate::{
    Action, ClientId, Outcome, Rng, Violation, World,
    history::{self, Entry, What},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_client::{
    Acks, AdminConfig, ConsumerConfig, ConsumerRecord, DeliveryReport, NewTopic, OffsetReset, ProducerRecord, StartAt,
};
use naru_trace::{Actor, Micros, SortedMap};

/// How long what was repaired may take to come to rest: longer than `delivery.timeout.ms`.
const REST_US: u64 = 200_000_000;
/// How long a fault that ends by itself may last.
const FAULT_US_MAX: u64 = 8_000_000;
/// How many nodes are voters at most.
const VOTERS_MAX: usize = 3;

/// A soak of a cluster in progress.
pub(super) struct ClusterDriver<'a> {
    options: &'a SoakOptions,
    world: World,
    rng: Rng,
    topics: Vec<(String, i32)>,
    producers: SortedMap<ClientId, Account>,
    consumers: Vec<(ClientId, String)>,
    history: Vec<Entry>,
    steps: u64,
    counts: SoakReport,
}

/// What a producer has sent.
struct Account {
    name: String,
    acks: Acks,
    idempotent: bool,
    sent: u64,
    /// The values that tickets are for.
    tickets: SortedMap<u64, String>,
}

impl<'a> ClusterDriver<'a> {
    pub(super) fn new(seed: u64, options: &'a SoakOptions) -> Self {
        let mut rng = Rng::new(seed ^ 0x0063_6c75_7374_6572);
        let world = World::new(random::cluster(&mut rng, seed, options));
        ClusterDriver {
            options,
            world,
            rng,
            topics: Vec::new(),
            producers: SortedMap::new(),
            consumers: Vec::new(),
            history: Vec::new(),
            steps: 0,
            counts: SoakReport::default(),
        }
    }

    pub(super) fn run(&mut self) -> Result<(), Violation> {
        self.create_topics()?;
        self.start_clients();
        for _ in 0..self.options.deeds {
            self.deed()?;
            let pause = self.rng.between(0, 150_000);
            self.pass(pause)?;
        }
        // Faults that end by themselves do so before the repair: one must not begin after it.
        self.pass(FAULT_US_MAX)?;
        self.repair();
        self.come_to_rest()?;
        self.read_everything()?;
        self.world.try_check_all()?;
        self.judge()
    }

    pub(super) fn finish(self) -> (World, u64, SoakReport) {
        (self.world, self.steps, self.counts)
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

    fn bootstrap(&self) -> Vec<(String, u16)> {
        self.world.brokers().into_iter().map(|broker| self.world.address(broker)).collect()
    }

    /// Until all brokers are members of the cluster, topics of which so many replicas are wanted are refused.
    fn create_topics(&mut self) -> Result<(), Violation> {
        let admin =
            self.world.add_admin("admin", AdminConfig { bootstrap: self.bootstrap(), ..AdminConfig::default() });
        for number in 0..self.rng.between(1, 3) {
            let (name, partitions) = (format!("topic-{number}"), self.rng.between(1, 3) as i32);
            let replicas = *self.rng.pick(&[1, 2, 3, 3, 3]);
            let in_sync = self.rng.between(1, u64::min(2, replicas));
            let topic = NewTopic {
                name: name.clone(),
                partitions: Some(partitions),
                replication_factor: Some(replicas as i16),
                configs: [("min.insync.replicas".to_string(), in_sync.to_string())].into(),
                ..NewTopic::default()
            };
            let deadline = self.world.now().monotonic.plus(REST_US);
            loop {
                let wanted = topic.clone();
                self.world.with_admin(admin, |admin, now, out| admin.create_topic(now, wanted, out));
                self.until(|world| world.with_admin(admin, |admin, _, _| admin.is_idle()), REST_US)?;
                let results = self.world.with_admin(admin, |admin, _, _| admin.results());
                let refused = results.into_iter().find_map(|(_, result)| result.err());
                match refused {
                    None => break,
                    // It was created, and the answer was lost.
                    Some(error) if error.error == "TOPIC_ALREADY_EXISTS" => break,
                    Some(error) if self.world.now().monotonic >= deadline => {
                        return Err(liveness(format!("{name} with {replicas} replicas is not created: {error:?}")));
                    }
                    Some(_) => self.pass(500_000)?,
                }
            }
            self.topics.push((name, partitions));
        }
        Ok(())
    }

    fn start_clients(&mut self) {
        for number in 0..self.rng.between(1, 4) {
            let name = format!("p{number}");
            let mut config = random::producer(&mut self.rng);
            config.bootstrap = self.bootstrap();
            let (acks, idempotent) = (config.acks, config.enable_idempotence && config.acks == Acks::All);
            let id = self.world.add_producer(&name, config);
            let tickets = SortedMap::new();
            self.producers.insert(id, Account { name, acks, idempotent, sent: 0, tickets });
        }
        for number in 0..self.rng.between(1, 2) {
            let name = format!("c{number}");
            let (topic, partitions) = self.rng.pick(&self.topics).clone();
            self.add_consumer(&name, &topic, &(0..partitions).collect::<Vec<i32>>());
        }
    }

    fn add_consumer(&mut self, name: &str, topic: &str, partitions: &[i32]) -> ClientId {
        let config = ConsumerConfig {
            bootstrap: self.bootstrap(),
            auto_offset_reset: OffsetReset::Earliest,
            fetch_max_wait_ms: self.rng.between(0, 500) as u32,
            max_partition_fetch_bytes: self.rng.between(64, 20_000) as u32,
            network: random::network(&mut self.rng),
            ..ConsumerConfig::default()
        };
        let id = self.world.add_consumer(name, config);
        let assigned = partitions.iter().map(|partition| (topic.to_string(), *partition, StartAt::Earliest)).collect();
        self.world.with_consumer(id, |consumer, now, out| consumer.assign(now, assigned, out));
        for &partition in partitions {
            self.note(name, What::Positioned { topic: topic.to_string(), partition, offset: 0 });
        }
        self.consumers.push((id, name.to_string()));
        id
    }

    fn note(&mut self, client: &str, what: What) {
        let at_us = self.world.now().monotonic.0;
        self.history.push(Entry { at_us, client: client.to_string(), what });
    }

    fn deed(&mut self) -> Result<(), Violation> {
        if self.rng.percent(self.options.faults_percent) {
            self.fault();
            return Ok(());
        }
        match self.rng.below(10) {
            0..6 => self.send_some()?,
            6..9 => {
                let (consumer, name) = self.rng.pick(&self.consumers).clone();
                self.poll(consumer, &name);
            }
            _ => {
                let ids: Vec<ClientId> = self.producers.keys().copied().collect();
                let id = *self.rng.pick(&ids);
                self.world.with_producer(id, |producer, now, out| producer.flush(now, out));
            }
        }
        self.collect_reports()
    }

    fn send_some(&mut self) -> Result<(), Violation> {
        let ids: Vec<ClientId> = self.producers.keys().copied().collect();
        let id = *self.rng.pick(&ids);
        for _ in 0..self.rng.between(1, 12) {
            let (topic, _) = self.rng.pick(&self.topics).clone();
            let key = self.rng.percent(60).then(|| format!("key-{}", self.rng.below(8)).into_bytes().into());
            let padding = if self.rng.percent(10) { self.rng.below(3_000) as usize } else { 0 };
            let account = self.producers.get_mut(&id).expect("just listed");
            let value = format!("{}#{}", account.name, account.sent);
            account.sent += 1;
            self.counts.sent += 1;
            let (name, idempotent) = (account.name.clone(), account.idempotent);
            let acks = match account.acks {
                Acks::All => -1,
                Acks::Leader => 1,
                Acks::None => 0,
            };
            self.note(&name, What::Send { value: value.clone(), topic: topic.clone(), acks, idempotent });
            let bytes = Some(format!("{value} {}", "x".repeat(padding)).into_bytes().into());
            let record = ProducerRecord { topic, key, value: bytes, ..ProducerRecord::default() };
            match self.world.with_producer(id, |producer, now, out| producer.send(now, record, out)) {
                Ok(ticket) => {
                    let account = self.producers.get_mut(&id).expect("just listed");
                    account.tickets.insert(ticket, value);
                }
                Err(error) => return Err(Violation::new("reports", format!("a record was not taken: {error}"))),
            }
        }
        Ok(())
    }

    fn collect_reports(&mut self) -> Result<(), Violation> {
        for id in self.producers.keys().copied().collect::<Vec<_>>() {
            for report in self.world.with_producer(id, |producer, _, _| producer.reports()) {
                self.on_report(id, report)?;
            }
        }
        Ok(())
    }

    fn on_report(&mut self, id: ClientId, report: DeliveryReport) -> Result<(), Violation> {
        let account = self.producers.get_mut(&id).expect("it is one of ours");
        let name = account.name.clone();
        let Some(value) = account.tickets.remove(&report.ticket) else {
            return Err(Violation::new("reports", format!("{name} was told twice about ticket {}", report.ticket)));
        };
        match report.result {
            Ok(told) => {
                self.counts.acknowledged += 1;
                let (topic, partition, offset) = (told.topic, told.partition, told.offset);
                self.note(&name, What::Acknowledged { value, topic, partition, offset });
            }
            Err(error) => {
                self.counts.failed += 1;
                let maybe = !matches!(&*error.error, "MESSAGE_TOO_LARGE" | "RECORD_TOO_LARGE" | "INVALID_RECORD");
                self.note(&name, What::Failed { value, error: error.error.to_string(), maybe });
            }
        }
        Ok(())
    }

    fn poll(&mut self, id: ClientId, name: &str) {
        let max = self.rng.between(1, 500) as usize;
        let records = self.world.with_consumer(id, |consumer, now, out| consumer.poll(now, max, out));
        self.counts.delivered += records.len() as u64;
        let mut by_partition: SortedMap<(String, i32), Vec<(i64, String)>> = SortedMap::new();
        for ConsumerRecord { topic, partition, offset, value, .. } in records {
            let value = value.unwrap_or_default();
            let value = core::str::from_utf8(&value).ok().and_then(|text| text.split(' ').next()).unwrap_or("?");
            by_partition.entry((topic, partition)).or_default().push((offset, value.to_string()));
        }
        for ((topic, partition), records) in by_partition {
            self.note(name, What::Polled { topic, partition, records });
        }
    }

    fn fault(&mut self) {
        self.counts.faults += 1;
        let nodes = self.world.brokers();
        let broker = *self.rng.pick(&nodes);
        let wait = self.rng.between(1_000, FAULT_US_MAX - 1_000);
        let later = self.world.now().monotonic.plus(wait);
        let faults = self.options.faults;
        let kinds = [
            faults.crash,
            faults.stop,
            faults.power,
            faults.slow_disk,
            faults.pause,
            faults.clock,
            faults.links,
            faults.delay,
            faults.cut,
            faults.disk_loss,
        ];
        let kinds: Vec<usize> = (0..kinds.len()).filter(|kind| kinds[*kind]).collect();
        if kinds.is_empty() {
            return;
        }
        match *self.rng.pick(&kinds) {
            0 => self.for_a_while(Action::Crash { broker }, later, Action::Restart { broker }),
            1 => self.for_a_while(Action::Stop { broker }, later, Action::Restart { broker }),
            2 => {
                let torn = self.rng.percent(80);
                self.for_a_while(Action::PowerLoss { broker, torn }, later, Action::Restart { broker });
            }
            3 => {
                let extra_us = self.rng.between(1_000, 200_000);
                let end = Action::SlowDisk { broker, extra_us: 0 };
                self.for_a_while(Action::SlowDisk { broker, extra_us }, later, end);
            }
            4 => self.for_a_while(Action::Pause { broker }, later, Action::Resume { broker }),
            5 => {
                let (back, wall_ms) = (self.rng.percent(50), self.rng.below(600_000) as i64);
                let wall_ms = if back { -wall_ms } else { wall_ms };
                let drift_ppm = self.rng.between(0, 20_000) as i32 - 10_000;
                let end = Action::SkewClock { broker, wall_ms: 0, drift_ppm: 0 };
                self.for_a_while(Action::SkewClock { broker, wall_ms, drift_ppm }, later, end);
            }
            9 => self.lose_a_disk(later),
            kind => self.fault_of_links(kind, broker, later),
        }
    }

    fn fault_of_links(&mut self, kind: usize, broker: i32, later: Micros) {
        let from = Actor::Broker(broker);
        let others: Vec<Actor> = self.nodes().into_iter().filter(|node| *node != from).collect();
        let to = *self.rng.pick(&others);
        match kind {
            // A node that nobody reaches, and that reaches nobody.
            6 if self.rng.percent(30) => {
                for to in others {
                    let end = Action::HealLink { from, to, both: true };
                    self.for_a_while(Action::CutLink { from, to, both: true }, later, end);
                }
            }
            6 => {
                let both = self.rng.percent(50);
                let end = Action::HealLink { from, to, both };
                self.for_a_while(Action::CutLink { from, to, both }, later, end);
            }
            7 => {
                let extra_us = self.rng.between(1_000, 800_000);
                let end = Action::DelayLink { from, to, extra_us: 0 };
                self.for_a_while(Action::DelayLink { from, to, extra_us }, later, end);
            }
            _ => {
                let action = match self.rng.percent(50) {
                    true => Action::DropConnections { from, to },
                    false => Action::BreakConnections { from, to },
                };
                self.world.inject(action);
            }
        }
    }

    /// The disk of a broker that is no voter. (A voter that forgets its votes breaks what a quorum is built on, in Kafka as well.)
    fn lose_a_disk(&mut self, later: Micros) {
        let spare: Vec<i32> = self.world.brokers().into_iter().skip(VOTERS_MAX).collect();
        if let Some(broker) = spare.first().copied() {
            let lose = Action::LoseDisk { broker, formatted: true };
            self.for_a_while(lose, later, Action::Restart { broker });
        }
    }

    fn nodes(&self) -> Vec<Actor> {
        let brokers = self.world.brokers().into_iter().map(Actor::Broker);
        let clients = self.producers.keys().chain(self.consumers.iter().map(|(id, _)| id));
        brokers.chain(clients.map(|id| Actor::Client(id.0))).collect()
    }

    fn for_a_while(&mut self, begin: Action, later: Micros, end: Action) {
        self.world.inject(begin);
        self.world.schedule(later, end);
    }

    /// From now on nothing goes wrong any more.
    fn repair(&mut self) {
        let nodes = self.nodes();
        for broker in self.world.brokers() {
            self.world.inject(Action::Resume { broker });
            self.world.inject(Action::SlowDisk { broker, extra_us: 0 });
            self.world.inject(Action::SkewClock { broker, wall_ms: 0, drift_ppm: 0 });
            for to in nodes.iter().copied().filter(|node| *node != Actor::Broker(broker)) {
                let from = Actor::Broker(broker);
                self.world.inject(Action::HealLink { from, to, both: true });
                self.world.inject(Action::DelayLink { from, to, extra_us: 0 });
                self.world.inject(Action::DelayLink { from: to, to: from, extra_us: 0 });
            }
            self.world.inject(Action::Restart { broker });
        }
    }

    /// Once faults stop, every producer gets rid of its records.
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        let ids: Vec<ClientId> = self.producers.keys().copied().collect();
        for id in &ids {
            self.world.with_producer(*id, |producer, now, out| producer.flush(now, out));
        }
        let outcome = self.until(|world| ids.iter().all(|id| world.producer(*id).is_idle()), REST_US)?;
        if outcome != Outcome::Done {
            return Err(liveness(format!("producers still have records to send: {outcome:?}")));
        }
        self.collect_reports()?;
        match self.producers.values().find(|account| !account.tickets.is_empty()) {
            Some(account) => {
                let message = format!("{} never heard of {} of its records", account.name, account.tickets.len());
                Err(Violation::new("reports", message))
            }
            None => Ok(()),
        }
    }

    /// Whether nobody may lead a partition any more: the disk of the last one that was in sync is lost, and the controller
    /// knows that another is in its place.
    fn is_gone(&self, topic: &str, partition: i32) -> bool {
        let leads = |broker: &naru_trace::BrokerView| {
            let found = broker.topics.get(topic).and_then(|topic| topic.partitions.get(&partition));
            found.is_some_and(|found| &*found.role == "leader")
        };
        let has_leader = self.world.view().brokers.values().any(leads);
        !has_leader && self.world.promises_nothing(&format!("{topic}-{partition}"))
    }

    /// Once faults stop, somebody new can read every topic from the beginning to the end.
    fn read_everything(&mut self) -> Result<(), Violation> {
        for (topic, partitions) in self.topics.clone() {
            let name = format!("reader of {topic}");
            let readable: Vec<i32> = (0..partitions).filter(|partition| !self.is_gone(&topic, *partition)).collect();
            let id = self.add_consumer(&name, &topic, &readable);
            let mut deadline = self.world.now().monotonic.plus(REST_US);
            while !self.world.consumer(id).is_at_end() {
                let before = self.counts.delivered;
                self.poll(id, &name);
                if self.counts.delivered > before {
                    deadline = self.world.now().monotonic.plus(REST_US);
                }
                let left = deadline.since(self.world.now().monotonic);
                let ready = |world: &mut World| world.consumer(id).buffered() > 0 || world.consumer(id).is_at_end();
                if self.until(ready, left.min(900_000))? == Outcome::OutOfEvents || left == 0 {
                    return Err(liveness(format!("nobody can read {topic} to its end")));
                }
            }
            for partition in 0..partitions {
                let offset = self.world.consumer(id).position(&topic, partition).unwrap_or(0);
                self.note(&name, What::AtEnd { topic: topic.clone(), partition, offset });
            }
        }
        Ok(())
    }

    /// What clients saw can have been.
    fn judge(&mut self) -> Result<(), Violation> {
        let found = history::check(&self.history);
        let broken = found.into_iter().filter(|anomaly| {
            let excused = anomaly.places().iter().any(|place| self.world.promises_nothing(place));
            anomaly.is_error() && !excused
        });
        let sentences: Vec<String> = broken.take(10).map(|anomaly| anomaly.to_string()).collect();
        match sentences.is_empty() {
            true => Ok(()),
            false => Err(Violation::new("history", sentences.join("; "))),
        }
    }
}
