//! What a topic may be called (`Topic.java`).

/// Whether this is a topic that Kafka keeps for itself: `__consumer_offsets`, `__transaction_state`, `__share_group_state`.
pub fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}
