//! Why a topic's name is refused.
//!
//! Decided by looking at the name, as Kafka's `Topic.validate` and `ReplicationControlManager` do, not by the words
//! of the broker's message: a broker of another version may word it differently.

use crate::template::is_name_letter;
use serde::{Deserialize, Serialize};

/// What can be wrong with a topic's name (Apache Kafka, `Topic.java`; `ReplicationControlManager.java` for collisions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is longer than 249 letters.
    TooLong,
    /// It has a letter that is not allowed.
    Characters,
    /// It is `.` or `..`.
    Dots,
    /// It is empty.
    Empty,
    /// It differs from another topic only in `.` and `_`, which metrics' names cannot tell apart.
    Collision,
    /// There is a topic of that name.
    Exists,
}

/// Kafka's `Topic.MAX_NAME_LENGTH`: a directory's name must fit 255, with `-` and the partition's number.
const NAME_LENGTH_MAX: usize = 249;

impl Reason {
    /// Why this name is refused where there are those other topics; the first reason in Kafka's own order.
    pub fn of<'a>(name: &str, mut others: impl Iterator<Item = &'a str> + Clone) -> Option<Reason> {
        Some(match name {
            "" => Reason::Empty,
            "." | ".." => Reason::Dots,
            _ if name.chars().count() > NAME_LENGTH_MAX => Reason::TooLong,
            _ if !name.chars().all(is_name_letter) => Reason::Characters,
            _ if others.clone().any(|other| other == name) => Reason::Exists,
            _ if others.any(|other| collide(other, name)) => Reason::Collision,
            _ => return None,
        })
    }
}

/// Whether two names differ only in `.` and `_`.
fn collide(one: &str, other: &str) -> bool {
    let letters = |name: &str| name.chars().map(|letter| if letter == '.' { '_' } else { letter }).collect::<Vec<_>>();
    one.len() == other.len() && letters(one) == letters(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_in_kafkas_order() {
        let others = ["a.b", "c"];
        let reason = |name: &str| Reason::of(name, others.into_iter());
        assert_eq!(reason(""), Some(Reason::Empty));
        assert_eq!(reason(".."), Some(Reason::Dots));
        assert_eq!(reason("..."), None);
        assert_eq!(reason(&"주".repeat(250)), Some(Reason::TooLong));
        assert_eq!(reason(&"x".repeat(249)), None);
        assert_eq!(reason("주문"), Some(Reason::Characters));
        assert_eq!(reason("c"), Some(Reason::Exists));
        assert_eq!(reason("a_b"), Some(Reason::Collision));
        assert_eq!(reason("a-b"), None);
    }
}
