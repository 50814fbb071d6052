//! Runs a lab's script and prints the report and the events: `cargo run -p naru-labs --example labs -- 01 start [ko] [all]`.

use naru_labs::{Importance, Locale, Player, RunRequest, find, run, terminal};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let lab = find(&words[0]).expect("a lab");
    let script = match words[1].as_str() {
        "start" => lab.start.clone(),
        "solution" => lab.solution.clone(),
        name => match lab.wrong.iter().find(|attempt| attempt.name == name) {
            Some(attempt) => attempt.script.clone(),
            None => std::fs::read_to_string(name).expect("a script"),
        },
    };
    let locale = if words.iter().any(|word| word == "ko") { Locale::Ko } else { Locale::En };
    let least = if words.iter().any(|word| word == "all") { Importance::Detail } else { Importance::Headline };
    let recording = run(&RunRequest { lab: lab.number.clone(), script, ..RunRequest::default() });
    let report = terminal::report(&recording, locale);
    for row in Player::new(recording).rows(0, usize::MAX, least, locale) {
        println!("{:>9} {:>4} {:>12} {}", row.at.0, row.seq, row.script_line.unwrap_or(0), row.text);
    }
    println!("{report}");
}
