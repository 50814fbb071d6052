//! What can be done to a world from outside: faults and repairs, by a script or by somebody who clicks.

use alloc::{format, string::String};
use naru_trace::Actor;
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
    /// Nothing gets through from one node to another any more, until `HealLink`. As with TCP, what is sent meanwhile waits to
    /// be sent again, and a connection with something unconfirmed gives up after a time; dialling gets no answer.
    CutLink {
        /// Who sends.
        from: Actor,
        /// Who does not get it.
        to: Actor,
        /// Whether the other direction is cut, too.
        #[serde(default)]
        both: bool,
    },
    /// What `CutLink` stopped gets through again.
    HealLink {
        /// Who sends.
        from: Actor,
        /// Who gets it.
        to: Actor,
        /// Whether the other direction is healed, too.
        #[serde(default)]
        both: bool,
    },
    /// Messages from one node to another take this much longer from now on; 0 ends it. Those on another connection overtake
    /// them.
    DelayLink {
        /// Who sends.
        from: Actor,
        /// Who gets it.
        to: Actor,
        /// Microseconds, added to every message.
        extra_us: u64,
    },
    /// The connections that are open between two nodes carry nothing any more, and give up after a time. New ones work.
    DropConnections {
        /// One node.
        from: Actor,
        /// The other.
        to: Actor,
    },
    /// The connections between two nodes break. What is on its way is lost; both learn of it at once.
    BreakConnections {
        /// One node.
        from: Actor,
        /// The other.
        to: Actor,
    },
    /// A broker's process is suspended (SIGSTOP): what comes for it waits, and its deadlines pass.
    Pause {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// A broker's process goes on (SIGCONT).
    Resume {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// From now on a broker's clocks differ from the world's by so much; twice 0 ends it. (The wall clock is right again then;
    /// what the other gained while it drifted stays.)
    SkewClock {
        /// The broker's `node.id`.
        broker: i32,
        /// How far its wall clock is ahead, in milliseconds.
        wall_ms: i64,
        /// How much faster its monotonic clock runs, in millionths: at most 50,000.
        drift_ppm: i32,
    },
    /// A broker's disk is lost with all that was on it, and so is its process. An empty one is in its place.
    LoseDisk {
        /// The broker's `node.id`.
        broker: i32,
        /// Whether the new disk is formatted for this broker, with a new directory id (`kafka-storage format`).
        formatted: bool,
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
            _ => self.describe_links_and_machines(),
        }
    }

    fn describe_links_and_machines(&self) -> String {
        match self {
            Action::CutLink { from, to, both } => format!("cut the link {}", link(*from, *to, *both)),
            Action::HealLink { from, to, both } => format!("heal the link {}", link(*from, *to, *both)),
            Action::DelayLink { from, to, extra_us } => {
                format!("delay messages {} by {extra_us} µs", link(*from, *to, false))
            }
            Action::DropConnections { from, to } => {
                format!("let the connections between {} and {} carry nothing", name(*from), name(*to))
            }
            Action::BreakConnections { from, to } => {
                format!("break the connections between {} and {}", name(*from), name(*to))
            }
            Action::Pause { broker } => format!("suspend broker {broker}"),
            Action::Resume { broker } => format!("let broker {broker} go on"),
            Action::SkewClock { broker, wall_ms: 0, drift_ppm: 0 } => {
                format!("set the clocks of broker {broker} right")
            }
            Action::SkewClock { broker, wall_ms, drift_ppm } => {
                format!("put the clock of broker {broker} {wall_ms} ms ahead, {drift_ppm} millionths too fast")
            }
            Action::LoseDisk { broker, formatted: true } => {
                format!("replace the disk of broker {broker} by a formatted one")
            }
            Action::LoseDisk { broker, formatted: false } => {
                format!("replace the disk of broker {broker} by an empty one")
            }
            _ => String::new(),
        }
    }
}

fn link(from: Actor, to: Actor, both: bool) -> String {
    let ways = if both { " and back" } else { "" };
    format!("from {} to {}{ways}", name(from), name(to))
}

fn name(node: Actor) -> String {
    match node {
        Actor::Broker(broker) => format!("broker {broker}"),
        Actor::Client(client) => format!("client {client}"),
        Actor::World => "the world".into(),
    }
}
