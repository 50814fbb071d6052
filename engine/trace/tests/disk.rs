//! Disks as pictures: what each kind of event does to files and their pages.

use naru_trace::*;

const LOG: &str = "t-0/0.log";

/// The picture of broker 1's disk after these events.
fn disk(kinds: impl IntoIterator<Item = TraceKind>) -> DiskView {
    let mut trace = Trace::recording();
    for kind in kinds {
        trace.emit(|| kind);
    }
    let mut view = ClusterView::default();
    trace.take().iter().for_each(|event| view.apply(event));
    view.disks.remove(&1).unwrap_or_default()
}

fn created() -> TraceKind {
    TraceKind::FileCreated { broker: 1, path: LOG.into() }
}

fn written(position: u64, bytes: u64) -> TraceKind {
    TraceKind::FileWritten { broker: 1, path: LOG.into(), position, bytes }
}

fn synced() -> TraceKind {
    TraceKind::FileSynced { broker: 1, path: LOG.into(), pages: 0 }
}

fn evicted(first_page: u32, pages: u32) -> TraceKind {
    TraceKind::PagesEvicted { broker: 1, path: LOG.into(), first_page, pages }
}

fn read(first_page: u32, pages: u32, read_ahead: u32) -> TraceKind {
    TraceKind::PagesRead { broker: 1, path: LOG.into(), first_page, pages, misses: 0, read_ahead }
}

/// `CCDo`: clean, clean, dirty, on disk.
fn pages(kinds: impl IntoIterator<Item = TraceKind>) -> String {
    let disk = disk(kinds);
    let letter = |state| match state {
        PageState::OnDisk => "o",
        PageState::Clean => "C",
        PageState::Dirty => "D",
    };
    let file = &disk.files[LOG];
    assert!(file.pages.windows(2).all(|two| two[0].state != two[1].state), "runs are as long as they can be");
    let text: String = file.pages.iter().map(|run| letter(run.state).repeat(run.count as usize)).collect();
    let single: String = (0..text.len() as u32).map(|page| letter(file.page(page).unwrap())).collect();
    assert_eq!((&single, file.page(text.len() as u32)), (&text, None));
    text
}

#[test]
fn writing_makes_pages_dirty_and_syncing_makes_them_clean() {
    assert_eq!(pages([created()]), "");
    assert_eq!(pages([created(), written(0, 4_097)]), "DD");
    assert_eq!(pages([created(), written(0, 8_192), synced()]), "CC");
    assert_eq!(pages([created(), written(0, 8_000), synced(), written(8_000, 1_000)]), "CDD");
    assert_eq!(pages([created(), written(0, 8_192), synced(), written(8_192, 1)]), "CCD");
}

#[test]
fn only_clean_pages_are_forgotten_and_reading_brings_them_back() {
    let cold = || [created(), written(0, 5 * 4_096), synced(), written(5 * 4_096, 10), evicted(0, 6)];
    assert_eq!(pages(cold()), "oooooD");
    assert_eq!(pages(cold().into_iter().chain([read(1, 2, 0)])), "oCCooD");
    assert_eq!(pages(cold().into_iter().chain([read(0, 1, 9)])), "CCCCCD");
}

#[test]
fn written_back_pages_are_clean() {
    let back =
        TraceKind::PagesWrittenBack { broker: 1, path: LOG.into(), first_page: 1, pages: 1, because: "old".into() };
    assert_eq!(pages([created(), written(0, 3 * 4_096), back]), "DCD");
}

#[test]
fn cutting_a_file_inside_a_page_writes_that_page() {
    let cut = |length| TraceKind::FileTruncated { broker: 1, path: LOG.into(), length };
    assert_eq!(pages([created(), written(0, 3 * 4_096), synced(), cut(8_192)]), "CC");
    assert_eq!(pages([created(), written(0, 3 * 4_096), synced(), cut(8_191)]), "CD");
    assert_eq!(disk([created(), written(0, 3 * 4_096), cut(8_191)]).files[LOG].length, 8_191);
}

#[test]
fn directories_are_renamed_and_removed_with_their_files() {
    let other = || TraceKind::FileReplaced { broker: 1, path: "t-00/x".into(), length: 5_000 };
    let renamed = || TraceKind::FileRenamed { broker: 1, from: "t-0".into(), to: "u".into() };
    let names = |disk: DiskView| disk.files.into_keys().collect::<Vec<_>>();
    assert_eq!(names(disk([created(), other(), renamed()])), ["t-00/x", "u/0.log"]);
    let removed = TraceKind::FileRemoved { broker: 1, path: "u".into() };
    let left = disk([created(), other(), renamed(), removed]);
    assert_eq!(left.files["t-00/x"].pages, [PageRun { state: PageState::Clean, count: 2 }]);
    assert_eq!(names(left), ["t-00/x"]);
}

#[test]
fn a_power_failure_says_what_is_left() {
    let left = DiskView { slow_us: 4, ..DiskView::default() };
    let lost = || TraceKind::PowerLost { broker: 1, disk: Box::new(left.clone()) };
    assert_eq!(disk([created(), lost()]), left);
    assert_eq!(disk([lost()]), DiskView::default(), "a world that does not show disks has none in its picture");
}

#[test]
fn faults_are_part_of_the_picture() {
    let set = TraceKind::DiskFaultSet { broker: 1, full: true, slow_us: 7, sync_fails: true };
    let disk = disk([set]);
    assert_eq!((disk.full, disk.slow_us, disk.sync_fails), (true, 7, true));
}
