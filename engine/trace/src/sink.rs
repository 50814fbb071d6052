//! Where events are written. Off by default: a broker that nobody watches pays one branch per event.

use crate::{
    event::{Actor, RequestRef, Seq, Site, TraceEvent},
    kind::TraceKind,
    time::Micros,
};
use alloc::vec::Vec;

/// The events of a run, and the context that the next one is written in.
///
/// The driver (simulation or server) sets the context with [`Trace::enter`] before each step of a machine; the machine
/// only calls [`Trace::emit`], [`Trace::because`] and [`Trace::about`].
#[derive(Debug)]
pub struct Trace {
    on: bool,
    next_seq: Seq,
    events: Vec<TraceEvent>,
    actor: Actor,
    at: Micros,
    cause: Option<Seq>,
    request: Option<RequestRef>,
    script_line: Option<u32>,
}

impl Default for Trace {
    /// A trace that is off.
    fn default() -> Self {
        Trace {
            on: false,
            next_seq: 0,
            events: Vec::new(),
            actor: Actor::World,
            at: Micros(0),
            cause: None,
            request: None,
            script_line: None,
        }
    }
}

impl Trace {
    /// A trace that records from now on.
    pub fn recording() -> Self {
        Trace { on: true, ..Trace::default() }
    }

    /// Whether events are recorded. Ask before work that only a reader of the trace needs.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Starts or stops recording. Numbering goes on where it was.
    pub fn set_on(&mut self, on: bool) {
        self.on = on;
    }

    /// A new step begins: `actor` acts at `at`, because of `cause`.
    pub fn enter(&mut self, actor: Actor, at: Micros, cause: Option<Seq>) {
        self.actor = actor;
        self.at = at;
        self.cause = cause;
        self.request = None;
    }

    /// The events that follow are caused by `cause`. Returns the cause that stood before.
    pub fn because(&mut self, cause: Option<Seq>) -> Option<Seq> {
        core::mem::replace(&mut self.cause, cause)
    }

    /// What the next event would be caused by.
    pub fn cause(&self) -> Option<Seq> {
        self.cause
    }

    /// The events that follow belong to `request`.
    pub fn about(&mut self, request: Option<RequestRef>) {
        self.request = request;
    }

    /// The events that follow happen while line `line` of the lab's script runs.
    pub fn set_script_line(&mut self, line: Option<u32>) {
        self.script_line = line;
    }

    /// Writes an event and returns its number, or `None` when the trace is off. `make` is called only when it is on.
    ///
    /// The event's source line is the caller's, so a helper around this must be `#[track_caller]` too.
    #[track_caller]
    pub fn emit(&mut self, make: impl FnOnce() -> TraceKind) -> Option<Seq> {
        if !self.on {
            return None;
        }
        let site = Site::here();
        Some(self.push(site, make()))
    }

    /// Like [`Trace::emit`], and what follows in this step is caused by this event.
    #[track_caller]
    pub fn emit_then(&mut self, make: impl FnOnce() -> TraceKind) -> Option<Seq> {
        let seq = self.emit(make);
        if seq.is_some() {
            self.cause = seq;
        }
        seq
    }

    /// The events recorded and not yet taken.
    pub fn events(&self) -> &[TraceEvent] {
        &self.events
    }

    /// Takes the recorded events out; numbering goes on.
    pub fn take(&mut self) -> Vec<TraceEvent> {
        core::mem::take(&mut self.events)
    }

    /// The number that the next event gets.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    fn push(&mut self, site: Site, kind: TraceKind) -> Seq {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.events.push(TraceEvent {
            seq,
            actor: self.actor,
            at: self.at,
            cause: self.cause,
            request: self.request,
            script_line: self.script_line,
            site,
            kind,
        });
        seq
    }
}
