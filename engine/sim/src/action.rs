//! What can be done to a world from outside: faults and repairs, by a script or by somebody who clicks.

use alloc::{format, string::String};
use serde::{Deserialize, Serialize};

/// One deed. A run is its seed, its script, and a list of these with their times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// The machine of a broker loses power: its process ends, and so does all that was only in memory.
    PowerLoss {
        /// The broker's `node.id`.
        broker: i32,
        /// Whether writes were under way, so that a part of what was not yet safe is there all the same.
        torn: bool,
    },
    /// A broker's machine forgets all clean pages of its page cache: what is read next comes from the disk.
    DropCaches {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// Every access to a broker's disk takes this much longer from now on; 0 ends it.
    SlowDisk {
        /// The broker's `node.id`.
        broker: i32,
        /// Microseconds, added to each.
        extra_us: u64,
    },
    /// Files on a broker's disk cannot be brought safely to disk (`fsync` fails), or can again.
    FailSync {
        /// The broker's `node.id`.
        broker: i32,
        /// Whether it fails.
        on: bool,
    },
    /// One byte on a broker's disk becomes another. Nothing happens if the file does not have it.
    EditByte {
        /// The broker's `node.id`.
        broker: i32,
        /// The file, relative to the data directory.
        path: String,
        /// Which byte, from 0.
        position: u64,
        /// What it becomes.
        value: u8,
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
            Action::PowerLoss { broker, torn: false } => format!("cut the power of broker {broker}"),
            Action::PowerLoss { broker, torn: true } => {
                format!("cut the power of broker {broker} in the middle of writes")
            }
            Action::DropCaches { broker } => format!("empty the page cache of broker {broker}"),
            Action::SlowDisk { broker, extra_us: 0 } => format!("let the disk of broker {broker} be as fast as usual"),
            Action::SlowDisk { broker, extra_us } => format!("slow the disk of broker {broker} down by {extra_us} µs"),
            Action::FailSync { broker, on: true } => format!("let fsync fail on the disk of broker {broker}"),
            Action::FailSync { broker, on: false } => format!("let fsync succeed on the disk of broker {broker}"),
            Action::EditByte { broker, path, position, value } => {
                format!("set byte {position} of {path} on the disk of broker {broker} to {value:#04x}")
            }
        }
    }
}
