//! The visualizer.
