//! What a member of the quorum wants from its owner, and what it answers.

use crate::snapshot::SnapshotId;
use alloc::{string::String, vec::Vec};
use naru_log::{FileId, Storage};
use naru_trace::{Micros, Now, Trace};
use naru_wire::{Request, Response};

/// What a step may use: the time, the disk, and the place where events go.
pub struct Io<'a> {
    /// The time.
    pub now: Now,
    /// The disk.
    pub storage: &'a mut dyn Storage,
    /// Events.
    pub trace: &'a mut Trace,
}

/// Which of its requests an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

/// What its owner has to do. Taken with [`crate::Raft::outputs`] after every call.
#[derive(Debug, Clone, PartialEq)]
pub enum RaftOutput {
    /// Send a request to another node. The answer, or that there is none, goes to [`crate::Raft::on_answer`].
    Send {
        /// The node.
        to: i32,
        /// The request.
        request: Request,
        /// What the answer has to be brought back with.
        tag: Tag,
        /// Not behind a fetch, which may take long: on a connection of its own.
        quick: bool,
    },
    /// Send the answer to a request that had to wait.
    Reply {
        /// What the request came with.
        token: u64,
        /// The answer.
        response: Response,
    },
    /// Sync these files, and tell [`crate::Raft::on_synced`].
    Sync {
        /// Its number.
        ticket: u64,
        /// The files.
        files: Vec<FileId>,
    },
    /// There is another leader, or none, or another epoch.
    LeaderChanged {
        /// The leader, if it is known.
        leader: Option<i32>,
        /// The epoch.
        epoch: i32,
        /// Whether it is this node.
        is_self: bool,
    },
    /// All records before `end_offset` are decided for good, and can be read.
    Committed {
        /// The high watermark.
        end_offset: i64,
    },
    /// Records that were not committed are gone.
    Truncated {
        /// Where the log ends now.
        end_offset: i64,
    },
    /// The log was replaced by a snapshot: load it.
    SnapshotInstalled {
        /// Which.
        id: SnapshotId,
    },
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum RaftReply {
    /// At once.
    Now(Response),
    /// Later, as a [`RaftOutput::Reply`]: at `until`, or before. [`crate::Raft::tick`] sees to it.
    Wait {
        /// The end of its patience.
        until: Micros,
    },
}

/// Why nothing was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendError {
    /// This node does not lead.
    NotLeader,
    /// The log cannot be written any more, in a sentence.
    Failed(String),
}
