//! The few things of the browser that the visualizer needs, each as a small function.

use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

/// The window. Only the Worker has none, and nothing of this module runs there.
pub fn window() -> web_sys::Window {
    web_sys::window().expect("the page has a window")
}

/// Remembers a choice of the reader. A browser that refuses to store is not an error.
pub fn save(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

/// Whether the reader asked for less motion.
pub fn reduced_motion() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)");
    query.ok().flatten().is_some_and(|list| list.matches())
}

/// Calls `each` before every repaint with the milliseconds since the last one, until it returns `false`.
pub fn every_repaint(mut each: impl FnMut(f64) -> bool + 'static) {
    type Slot = Rc<RefCell<Option<Closure<dyn FnMut(f64)>>>>;
    fn request(slot: &Slot) {
        if let Some(closure) = slot.borrow().as_ref() {
            let _ = window().request_animation_frame(closure.as_ref().unchecked_ref());
        }
    }
    let slot: Slot = Rc::new(RefCell::new(None));
    let again = slot.clone();
    let mut last: Option<f64> = None;
    *slot.borrow_mut() = Some(Closure::new(move |now: f64| {
        let passed = last.map_or(0.0, |last| now - last);
        last = Some(now);
        if each(passed) {
            request(&again);
        } else {
            // The closure must not free itself while it runs: its owner is dropped a moment later.
            let done = again.clone();
            later(0, move || drop(done.borrow_mut().take()));
        }
    }));
    request(&slot);
}

/// Calls `what` once, `ms` milliseconds from now.
pub fn later(ms: i32, what: impl FnOnce() + 'static) {
    let closure = Closure::once_into_js(what);
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(closure.unchecked_ref(), ms);
}

/// Puts text on the clipboard; `false` when the browser refuses.
pub async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    let clipboard = js_sys::Reflect::get(&navigator, &"clipboard".into());
    if !clipboard.is_ok_and(|it| it.is_object()) {
        return false;
    }
    JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok()
}

/// The text at an address.
pub async fn fetch_text(url: &str) -> Option<String> {
    let response = JsFuture::from(window().fetch_with_str(url)).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// The bytes at an address.
pub async fn fetch_bytes(url: &str) -> Option<Vec<u8>> {
    let response = JsFuture::from(window().fetch_with_str(url)).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    Some(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// A property of the options that `naru-lab.js` passes.
pub fn option_text(options: &JsValue, name: &str) -> String {
    js_sys::Reflect::get(options, &name.into()).ok().and_then(|it| it.as_string()).unwrap_or_default()
}

/// A function among the options.
pub fn option_function(options: &JsValue, name: &str) -> Option<js_sys::Function> {
    js_sys::Reflect::get(options, &name.into()).ok()?.dyn_into().ok()
}

/// Calls `changed` once the browser has laid the element out, and whenever it gets another size. Nothing is measured before
/// that: asking at once would force a layout of the whole page.
pub fn watch_size(element: &web_sys::Element, changed: impl FnMut() + 'static) {
    let on_change = Closure::<dyn FnMut()>::new(changed);
    if let Ok(observer) = web_sys::ResizeObserver::new(on_change.as_ref().unchecked_ref()) {
        observer.observe(element);
    }
    on_change.forget();
}

/// Tells the width of an element once it is known and whenever it changes.
pub fn watch_width(element: &web_sys::Element, mut tell: impl FnMut(f64) + 'static) {
    let watched = element.clone();
    watch_size(element, move || tell(watched.get_bounding_client_rect().width()));
}

/// Scrolls the page so that `element` begins at its top, if it is not in the upper part of the window already.
pub fn bring_into_sight(element: &web_sys::Element) {
    let top = element.get_bounding_client_rect().top();
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(800.0);
    if top >= 0.0 && top < height * 0.4 {
        return;
    }
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Start);
    let smooth = if reduced_motion() { web_sys::ScrollBehavior::Auto } else { web_sys::ScrollBehavior::Smooth };
    options.set_behavior(smooth);
    element.scroll_into_view_with_scroll_into_view_options(&options);
}

/// Scrolls `list` (and nothing else: `scrollIntoView` would move the book) so that `row` is well visible.
pub fn scroll_to(list: &web_sys::Element, row: &web_sys::Element) {
    let (outer, inner) = (list.get_bounding_client_rect(), row.get_bounding_client_rect());
    if inner.top() < outer.top() || inner.bottom() > outer.bottom() {
        let top = list.scroll_top() as f64 + inner.top() - outer.top() - outer.height() * 0.35;
        list.set_scroll_top(top.max(0.0) as i32);
    }
}
