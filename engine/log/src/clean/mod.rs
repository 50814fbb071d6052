//! stub
pub mod digest;
pub mod offset_map;
