//! A moment of a recording: its end, or the one right before or after the first event of a kind.

use anyhow::{Context, Result};
use naru_labs::Recording;
use naru_trace::ClusterView;

/// Which moment, and which part of the picture.
#[derive(Default)]
pub struct Moment<'a> {
    until: Option<&'a str>,
    after: Option<&'a str>,
}

impl<'a> Moment<'a> {
    /// Takes `until=KIND` or `after=KIND` from the options; what is none of ours stays.
    pub fn take(options: &mut Vec<&'a str>) -> Self {
        let mut moment = Moment::default();
        options.retain(|option| match option.split_once('=') {
            Some(("until", kind)) => {
                moment.until = Some(kind);
                false
            }
            Some(("after", kind)) => {
                moment.after = Some(kind);
                false
            }
            _ => true,
        });
        moment
    }

    /// How many events of the recording have happened then.
    pub fn events(&self, recording: &Recording) -> Result<usize> {
        let find = |kind: &str| {
            let found = recording.events.iter().position(|event| event.kind.name() == kind);
            found.with_context(|| format!("lab {} has no event {kind} in this recording", recording.lab))
        };
        match (self.until, self.after) {
            (Some(kind), _) => find(kind),
            (None, Some(kind)) => Ok(find(kind)? + 1),
            (None, None) => Ok(recording.events.len()),
        }
    }

    /// The picture then.
    pub fn view(&self, recording: &Recording) -> Result<ClusterView> {
        let mut view = ClusterView::default();
        recording.events[..self.events(recording)?].iter().for_each(|event| view.apply(event));
        Ok(view)
    }
}
