//! Settings, deletion and directories, asked for by the simulated admin client, with the picture beside the engine.

use naru_client::{
    Admin, AdminConfig, AdminResult, ClientError, ClientOutbox, ConfigDescription, ConfigSource, NewTopic,
    ProducerConfig, ProducerRecord, ResourceType,
};
use naru_sim::{Action, ClientId, World, WorldConfig};
use naru_trace::Now;

const SECOND: u64 = 1_000_000;

struct Cluster {
    world: World,
    admin: ClientId,
}

impl Cluster {
    fn new(seed: u64) -> Self {
        let mut world = World::new(WorldConfig::new(seed, 1));
        let admin = world.add_admin("admin", AdminConfig::default());
        Cluster { world, admin }
    }

    fn ask(
        &mut self,
        call: impl FnOnce(&mut Admin, Now, &mut ClientOutbox) -> u64,
    ) -> Result<AdminResult, ClientError> {
        let (world, admin) = (&mut self.world, self.admin);
        let ticket = world.with_admin(admin, call);
        let mut answer = None;
        let is_answered = |world: &mut World| {
            let answers = world.with_admin(admin, |admin, _, _| admin.results());
            answer = answer.take().or(answers.into_iter().find(|(other, _)| *other == ticket));
            answer.is_some()
        };
        world.run_until(is_answered, 60 * SECOND);
        answer.expect("an answer").1
    }

    fn create(&mut self, configs: &[(&str, &str)]) {
        let configs = configs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let topic = NewTopic { name: "orders".into(), configs, ..NewTopic::default() };
        self.ask(|admin, now, out| admin.create_topic(now, topic, out)).unwrap();
    }

    fn alter(&mut self, changes: &[(&str, Option<&str>)]) -> Result<AdminResult, ClientError> {
        let changes = changes.iter().map(|(key, value)| ((*key).into(), value.map(Into::into))).collect();
        self.ask(|admin, now, out| admin.alter_configs(now, (ResourceType::Topic, "orders"), changes, out))
    }

    fn config(&mut self, key: &str) -> ConfigDescription {
        let asked = self.ask(|admin, now, out| admin.describe_configs(now, ResourceType::Topic, "orders", out));
        let Ok(AdminResult::Configs(configs)) = asked else { panic!("{asked:?}") };
        configs.into_iter().find(|config| config.name == key).expect("the key is there")
    }

    /// What the picture says of the topic's settings.
    fn pictured(&mut self) -> Vec<(String, String)> {
        let view = self.world.folded();
        view.brokers[&1].topics["orders"].configs.clone().into_iter().collect()
    }

    fn produce(&mut self, records: usize) {
        let producer = self.world.add_producer("p", ProducerConfig::default());
        for number in 0..records {
            let value = Some(format!("{number}").into_bytes().into());
            let record = ProducerRecord { topic: "orders".into(), value, ..ProducerRecord::default() };
            self.world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).unwrap();
        }
        self.world.with_producer(producer, |producer, now, out| producer.flush(now, out));
        self.world.run_until(|world| world.producer(producer).is_idle(), 60 * SECOND);
    }
}

#[test]
fn settings_are_changed_pictured_and_kept_over_a_crash() {
    let mut cluster = Cluster::new(11);
    cluster.create(&[("retention.ms", "60000")]);
    assert_eq!(cluster.pictured(), [("retention.ms".into(), "60000".into())]);
    cluster.alter(&[("retention.ms", None), ("segment.ms", Some("5000"))]).unwrap();
    assert_eq!(cluster.pictured(), [("segment.ms".into(), "5000".into())]);
    let refused = cluster.alter(&[("segment.ms", Some("never")), ("flush.ms", Some("1"))]).unwrap_err();
    assert_eq!(refused.error, "INVALID_CONFIG");
    cluster.world.inject(Action::Crash { broker: 1 });
    cluster.world.inject(Action::Restart { broker: 1 });
    let config = cluster.config("segment.ms");
    assert_eq!((config.value.as_deref(), config.source), (Some("5000"), ConfigSource::Topic));
    assert_eq!(cluster.config("retention.ms").source, ConfigSource::Default);
    assert_eq!(cluster.pictured(), [("segment.ms".into(), "5000".into())]);
    cluster.world.check_all();
}

#[test]
fn an_open_log_obeys_at_once() {
    let mut cluster = Cluster::new(14);
    cluster.create(&[]);
    cluster.produce(3);
    let segments =
        |cluster: &mut Cluster| cluster.world.folded().brokers[&1].topics["orders"].partitions[&0].segments.len();
    assert_eq!(segments(&mut cluster), 1);
    cluster.alter(&[("internal.segment.bytes", Some("100"))]).unwrap();
    cluster.produce(1);
    assert_eq!(segments(&mut cluster), 2);
    cluster.world.check_all();
}

#[test]
fn log_directories_tell_their_sizes() {
    let mut cluster = Cluster::new(12);
    cluster.create(&[]);
    cluster.produce(10);
    let told = cluster.ask(|admin, now, out| admin.describe_log_dirs(now, out));
    let Ok(AdminResult::LogDirs(dirs)) = told else { panic!("{told:?}") };
    let sizes: Vec<(&str, i32, i64)> =
        dirs[0].replicas.iter().map(|replica| (replica.topic.as_str(), replica.partition, replica.bytes)).collect();
    let view = cluster.world.folded();
    let segments = &view.brokers[&1].topics["orders"].partitions[&0].segments;
    let bytes = segments.iter().map(|segment| segment.bytes as i64).sum();
    assert_eq!(sizes, [("orders", 0, bytes)]);
    assert!(bytes > 0);
    cluster.world.check_all();
}

/// SEMANTICS 40, the API's side.
#[test]
fn semantics_40_records_are_deleted_up_to_the_high_watermark_and_not_beyond() {
    let mut cluster = Cluster::new(13);
    cluster.create(&[]);
    cluster.produce(10);
    let delete = |cluster: &mut Cluster, before: i64| {
        let asked = cluster.ask(|admin, now, out| admin.delete_records(now, "orders", 0, before, out));
        match asked {
            Ok(AdminResult::RecordsDeleted { low_watermark, .. }) => low_watermark.to_string(),
            Ok(other) => panic!("{other:?}"),
            Err(error) => error.error.to_string(),
        }
    };
    let start =
        |cluster: &mut Cluster| cluster.world.folded().brokers[&1].topics["orders"].partitions[&0].log_start_offset;
    assert_eq!(delete(&mut cluster, 4), "4");
    assert_eq!(start(&mut cluster), 4);
    assert_eq!(delete(&mut cluster, 2), "4", "what is gone stays gone");
    assert_eq!(delete(&mut cluster, 11), "OFFSET_OUT_OF_RANGE");
    cluster.world.inject(Action::Crash { broker: 1 });
    cluster.world.inject(Action::Restart { broker: 1 });
    assert_eq!(delete(&mut cluster, 0), "4", "and after a crash");
    assert_eq!(delete(&mut cluster, -1), "10", "-1: the high watermark");
    assert_eq!(start(&mut cluster), 10);
    cluster.world.check_all();
}
