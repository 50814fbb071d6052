//! From one moment to the next: stepping, jumping to headlines, and playing at a pace that can be read.
//!
//! Simulated time is unfair to watchers: six steps of a broker take no time at all, and then nothing happens for a second.
//! So every event gets a wall-clock time of its own: headlines stay long enough to be read, messages fly visibly, and quiet
//! stretches are cut short. The clock on screen still tells the simulated time.

use crate::{dom, protocol::Ran, state::LabState};
use leptos::prelude::*;

/// How long a headline stays, in milliseconds.
const HEADLINE_MS: f64 = 900.0;
/// How long any other event stays.
const DETAIL_MS: f64 = 70.0;
/// One simulated millisecond on screen, before the limit.
const PER_SIMULATED_MS: f64 = 260.0;
/// The longest wait for the next event.
const WAIT_MS_MAX: f64 = 750.0;

/// How long a whole run plays at speed 1, at most: with ten thousand records nobody wants to see each of them.
const RUN_MS_MAX: f64 = 90_000.0;

/// How much faster than usual a run has to play to end in time.
pub fn pace(ran: &Ran) -> f64 {
    let befores = std::iter::once(0).chain(ran.times.iter().copied());
    let stays = befores
        .zip(&ran.times)
        .enumerate()
        .map(|(index, (before, now))| stay_ms(is_headline(ran, index), now.saturating_sub(before)));
    (stays.sum::<f64>() / RUN_MS_MAX).max(1.0)
}

/// Whether the newest of the first `index` events is a headline.
fn is_headline(ran: &Ran, index: usize) -> bool {
    index.checked_sub(1).is_some_and(|seq| ran.headlines.binary_search(&seq).is_ok())
}

/// How long, in wall-clock milliseconds, until the event after this one.
pub fn stay_ms(headline: bool, gap_us: u64) -> f64 {
    let read = if headline { HEADLINE_MS } else { DETAIL_MS };
    let travel = (gap_us as f64 / 1000.0 * PER_SIMULATED_MS).min(WAIT_MS_MAX);
    read.max(travel)
}

impl LabState {
    /// One event forward.
    pub fn step_forward(self) {
        self.playing.set(false);
        self.show(self.index.get_untracked() + 1);
    }

    /// One event back.
    pub fn step_back(self) {
        self.playing.set(false);
        self.show(self.index.get_untracked().saturating_sub(1));
    }

    /// To the next headline event, or to the end.
    pub fn next_headline(self) {
        self.playing.set(false);
        let now = self.index.get_untracked();
        let next = self.headlines(|all| all.iter().copied().find(|number| number + 1 > now));
        self.show(next.map_or(usize::MAX, |number| number + 1));
    }

    /// To the headline event before, or to the beginning.
    pub fn previous_headline(self) {
        self.playing.set(false);
        let now = self.index.get_untracked();
        let before = self.headlines(|all| all.iter().rev().copied().find(|number| number + 1 < now));
        self.show(before.map_or(0, |number| number + 1));
    }

    fn headlines<T>(self, read: impl FnOnce(&[usize]) -> T) -> T {
        self.ran.with_untracked(|ran| read(ran.as_ref().map_or(&[], |ran| &ran.headlines)))
    }

    /// Plays or pauses.
    pub fn toggle_play(self) {
        if self.playing.get_untracked() {
            self.playing.set(false);
        } else {
            self.play();
        }
    }

    /// Plays on from here; at the end, from the beginning.
    pub fn play(self) {
        let total = self.ran.with_untracked(|ran| ran.as_ref().map_or(0, |ran| ran.times.len()));
        if total == 0 || self.playing.get_untracked() {
            return;
        }
        if self.index.get_untracked() >= total {
            self.show(0);
        }
        self.playing.set(true);
        if dom::reduced_motion() { self.play_stepwise() } else { self.play_smoothly() }
    }

    /// Without motion: from headline to headline, each long enough to be read.
    fn play_stepwise(self) {
        let wait = (1800.0 / self.speed.get_untracked()) as i32;
        dom::later(wait, move || {
            if self.playing.try_get_untracked() != Some(true) {
                return;
            }
            self.next_headline();
            let ended = self.index.get_untracked() >= self.total_untracked();
            if !ended {
                self.playing.set(true);
                self.play_stepwise();
            }
        });
    }

    fn play_smoothly(self) {
        let pace = self.ran.with_untracked(|ran| ran.as_ref().map_or(1.0, |ran| pace(ran)));
        let mut spent = 0.0;
        let mut at_index = usize::MAX;
        dom::every_repaint(move |passed| {
            // The element may be gone, or somebody paused: the loop ends with it.
            if self.playing.try_get_untracked() != Some(true) {
                return false;
            }
            let index = self.index.get_untracked();
            if index != at_index {
                (spent, at_index) = (0.0, index);
            }
            let Some(ran) = self.ran.get_untracked() else { return false };
            spent += passed.min(100.0) * self.speed.get_untracked() * pace;
            let (next, left, clock) = advance(&ran, index, spent);
            (spent, at_index) = (left, next);
            self.clock.set(clock);
            if next != index {
                self.show(next);
            }
            let ended = next >= ran.times.len();
            if ended {
                self.playing.set(false);
            }
            !ended
        });
    }
}

/// Spends wall-clock time on events: the index reached, the time left over for it, and the simulated time there.
fn advance(ran: &Ran, mut index: usize, mut spent: f64) -> (usize, f64, f64) {
    let time = |index: usize| index.checked_sub(1).map_or(0, |seq| ran.times[seq]);
    while index < ran.times.len() {
        let gap = ran.times[index].saturating_sub(time(index));
        let stay = stay_ms(is_headline(ran, index), gap);
        if spent < stay {
            return (index, spent, time(index) as f64 + gap as f64 * spent / stay);
        }
        spent -= stay;
        index += 1;
    }
    (index, 0.0, time(index) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headlines_can_be_read_and_quiet_stretches_are_short() {
        assert_eq!(stay_ms(true, 0), HEADLINE_MS);
        assert_eq!(stay_ms(false, 0), DETAIL_MS);
        assert_eq!(stay_ms(false, 1_000), PER_SIMULATED_MS);
        assert_eq!(stay_ms(false, 60_000_000), WAIT_MS_MAX);
    }
}
