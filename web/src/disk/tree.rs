//! A disk as a tree: directories and files in order, with what the last change did to each.

use naru_trace::{DiskView, FileView, PageRun};
use naru_trace::{SortedMap, SortedSet};

/// What the last change did to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It was not there before.
    New,
    /// It became longer, or shorter, by so many bytes.
    Resized(i64),
    /// It is not there any more; shown until the next change.
    Gone,
}

/// A line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The path; a directory's without a slash at its end.
    pub path: String,
    /// The last part of it.
    pub name: String,
    /// How deep: 1 for what lies directly in the data directory.
    pub level: u32,
    /// For a directory, how many files are below it.
    pub files: Option<usize>,
    /// Whether a directory shows what is in it.
    pub open: bool,
    /// The length in bytes, for a directory of all below it.
    pub length: u64,
    /// A file's pages.
    pub pages: Vec<PageRun>,
    /// What became of it last.
    pub change: Change,
}

impl Node {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.files.is_some()
    }
}

/// The tree of `now`. `before` is the disk before its last change; directories of `closed` hide what is in them.
pub fn nodes(now: &DiskView, before: &DiskView, closed: &SortedSet<String>) -> Vec<Node> {
    let mut files: SortedMap<&String, (&FileView, Change)> = SortedMap::new();
    // A disk that was never seen has no news.
    let has_past = !before.files.is_empty();
    for (path, file) in &now.files {
        let change = match before.files.get(path) {
            None if has_past => Change::New,
            Some(old) if old.length != file.length => Change::Resized(file.length as i64 - old.length as i64),
            _ => Change::None,
        };
        files.insert(path, (file, change));
    }
    for (path, file) in before.files.iter().filter(|(path, _)| !now.files.contains_key(*path)) {
        files.insert(path, (file, Change::Gone));
    }
    let mut all: Vec<Node> = Vec::new();
    // Directories come first, as most file managers have it.
    let (inner, outer): (Vec<_>, Vec<_>) = files.into_iter().partition(|(path, _)| path.contains('/'));
    for (path, (file, change)) in inner.into_iter().chain(outer) {
        let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
        for (slash, _) in path[..name_at].match_indices('/') {
            enter(&mut all, &path[..slash], closed);
            let directory = all.iter_mut().rev().find(|node| node.path == path[..slash]).expect("it was just entered");
            if change != Change::Gone {
                directory.change = Change::None;
                directory.files = directory.files.map(|files| files + 1);
                directory.length += file.length;
            }
        }
        all.push(Node {
            path: path.clone(),
            name: path[name_at..].to_owned(),
            level: level_of(path),
            files: None,
            open: false,
            length: file.length,
            pages: file.pages.clone(),
            change,
        });
    }
    let hidden = |node: &Node| closed.iter().any(|directory| is_below(&node.path, directory));
    all.retain(|node| !hidden(node));
    all
}

/// Adds a directory's line unless it is there. A directory of which nothing is left is gone itself.
fn enter(all: &mut Vec<Node>, path: &str, closed: &SortedSet<String>) {
    if all.iter().any(|node| node.path == path && node.is_directory()) {
        return;
    }
    all.push(Node {
        path: path.to_owned(),
        name: path[path.rfind('/').map_or(0, |slash| slash + 1)..].to_owned(),
        level: level_of(path),
        files: Some(0),
        open: !closed.contains(path),
        length: 0,
        pages: Vec::new(),
        change: Change::Gone,
    });
}

fn level_of(path: &str) -> u32 {
    path.matches('/').count() as u32 + 1
}

/// Whether `path` lies in `directory`.
pub fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// A length for people: `75 B`, `1.2 KB`, `1.0 MB`. Powers of 1000, as disks are sold.
pub fn length_words(bytes: u64) -> String {
    let tenths = |unit: u64, word: &str| {
        let tenths = (bytes + unit / 20) / (unit / 10);
        format!("{}.{} {word}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..950_000 => tenths(1_000, "KB"),
        950_000..950_000_000 => tenths(1_000_000, "MB"),
        _ => tenths(1_000_000_000, "GB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(files: &[(&str, u64)]) -> DiskView {
        let file = |length: u64| FileView { length, pages: Vec::new() };
        let files = files.iter().map(|(path, length)| (path.to_string(), file(*length))).collect();
        DiskView { files, ..DiskView::default() }
    }

    fn told(nodes: &[Node]) -> Vec<String> {
        let line = |node: &Node| {
            format!("{}{} {} {:?}", "  ".repeat(node.level as usize - 1), node.name, node.length, node.change)
        };
        nodes.iter().map(line).collect()
    }

    #[test]
    fn directories_come_first_and_add_up() {
        let now = disk(&[("a-0/0.index", 8), ("a-0/0.log", 75), ("a-0.old", 1), ("meta.properties", 80)]);
        let tree = nodes(&now, &DiskView::default(), &SortedSet::new());
        assert_eq!(
            told(&tree),
            ["a-0 83 None", "  0.index 8 None", "  0.log 75 None", "a-0.old 1 None", "meta.properties 80 None"]
        );
        assert_eq!(tree[0].files, Some(2));
    }

    #[test]
    fn the_last_change_is_told() {
        let before = disk(&[("a-0/0.log", 75), ("a-0/7.log", 10), ("b-0/0.log", 5)]);
        let now = disk(&[("a-0/0.log.deleted", 75), ("a-0/7.log", 30)]);
        let tree = nodes(&now, &before, &SortedSet::new());
        let expected = [
            "a-0 105 None",
            "  0.log 75 Gone",
            "  0.log.deleted 75 New",
            "  7.log 30 Resized(20)",
            "b-0 0 Gone",
            "  0.log 5 Gone",
        ];
        assert_eq!(told(&tree), expected);
    }

    #[test]
    fn a_closed_directory_keeps_its_sum() {
        let now = disk(&[("a-0/0.log", 75), ("b-0/0.log", 5)]);
        let tree = nodes(&now, &DiskView::default(), &SortedSet::from(["a-0".to_owned()]));
        assert_eq!(told(&tree), ["a-0 75 None", "b-0 5 None", "  0.log 5 None"]);
        assert!(!tree[0].open && tree[1].open);
    }

    #[test]
    fn lengths_are_short_words() {
        for (bytes, words) in
            [(0, "0 B"), (999, "999 B"), (1_234, "1.2 KB"), (10_485_760, "10.5 MB"), (1 << 30, "1.1 GB")]
        {
            assert_eq!(length_words(bytes), words);
        }
    }
}
