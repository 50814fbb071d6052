//! Finding directives in a chapter and replacing each by what it stands for.
//!
//! A directive is `{{#name words...}}`; words are separated by spaces. A backslash before it leaves it as it is. The
//! directives of mdBook itself (`{{#include ..}}`) have been dealt with before we run, and are none of ours.

use crate::{disk, lab, notes::Notes, quiz, recorded::Recordings, source::Sources};
use anyhow::{Context, Result, bail};
use naru_labs::Lab;
use std::path::Path;

/// Everything that directives ask for.
pub struct Directives {
    assets: lab::Assets,
    notes: Notes,
    recordings: Recordings,
    sources: Sources,
}

impl Directives {
    /// Reads what lies beside the book. `book` is the folder of `book.toml`, one below the workspace's root.
    pub fn new(book: &Path) -> Result<Self> {
        let root = book.parent().context("the book lies in the workspace")?;
        Ok(Directives {
            assets: lab::Assets::read(&book.join("src/naru")),
            notes: Notes::read(&book.join("notes.toml"))?,
            recordings: Recordings::default(),
            sources: Sources::new(root),
        })
    }

    /// A chapter with its directives and quizzes replaced.
    pub fn replace_all(&mut self, chapter: &str) -> Result<String> {
        let mut done = String::with_capacity(chapter.len() * 2);
        let mut rest = chapter;
        let mut has_lab = false;
        while let Some(start) = rest.find("{{#") {
            let (before, from) = rest.split_at(start);
            let end = from.find("}}").context("a directive that begins with {{# has no }}")?;
            let (inside, after) = (&from[3..end], &from[end + 2..]);
            if let Some(before) = before.strip_suffix('\\') {
                done.push_str(before);
                done.push_str(&from[..end + 2]);
            } else {
                done.push_str(before);
                let words: Vec<&str> = inside.split_whitespace().collect();
                has_lab |= words.first() == Some(&"lab");
                let text = self.replace(&words).with_context(|| format!("{{{{#{inside}}}}}"))?;
                done.push_str(&text);
            }
            rest = after;
        }
        done.push_str(rest);
        if has_lab {
            done.push_str(&self.assets.loader());
        }
        quiz::replace_all(&done)
    }

    fn replace(&mut self, words: &[&str]) -> Result<String> {
        match words {
            ["lab", number] => lab::element(find_lab(number)?, &self.assets, &mut self.recordings),
            ["engine", path] => self.sources.item(path),
            ["notes", rows @ ..] if !rows.is_empty() => self.notes.quote(rows),
            ["script", number, script] => self.recordings.script(find_lab(number)?, script),
            ["printed", number, script] => self.recordings.printed(find_lab(number)?, script),
            ["events", number, script, options @ ..] => self.recordings.events(find_lab(number)?, script, options),
            ["chart", number, script] => self.recordings.chart(find_lab(number)?, script),
            ["files", number, script, options @ ..] => {
                disk::files(&mut self.recordings, find_lab(number)?, script, options)
            }
            ["bytes", number, script, path, options @ ..] => {
                disk::bytes(&mut self.recordings, find_lab(number)?, script, path, options)
            }
            ["race", number, script] => self.recordings.race(find_lab(number)?, script),
            ["figure", number, script] => self.recordings.figure(find_lab(number)?, script),
            ["number", number, script, what @ ..] => self.recordings.number(find_lab(number)?, script, what),
            _ => bail!(
                "unknown directive; there are: lab NN, engine CRATE::ITEM, notes N1.., script NN NAME, printed NN NAME, \
                 events NN NAME [kind=K] [text=WORD] [from=N] [count=N], figure NN NAME, chart NN NAME, race NN NAME, files NN NAME [in=DIR] [until=K | after=K], \
                 bytes NN NAME PATH [text=TEXT] [until=K | after=K], number NN NAME WHAT"
            ),
        }
    }
}

fn find_lab(name: &str) -> Result<&'static Lab> {
    naru_labs::find(name).with_context(|| {
        let known: Vec<&str> = naru_labs::labs().iter().map(|lab| lab.number.as_str()).collect();
        format!("there is no lab {name}; there are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directives() -> Directives {
        Directives::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap()
    }

    #[test]
    fn text_without_directives_stays_as_it_is() {
        assert_eq!(directives().replace_all("a {{b}} c\n").unwrap(), "a {{b}} c\n");
    }

    #[test]
    fn a_backslash_keeps_a_directive() {
        assert_eq!(directives().replace_all("write \\{{#lab 01}}").unwrap(), "write {{#lab 01}}");
    }

    #[test]
    fn unknown_names_fail_with_a_sentence() {
        let error = |text| format!("{:#}", directives().replace_all(text).unwrap_err());
        assert!(error("{{#lab 99}}").contains("there is no lab 99; there are 01"), "{}", error("{{#lab 99}}"));
        assert!(error("{{#engine naru_log::Nothing}}").contains("no item Nothing"));
        assert!(error("{{#engine naru_nowhere::Log}}").contains("no crate naru_nowhere"));
        assert!(error("{{#notes N99}}").contains("no row N99"));
        assert!(error("{{#wonder}}").contains("unknown directive"));
        assert!(error("{{#lab 01").contains("has no }}"));
    }
}
