//! A partition's segments in a row: their pages, and the offsets that matter as flags on them.

use super::tree::is_below;
use naru_trace::{ClusterView, DiskView, PageRun, PartitionView};

/// One segment's `.log` file.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its path.
    pub path: String,
    /// Its base offset, from its name.
    pub base: i64,
    /// Its length in bytes.
    pub length: u64,
    /// Its pages.
    pub pages: Vec<PageRun>,
    /// Whether it is the one that is written to.
    pub active: bool,
    /// Whether it was renamed and waits to be removed, or to take another's place.
    pub renamed: bool,
    /// Flags on it, by their place.
    pub flags: Vec<Flag>,
}

/// An offset that matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flag {
    /// Which.
    pub kind: FlagKind,
    /// The offset.
    pub offset: i64,
    /// Where it stands: 0 at the segment's first offset, 1 at its end. By offsets, not by bytes.
    pub at: f64,
}

/// Offsets that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    /// The first offset that can be read.
    LogStart,
    /// Everything before it survives a power failure.
    RecoveryPoint,
    /// The next record's.
    LogEnd,
}

/// The partition whose directory this is: topic and number.
pub fn partition_of(directory: &str) -> Option<(&str, i32)> {
    let name = directory.rsplit('/').next()?;
    let (topic, number) = name.rsplit_once('-')?;
    Some((topic, number.parse().ok()?))
}

/// The directory of a path: itself, if it is one.
pub fn directory_of<'p>(path: &'p str, disk: &DiskView) -> &'p str {
    match path.rsplit_once('/') {
        Some((directory, _)) if disk.files.contains_key(path) => directory,
        _ => path,
    }
}

/// What the cluster knows of that partition on that broker.
pub fn replica<'v>(view: &'v ClusterView, broker: i32, directory: &str) -> Option<&'v PartitionView> {
    let (topic, number) = partition_of(directory)?;
    view.brokers.get(&broker)?.topics.get(topic)?.partitions.get(&number)
}

/// The segments of a partition's directory, oldest first; those that were renamed last.
pub fn segments(directory: &str, disk: &DiskView, replica: Option<&PartitionView>) -> Vec<Segment> {
    let mut all: Vec<Segment> = Vec::new();
    for (path, file) in disk.files.iter().filter(|(path, _)| is_below(path, directory)) {
        let name = &path[directory.len() + 1..];
        let Some((base, suffix)) = name.split_once(".log") else { continue };
        let Ok(base) = base.parse() else { continue };
        all.push(Segment {
            path: path.clone(),
            base,
            length: file.length,
            pages: file.pages.clone(),
            active: false,
            renamed: !suffix.is_empty(),
            flags: Vec::new(),
        });
    }
    all.sort_by_key(|segment| (segment.renamed, segment.base));
    let live = all.iter().filter(|segment| !segment.renamed).count();
    if let Some(last) = live.checked_sub(1) {
        all[last].active = true;
    }
    if let Some(replica) = replica {
        for (kind, offset) in [
            (FlagKind::LogStart, replica.log_start_offset),
            (FlagKind::RecoveryPoint, replica.recovery_point),
            (FlagKind::LogEnd, replica.log_end_offset),
        ] {
            plant(&mut all[..live], kind, offset, replica.log_end_offset);
        }
    }
    all
}

/// Puts a flag on the segment that holds `offset`, or would be the one to get it.
fn plant(segments: &mut [Segment], kind: FlagKind, offset: i64, log_end: i64) {
    let place = segments.partition_point(|segment| segment.base <= offset).saturating_sub(1);
    let end = segments.get(place + 1).map_or(log_end, |next| next.base);
    let Some(segment) = segments.get_mut(place) else { return };
    let share = (offset - segment.base) as f64 / (end - segment.base).max(1) as f64;
    segment.flags.push(Flag { kind, offset, at: share.clamp(0.0, 1.0) });
}

/// The file with the record of that offset: the segment that begins last before it.
pub fn file_with(disk: &DiskView, topic: &str, partition: i32, offset: i64) -> Option<String> {
    let bases = disk.files.keys().filter_map(|path| {
        let (directory, name) = path.rsplit_once('/')?;
        let base: i64 = name.strip_suffix(".log")?.parse().ok()?;
        (partition_of(directory) == Some((topic, partition)) && base <= offset).then_some((base, path))
    });
    bases.max().map(|(_, path)| path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use naru_trace::FileView;

    fn disk(files: &[(&str, u64)]) -> DiskView {
        let file = |length: u64| FileView { length, pages: Vec::new() };
        let files = files.iter().map(|(path, length)| (path.to_string(), file(*length))).collect();
        DiskView { files, ..DiskView::default() }
    }

    #[test]
    fn segments_come_in_order_with_their_flags() {
        let disk = disk(&[
            ("a-0/00000000000000000000.log.deleted", 75),
            ("a-0/00000000000000000004.index", 8),
            ("a-0/00000000000000000004.log", 300),
            ("a-0/00000000000000000010.log", 150),
            ("a-01/00000000000000000000.log", 1),
        ]);
        let replica =
            PartitionView { log_start_offset: 4, recovery_point: 7, log_end_offset: 12, ..PartitionView::default() };
        let all = segments("a-0", &disk, Some(&replica));
        let told: Vec<_> = all.iter().map(|it| (it.base, it.active, it.renamed, it.flags.len())).collect();
        assert_eq!(told, [(4, false, false, 2), (10, true, false, 1), (0, false, true, 0)]);
        assert_eq!(all[0].flags[1], Flag { kind: FlagKind::RecoveryPoint, offset: 7, at: 0.5 });
        assert_eq!(all[1].flags[0].at, 1.0);
    }

    #[test]
    fn an_empty_log_has_its_flags_at_its_beginning() {
        let disk = disk(&[("a-0/00000000000000000000.log", 0)]);
        let all = segments("a-0", &disk, Some(&PartitionView::default()));
        assert!(all[0].flags.iter().all(|flag| flag.at == 0.0) && all[0].flags.len() == 3);
        assert_eq!(segments("b-0", &disk, Some(&PartitionView::default())), []);
    }

    #[test]
    fn a_record_is_in_the_segment_that_begins_last_before_it() {
        let disk = disk(&[
            ("d/a-0/00000000000000000000.log", 1),
            ("d/a-0/00000000000000000010.log", 1),
            ("a-1/00000000000000000000.log", 1),
        ]);
        assert_eq!(file_with(&disk, "a", 0, 9).as_deref(), Some("d/a-0/00000000000000000000.log"));
        assert_eq!(file_with(&disk, "a", 0, 10).as_deref(), Some("d/a-0/00000000000000000010.log"));
        assert_eq!(file_with(&disk, "b", 0, 10), None);
        assert_eq!(partition_of("d/my-topic-12"), Some(("my-topic", 12)));
        assert_eq!(
            (directory_of("d/a-0", &disk), directory_of("a-1/00000000000000000000.log", &disk)),
            ("d/a-0", "a-1")
        );
    }
}
