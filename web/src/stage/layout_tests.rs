//! What must be true of every picture: nothing outside, nothing on top of each other, every record at its offset.

use super::*;
use crate::stage::lane::CELL;
use naru_trace::SortedMap;
use naru_trace::{CellView, ClientRole, ClientView, PartitionView, SegmentView, TopicView};

fn partition(records: i64) -> PartitionView {
    let cell = |offset| CellView { offset, batch: offset, key: None, value: None, timestamp_ms: 0 };
    PartitionView {
        leader: 1,
        online: true,
        high_watermark: records,
        log_end_offset: records,
        segments: vec![SegmentView { base_offset: 0, bytes: 0, max_timestamp_ms: -1 }],
        cells: (0..records).map(cell).collect(),
        ..PartitionView::default()
    }
}

fn cluster(partitions: i32, records: i64, readers: &[i64]) -> ClusterView {
    let topic = TopicView {
        partitions: (0..partitions).map(|number| (number, partition(records))).collect(),
        ..TopicView::default()
    };
    let broker = BrokerView { topics: SortedMap::from([("notes".to_string(), topic)]), ..BrokerView::default() };
    let mut view = ClusterView { brokers: SortedMap::from([(1, broker)]), ..ClusterView::default() };
    view.clients.insert(0, ClientView::new("writer".into(), ClientRole::Producer, Vec::new()));
    for (number, position) in (1..).zip(readers) {
        let mut reader = ClientView::new(format!("reader-{number}"), ClientRole::Consumer, Vec::new());
        reader.positions = SortedMap::from([("notes".to_string(), SortedMap::from([(0, *position)]))]);
        view.clients.insert(number, reader);
    }
    view
}

fn draw(view: &ClusterView, width: f64) -> Scene {
    scene(view, &Options { width, locale: Locale::En, keys: &KeyOrder::default(), first: 0 })
}

#[test]
fn everything_stays_inside_at_every_width() {
    for width in [300.0, 360.0, 559.0, 560.0, 720.0, 1200.0] {
        for records in [0, 1, 7, 40, 256] {
            let view = cluster(3, records, &[0, records / 2, records]);
            let scene = draw(&view, width);
            assert!(scene.pills.iter().all(|pill| pill.x >= 0.0 && pill.x + pill.w <= width), "clients at {width}");
            assert!(scene.cards.iter().all(|card| card.x + card.w <= width && card.y + card.h <= scene.height));
            for lane in &scene.lanes {
                assert!(lane.cells.iter().all(|cell| cell.x >= lane.x && cell.x + lane.cell_width <= lane.x + lane.w));
                assert!(
                    lane.markers.iter().all(|it| it.text_x >= lane.x && it.y <= lane.y + lane.h),
                    "{width} {records}"
                );
                assert!(
                    lane.end_x + lane.cell_width <= lane.x + lane.w,
                    "the place of the next record at {width}, {records}"
                );
            }
        }
    }
}

#[test]
fn x_is_the_offset() {
    let view = cluster(1, 5, &[]);
    let lane = &draw(&view, 720.0).lanes[0];
    let offsets: Vec<i64> = lane.cells.iter().map(|cell| cell.record.offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4]);
    let pitch = lane.cells[1].x - lane.cells[0].x;
    assert!(pitch > CELL);
    assert!(lane.cells.windows(2).all(|pair| (pair[1].x - pair[0].x - pitch).abs() < 1e-9));
    assert!((lane.end_x - lane.cells[4].x - pitch).abs() < 1e-9);
}

#[test]
fn a_long_log_shows_its_newest_records_and_counts_the_rest() {
    let view = cluster(1, 200, &[]);
    let lane = &draw(&view, 720.0).lanes[0];
    assert_eq!(lane.cells.last().map(|cell| cell.record.offset), Some(199));
    let hidden = 200 - lane.cells.len();
    assert_eq!(lane.folded, Some(format!("‹ {hidden}")));
}

#[test]
fn readers_at_one_offset_share_a_marker_and_names_never_overlap() {
    let view = cluster(1, 9, &[4, 4, 5, 6]);
    let lane = &draw(&view, 720.0).lanes[0];
    let names: Vec<&str> = lane.markers.iter().map(|marker| marker.names.as_str()).collect();
    assert_eq!(names, ["reader-1, reader-2", "reader-3", "reader-4"]);
    for (one, next) in lane.markers.iter().zip(lane.markers.iter().skip(1)) {
        let apart = one.y != next.y || one.text_x + text_width(&one.names, 11.0) < next.text_x;
        assert!(apart, "{} and {} overlap", one.names, next.names);
    }
}

#[test]
fn partitions_that_do_not_fit_are_left_for_the_chips() {
    let view = cluster(12, 2, &[]);
    assert_eq!(draw(&view, 360.0).partitions, (12, 3));
    assert_eq!(draw(&view, 900.0).partitions, (12, 8));
    let options = Options { width: 900.0, locale: Locale::En, keys: &KeyOrder::default(), first: 11 };
    let last = scene(&view, &options).lanes.last().map(|lane| lane.partition);
    assert_eq!(last, Some(11));
}

#[test]
fn a_message_leaves_its_client_and_reaches_the_broker() {
    let view = cluster(1, 1, &[0]);
    let scene = draw(&view, 720.0);
    let way = scene.route(Actor::Client(0), Actor::Broker(1)).expect("both are on the stage");
    assert_eq!(way.last().map(|point| point.1), Some(scene.cards[0].y - MESSAGE_HEIGHT / 2.0));
    let back = scene.route(Actor::Broker(1), Actor::Client(1)).expect("both are on the stage");
    assert_eq!(back.first().map(|point| point.1), Some(scene.cards[0].y + scene.cards[0].h + MESSAGE_HEIGHT / 2.0));
    assert_eq!(scene.route(Actor::Client(9), Actor::Broker(1)), None);
}

/// Three brokers, each with a copy of the same partition; the third is behind, and out of sync.
fn copies() -> ClusterView {
    let mut view = ClusterView::default();
    for (id, role, records) in [(1, "leader", 6), (2, "follower", 6), (3, "follower", 3)] {
        let copy = PartitionView {
            role: role.into(),
            replicas: vec![1, 2, 3],
            isr: vec![1, 2],
            high_watermark: 3,
            epochs: vec![(0, 0), (1, 2)],
            ..partition(records)
        };
        let topic = TopicView { partitions: SortedMap::from([(0, copy)]), ..TopicView::default() };
        let topics = SortedMap::from([("notes".to_string(), topic)]);
        view.brokers.insert(id, BrokerView { topics, ..BrokerView::default() });
    }
    view
}

#[test]
fn copies_stand_side_by_side_with_the_same_offsets_at_the_same_place() {
    let scene = draw(&copies(), 1200.0);
    let place =
        |lane: &crate::stage::lane::Lane| lane.cells.iter().map(|it| (it.x - lane.x).round()).collect::<Vec<_>>();
    let [leader, follower, behind] = scene.lanes.as_slice() else { panic!("three copies") };
    assert_eq!(place(leader), place(follower));
    assert_eq!(place(leader)[..3], place(behind)[..]);
    assert_eq!([leader.leads, follower.leads, behind.leads], [true, false, false]);
    assert_eq!([leader.out, follower.out, behind.out], [false, false, true]);
    assert!(behind.title.contains("out of sync") && leader.cells[0].filled && !follower.cells[0].filled);
    assert!(leader.high_watermark.is_some() && behind.high_watermark.is_none());
    assert_eq!(leader.epochs.iter().map(|it| it.1).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_broker_says_whether_it_is_suspended_and_whom_it_cannot_reach() {
    let mut view = copies();
    view.faults.paused.insert(2);
    view.faults.set_link(Actor::Broker(1), Actor::Broker(3), |link| link.cut = true);
    let scene = draw(&view, 1200.0);
    assert_eq!([scene.cards[0].down, scene.cards[1].down], [false, true]);
    assert!(scene.cards[0].detail.ends_with("✂ 3") && scene.cards[1].detail.contains("suspended"));
}

#[test]
fn brokers_that_would_be_too_narrow_stand_one_below_the_other() {
    for (width, stacked) in [(360.0, true), (720.0, true), (1000.0, false)] {
        let scene = draw(&copies(), width);
        assert_eq!(scene.cards[0].x == scene.cards[1].x, stacked, "{width}");
        assert!(
            scene.lanes.iter().all(|lane| lane.cells.len() == lane.end as usize),
            "every record is seen at {width}"
        );
        let way = scene.route(Actor::Broker(2), Actor::Broker(1)).expect("both are there");
        assert!(way.iter().all(|(x, y)| *x > 0.0 && *x < width && *y > 0.0 && *y < scene.height), "{width}: {way:?}");
    }
}
