//! The stage: the cluster as a picture.
//!
//! [`layout`] decides where everything stands, as plain values and without a browser, so that tests can read it; [`draw`]
//! makes SVG of those values; [`messages`] moves what is on its way; [`table`] says the same as text. Nothing here knows of
//! the engine: the stage shows a [`naru_trace::ClusterView`] and nothing else.

pub mod draw;
pub mod keys;
pub mod lane;
pub mod layout;
pub mod messages;
pub mod pill;
pub mod table;
