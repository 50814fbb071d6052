//! What is on the disk: files, which of their pages are in memory, and their bytes.
//!
//! `GET /api/disk` is `{ dirs: [{ path, files: [{ path, length, pages, exact }] }], complete }`: the data directories with their
//! files, paths relative to them. `pages` are runs of neighbours of one state, or `null` where the system cannot tell;
//! `exact` is whether each page is as told. `?under=orders-0` leaves out all but that directory.
//!
//! `GET /api/disk/bytes?path=orders-0/00000000000000000000.log&position=0&length=4096` is that part of a file, at most
//! 64 KiB; with several directories, `&dir=1` says which, from 0.
//!
//! The disk may be slow, so none of this is done where sockets are served or where the broker works; and one question is
//! answered at a time, so that watching never takes more than one thread. Looking at bytes brings their pages into memory,
//! as every read does; asking for pages does not.

use super::State;
use crate::page_cache::{self, Budget};
use axum::{
    extract::{Query, State as From},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use naru_trace::PageRun;
use rustix::fs::{Advice, fadvise};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Component, Path, PathBuf},
};
use tokio::sync::Semaphore;

/// Files that one answer tells of at most.
const FILES_MAX: usize = 20_000;
/// Questions about pages that one answer asks the system at most.
const BUDGET: Budget = Budget(100_000);
/// Bytes that one answer holds at most.
const BYTES_MAX: u32 = 64 * 1024;

/// The data directories, and who may look at them now.
pub struct Disk {
    dirs: Vec<PathBuf>,
    turn: Semaphore,
}

impl Disk {
    /// What is in these directories.
    pub fn new(dirs: Vec<PathBuf>) -> Self {
        Disk { dirs, turn: Semaphore::new(1) }
    }
}

/// What `GET /api/disk` may be asked with.
#[derive(Debug, Deserialize)]
pub struct Which {
    under: Option<String>,
}

/// What `GET /api/disk/bytes` is asked with.
#[derive(Debug, Deserialize)]
pub struct Part {
    path: String,
    #[serde(default)]
    dir: usize,
    #[serde(default)]
    position: u64,
    length: Option<u32>,
}

#[derive(Debug, Serialize)]
struct DiskAnswer {
    dirs: Vec<Directory>,
    /// Whether all files are told.
    complete: bool,
}

#[derive(Debug, Serialize)]
struct Directory {
    path: String,
    files: Vec<FileAnswer>,
}

#[derive(Debug, Serialize)]
struct FileAnswer {
    path: String,
    length: u64,
    pages: Option<Vec<PageRun>>,
    exact: bool,
}

/// `GET /api/disk`.
pub async fn disk(From(state): From<State>, Query(which): Query<Which>) -> Response {
    let answer = aside(state, move |dirs| Ok(look(dirs, which.under.as_deref()))).await;
    answer.map_or_else(Refusal::into_response, |answer| {
        let json = serde_json::to_string(&answer).expect("paths and numbers are plain data");
        ([(header::CONTENT_TYPE, "application/json")], json).into_response()
    })
}

/// `GET /api/disk/bytes`.
pub async fn bytes(From(state): From<State>, Query(part): Query<Part>) -> Response {
    let answer = aside(state, move |dirs| read(dirs, &part)).await;
    answer.map_or_else(Refusal::into_response, |bytes| {
        ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
    })
}

/// Why a question is not answered.
type Refusal = (StatusCode, String);

/// Does something that may wait for the disk, on a thread that may wait, one at a time.
async fn aside<T: Send + 'static>(
    state: State,
    work: impl FnOnce(&[PathBuf]) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let disk = state.disk.clone();
    let gone = |_| (StatusCode::SERVICE_UNAVAILABLE, "The broker is stopping.\n".to_owned());
    let permit = disk.turn.acquire().await.map_err(|_| gone(()))?;
    let dirs = disk.dirs.clone();
    let result = tokio::task::spawn_blocking(move || work(&dirs)).await.map_err(|_| gone(()))?;
    drop(permit);
    result
}

fn look(dirs: &[PathBuf], under: Option<&str>) -> DiskAnswer {
    let mut answer = DiskAnswer { dirs: Vec::new(), complete: true };
    let (mut files_left, mut budget) = (FILES_MAX, BUDGET);
    for dir in dirs {
        let mut paths = files_of(dir, under, files_left);
        answer.complete &= paths.len() < files_left;
        files_left -= paths.len();
        paths.sort();
        // A file that is gone by now is not there.
        let files = paths.into_iter().filter_map(|path| file_answer(dir, path, &mut budget).ok()).collect();
        answer.dirs.push(Directory { path: dir.display().to_string(), files });
    }
    answer
}

/// The files of a data directory and of the directories in it, relative to it; at most `count`.
fn files_of(dir: &Path, under: Option<&str>, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    for (name, is_dir) in names(dir) {
        let wanted = under.is_none_or(|under| under == name);
        match is_dir {
            _ if !wanted => {}
            false => found.push(name),
            true => {
                let files = names(&dir.join(&name)).into_iter().filter(|(_, is_dir)| !is_dir);
                found.extend(files.map(|(file, _)| format!("{name}/{file}")));
            }
        }
        if found.len() >= count {
            break;
        }
    }
    found.truncate(count);
    found
}

/// Plain files and directories, with whether they are one. A directory that cannot be read is empty.
fn names(dir: &Path) -> Vec<(String, bool)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let plain = entries.filter_map(|entry| {
        let kind = entry.file_type().ok()?;
        let name = entry.file_name().into_string().ok()?;
        (kind.is_dir() || kind.is_file()).then_some((name, kind.is_dir()))
    });
    plain.collect()
}

fn file_answer(dir: &Path, path: String, budget: &mut Budget) -> io::Result<FileAnswer> {
    let file = File::open(dir.join(&path))?;
    let length = file.metadata()?.len();
    Ok(match page_cache::pages(&file, length, budget) {
        Ok(found) => FileAnswer { path, length, pages: Some(found.view.pages), exact: found.exact },
        Err(_) => FileAnswer { path, length, pages: None, exact: false },
    })
}

fn read(dirs: &[PathBuf], part: &Part) -> Result<Vec<u8>, Refusal> {
    let not_there = || (StatusCode::NOT_FOUND, format!("There is no file {} here.\n", part.path));
    let dir = dirs.get(part.dir).ok_or_else(not_there)?;
    let relative = Path::new(&part.path);
    let is_plain = relative.components().all(|component| matches!(component, Component::Normal(_)));
    if !is_plain || part.path.is_empty() {
        let sentence = "A path is one that /api/disk names, relative to its directory.\n";
        return Err((StatusCode::BAD_REQUEST, sentence.to_owned()));
    }
    // Links may lead anywhere: what counts is where they end.
    let path = dir.join(relative).canonicalize().map_err(|_| not_there())?;
    if !path.starts_with(dir) || !path.is_file() {
        return Err(not_there());
    }
    let file = File::open(path).map_err(|_| not_there())?;
    // Without read-ahead, only what is looked at comes into memory.
    let _ = fadvise(&file, 0, None, Advice::Random);
    let failed = |error: io::Error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{}: {error}\n", part.path));
    let left = file.metadata().map_err(failed)?.len().saturating_sub(part.position);
    let length = u64::from(part.length.unwrap_or(BYTES_MAX).min(BYTES_MAX)).min(left);
    let mut bytes = vec![0; length as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], part.position + filled as u64).map_err(failed)? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
