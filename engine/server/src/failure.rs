//! How a command fails: one clear sentence on standard error, and an exit code.

use std::fmt;

/// Why a command ended badly. The sentence names what to do, where something can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    sentence: String,
    exit_code: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(sentence: impl Into<String>) -> Self {
        Failure { sentence: sentence.into(), exit_code: 1 }
    }

    /// A command line that cannot be understood: exit code 2, as is usual.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Failure { sentence: sentence.into(), exit_code: 2 }
    }

    /// What the process ends with.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}
