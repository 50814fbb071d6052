//! Labs: small scripts that drive simulated Kafka clients and brokers, graded by what really happened.
//!
//! A script (Rhai) runs to its end in the simulation at once and leaves a [`Recording`]: every event of the engine,
//! each with the script's line that caused it. Goals and predictions are questions to that recording. A [`Player`]
//! shows it, forwards and backwards.
//!
//! This crate deliberately draws nothing and knows no browser. Read [`recording`] first, then [`runner`], then
//! [`goals`]; the labs themselves are the folders beside `src`.

pub mod backend;
pub mod catalog;
pub mod disk;
pub mod facts;
pub mod goals;
pub mod json;
pub mod lab;
pub mod measure;
pub mod player;
pub mod recording;
pub mod refusal;
pub mod runner;
mod script;
pub mod sentence;
pub mod sim_backend;
pub mod template;
#[cfg(feature = "catalog")]
pub mod terminal;
pub mod text;

#[cfg(feature = "catalog")]
pub use catalog::labs;
pub use catalog::{find, open};
pub use disk::{DiskBytes, Field};
pub use goals::{By, Predicate};
pub use lab::{Choice, Goal, HintFor, Lab, Prediction, WrongAttempt};
pub use measure::Measure;
pub use naru_sim::Action;
pub use player::{EventRow, Frame, Mark, MarkKind, Player, RunSummary, Series, SeriesKind};
pub use recording::{
    Budget, GoalResult, InjectedAction, PredictionResult, PrintedLine, RECORDING_VERSION, Recording, RunRequest,
    ScriptError,
};
pub use runner::{run, run_on};
pub use script::words;
pub use sentence::{Importance, Names, importance, kind_name, sentence};
pub use text::{Locale, Text};
