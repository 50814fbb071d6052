//! A lab in a chapter: the custom element, and inside it what is read where nothing runs (no WASM, no script, on paper).

use crate::{figure, html, recorded::Recordings};
use anyhow::Result;
use naru_labs::{Lab, Locale};
use serde_json::Value;
use std::{fmt::Write, fs, path::Path};

/// The names of the files that `cargo xtask web` made.
pub struct Assets {
    element: Option<String>,
}

impl Assets {
    /// Reads the manifest. Without one the book is still whole, but its labs do not run.
    pub fn read(dist: &Path) -> Self {
        let manifest = fs::read_to_string(dist.join("manifest.json")).ok();
        let manifest: Option<Value> = manifest.and_then(|text| serde_json::from_str(&text).ok());
        let element = manifest.and_then(|manifest| Some(manifest.get("element")?.as_str()?.to_owned()));
        if element.is_none() {
            eprintln!("mdbook-naru: the labs were not built, so they will not run: `cargo xtask web` builds them");
        }
        Assets { element }
    }

    /// The script that makes labs of the elements: once per page. All chapters lie directly in `src/`, so that the same
    /// relative address is right in each of them, and on the page that prints the whole book.
    pub fn loader(&self) -> String {
        match &self.element {
            Some(name) => format!("\n\n<script defer src=\"naru/{name}\"></script>\n"),
            None => String::new(),
        }
    }
}

/// The element with its fallback. There is no blank line in it, because Markdown would end the HTML there.
pub fn element(lab: &'static Lab, assets: &Assets, recordings: &mut Recordings) -> Result<String> {
    let number = &lab.number;
    let say = |text: &naru_labs::Text| html::with_code(text.get(Locale::En));
    let mut out = String::new();
    writeln!(out, "\n<naru-lab lab=\"{number}\">")?;
    writeln!(out, "<div class=\"naru-fallback\">")?;
    writeln!(out, "<h3 class=\"naru-title\">Lab {number}: {}</h3>", say(&lab.title))?;
    writeln!(out, "<p>{}</p>", say(&lab.intro))?;
    writeln!(out, "<p><strong>A belief to test:</strong> {}</p>", say(&lab.belief))?;
    for prediction in &lab.predictions {
        let choices: Vec<String> = prediction.choices.iter().map(|choice| say(&choice.text)).collect();
        let question = say(&prediction.question);
        writeln!(out, "<p><strong>Predict:</strong> {question} <em>{}</em></p>", choices.join(" / "))?;
    }
    writeln!(out, "<pre><code class=\"language-rust\">{}</code></pre>", html::escape(lab.start.trim_end()))?;
    let recording = recordings.of(lab, "start")?;
    writeln!(out, "<figure>{}", figure::svg(recording))?;
    let caption = figure::caption(recording);
    writeln!(out, "<figcaption>How this script ends, with seed {}: {caption}</figcaption></figure>", lab.seed)?;
    writeln!(out, "<p><strong>Goals:</strong></p><ul>")?;
    for goal in &lab.goals {
        writeln!(out, "<li>{}</li>", say(&goal.title))?;
    }
    writeln!(out, "</ul>")?;
    writeln!(out, "<p class=\"naru-note\">{}</p>", how_to_run(lab, assets))?;
    writeln!(out, "</div>")?;
    writeln!(out, "</naru-lab>\n")?;
    Ok(out)
}

fn how_to_run(lab: &Lab, assets: &Assets) -> String {
    let number = &lab.number;
    let terminal = format!("In a terminal it runs as <code>naru lab run {number}</code>.");
    if assets.element.is_some() {
        let page = format!("<a href=\"naru/lab.html?lab={number}\">its own page</a>");
        format!("This is the lab's still picture. Where WebAssembly works, it runs here and on {page}. {terminal}")
    } else {
        format!(
            "This is the lab's still picture: its engine was not built. <code>cargo xtask web</code> builds it. {terminal}"
        )
    }
}
