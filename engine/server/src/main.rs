//! The binary `naru`.
fn main() {}
