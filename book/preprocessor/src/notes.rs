//! The notes that this book teaches: each row's own Korean sentence, and what it says in English.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

/// The rows by name.
pub struct Notes {
    rows: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// The notes' own words.
    ko: String,
    /// The same in English.
    en: String,
}

impl Notes {
    /// Reads `book/notes.toml`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        Ok(Notes { rows: toml::from_str(&text).with_context(|| format!("{} is not sound", path.display()))? })
    }

    /// The rows as one quotation.
    pub fn quote(&self, names: &[&str]) -> Result<String> {
        let mut out = String::from("<div class=\"naru-notes\">\n");
        for name in names {
            let row = self.rows.get(*name).with_context(|| format!("there is no row {name} in book/notes.toml"))?;
            write!(
                out,
                "\n<blockquote id=\"row-{}\"><span class=\"row\">{name}</span>\n\n<span lang=\"ko\">{}</span>\n\n{}\n\n\
                 </blockquote>\n",
                name.to_lowercase(),
                row.ko,
                row.en
            )?;
        }
        out.push_str("\n</div>\n");
        Ok(out)
    }
}
