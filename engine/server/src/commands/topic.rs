//! `naru topic`: one question to the broker, one answer.

use crate::{
    cli::{ClientArgs, TopicCommand},
    driver::{self, Driver},
    failure::Failure,
};
use naru_client::{Admin, AdminConfig, AdminResult, ClientOutbox, NewTopic, TopicDescription};
use naru_trace::Now;
use std::process::ExitCode;

/// How long one command may take, retries included.
const TIMEOUT_MS: u32 = 15_000;

/// Asks, waits, prints.
pub fn run(command: &TopicCommand) -> Result<ExitCode, Failure> {
    let result = driver::block_on(ask(command))?;
    print!("{}", text(command, result)?);
    Ok(ExitCode::SUCCESS)
}

async fn ask(command: &TopicCommand) -> Result<AdminResult, Failure> {
    let mut driver = Driver::new();
    let bootstrap = &client(command).bootstrap;
    let config = AdminConfig {
        client_id: "naru-topic".into(),
        bootstrap: vec![(bootstrap.host.clone(), bootstrap.port)],
        api_timeout_ms: TIMEOUT_MS,
        seed: driver::seed(),
        ..AdminConfig::default()
    };
    let now = driver.now();
    let mut admin = Admin::new(config, 1, now, &mut driver.out);
    let ticket = request(&mut admin, command, now, &mut driver.out);
    loop {
        for (answered, result) in admin.results() {
            if answered == ticket {
                return result.map_err(|error| Failure::new(error.to_string()));
            }
        }
        driver.advance(&mut admin, None).await?;
    }
}

fn client(command: &TopicCommand) -> &ClientArgs {
    match command {
        TopicCommand::Create { client, .. }
        | TopicCommand::List { client }
        | TopicCommand::Describe { client, .. }
        | TopicCommand::Delete { client, .. }
        | TopicCommand::AddPartitions { client, .. } => client,
    }
}

fn request(admin: &mut Admin, command: &TopicCommand, now: Now, out: &mut ClientOutbox) -> u64 {
    match command {
        TopicCommand::Create { topic, partitions, .. } => {
            let new = NewTopic { name: topic.clone(), partitions: *partitions, ..NewTopic::default() };
            admin.create_topic(now, new, out)
        }
        TopicCommand::List { .. } => admin.describe_topics(now, None, out),
        TopicCommand::Describe { topic, .. } => admin.describe_topics(now, Some(vec![topic.clone()]), out),
        TopicCommand::Delete { topic, .. } => admin.delete_topic(now, topic, out),
        TopicCommand::AddPartitions { topic, total, .. } => admin.create_partitions(now, topic, *total, out),
    }
}

fn text(command: &TopicCommand, result: AdminResult) -> Result<String, Failure> {
    Ok(match result {
        AdminResult::TopicCreated { topic, partitions, .. } => format!("created {topic} with {}\n", count(partitions)),
        AdminResult::TopicDeleted { topic } => format!("deleted {topic}\n"),
        AdminResult::PartitionsCreated { topic, partitions } => format!("{topic} has {} now\n", count(partitions)),
        AdminResult::Topics(topics) => match command {
            TopicCommand::Describe { .. } => topics.iter().map(described).collect(),
            _ => topics.iter().map(|topic| format!("{}\n", topic.name)).collect(),
        },
        other => return Err(Failure::new(format!("the broker answered another question: {other:?}"))),
    })
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
