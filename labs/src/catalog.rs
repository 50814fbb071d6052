//! The labs there are: every folder `labs/NN-name/`, read by `build.rs` when Naru is built.

use crate::lab::Lab;
use std::sync::OnceLock;

/// All labs, by number.
pub fn labs() -> &'static [Lab] {
    static LABS: OnceLock<Vec<Lab>> = OnceLock::new();
    LABS.get_or_init(|| {
        let json = include_str!(concat!(env!("OUT_DIR"), "/catalog.json"));
        // A lab that cannot be read is a mistake of ours, and a test of this crate finds it.
        serde_json::from_str(json).unwrap_or_else(|error| panic!("a lab.toml is wrong: {error}"))
    })
}

/// A lab by its number (`"01"`, `"1"`), its slug (`"what-a-broker-is"`) or its folder's name.
pub fn find(name: &str) -> Option<&'static Lab> {
    let number = name.parse::<u32>().ok();
    labs().iter().find(|lab| {
        lab.slug == name || lab.folder() == name || (number.is_some() && lab.number.parse::<u32>().ok() == number)
    })
}

impl Lab {
    /// The name of its folder: `"01-what-a-broker-is"`.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.number, self.slug)
    }
}
