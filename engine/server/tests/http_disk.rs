//! `/api/disk`: the files that are there, which of their pages are in memory, and their bytes; nothing outside the directory.

mod common;

use common::Naru;
use naru_trace::{PAGE_BYTES, PageRun, PageState, pages_of};
use rustix::fs::{Advice, fadvise};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{FileExt, symlink},
    path::Path,
};
use tempfile::{TempDir, tempdir};

const SEGMENT: &str = "orders-0/00000000000000000000.log";

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"))
}

fn json(naru: &Naru, path: &str) -> Value {
    let answer = naru.get(path);
    assert_eq!(status(&answer), 200, "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A broker with a segment of more than a hundred pages.
fn written() -> (TempDir, Naru) {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("orders", 1);
    for number in 0..10 {
        connection.produce("orders", &[&format!("{number:0>50000}")]);
    }
    (dir, naru)
}

fn segment(answer: &Value) -> (u64, Option<Vec<PageRun>>) {
    let files = answer["dirs"][0]["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["path"] == SEGMENT).expect("the segment is there");
    (file["length"].as_u64().unwrap(), serde_json::from_value(file["pages"].clone()).unwrap())
}

/// Whether this system tells about pages at all: Linux from 6.5 on does.
fn system_tells() -> bool {
    let mut release = String::new();
    let read = File::open("/proc/sys/kernel/osrelease").and_then(|mut file| file.read_to_string(&mut release));
    let numbers: Vec<u32> = release.split(['.', '-']).map_while(|number| number.parse().ok()).collect();
    read.is_ok() && numbers >= vec![6, 5]
}

#[test]
fn files_are_told_with_their_pages() {
    let (dir, naru) = written();
    let answer = json(&naru, "/api/disk");
    assert_eq!(answer["complete"], true);
    assert_eq!(answer["dirs"][0]["path"], dir.path().canonicalize().unwrap().to_str().unwrap());
    let files: Vec<&str> =
        answer["dirs"][0]["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert!(files.is_sorted() && files.contains(&"meta.properties"), "{files:?}");
    let (length, pages) = segment(&answer);
    assert_eq!(length, fs::metadata(dir.path().join(SEGMENT)).unwrap().len());
    assert_eq!(pages.is_some(), system_tells());
    let Some(pages) = pages else { return };
    assert_eq!(pages.iter().map(|run| run.count).sum::<u32>(), pages_of(length), "every page is told");
    assert!(pages.iter().all(|run| run.state != PageState::OnDisk), "what was just written is in memory: {pages:?}");
    let under = json(&naru, "/api/disk?under=orders-0");
    assert!(
        under["dirs"][0]["files"]
            .as_array()
            .unwrap()
            .iter()
            .all(|file| file["path"].as_str().unwrap().starts_with("orders-0/"))
    );
}

#[test]
fn pages_follow_what_happens_to_the_file() {
    let (dir, naru) = written();
    let file = File::open(dir.path().join(SEGMENT)).unwrap();
    rustix::fs::fsync(&file).unwrap();
    let (length, pages) = segment(&json(&naru, "/api/disk"));
    let Some(pages) = pages else {
        assert!(!system_tells());
        return;
    };
    assert_eq!(pages, [PageRun { state: PageState::Clean, count: pages_of(length) }], "synced and in memory");
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    fadvise(&file, 0, None, Advice::Random).unwrap();
    let (_, pages) = segment(&json(&naru, "/api/disk"));
    if pages != Some(vec![PageRun { state: PageState::OnDisk, count: pages_of(length) }]) {
        // A file system in memory alone has nowhere to evict to.
        assert!(is_in_memory(dir.path()), "{pages:?}");
        return;
    }
    file.read_at(&mut [0], 50 * PAGE_BYTES).unwrap();
    let (_, pages) = segment(&json(&naru, "/api/disk"));
    let pages = pages.unwrap();
    assert_eq!(pages[0].state, PageState::OnDisk);
    assert_eq!(pages[1].state, PageState::Clean, "the page that was read is back: {pages:?}");
    assert!((1..=50).contains(&pages[0].count) && pages[1].count <= 16, "and hardly more than that: {pages:?}");
}

fn is_in_memory(path: &Path) -> bool {
    // TMPFS_MAGIC and RAMFS_MAGIC of linux/magic.h.
    let kind = rustix::fs::statfs(path).unwrap().f_type;
    [0x0102_1994, 0x8584_58f6].contains(&(kind as u64))
}

#[test]
fn bytes_are_those_of_the_file() {
    let (dir, naru) = written();
    let whole = fs::read(dir.path().join(SEGMENT)).unwrap();
    let ask = |query: &str| naru.get_bytes(&format!("/api/disk/bytes?path={SEGMENT}{query}"));
    assert_eq!(ask("&position=16&length=45"), whole[16..61]);
    assert_eq!(ask("").len(), 65_536, "at most 64 KiB");
    assert_eq!(ask("&length=999999").len(), 65_536);
    assert_eq!(ask(&format!("&position={}", whole.len() - 5)), whole[whole.len() - 5..]);
    assert!(ask("&position=18446744073709551615").is_empty());
    assert_eq!(naru.get_bytes("/api/disk/bytes?path=orders-0%2F00000000000000000000.log&length=4"), whole[..4]);
}

#[test]
fn nothing_outside_the_directory_is_shown() {
    let (dir, naru) = written();
    let outside = tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path().join("secret"), dir.path().join("orders-0/link")).unwrap();
    symlink(outside.path(), dir.path().join("linked")).unwrap();
    for path in [
        "../secret",
        "orders-0/../../secret",
        "/etc/hostname",
        "orders-0/link",
        "linked/secret",
        "orders-0",
        "",
        ".",
        "orders-0/%00",
        "nothing",
        "%2e%2e/secret",
    ] {
        let answer = naru.get(&format!("/api/disk/bytes?path={path}"));
        assert!((400..500).contains(&status(&answer)), "{path}: {answer}");
        assert!(!answer.contains("secret\u{0}") && !answer.ends_with("secret"), "{path}: {answer}");
    }
    assert!((400..500).contains(&status(&naru.get(&format!("/api/disk/bytes?path={SEGMENT}&dir=1")))));
    assert!((400..500).contains(&status(&naru.get("/api/disk/bytes"))));
    let foreign = "GET /api/disk HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&naru.http(foreign)), 421);
}
