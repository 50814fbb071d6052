//! What happens on a disk, one step at a time, for those who watch: enough to keep a copy of the files, and a picture of
//! where their pages are.

use alloc::string::String;
use bytes::Bytes;
use naru_trace::SortedMap;

/// One change. Paths are relative to the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskChange {
    /// A file was made, empty.
    Created {
        /// The file.
        path: String,
    },
    /// Bytes were handed to the operating system, at the end of a file.
    Written {
        /// The file.
        path: String,
        /// Where they begin.
        position: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// A file was cut.
    Truncated {
        /// The file.
        path: String,
        /// What is left, in bytes.
        length: u64,
    },
    /// A file has new contents, safely on the disk. It is made if it was not there.
    Replaced {
        /// The file.
        path: String,
        /// All of it.
        bytes: Bytes,
    },
    /// A file, or a directory with all that is in it, got another name; what had that name is gone.
    Renamed {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// A file, or a directory with all that is in it, was removed.
    Removed {
        /// Its name.
        path: String,
    },
    /// A file was brought safely to disk.
    Synced {
        /// The file.
        path: String,
        /// How many dirty pages were written for it.
        pages: u32,
    },
    /// Bringing a file safely to disk failed. Its dirty pages count as clean now, and are not on the disk.
    SyncFailed {
        /// The file.
        path: String,
        /// How many pages.
        pages: u32,
    },
    /// A part of a file was read.
    Read {
        /// The file.
        path: String,
        /// The first page asked for.
        first_page: u32,
        /// How many pages were asked for.
        pages: u32,
        /// How many of them had to come from the disk.
        misses: u32,
        /// How many pages behind them came along.
        read_ahead: u32,
    },
    /// Dirty pages were written to the disk without anybody asking.
    WrittenBack {
        /// The file.
        path: String,
        /// The first page.
        first_page: u32,
        /// How many.
        pages: u32,
        /// Why: `"old"`, `"memory is full"`.
        because: &'static str,
    },
    /// Clean pages were forgotten.
    Evicted {
        /// The file.
        path: String,
        /// The first page.
        first_page: u32,
        /// How many.
        pages: u32,
    },
    /// The power failed, and this is what is left.
    PowerLost {
        /// All files.
        files: SortedMap<String, Bytes>,
    },
    /// One byte became another.
    Edited {
        /// The file.
        path: String,
        /// Which byte, from 0.
        position: u64,
        /// What was there.
        before: u8,
        /// What is there now.
        after: u8,
    },
}
