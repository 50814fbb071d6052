//! The microscope's panel: faults of the disk, the tree, the segments, the bytes; and what is looked at.

use super::{
    bytes::Bytes,
    faults::Faults,
    segments::{self, FlagKind, Segment},
    strip, text,
    tree::{self, Change, Node, length_words},
    window,
};
use crate::{
    locale::Locale,
    say::{say, when, yes_no},
    state::LabState,
};
use leptos::{ev, html, prelude::*};
use naru_labs::DiskBytes;
use naru_trace::SortedSet;
use naru_trace::{ClusterView, DiskView, PageRun, PageState};
use std::{fmt::Write, rc::Rc, sync::Arc};

/// Bytes that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The broker.
    pub broker: i32,
    /// The file.
    pub path: String,
    /// The first byte.
    pub position: u64,
    /// How many.
    pub length: u64,
}

/// Where bytes come from: a recording, or a live broker.
pub trait Source {
    /// Gets bytes; `None` if the file is not there.
    fn bytes(&self, place: Place, then: Box<dyn FnOnce(Option<DiskBytes>)>);
    /// Gets the position of a record in a segment's file.
    fn record(&self, broker: i32, path: String, offset: i64, then: Box<dyn FnOnce(Option<u64>)>);
}

/// What the microscope shows. The lab and the live page fill it differently.
#[derive(Clone, Copy)]
pub struct DiskData {
    /// The cluster, with its disks.
    pub view: Signal<Arc<ClusterView>>,
    /// Another number whenever bytes may be others.
    pub moment: Signal<u64>,
    /// The language.
    pub locale: Signal<Locale>,
    /// Where bytes come from.
    pub source: StoredValue<Rc<dyn Source>, LocalStorage>,
    /// The lab, where something can be done to the disk.
    pub lab: Option<LabState>,
}

/// What is looked at. Anybody on the page may point the microscope somewhere else.
#[derive(Clone, Copy)]
pub struct Microscope {
    /// What it shows.
    pub data: DiskData,
    /// Whether it is on screen: nothing is asked for otherwise.
    pub open: RwSignal<bool>,
    /// The broker that was chosen.
    chosen: RwSignal<Option<i32>>,
    /// The file or directory that was chosen.
    pub path: RwSignal<String>,
    /// The byte under the cursor.
    pub cursor: RwSignal<u64>,
    /// The first byte on screen.
    pub start: RwSignal<u64>,
    /// How many bytes a row has.
    pub row: RwSignal<u64>,
    /// The bytes on screen.
    pub bytes: RwSignal<Option<Arc<DiskBytes>>>,
    /// Goes up when the cursor's byte is to be edited.
    pub edit_wanted: RwSignal<u32>,
    /// Directories that hide what is in them.
    closed: RwSignal<SortedSet<String>>,
    /// What was asked for and has not come; whether something else is wanted since.
    asked: StoredValue<Option<bool>>,
}

impl Microscope {
    /// A microscope that is not on screen yet.
    pub fn new(data: DiskData) -> Self {
        let scope = Microscope {
            data,
            open: RwSignal::new(false),
            chosen: RwSignal::new(None),
            path: RwSignal::default(),
            cursor: RwSignal::new(0),
            start: RwSignal::new(0),
            row: RwSignal::new(window::WIDE),
            bytes: RwSignal::new(None),
            edit_wanted: RwSignal::new(0),
            closed: RwSignal::default(),
            asked: StoredValue::new(None),
        };
        scope.follow();
        scope
    }

    /// The broker whose disk is shown.
    pub fn broker(self) -> i32 {
        let chosen = self.chosen.get();
        self.data.view.with(|view| {
            let chosen = chosen.filter(|broker| view.disks.contains_key(broker));
            chosen.or_else(|| view.disks.keys().next().copied()).unwrap_or_default()
        })
    }

    /// Reads the disk that is shown.
    pub fn disk<T>(self, read: impl FnOnce(&DiskView) -> T) -> T {
        let broker = self.broker();
        self.data.view.with(|view| match view.disks.get(&broker) {
            Some(disk) => read(disk),
            None => read(&DiskView::default()),
        })
    }

    /// Whether what is chosen is a file, or was one.
    pub fn is_file(self) -> bool {
        let path = self.path.get();
        !path.is_empty() && self.disk(|disk| !disk.files.keys().any(|file| tree::is_below(file, &path)))
    }

    /// The length of the file on screen.
    pub fn length(self) -> u64 {
        self.bytes.with_untracked(|bytes| bytes.as_ref().map_or(0, |bytes| bytes.length))
    }

    /// Looks at a file or directory from its beginning.
    pub fn choose(self, path: String) {
        if self.path.with_untracked(|now| *now == path) {
            return;
        }
        self.bytes.set(None);
        self.cursor.set(0);
        self.start.set(0);
        self.path.set(path);
    }

    /// The cursor goes to a byte; the window follows if it must.
    pub fn move_to(self, position: u64) {
        let position = position.min(self.length().saturating_sub(1));
        self.cursor.set(position);
        let start = window::start_showing(position, self.start.get_untracked(), self.row.get_untracked());
        if start != self.start.get_untracked() {
            self.start.set(start);
        }
    }

    /// The cursor goes to a byte that may be far away.
    pub fn jump(self, position: u64) {
        let (row, now) = (self.row.get_untracked(), self.start.get_untracked());
        let position = position.min(self.length().saturating_sub(1));
        if position < now || position >= now + window::ROWS * row {
            self.start.set(window::start_around(position, row));
        }
        self.cursor.set(position);
    }

    /// The window goes to a row; the cursor comes along.
    pub fn scroll_to(self, start: u64) {
        let row = self.row.get_untracked();
        self.start.set(start / row * row);
        let (cursor, start) = (self.cursor.get_untracked(), self.start.get_untracked());
        let last = (start + window::ROWS * row).min(self.length()).saturating_sub(1);
        self.cursor.set(cursor.clamp(start.min(last), last));
    }

    /// As many bytes to a row as fit.
    pub fn on_width(self, width: f64) {
        let row = window::row_length(width);
        if width > 40.0 && self.row.try_get_untracked().is_some_and(|now| now != row) {
            self.row.set(row);
            self.start.update(|start| *start = *start / row * row);
        }
    }

    /// Shows the bytes of a record, on the broker that leads its partition.
    pub fn show_record(self, topic: &str, partition: i32, offset: i64) {
        let found = self.data.view.with_untracked(|view| {
            let file = |broker: &i32| segments::file_with(view.disks.get(broker)?, topic, partition, offset);
            view.disks.keys().find_map(|broker| Some((*broker, file(broker)?)))
        });
        let Some((broker, path)) = found else { return };
        self.open.set(true);
        self.chosen.set(Some(broker));
        self.choose(path.clone());
        let then = move |position: Option<u64>| {
            let Some(position) = position else { return };
            self.start.set(window::start_around(position, self.row.get_untracked()));
            self.cursor.set(position);
        };
        self.data.source.with_value(|source| source.record(broker, path, offset, Box::new(then)));
    }

    /// Whether there is a disk to show.
    pub fn has_disk(self) -> bool {
        self.data.view.with(|view| !view.disks.is_empty())
    }

    /// Asks for bytes whenever others are wanted or may be there.
    fn follow(self) {
        Effect::new(move |_| {
            self.data.moment.track();
            let length = self.row.get() * window::ROWS;
            let place = Place { broker: self.broker(), path: self.path.get(), position: self.start.get(), length };
            if self.open.get() && self.is_file() {
                self.ask(place);
            }
        });
    }

    /// One question at a time: while bytes are on their way, the newest wish is remembered.
    fn ask(self, place: Place) {
        if self.asked.get_value().is_some() {
            self.asked.set_value(Some(true));
            return;
        }
        self.asked.set_value(Some(false));
        let path = place.path.clone();
        let then = move |bytes: Option<DiskBytes>| {
            let wants_more = self.asked.try_get_value().flatten().unwrap_or_default();
            if self.asked.try_set_value(None).is_some() {
                return;
            }
            if self.path.with_untracked(|now| *now == path) {
                let last = bytes.as_ref().map_or(0, |bytes| bytes.length.saturating_sub(1));
                self.bytes.set(bytes.map(Arc::new));
                if self.cursor.get_untracked() > last {
                    self.move_to(last);
                }
            }
            if wants_more {
                self.ask_again();
            }
        };
        self.data.source.with_value(|source| source.bytes(place, Box::new(then)));
    }

    fn ask_again(self) {
        let place = untrack(|| Place {
            broker: self.broker(),
            path: self.path.get(),
            position: self.start.get(),
            length: self.row.get() * window::ROWS,
        });
        if !place.path.is_empty() && self.open.get_untracked() {
            self.ask(place);
        }
    }
}

/// The whole panel.
#[component]
pub fn Disk(scope: Microscope) -> impl IntoView {
    let locale = scope.data.locale;
    let faulty = move || {
        let locale = locale.get();
        scope.disk(|disk| {
            let slow = (disk.slow_us > 0).then(|| format!("{} {}", text::slow(locale), disk.slow_us));
            let said = [
                disk.full.then(|| text::full(locale).into()),
                disk.sync_fails.then(|| text::sync_fails(locale).into()),
                slow,
            ];
            said.into_iter().flatten().collect::<Vec<String>>().join(" ")
        })
    };
    view! {
        <div class="disk" data-testid="disk">
            <p class="empty" class:hidden=when(move || scope.has_disk())>{say(locale, if scope.data.lab.is_some() { text::nothing } else { text::asking })}</p>
            <div class="disk-body" class:hidden=when(move || !scope.has_disk())>
                <div class="disk-files">
                    <BrokerChips scope=scope />
                    <p class="fault" role="status">{faulty}</p>
                    <Tree scope=scope />
                    <Legend scope=scope />
                    <Strips scope=scope />
                </div>
                <div class="disk-bytes">
                    <Bytes scope=scope />
                    {scope.data.lab.map(|lab| view! { <Faults scope=scope lab=lab /> })}
                </div>
            </div>
        </div>
    }
}

/// Where several brokers have disks: choose whose is shown.
#[component]
fn BrokerChips(scope: Microscope) -> impl IntoView {
    let brokers = Memo::new(move |_| scope.data.view.with(|view| view.disks.keys().copied().collect::<Vec<i32>>()));
    move || {
        let brokers = brokers.get();
        let chip = |broker: &i32| {
            let broker = *broker;
            let on = when(move || scope.broker() == broker);
            view! {
                <button class="chip" class:on=on aria-pressed=yes_no(on) on:click=move |_| scope.chosen.set(Some(broker))>
                    {say(scope.data.locale, text::broker)} {format!(" {broker}")}
                </button>
            }
        };
        let chips: Vec<_> = if brokers.len() > 1 { brokers.iter().map(chip).collect() } else { Vec::new() };
        view! { <div class="chips">{chips}</div> }
    }
}

/// The disk at two moments: now, and before its last change.
#[derive(Debug, Clone, PartialEq)]
struct History {
    broker: i32,
    moment: u64,
    before: DiskView,
    now: DiskView,
}

impl History {
    /// Going back in time changes nothing on the disk: then there is no "before".
    fn next(past: Option<&History>, broker: i32, moment: u64, now: DiskView) -> History {
        let before = match past.filter(|past| past.broker == broker) {
            Some(past) if past.now.files == now.files => past.before.clone(),
            Some(past) if past.moment <= moment => past.now.clone(),
            _ => DiskView::default(),
        };
        History { broker, moment, before, now }
    }
}

/// Directories and files. One element has the focus; arrows move within it.
#[component]
fn Tree(scope: Microscope) -> impl IntoView {
    let locale = scope.data.locale;
    let history = Memo::new(move |past: Option<&History>| {
        History::next(past, scope.broker(), scope.data.moment.get(), scope.disk(DiskView::clone))
    });
    let nodes = Memo::new(move |_| {
        let closed = scope.closed.get();
        Arc::new(history.with(|history| tree::nodes(&history.now, &history.before, &closed)))
    });
    let list = NodeRef::<html::Ul>::new();
    let on_key = move |event: ev::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let nodes = nodes.get_untracked();
        if move_in_tree(scope, &nodes, event.key().as_str()) {
            event.prevent_default();
            event.stop_propagation();
        }
    };
    Effect::new(move |_| {
        scope.path.track();
        if let Some(list) = list.get()
            && let Ok(Some(row)) = list.query_selector("[aria-selected=true]")
        {
            crate::dom::scroll_to(&list, &row);
        }
    });
    let active = move || {
        let path = scope.path.get();
        nodes.with(|nodes| nodes.iter().position(|node| node.path == path)).map(row_id)
    };
    let rows = move || {
        let locale = locale.get();
        nodes.get().iter().enumerate().map(|(place, node)| row(scope, place, node, locale)).collect::<Vec<_>>()
    };
    view! {
        <ul class="tree" role="tree" tabindex="0" node_ref=list data-testid="disk-tree"
            aria-label=say(locale, text::tree) aria-activedescendant=active on:keydown=on_key>
            {rows}
        </ul>
    }
}

fn row_id(place: usize) -> String {
    format!("disk-row-{place}")
}

fn row(scope: Microscope, place: usize, node: &Node, locale: Locale) -> impl IntoView + use<> {
    let is_directory = node.is_directory();
    let (path, changed) = (node.path.clone(), node.path.clone());
    let selected = when(move || scope.path.with(|chosen| *chosen == changed));
    let sign = match (is_directory, node.open) {
        (true, true) => "▾",
        (true, false) => "▸",
        (false, _) => "",
    };
    let news = match node.change {
        Change::None => String::new(),
        Change::New => text::new(locale).to_string(),
        Change::Gone => text::gone(locale).to_string(),
        Change::Resized(bytes) => format!("{bytes:+}"),
    };
    let size = match node.files {
        Some(files) => match locale {
            Locale::En => format!("{files} {}, {}", text::files(locale), length_words(node.length)),
            Locale::Ko => format!("{files}{}, {}", text::files(locale), length_words(node.length)),
        },
        None => length_words(node.length),
    };
    let choose = move |_| {
        if is_directory && scope.path.with_untracked(|chosen| *chosen == path) {
            scope.toggle(&path);
        }
        scope.choose(path.clone());
    };
    view! {
        <li role="treeitem" id=row_id(place) class="node" class:dir=is_directory
            class:gone=node.change == Change::Gone class:fresh=!matches!(node.change, Change::None | Change::Gone)
            class:on=selected aria-selected=yes_no(selected) attr:aria-level=node.level.to_string()
            aria-expanded=is_directory.then_some(if node.open { "true" } else { "false" })
            style=format!("--d:{}", node.level - 1) data-testid="disk-node" data-path=node.path.clone() on:click=choose>
            <i class="sign" aria-hidden="true">{sign}</i>
            <span class="name">{node.name.clone()} {is_directory.then_some("/")}</span>
            <span class="strip" aria-hidden="true" inner_html=strip_html(&node.pages, 64.0)></span>
            <span class="news">{news}</span>
            <span class="size">{size}</span>
        </li>
    }
}

/// Arrows, Home and End choose; Left and Right close and open directories. Returns whether the key meant something.
fn move_in_tree(scope: Microscope, nodes: &[Node], key: &str) -> bool {
    let chosen = scope.path.get_untracked();
    let here = nodes.iter().position(|node| node.path == chosen);
    let last = nodes.len().saturating_sub(1);
    let node = here.and_then(|here| nodes.get(here));
    let to = match key {
        "ArrowDown" => here.map_or(0, |here| (here + 1).min(last)),
        "ArrowUp" => here.map_or(0, |here| here.saturating_sub(1)),
        "Home" => 0,
        "End" => last,
        "ArrowLeft" | "ArrowRight" | "Enter" => {
            let Some(node) = node else { return true };
            match key {
                "Enter" if !node.is_directory() => {}
                "Enter" => scope.toggle(&node.path),
                "ArrowLeft" if node.is_directory() && node.open => scope.toggle(&node.path),
                "ArrowRight" if node.is_directory() && !node.open => scope.toggle(&node.path),
                "ArrowLeft" => {
                    if let Some((directory, _)) = node.path.rsplit_once('/') {
                        scope.choose(directory.to_owned());
                    }
                }
                _ => {}
            }
            return true;
        }
        _ => return false,
    };
    if let Some(node) = nodes.get(to) {
        scope.choose(node.path.clone());
    }
    true
}

impl Microscope {
    /// Opens or closes a directory.
    fn toggle(self, path: &str) {
        self.closed.update(|closed| {
            if !closed.remove(path) {
                closed.insert(path.to_owned());
            }
        });
    }
}

/// A strip of pages as HTML.
fn strip_html(runs: &[PageRun], width_max: f64) -> String {
    let pages: u32 = runs.iter().map(|run| run.count).sum();
    let width = (f64::from(pages) * 12.0).min(width_max);
    let mut out = String::new();
    for piece in strip::pieces(runs, width, 5.0) {
        // Tenths of a pixel are all that can be seen; whole numbers are quicker to write.
        let tenths = (piece.w * 10.0) as u32;
        let _ = write!(
            out,
            "<i class=\"{}\" style=\"width:{}.{}px\"></i>",
            strip::class(piece.state),
            tenths / 10,
            tenths % 10
        );
    }
    out
}

/// What the pages' looks mean, with how many there are of each.
#[component]
fn Legend(scope: Microscope) -> impl IntoView {
    let counts = Memo::new(move |_| {
        scope.disk(|disk| {
            disk.files
                .values()
                .map(|file| strip::counts(&file.pages))
                .fold([0; 3], |sum, now| [sum[0] + now[0], sum[1] + now[1], sum[2] + now[2]])
        })
    });
    let item = move |state: PageState, word: fn(Locale) -> &'static str| {
        view! {
            <span>
                <i class=strip::class(state)></i> {say(scope.data.locale, word)} ": "
                <b>{move || counts.get()[state as usize].to_string()}</b>
            </span>
        }
    };
    view! {
        <p class="page-legend" data-testid="page-legend">
            {say(scope.data.locale, text::pages)} ": "
            {item(PageState::Dirty, text::dirty)}
            {item(PageState::Clean, text::clean)}
            {item(PageState::OnDisk, text::cold)}
        </p>
    }
}

/// The segments of the partition that is chosen, with the offsets that matter.
#[component]
fn Strips(scope: Microscope) -> impl IntoView {
    let directory = Memo::new(move |_| {
        let path = scope.path.get();
        scope.disk(|disk| segments::directory_of(&path, disk).to_owned())
    });
    let all = Memo::new(move |_| {
        let (directory, broker) = (directory.get(), scope.broker());
        scope.data.view.with(|view| {
            let disk = view.disks.get(&broker)?;
            let all = segments::segments(&directory, disk, segments::replica(view, broker, &directory));
            (!all.is_empty()).then_some(all)
        })
    });
    move || {
        let all = all.get()?;
        let locale = scope.data.locale.get();
        let boxes: Vec<_> = all.iter().map(|segment| segment_box(scope, segment, locale)).collect();
        let flags = all.iter().flat_map(|segment| &segment.flags);
        let said: Vec<_> = flags
            .map(|flag| {
                let (class, word) = flag_words(flag.kind);
                view! { <li class=class><i></i> {word(locale)} ": " <b>{flag.offset.to_string()}</b></li> }
            })
            .collect();
        Some(view! {
            <div class="segments" data-testid="disk-segments">
                <h3>{text::segments(locale)} " " {directory.get()}</h3>
                <div class="segment-row">{boxes}</div>
                <ul class="flags">{said}</ul>
            </div>
        })
    }
}

fn flag_words(kind: FlagKind) -> (&'static str, fn(Locale) -> &'static str) {
    match kind {
        FlagKind::LogStart => ("flag start", text::log_start),
        FlagKind::RecoveryPoint => ("flag safe", text::recovery_point),
        FlagKind::LogEnd => ("flag end", text::log_end),
    }
}

fn segment_box(scope: Microscope, segment: &Segment, locale: Locale) -> impl IntoView + use<> {
    let (path, chosen) = (segment.path.clone(), segment.path.clone());
    let on = when(move || scope.path.with(|path| *path == chosen));
    let mut flags = String::new();
    for flag in &segment.flags {
        let (class, word) = flag_words(flag.kind);
        let percent = (flag.at * 100.0) as u32;
        let _ = write!(
            flags,
            "<i class=\"{class}\" style=\"left:{percent}%\" title=\"{}: {}\"></i>",
            word(locale),
            flag.offset
        );
    }
    let state = match (segment.renamed, segment.active) {
        (true, _) => text::waits_for_removal(locale),
        (_, true) => text::active(locale),
        _ => "",
    };
    let pages: u32 = segment.pages.iter().map(|run| run.count).sum();
    let width = (f64::from(pages) * 12.0).clamp(64.0, 220.0);
    let label = format!("{} {} {state} {}", text::segments(locale), segment.base, length_words(segment.length));
    view! {
        <button class="segment-box" class:on=on class:renamed=segment.renamed data-testid="segment" aria-label=label
            style=format!("min-width:{}px", width as u32) on:click=move |_| scope.choose(path.clone())>
            <span class="segment-name">{segment.base.to_string()} " " <small>{state}</small></span>
            <span class="strip" inner_html=strip_html(&segment.pages, width)></span>
            <span class="segment-flags" inner_html=flags></span>
            <small>{length_words(segment.length)}</small>
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use naru_trace::FileView;

    fn disk(length: u64) -> DiskView {
        let file = FileView { length, pages: Vec::new() };
        DiskView { files: [("a".to_string(), file)].into(), ..DiskView::default() }
    }

    #[test]
    fn what_was_there_before_is_known_only_going_forward() {
        let first = History::next(None, 1, 5, disk(1));
        assert!(first.before.files.is_empty());
        let second = History::next(Some(&first), 1, 6, disk(2));
        assert_eq!(second.before, disk(1));
        let same = History::next(Some(&second), 1, 7, disk(2));
        assert_eq!(same.before, disk(1), "an event that changes no file leaves the news");
        assert!(History::next(Some(&same), 1, 3, disk(1)).before.files.is_empty());
        assert!(History::next(Some(&same), 2, 8, disk(1)).before.files.is_empty());
    }

    #[test]
    fn a_strip_is_as_wide_as_its_pages() {
        let runs = [PageRun { state: PageState::Clean, count: 2 }, PageRun { state: PageState::Dirty, count: 1 }];
        let html = strip_html(&runs, 64.0);
        assert_eq!((html.matches("page clean").count(), html.matches("page dirty").count()), (2, 1));
        assert_eq!(html.matches("width:12.0px").count(), 3);
    }
}
