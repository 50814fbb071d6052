//! Labs in a terminal: what `naru lab list | run | check` prints.
//!
//! Plain text, no colours: it is read by people, screen readers, pipes and tests alike.

use crate::{
    catalog,
    goals::grade,
    lab::{Lab, WrongAttempt},
    recording::{Recording, RunRequest, ScriptError},
    runner::run,
    text::Locale,
};
use std::fmt::Write;

/// The list of labs.
pub fn list(locale: Locale) -> String {
    let mut text = String::new();
    for lab in catalog::labs() {
        let _ = writeln!(text, "{}  {}  ({})", lab.number, lab.title.get(locale), lab.rows.join(", "));
        let _ = writeln!(text, "    {}: \"{}\"", say(locale, "the belief", "통념"), lab.belief.get(locale));
    }
    text
}

/// What a lab asks for: its introduction, its goals, and the script to begin with.
pub fn describe(lab: &Lab, locale: Locale) -> String {
    let mut text = format!("{} {}\n\n{}\n\n", lab.number, lab.title.get(locale), lab.intro.get(locale).trim());
    let _ = writeln!(text, "{}:", say(locale, "Goals", "목표"));
    for goal in &lab.goals {
        let _ = writeln!(text, "  - {}", goal.title.get(locale));
    }
    let _ = writeln!(text, "\n{}:\n\n{}", say(locale, "The script to begin with", "시작 스크립트"), lab.start);
    text
}

/// A run: what was printed, how goals and predictions stand, why it ended early.
pub fn report(recording: &Recording, locale: Locale) -> String {
    let mut text = String::new();
    for line in &recording.printed {
        let _ = writeln!(text, "{}", line.text);
    }
    if let Some(error) = &recording.error {
        let _ = writeln!(text, "\n{}", error_lines(error, locale));
    }
    if !recording.goals.is_empty() {
        let _ = writeln!(text, "\n{}:", say(locale, "Goals", "목표"));
    }
    for goal in &recording.goals {
        let state = if goal.met { say(locale, "met", "달성") } else { say(locale, "not met", "미달성") };
        let _ = writeln!(text, "  [{state}] {}", goal.title.get(locale));
        let _ = writeln!(text, "      {}", goal.detail.get(locale));
        if let Some(hint) = &goal.hint {
            let _ = writeln!(text, "      {}: {}", say(locale, "hint", "힌트"), hint.get(locale));
        }
    }
    predictions(&mut text, recording, locale);
    let _ = writeln!(
        text,
        "\n{} {} · seed {} · hash {}",
        recording.events.len(),
        say(locale, "events", "이벤트"),
        recording.seed,
        recording.hash
    );
    text
}

/// Only predictions that were made, or that this run has answered.
fn predictions(text: &mut String, recording: &Recording, locale: Locale) {
    let told = recording.predictions.iter().filter(|one| one.chosen.is_some());
    for prediction in told {
        let _ = writeln!(text, "\n{}", prediction.question.get(locale));
        let verdict = match prediction.right {
            Some(true) => say(locale, "You were right.", "맞혔습니다."),
            Some(false) => say(locale, "The engine says otherwise.", "엔진의 답은 다릅니다."),
            None => say(locale, "This run does not tell yet.", "이 실행으로는 아직 알 수 없습니다."),
        };
        let _ = writeln!(text, "  {verdict} {}", prediction.reply.get(locale));
    }
}

/// `Line 3, column 5: ...`, and below it what to try.
fn error_lines(error: &ScriptError, locale: Locale) -> String {
    let message = error.message.get(locale);
    let mut text = match (error.line, error.column, locale) {
        (Some(line), Some(column), Locale::En) => format!("Line {line}, column {column}: {message}"),
        (Some(line), Some(column), Locale::Ko) => format!("{line}행 {column}열: {message}"),
        (Some(line), None, Locale::En) => format!("Line {line}: {message}"),
        (Some(line), None, Locale::Ko) => format!("{line}행: {message}"),
        _ => message.to_owned(),
    };
    if let Some(help) = &error.help {
        let _ = write!(text, "\n  {}", help.get(locale));
    }
    text
}

/// Checks a lab itself: its solution passes, its start fails, every wrong attempt fails with its own hint.
/// Each problem is a sentence; none means that the lab is sound.
pub fn check(lab: &Lab) -> Vec<String> {
    let mut problems = Vec::new();
    let solution = run_script(lab, &lab.solution);
    if !solution.passed() {
        problems.push(format!("The solution does not pass:\n{}", report(&solution, Locale::En)));
    }
    for prediction in solution.predictions.iter().filter(|prediction| prediction.correct.is_none()) {
        let measured = prediction.measured.as_deref().unwrap_or("nothing");
        problems.push(format!("No choice of the prediction {} fits the solution ({measured}).", prediction.id));
    }
    if run_script(lab, &lab.start).passed() {
        problems.push("The script to begin with passes untouched.".into());
    }
    problems.extend(lab.wrong.iter().filter_map(|attempt| check_wrong(lab, attempt)));
    problems
}

fn check_wrong(lab: &Lab, attempt: &WrongAttempt) -> Option<String> {
    let recording = run_script(lab, &attempt.script);
    let shown = match &attempt.fails {
        Some(id) => match recording.goals.iter().find(|goal| goal.id == *id) {
            None => return Some(format!("{}: the lab has no goal {id}.", attempt.name)),
            Some(goal) if goal.met => return Some(format!("{}: it meets the goal {id}.", attempt.name)),
            Some(goal) => goal.hint.as_ref().map_or("", |hint| &hint.en).to_owned(),
        },
        None => match &recording.error {
            None => return Some(format!("{}: it runs without an error.", attempt.name)),
            Some(error) => error_lines(error, Locale::En),
        },
    };
    // An attempt that is wrong in its idea must not fail for a slip in its writing.
    if let (Some(_), Some(error)) = (&attempt.fails, &recording.error) {
        return Some(format!("{}: it ends with an error: {}", attempt.name, error_lines(error, Locale::En)));
    }
    (!shown.contains(&attempt.shows)).then(|| format!("{}: it shows \"{shown}\".", attempt.name))
}

fn run_script(lab: &Lab, script: &str) -> Recording {
    run(&RunRequest { lab: lab.number.clone(), script: script.to_owned(), ..RunRequest::default() })
}

/// Whether every goal's hint and title has words in both languages, and ids are not used twice.
pub fn proofread(lab: &Lab) -> Vec<String> {
    let mut problems = Vec::new();
    let mut texts = vec![&lab.title, &lab.intro, &lab.belief];
    for goal in &lab.goals {
        texts.extend([&goal.title, &goal.hint]);
        texts.extend(goal.hints.iter().map(|hint| &hint.hint));
    }
    for prediction in &lab.predictions {
        texts.push(&prediction.question);
        texts.extend(prediction.choices.iter().flat_map(|choice| [&choice.text, &choice.reply]));
    }
    texts.extend(lab.wrong.iter().map(|attempt| &attempt.idea));
    for text in texts {
        if text.en.trim().is_empty() || text.ko.trim().is_empty() {
            problems.push(format!("Words are missing: {text:?}"));
        }
    }
    let mut ids: Vec<&str> = lab.goals.iter().map(|goal| goal.id.as_str()).collect();
    ids.extend(lab.predictions.iter().map(|prediction| prediction.id.as_str()));
    ids.sort_unstable();
    let doubled = ids.windows(2).filter(|pair| pair[0] == pair[1]);
    problems.extend(doubled.map(|pair| format!("The id {} is used twice.", pair[0])));
    // Nothing has happened: no goal may be met by doing nothing.
    let nothing = crate::facts::Facts::of(&[], &[]);
    let idle = lab.goals.iter().filter(|goal| grade(goal, &nothing).met);
    problems.extend(idle.map(|goal| format!("The goal {} is met by doing nothing.", goal.id)));
    problems
}

fn say<'a>(locale: Locale, en: &'a str, ko: &'a str) -> &'a str {
    match locale {
        Locale::En => en,
        Locale::Ko => ko,
    }
}
