//! The page's side of the Worker: asks questions, hands answers on, and can end a run by ending the Worker.

use crate::protocol::{Answer, Ask, Question, Told};
use naru_trace::SortedMap;
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

type Waiting = Rc<RefCell<SortedMap<u32, Box<dyn FnOnce(Answer)>>>>;
type OnFailure = Rc<dyn Fn()>;

/// A Worker, started when the first question comes.
pub struct Remote {
    spawn: js_sys::Function,
    on_failure: OnFailure,
    line: Option<Line>,
    next_id: u32,
}

/// A Worker that runs, and what is to be done with its answers.
struct Line {
    worker: web_sys::Worker,
    waiting: Waiting,
    _on_message: Closure<dyn FnMut(web_sys::MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

impl Remote {
    /// `spawn` makes a Worker; `on_failure` is called when one breaks.
    pub fn new(spawn: js_sys::Function, on_failure: impl Fn() + 'static) -> Self {
        Remote { spawn, on_failure: Rc::new(on_failure), line: None, next_id: 0 }
    }

    /// Asks; `then` gets the answer, unless the Worker is ended before.
    pub fn ask(&mut self, question: Question, then: impl FnOnce(Answer) + 'static) {
        self.next_id += 1;
        let id = self.next_id;
        let message = serde_json::to_string(&Ask { id, question }).expect("questions are plain data");
        if self.line.is_none() {
            self.line = Line::open(&self.spawn, self.on_failure.clone());
        }
        let Some(line) = &self.line else {
            (self.on_failure)();
            return;
        };
        line.waiting.borrow_mut().insert(id, Box::new(then));
        if line.worker.post_message(&message.into()).is_err() {
            (self.on_failure)();
        }
    }

    /// Ends the Worker, whatever it does. The next question starts a new one.
    pub fn end(&mut self) {
        if let Some(line) = self.line.take() {
            line.worker.terminate();
            // An answer may be on its way out of this very closure: it is freed once the page is idle.
            crate::dom::later(0, move || drop(line));
        }
    }
}

impl Line {
    fn open(spawn: &js_sys::Function, on_failure: OnFailure) -> Option<Line> {
        let worker: web_sys::Worker = spawn.call0(&JsValue::NULL).ok()?.dyn_into().ok()?;
        let waiting = Waiting::default();
        let answered = waiting.clone();
        let failed = on_failure.clone();
        let on_message = Closure::new(move |message: web_sys::MessageEvent| {
            let Some(text) = message.data().as_string() else { return failed() };
            let Ok(told) = naru_labs::json::read::<Told>(&text) else { return failed() };
            let then = answered.borrow_mut().remove(&told.id);
            if let Some(then) = then {
                then(told.answer);
            }
        });
        let on_error = Closure::new(move |_| on_failure());
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Line { worker, waiting, _on_message: on_message, _on_error: on_error })
    }
}
