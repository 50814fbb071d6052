//! Names: what every directory holds now, and what it would hold after a power failure.
//!
//! A new name, a new name for an old file, and the absence of a removed one are safe only when their directory was synced;
//! that is so on every file system that promises no more than POSIX does. Until then they wait in the order in which they
//! were made, as a journaling file system keeps them: a power failure in the middle of writing keeps a prefix.

use super::{check_path, error, not_found};
use crate::{StorageError, StorageErrorKind};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{SortedMap, SortedSet};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Dir(u32),
    File(u32),
}

/// Names that change together: what each stands for from then on.
pub(super) type NameChange = Vec<(String, Option<Node>)>;

#[derive(Debug, Default)]
struct Dir {
    entries: SortedMap<String, Node>,
    /// As a power failure would leave them.
    safe: SortedMap<String, Node>,
    /// What leads from `safe` to `entries`.
    pending: Vec<NameChange>,
}

#[derive(Debug)]
pub(super) struct Tree {
    dirs: SortedMap<u32, Dir>,
    next_dir: u32,
    removed_dirs: bool,
}

impl Default for Tree {
    fn default() -> Self {
        Tree { dirs: SortedMap::from([(Tree::ROOT, Dir::default())]), next_dir: Tree::ROOT + 1, removed_dirs: false }
    }
}

impl Dir {
    fn sync(&mut self) {
        self.pending.clear();
        self.safe.clone_from(&self.entries);
    }
}

fn apply(entries: &mut SortedMap<String, Node>, change: &NameChange) {
    for (name, node) in change {
        match node {
            Some(node) => entries.insert(name.clone(), *node),
            None => entries.remove(name),
        };
    }
}

impl Tree {
    /// The data directory.
    pub(super) const ROOT: u32 = 0;

    /// What a path stands for.
    pub(super) fn find(&self, path: &str) -> Option<Node> {
        let mut node = Node::Dir(Tree::ROOT);
        for name in path.split('/').filter(|_| !path.is_empty()) {
            let Node::Dir(dir) = node else { return None };
            node = *self.dirs[&dir].entries.get(name)?;
        }
        Some(node)
    }

    /// The directory at a path.
    pub(super) fn dir(&self, path: &str) -> Result<u32, StorageError> {
        match self.find(path) {
            Some(Node::Dir(dir)) => Ok(dir),
            Some(Node::File(_)) => Err(error(StorageErrorKind::Invalid, path, "is a file, not a directory")),
            None => Err(not_found(path)),
        }
    }

    /// The directory that a path's last name is in, and that name.
    pub(super) fn place(&self, path: &str) -> Result<(u32, String), StorageError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.dir(parent)?, name.to_owned()))
    }

    /// The names in a directory.
    pub(super) fn entries(&self, dir: u32) -> impl Iterator<Item = (&String, Node)> {
        self.dirs[&dir].entries.iter().map(|(name, node)| (name, *node))
    }

    /// All that is below a directory, with paths that begin with `path`.
    pub(super) fn below(&self, dir: u32, path: &str) -> Vec<(String, Node)> {
        let mut found = Vec::new();
        for (name, node) in self.entries(dir) {
            let full = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            found.push((full.clone(), node));
            if let Node::Dir(inner) = node {
                found.extend(self.below(inner, &full));
            }
        }
        found
    }

    /// Makes a directory and those above it.
    pub(super) fn create_dir(&mut self, path: &str) -> Result<(), StorageError> {
        check_path(path)?;
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for part in ends.filter(|end| *end > 0).map(|end| &path[..end]) {
            if self.find(part).is_some() {
                self.dir(part)?;
                continue;
            }
            let (parent, name) = self.place(part)?;
            let dir = self.next_dir;
            self.next_dir += 1;
            self.dirs.insert(dir, Dir::default());
            self.change(parent, [(name, Some(Node::Dir(dir)))].into());
        }
        Ok(())
    }

    /// Changes names in a directory, all at once.
    pub(super) fn change(&mut self, dir: u32, change: NameChange) {
        let dir = self.dirs.get_mut(&dir).expect("the caller has found it");
        self.removed_dirs |= change.iter().any(|(name, _)| matches!(dir.entries.get(name), Some(Node::Dir(_))));
        apply(&mut dir.entries, &change);
        dir.pending.push(change);
    }

    /// The names in the directory at `path` are safe as they are; nothing if there is no such directory.
    pub(super) fn sync(&mut self, path: &str) {
        if let Ok(dir) = self.dir(path) {
            self.dirs.get_mut(&dir).expect("just found").sync();
        }
    }

    /// All names are safe as they are.
    pub(super) fn sync_all(&mut self) {
        self.dirs.values_mut().for_each(Dir::sync);
    }

    /// The names on the way to a path are safe, as if they had always been there.
    pub(super) fn make_safe(&mut self, path: &str) {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for part in ends.map(|end| &path[..end]) {
            if let (Some(node), Ok((dir, name))) = (self.find(part), self.place(part)) {
                self.dirs.get_mut(&dir).expect("just found").safe.insert(name, node);
            }
        }
    }

    /// The power fails. `keep` says how many of so many waiting changes are there all the same.
    pub(super) fn lose_power(&mut self, mut keep: impl FnMut(u64) -> u64) {
        for dir in self.dirs.values_mut() {
            let kept = keep(dir.pending.len() as u64) as usize;
            let pending = core::mem::take(&mut dir.pending);
            pending.iter().take(kept).for_each(|change| apply(&mut dir.safe, change));
            dir.entries.clone_from(&dir.safe);
        }
        self.removed_dirs = true;
    }

    /// Whether there may be directories that nothing leads to.
    pub(super) fn has_removed_dirs(&self) -> bool {
        self.removed_dirs
    }

    /// Forgets directories that nothing leads to any more, and could not after a power failure. Returns all files that
    /// something leads to.
    pub(super) fn sweep(&mut self) -> SortedSet<u32> {
        let (mut dirs, mut files) = (SortedSet::from([Tree::ROOT]), SortedSet::new());
        let mut waiting = Vec::from([Tree::ROOT]);
        while let Some(number) = waiting.pop() {
            let dir = &self.dirs[&number];
            let pending = dir.pending.iter().flatten().filter_map(|(_, node)| node.as_ref());
            for node in dir.entries.values().chain(dir.safe.values()).chain(pending) {
                match node {
                    Node::File(file) => _ = files.insert(*file),
                    Node::Dir(inner) if dirs.insert(*inner) => waiting.push(*inner),
                    Node::Dir(_) => {}
                }
            }
        }
        self.dirs.retain(|number, _| dirs.contains(number));
        let waits = self.dirs.values().any(|dir| !dir.pending.is_empty());
        self.removed_dirs &= waits;
        files
    }

    /// The names below a directory, for renaming what is in it.
    pub(super) fn files_below(&self, path: &str) -> Vec<(String, u32)> {
        let below = self.dir(path).map(|dir| self.below(dir, path)).unwrap_or_default();
        let files = below.into_iter().filter_map(|(path, node)| match node {
            Node::File(number) => Some((path.to_string(), number)),
            Node::Dir(_) => None,
        });
        files.collect()
    }
}
