//! What can go wrong for the application: Kafka's error name and a sentence.

use alloc::{borrow::Cow, string::String};
use core::fmt;
use naru_trace::Name;
use naru_wire::ErrorCode;

/// An error that reached the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientError {
    /// Kafka's name: `UNKNOWN_TOPIC_OR_PARTITION`. The client's own errors have names in the same style.
    pub error: Name,
    /// A sentence about it.
    pub message: String,
}

impl ClientError {
    /// An error by its name.
    pub fn new(error: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        ClientError { error: error.into(), message: message.into() }
    }

    /// A broker's error: its own message, or Kafka's usual one for the code.
    pub fn of(code: ErrorCode, message: Option<&str>) -> Self {
        ClientError::new(code.name(), message.unwrap_or(code.message()))
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.message)
    }
}

impl core::error::Error for ClientError {}
