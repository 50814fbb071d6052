//! Deeds by hand: the run is made again with one more action, and shown from the moment at which it happens.

use crate::{
    protocol::{Answer, Question},
    state::LabState,
};
use leptos::prelude::*;
use naru_labs::{Action, DiskBytes, InjectedAction, MarkKind};
use naru_trace::Micros;

use crate::disk::panel::{Place, Source};

impl LabState {
    /// Does something right after the event on screen. What was done later than that is taken out: it would meet another world.
    pub fn inject(self, action: Action) {
        let Some(seq) = self.index.get_untracked().checked_sub(1) else { return };
        let seq = seq as u64;
        let at = self.ran.with_untracked(|ran| ran.as_ref().and_then(|ran| ran.times.get(seq as usize).copied()));
        self.actions.update(|actions| {
            actions.retain(|earlier| earlier.after.is_some_and(|after| after <= seq));
            actions.push(InjectedAction { at: Micros(at.unwrap_or(0)), after: Some(seq), action });
        });
        self.run_and_land(Some(seq));
    }

    /// Takes a deed out, and what was done after it.
    pub fn take_out(self, number: usize) {
        let after = self.actions.with_untracked(|actions| actions.get(number).and_then(|injected| injected.after));
        self.actions.update(|actions| actions.truncate(number));
        self.run_and_land(after);
    }

    /// The first moment after `seq` at which something was done by hand, with its effect; the moment itself if there is none.
    pub fn landing(self, seq: u64) -> usize {
        let first = seq as usize + 1;
        let done = self.ran.with_untracked(|ran| {
            let marks = ran.iter().flat_map(|ran| &ran.summary.marks);
            marks.filter(|mark| mark.kind == MarkKind::Injected && mark.index > first).map(|mark| mark.index).min()
        });
        // The event after it tells what it did.
        done.map_or(first, |index| index + 1)
    }
}

/// A lab's bytes come from the Worker, as they were at the moment on screen.
pub struct Recorded(pub LabState);

impl Source for Recorded {
    fn bytes(&self, place: Place, then: Box<dyn FnOnce(Option<DiskBytes>)>) {
        let Place { broker, path, position, length } = place;
        let index = self.0.shown();
        self.0.ask(Question::Disk { index, broker, path, position, length }, move |answer| {
            then(match answer {
                Answer::Disk(bytes) => bytes.map(|bytes| *bytes),
                _ => None,
            });
        });
    }

    fn record(&self, broker: i32, path: String, offset: i64, then: Box<dyn FnOnce(Option<u64>)>) {
        let index = self.0.shown();
        self.0.ask(Question::Record { index, broker, path, offset }, move |answer| {
            then(match answer {
                Answer::Position(position) => position,
                _ => None,
            });
        });
    }
}
