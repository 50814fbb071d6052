//! Every lab against its own promises: the solution passes, the start does not, each wrong attempt fails with its own
//! hint.

use naru_labs::{Locale, RunRequest, labs, run, terminal};

#[test]
fn every_lab_keeps_its_promises() {
    let mut problems = Vec::new();
    for lab in labs() {
        let found = terminal::check(lab).into_iter().chain(terminal::proofread(lab));
        problems.extend(found.map(|problem| format!("{}: {problem}", lab.folder())));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn every_lab_has_two_wrong_attempts_and_a_belief() {
    assert!(labs().len() >= 4);
    for lab in labs() {
        assert!(lab.wrong.len() >= 2, "{}", lab.folder());
        assert!(!lab.predictions.is_empty(), "{}", lab.folder());
        assert!(!lab.rows.is_empty(), "{}", lab.folder());
    }
}

#[test]
fn a_lab_that_is_watched_is_short() {
    for lab in labs() {
        for script in [&lab.start, &lab.solution] {
            let recording =
                run(&RunRequest { lab: lab.number.clone(), script: script.clone(), ..RunRequest::default() });
            // Disks have more to tell, and brokers among themselves.
            let most = match (&lab.cluster, lab.disk) {
                (Some(_), _) => 1_500,
                (None, true) => 1_000,
                (None, false) => 700,
            };
            assert!(recording.events.len() < most, "{}: {} events", lab.folder(), recording.events.len());
        }
    }
}

#[test]
fn the_start_answers_the_predictions_where_it_can() {
    // Reading the second prediction of lab 01 takes the repair; all others are answered by the first run.
    for lab in labs() {
        let recording =
            run(&RunRequest { lab: lab.number.clone(), script: lab.start.clone(), ..RunRequest::default() });
        let told = recording.predictions.iter().filter(|one| one.correct.is_some()).count();
        assert!(told >= 1, "{}", terminal::report(&recording, Locale::En));
    }
}
