//! Text in the two languages of Naru, and the choice between them.
//!
//! Deliberately not a translation framework: a lab's words stand in its `lab.toml`, the events' words in
//! [`mod@crate::sentence`], and both languages are always there, so that switching needs no new run.

use serde::{Deserialize, Serialize};

/// The language to say things in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Locale {
    /// Both languages.
    pub const ALL: [Locale; 2] = [Locale::En, Locale::Ko];
}

/// The same words in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Text {
    /// In English.
    pub en: String,
    /// In Korean.
    pub ko: String,
}

impl Text {
    /// Both at once.
    pub fn new(en: impl Into<String>, ko: impl Into<String>) -> Self {
        Text { en: en.into(), ko: ko.into() }
    }

    /// What is the same in both languages: a name, a number.
    pub fn same(words: impl Into<String>) -> Self {
        let words = words.into();
        Text { en: words.clone(), ko: words }
    }

    /// The words in one language.
    pub fn get(&self, locale: Locale) -> &str {
        match locale {
            Locale::En => &self.en,
            Locale::Ko => &self.ko,
        }
    }
}
