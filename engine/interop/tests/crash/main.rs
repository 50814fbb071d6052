//! `kill -9` at random moments, under load, again and again: nothing that was acknowledged is lost or altered.
//!
//! Four librdkafka producers write without pause to four topics (see [`load::TOPICS`]) whose segments are small, so that rolling,
//! retention and compaction are at work all the time. In each round the broker is killed at a random moment, sometimes again while
//! it starts, sometimes it is stopped in good order; it is started again, the producers' outstanding records arrive, and all
//! that the topics hold is compared with what was sent and acknowledged ([`verify`]).
//!
//! `NARU_CRASH_ROUNDS` says how many rounds, 8 if nothing; `NARU_CRASH_SEED` repeats the moments of another run, as far as
//! clocks and threads let one. `kill -9` spares what the operating system has: losing power is the simulation's business.

mod load;
mod verify;

use load::{Load, TOPICS};
use naru_interop::{BrokerProcess, PATIENCE, free_port, naru_binary, run};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant, SystemTime},
};
use verify::Verifier;

/// Looks for retention and compaction as often as it can.
const BROKER: [&str; 4] = [
    "log.retention.check.interval.ms=100",
    "log.cleaner.backoff.ms=50",
    "log.flush.scheduler.interval.ms=100",
    "log.flush.offset.checkpoint.interval.ms=200",
];

#[test]
fn nothing_acknowledged_is_lost_or_altered_by_kill_9() {
    let rounds: u32 = number("NARU_CRASH_ROUNDS").unwrap_or(8) as u32;
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let seed = number("NARU_CRASH_SEED").unwrap_or(clock);
    println!("crash: {rounds} rounds, NARU_CRASH_SEED={seed}");
    let dir = tempfile::Builder::new().prefix("naru-crash-").tempdir().expect("a temporary folder");
    // Kept when the test fails, to be looked at.
    let data = dir.keep();
    println!("crash: the data directory is {}", data.display());
    let begun = Instant::now();
    Harness::new(&data, seed).run(rounds);
    println!("crash: {rounds} rounds took {:.1} s", begun.elapsed().as_secs_f32());
    std::fs::remove_dir_all(&data).expect("the data directory can be removed");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

struct Harness<'a> {
    data: &'a Path,
    listen: String,
    random: Random,
    broker: BrokerProcess,
    load: Load,
    verifier: Verifier,
    kills: u32,
}

impl<'a> Harness<'a> {
    fn new(data: &'a Path, seed: u64) -> Self {
        // The same port again and again: the producers live longer than the broker.
        let listen = format!("127.0.0.1:{}", free_port());
        let broker = BrokerProcess::naru(data, &listen, &BROKER);
        create_topics(&listen);
        let load = Load::start(&listen);
        let verifier = Verifier::new(&listen);
        Harness { data, listen, random: Random(seed), broker, load, verifier, kills: 0 }
    }

    fn run(mut self, rounds: u32) {
        for round in 1..=rounds {
            self.load.resume();
            std::thread::sleep(Duration::from_millis(20 + self.random.below(350)));
            let stopped_well = self.random.below(10) == 0;
            if stopped_well {
                assert!(self.broker.stop(), "round {round}: the broker did not end in good order");
            } else {
                self.broker.kill_9();
                self.kills += 1;
            }
            while self.random.below(4) == 0 {
                self.kill_while_starting();
            }
            self.broker = BrokerProcess::naru(self.data, &self.listen, &BROKER);
            self.load.settle();
            let is_last = round == rounds;
            self.verifier.check(round, &mut self.load, is_last || round % 20 == 0);
            if is_last || round % 10 == 0 {
                println!("crash: round {round}, {} kills: {}", self.kills, self.verifier.summary());
            }
        }
        self.verifier.assert_all_was_at_work();
        self.load.stop();
        assert!(self.broker.stop(), "the broker ends in good order");
        let dump = run(Command::new(naru_binary()).args(["log", "dump", "--json"]).arg(self.data), "");
        let (segments, batches) = (dump.matches("record batches").count(), dump.matches("\"batch\":").count());
        println!("crash: {segments} segments with {batches} batches, none damaged");
        assert!(segments > 2 * TOPICS.len(), "segments were rolled");
    }

    /// Starts the broker and kills it a moment later, in the middle of recovery or just after.
    fn kill_while_starting(&mut self) {
        let mut child = Command::new(naru_binary())
            .arg("serve")
            .arg("--data-dir")
            .arg(self.data)
            .args(["--listen", &self.listen, "--http", "127.0.0.1:0"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("naru starts");
        std::thread::sleep(Duration::from_micros(self.random.below(60_000)));
        child.kill().expect("the broker can be killed");
        child.wait().expect("the broker ends");
        self.kills += 1;
    }
}

fn create_topics(bootstrap: &str) {
    let mut config = ClientConfig::new();
    let admin: AdminClient<DefaultClientContext> =
        config.set("bootstrap.servers", bootstrap).create().expect("an admin client");
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let topics: Vec<NewTopic<'_>> = TOPICS
        .iter()
        .map(|topic| {
            let new = NewTopic::new(topic.name, topic.partitions, TopicReplication::Fixed(1));
            topic.configs.iter().fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    let results = naru_interop::block_on(admin.create_topics(&topics, &options)).expect("an answer");
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
pub struct Random(pub u64);

impl Random {
    /// A number less than `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end
    }
}
