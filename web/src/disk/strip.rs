//! Pages as strips: runs of pages of one state become pieces of a bar.

use naru_trace::{PageRun, PageState};

/// A piece of a strip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Left edge, from the strip's own.
    pub x: f64,
    /// Width.
    pub w: f64,
    /// What it shows.
    pub state: PageState,
    /// How many pages it stands for.
    pub pages: u32,
}

/// A run is never thinner than this: a single dirty page among thousands must be seen.
const PIECE_MIN: f64 = 3.0;

/// Divides a strip of `width` among `runs`. Where pages are wide enough, each gets a piece of its own.
pub fn pieces(runs: &[PageRun], width: f64, page_width_min: f64) -> Vec<Piece> {
    let total: u32 = runs.iter().map(|run| run.count).sum();
    if total == 0 {
        return Vec::new();
    }
    let page = width / f64::from(total);
    let mut all = Vec::new();
    if page >= page_width_min {
        let states = runs.iter().flat_map(|run| std::iter::repeat_n(run.state, run.count as usize));
        all.extend(states.enumerate().map(|(place, state)| Piece { x: place as f64 * page, w: page, state, pages: 1 }));
        return all;
    }
    // Thin runs are widened; what that takes is taken from the others in proportion.
    let natural: Vec<f64> = runs.iter().map(|run| (f64::from(run.count) * page).max(PIECE_MIN)).collect();
    let scale = width / natural.iter().sum::<f64>();
    let mut x = 0.0;
    for (run, natural) in runs.iter().zip(natural) {
        let w = natural * scale;
        all.push(Piece { x, w, state: run.state, pages: run.count });
        x += w;
    }
    all
}

/// How many pages are on disk only, clean, and dirty.
pub fn counts(runs: &[PageRun]) -> [u32; 3] {
    let mut counts = [0; 3];
    for run in runs {
        counts[run.state as usize] += run.count;
    }
    counts
}

/// The style sheet's name of a state.
pub fn class(state: PageState) -> &'static str {
    match state {
        PageState::OnDisk => "page cold",
        PageState::Clean => "page clean",
        PageState::Dirty => "page dirty",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: PageState, count: u32) -> PageRun {
        PageRun { state, count }
    }

    #[test]
    fn few_pages_stand_alone() {
        let all = pieces(&[run(PageState::Clean, 2), run(PageState::Dirty, 1)], 90.0, 6.0);
        let told: Vec<_> = all.iter().map(|piece| (piece.x, piece.w, piece.state)).collect();
        assert_eq!(
            told,
            [(0.0, 30.0, PageState::Clean), (30.0, 30.0, PageState::Clean), (60.0, 30.0, PageState::Dirty)]
        );
        assert_eq!(pieces(&[], 90.0, 6.0), []);
    }

    #[test]
    fn a_single_page_among_thousands_is_seen_and_the_strip_keeps_its_width() {
        let all = pieces(&[run(PageState::OnDisk, 5_000), run(PageState::Dirty, 1)], 90.0, 6.0);
        assert_eq!(all.len(), 2);
        assert!(all[1].w > 2.5, "{all:?}");
        assert!((all[1].x + all[1].w - 90.0).abs() < 1e-9);
    }

    #[test]
    fn states_are_counted() {
        let runs =
            [run(PageState::Dirty, 1), run(PageState::OnDisk, 4), run(PageState::Clean, 2), run(PageState::Dirty, 1)];
        assert_eq!(counts(&runs), [4, 2, 2]);
    }
}
