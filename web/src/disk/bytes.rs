//! The view of single bytes: hexadecimal and as text, each coloured by the field that it belongs to.
//!
//! The grid is one element with the focus; the byte under the cursor and its field are said in a line below it, which
//! screen readers read out. The same fields stand in a list beneath: that is the text form.

use super::{
    panel::Microscope,
    text,
    window::{self, ROWS},
};
use crate::{
    dom,
    locale::Locale,
    say::{say, when},
};
use leptos::{ev, html, prelude::*};
use naru_labs::{DiskBytes, Field};
use std::{fmt::Write, sync::Arc};
use wasm_bindgen::JsCast;

/// How many colours fields have.
const COLOURS: u32 = 6;

/// Grid, slider, what the byte is, and the list of fields.
#[component]
pub fn Bytes(scope: Microscope) -> impl IntoView {
    let locale = scope.data.locale;
    let holder = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let Some(holder) = holder.get() {
            dom::watch_width(&holder, move |width| scope.on_width(width));
        }
    });
    let nothing = move || {
        let words = match scope.bytes.with(|bytes| bytes.as_ref().map(|bytes| bytes.length)) {
            _ if !scope.is_file() => text::choose,
            None => text::no_file,
            Some(0) => text::empty_file,
            Some(_) => return None,
        };
        Some(view! { <p class="empty">{words(locale.get())}</p> })
    };
    let is_empty = move || scope.bytes.with(|bytes| bytes.as_ref().is_none_or(|bytes| bytes.length == 0));
    view! {
        <div class="bytes" node_ref=holder data-testid="disk-bytes">
            <div class="bytes-head" class:hidden=when(move || !scope.is_file())>
                <h3>{say(locale, text::bytes_of)} " " <code>{move || scope.path.get()}</code></h3>
                <Jump scope=scope />
            </div>
            {nothing}
            <div class:hidden=when(is_empty)>
                <Grid scope=scope />
                <FieldList scope=scope />
            </div>
        </div>
    }
}

/// A field to type a position into.
#[component]
fn Jump(scope: Microscope) -> impl IntoView {
    let go = move |event: ev::Event| {
        if let Some(position) = window::position_typed(&event_target_value(&event)) {
            scope.jump(position);
        }
    };
    view! {
        <label class="jump">
            {say(scope.data.locale, text::jump)}
            <input type="text" inputmode="numeric" size="6" data-testid="disk-jump" on:change=go
                prop:value=move || scope.cursor.get().to_string() />
        </label>
    }
}

/// The bytes on screen, and those before them: what changed is marked.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    now: Option<Arc<DiskBytes>>,
    before: Option<Arc<DiskBytes>>,
}

#[component]
fn Grid(scope: Microscope) -> impl IntoView {
    let locale = scope.data.locale;
    let hovered = RwSignal::new(None::<u64>);
    let shown = Memo::new(move |past: Option<&Shown>| {
        let now = scope.bytes.get();
        match past {
            Some(past) if past.now == now => past.clone(),
            past => Shown { before: past.and_then(|past| past.now.clone()), now },
        }
    });
    let content = move || {
        let Shown { now, before } = shown.get();
        now.map(|now| grid(&now, before.as_deref(), scope.row.get(), scope.cursor.get())).unwrap_or_default()
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let ctrl = event.ctrl_key() || event.meta_key();
        let length = scope.length();
        let to = match event.key().as_str() {
            "[" => scope.bytes.with_untracked(|it| field_before(it.as_deref()?, scope.cursor.get_untracked())),
            "]" => scope.bytes.with_untracked(|it| field_after(it.as_deref()?, scope.cursor.get_untracked())),
            "Enter" => {
                scope.edit_wanted.update(|wanted| *wanted += 1);
                Some(scope.cursor.get_untracked())
            }
            key => window::moved(scope.cursor.get_untracked(), key, ctrl, scope.row.get_untracked(), length),
        };
        if let Some(to) = to {
            event.prevent_default();
            event.stop_propagation();
            hovered.set(None);
            scope.move_to(to);
        }
    };
    let on_click = move |event: ev::MouseEvent| {
        if let Some(position) = position_of(&event) {
            scope.move_to(position);
        }
    };
    let last_start = move || {
        let row = scope.row.get();
        let length = scope.bytes.with(|bytes| bytes.as_ref().map_or(0, |bytes| bytes.length));
        length.div_ceil(row).saturating_sub(ROWS) * row
    };
    let on_scroll = move |event: ev::Event| {
        if let Ok(start) = event_target_value(&event).parse::<u64>() {
            scope.scroll_to(start);
        }
    };
    let said = move || {
        let bytes = scope.bytes.get();
        let position = hovered.get().unwrap_or(scope.cursor.get());
        bytes.map(|bytes| told(&bytes, position, locale.get())).unwrap_or_default()
    };
    view! {
        <div class="byte-grid" role="application" tabindex="0" data-testid="byte-grid"
            aria-label=say(locale, text::grid) aria-describedby="byte-keys"
            data-cursor=move || scope.cursor.get().to_string()
            on:keydown=on_key on:click=on_click
            on:mouseover=move |event| hovered.set(position_of(&event)) on:mouseleave=move |_| hovered.set(None)
            inner_html=content></div>
        <input type="range" class="byte-scroll" min="0" step=move || scope.row.get().to_string()
            max=move || last_start().to_string() class:hidden=when(move || last_start() == 0)
            aria-label=say(locale, text::scroll) prop:value=move || scope.start.get().to_string() on:input=on_scroll />
        <p class="byte-said" aria-live="polite" data-testid="byte-said">{said}</p>
        <p class="byte-keys" id="byte-keys">{say(locale, text::grid_keys)}</p>
    }
}

/// The byte that an event of the mouse is about.
fn position_of(event: &ev::MouseEvent) -> Option<u64> {
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    target.get_attribute("data-at")?.parse().ok()
}

/// The innermost field at a byte.
pub fn leaf(bytes: &DiskBytes, position: u64) -> Option<&Field> {
    // Outer fields come first, so the last that holds the byte is the innermost.
    bytes.fields.iter().rev().find(|field| field.holds(position))
}

/// Where the field before the one under the cursor begins.
fn field_before(bytes: &DiskBytes, cursor: u64) -> Option<u64> {
    let here = leaf(bytes, cursor)?.start;
    if here == 0 { Some(0) } else { leaf(bytes, here - 1).map_or(Some(here - 1), |field| Some(field.start)) }
}

/// Where the field after the one under the cursor begins.
fn field_after(bytes: &DiskBytes, cursor: u64) -> Option<u64> {
    let here = leaf(bytes, cursor)?;
    Some((here.start + here.length).min(bytes.length.saturating_sub(1)))
}

/// A byte in a sentence: where it is, what it holds, which field it belongs to.
fn told(bytes: &DiskBytes, position: u64, locale: Locale) -> String {
    let place = position.checked_sub(bytes.position).and_then(|place| usize::try_from(place).ok());
    let Some(byte) = place.and_then(|place| bytes.bytes.get(place)) else { return String::new() };
    let mut words = format!("{} {position} = 0x{byte:02x}", text::byte(locale));
    if let Some(field) = leaf(bytes, position) {
        let last = field.start + field.length - 1;
        let _ = write!(words, " · {} ({}–{last}): {}", field.name, field.start, field.value);
        if let Some(error) = &field.error {
            let _ = write!(words, " · ✗ {}: {error}", text::damaged(locale));
        }
    }
    words
}

/// The rows as HTML. Hundreds of bytes change at once: text is much quicker than as many elements made one by one.
pub fn grid(bytes: &DiskBytes, before: Option<&DiskBytes>, row: u64, cursor: u64) -> String {
    let at_cursor = leaf(bytes, cursor).map(|field| (field.start, field.length));
    let digits = format!("{:x}", bytes.length).len().max(4);
    let mut out = String::new();
    let (mut colour, mut last_start) = (0, None);
    let mut position = bytes.position;
    for line in bytes.bytes.chunks(row as usize) {
        let (mut hex, mut letters) = (String::new(), String::new());
        for byte in line {
            let field = leaf(bytes, position);
            let start = field.map(|field| field.start);
            if start != last_start {
                colour = colour_after(colour, field);
                last_start = start;
            }
            let mut class = format!("f{colour}");
            for (holds, name) in [
                (start == Some(position), " s"),
                (position == cursor, " at"),
                (field.map(|field| (field.start, field.length)) == at_cursor && at_cursor.is_some(), " same"),
                (field.is_some_and(|field| field.error.is_some()), " bad"),
                (is_news(before, bytes, position, *byte), " new"),
            ] {
                if holds {
                    class.push_str(name);
                }
            }
            let _ = write!(hex, "<i class=\"{class}\" data-at={position}>{byte:02x}</i>");
            let _ = write!(letters, "<i class=\"{class}\" data-at={position}>{}</i>", letter(*byte));
            position += 1;
        }
        let first = position - line.len() as u64;
        let _ = write!(
            out,
            "<div><b>{first:0digits$x}</b><span class=hex>{hex}</span><span class=txt>{letters}</span></div>"
        );
    }
    out
}

/// A field keeps its colour wherever it appears; neighbours never have the same.
fn colour_after(last: u32, field: Option<&Field>) -> u32 {
    let name = field.map_or("", |field| &field.name);
    let hash = name.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let colour = hash % COLOURS;
    if colour == last { (colour + 1) % COLOURS } else { colour }
}

/// Whether a byte was not there before, or was another. Only where the same stretch was on screen.
fn is_news(before: Option<&DiskBytes>, now: &DiskBytes, position: u64, byte: u8) -> bool {
    let Some(before) = before.filter(|before| before.position == now.position) else { return false };
    let place = (position - now.position) as usize;
    before.bytes.get(place).is_none_or(|old| *old != byte)
}

fn letter(byte: u8) -> &'static str {
    const ASCII: &str =
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
    match byte {
        b'<' => "&lt;",
        b'&' => "&amp;",
        b' '..=b'~' => {
            let place = usize::from(byte - b' ');
            &ASCII[place..=place]
        }
        _ => "·",
    }
}

/// What the bytes on screen are, one line for each field; choosing one goes to its first byte.
#[component]
fn FieldList(scope: Microscope) -> impl IntoView {
    let list = NodeRef::<html::Ol>::new();
    Effect::new(move |_| {
        scope.cursor.track();
        scope.bytes.track();
        let Some(list) = list.get() else { return };
        if let Ok(Some(line)) = list.query_selector(".now:last-of-type, .now.leaf") {
            dom::scroll_to(&list, &line);
        }
    });
    let lines = move || {
        let Some(bytes) = scope.bytes.get() else { return Vec::new() };
        let (cursor, locale) = (scope.cursor.get(), scope.data.locale.get());
        let at = leaf(&bytes, cursor).cloned();
        bytes.fields.iter().map(|field| line(scope, field, cursor, at.as_ref() == Some(field), locale)).collect()
    };
    view! {
        <h3 class="fields-head">{say(scope.data.locale, text::fields)}</h3>
        <ol class="fields" node_ref=list tabindex="0" data-testid="disk-fields" aria-label=say(scope.data.locale, text::fields)>
            {lines}
        </ol>
    }
}

fn line(scope: Microscope, field: &Field, cursor: u64, is_leaf: bool, locale: Locale) -> impl IntoView + use<> {
    let start = field.start;
    let place = match field.length {
        0 => text::no_bytes(locale).to_string(),
        1 => start.to_string(),
        length => format!("{start}–{}", start + length - 1),
    };
    let error = field.error.as_ref().map(|error| {
        let words = format!("✗ {}: {error}", text::damaged(locale));
        view! { <em>{words}</em> }
    });
    view! {
        <li class:now=field.holds(cursor) class:leaf=is_leaf style=format!("--d:{}", field.depth) data-testid="disk-field"
            data-name=field.name.clone() aria-current=is_leaf.then_some("true")>
            <button class="go" tabindex="-1" on:click=move |_| scope.jump(start)>
                <b>{field.name.clone()}</b> " " <span>{field.value.clone()}</span> " " {error}
            </button>
            <small>{place}</small>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, start: u64, length: u64, depth: u8) -> Field {
        Field { start, length, name: name.into(), value: "v".into(), group: 0, depth, error: None }
    }

    fn two_fields() -> DiskBytes {
        let fields = vec![field("batch", 0, 6, 0), field("baseOffset", 0, 4, 1), field("crc", 4, 2, 1)];
        DiskBytes { length: 6, position: 0, bytes: vec![0, 0, 0, 1, b'<', b'a'], fields }
    }

    #[test]
    fn every_byte_knows_its_innermost_field() {
        let bytes = two_fields();
        let names: Vec<_> = (0..7).map(|at| leaf(&bytes, at).map_or("", |field| field.name.as_str())).collect();
        assert_eq!(names, ["baseOffset", "baseOffset", "baseOffset", "baseOffset", "crc", "crc", ""]);
        assert_eq!(
            (field_after(&bytes, 1), field_before(&bytes, 5), field_after(&bytes, 5)),
            (Some(4), Some(0), Some(5))
        );
    }

    #[test]
    fn rows_are_marked() {
        let now = two_fields();
        let before = DiskBytes { bytes: vec![0, 0, 0, 0, b'<'], ..two_fields() };
        let text = grid(&now, Some(&before), 4, 5);
        assert_eq!(text.matches("<div>").count(), 2);
        assert_eq!(text.matches(" new").count(), 4, "byte 3 is another, byte 5 is new, each twice: {text}");
        assert_eq!(text.matches(" at").count(), 2);
        assert_eq!(text.matches(" same").count(), 4);
        assert_eq!(text.matches(" s\"").count() + text.matches(" s ").count(), 4);
        assert!(text.contains("&lt;") && text.contains("<b>0004</b>"));
    }

    #[test]
    fn neighbours_never_have_the_same_colour() {
        for name in ["a", "b", "baseOffset", "crc"] {
            let one = field(name, 0, 1, 0);
            let first = colour_after(99, Some(&one));
            assert_ne!(colour_after(first, Some(&one)), first);
            assert_eq!(colour_after(98, Some(&one)), first);
        }
    }

    #[test]
    fn a_byte_in_a_sentence() {
        assert_eq!(told(&two_fields(), 5, Locale::En), "byte 5 = 0x61 · crc (4–5): v");
        assert_eq!(told(&two_fields(), 6, Locale::En), "");
    }
}
