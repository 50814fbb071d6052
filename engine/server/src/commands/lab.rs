//! `naru lab`: the course's labs in a terminal. What is printed is the labs' own business.

use crate::{
    cli::{LabCommand, LabRunArgs},
    failure::Failure,
};
use naru_labs::{Importance, Lab, Locale, Player, RunRequest, terminal};
use std::{
    env, fs,
    io::{self, Read},
    path::Path,
    process::ExitCode,
};

/// Lists, runs or checks.
pub fn run(command: &LabCommand) -> Result<ExitCode, Failure> {
    match command {
        LabCommand::List => {
            print!("{}", terminal::list(locale()));
            Ok(ExitCode::SUCCESS)
        }
        LabCommand::Run(args) => run_lab(args),
        LabCommand::Check { lab } => check(find(lab)?),
    }
}

/// Exit code 0: the script ran to its end and every goal is met. 1: not.
fn run_lab(args: &LabRunArgs) -> Result<ExitCode, Failure> {
    let lab = find(&args.lab)?;
    let script = match &args.script {
        Some(path) => read_script(path)?,
        None => lab.start.clone(),
    };
    let request = RunRequest { lab: lab.number.clone(), script, seed: args.seed, ..RunRequest::default() };
    let recording = naru_labs::run(&request);
    let report = terminal::report(&recording, locale());
    let passed = recording.passed();
    if args.events {
        print_events(Player::new(recording));
    }
    print!("{report}");
    Ok(ExitCode::from(u8::from(!passed)))
}

fn print_events(player: Player) {
    let events = player.recording().events.len();
    for row in player.rows(0, events, Importance::Detail, locale()) {
        println!("{:>6} {:>10.3} ms  {}", row.seq, row.at.0 as f64 / 1_000.0, row.text);
    }
}

fn check(lab: &Lab) -> Result<ExitCode, Failure> {
    let problems = terminal::check(lab);
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() {
        println!("lab {}: the solution passes, the start does not, and every wrong attempt gets its hint", lab.number);
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// A lab by its number or its name.
pub fn find(name: &str) -> Result<&'static Lab, Failure> {
    naru_labs::find(name)
        .ok_or_else(|| Failure::usage(format!("there is no lab {name}; `naru lab list` names those there are")))
}

fn read_script(path: &Path) -> Result<String, Failure> {
    let read = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    read.map_err(|error| Failure::new(format!("cannot read the script {}: {error}", path.display())))
}

/// Korean where the terminal is Korean, else English.
pub fn locale() -> Locale {
    let set =
        ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| env::var(name).ok().filter(|v| !v.is_empty()));
    match set {
        Some(language) if language.starts_with("ko") => Locale::Ko,
        _ => Locale::En,
    }
}
