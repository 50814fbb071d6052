//! The mdBook preprocessor.
fn main() {}
