//! Metadata records and their image.
