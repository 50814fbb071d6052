//! `naru topic`: a question to the broker, its answer in lines.

use crate::{
    cli::{ClientArgs, TopicCommand},
    driver::{self, Driver},
    failure::Failure,
};
use naru_client::{
    Admin, AdminConfig, AdminResult, ClientOutbox, ConfigDescription, ConfigSource, LogDirDescription, NewTopic,
    ResourceType, TopicDescription,
};
use naru_trace::Now;
use std::process::ExitCode;

/// How long one command may take, retries included.
const TIMEOUT_MS: u32 = 15_000;

/// Asks, waits, prints.
pub fn run(command: &TopicCommand) -> Result<ExitCode, Failure> {
    let text = driver::block_on(async {
        let mut session = Session::new(client(command));
        let result = session.ask(|admin, now, out| request(admin, command, now, out)).await?;
        let mut text = text(command, result)?;
        if let TopicCommand::Describe { topic, all, .. } = command {
            let configs = session.ask(|admin, now, out| admin.describe_configs(now, ResourceType::Topic, topic, out));
            text += &configs_text(configs.await?, *all)?;
        }
        Ok(text)
    })?;
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

/// An admin client and its surroundings.
struct Session {
    driver: Driver,
    admin: Admin,
}

impl Session {
    fn new(client: &ClientArgs) -> Self {
        let mut driver = Driver::new();
        let config = AdminConfig {
            client_id: "naru-topic".into(),
            bootstrap: vec![(client.bootstrap.host.clone(), client.bootstrap.port)],
            api_timeout_ms: TIMEOUT_MS,
            seed: driver::seed(),
            ..AdminConfig::default()
        };
        let now = driver.now();
        let admin = Admin::new(config, 1, now, &mut driver.out);
        Session { driver, admin }
    }

    /// One question, and its answer.
    async fn ask(
        &mut self,
        call: impl FnOnce(&mut Admin, Now, &mut ClientOutbox) -> u64,
    ) -> Result<AdminResult, Failure> {
        let now = self.driver.now();
        let ticket = call(&mut self.admin, now, &mut self.driver.out);
        loop {
            for (answered, result) in self.admin.results() {
                if answered == ticket {
                    return result.map_err(|error| Failure::new(error.to_string()));
                }
            }
            self.driver.advance(&mut self.admin, None).await?;
        }
    }
}

fn client(command: &TopicCommand) -> &ClientArgs {
    match command {
        TopicCommand::Create { client, .. }
        | TopicCommand::List { client }
        | TopicCommand::Describe { client, .. }
        | TopicCommand::Alter { client, .. }
        | TopicCommand::DeleteRecords { client, .. }
        | TopicCommand::LogDirs { client }
        | TopicCommand::Delete { client, .. }
        | TopicCommand::AddPartitions { client, .. } => client,
    }
}

fn request(admin: &mut Admin, command: &TopicCommand, now: Now, out: &mut ClientOutbox) -> u64 {
    match command {
        TopicCommand::Create { topic, partitions, set, .. } => {
            let new =
                NewTopic { name: topic.clone(), partitions: *partitions, configs: set.clone(), ..NewTopic::default() };
            admin.create_topic(now, new, out)
        }
        TopicCommand::List { .. } => admin.describe_topics(now, None, out),
        TopicCommand::Describe { topic, .. } => admin.describe_topics(now, Some(vec![topic.clone()]), out),
        TopicCommand::Alter { topic, set, delete, .. } => {
            let set = set.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
            let changes = set.chain(delete.iter().map(|key| (key.clone(), None))).collect();
            admin.alter_configs(now, (ResourceType::Topic, topic), changes, out)
        }
        TopicCommand::DeleteRecords { topic, partition, before, .. } => {
            admin.delete_records(now, topic, *partition, *before, out)
        }
        TopicCommand::LogDirs { .. } => admin.describe_log_dirs(now, out),
        TopicCommand::Delete { topic, .. } => admin.delete_topic(now, topic, out),
        TopicCommand::AddPartitions { topic, total, .. } => admin.create_partitions(now, topic, *total, out),
    }
}

fn text(command: &TopicCommand, result: AdminResult) -> Result<String, Failure> {
    Ok(match result {
        AdminResult::TopicCreated { topic, partitions, .. } => format!("created {topic} with {}\n", count(partitions)),
        AdminResult::TopicDeleted { topic } => format!("deleted {topic}\n"),
        AdminResult::PartitionsCreated { topic, partitions } => format!("{topic} has {} now\n", count(partitions)),
        AdminResult::ConfigsAltered { resource } => format!("changed the configuration of {resource}\n"),
        AdminResult::RecordsDeleted { topic, partition, low_watermark } => {
            format!("{topic}-{partition} begins at offset {low_watermark} now\n")
        }
        AdminResult::LogDirs(dirs) => dirs.iter().map(log_dir).collect(),
        AdminResult::Topics(topics) => match command {
            TopicCommand::Describe { .. } => topics.iter().map(described).collect(),
            _ => topics.iter().map(|topic| format!("{}\n", topic.name)).collect(),
        },
        other => return Err(Failure::new(format!("the broker answered another question: {other:?}"))),
    })
}

/// The configuration, one key a line: what was set by somebody, or all of it.
fn configs_text(result: AdminResult, all: bool) -> Result<String, Failure> {
    let AdminResult::Configs(configs) = result else {
        return Err(Failure::new(format!("the broker answered another question: {result:?}")));
    };
    let shown = configs.iter().filter(|config| all || !config.is_default);
    let line = |config: &ConfigDescription| {
        let value = config.value.as_deref().unwrap_or("(hidden)");
        let source = match config.source {
            ConfigSource::Topic => " (set for the topic)",
            ConfigSource::DynamicBroker => " (set for the broker)",
            ConfigSource::StaticBroker => " (the broker was started with it)",
            ConfigSource::Default | ConfigSource::Unknown => "",
        };
        format!("  {}={value}{source}\n", config.name)
    };
    Ok(shown.map(line).collect())
}

fn log_dir(dir: &LogDirDescription) -> String {
    let mut text = dir.path.clone();
    if let Some(error) = &dir.error {
        text += &format!(" cannot be used: {error}");
    }
    if let (Some(total), Some(usable)) = (dir.total_bytes, dir.usable_bytes) {
        text += &format!(" total {total} bytes usable {usable} bytes");
    }
    text += "\n";
    for replica in &dir.replicas {
        text += &format!("  {}-{} {} bytes", replica.topic, replica.partition, replica.bytes);
        if replica.offset_lag > 0 {
            text += &format!(" behind by {}", replica.offset_lag);
        }
        text += "\n";
    }
    text
}

fn count(partitions: i32) -> String {
    match partitions {
        1 => "1 partition".into(),
        // A broker older than Kafka 2.4 does not tell (KIP-525).
        ..=0 => "its partitions".into(),
        many => format!("{many} partitions"),
    }
}

fn described(topic: &TopicDescription) -> String {
    let mut text = format!("topic {} id {} partitions {}\n", topic.name, topic.topic_id, topic.partitions.len());
    for partition in &topic.partitions {
        text += &format!(
            "  partition {} leader {} replicas {:?} isr {:?}\n",
            partition.partition, partition.leader, partition.replicas, partition.isr
        );
    }
    text
}
