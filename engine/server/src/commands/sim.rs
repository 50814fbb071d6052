//! `naru sim`: the simulated world on the command line.
//!
//! Exit codes: 0 all is well; 127 the engine crashed (an assertion of its own); 128 it did not come to rest; 129 a property
//! does not hold. Every failure is printed with the command that shows it again.

use super::lab;
use crate::{
    cli::{SimCheckHistoryArgs, SimCommand, SimRunArgs, SimSoakArgs},
    failure::Failure,
};
use naru_labs::{Names, Recording, RunRequest, sentence};
use naru_sim::history::{self, Entry};
use naru_sim::soak::{self, SCENARIOS, SoakFailure, SoakOptions, SoakReport};
use naru_trace::TraceEvent;
use std::{
    ops::RangeInclusive,
    process::ExitCode,
    time::{Duration, Instant},
};

/// What a process ends with whose engine stopped itself.
const EXIT_CRASH: i32 = 127;
/// How often a long soak says where it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// One run, or many.
pub fn run(command: &SimCommand) -> Result<ExitCode, Failure> {
    match command {
        SimCommand::Run(args) => run_one(args),
        SimCommand::Soak(args) => run_many(args),
        SimCommand::CheckHistory(args) => check_history(args),
    }
}

fn run_one(args: &SimRunArgs) -> Result<ExitCode, Failure> {
    let replay = format!("naru sim run {} --seed {}", args.what, args.seed);
    if let Some(scenario) = soak::scenario(&args.what) {
        println!("scenario {}: {}\nseed {}, {:?}", scenario.name, scenario.about, args.seed, scenario.options);
        crash_with(replay);
        let (world, result) = soak::simulate(args.seed, &scenario.options);
        if args.events {
            print_events(world.events());
        }
        return Ok(outcome(result));
    }
    let Some(found) = naru_labs::find(&args.what) else {
        let sentence = format!(
            "there is no scenario and no lab {}; {}; `naru lab list` names the labs",
            args.what,
            scenario_names()
        );
        return Err(Failure::usage(sentence));
    };
    println!("lab {}, seed {}", found.number, args.seed);
    crash_with(replay);
    let request = RunRequest {
        lab: found.number.clone(),
        script: found.start.clone(),
        seed: Some(args.seed),
        ..RunRequest::default()
    };
    let recording = naru_labs::run(&request);
    if args.events {
        print_events(&recording.events);
    }
    Ok(lab_outcome(&recording))
}

fn lab_outcome(recording: &Recording) -> ExitCode {
    println!("{} events, hash {}", recording.events.len(), recording.hash);
    match &recording.error {
        Some(error) => {
            println!("the script ended early: {}", error.message.get(lab::locale()));
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn run_many(args: &SimSoakArgs) -> Result<ExitCode, Failure> {
    let seeds = seeds(&args.seeds)?;
    let options = match &args.scenario {
        None => SoakOptions::DEFAULT,
        Some(name) => match soak::scenario(name) {
            Some(scenario) => scenario.options.clone(),
            None => return Err(Failure::usage(format!("there is no scenario {name}; {}", scenario_names()))),
        },
    };
    let again = args.scenario.as_ref().map_or(String::new(), |name| format!(" --scenario {name}"));
    println!("seeds {}..{}, {options:?}", seeds.start(), seeds.end());
    let started = Instant::now();
    let until = args.minutes.map(|minutes| started + Duration::from_secs(minutes * 60));
    let mut total = SoakReport::default();
    let (mut done, mut said) = (0u64, started);
    for seed in seeds {
        if until.is_some_and(|until| Instant::now() >= until) {
            println!("time is up before seed {seed}");
            break;
        }
        crash_with(format!("naru sim soak --seeds {seed}..{seed}{again}"));
        match soak::run(seed, &options) {
            Ok(report) => add(&mut total, &report),
            Err(failure) => return Ok(outcome(Err(failure))),
        }
        done += 1;
        if said.elapsed() >= PROGRESS_EVERY {
            said = Instant::now();
            println!("seed {seed}: all well so far ({done} worlds, {} events)", total.events);
        }
    }
    println!("{done} worlds in {:.1} s, all well: {}", started.elapsed().as_secs_f64(), summary(&total));
    Ok(ExitCode::SUCCESS)
}

/// Judges a history, from wherever it was recorded.
fn check_history(args: &SimCheckHistoryArgs) -> Result<ExitCode, Failure> {
    let name = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::usage(format!("the history {name} cannot be read: {error}")))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let entries = lines.map(|(number, line)| {
        serde_json::from_str(line)
            .map_err(|error| Failure::usage(format!("line {} of {name} is no entry: {error}", number + 1)))
    });
    let history: Vec<Entry> = entries.collect::<Result<_, _>>()?;
    let found = history::check(&history);
    for anomaly in &found {
        println!("{}{anomaly}", if anomaly.is_error() { "" } else { "(note) " });
    }
    let errors = found.iter().filter(|anomaly| anomaly.is_error()).count();
    println!("{} entries, {errors} anomalies", history.len());
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(129) })
}

fn scenario_names() -> String {
    let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    format!("scenarios are {}", names.join(", "))
}

/// `A..B` with both ends included, or one number.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, Failure> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    match (from.trim().parse(), to.trim().trim_start_matches('=').parse()) {
        (Ok(from), Ok(to)) if from <= to => Ok(from..=to),
        _ => Err(Failure::usage(format!("--seeds {text}: write it as A..B, for example 1..200"))),
    }
}

fn outcome(result: Result<SoakReport, SoakFailure>) -> ExitCode {
    match result {
        Ok(report) => {
            println!("all well: {}, hash {:016x}", summary(&report), report.event_hash);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn summary(report: &SoakReport) -> String {
    format!(
        "{} steps, {} events, {} faults, {:.1} s of simulated time; records: {} sent, {} acknowledged, {} failed, {} delivered",
        report.steps,
        report.events,
        report.faults,
        report.simulated_ms as f64 / 1_000.0,
        report.sent,
        report.acknowledged,
        report.failed,
        report.delivered
    )
}

fn add(total: &mut SoakReport, report: &SoakReport) {
    total.steps += report.steps;
    total.events += report.events;
    total.simulated_ms += report.simulated_ms;
    total.faults += report.faults;
    total.sent += report.sent;
    total.acknowledged += report.acknowledged;
    total.failed += report.failed;
    total.delivered += report.delivered;
}

/// Every event as a sentence, with the line of the engine that emitted it.
fn print_events(events: &[TraceEvent]) {
    let mut names = Names::default();
    for event in events {
        names.learn(event);
        let at_ms = event.at.0 as f64 / 1_000.0;
        let text = sentence(event, &names, lab::locale());
        println!("{:>6} {at_ms:>10.3} ms  {text}  ({}:{})", event.seq, event.site.file, event.site.line);
    }
}

/// From here on a panic of this thread is the engine's crash: it says how to see it again, and ends the process with 127.
fn crash_with(replay: String) {
    std::panic::set_hook(Box::new(move |panic| {
        println!("the engine stopped itself: {panic}\nreplay: {replay}");
        std::process::exit(EXIT_CRASH);
    }));
}

#[cfg(test)]
mod tests {
    use super::seeds;

    #[test]
    fn both_ends_of_the_seeds_are_included() {
        assert_eq!(seeds("1..3").unwrap(), 1..=3);
        assert_eq!(seeds("7").unwrap(), 7..=7);
        assert!(seeds("3..1").is_err());
        assert!(seeds("one..two").is_err());
    }
}
