//! Makes SVG of a [`Scene`]. Every mark has a name for screen readers, and every record can be reached by keyboard.

use super::{
    keys::KeyOrder,
    lane::{CELL, CELLS_TOP, Cell, Lane, Marker},
    layout::{Card, GUTTER, Label, Options, PILL_HEIGHT, Scene, partitions, partitions_max, scene},
    messages::Messages,
    pill::Pill,
    table::Tables,
};
use crate::say::{say, when, yes_no};
use crate::{
    dom,
    locale::Locale,
    panels::{inspect::Inspect, legend::Legend},
    text,
};
use leptos::{ev, html, prelude::*};
use naru_trace::{Actor, ClientRole, ClusterView, TraceKind};
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// What the stage shows. The lab and the live page fill it differently.
#[derive(Clone, Copy)]
pub struct StageData {
    /// The cluster.
    pub view: Signal<Arc<ClusterView>>,
    /// The time in microseconds.
    pub clock: Signal<f64>,
    /// The order of keys.
    pub keys: Signal<KeyOrder>,
    /// What the newest event is about.
    pub touched: Signal<Touched>,
    /// The language.
    pub locale: Signal<Locale>,
    /// Whether tables are shown instead.
    pub as_text: RwSignal<bool>,
    /// What to say on an empty stage.
    pub empty: fn(Locale) -> &'static str,
}

/// What an event is about: this is made to stand out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Who acted.
    pub actor: Option<Actor>,
    /// The partition.
    pub partition: Option<(String, i32)>,
    /// The records, from one offset up to another.
    pub offsets: Option<(i64, i64)>,
    /// Whether the records are new (and not just read).
    pub new: bool,
}

impl Touched {
    /// What `kind`, done by `actor`, is about.
    pub fn by(actor: Actor, kind: &TraceKind) -> Touched {
        use TraceKind::*;
        let mut touched = Touched { actor: Some(actor), ..Touched::default() };
        match kind {
            BatchAppended { records, .. } => {
                touched.new = true;
                touched.offsets = records.first().zip(records.last()).map(|(a, b)| (a.offset, b.offset + 1));
            }
            RecordsRead { from_offset, to_offset, .. } => touched.offsets = Some((*from_offset, *to_offset)),
            RecordsDelivered { records, .. } => {
                touched.offsets = records.first().zip(records.last()).map(|(a, b)| (a.offset, b.offset + 1));
            }
            OffsetsAssigned { base_offset, last_offset, .. } => {
                touched.offsets = Some((*base_offset, *last_offset + 1))
            }
            _ => {}
        }
        touched.partition = partition_of(kind);
        touched
    }
}

fn partition_of(kind: &TraceKind) -> Option<(String, i32)> {
    use TraceKind::*;
    match kind {
        BatchAppended { topic, partition, .. }
        | RecordsRead { topic, partition, .. }
        | RecordsDelivered { topic, partition, .. }
        | OffsetsAssigned { topic, partition, .. }
        | BatchValidated { topic, partition, .. }
        | BatchRejected { topic, partition, .. }
        | DuplicateRecognised { topic, partition, .. }
        | SegmentRolled { topic, partition, .. }
        | IndexEntryAdded { topic, partition, .. }
        | TimeIndexEntryAdded { topic, partition, .. }
        | LogFlushed { topic, partition, .. }
        | LogStartOffsetAdvanced { topic, partition, .. }
        | SegmentDeleted { topic, partition, .. }
        | CleaningStarted { topic, partition, .. }
        | SegmentsReplaced { topic, partition, .. }
        | CleaningFinished { topic, partition, .. }
        | CleaningAborted { topic, partition, .. }
        | HighWatermarkAdvanced { topic, partition, .. }
        | FetchRejected { topic, partition, .. }
        | OffsetLookedUp { topic, partition, .. }
        | PartitionOpened { topic, partition, .. }
        | PartitionOffline { topic, partition, .. }
        | LogTruncated { topic, partition, .. }
        | LogRestarted { topic, partition, .. }
        | LeaderEpochStarted { topic, partition, .. }
        | PartitionRoleChanged { topic, partition, .. }
        | FollowerFetched { topic, partition, .. }
        | IsrChangeAsked { topic, partition, .. }
        | DivergenceFound { topic, partition, .. } => Some((topic.clone(), *partition)),
        _ => None,
    }
}

/// A record that the reader looks into: topic, partition, offset.
pub type Picked = Option<(String, i32, i64)>;

/// The stage, with its legend and what the reader looks into.
#[component]
pub fn Stage(data: StageData) -> impl IntoView {
    let width = RwSignal::new(720.0);
    let first = RwSignal::new(None::<usize>);
    let picked = RwSignal::new(Picked::None);
    let holder = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let Some(holder) = holder.get() {
            dom::watch_width(&holder, move |now| {
                if now > 40.0 && width.try_get_untracked().is_some_and(|before| before != now.floor()) {
                    width.set(now.floor());
                }
            });
        }
    });
    let picture = Memo::new(move |_| {
        let view = data.view.get();
        let keys = data.keys.get();
        let follow = data.touched.with(|touched| touched.partition.as_ref().and_then(|it| place_of(&view, it)));
        let first = first.get().unwrap_or_else(|| window_with(follow, &view, width.get()));
        Arc::new(scene(&view, &Options { width: width.get(), locale: data.locale.get(), keys: &keys, first }))
    });
    let empty = move || data.view.with(|view| view.brokers.is_empty() && view.clients.is_empty());
    view! {
        <div class="holder" node_ref=holder>
            <Show when=move || empty() fallback=|| ()>
                <p class="empty">{move || (data.empty)(data.locale.get())}</p>
            </Show>
            <PartitionChips data=data width=width first=first />
            <Show
                when=move || data.as_text.get()
                fallback=move || view! { <Picture data=data picture=picture picked=picked /> }
            >
                <Tables data=data />
            </Show>
            <div class="foot" class:hidden=empty>
                <Show when=move || !data.as_text.get() fallback=|| view! { <span></span> }>
                    <Legend data=data picture=picture />
                </Show>
                <AsText data=data />
            </div>
            <Inspect data=data picked=picked />
        </div>
    }
}

/// Picture or tables.
#[component]
fn AsText(data: StageData) -> impl IntoView {
    let words = move || {
        let locale = data.locale.get();
        if data.as_text.get() { text::as_picture(locale) } else { text::as_text(locale) }
    };
    view! {
        <button class="small" data-testid="as-text" aria-pressed=yes_no(when(move || data.as_text.get()))
            on:click=move |_| data.as_text.update(|on| *on = !*on)>
            {words}
        </button>
    }
}

fn place_of(view: &ClusterView, partition: &(String, i32)) -> Option<usize> {
    partitions(view).iter().position(|one| one == partition)
}

/// The first partition of the window that shows `place`.
fn window_with(place: Option<usize>, view: &ClusterView, width: f64) -> usize {
    let max = partitions_max(width);
    if partitions(view).len() <= max { 0 } else { place.unwrap_or(0) / max * max }
}

/// Where more partitions exist than fit: choose which to look at.
#[component]
fn PartitionChips(data: StageData, width: RwSignal<f64>, first: RwSignal<Option<usize>>) -> impl IntoView {
    let names = Memo::new(move |_| {
        let all = data.view.with(|view| partitions(view));
        if all.len() > partitions_max(width.get()) { all } else { Vec::new() }
    });
    move || {
        let chips = names.get().into_iter().enumerate().map(|(place, (topic, partition))| {
            let chosen = move || first.get() == Some(place);
            let choose = move |_| first.update(|first| *first = if *first == Some(place) { None } else { Some(place) });
            view! {
                <button class="chip" class:on=chosen aria-pressed=yes_no(when(chosen)) on:click=choose>
                    {format!("{topic}-{partition}")}
                </button>
            }
        });
        let chips: Vec<_> = chips.collect();
        (!chips.is_empty()).then(|| {
            let label = text::which_partition(data.locale.get());
            view! { <div class="chips" role="group" aria-label=label data-testid="partition-chips">{chips}</div> }
        })
    }
}

#[component]
fn Picture(data: StageData, picture: Memo<Arc<Scene>>, picked: RwSignal<Picked>) -> impl IntoView {
    let size = move || picture.with(|scene| (scene.width, scene.height));
    let height =
        move || if data.view.with(|view| view.brokers.is_empty() && view.clients.is_empty()) { 0.0 } else { size().1 };
    let touched = data.touched;
    let labels = move || picture.with(|scene| scene.labels.iter().map(label).collect::<Vec<_>>());
    let wires = move || picture.with(|scene| wires(scene));
    let cards = move || {
        let touched = touched.get();
        picture.with(|scene| scene.cards.iter().map(|it| card(it, &touched)).collect::<Vec<_>>())
    };
    let lanes = move || {
        let touched = touched.get();
        let looked_at = picked.get();
        picture.with(|scene| {
            let draw = |it: &Lane| lane(it, &touched, &looked_at, picked, data.locale.get());
            scene.lanes.iter().map(draw).collect::<Vec<_>>()
        })
    };
    let pills = move || {
        let touched = touched.get();
        picture.with(|scene| scene.pills.iter().map(|it| pill(it, &touched)).collect::<Vec<_>>())
    };
    view! {
        <svg
            class="stage-svg"
            data-testid="stage"
            width=move || size().0
            height=height
            viewBox=move || format!("0 0 {} {}", size().0, size().1)
            role="group"
            aria-label=say(data.locale, text::stage)
        >
            <defs>
                <pattern id="hatch" width="7" height="7" patternTransform="rotate(45)" patternUnits="userSpaceOnUse">
                    <rect width="7" height="7" class="hatch-paper" />
                    <line x1="0" y1="0" x2="0" y2="7" class="hatch-line" />
                </pattern>
            </defs>
            {wires}
            {labels}
            {cards}
            {lanes}
            {pills}
            <Messages data=data picture=picture />
        </svg>
    }
}

fn label(label: &Label) -> impl IntoView + use<> {
    let (x, y) = (label.x, label.y);
    view! {
        <text class="t b" x=x y=y>{label.text.clone()}</text>
        <text class="s m" x=x y=y + if label.text.is_empty() { 0.0 } else { 14.0 }>{label.detail.clone()}</text>
    }
}

/// A thin line for every connection that is open.
fn wires(scene: &Scene) -> impl IntoView + use<> {
    let mut lines = Vec::new();
    for pill in &scene.pills {
        for broker in &pill.connected {
            let Some(card) = scene.cards.iter().find(|card| card.broker == *broker) else { continue };
            let x = pill.x + pill.w / 2.0;
            let door = x.clamp(card.x + 16.0, card.x + card.w - 16.0);
            let (from, to) = if pill.top { (pill.y + PILL_HEIGHT, card.y) } else { (pill.y, card.y + card.h) };
            let middle = to + if pill.top { -GUTTER / 2.0 } else { GUTTER / 2.0 };
            let d = format!("M{x} {from} V{middle} H{door} V{to}");
            lines.push(view! { <path class="wire" d=d /> });
        }
    }
    lines
}

fn card(card: &Card, touched: &Touched) -> impl IntoView + use<> {
    let acts = touched.actor == Some(Actor::Broker(card.broker));
    let (x, y) = (card.x, card.y);
    let empty = card.empty.map(|words| view! { <text class="t m" x=x + 28.0 y=y + 50.0>{words}</text> });
    view! {
        <g class="card" class:down=card.down class:acts=acts data-testid="broker" data-broker=card.broker>
            <rect x=x y=y width=card.w height=card.h rx="12" />
            <circle cx=x + 17.0 cy=y + 18.0 r="5" />
            <text class="b name" x=x + 29.0 y=y + 22.5>{card.title.clone()}</text>
            <text class="s m" x=x + card.w - 14.0 y=y + 22.0 text-anchor="end">{card.detail.clone()}</text>
            {empty}
        </g>
    }
}

fn pill(pill: &Pill, touched: &Touched) -> impl IntoView + use<> {
    let acts = touched.actor == Some(Actor::Client(pill.client)) && pill.role.is_some();
    let icon = match pill.role {
        Some(ClientRole::Producer) => "▸",
        Some(ClientRole::Consumer) => "◂",
        Some(ClientRole::Admin) => "⚙",
        None => "⇄",
    };
    let (x, y) = (pill.x, pill.y);
    let whole = format!("{}: {}", pill.title, pill.detail);
    let tooltip = whole.clone();
    let one_line = pill.detail.is_empty();
    view! {
        <g class="pill" class:acts=acts class:waits=pill.waits class:closed=pill.closed data-testid="client"
            data-client=pill.client role="img" aria-label=whole>
            <title>{tooltip}</title>
            <rect x=x y=y width=pill.w height=PILL_HEIGHT rx=PILL_HEIGHT / 2.0 />
            <text class="t b" x=x + 15.0 y=y + if one_line { 24.0 } else { 16.5 }>{format!("{icon} {}", pill.title_short())}</text>
            <text class="s detail" x=x + 15.0 y=y + 30.5>{pill.detail_short()}</text>
        </g>
    }
}

fn lane(
    lane: &Lane,
    touched: &Touched,
    looked_at: &Picked,
    picked: RwSignal<Picked>,
    locale: Locale,
) -> impl IntoView + use<> {
    let here =
        touched.partition.as_ref().is_some_and(|(topic, number)| *topic == lane.topic && *number == lane.partition);
    let (x, y, w, h) = (lane.x, lane.y, lane.w, lane.h);
    let in_lane = |it: &(String, i32, i64)| it.0 == lane.topic && it.1 == lane.partition;
    let looked_at = looked_at.as_ref().filter(|it| in_lane(it)).map(|it| it.2);
    let first_stop = looked_at.or_else(|| lane.cells.first().map(|cell| cell.record.offset));
    let cells: Vec<_> = (lane.cells.iter())
        .map(|it| {
            let offset = it.record.offset;
            let lit = here && touched.offsets.is_some_and(|(from, to)| offset >= from && offset < to);
            let marks = Marks {
                lit,
                new: lit && touched.new,
                tab_stop: first_stop == Some(offset),
                looked_at: looked_at == Some(offset),
            };
            cell(it, marks, (lane.topic.clone(), lane.partition), picked, locale)
        })
        .collect();
    let cells_y = y + CELLS_TOP;
    let batches: Vec<_> = (lane.batches.iter())
        .map(|(from, to)| view! { <line class="batch" x1=*from x2=*to y1=cells_y + CELL + 3.5 y2=cells_y + CELL + 3.5 /> })
        .collect();
    let segments: Vec<_> = lane.segments.iter().map(|(at, base)| segment(*at, *base, cells_y)).collect();
    let epochs: Vec<_> = lane.epochs.iter().map(|(at, epoch)| boundary(*at, *epoch, cells_y)).collect();
    let high_watermark = lane.high_watermark.map(|(at, offset)| {
        view! {
            <line class="hw" x1=at x2=at y1=cells_y - 4.0 y2=cells_y + CELL + 8.0 />
            <text class="s hw-text" x=at + 3.0 y=cells_y + CELL + 17.0>{format!("HW {offset}")}</text>
        }
    });
    let folded =
        lane.folded.clone().map(|words| view! { <text class="s m" x=x + 10.0 y=cells_y + 16.0>{words}</text> });
    let next_fits = lane.end_x + lane.cell_width < x + w;
    let next = next_fits.then(|| {
        view! {
            <rect class="next" x=lane.end_x + 0.5 y=cells_y + 0.5 width=lane.cell_width - 1.0 height=CELL - 1.0 rx="5" />
            <text class="s m next-text" x=lane.end_x + lane.cell_width / 2.0 y=cells_y + 15.5 text-anchor="middle">{lane.end}</text>
        }
    });
    let name = format!("{}-{}, {}, {}", lane.topic, lane.partition, lane.title, lane.ends);
    view! {
        <g class="lane" class:leads=lane.leads class:late=lane.out class:down=!lane.running class:touched=here data-testid="lane"
            data-partition=format!("{}-{}", lane.topic, lane.partition) data-end=lane.end role="group" aria-label=name>
            <rect class="lane-back" x=x y=y width=w height=h rx="8" />
            <text class="s b part" x=x + 10.0 y=y + 14.0>{lane.title.clone()}</text>
            <text class="s m" x=x + w - 10.0 y=y + 14.0 text-anchor="end">{lane.ends.clone()}</text>
            {folded}
            {batches}
            {segments}
            {epochs}
            {next}
            <g class="cells">{cells}</g>
            {high_watermark}
            {lane.markers.iter().map(marker).collect::<Vec<_>>()}
        </g>
    }
}

fn segment(at: f64, base: i64, y: f64) -> impl IntoView + use<> {
    view! {
        <g>
            <title>{format!("{base:020}.log")}</title>
            <line class="segment" x1=at x2=at y1=y - 3.0 y2=y + CELL + 3.0 />
        </g>
    }
}

/// Where the log goes on under another leader.
fn boundary(at: f64, epoch: i32, y: f64) -> impl IntoView + use<> {
    view! {
        <line class="epoch" x1=at x2=at y1=y - 4.0 y2=y + CELL + 4.0 />
        <text class="s m" x=at + 3.0 y=y + CELL + 17.0>{format!("e{epoch}")}</text>
    }
}

/// How a cell stands out.
struct Marks {
    lit: bool,
    new: bool,
    tab_stop: bool,
    looked_at: bool,
}

fn cell(
    cell: &Cell,
    marks: Marks,
    partition: (String, i32),
    picked: RwSignal<Picked>,
    locale: Locale,
) -> impl IntoView + use<> {
    let (record, width) = (&cell.record, cell.w);
    let offset = record.offset;
    let colour = cell.colour.map_or("k-none".to_string(), |colour| format!("k{colour}"));
    let class = format!("cell {colour}");
    let shown = |preview: &Option<naru_trace::Preview>| {
        preview.as_ref().map_or_else(|| text::null(locale).to_string(), |preview| preview.text.clone())
    };
    let name = format!(
        "{} {offset}, {} {}, {} {}",
        text::offset(locale),
        text::key(locale),
        shown(&record.key),
        text::value(locale),
        shown(&record.value)
    );
    let tooltip = name.clone();
    let data_partition = format!("{}-{}", partition.0, partition.1);
    let pick = move || picked.set(Some((partition.0.clone(), partition.1, offset)));
    let pick_on_focus = pick.clone();
    let on_key = move |event: ev::KeyboardEvent| move_focus(&event);
    view! {
        <g
            class=class
            class:hollow=!cell.filled
            class:unreadable=!cell.readable
            class:lit=marks.lit
            class:new=marks.new
            class:looked-at=marks.looked_at
            role="button"
            tabindex=if marks.tab_stop { "0" } else { "-1" }
            aria-label=name
            data-testid="cell"
            data-offset=offset
            data-partition=data_partition
            transform=format!("translate({} {})", cell.x, cell.y)
            on:click=move |_| pick()
            on:focus=move |_| pick_on_focus()
            on:keydown=on_key
        >
            <title>{tooltip}</title>
            <rect width=width height=CELL rx="5" />
            <text class="s b" x=width / 2.0 y="15.5" text-anchor="middle">{offset}</text>
        </g>
    }
}

/// Arrows move between the records of a lane; the lab's own keys stay out of it.
fn move_focus(event: &ev::KeyboardEvent) {
    let Some(cell) = event.current_target().and_then(|it| it.dyn_into::<web_sys::Element>().ok()) else { return };
    let next = match event.key().as_str() {
        "ArrowLeft" => cell.previous_element_sibling(),
        "ArrowRight" => cell.next_element_sibling(),
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    if let Some(next) = next {
        let focus =
            js_sys::Reflect::get(&next, &"focus".into()).ok().and_then(|it| it.dyn_into::<js_sys::Function>().ok());
        focus.map(|focus| focus.call0(&next));
    }
}

fn marker(marker: &Marker) -> impl IntoView + use<> {
    let (x, tip, y) = (marker.x, marker.tip, marker.y);
    let d = format!("M{x} {tip} l-4.5 7 h9 z");
    view! {
        <g class="marker" data-testid="position" data-offset=marker.offset data-names=marker.names.clone()>
            <path d=d />
            <line x1=x x2=x y1=tip + 6.0 y2=y - 3.0 />
            <text class="s b" x=marker.text_x y=y>{marker.names.clone()}</text>
        </g>
    }
}
