//! Labs and simulations in a terminal: what is printed, and what the process ends with.

mod common;

use common::output;
use std::process::Output;

fn run(arguments: &[&str]) -> Output {
    let mut command = common::naru();
    command.args(arguments);
    output(command)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn labs_are_listed_and_sound() {
    let listed = run(&["lab", "list"]);
    assert!(listed.status.success());
    assert!(text(&listed).lines().any(|line| line.contains("01")), "{}", text(&listed));
    let checked = run(&["lab", "check", "01"]);
    assert!(checked.status.success(), "{}", text(&checked));
}

#[test]
fn a_lab_that_is_not_done_ends_with_1() {
    let untouched = run(&["lab", "run", "01"]);
    assert_eq!(untouched.status.code(), Some(1), "{}", text(&untouched));
    let again = run(&["lab", "run", "01"]);
    assert_eq!(text(&untouched), text(&again), "the same every time");
}

#[test]
fn a_simulation_is_the_same_every_time() {
    let first = run(&["sim", "run", "crash", "--seed", "5"]);
    assert!(first.status.success(), "{}", text(&first));
    assert!(text(&first).contains("hash "), "{}", text(&first));
    assert_eq!(text(&first), text(&run(&["sim", "run", "crash", "--seed", "5"])));
    assert_ne!(text(&first), text(&run(&["sim", "run", "crash", "--seed", "6"])));
}

#[test]
fn a_soak_says_its_seeds_first() {
    let soak = run(&["sim", "soak", "--seeds", "1..3"]);
    assert!(soak.status.success(), "{}", text(&soak));
    assert!(text(&soak).starts_with("seeds 1..3, "), "{}", text(&soak));
    assert!(text(&soak).contains("3 worlds"), "{}", text(&soak));
}

#[test]
fn events_are_sentences_with_the_engines_line() {
    let events = run(&["sim", "run", "01", "--seed", "1", "--events"]);
    assert!(text(&events).lines().any(|line| line.contains("(engine/broker/src/")), "{}", text(&events));
}
