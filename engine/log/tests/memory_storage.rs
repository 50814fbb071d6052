//! The disk in memory behaves like a disk: what every implementation of [`naru_log::Storage`] owes a log.

use bytes::Bytes;
use naru_log::{Fault, MemoryStorage, OpenMode, ReadAt, Storage, StorageErrorKind};

fn names(storage: &MemoryStorage, path: &str) -> Vec<String> {
    storage.list(path).unwrap().into_iter().map(|entry| entry.name).collect()
}

fn kind<T: std::fmt::Debug>(result: Result<T, naru_log::StorageError>) -> StorageErrorKind {
    result.unwrap_err().kind
}

#[test]
fn directories_are_listed_by_name() {
    let mut disk = MemoryStorage::new();
    disk.create_dir("a/b").unwrap();
    disk.create_dir("a").unwrap();
    disk.put("a-b/x", b"1");
    disk.put("a/y", b"22");
    disk.put("meta", b"");
    assert_eq!(names(&disk, ""), ["a", "a-b", "meta"]);
    assert_eq!(names(&disk, "a"), ["b", "y"]);
    let entry = disk.list("a").unwrap().remove(1);
    assert_eq!((entry.is_dir, entry.length), (false, 2));
    assert_eq!(kind(disk.list("nothing")), StorageErrorKind::NotFound);
    assert_eq!(kind(disk.list("meta")), StorageErrorKind::Invalid);
}

#[test]
fn paths_outside_the_data_directory_are_refused() {
    let mut disk = MemoryStorage::new();
    for path in ["/etc", "../x", "a/../x", "a//x", "./x", "a/"] {
        assert_eq!(kind(disk.create_dir(path)), StorageErrorKind::Invalid, "{path}");
        assert_eq!(kind(disk.open(path, OpenMode::CreateOrOpen)), StorageErrorKind::Invalid, "{path}");
        assert_eq!(kind(disk.replace_file(path, b"")), StorageErrorKind::Invalid, "{path}");
    }
    assert_eq!(kind(disk.open("no/such/directory", OpenMode::CreateOrOpen)), StorageErrorKind::NotFound);
}

#[test]
fn appends_are_seen_at_once_and_survive_a_crash_once_committed() {
    let disk = MemoryStorage::new();
    let mut storage = disk.clone();
    let file = storage.open("log", OpenMode::CreateOrOpen).unwrap();
    storage.append(file, Bytes::from_static(b"committed")).unwrap();
    assert_eq!(storage.commit(), []);
    storage.append(file, Bytes::from_static(b", buf")).unwrap();
    storage.append(file, Bytes::from_static(b"fered")).unwrap();
    assert_eq!(storage.len(file), Ok(19));
    for (position, length) in (0..=20).flat_map(|position| (0..=20).map(move |length| (position, length))) {
        let expected = b"committed, buffered".iter().copied().skip(position as usize).take(length as usize);
        assert_eq!(storage.read(file, position, length).unwrap(), expected.collect::<Vec<u8>>());
    }
    let entry = disk.entries().remove(0);
    assert_eq!((entry.length, entry.buffered, entry.synced), (9, 10, 0));
    disk.crash();
    assert_eq!(kind(storage.read(file, 0, 1)), StorageErrorKind::Invalid, "its process is gone");
    assert_eq!(disk.read_file("log").unwrap(), "committed");
}

#[test]
fn open_files_survive_renaming_and_removal() {
    let mut disk = MemoryStorage::new();
    disk.put("a/log", b"one");
    let file = disk.open("a/log", OpenMode::Existing).unwrap();
    disk.rename("a", "b").unwrap();
    disk.append(file, Bytes::from_static(b" two")).unwrap();
    assert_eq!(disk.commit(), []);
    assert_eq!(disk.read_file("b/log").unwrap(), "one two");
    assert_eq!(kind(disk.read_file("a/log")), StorageErrorKind::NotFound);
    disk.remove_dir_all("b").unwrap();
    assert_eq!(disk.read(file, 4, 9).unwrap(), "two");
    assert_eq!(disk.used(), 7);
    disk.close(file).unwrap();
    assert_eq!((disk.used(), disk.entries()), (0, vec![]));
}

#[test]
fn a_file_is_replaced_by_renaming_another_over_it() {
    let mut disk = MemoryStorage::new();
    disk.put("checkpoint", b"old");
    disk.put("checkpoint.tmp", b"new one");
    disk.rename("checkpoint.tmp", "checkpoint").unwrap();
    assert_eq!((disk.read_file("checkpoint").unwrap(), disk.used()), (Bytes::from_static(b"new one"), 7));
    disk.replace_file("checkpoint", b"newest").unwrap();
    assert_eq!((disk.contents("checkpoint").unwrap(), disk.used()), (b"newest".to_vec(), 6));
}

#[test]
fn closing_and_truncating_write_what_is_buffered() {
    let mut disk = MemoryStorage::new();
    let file = disk.open("log", OpenMode::CreateOrOpen).unwrap();
    disk.append(file, Bytes::from_static(b"123456")).unwrap();
    disk.truncate(file, 4).unwrap();
    disk.append(file, Bytes::from_static(b"x")).unwrap();
    disk.close(file).unwrap();
    assert_eq!((disk.contents("log").unwrap(), disk.used()), (b"1234x".to_vec(), 5));
    assert_eq!(disk.commit(), []);
}

#[test]
fn a_full_disk_takes_what_fits() {
    let mut disk = MemoryStorage::new();
    disk.set_capacity(Some(5));
    let file = disk.open("log", OpenMode::CreateOrOpen).unwrap();
    disk.append(file, Bytes::from_static(b"1234567")).unwrap();
    let failed = disk.commit();
    assert_eq!((failed.len(), failed[0].0, failed[0].1.kind), (1, file, StorageErrorKind::Full));
    assert_eq!(disk.contents("log").unwrap(), b"12345");
    assert_eq!(kind(disk.replace_file("checkpoint", b"x")), StorageErrorKind::Full);
    disk.set_capacity(None);
    disk.append(file, Bytes::from_static(b"8")).unwrap();
    assert_eq!(disk.commit(), [], "what failed is not tried again");
    assert_eq!(disk.contents("log").unwrap(), b"123458");
}

#[test]
fn faults_hit_only_what_they_name() {
    let mut disk = MemoryStorage::new();
    disk.put("a/log", b"1");
    disk.put("b/log", b"2");
    let (a, b) = (disk.open("a/log", OpenMode::Existing).unwrap(), disk.open("b/log", OpenMode::Existing).unwrap());
    disk.set_fault("a/", Some(Fault::Write));
    for file in [a, b] {
        disk.append(file, Bytes::from_static(b"!")).unwrap();
    }
    let failed: Vec<_> = disk.commit().into_iter().map(|(file, error)| (file, error.kind)).collect();
    assert_eq!(failed, [(a, StorageErrorKind::Io)]);
    assert_eq!(disk.read(a, 0, 9).unwrap(), "1");
    disk.set_fault("a/", Some(Fault::Read));
    assert_eq!(kind(disk.read(a, 0, 9)), StorageErrorKind::Io);
    disk.set_fault("a/", None);
    assert_eq!(disk.read(a, 0, 9).unwrap(), "1");
    assert_eq!(disk.read(b, 0, 9).unwrap(), "2!");
}
