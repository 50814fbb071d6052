//! What recordings say: scripts, what they print, events as sentences, numbers.
//!
//! Each recording is made once per build, by the engine itself, so prose that quotes one cannot drift from it.

use crate::{chart, figure, html};
use anyhow::{Context, Result, bail};
use naru_labs::{Importance, Lab, Locale, Names, Recording, RunRequest, importance, sentence};
use naru_trace::TraceKind;
use std::{collections::BTreeMap, fmt::Write};

/// The recordings made so far, by lab and script.
#[derive(Default)]
pub struct Recordings {
    made: BTreeMap<(String, String), Recording>,
}

impl Recordings {
    /// The recording of a lab's script: `start`, `solution`, or the name of a wrong attempt.
    pub fn of(&mut self, lab: &'static Lab, script: &str) -> Result<&Recording> {
        let text = script_of(lab, script)?;
        let key = (lab.number.clone(), script.to_owned());
        Ok(self.made.entry(key).or_insert_with(|| {
            let request = RunRequest { lab: lab.number.clone(), script: text.to_owned(), ..RunRequest::default() };
            naru_labs::run(&request)
        }))
    }

    /// What a file holds after the first so many events of a recording.
    pub fn file(&mut self, lab: &'static Lab, script: &str, events: usize, path: &str) -> Result<Vec<u8>> {
        let recording = self.of(lab, script)?;
        let view = figure::final_view(recording);
        let seq = events.checked_sub(1).context("nothing has happened yet")? as u64;
        let images = view.brokers.keys().map(|broker| recording.journal.image_at(*broker, seq));
        let bytes = images.into_iter().find_map(|image| image.read(path, 0, u64::MAX));
        Ok(bytes.with_context(|| format!("lab {} with {script} has no file {path} then", lab.number))?.to_vec())
    }

    /// `{{#script 01 start}}`
    pub fn script(&self, lab: &'static Lab, script: &str) -> Result<String> {
        Ok(html::fenced("rust,ignore", script_of(lab, script)?))
    }

    /// `{{#printed 01 solution}}`
    pub fn printed(&mut self, lab: &'static Lab, script: &str) -> Result<String> {
        let recording = self.of(lab, script)?;
        let mut lines: Vec<&str> = recording.printed.iter().map(|line| line.text.as_str()).collect();
        if let Some(error) = &recording.error {
            lines.push(error.message.get(Locale::En));
        }
        if lines.is_empty() {
            bail!("lab {} prints nothing with {script}", lab.number);
        }
        Ok(html::fenced("text", &lines.join("\n")))
    }

    /// `{{#events 01 solution kind=batch_appended,records_read from=0 count=6}}`
    pub fn events(&mut self, lab: &'static Lab, script: &str, options: &[&str]) -> Result<String> {
        let options = EventOptions::parse(options)?;
        let recording = self.of(lab, script)?;
        let mut names = Names::default();
        let mut rows = String::new();
        let mut skipped = 0;
        let mut shown = 0;
        for event in &recording.events {
            names.learn(event);
            let words = sentence(event, &names, Locale::En);
            if !options.wants(event) || !words.contains(&options.text) {
                continue;
            }
            if skipped < options.from {
                skipped += 1;
                continue;
            }
            if shown == options.count {
                break;
            }
            shown += 1;
            let at = match event.at.0 {
                us if us < 1_000_000 => format!("{:.1} ms", us as f64 / 1_000.0),
                us => format!("{:.2} s", us as f64 / 1_000_000.0),
            };
            let text = html::with_code(&words);
            let site = format!("{}:{}", event.site.file, event.site.line);
            write!(rows, "<li><time>{at}</time> <span>{text} <code class=\"site\">{site}</code></span></li>")?;
        }
        if shown == 0 {
            bail!("lab {} with {script} has no such event", lab.number);
        }
        Ok(format!("\n<ol class=\"naru-events\">{rows}</ol>\n"))
    }

    /// `{{#figure 01 solution}}`
    pub fn figure(&mut self, lab: &'static Lab, script: &str) -> Result<String> {
        let recording = self.of(lab, script)?;
        let caption = figure::caption(recording);
        Ok(format!("\n<figure>{}<figcaption>{caption}</figcaption></figure>\n", figure::svg(recording)))
    }

    /// `{{#chart 01 solution}}`
    pub fn chart(&mut self, lab: &'static Lab, script: &str) -> Result<String> {
        let svg = chart::svg(self.of(lab, script)?)?;
        Ok(format!("\n<figure>{svg}<figcaption>Records over time, from a run of the engine</figcaption></figure>\n"))
    }

    /// `{{#race 06 solution}}`
    pub fn race(&mut self, lab: &'static Lab, script: &str) -> Result<String> {
        let svg = chart::race(self.of(lab, script)?)?;
        Ok(format!(
            "\n<figure>{svg}<figcaption>Each reading from its own beginning, from a run of the engine</figcaption></figure>\n"
        ))
    }

    /// `{{#number 01 solution records}}`: see the arms for what can be asked.
    pub fn number(&mut self, lab: &'static Lab, script: &str, what: &[&str]) -> Result<String> {
        let recording = self.of(lab, script)?;
        let view = figure::final_view(recording);
        let client = |name: &str| {
            let found = view.clients.values().find(|client| client.name == name);
            found.with_context(|| format!("there is no client {name}"))
        };
        let number = match what {
            ["events"] => recording.events.len() as u64,
            ["hash"] => return Ok(recording.hash.clone()),
            ["milliseconds"] => view.at.as_millis(),
            ["acknowledged"] => view.clients.values().map(|client| client.acknowledged).sum(),
            ["delivered"] => view.clients.values().map(|client| client.delivered).sum(),
            ["delivered", name] => client(name)?.delivered,
            ["produce_ms", topic] => return produce_ms(recording, topic),
            ["bytes", topic, partition] => {
                let topics = view.brokers.values().find_map(|broker| broker.topics.get(*topic));
                let partition = topics.and_then(|topic| topic.partitions.get(&partition.parse().ok()?));
                let partition = partition.with_context(|| format!("there is no partition {topic}"))?;
                partition.segments.iter().map(|segment| segment.bytes).sum()
            }
            _ => bail!(
                "a number is: events, hash, milliseconds, acknowledged, delivered [CLIENT], produce_ms TOPIC, \
                 bytes TOPIC PARTITION"
            ),
        };
        Ok(number.to_string())
    }
}

/// How long a batch of a topic waited for its acknowledgement, on average, in milliseconds.
fn produce_ms(recording: &Recording, wanted: &str) -> Result<String> {
    let mut sent = Vec::new();
    let mut took = Vec::new();
    for event in &recording.events {
        match &event.kind {
            TraceKind::BatchSent { topic, .. } if topic == wanted => sent.push(event.at),
            TraceKind::BatchAcknowledged { topic, .. } if topic == wanted && !sent.is_empty() => {
                took.push(event.at.since(sent.remove(0)));
            }
            _ => {}
        }
    }
    if took.is_empty() {
        bail!("no batch of {wanted} was acknowledged");
    }
    Ok(format!("{:.1}", took.iter().sum::<u64>() as f64 / took.len() as f64 / 1_000.0))
}

fn script_of<'a>(lab: &'a Lab, script: &str) -> Result<&'a str> {
    match script {
        "start" => Ok(&lab.start),
        "solution" => Ok(&lab.solution),
        name => {
            let attempt = lab.wrong.iter().find(|attempt| attempt.name == name);
            attempt.map(|attempt| attempt.script.as_str()).with_context(|| {
                let names: Vec<&str> = lab.wrong.iter().map(|attempt| attempt.name.as_str()).collect();
                format!("lab {} has no script {name}; there are start, solution, {}", lab.number, names.join(", "))
            })
        }
    }
}

struct EventOptions {
    kinds: Vec<String>,
    /// A word of the sentence.
    text: String,
    from: usize,
    count: usize,
}

impl EventOptions {
    fn parse(options: &[&str]) -> Result<Self> {
        let mut parsed = EventOptions { kinds: Vec::new(), text: String::new(), from: 0, count: 8 };
        for option in options {
            match option.split_once('=') {
                Some(("kind", kinds)) => parsed.kinds = kinds.split(',').map(str::to_owned).collect(),
                Some(("text", word)) => parsed.text = word.to_owned(),
                Some(("from", number)) => parsed.from = number.parse()?,
                Some(("count", number)) => parsed.count = number.parse()?,
                _ => bail!("an option is kind=.., text=.., from=.. or count=.., not {option}"),
            }
        }
        Ok(parsed)
    }

    /// Without kinds, the headlines.
    fn wants(&self, event: &naru_trace::TraceEvent) -> bool {
        if self.kinds.is_empty() {
            return importance(&event.kind) == Importance::Headline;
        }
        self.kinds.iter().any(|kind| kind == event.kind.name())
    }
}
