//! Where items go: one line each.

use super::{Stop, item::Item};
use serde::Serialize;
use std::io::Write;

/// So many problems of one file are printed; all are counted.
const PROBLEMS_SHOWN_MAX: u64 = 20;

/// Prints items of one file after the other, and remembers what was damaged.
pub struct Printer<W> {
    out: W,
    json: bool,
    path: String,
    problems_of_file: u64,
    problems: u64,
    first_problem: String,
}

#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    #[serde(flatten)]
    item: &'a Item,
}

impl<W: Write> Printer<W> {
    /// Prints to `out`.
    pub fn new(out: W, json: bool) -> Self {
        Printer { out, json, path: String::new(), problems_of_file: 0, problems: 0, first_problem: String::new() }
    }

    /// What follows is in this file.
    pub fn file(&mut self, path: String, kind: &'static str, bytes: u64) -> Result<(), Stop> {
        self.path = path;
        self.problems_of_file = 0;
        self.item(&Item::File { kind, bytes })
    }

    /// Something is damaged.
    pub fn problem(&mut self, position: u64, sentence: impl Into<String>) -> Result<(), Stop> {
        let sentence = sentence.into();
        if self.problems == 0 {
            self.first_problem = format!("{} at byte {position}: {sentence}", self.path);
        }
        self.problems += 1;
        self.problems_of_file += 1;
        if self.problems_of_file > PROBLEMS_SHOWN_MAX {
            return Ok(());
        }
        self.item(&Item::Problem { position, sentence })
    }

    /// Anything else.
    pub fn item(&mut self, item: &Item) -> Result<(), Stop> {
        self.print(item).map_err(Stop::Output)
    }

    fn print(&mut self, item: &Item) -> std::io::Result<()> {
        if self.json {
            serde_json::to_writer(&mut self.out, &Line { path: &self.path, item })?;
            return self.out.write_all(b"\n");
        }
        match item {
            Item::File { .. } => writeln!(self.out, "{}: {item}", self.path),
            item => writeln!(self.out, "  {item}"),
        }
    }

    /// Hands over what is buffered.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }

    /// How many problems there were, and the first as a sentence.
    pub fn problems(&self) -> (u64, String) {
        (self.problems, self.first_problem.clone())
    }
}
