//! "Check yourself": questions written in plain Markdown lists, answered without any script.
//!
//! ```text
//! <!-- quiz -->
//! Why does the second reader see everything?
//! - A wrong answer :: what is said to who chose it
//! + The right answer :: why it is right
//! <!-- /quiz -->
//! ```
//!
//! Each answer becomes a `<details>`: opening it is choosing it. It works by mouse, by keyboard, read aloud, printed and
//! with scripts switched off; every wrong answer is answered.

use anyhow::{Context, Result, bail};
use std::fmt::Write;

const OPEN: &str = "<!-- quiz -->";
const CLOSE: &str = "<!-- /quiz -->";

/// A chapter with its quizzes replaced.
pub fn replace_all(chapter: &str) -> Result<String> {
    let mut out = String::with_capacity(chapter.len());
    let mut rest = chapter;
    let mut number = 0;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (inside, after) = after.split_once(CLOSE).with_context(|| format!("a quiz has no {CLOSE}"))?;
        number += 1;
        out.push_str(before);
        out.push_str(&render(number, inside)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

struct Answer<'a> {
    is_right: bool,
    text: &'a str,
    reply: &'a str,
}

fn render(number: usize, source: &str) -> Result<String> {
    let (question, answers) = parse(source)?;
    let mut out =
        format!("\n<section class=\"naru-quiz\" aria-label=\"Question {number}\">\n\n**{number}.** {question}\n\n");
    for Answer { is_right, text, reply } in answers {
        // mdBook's own style sheet lets `.right` float.
        let verdict = if is_right { "is-right" } else { "is-wrong" };
        let mark = if is_right { "Yes." } else { "No." };
        write!(
            out,
            "<details class=\"{verdict}\" name=\"quiz-{number}\"><summary>\n\n{text}\n\n</summary>\n\n**{mark}** {reply}\n\n\
             </details>\n\n"
        )?;
    }
    out.push_str("</section>\n");
    Ok(out)
}

fn parse(source: &str) -> Result<(String, Vec<Answer<'_>>)> {
    let mut question = String::new();
    let mut answers = Vec::new();
    for line in source.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let answer =
            line.strip_prefix("- ").map(|text| (false, text)).or(line.strip_prefix("+ ").map(|text| (true, text)));
        let Some((is_right, text)) = answer else {
            question.push_str(line);
            question.push(' ');
            continue;
        };
        let (text, reply) =
            text.split_once(" :: ").with_context(|| format!("the answer \"{text}\" has no reply after ::"))?;
        answers.push(Answer { is_right, text, reply });
    }
    if answers.len() < 2 || answers.iter().filter(|answer| answer.is_right).count() != 1 {
        bail!("the question \"{}\" needs two or more answers, exactly one of them right", question.trim());
    }
    Ok((question, answers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_details() {
        let html = replace_all("a\n<!-- quiz -->\nWhy?\n- no :: not so\n+ yes :: so\n<!-- /quiz -->\nb").unwrap();
        assert!(html.contains("**1.** Why?"));
        assert!(html.contains("<details class=\"is-wrong\" name=\"quiz-1\">"));
        assert!(html.contains("**Yes.** so"));
        assert!(html.starts_with("a\n") && html.ends_with("\nb"));
    }

    #[test]
    fn a_question_without_one_right_answer_fails() {
        let error = replace_all("<!-- quiz -->\nWhy?\n- a :: b\n- c :: d\n<!-- /quiz -->").err().unwrap();
        assert!(error.to_string().contains("exactly one of them right"));
    }
}
