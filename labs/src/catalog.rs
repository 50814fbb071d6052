//! The labs there are: every folder `labs/NN-name/`.
//!
//! Native programs carry all of them (feature `catalog`, read by `build.rs`). The browser carries none: it fetches the one
//! that is opened, and hands it to [`open`].

use crate::{json, lab::Lab};
#[cfg(feature = "catalog")]
use std::sync::OnceLock;
use std::sync::{Mutex, PoisonError};

/// Labs that came from elsewhere.
static OPENED: Mutex<Vec<&Lab>> = Mutex::new(Vec::new());

/// All labs, by number.
#[cfg(feature = "catalog")]
pub fn labs() -> &'static [Lab] {
    static LABS: OnceLock<Vec<Lab>> = OnceLock::new();
    LABS.get_or_init(|| {
        let json = include_str!(concat!(env!("OUT_DIR"), "/catalog.json"));
        // A lab that cannot be read is a mistake of ours, and a test of this crate finds it.
        serde_json::from_str(json).unwrap_or_else(|error| panic!("a lab.toml is wrong: {error}"))
    })
}

/// A lab's file, as `cargo xtask web` writes it. It is there to be found as long as the program runs. `None` if it is not the
/// description of a lab.
pub fn open(text: &str) -> Option<&'static Lab> {
    let lab: Lab = json::read(text).ok()?;
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = opened.iter().find(|known| ***known == lab) {
        return Some(known);
    }
    let lab: &'static Lab = Box::leak(Box::new(lab));
    opened.retain(|other| other.number != lab.number);
    opened.push(lab);
    Some(lab)
}

/// A lab by its number (`"01"`, `"1"`), its slug (`"what-a-broker-is"`) or its folder's name.
pub fn find(name: &str) -> Option<&'static Lab> {
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().find(|lab| lab.is_called(name));
    #[cfg(feature = "catalog")]
    let opened = opened.or_else(|| labs().iter().find(|lab| lab.is_called(name)));
    opened
}

impl Lab {
    /// The name of its folder: `"01-what-a-broker-is"`.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.number, self.slug)
    }

    fn is_called(&self, name: &str) -> bool {
        let number = name.parse::<u32>().ok();
        let same_number = number.is_some() && self.number.parse::<u32>().ok() == number;
        self.slug == name || self.folder() == name || same_number
    }
}

#[cfg(all(test, feature = "catalog"))]
mod tests {
    use super::*;

    #[test]
    fn a_lab_comes_from_its_file_as_it_is_in_the_catalog() {
        for lab in labs() {
            let text = serde_json::to_string(lab).unwrap();
            assert_eq!(open(&text), Some(lab));
            assert_eq!(find(&lab.number), Some(lab));
        }
        assert_eq!(open("{}"), None);
        assert_eq!(find("no-such-lab"), None);
    }
}
