//! Every kind of event has a whole sentence in English and in Korean.

mod common;

use common::every_kind;
use naru_labs::{Locale, Names, importance, kind_name, sentence};
use std::collections::BTreeSet;

/// The names of all kinds, read from the engine's source, so that a new kind without its sentence is noticed.
fn kinds_in_the_source() -> BTreeSet<String> {
    let source = include_str!("../../engine/trace/src/kind.rs");
    let body = source.split("pub enum TraceKind {").nth(1).expect("the enum");
    let variant = |line: &str| {
        let name = line.strip_prefix("    ")?.strip_suffix(" {")?;
        (name.starts_with(|letter: char| letter.is_ascii_uppercase())).then(|| snake(name))
    };
    body.lines().filter_map(variant).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[test]
fn there_is_an_event_of_every_kind() {
    let here: BTreeSet<String> = every_kind().iter().map(|event| kind_name(&event.kind)).collect();
    assert_eq!(kinds_in_the_source(), here);
}

#[test]
fn every_kind_is_named_as_its_json_names_it() {
    for event in every_kind() {
        let json = serde_json::to_value(&event.kind).unwrap();
        assert!(json.get(kind_name(&event.kind)).is_some(), "{json}");
    }
}

#[test]
fn every_kind_has_its_sentence_in_both_languages() {
    let mut names = Names::default();
    let events = every_kind();
    events.iter().for_each(|event| names.learn(event));
    for event in &events {
        let kind = kind_name(&event.kind);
        let english = sentence(event, &names, Locale::En);
        let korean = sentence(event, &names, Locale::Ko);
        let is_hangul = |letter: char| ('가'..='힣').contains(&letter);
        assert!(english.len() > 10 && !english.contains(&kind), "{kind}: {english}");
        assert!(korean.chars().any(is_hangul) && !korean.contains(&kind), "{kind}: {korean}");
        let printed = kind == "script_printed";
        assert!(printed || !english.chars().any(is_hangul), "{kind}: {english}");
        for text in [&english, &korean] {
            assert!(printed || text.ends_with(['.', '!', ')']), "{kind}: {text}");
            assert!(!text.contains("  ") && !text.contains("{"), "{kind}: {text}");
            assert!(text.len() < 400, "{kind}: {text}");
        }
        let _ = importance(&event.kind);
    }
}

#[test]
fn sentences_use_the_names_that_clients_gave_themselves() {
    let mut names = Names::default();
    let events = every_kind();
    events.iter().for_each(|event| names.learn(event));
    let queued = events.iter().find(|event| kind_name(&event.kind) == "partition_assigned").unwrap();
    assert_eq!(sentence(queued, &names, Locale::En), "writer will read orders-1.");
    assert_eq!(sentence(queued, &names, Locale::Ko), "writer가 orders-1을 읽기로 합니다.");
    assert_eq!(sentence(queued, &Names::default(), Locale::En), "Client 2 will read orders-1.");
    let assigned = events.iter().rev().find(|event| kind_name(&event.kind) == "offsets_assigned").unwrap();
    assert_eq!(sentence(assigned, &names, Locale::En), "Broker 1 gives the batch offsets 4 to 6 of orders-1.");
}

/// Printed for a person's eyes: `cargo test -p naru-labs --test sentences -- --nocapture all_sentences`.
#[test]
fn all_sentences() {
    let mut names = Names::default();
    for event in every_kind() {
        names.learn(&event);
        println!("{}\n{}\n", sentence(&event, &names, Locale::En), sentence(&event, &names, Locale::Ko));
    }
}

#[test]
fn a_follower_without_records_has_nothing_and_not_offset_minus_one() {
    let lab = naru_labs::find("copies").expect("a lab");
    let request = naru_labs::RunRequest { lab: lab.number.clone(), script: lab.start.clone(), ..Default::default() };
    let mut names = naru_labs::Names::default();
    let mut nothing = 0;
    for event in &naru_labs::run(&request).events {
        names.learn(event);
        for locale in [naru_labs::Locale::En, naru_labs::Locale::Ko] {
            let words = naru_labs::sentence(event, &names, locale);
            assert!(!words.contains("offset -1") && !words.contains("오프셋 -1"), "{words}");
            nothing += usize::from(words.contains("has nothing of orders-0 yet"));
        }
    }
    assert!(nothing > 0);
}
