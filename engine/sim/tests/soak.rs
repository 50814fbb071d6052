//! Random worlds. `naru sim soak` runs many more of them.

use naru_sim::soak::{self, SCENARIOS, SoakOptions};

#[test]
fn a_few_random_worlds_keep_every_promise() {
    for seed in 1..=5 {
        if let Err(failure) = soak::run(seed, &SoakOptions::default()) {
            panic!("{failure}");
        }
    }
}

#[test]
fn every_scenario_keeps_every_promise_after_every_step() {
    for scenario in SCENARIOS {
        let options = SoakOptions { check_every: 1, deeds: 40, ..scenario.options.clone() };
        if let Err(failure) = soak::run(1, &options) {
            panic!("{}: {failure}", scenario.name);
        }
    }
}

#[test]
fn a_seed_decides_everything() {
    let options = SoakOptions { deeds: 40, ..SoakOptions::default() };
    let (first, second) = (soak::run(3, &options).unwrap(), soak::run(3, &options).unwrap());
    assert_eq!(first, second);
    assert_ne!(first.event_hash, soak::run(4, &options).unwrap().event_hash);
}

#[test]
fn clusters_keep_every_promise() {
    let scenario = soak::scenario("cluster").expect("there is such a scenario");
    for seed in 1..=12 {
        if let Err(failure) = soak::run(seed, &scenario.options) {
            panic!("{failure}");
        }
    }
}
