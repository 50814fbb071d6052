//! `mdbook-naru`: fills the book with what only the engine knows, each time the book is built.
//!
//! mdBook hands the whole book over as JSON and takes it back the same way. Our [`directive`]s (`{{#lab 01}}`,
//! `{{#engine naru_log::Log::append}}`, ...) are replaced by what the engine says now: labs with their static figures,
//! whole items of its source, sentences and numbers from recordings that are made on the spot. So none of it can drift.
//! A directive that names what is not there fails the build with a sentence.
//!
//! Deliberately, nothing is ever written into the book's sources: mdBook watches them, and would build for ever.

mod chart;
mod directive;
mod disk;
mod figure;
mod html;
mod lab;
mod moment;
mod notes;
mod quiz;
mod recorded;
mod source;

use anyhow::{Context, Result, bail};
use directive::Directives;
use mdbook_preprocessor::book::{Book, BookItem};
use std::{io, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "supports") {
        // The search index and the print page are made by the HTML renderer too; for others our HTML is of no use.
        let is_html = arguments.get(1).is_some_and(|renderer| renderer == "html");
        return if is_html { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match preprocess() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mdbook-naru: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn preprocess() -> Result<()> {
    let (context, mut book) = mdbook_preprocessor::parse_input(io::stdin())?;
    if context.mdbook_version.split('.').take(2).ne(mdbook_preprocessor::MDBOOK_VERSION.split('.').take(2)) {
        bail!(
            "this book is written for mdBook {}, but mdBook {} builds it: run `cargo xtask setup`",
            mdbook_preprocessor::MDBOOK_VERSION,
            context.mdbook_version
        );
    }
    let mut directives = Directives::new(&context.root)?;
    fill(&mut book, &mut directives)?;
    serde_json::to_writer(io::stdout(), &book)?;
    Ok(())
}

fn fill(book: &mut Book, directives: &mut Directives) -> Result<()> {
    let mut outcome = Ok(());
    book.for_each_mut(|item| {
        let BookItem::Chapter(chapter) = item else { return };
        if outcome.is_err() || chapter.path.is_none() {
            return;
        }
        match directives.replace_all(&chapter.content) {
            Ok(content) => chapter.content = content,
            Err(error) => outcome = Err(error).with_context(|| format!("in chapter \"{}\"", chapter.name)),
        }
    });
    outcome
}
