//! The Worker's side: it holds the [`Player`] and answers questions. The page's side is [`crate::remote`].

use crate::{
    protocol::{Answer, Ask, Question, Ran, Shot, Told},
    stage::keys::KeyOrder,
};
use naru_labs::{Importance, Player, RunRequest, importance};
use naru_trace::ClusterView;

/// How many points a line of the chart has at most.
const CHART_POINTS_MAX: usize = 240;

/// How many records of a partition are sent to the page: more than the widest stage shows.
const CELLS_SENT_MAX: usize = 64;

/// Holds the last recording.
#[derive(Default)]
pub struct Desk {
    player: Option<Player>,
}

impl Desk {
    /// Answers one message. A message that is not a question is a programming error.
    pub fn answer(&mut self, message: &str) -> String {
        let ask: Ask = naru_labs::json::read(message).expect("the page asks in its own protocol");
        let answer = self.answer_question(ask.question);
        serde_json::to_string(&Told { id: ask.id, answer }).expect("answers are plain data")
    }

    fn answer_question(&mut self, question: Question) -> Answer {
        match (question, &mut self.player) {
            (Question::Run(request), _) => self.run(&request),
            (Question::Frame { index, locale }, Some(player)) => {
                let mut frame = player.frame(index, locale);
                keep_newest_cells(&mut frame.view);
                let newest = frame.index.checked_sub(1).and_then(|seq| player.recording().events.get(seq));
                Answer::Frame(Box::new(Shot { kind: newest.map(|event| event.kind.clone()), frame }))
            }
            (Question::Rows { from, to, least, locale }, Some(player)) => {
                Answer::Rows(player.rows(from, to, least, locale))
            }
            (Question::Why { seq, locale }, Some(player)) => Answer::Rows(player.why(seq, locale)),
            (Question::Disk { index, broker, path, position, length }, Some(player)) => {
                Answer::Disk(player.disk_bytes(index, broker, &path, position, length).map(Box::new))
            }
            (Question::Record { index, broker, path, offset }, Some(player)) => {
                Answer::Position(player.record_position(index, broker, &path, offset))
            }
            (_, None) => Answer::Nothing,
        }
    }

    fn run(&mut self, request: &RunRequest) -> Answer {
        let player = Player::new(naru_labs::run(request));
        let events = &player.recording().events;
        let mut keys = KeyOrder::default();
        events.iter().for_each(|event| keys.learn(event));
        let headlines = (events.iter().enumerate())
            .filter(|(_, event)| importance(&event.kind) == Importance::Headline)
            .map(|(number, _)| number)
            .collect();
        let ran = Ran {
            summary: player.summary(),
            times: events.iter().map(|event| event.at.0).collect(),
            headlines,
            keys: keys.names().to_vec(),
            series: player.series(CHART_POINTS_MAX),
        };
        self.player = Some(player);
        Answer::Ran(Box::new(ran))
    }
}

/// A picture is sent for every step of a playing run: it should be small.
fn keep_newest_cells(view: &mut ClusterView) {
    let topics = view.brokers.values_mut().flat_map(|broker| broker.topics.values_mut());
    for partition in topics.flat_map(|topic| topic.partitions.values_mut()) {
        let excess = partition.cells.len().saturating_sub(CELLS_SENT_MAX);
        partition.cells.drain(..excess);
    }
}
