//! The simulation as a [`Backend`]: every call runs the world until its answer is there.
//!
//! The rule that keeps runs equal on all machines: nothing here looks at anything but the world and its own arguments.

use crate::{
    backend::{Backend, Failure, Start, Wanted},
    lab::{Cluster, Lab},
    recording::{Budget, InjectedAction},
    text::Text,
};
use naru_client::{
    AdminConfig, AdminResult, ClientError, ConsumerConfig, ConsumerRecord, NewTopic, ProducerConfig, ProducerRecord,
    ResourceType, StartAt,
};
use naru_sim::{Action, ClientId, DiskConfig, DiskJournal, Outcome, World, WorldConfig};
use naru_trace::SortedMap;
use naru_trace::{Actor, ClusterView, Seq, TraceEvent, TraceKind};
use std::collections::VecDeque;

/// How long a call waits for a broker that does not answer, in simulated time.
const PATIENCE_US: u64 = 30_000_000;
/// How long the end of a script waits for records that were never flushed.
const FAREWELL_US: u64 = 5_000_000;
/// How long the world goes on after something was done to it when the script had ended.
const AFTERMATH_US: u64 = 300_000;
/// How many records one poll returns at most: Kafka's `max.poll.records`.
const POLL_RECORDS_MAX: usize = 500;

/// A simulated broker with its clients.
pub struct SimBackend {
    world: Option<World>,
    seed: u64,
    actions: Vec<InjectedAction>,
    budget: Budget,
    line: Option<u32>,
    admin: Option<ClientId>,
    producers: Vec<u32>,
    clients: u32,
    delivered: u64,
    by_hand: ByHand,
    journal: DiskJournal,
    settings: SortedMap<String, String>,
    cluster: Option<Cluster>,
    show_disk: bool,
}

impl SimBackend {
    /// A world that begins when the script starts its broker. Each action happens at its time.
    pub fn new(seed: u64, actions: Vec<InjectedAction>, budget: Budget) -> Self {
        SimBackend {
            world: None,
            seed,
            actions,
            budget,
            line: None,
            admin: None,
            producers: Vec::new(),
            clients: 0,
            delivered: 0,
            by_hand: ByHand::default(),
            journal: DiskJournal::default(),
            settings: SortedMap::new(),
            cluster: None,
            show_disk: false,
        }
    }

    /// What the lab asks of the world: how many brokers, their configuration, and whether their disks are shown.
    pub fn for_lab(mut self, lab: &Lab) -> Self {
        self.settings = lab.settings.clone();
        self.cluster = lab.cluster;
        self.show_disk = lab.disk;
        self
    }

    fn world(&mut self) -> Result<&mut World, Failure> {
        let most = self.budget.events_max;
        if self.world.as_ref().is_some_and(|world| world.events().len() as u64 >= most) {
            return Err(out_of_events(most));
        }
        self.world.as_mut().ok_or_else(|| {
            let begin = if self.cluster.is_some() { "let b = cluster();" } else { "let b = broker();" };
            Failure::Usage(Text::new(
                format!("There is no broker yet. Begin with: {begin}"),
                format!("아직 브로커가 없습니다. {begin} 로 시작하세요."),
            ))
        })
    }

    /// Where clients ask first: at any broker.
    fn bootstrap(&mut self) -> Result<Vec<(String, u16)>, Failure> {
        let world = self.world()?;
        Ok(world.brokers().into_iter().map(|broker| world.address(broker)).collect())
    }

    /// How the world begins.
    fn beginning(&self) -> WorldConfig {
        let config = match self.cluster {
            Some(cluster) => WorldConfig::cluster(self.seed, cluster.brokers, cluster.racks),
            None => WorldConfig::new(self.seed, 1),
        };
        // A lab's settings are the lab's own, and a test starts every lab.
        let mut config = config.with_settings(&self.settings).expect("a lab's settings are good");
        config.events_max = self.budget.events_max as usize;
        config.record = true;
        config.show_disk = self.show_disk;
        if self.show_disk {
            config.disk = DiskConfig::HARD_DISK;
        }
        config
    }

    /// Runs until `done` gives an answer. `None` when time is up.
    fn wait<T>(
        &mut self,
        at_most_us: u64,
        mut done: impl FnMut(&mut World) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let budget = self.budget;
        self.world()?;
        let world = self.world.as_mut().expect("it was just looked at");
        let left = (budget.simulated_ms_max * 1_000).saturating_sub(world.now().monotonic.0);
        let mut answer = None;
        let by_hand = &mut self.by_hand;
        let outcome = world.run_until(
            |world| {
                by_hand.act_if_due(world);
                answer = done(world);
                answer.is_some()
            },
            at_most_us.min(left),
        );
        match outcome {
            Outcome::OutOfEvents => Err(out_of_events(budget.events_max)),
            _ if answer.is_none() && at_most_us > left => Err(out_of_time(budget.simulated_ms_max)),
            _ => Ok(answer),
        }
    }

    /// Asks the admin client for something, and waits for the answer.
    fn ask(
        &mut self,
        call: impl FnOnce(&mut naru_client::Admin, naru_trace::Now, &mut naru_client::ClientOutbox) -> u64,
    ) -> Result<AdminResult, Failure> {
        let admin = match self.admin {
            Some(admin) => admin,
            None => {
                let (seed, bootstrap) = (self.client_seed()?, self.bootstrap()?);
                let admin = self.world()?.add_admin("admin", AdminConfig { seed, bootstrap, ..AdminConfig::default() });
                *self.admin.insert(admin)
            }
        };
        let ticket = self.world()?.with_admin(admin, call);
        let answer = self.wait(PATIENCE_US, |world| {
            let answers = world.with_admin(admin, |admin, _, _| admin.results());
            answers.into_iter().find(|(other, _)| *other == ticket).map(|(_, result)| result)
        })?;
        answer.unwrap_or_else(|| Err(no_answer())).map_err(Failure::Kafka)
    }

    /// Every client begins with a seed of its own, which follows from the run's seed and the client's number.
    fn client_seed(&mut self) -> Result<u64, Failure> {
        self.clients += 1;
        if self.clients > self.budget.clients_max {
            let most = self.budget.clients_max;
            return Err(Failure::Budget {
                name: "clients_max",
                message: Text::new(
                    format!("The script started more than {most} clients."),
                    format!("스크립트가 클라이언트를 {most}개 넘게 시작했습니다."),
                ),
            });
        }
        Ok(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(self.clients))
    }

    /// How far the assigned partitions can be read now: topic, partition, high watermark.
    fn ends(&mut self, consumer: ClientId) -> Result<Vec<(String, i32, i64)>, Failure> {
        let world = self.world()?;
        let assigned = world.consumer(consumer).assignment();
        let view = world.folded();
        let end = |topic: &str, partition: i32| {
            let topics = view.brokers.values().filter_map(|broker| broker.topics.get(topic));
            topics.filter_map(|topic| topic.partitions.get(&partition)).map(|partition| partition.high_watermark).max()
        };
        let ends = assigned.into_iter().filter_map(|(topic, partition)| {
            let end = end(&topic, partition)?;
            Some((topic, partition, end))
        });
        Ok(ends.collect())
    }

    fn count_deliveries(&mut self, records: &[ConsumerRecord]) -> Result<(), Failure> {
        self.delivered += records.len() as u64;
        let most = self.budget.deliveries_max;
        if self.delivered <= most {
            return Ok(());
        }
        Err(Failure::Budget {
            name: "deliveries_max",
            message: Text::new(
                format!("The script's consumers read more than {most} records."),
                format!("스크립트의 컨슈머들이 레코드를 {most}개 넘게 읽었습니다."),
            ),
        })
    }

    /// What the application should know of: an offset out of range, a topic that is gone.
    fn consumer_error(&mut self, consumer: ClientId) -> Result<(), Failure> {
        let errors = self.world()?.with_consumer(consumer, |consumer, _, _| consumer.errors());
        match errors.into_iter().next() {
            Some(error) => Err(Failure::Kafka(error)),
            None => Ok(()),
        }
    }
}

impl Backend for SimBackend {
    fn at_line(&mut self, line: Option<u32>) {
        self.line = line;
        if let Some(world) = &mut self.world {
            world.set_script_line(line);
        }
    }

    fn print(&mut self, text: &str) -> Option<Seq> {
        let world = self.world.as_mut()?;
        world.print(text);
        world.events().last().map(|event| event.seq)
    }

    fn now_ms(&self) -> u64 {
        self.world.as_ref().map_or(0, |world| world.now().monotonic.as_millis())
    }

    fn sleep(&mut self, ms: u64) -> Result<(), Failure> {
        self.wait::<()>(ms.saturating_mul(1_000), |_| None)?;
        Ok(())
    }

    fn start(&mut self, what: Start) -> Result<i32, Failure> {
        if self.world.is_some() {
            return Err(Failure::Usage(Text::new(
                "The lab's brokers run already: one broker() or cluster() starts them all.",
                "이 실습의 브로커는 이미 실행 중입니다. broker()나 cluster()는 한 번만 쓰세요.",
            )));
        }
        if (what == Start::Cluster) != self.cluster.is_some() {
            let begin = if self.cluster.is_some() { "let b = cluster();" } else { "let b = broker();" };
            return Err(Failure::Usage(Text::new(format!("Begin with: {begin}"), format!("{begin} 로 시작하세요."))));
        }
        let mut world = World::new(self.beginning());
        world.set_script_line(self.line);
        for injected in self.actions.drain(..) {
            match injected.after {
                Some(seq) => self.by_hand.0.push_back((seq, injected.action)),
                None => world.schedule(injected.at, injected.action),
            }
        }
        let brokers = world.brokers();
        self.world = Some(world);
        if self.cluster.is_some() {
            let serves =
                |world: &World, broker: i32| world.broker_view(broker).is_none_or(|view| view.lifecycle == "running");
            self.wait(PATIENCE_US, |world| brokers.iter().all(|broker| serves(world, *broker)).then_some(()))?;
        }
        Ok(brokers.first().copied().unwrap_or(1))
    }

    fn view(&mut self) -> Result<&ClusterView, Failure> {
        self.world().map(|world| world.folded())
    }

    fn act(&mut self, action: Action) -> Result<(), Failure> {
        self.world()?.inject(action);
        Ok(())
    }

    fn files(&mut self, broker: i32) -> Result<Vec<String>, Failure> {
        let entries = self.world()?.disk(broker).entries();
        Ok(entries.into_iter().filter(|entry| !entry.is_dir).map(|entry| entry.path).collect())
    }

    fn file(&mut self, broker: i32, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.world()?.disk(broker).contents(path))
    }

    fn create_topic(&mut self, topic: NewTopic) -> Result<(), Failure> {
        self.ask(|admin, now, out| admin.create_topic(now, topic, out)).map(drop)
    }

    fn delete_topic(&mut self, topic: &str) -> Result<(), Failure> {
        self.ask(|admin, now, out| admin.delete_topic(now, topic, out)).map(drop)
    }

    fn add_partitions(&mut self, topic: &str, total: i32) -> Result<(), Failure> {
        self.ask(|admin, now, out| admin.create_partitions(now, topic, total, out)).map(drop)
    }

    fn alter_config(&mut self, topic: &str, changes: Vec<(String, Option<String>)>) -> Result<(), Failure> {
        let resource = (ResourceType::Topic, topic);
        self.ask(|admin, now, out| admin.alter_configs(now, resource, changes, out)).map(drop)
    }

    fn delete_records(&mut self, topic: &str, partition: i32, before_offset: i64) -> Result<i64, Failure> {
        match self.ask(|admin, now, out| admin.delete_records(now, topic, partition, before_offset, out))? {
            AdminResult::RecordsDeleted { low_watermark, .. } => Ok(low_watermark),
            _ => Ok(-1),
        }
    }

    fn topics(&mut self) -> Result<Vec<(String, i32)>, Failure> {
        match self.ask(|admin, now, out| admin.describe_topics(now, None, out))? {
            AdminResult::Topics(topics) => {
                Ok(topics.into_iter().map(|topic| (topic.name, topic.partitions.len() as i32)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn add_producer(&mut self, name: &str, config: ProducerConfig) -> Result<u32, Failure> {
        let (seed, bootstrap) = (self.client_seed()?, self.bootstrap()?);
        let ClientId(id) = self.world()?.add_producer(name, ProducerConfig { seed, bootstrap, ..config });
        self.producers.push(id);
        Ok(id)
    }

    fn send(&mut self, producer: u32, record: ProducerRecord) -> Result<(), Failure> {
        let world = self.world()?;
        let mut seen = world.events().len();
        let sent = world.with_producer(ClientId(producer), |producer, now, out| producer.send(now, record, out));
        sent.map_err(Failure::Kafka)?;
        // As the Java client's `send`: it returns when the topic's metadata is there and the partition is chosen.
        let chosen = self.wait(PATIENCE_US * 2, |world| {
            let news = &world.events()[seen..];
            seen = world.events().len();
            news.iter().find_map(|event| choice_of(event, producer))
        })?;
        chosen.unwrap_or_else(|| Err(no_answer())).map_err(Failure::Kafka)
    }

    fn flush(&mut self, producer: u32) -> Result<(), Failure> {
        let id = ClientId(producer);
        self.world()?.with_producer(id, |producer, now, out| producer.flush(now, out));
        self.wait(PATIENCE_US * 5, |world| world.producer(id).is_idle().then_some(()))?;
        let reports = self.world()?.with_producer(id, |producer, _, _| producer.reports());
        let failures: Vec<ClientError> = reports.into_iter().filter_map(|report| report.result.err()).collect();
        match failures.as_slice() {
            [] => Ok(()),
            [first, ..] => {
                let message = format!("{} of the records failed. {}", failures.len(), first.message);
                Err(Failure::Kafka(ClientError::new(first.error.clone(), message)))
            }
        }
    }

    fn add_consumer(&mut self, name: &str, config: ConsumerConfig) -> Result<u32, Failure> {
        let (seed, bootstrap) = (self.client_seed()?, self.bootstrap()?);
        let ClientId(id) = self.world()?.add_consumer(name, ConsumerConfig { seed, bootstrap, ..config });
        Ok(id)
    }

    fn assign(&mut self, consumer: u32, topics: Vec<(String, Option<Vec<i32>>)>) -> Result<(), Failure> {
        let id = ClientId(consumer);
        let mut assigned = Vec::new();
        for (topic, partitions) in topics {
            let known = self.wait(PATIENCE_US, |world| {
                world.with_consumer(id, |consumer, now, out| consumer.partitions_of(now, &topic, out))
            })?;
            let count = known.unwrap_or_else(|| Err(no_answer())).map_err(Failure::Kafka)?;
            for partition in partitions.unwrap_or_else(|| (0..count).collect()) {
                if !(0..count).contains(&partition) {
                    let message = format!("{topic} has the partitions 0 to {}, not {partition}.", count - 1);
                    return Err(Failure::Kafka(ClientError::new("UNKNOWN_TOPIC_OR_PARTITION", message)));
                }
                assigned.push((topic.clone(), partition));
            }
        }
        self.world()?.with_consumer(id, |consumer, now, out| {
            let reset = consumer.reset_policy();
            let assigned = assigned.into_iter().map(|(topic, partition)| (topic, partition, reset)).collect();
            consumer.assign(now, assigned, out);
        });
        Ok(())
    }

    fn seek(&mut self, consumer: u32, partitions: Vec<(String, i32)>, to: StartAt) -> Result<(), Failure> {
        let world = self.world()?;
        let mut seen = world.events().len();
        for (topic, partition) in &partitions {
            let moved = world
                .with_consumer(ClientId(consumer), |consumer, now, out| consumer.seek(now, topic, *partition, to, out));
            moved.map_err(Failure::Kafka)?;
        }
        // Where a log begins and ends has to be asked. Until the answer is there the old position stands, and must
        // not be taken for the new one.
        let mut missing = partitions;
        let known = self.wait(PATIENCE_US, |world| {
            for event in &world.events()[seen..] {
                if let (Actor::Client(client), TraceKind::PositionSet { topic, partition, .. }) =
                    (event.actor, &event.kind)
                    && client == consumer
                {
                    missing.retain(|place| (&place.0, place.1) != (topic, *partition));
                }
            }
            seen = world.events().len();
            missing.is_empty().then_some(())
        })?;
        known.ok_or_else(|| Failure::Kafka(no_answer()))
    }

    fn assignment(&mut self, consumer: u32) -> Vec<(String, i32)> {
        self.world.as_ref().map_or_else(Vec::new, |world| world.consumer(ClientId(consumer)).assignment())
    }

    fn position(&mut self, consumer: u32, topic: &str, partition: i32) -> Result<i64, Failure> {
        let found = self.wait(PATIENCE_US, |world| world.consumer(ClientId(consumer)).position(topic, partition))?;
        found.ok_or_else(|| Failure::Kafka(no_answer()))
    }

    fn read(&mut self, consumer: u32, wanted: Wanted) -> Result<Vec<ConsumerRecord>, Failure> {
        let id = ClientId(consumer);
        let (most, patience) = match wanted {
            Wanted::Poll { ms } => (POLL_RECORDS_MAX, ms.saturating_mul(1_000)),
            Wanted::Records(count) => (count, PATIENCE_US),
            Wanted::ToTheEnd => (usize::MAX, PATIENCE_US),
        };
        let ends = self.ends(id)?;
        let deadline = self.world()?.now().monotonic.plus(patience);
        let mut records = Vec::new();
        while records.len() < most {
            let left = deadline.since(self.world()?.now().monotonic);
            let poll = matches!(wanted, Wanted::Poll { .. });
            // The consumer fetches only while its application waits for records.
            self.world()?.with_consumer(id, |consumer, now, out| consumer.wait_for_records(now, left, out));
            let ready = self.wait(left, |world| {
                let consumer = world.consumer(id);
                let at_end = || {
                    let mut ends = ends.iter();
                    ends.all(|(topic, partition, end)| consumer.position(topic, *partition) >= Some(*end))
                };
                (consumer.buffered() > 0 || (!poll && at_end())).then_some(())
            })?;
            if self.world()?.consumer(id).buffered() == 0 {
                self.world()?.with_consumer(id, |consumer, now, out| consumer.wait_for_records(now, 0, out));
                self.consumer_error(id)?;
                break;
            }
            let want = (most - records.len()).min(POLL_RECORDS_MAX);
            let mut news = self.world()?.with_consumer(id, |consumer, now, out| consumer.poll(now, want, out));
            self.consumer_error(id)?;
            self.count_deliveries(&news)?;
            let nothing = news.is_empty();
            records.append(&mut news);
            if nothing || poll || ready.is_none() {
                break;
            }
        }
        Ok(records)
    }

    fn finish(&mut self) -> Vec<TraceEvent> {
        self.at_line(None);
        // A program that ends closes its producers, and closing flushes. Reports of failures have nobody left to read
        // them.
        for producer in std::mem::take(&mut self.producers) {
            let id = ClientId(producer);
            if let Some(world) = &mut self.world
                && !world.producer(id).is_idle()
            {
                world.with_producer(id, |producer, now, out| producer.flush(now, out));
                world.run_until(|world| world.producer(id).is_idle(), FAREWELL_US);
            }
        }
        let Some(mut world) = self.world.take() else { return Vec::new() };
        self.by_hand.finish(&mut world);
        self.journal = world.take_journal();
        world.into_events()
    }

    fn journal(&mut self) -> DiskJournal {
        std::mem::take(&mut self.journal)
    }
}

/// What somebody does by hand, each after an event that was on screen. An event's number says exactly when, which its time
/// does not: many events have the same.
#[derive(Default)]
struct ByHand(VecDeque<(Seq, Action)>);

impl ByHand {
    fn act_if_due(&mut self, world: &mut World) {
        while self.0.front().is_some_and(|(after, _)| world.events().last().is_some_and(|last| last.seq >= *after)) {
            let Some((_, action)) = self.0.pop_front() else { return };
            world.inject(action);
        }
    }

    /// What is to be done after the script's end, and what comes of it. A script that was changed may end before.
    fn finish(&mut self, world: &mut World) {
        while let Some((_, action)) = self.0.pop_front() {
            world.inject(action);
            world.run_until(
                |world| {
                    self.act_if_due(world);
                    false
                },
                AFTERMATH_US,
            );
        }
    }
}

/// Whether the event says what became of the record that this producer was just handed.
fn choice_of(event: &TraceEvent, producer: u32) -> Option<Result<(), ClientError>> {
    if event.actor != Actor::Client(producer) {
        return None;
    }
    match &event.kind {
        TraceKind::RecordQueued { .. } => Some(Ok(())),
        TraceKind::RecordRefused { error, message, .. } => Some(Err(ClientError::new(error.clone(), message.clone()))),
        _ => None,
    }
}

fn no_answer() -> ClientError {
    ClientError::new("REQUEST_TIMED_OUT", "No broker answered in time.")
}

fn out_of_events(most: u64) -> Failure {
    Failure::Budget {
        name: "events_max",
        message: Text::new(
            format!("The run made more than {most} events."),
            format!("실행이 이벤트를 {most}개 넘게 만들었습니다."),
        ),
    }
}

fn out_of_time(most_ms: u64) -> Failure {
    Failure::Budget {
        name: "simulated_ms_max",
        message: Text::new(
            format!("The run took more than {} minutes of simulated time.", most_ms / 60_000),
            format!("실행이 시뮬레이션 시간으로 {}분을 넘겼습니다.", most_ms / 60_000),
        ),
    }
}
