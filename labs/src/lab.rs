//! A lab as data: what its folder holds, read once when Naru is built.
//!
//! `labs/NN-name/` holds `lab.toml` (words, seed, goals, predictions), `start.rhai` (what the learner begins with),
//! `solution.rhai` (one right answer of many) and `wrong/*.rhai` (answers that must be refused, each with its own
//! hint). What the goals mean is in [`crate::goals`]. To add a lab, add a folder.

use crate::{goals::Predicate, measure::Measure, text::Text};
use naru_trace::SortedMap;
use serde::{Deserialize, Serialize};

/// One lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lab {
    /// Two digits: `"01"`.
    pub number: String,
    /// The rest of its folder's name: `"what-a-broker-is"`.
    pub slug: String,
    /// Its title.
    pub title: Text,
    /// The rows of the notes that it covers: `"N12"`.
    pub rows: Vec<String>,
    /// The book's chapter, by its file's name without `.md`.
    pub chapter: String,
    /// The seed that it runs with unless the learner chooses another.
    pub seed: u64,
    /// Whether the run shows the brokers' disks: files, and which of their pages are in memory.
    #[serde(default)]
    pub disk: bool,
    /// The cluster that `cluster()` starts; without it there is one lone broker, which `broker()` starts.
    #[serde(default)]
    pub cluster: Option<Cluster>,
    /// What each broker is started with, by Kafka's keys: `log.retention.check.interval.ms`.
    #[serde(default)]
    pub settings: SortedMap<String, String>,
    /// A few sentences to begin with.
    pub intro: Text,
    /// The belief that it puts to the test.
    pub belief: Text,
    /// Questions to answer before the first run.
    #[serde(default)]
    pub predictions: Vec<Prediction>,
    /// What is to be reached.
    pub goals: Vec<Goal>,
    /// The script to begin with.
    #[serde(default)]
    pub start: String,
    /// A script that meets all goals.
    #[serde(default)]
    pub solution: String,
    /// Scripts that must not.
    #[serde(default)]
    pub wrong: Vec<WrongAttempt>,
}

/// A cluster to run a lab on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// How many brokers; the first three of them are the controllers' quorum.
    pub brokers: i32,
    /// How many racks they stand in, in turn; 0: none.
    #[serde(default)]
    pub racks: i32,
}

/// A question whose answer the engine measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Unique in its lab.
    pub id: String,
    /// The question.
    pub question: Text,
    /// What is measured in the recording. Its value decides which choice is correct.
    pub measure: Measure,
    /// The choices, at least two.
    pub choices: Vec<Choice>,
}

/// One answer to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Unique in its prediction.
    pub id: String,
    /// What the learner reads.
    pub text: Text,
    /// The measured value that makes this the correct choice: `"5"`.
    pub value: String,
    /// What is said to who chose it, once the engine has measured: why it is so, or why it is not.
    pub reply: Text,
}

/// Something to reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Unique in its lab.
    pub id: String,
    /// What is to be reached, in one sentence.
    pub title: Text,
    /// What has to be true of the recording.
    pub needs: Predicate,
    /// What to try, while it is not met.
    pub hint: Text,
    /// Better hints for mistakes that can be told apart; the first that fits is shown instead of `hint`.
    #[serde(default)]
    pub hints: Vec<HintFor>,
}

/// A hint for one kind of mistake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HintFor {
    /// What the mistake looks like in the recording.
    pub when: Predicate,
    /// What to try.
    pub hint: Text,
}

/// A script that must be refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WrongAttempt {
    /// Its file's name in `wrong/` without `.rhai`.
    pub name: String,
    /// The mistaken idea behind it, in a sentence.
    pub idea: Text,
    /// The goal that it must not meet, by id; `None` if its script must end with an error instead.
    #[serde(default)]
    pub fails: Option<String>,
    /// Words of the hint (or of the error's help) that must be shown, in English.
    pub shows: String,
    /// The script.
    #[serde(default)]
    pub script: String,
}
