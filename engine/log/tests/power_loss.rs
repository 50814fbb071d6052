//! What the disk in memory keeps when the power fails: what was synced, all of it; of the rest nothing, or any part.

use bytes::Bytes;
use naru_log::{FileId, MemoryStorage, OpenMode, ReadAt, Storage};
use std::collections::BTreeSet;

fn open(disk: &MemoryStorage, path: &str) -> FileId {
    disk.clone().open(path, OpenMode::CreateOrOpen).unwrap()
}

fn write(disk: &MemoryStorage, file: FileId, bytes: &[u8]) {
    disk.clone().append(file, Bytes::copy_from_slice(bytes)).unwrap();
    assert_eq!(disk.clone().commit(), []);
}

fn text(disk: &MemoryStorage, path: &str) -> Option<String> {
    disk.contents(path).map(|bytes| String::from_utf8(bytes).unwrap())
}

/// Chance from a seed (a linear congruential generator; Knuth's constants).
fn chance(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    }
}

#[test]
fn synced_bytes_stay_and_others_go() {
    let mut disk = MemoryStorage::new();
    let file = open(&disk, "log");
    write(&disk, file, b"synced");
    disk.sync(file).unwrap();
    write(&disk, file, b", committed");
    disk.append(file, Bytes::from_static(b", buffered")).unwrap();
    disk.lose_power(None);
    assert_eq!(text(&disk, "log").unwrap(), "synced");
    assert_eq!((disk.used(), disk.entries()[0].synced), (6, 6));
    assert!(disk.read(file, 0, 1).is_err(), "its process is gone");
}

#[test]
fn a_cut_that_was_not_synced_is_undone() {
    let mut disk = MemoryStorage::new();
    let file = open(&disk, "log");
    write(&disk, file, b"123456");
    disk.sync(file).unwrap();
    disk.truncate(file, 2).unwrap();
    write(&disk, file, b"x");
    disk.lose_power(None);
    assert_eq!(text(&disk, "log").unwrap(), "123456");
}

#[test]
fn syncing_a_new_file_makes_its_name_and_its_directory_safe() {
    let mut disk = MemoryStorage::new();
    disk.create_dir("t-0").unwrap();
    let (synced, other) = (open(&disk, "t-0/a"), open(&disk, "t-0/b"));
    disk.sync(synced).unwrap();
    write(&disk, other, b"not synced");
    disk.create_dir("t-1").unwrap();
    disk.lose_power(None);
    let paths: Vec<String> = disk.entries().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["t-0", "t-0/a", "t-0/b"]);
    assert_eq!(text(&disk, "t-0/b").unwrap(), "", "its name was safe with the directory, its bytes were not");
}

#[test]
fn removals_and_new_names_need_their_directory_synced() {
    for synced in [false, true] {
        let mut disk = MemoryStorage::new();
        for name in ["gone", "old"] {
            disk.replace_file(name, name.as_bytes()).unwrap();
        }
        disk.remove_file("gone").unwrap();
        disk.rename("old", "new").unwrap();
        assert_eq!(disk.used(), 3);
        if synced {
            disk.sync_dir("").unwrap();
        }
        disk.lose_power(None);
        let (there, not_there) = if synced { ("new", "old") } else { ("old", "new") };
        assert_eq!((text(&disk, there).as_deref(), text(&disk, not_there)), (Some("old"), None));
        assert_eq!(text(&disk, "gone").is_some(), !synced);
    }
}

#[test]
fn removed_and_renamed_directories_come_back_whole() {
    let mut disk = MemoryStorage::new();
    for directory in ["t-0", "t-1"] {
        disk.create_dir(directory).unwrap();
        let file = open(&disk, &format!("{directory}/log"));
        write(&disk, file, directory.as_bytes());
        disk.sync(file).unwrap();
    }
    disk.rename("t-0", "t-0.x-delete").unwrap();
    disk.remove_dir_all("t-0.x-delete").unwrap();
    disk.rename("t-1", "moved").unwrap();
    disk.lose_power(None);
    assert_eq!(text(&disk, "t-0/log").as_deref(), Some("t-0"));
    assert_eq!(text(&disk, "t-1/log").as_deref(), Some("t-1"));
    disk.remove_dir_all("t-0").unwrap();
    disk.sync_dir("").unwrap();
    disk.lose_power(None);
    assert_eq!(disk.entries().len(), 2);
}

#[test]
fn a_replaced_file_is_the_old_one_or_the_new_one() {
    let mut disk = MemoryStorage::new();
    disk.replace_file("checkpoint", b"old").unwrap();
    disk.replace_file("checkpoint", b"new one").unwrap();
    disk.lose_power(None);
    assert_eq!(text(&disk, "checkpoint").unwrap(), "new one");
}

#[test]
fn torn_writes_leave_any_part_but_never_touch_what_was_synced() {
    let (mut lengths, mut zeros, mut garbage, mut whole, mut nothing) = (BTreeSet::new(), 0, 0, 0, 0);
    for seed in 0..400 {
        let mut disk = MemoryStorage::new();
        let file = open(&disk, "log");
        write(&disk, file, &[1; 5_000]);
        disk.sync(file).unwrap();
        write(&disk, file, &[2; 9_000]);
        disk.lose_power(Some(&mut chance(seed)));
        let left = disk.contents("log").unwrap();
        assert_eq!(left[..5_000], [1; 5_000], "seed {seed}");
        assert!(left.len() <= 14_000);
        let tail = &left[5_000..];
        lengths.insert(left.len());
        whole += u32::from(left.len() == 14_000 && tail.iter().all(|byte| *byte == 2));
        nothing += u32::from(tail.is_empty());
        zeros += u32::from(tail.contains(&0) && tail.iter().all(|byte| [0, 2].contains(byte)));
        garbage += u32::from(tail.iter().any(|byte| ![0, 2].contains(byte)));
    }
    assert!(lengths.len() > 100 && [zeros, garbage, whole, nothing].iter().all(|count| *count > 10));
}

#[test]
fn torn_names_are_kept_in_the_order_in_which_they_were_made() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let mut disk = MemoryStorage::new();
        disk.replace_file("log.swap", b"x").unwrap();
        let _ = open(&disk, "first");
        disk.rename("log.swap", "log").unwrap();
        disk.remove_file("first").unwrap();
        disk.lose_power(Some(&mut chance(seed)));
        seen.insert(disk.entries().into_iter().map(|entry| entry.path).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["first log", "first log.swap", "log", "log.swap"]);
}

#[test]
fn a_disk_that_was_torn_goes_on_working() {
    for seed in 0..200 {
        let mut disk = MemoryStorage::new();
        let mut next = chance(seed);
        let mut safe: Vec<u8> = Vec::new();
        for _ in 0..6 {
            let file = open(&disk, "log");
            disk.truncate(file, safe.len() as u64).unwrap();
            let more = vec![next(250) as u8 + 1; next(9_000) as usize];
            write(&disk, file, &more);
            if next(2) == 0 {
                disk.sync(file).unwrap();
                safe.extend(&more);
            }
            disk.lose_power(Some(&mut next));
            let left = disk.contents("log").unwrap_or_default();
            assert_eq!(left.get(..safe.len()), Some(&safe[..]), "seed {seed}");
            assert_eq!(disk.used(), left.len() as u64);
        }
    }
}
