//! The page cache of the disk in memory: which pages are there, what a read costs, what goes when there is no room.

use bytes::Bytes;
use naru_log::{CacheConfig, DiskChange, FileId, MemoryStorage, OpenMode, ReadAt, Storage, StorageErrorKind};
use naru_trace::{PageState, pages_of};

const PAGE: usize = 4096;

/// A disk with a file of so many pages, all of them on the disk only.
fn cold(pages: usize, config: CacheConfig) -> (MemoryStorage, FileId) {
    let mut disk = MemoryStorage::new();
    let file = disk.open("log", OpenMode::CreateOrOpen).unwrap();
    disk.append(file, Bytes::from(vec![7; pages * PAGE])).unwrap();
    disk.sync(file).unwrap();
    disk.set_cache(config);
    disk.drop_caches();
    (disk, file)
}

fn limited(pages_max: u32) -> CacheConfig {
    CacheConfig { pages_max: Some(pages_max), read_ahead: 0 }
}

/// `CDo`: clean, dirty, on disk.
fn pages(disk: &MemoryStorage, path: &str) -> String {
    let file = &disk.view().files[path];
    let letter = |page| match file.page(page).unwrap() {
        PageState::OnDisk => 'o',
        PageState::Clean => 'C',
        PageState::Dirty => 'D',
    };
    (0..pages_of(file.length)).map(letter).collect()
}

#[test]
fn the_second_read_needs_no_disk() {
    let (disk, file) = cold(4, CacheConfig::default());
    assert_eq!(pages(&disk, "log"), "oooo");
    disk.read(file, 100, 5_000).unwrap();
    assert_eq!(pages(&disk, "log"), "CCoo");
    let counters = disk.counters();
    assert_eq!((counters.hits, counters.misses, counters.trips), (0, 2, 1), "neighbours come in one trip");
    disk.read(file, 0, 3 * PAGE as u32).unwrap();
    let counters = disk.counters();
    assert_eq!((counters.hits, counters.misses, counters.trips), (2, 3, 2));
}

#[test]
fn reads_in_order_read_ahead_and_others_do_not() {
    let (disk, file) = cold(8, CacheConfig { pages_max: None, read_ahead: 3 });
    disk.read(file, 0, 10).unwrap();
    assert_eq!(pages(&disk, "log"), "CCCCoooo");
    disk.read(file, PAGE as u64, 10).unwrap();
    assert_eq!(pages(&disk, "log"), "CCCCoooo", "a hit asks for nothing");
    disk.read(file, 6 * PAGE as u64, 10).unwrap();
    assert_eq!(pages(&disk, "log"), "CCCCooCo");
    assert_eq!((disk.counters().read_ahead, disk.counters().trips), (3, 2));
}

#[test]
fn the_page_that_was_not_used_for_longest_goes_first() {
    let (disk, file) = cold(4, limited(2));
    for page in [0, 1, 0, 2] {
        disk.read(file, page * PAGE as u64, 1).unwrap();
    }
    assert_eq!(pages(&disk, "log"), "CoCo");
    disk.read(file, 0, 4 * PAGE as u32).unwrap();
    assert_eq!(pages(&disk, "log"), "ooCC", "a long read leaves its end");
}

#[test]
fn dirty_pages_are_written_before_they_are_forgotten() {
    let mut disk = MemoryStorage::new();
    disk.set_cache(limited(2));
    disk.watch(true);
    let file = disk.open("log", OpenMode::CreateOrOpen).unwrap();
    disk.append(file, Bytes::from(vec![1; 3 * PAGE])).unwrap();
    assert_eq!(disk.commit(), []);
    assert_eq!(pages(&disk, "log"), "oCC");
    let changes = disk.take_changes();
    let back = DiskChange::WrittenBack { path: "log".into(), first_page: 0, pages: 3, because: "memory is full" };
    let evicted = DiskChange::Evicted { path: "log".into(), first_page: 0, pages: 1 };
    assert_eq!(changes[2..], [back, evicted]);
    disk.lose_power(None);
    assert_eq!(disk.entries(), [], "the bytes are there, but no name leads to them");
}

#[test]
fn old_pages_are_written_back_with_their_names() {
    let mut disk = MemoryStorage::new();
    for (name, time) in [("old", 10), ("new", 20)] {
        disk.set_time(time);
        let file = disk.open(name, OpenMode::CreateOrOpen).unwrap();
        disk.append(file, Bytes::from_static(b"x")).unwrap();
        assert_eq!(disk.commit(), []);
    }
    assert_eq!(disk.dirty_since(), Some(10));
    disk.write_back(10);
    assert_eq!((pages(&disk, "old"), pages(&disk, "new"), disk.dirty_since()), ("C".into(), "D".into(), Some(20)));
    disk.lose_power(None);
    assert_eq!((disk.contents("old"), disk.contents("new")), (Some(b"x".to_vec()), Some(vec![])));
}

#[test]
fn looking_on_moves_no_page() {
    let (disk, file) = cold(2, limited(1));
    let bytes = disk.unseen(|| disk.read(file, 0, 2 * PAGE as u32)).unwrap();
    assert_eq!((bytes.len(), pages(&disk, "log"), disk.counters().misses), (2 * PAGE, "oo".into(), 0));
}

#[test]
fn a_write_into_the_middle_of_a_page_needs_the_page() {
    let (mut disk, file) = cold(1, limited(8));
    disk.truncate(file, 100).unwrap();
    disk.sync(file).unwrap();
    disk.drop_caches();
    disk.append(file, Bytes::from_static(b"end")).unwrap();
    assert_eq!(disk.commit(), []);
    assert_eq!((pages(&disk, "log"), disk.counters().trips), ("D".into(), 1));
}

#[test]
fn after_a_failed_sync_pages_count_as_clean_and_are_lost() {
    let mut disk = MemoryStorage::new();
    let file = disk.open("log", OpenMode::CreateOrOpen).unwrap();
    disk.append(file, Bytes::from(vec![1; PAGE])).unwrap();
    disk.sync(file).unwrap();
    disk.append(file, Bytes::from(vec![2; PAGE])).unwrap();
    disk.set_sync_fails(true);
    assert_eq!(disk.sync(file).unwrap_err().kind, StorageErrorKind::Io);
    assert_eq!(disk.replace_file("checkpoint", b"1").unwrap_err().kind, StorageErrorKind::Io);
    disk.set_sync_fails(false);
    assert_eq!(disk.sync(file), Ok(()), "the second attempt says nothing");
    assert_eq!(pages(&disk, "log"), "CC");
    assert_eq!(disk.entries()[0].synced, PAGE as u64);
    assert_eq!(disk.read(file, PAGE as u64, 1).unwrap(), [2][..], "memory still has it");
    disk.drop_caches();
    assert_eq!(disk.read(file, PAGE as u64, 1).unwrap(), [0][..], "and nothing else has");
}

#[test]
fn an_edited_byte_is_another_byte_in_memory_and_on_the_disk() {
    let (disk, file) = cold(1, CacheConfig::default());
    assert_eq!(disk.edit_byte("log", 5, 9), Some(7));
    assert_eq!((disk.edit_byte("log", PAGE as u64, 9), disk.edit_byte("none", 0, 9)), (None, None));
    assert_eq!((disk.read(file, 5, 1).unwrap(), pages(&disk, "log")), (Bytes::from_static(&[9]), "C".into()));
    disk.lose_power(None);
    assert_eq!(disk.contents("log").unwrap()[4..7], [7, 9, 7]);
}

#[test]
fn files_that_go_take_their_pages_with_them() {
    let (mut disk, file) = cold(3, limited(4));
    disk.read(file, 0, 3 * PAGE as u32).unwrap();
    disk.remove_file("log").unwrap();
    disk.close(file).unwrap();
    let other = disk.open("other", OpenMode::CreateOrOpen).unwrap();
    disk.append(other, Bytes::from(vec![1; 4 * PAGE])).unwrap();
    assert_eq!(disk.commit(), []);
    assert_eq!((pages(&disk, "other"), disk.counters().written_back), ("DDDD".into(), 0), "there was room");
}
