//! What a topic may be called (`Topic.java`).
//!
//! A topic's name is also a directory's name, a part of a file's path and a part of a metric's name. That is where the rules
//! come from: few characters, not too long (`<topic>-<partition>` has to fit into the 255 bytes of a file name), not `.` or
//! `..`. That two names must not differ only in `.` and `_` depends on the topics there are: see
//! [`crate::Image::colliding`].

use alloc::{format, string::String};

/// The most characters that a name may have.
pub const LENGTH_MAX: usize = 249;

/// The topic that holds the metadata log. It cannot be created: it is simply there.
pub const CLUSTER_METADATA: &str = "__cluster_metadata";

/// The topic that groups and their offsets are written in.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// Whether this is a topic that Kafka keeps for itself: `__consumer_offsets`, `__transaction_state`, `__share_group_state`.
pub fn is_internal(name: &str) -> bool {
    matches!(name, CONSUMER_OFFSETS | "__transaction_state" | "__share_group_state")
}

/// Checks a name. The error is the sentence that Kafka answers with.
pub fn validate(name: &str) -> Result<(), String> {
    match reason_invalid(name) {
        Some(reason) => Err(format!("Topic name is invalid: {reason}")),
        None => Ok(()),
    }
}

fn reason_invalid(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the empty string is not allowed".into());
    }
    if matches!(name, "." | "..") {
        return Some(format!("'{name}' is not allowed"));
    }
    if length(name) > LENGTH_MAX {
        return Some(format!("the length of '{name}' is longer than the max allowed length {LENGTH_MAX}"));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.chars().all(legal) {
        return Some(format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        ));
    }
    None
}

/// The length as Java counts it: in UTF-16 units.
fn length(name: &str) -> usize {
    name.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of Apache Kafka 4.1.1, word for word.
    #[test]
    fn semantics_47_names() {
        let cases = [
            ("orders", None),
            ("a.B-c_9", None),
            ("...", None),
            ("", Some("Topic name is invalid: the empty string is not allowed")),
            (".", Some("Topic name is invalid: '.' is not allowed")),
            ("..", Some("Topic name is invalid: '..' is not allowed")),
            ("a b", Some(ILLEGAL_A_B)),
            ("주문", Some(ILLEGAL_KOREAN)),
        ];
        for (name, expected) in cases {
            assert_eq!(validate(name).err().as_deref(), expected, "{name:?}");
        }
    }

    const ILLEGAL_A_B: &str = "Topic name is invalid: 'a b' contains one or more characters other than \
                               ASCII alphanumerics, '.', '_' and '-'";
    const ILLEGAL_KOREAN: &str = "Topic name is invalid: '주문' contains one or more characters other than \
                                  ASCII alphanumerics, '.', '_' and '-'";

    #[test]
    fn semantics_47_length() {
        let name = "x".repeat(LENGTH_MAX);
        assert_eq!(validate(&name), Ok(()));
        let name = "x".repeat(LENGTH_MAX + 1);
        let expected =
            format!("Topic name is invalid: the length of '{name}' is longer than the max allowed length 249");
        assert_eq!(validate(&name), Err(expected));
    }
}
