//! A live broker's disk, over its HTTP interface: asked for while the panel is open, and only then.
//!
//! The broker tells lengths, pages and plain bytes; what the bytes are is said here, by the same code as in a lab. For that,
//! reading has to begin where a batch begins. In a long file its index knows such places, as it does for the broker itself.

use super::panel::{DiskData, Microscope, Place, Source};
use crate::{dom, locale::Locale};
use leptos::prelude::*;
use naru_labs::{DiskBytes, disk, json};
use naru_trace::{ClusterView, DiskView, FileView, PageRun};
use serde::Deserialize;
use std::{cell::RefCell, rc::Rc, sync::Arc};

/// How often the broker is asked, in milliseconds.
const EVERY_MS: i32 = 1_000;
/// How many bytes one answer has at most.
const PART_MAX: u64 = 64 << 10;

#[derive(Deserialize)]
struct Told {
    dirs: Vec<Directory>,
}

#[derive(Deserialize)]
struct Directory {
    path: String,
    files: Vec<FileTold>,
}

#[derive(Deserialize)]
struct FileTold {
    path: String,
    length: u64,
    pages: Option<Vec<PageRun>>,
}

/// The data directories that there are. With several, each is a directory of the tree.
type Roots = Rc<RefCell<Vec<String>>>;

/// The microscope of a live broker. `api` is the address of `/api/disk`.
pub fn microscope(view: RwSignal<Arc<ClusterView>>, locale: RwSignal<Locale>, api: String) -> Microscope {
    let disk = RwSignal::new(None::<Arc<DiskView>>);
    let moment = RwSignal::new(0u64);
    let with_disk = Memo::new(move |_| {
        let disk = disk.get();
        let mut whole = (*view.get()).clone();
        if let Some(disk) = disk {
            let broker = whole.brokers.keys().next().copied().unwrap_or(1);
            whole.disks.insert(broker, (*disk).clone());
        }
        Arc::new(whole)
    });
    let roots = Roots::default();
    let source: Rc<dyn Source> = Rc::new(Live { api: api.clone().into(), disk, roots: roots.clone() });
    let scope = Microscope::new(DiskData {
        view: with_disk.into(),
        moment: moment.into(),
        locale: locale.into(),
        source: StoredValue::new_local(source),
        lab: None,
    });
    // Opening starts a round of questions; closing lets it end.
    Effect::new(move |_| {
        if scope.open.get() {
            poll(scope, Round { api: api.clone(), disk, moment, roots: roots.clone() });
        }
    });
    scope
}

#[derive(Clone)]
struct Round {
    api: String,
    disk: RwSignal<Option<Arc<DiskView>>>,
    moment: RwSignal<u64>,
    roots: Roots,
}

fn poll(scope: Microscope, round: Round) {
    wasm_bindgen_futures::spawn_local(async move {
        let text = dom::fetch_text(&round.api).await;
        if let Some(told) = text.and_then(|text| json::read::<Told>(&text).ok()) {
            *round.roots.borrow_mut() = told.dirs.iter().map(|dir| dir.path.clone()).collect();
            let disk = Arc::new(picture(told));
            if round.disk.try_with_untracked(|old| old.as_ref() != Some(&disk)) == Some(true) {
                round.disk.set(Some(disk));
            }
            round.moment.update(|moment| *moment += 1);
        }
        dom::later(EVERY_MS, move || {
            if scope.open.try_get_untracked() == Some(true) {
                poll(scope, round);
            }
        });
    });
}

/// What was told, as the view of a disk.
fn picture(told: Told) -> DiskView {
    let several = told.dirs.len() > 1;
    let mut disk = DiskView::default();
    for directory in told.dirs {
        for file in directory.files {
            let path = if several { format!("{}/{}", directory.path, file.path) } else { file.path };
            disk.files.insert(path, FileView { length: file.length, pages: file.pages.unwrap_or_default() });
        }
    }
    disk
}

#[derive(Clone)]
struct Live {
    api: Rc<str>,
    disk: RwSignal<Option<Arc<DiskView>>>,
    roots: Roots,
}

impl Source for Live {
    fn bytes(&self, place: Place, then: Box<dyn FnOnce(Option<DiskBytes>)>) {
        let live = self.clone();
        wasm_bindgen_futures::spawn_local(async move { then(live.window(place).await) });
    }

    fn record(&self, _: i32, path: String, offset: i64, then: Box<dyn FnOnce(Option<u64>)>) {
        let live = self.clone();
        wasm_bindgen_futures::spawn_local(async move { then(live.record_at(path, offset).await) });
    }
}

impl Live {
    async fn window(&self, place: Place) -> Option<DiskBytes> {
        let length = self.length(&place.path)?;
        let from = self.start_before(&place.path, length, place.position).await;
        let known = self.part(&place.path, from, PART_MAX.min(length - from)).await?;
        // The file may have grown since it was told of.
        let length = length.max(from + known.len() as u64);
        Some(DiskBytes::cut(&place.path, &known, from, length, place.position, place.length))
    }

    async fn record_at(&self, path: String, offset: i64) -> Option<u64> {
        let length = self.length(&path)?;
        let base = path.rsplit('/').next()?.strip_suffix(".log")?.parse::<i64>().ok()?;
        let from = if length <= PART_MAX { 0 } else { self.looked_up(&path, |entry| entry.0 + base <= offset).await };
        let known = self.part(&path, from, PART_MAX.min(length - from)).await?;
        disk::record_at(&path, &known, offset).map(|position| from + position)
    }

    fn length(&self, path: &str) -> Option<u64> {
        self.disk.try_with_untracked(|disk| disk.as_ref()?.files.get(path).map(|file| file.length))?
    }

    /// A place at or before `position` where something begins that can be read by itself.
    async fn start_before(&self, path: &str, length: u64, position: u64) -> u64 {
        let entry = match path.rsplit_once('.').map(|(_, extension)| extension) {
            _ if length <= PART_MAX => return 0,
            Some("index") => 8,
            Some("timeindex") => 12,
            Some("log") => return self.looked_up(path, |entry| entry.1 <= position).await,
            _ => return 0,
        };
        position.min(length) / entry * entry
    }

    /// Where the last batch begins of those in a segment's index that `fits`; the beginning of the file if there is none.
    /// Entries are (offset less the base offset, position), both growing.
    async fn looked_up(&self, path: &str, fits: impl Fn((i64, u64)) -> bool) -> u64 {
        let index = format!("{}index", path.strip_suffix("log").unwrap_or(path));
        let (mut low, mut high) = (0, self.length(&index).unwrap_or(0) / 8);
        let mut found = 0;
        while low < high {
            let middle = (low + high) / 2;
            let entry = self.part(&index, middle * 8, 8).await;
            let entry = entry.as_deref().and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(u64::from_be_bytes);
            let entry = entry.map(|entry| ((entry >> 32) as i64, entry & 0xffff_ffff));
            match entry {
                // Room that is not filled yet is zeros.
                Some(entry) if entry != (0, 0) && fits(entry) => (low, found) = (middle + 1, entry.1),
                _ => high = middle,
            }
        }
        found
    }

    async fn part(&self, path: &str, position: u64, length: u64) -> Option<Vec<u8>> {
        let (directory, path) = self.rooted(path);
        let path = String::from(js_sys::encode_uri_component(path));
        let url = format!("{}/bytes?dir={directory}&path={path}&position={position}&length={length}", self.api);
        dom::fetch_bytes(&url).await
    }

    /// Which data directory a path of the tree is in, and where.
    fn rooted<'p>(&self, path: &'p str) -> (usize, &'p str) {
        let roots = self.roots.borrow();
        let inside = |root: &String| path.strip_prefix(root.as_str())?.strip_prefix('/');
        let mut places = roots.iter().enumerate().filter_map(|(number, root)| Some((number, inside(root)?)));
        if roots.len() > 1 { places.next().unwrap_or((0, path)) } else { (0, path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_broker_tells_becomes_a_disk() {
        let file = r#"{"path":"a-0/0.log","length":75,"pages":[{"state":"clean","count":1}],"exact":true}"#;
        let odd = r#"{"path":"meta.properties","length":9,"pages":null,"exact":false}"#;
        let one = format!(r#"{{"dirs":[{{"path":"/d","files":[{file},{odd}]}}],"complete":true}}"#);
        let disk = picture(json::read(&one).unwrap());
        assert_eq!(disk.files.keys().collect::<Vec<_>>(), ["a-0/0.log", "meta.properties"]);
        assert_eq!((disk.files["a-0/0.log"].length, disk.files["a-0/0.log"].pages.len()), (75, 1));
        let two =
            format!(r#"{{"dirs":[{{"path":"/d","files":[{file}]}},{{"path":"/e","files":[{odd}]}}],"complete":true}}"#);
        let disk = picture(json::read(&two).unwrap());
        assert_eq!(disk.files.keys().collect::<Vec<_>>(), ["/d/a-0/0.log", "/e/meta.properties"]);
    }
}
