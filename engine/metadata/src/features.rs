//! The features of the cluster whose levels are agreed upon, and what this program understands of them (KIP-584).

/// The feature whose level says in which versions metadata records are written.
pub const METADATA_VERSION: &str = "metadata.version";
/// The feature that keeps eligible leader replicas (KIP-966).
pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";

/// The levels of `metadata.version` that are understood: 3.3-IV3, the oldest that Kafka 4 reads, to 4.1-IV1.
pub const METADATA_VERSION_LEVELS: (i16, i16) = (7, 27);

/// Every feature that is understood, with its lowest and highest level. Level 0 is: not in use.
pub const SUPPORTED: [(&str, i16, i16); 2] =
    [(METADATA_VERSION, METADATA_VERSION_LEVELS.0, METADATA_VERSION_LEVELS.1), (ELIGIBLE_LEADER_REPLICAS, 0, 1)];
