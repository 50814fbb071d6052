//! Runs a script from beginning to end, and grades what happened.
//!
//! The whole run happens at once; what the screen shows afterwards is the recording. Read `script.rs` for how a
//! script drives a cluster, and [`crate::facts`] for how goals see it.

use crate::{
    backend::Backend,
    catalog,
    facts::Facts,
    goals, measure,
    recording::{RECORDING_VERSION, Recording, RunRequest},
    script,
    sim_backend::SimBackend,
};
use naru_trace::event_hash;

/// The seed of a run without a lab, when the request names none.
const SEED: u64 = 1;

/// Runs the request in the simulation. An unknown lab runs the script without goals.
pub fn run(request: &RunRequest) -> Recording {
    let seed = seed_of(request);
    let mut backend = SimBackend::new(seed, request.actions.clone(), request.budget);
    if let Some(lab) = catalog::find(&request.lab) {
        backend = backend.for_lab(lab);
    }
    run_on(request, Box::new(backend))
}

/// Runs the request on any cluster. The request's actions are the backend's to perform.
pub fn run_on(request: &RunRequest, backend: Box<dyn Backend>) -> Recording {
    let lab = catalog::find(&request.lab);
    let (outcome, mut backend) = script::run(&request.script, backend, request.budget);
    let events = backend.finish();
    let facts = Facts::of(&events, &outcome.templates);
    let goals = lab.iter().flat_map(|lab| &lab.goals).map(|goal| goals::grade(goal, &facts)).collect();
    let predictions = lab.iter().flat_map(|lab| &lab.predictions).map(|prediction| {
        let chosen = request.predictions.get(&prediction.id).map(String::as_str);
        measure::grade(prediction, chosen, &facts)
    });
    Recording {
        version: RECORDING_VERSION,
        engine: env!("NARU_ENGINE_HASH").to_owned(),
        lab: lab.map_or_else(|| request.lab.clone(), |lab| lab.number.clone()),
        seed: seed_of(request),
        script: request.script.clone(),
        actions: request.actions.clone(),
        printed: outcome.printed,
        templates: outcome.templates,
        goals,
        predictions: predictions.collect(),
        error: outcome.error,
        hash: format!("{:016x}", event_hash(&events)),
        events,
        journal: backend.journal(),
    }
}

fn seed_of(request: &RunRequest) -> u64 {
    request.seed.or_else(|| catalog::find(&request.lab).map(|lab| lab.seed)).unwrap_or(SEED)
}
