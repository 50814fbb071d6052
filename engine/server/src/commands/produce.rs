//! `naru produce`: lines become records.

use crate::{
    cli::ProduceArgs,
    driver::{self, Driver},
    failure::Failure,
};
use bytes::Bytes;
use naru_client::{Acks, Producer, ProducerConfig, ProducerRecord};
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::ExitCode,
};
use tokio::sync::mpsc;

/// Records that may be on their way at one time.
const UNACKNOWLEDGED_MAX: u64 = 10_000;
/// Bytes of them.
const UNACKNOWLEDGED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Lines that may wait to be taken.
const LINES_MAX: usize = 1024;

/// Sends every line, waits for every acknowledgement. An error of any record is the command's.
pub fn run(args: &ProduceArgs) -> Result<ExitCode, Failure> {
    let acks = args.acks.parse::<Acks>();
    let acks = acks.map_err(|()| Failure::usage(format!("--acks {}: allowed is 0, 1 or all", args.acks)))?;
    driver::block_on(produce(args, acks))?;
    Ok(ExitCode::SUCCESS)
}

async fn produce(args: &ProduceArgs, acks: Acks) -> Result<(), Failure> {
    let mut lines = lines(args.file.clone())?;
    let mut sending = Sending::new(args, acks);
    let mut input_ended = false;
    while !input_ended || !sending.producer.is_idle() {
        sending.take_reports()?;
        let room = !input_ended && sending.has_room();
        tokio::select! {
            line = lines.recv(), if room => match line {
                Some(line) => sending.send(args, line.map_err(|error| Failure::new(format!("cannot read a line: {error}")))?)?,
                None => {
                    input_ended = true;
                    sending.flush();
                }
            },
            advanced = sending.driver.advance(&mut sending.producer, None) => advanced?,
        }
    }
    sending.take_reports()
}

/// A producer and what it has not heard back of.
struct Sending {
    driver: Driver,
    producer: Producer,
    unacknowledged: u64,
    bytes: usize,
}

impl Sending {
    fn new(args: &ProduceArgs, acks: Acks) -> Self {
        let mut driver = Driver::new();
        let bootstrap = &args.client.bootstrap;
        let config = ProducerConfig {
            client_id: "naru-produce".into(),
            bootstrap: vec![(bootstrap.host.clone(), bootstrap.port)],
            acks,
            enable_idempotence: acks == Acks::All,
            seed: driver::seed(),
            ..ProducerConfig::default()
        };
        let producer = Producer::new(config, 1, driver.now(), &mut driver.out);
        driver.perform();
        Sending { driver, producer, unacknowledged: 0, bytes: 0 }
    }

    fn has_room(&self) -> bool {
        self.unacknowledged < UNACKNOWLEDGED_MAX && self.bytes < UNACKNOWLEDGED_BYTES_MAX
    }

    fn send(&mut self, args: &ProduceArgs, line: Vec<u8>) -> Result<(), Failure> {
        let length = line.len();
        let (key, value) = split(line, args.key_separator.as_deref());
        let record = ProducerRecord {
            topic: args.topic.clone(),
            partition: args.partition,
            key,
            value: Some(value),
            ..ProducerRecord::default()
        };
        let now = self.driver.now();
        self.producer.send(now, record, &mut self.driver.out).map_err(|error| Failure::new(error.to_string()))?;
        self.driver.perform();
        self.unacknowledged += 1;
        self.bytes += length;
        Ok(())
    }

    fn flush(&mut self) {
        let now = self.driver.now();
        self.producer.flush(now, &mut self.driver.out);
        self.driver.perform();
    }

    fn take_reports(&mut self) -> Result<(), Failure> {
        for report in self.producer.reports() {
            self.unacknowledged -= 1;
            report.result.map_err(|error| Failure::new(format!("a record was not written: {error}")))?;
        }
        if self.unacknowledged == 0 {
            self.bytes = 0;
        }
        Ok(())
    }
}

/// The part before the separator is the key. A line without one has no key.
fn split(line: Vec<u8>, separator: Option<&str>) -> (Option<Bytes>, Bytes) {
    let line = Bytes::from(line);
    let Some(separator) = separator.filter(|separator| !separator.is_empty()) else { return (None, line) };
    let found = line.windows(separator.len()).position(|window| window == separator.as_bytes());
    match found {
        Some(at) => (Some(line.slice(..at)), line.slice(at + separator.len()..)),
        None => (None, line),
    }
}

/// Lines, read by a thread of their own: standard input cannot be waited for in any better way.
fn lines(file: Option<PathBuf>) -> Result<mpsc::Receiver<io::Result<Vec<u8>>>, Failure> {
    let reader: Box<dyn BufRead + Send> = match file {
        None => Box::new(BufReader::new(io::stdin())),
        Some(path) => {
            let opened = File::open(&path);
            Box::new(BufReader::new(
                opened.map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?,
            ))
        }
    };
    let (sender, receiver) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in reader.split(b'\n') {
            if sender.blocking_send(line.map(without_carriage_return)).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn without_carriage_return(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::split;
    use bytes::Bytes;

    #[test]
    fn the_key_ends_at_the_first_separator() {
        let split = |line: &str| split(line.as_bytes().to_vec(), Some("::"));
        assert_eq!(split("a::b::c"), (Some(Bytes::from("a")), Bytes::from("b::c")));
        assert_eq!(split("::b"), (Some(Bytes::new()), Bytes::from("b")));
        assert_eq!(split("plain"), (None, Bytes::from("plain")));
    }
}
