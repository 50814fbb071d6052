//! What can be done to a world from outside: faults and repairs, by a script or by somebody who clicks.

use alloc::{format, string::String};
use serde::{Deserialize, Serialize};

/// One deed. A run is its seed, its script, and a list of these with their times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// A broker's process ends without warning. What it had committed to its operating system is kept.
    Crash {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// A broker stops in good order.
    Stop {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// A broker that is down starts again, on the disk it had.
    Restart {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// The connections between a client and a broker break. What is on its way is lost.
    Cut {
        /// The client's number.
        client: u32,
        /// The broker's `node.id`.
        broker: i32,
    },
    /// Messages between a client and a broker take this much longer from now on; 0 ends it.
    Delay {
        /// The client's number.
        client: u32,
        /// The broker's `node.id`.
        broker: i32,
        /// Microseconds, added to every message.
        extra_us: u64,
    },
    /// Messages between a client and a broker stop where they are, until `Release`.
    Hold {
        /// The client's number.
        client: u32,
        /// The broker's `node.id`.
        broker: i32,
    },
    /// What `Hold` stopped moves again.
    Release {
        /// The client's number.
        client: u32,
        /// The broker's `node.id`.
        broker: i32,
    },
    /// A broker's disk is full, or has room again.
    DiskFull {
        /// The broker's `node.id`.
        broker: i32,
        /// Whether it is full.
        full: bool,
    },
}

impl Action {
    /// The action in words.
    pub fn describe(&self) -> String {
        match self {
            Action::Crash { broker } => format!("crash broker {broker}"),
            Action::Stop { broker } => format!("stop broker {broker}"),
            Action::Restart { broker } => format!("restart broker {broker}"),
            Action::Cut { client, broker } => format!("cut the connections of client {client} to broker {broker}"),
            Action::Delay { client, broker, extra_us } => {
                format!("delay messages between client {client} and broker {broker} by {extra_us} µs")
            }
            Action::Hold { client, broker } => format!("hold messages between client {client} and broker {broker}"),
            Action::Release { client, broker } => {
                format!("release messages between client {client} and broker {broker}")
            }
            Action::DiskFull { broker, full: true } => format!("fill the disk of broker {broker}"),
            Action::DiskFull { broker, full: false } => format!("make room on the disk of broker {broker}"),
        }
    }
}
