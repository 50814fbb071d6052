//! One file per command.

pub mod cluster;
pub mod consume;
pub mod lab;
pub mod log_dump;
pub mod produce;
pub mod serve;
pub mod sim;
pub mod topic;
