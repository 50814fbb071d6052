//! The visualizer: labs and live brokers in the browser.
//!
//! One WASM module is used twice. On the page it draws (`lab`, `live`; Leptos, client-side); in a Worker it runs the
//! simulation and answers questions about it (`worker`). What they say to each other is in `protocol`. `assets/` holds the
//! few lines of JavaScript that load the module, and the style sheet.
//!
//! This crate deliberately reads nothing of the engine but [`naru_trace`]'s events and view, and what [`naru_labs`] makes of
//! them: the picture cannot know more than the events tell. Read `state` first, then `stage`.

// The attribute macro of wasm-bindgen writes the glue between WASM and JavaScript with `unsafe`; there is none of our own.
#![allow(unsafe_code)]

mod disk;
mod dom;
mod injection;
mod lab;
mod link;
mod live;
mod locale;
mod panels;
mod playback;
mod protocol;
mod remote;
mod say;
mod stage;
mod state;
mod text;
mod tint;
mod worker;

use leptos::{mount::mount_to, prelude::*};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

/// A panic is a bug; it must at least say so where a bug report can be copied from.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| console_error(&panic.to_string())));
}

/// What is on the page as long as this value lives.
#[wasm_bindgen]
pub struct Mounted {
    _keep: Box<dyn std::any::Any>,
}

/// Puts a lab into `root`. Returns nothing if `options.lab` is not the description of a lab; the element then says so.
#[wasm_bindgen]
pub fn mount_lab(root: web_sys::HtmlElement, options: JsValue) -> Option<Mounted> {
    let lab = naru_labs::open(&dom::option_text(&options, "lab"))?;
    let handle = mount_to(root, move || {
        let state = state::LabState::new(lab, options);
        view! { <lab::LabPage state=state /> }
    });
    Some(Mounted { _keep: Box::new(handle) })
}

/// Puts the live page into `root`.
#[wasm_bindgen]
pub fn mount_live(root: web_sys::HtmlElement, options: JsValue) -> Mounted {
    let handle = mount_to(root, move || view! { <live::LivePage options=options /> });
    Mounted { _keep: Box::new(handle) }
}

/// In the Worker: the lab whose goals runs are graded by. Returns whether it is one.
#[wasm_bindgen]
pub fn open_lab(description: &str) -> bool {
    naru_labs::open(description).is_some()
}

/// In the Worker: answers one message of `protocol`.
#[wasm_bindgen]
pub fn worker_answer(message: &str) -> String {
    thread_local! {
        static DESK: RefCell<worker::Desk> = RefCell::default();
    }
    DESK.with_borrow_mut(|desk| desk.answer(message))
}
