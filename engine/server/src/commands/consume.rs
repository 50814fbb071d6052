//! `naru consume`: records become lines.

use crate::{
    cli::ConsumeArgs,
    driver::{self, Driver},
    failure::Failure,
};
use naru_client::{ClientError, Consumer, ConsumerConfig, ConsumerRecord, StartAt};
use std::{
    io::{self, BufWriter, ErrorKind, Write},
    process::ExitCode,
};

/// Records taken at one time.
const POLL_RECORDS: usize = 500;

/// Prints until it has enough, the end is reached (`-e`), or nobody reads its output any more.
pub fn run(args: &ConsumeArgs) -> Result<ExitCode, Failure> {
    driver::block_on(consume(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn consume(args: &ConsumeArgs) -> Result<(), Failure> {
    let mut driver = Driver::new();
    let bootstrap = &args.client.bootstrap;
    let config = ConsumerConfig {
        client_id: "naru-consume".into(),
        bootstrap: vec![(bootstrap.host.clone(), bootstrap.port)],
        allow_auto_create_topics: false,
        seed: driver::seed(),
        ..ConsumerConfig::default()
    };
    let mut consumer = Consumer::new(config, 1, driver.now(), &mut driver.out);
    let partitions = partitions(&mut driver, &mut consumer, args).await?;
    let now = driver.now();
    consumer.assign(now, partitions, &mut driver.out);
    match print_records(&mut driver, &mut consumer, args).await {
        Err(Stop::NobodyReads) | Ok(()) => Ok(()),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

async fn partitions(
    driver: &mut Driver,
    consumer: &mut Consumer,
    args: &ConsumeArgs,
) -> Result<Vec<(String, i32, StartAt)>, Failure> {
    let count = loop {
        let now = driver.now();
        if let Some(answer) = consumer.partitions_of(now, &args.topic, &mut driver.out) {
            break answer.map_err(|error| failed(&error))?;
        }
        driver.advance(consumer, None).await?;
    };
    let start = match (args.offset, args.from_beginning) {
        (Some(offset), _) => StartAt::Offset(offset),
        (None, true) => StartAt::Earliest,
        (None, false) => StartAt::Latest,
    };
    let wanted = match args.partition {
        Some(partition) if !(0..count).contains(&partition) => {
            return Err(Failure::new(format!("{} has partitions 0 to {}, and no {partition}", args.topic, count - 1)));
        }
        Some(partition) => vec![partition],
        None => (0..count).collect(),
    };
    Ok(wanted.into_iter().map(|partition| (args.topic.clone(), partition, start)).collect())
}

/// Why printing ended early.
enum Stop {
    /// The other end of the pipe is closed: that is no failure.
    NobodyReads,
    Failed(Failure),
}

async fn print_records(driver: &mut Driver, consumer: &mut Consumer, args: &ConsumeArgs) -> Result<(), Stop> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut left = args.max_messages.unwrap_or(u64::MAX);
    while left > 0 {
        if let Some(error) = consumer.errors().first() {
            return Err(Stop::Failed(failed(error)));
        }
        let now = driver.now();
        let records =
            consumer.poll(now, POLL_RECORDS.min(usize::try_from(left).unwrap_or(usize::MAX)), &mut driver.out);
        for record in &records {
            print(&mut out, record, args.key_separator.as_deref()).map_err(stop)?;
        }
        left -= records.len() as u64;
        if records.is_empty() {
            out.flush().map_err(stop)?;
            if args.exit_at_end && consumer.is_at_end() {
                return Ok(());
            }
            driver.advance(consumer, None).await.map_err(Stop::Failed)?;
        }
        driver.perform();
    }
    out.flush().map_err(stop)
}

fn print(out: &mut impl Write, record: &ConsumerRecord, key_separator: Option<&str>) -> io::Result<()> {
    if let Some(separator) = key_separator {
        out.write_all(record.key.as_deref().unwrap_or_default())?;
        out.write_all(separator.as_bytes())?;
    }
    out.write_all(record.value.as_deref().unwrap_or_default())?;
    out.write_all(b"\n")
}

fn stop(error: io::Error) -> Stop {
    match error.kind() {
        ErrorKind::BrokenPipe => Stop::NobodyReads,
        _ => Stop::Failed(Failure::new(format!("cannot print: {error}"))),
    }
}

fn failed(error: &ClientError) -> Failure {
    Failure::new(error.to_string())
}
