//! Everything around the stage, one file per panel. A panel reads the lab's state and calls its methods; panels do not know
//! each other.

pub mod chart;
pub mod editor;
pub mod engine;
pub mod events;
pub mod goals;
pub mod header;
pub mod help;
pub mod inspect;
pub mod legend;
pub mod predictions;
pub mod timeline;
