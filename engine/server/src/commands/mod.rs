//! One file per command.

pub mod consume;
pub mod lab;
pub mod produce;
pub mod serve;
pub mod sim;
pub mod topic;
