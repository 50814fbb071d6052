//! Maps and sets in the order of their keys.
//!
//! Natively they are the standard library's B-trees. In the browser they are sorted vectors with the same methods and the same
//! order: a B-tree's code is some ten kilobytes for each pair of types, which every reader would download, and a lab's maps
//! are small. Which of the two it is can therefore not be told from a run's events; a test compares them.
//!
//! This is deliberately no general collection: it has the methods that the engine uses.

#[cfg(not(target_arch = "wasm32"))]
pub use alloc::collections::{BTreeMap as SortedMap, BTreeSet as SortedSet};
#[cfg(target_arch = "wasm32")]
pub use vector::{SortedMap, SortedSet};

#[cfg(test)]
mod tests;
#[cfg(any(target_arch = "wasm32", test))]
mod vector;
