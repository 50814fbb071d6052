//! What of a file the operating system holds in memory, page by page, without touching the file.
//!
//! Linux tells how many pages of a range are cached and how many of those are not on the disk yet (`cachestat`, Linux 6.5).
//! [`pages`] asks for the whole file, and halves what is mixed until every piece is of one kind: the work grows with how
//! often the state changes within the file, not with its length. Reading the file, or mapping it, would be no way to ask:
//! the answer would change what is asked about.

use naru_trace::{FileView, PAGE_BYTES, PageState, pages_of};
use std::{fs::File, io};

/// Questions to the system that may still be asked.
#[derive(Debug, Clone, Copy)]
pub struct Budget(pub u32);

/// A file's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// All of them.
    pub view: FileView,
    /// Whether every page is as told. Otherwise the budget was used up, and mixed pieces have the state of most of their pages.
    pub exact: bool,
}

/// The state of each page of `file`, whose length is `length`. An error of kind `Unsupported` if the system cannot tell.
pub fn pages(file: &File, length: u64, budget: &mut Budget) -> io::Result<Pages> {
    let mut found = Pages { view: FileView { length, pages: Vec::new() }, exact: true };
    let mut pieces = vec![(0, pages_of(length))];
    while let Some((first, end)) = pieces.pop() {
        if first == end {
            continue;
        }
        let counts = system::count(file, u64::from(first) * PAGE_BYTES, u64::from(end - first) * PAGE_BYTES)?;
        let is_budget_left = budget.0 > 0;
        budget.0 = budget.0.saturating_sub(1);
        match counts.uniform(u64::from(end - first)) {
            Some(state) => found.view.push_pages(state, end - first),
            None if is_budget_left && end - first > 1 => {
                let middle = first + (end - first) / 2;
                pieces.push((middle, end));
                pieces.push((first, middle));
            }
            None => {
                found.exact &= end - first == 1;
                found.view.push_pages(counts.most(u64::from(end - first)), end - first);
            }
        }
    }
    Ok(found)
}

/// What the system says of a range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    cached: u64,
    dirty: u64,
    /// On their way to the disk.
    writeback: u64,
}

impl Counts {
    /// The state of all `pages`, if it is one.
    fn uniform(self, pages: u64) -> Option<PageState> {
        match self {
            Counts { cached: 0, .. } => Some(PageState::OnDisk),
            Counts { cached, .. } if cached < pages => None,
            Counts { dirty: 0, writeback: 0, .. } => Some(PageState::Clean),
            Counts { dirty, writeback, .. } if dirty.max(writeback) >= pages => Some(PageState::Dirty),
            _ => None,
        }
    }

    /// The state of most of `pages`.
    fn most(self, pages: u64) -> PageState {
        let dirty = self.dirty.max(self.writeback);
        if self.cached * 2 < pages {
            PageState::OnDisk
        } else if dirty * 2 >= self.cached {
            PageState::Dirty
        } else {
            PageState::Clean
        }
    }
}

/// The one system call that no safe library offers.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "`cachestat` has no safe wrapper yet; see the proof below")]
mod system {
    use super::Counts;
    use std::{fs::File, io, os::fd::AsRawFd};

    /// `cachestat` has this number on every architecture (include/uapi/asm-generic/unistd.h).
    const CACHESTAT: libc::c_long = 451;

    /// `struct cachestat_range` of include/uapi/linux/mman.h.
    #[repr(C)]
    struct Range {
        offset: u64,
        length: u64,
    }

    /// `struct cachestat` of include/uapi/linux/mman.h.
    #[repr(C)]
    #[derive(Default)]
    struct Stat {
        cached: u64,
        dirty: u64,
        writeback: u64,
        evicted: u64,
        recently_evicted: u64,
    }

    /// Counts the pages of a range. `length` must not be 0, which the system reads as "to the end".
    pub fn count(file: &File, offset: u64, length: u64) -> io::Result<Counts> {
        assert!(length > 0, "an empty range means something else to the system");
        let range = Range { offset, length };
        let mut stat = Stat::default();
        // SAFETY: `cachestat(fd, range, stat, flags)` reads one `struct cachestat_range` and writes one `struct cachestat`.
        // Both pointers are derived from references to live values of exactly these layouts (`repr(C)`, five and two 64-bit
        // fields) that nothing else uses during the call; the system keeps neither. The descriptor is open, because `file` is
        // borrowed. No memory of ours is mapped, unmapped or freed. An older kernel does not know the number and writes
        // nothing (ENOSYS).
        let result =
            unsafe { libc::syscall(CACHESTAT, file.as_raw_fd(), &raw const range, &raw mut stat, 0 as libc::c_uint) };
        if result == 0 {
            return Ok(Counts { cached: stat.cached, dirty: stat.dirty, writeback: stat.writeback });
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // Some sandboxes answer EPERM to what they do not know.
            Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::EPERM) => Err(io::ErrorKind::Unsupported.into()),
            _ => Err(error),
        }
    }
}

/// Other systems cannot tell without mapping the file.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::Counts;
    use std::{fs::File, io};

    pub fn count(_file: &File, _offset: u64, _length: u64) -> io::Result<Counts> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Counts = Counts { cached: 0, dirty: 0, writeback: 0 };

    #[test]
    fn a_range_is_of_one_kind_or_has_to_be_halved() {
        assert_eq!(NONE.uniform(8), Some(PageState::OnDisk));
        assert_eq!(Counts { cached: 8, ..NONE }.uniform(8), Some(PageState::Clean));
        assert_eq!(Counts { cached: 8, dirty: 8, ..NONE }.uniform(8), Some(PageState::Dirty));
        assert_eq!(Counts { cached: 8, writeback: 8, ..NONE }.uniform(8), Some(PageState::Dirty));
        for mixed in [Counts { cached: 7, ..NONE }, Counts { cached: 8, dirty: 1, ..NONE }] {
            assert_eq!(mixed.uniform(8), None, "{mixed:?}");
        }
        assert_eq!(Counts { cached: 8, dirty: 1, ..NONE }.most(8), PageState::Clean);
        assert_eq!(Counts { cached: 3, dirty: 3, ..NONE }.most(8), PageState::OnDisk);
        assert_eq!(Counts { cached: 6, dirty: 3, ..NONE }.most(8), PageState::Dirty);
    }
}
