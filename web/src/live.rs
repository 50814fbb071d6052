//! The live page: a real broker's events as they happen, on the same stage as the labs.
//!
//! The broker sends a snapshot of its view and then its events (server-sent events); the page folds them with
//! [`ClusterView::apply`], exactly as the simulation's are. After a break the browser connects again by itself, and a new
//! snapshot repairs what was missed.

use crate::say::{say, when, yes_no};
use crate::{
    disk::{self, panel::Disk},
    dom,
    locale::{self, Locale},
    panels::header::{LanguageButton, Logo, ThemeButton},
    stage::{
        draw::{Stage, StageData, Touched},
        keys::KeyOrder,
    },
    text,
};
use leptos::{ev, html, prelude::*};
use naru_labs::{Importance, Names, importance, sentence};
use naru_trace::{ClusterView, TraceEvent};
use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

/// How many events the list keeps.
const EVENTS_MAX: usize = 300;

/// Where the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Waiting,
    Connected,
    Lost,
    /// What comes cannot be read. It must be said: a page that is silently empty would be a lie.
    Foreign,
}

/// What has come and is not on screen yet. The screen is drawn at most once per repaint, however fast events come.
#[derive(Default)]
struct Inbox {
    view: ClusterView,
    keys: KeyOrder,
    events: VecDeque<TraceEvent>,
    count: u64,
    changed: bool,
    unreadable: bool,
}

/// What is on screen.
#[derive(Clone, Copy)]
struct LiveState {
    locale: RwSignal<Locale>,
    stream: RwSignal<Stream>,
    frozen: RwSignal<bool>,
    view: RwSignal<Arc<ClusterView>>,
    keys: RwSignal<KeyOrder>,
    touched: RwSignal<Touched>,
    events: RwSignal<Arc<Vec<TraceEvent>>>,
    count: RwSignal<u64>,
    least: RwSignal<Importance>,
    as_text: RwSignal<bool>,
}

/// The page of a live broker.
#[component]
pub fn LivePage(options: JsValue) -> impl IntoView {
    let state = LiveState {
        locale: RwSignal::new(locale::of_tag(&dom::option_text(&options, "lang"))),
        stream: RwSignal::new(Stream::Waiting),
        frozen: RwSignal::new(false),
        view: RwSignal::default(),
        keys: RwSignal::default(),
        touched: RwSignal::default(),
        events: RwSignal::default(),
        count: RwSignal::new(0),
        least: RwSignal::new(Importance::Headline),
        as_text: RwSignal::new(false),
    };
    let events = dom::option_text(&options, "events");
    listen(state, &events);
    let scope = disk::live::microscope(state.view, state.locale, events.replace("/events", "/disk"));
    provide_context(scope);
    let on_key = move |event: ev::KeyboardEvent| {
        let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
        let target = event.target().and_then(|it| it.dyn_into::<web_sys::Element>().ok());
        let is_typing = target.is_some_and(|it| it.tag_name() == "INPUT");
        if event.key() == "d" && !modified && !is_typing {
            event.prevent_default();
            scope.open.update(|open| *open = !*open);
        }
    };
    let data = StageData {
        view: state.view.into(),
        clock: Signal::derive(|| 0.0),
        keys: state.keys.into(),
        touched: state.touched.into(),
        locale: state.locale.into(),
        as_text: state.as_text,
        empty: text::live_waiting,
    };
    let locale = state.locale;
    view! {
        <div class="naru live" lang=move || locale::tag(locale.get()) data-testid="live" tabindex="-1" on:keydown=on_key>
            <header class="head">
                <Logo />
                <div class="title">
                    <h2>{say(locale, text::live_title)}</h2>
                    <span class="crumb" role="status" data-testid="stream">{move || stream_words(state)}</span>
                </div>
                <span class="spacer"></span>
                <div class="buttons">
                    <button data-testid="live-disk" aria-pressed=yes_no(when(move || scope.open.get())) aria-keyshortcuts="d"
                        on:click=move |_| scope.open.update(|open| *open = !*open)>
                        {say(locale, disk::text::disk)}
                    </button>
                    <LanguageButton locale=locale />
                    <ThemeButton locale=locale toggle=dom::option_function(&options, "toggleTheme") />
                    <button class="primary" data-testid="freeze" aria-pressed=yes_no(when(move || state.frozen.get()))
                        on:click=move |_| state.frozen.update(|frozen| *frozen = !*frozen)>
                        {move || if state.frozen.get() { text::live_resume(locale.get()) } else { text::live_pause(locale.get()) }}
                    </button>
                </div>
            </header>
            <Try state=state />
            <Show when=move || scope.open.get() fallback=|| ()>
                <section class="panel disk-panel" aria-label=say(locale, disk::text::disk)><Disk scope=scope /></section>
            </Show>
            <div class="grid">
                <div class="column"><section class="panel stage" aria-label=say(locale, text::stage)>
                    <Stage data=data />
                </section></div>
                <div class="column"><LiveEvents state=state /></div>
            </div>
        </div>
    }
}

fn stream_words(state: LiveState) -> String {
    let locale = state.locale.get();
    match state.stream.get() {
        Stream::Waiting => text::live_waiting(locale).to_string(),
        Stream::Lost => text::live_lost(locale).to_string(),
        Stream::Foreign => text::live_foreign(locale).to_string(),
        Stream::Connected => {
            format!("{} · {} {}", text::live_connected(locale), state.count.get(), text::live_latest(locale))
        }
    }
}

/// While the broker holds nothing: what to try.
#[component]
fn Try(state: LiveState) -> impl IntoView {
    let empty = Memo::new(move |_| {
        let no_topics = state.view.with(|view| view.brokers.values().all(|broker| broker.topics.is_empty()));
        no_topics && state.stream.get() == Stream::Connected
    });
    let address = move || {
        let port = state.view.with(|view| view.brokers.values().next().map(|broker| broker.port));
        format!("{}:{}", dom::window().location().hostname().unwrap_or_default(), port.unwrap_or(9092))
    };
    let locale = state.locale;
    view! {
        <Show when=move || empty.get() fallback=|| ()>
            <section class="panel try" data-testid="try">
                <p>{say(locale, text::live_empty)}</p>
                <pre>
                    {move || {
                        let (locale, address) = (locale.get(), address());
                        format!(
                            "# {}\nprintf 'hello\\nnaru\\n' | kcat -P -b {address} -t notes\n# {}\nkcat -C -b {address} -t notes -o beginning -e\n",
                            text::live_try_send(locale),
                            text::live_try_read(locale),
                        )
                    }}
                </pre>
            </section>
        </Show>
    }
}

#[component]
fn LiveEvents(state: LiveState) -> impl IntoView {
    let locale = state.locale;
    let list = NodeRef::<html::Ol>::new();
    let filter = move |to: Importance, id: &'static str, word: fn(Locale) -> &'static str| {
        view! {
            <button class="chip" class:on=when(move || state.least.get() == to) data-testid=id
                aria-pressed=yes_no(when(move || state.least.get() == to)) on:click=move |_| state.least.set(to)>
                {say(locale, word)}
            </button>
        }
    };
    let rows = move || {
        let (least, locale, names) = (state.least.get(), locale.get(), Names::default());
        let events = state.events.get();
        let wanted = events.iter().rev().filter(|event| importance(&event.kind) >= least);
        wanted.map(|event| row(event, &names, locale)).collect::<Vec<_>>()
    };
    view! {
        <section class="panel events" aria-label=say(locale, text::what_happened)>
            <div class="events-head">
                <h3>{say(locale, text::what_happened)}</h3>
                <div role="group">
                    {filter(Importance::Headline, "filter-headline", text::filter_headline)}
                    {filter(Importance::Detail, "filter-all", text::filter_all)}
                </div>
            </div>
            <ol node_ref=list tabindex="0">{rows}</ol>
        </section>
    }
}

fn row(event: &TraceEvent, names: &Names, locale: Locale) -> impl IntoView + use<> {
    let site = format!("{}:{}", event.site.file, event.site.line);
    view! {
        <li class="event" data-testid="event-row" data-seq=event.seq>
            <time>{format!("{:.3}", event.at.0 as f64 / 1_000_000.0)}</time>
            <span class="sentence">{sentence(event, names, locale)} " " <small class="site">{site}</small></span>
        </li>
    }
}

/// Follows the stream into an inbox, and the inbox onto the screen.
fn listen(state: LiveState, url: &str) {
    let inbox = Rc::new(RefCell::new(Inbox::default()));
    let Ok(source) = web_sys::EventSource::new(url) else {
        state.stream.set(Stream::Lost);
        return;
    };
    let on = |name: &str, act: Box<dyn FnMut(web_sys::MessageEvent)>| {
        let closure = Closure::wrap(act);
        let _ = source.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        closure.forget();
    };
    let snapshots = inbox.clone();
    on("snapshot", Box::new(move |message| snapshots.borrow_mut().on_snapshot(&message)));
    let events = inbox.clone();
    on("trace", Box::new(move |message| events.borrow_mut().on_event(&message)));
    on("open", Box::new(move |_: web_sys::MessageEvent| state.stream.set(Stream::Connected)));
    on("error", Box::new(move |_: web_sys::MessageEvent| state.stream.set(Stream::Lost)));
    dom::every_repaint(move |_| {
        // Dropping the source would end the stream.
        let _ = &source;
        if state.frozen.try_get_untracked() == Some(false) && inbox.borrow().changed {
            show(state, &mut inbox.borrow_mut());
        }
        state.frozen.try_get_untracked().is_some()
    });
}

fn show(state: LiveState, inbox: &mut Inbox) {
    inbox.changed = false;
    if inbox.unreadable {
        state.stream.set(Stream::Foreign);
    }
    state.touched.set(inbox.events.back().map(|event| Touched::by(event.actor, &event.kind)).unwrap_or_default());
    state.keys.set(inbox.keys.clone());
    state.events.set(Arc::new(inbox.events.iter().cloned().collect()));
    state.count.set(inbox.count);
    state.view.set(Arc::new(inbox.view.clone()));
}

impl Inbox {
    fn on_unreadable(&mut self) {
        self.unreadable = true;
        self.changed = true;
    }

    fn on_snapshot(&mut self, message: &web_sys::MessageEvent) {
        let Some(view) = message.data().as_string().and_then(|text| naru_labs::json::read::<ClusterView>(&text).ok())
        else {
            return self.on_unreadable();
        };
        let replicas = view.brokers.values().flat_map(|it| it.topics.values()).flat_map(|it| it.partitions.values());
        for key in replicas.flat_map(|replica| &replica.cells).filter_map(|cell| cell.key.as_ref()) {
            self.keys.add(&key.text);
        }
        self.view = view;
        self.changed = true;
    }

    fn on_event(&mut self, message: &web_sys::MessageEvent) {
        let Some(event) = message.data().as_string().and_then(|text| naru_labs::json::read::<TraceEvent>(&text).ok())
        else {
            return self.on_unreadable();
        };
        self.view.apply(&event);
        self.keys.learn(&event);
        self.events.push_back(event);
        let excess = self.events.len().saturating_sub(EVENTS_MAX);
        self.events.drain(..excess);
        self.count += 1;
        self.changed = true;
    }
}
