//! One partition on one broker: its records as cells along the offset, where its log ends, and where its readers are.

use super::layout::{Options, shorten, text_width};
use crate::text;
use naru_trace::{BrokerState, CellView, ClusterView, PartitionView};

/// Height of a cell, and its width while offsets are short.
pub const CELL: f64 = 23.0;
/// From one cell to the next.
const BETWEEN: f64 = 4.0;
/// Width of one digit of an offset.
const DIGIT: f64 = 6.4;
/// From the lane's upper edge to its cells.
pub const CELLS_TOP: f64 = 21.0;
/// Height of one row of readers' names.
const MARKER_ROW: f64 = 14.0;
/// Room at the left for "what is further left".
const FOLD: f64 = 58.0;

/// A partition's replica.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// The broker it is on.
    pub broker: i32,
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
    /// Whether it leads.
    pub leads: bool,
    /// Whether it is a copy that is not in sync.
    pub out: bool,
    /// Whether its broker runs.
    pub running: bool,
    /// Its name and part, in words.
    pub title: String,
    /// Its ends, in words.
    pub ends: String,
    /// Records further left than the picture goes: how many there are.
    pub folded: Option<String>,
    /// Its records.
    pub cells: Vec<Cell>,
    /// Lines that hold together the records of one batch: from x to x.
    pub batches: Vec<(f64, f64)>,
    /// Where segments begin: x and base offset.
    pub segments: Vec<(f64, i64)>,
    /// Where the time of another leader begins: x and leader epoch.
    pub epochs: Vec<(f64, i32)>,
    /// Width of a cell: long offsets need more.
    pub cell_width: f64,
    /// Left edge of the place of the next record.
    pub end_x: f64,
    /// The log end offset.
    pub end: i64,
    /// The high watermark, where it is not the log's end.
    pub high_watermark: Option<(f64, i64)>,
    /// Its readers.
    pub markers: Vec<Marker>,
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// The colour of its key; `None` without a key.
    pub colour: Option<usize>,
    /// Whether it is drawn filled.
    pub filled: bool,
    /// Whether consumers may read it.
    pub readable: bool,
    /// The record.
    pub record: CellView,
}

/// Readers that will read the same offset next.
#[derive(Debug, Clone, PartialEq)]
pub struct Marker {
    /// Middle of the cell they will read next.
    pub x: f64,
    /// Base line of their names.
    pub y: f64,
    /// Upper end of the line from the name to the cell.
    pub tip: f64,
    /// Their names.
    pub names: String,
    /// Left edge of their names.
    pub text_x: f64,
    /// The offset.
    pub offset: i64,
}

/// What a lane is made from.
pub struct LaneSpec<'a> {
    /// The cluster.
    pub view: &'a ClusterView,
    /// The broker.
    pub broker: i32,
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

/// The lane, if the broker has a replica of the partition.
pub fn lane(spec: &LaneSpec, options: &Options) -> Option<Lane> {
    let broker = spec.view.brokers.get(&spec.broker)?;
    let replica = broker.topics.get(spec.topic)?.partitions.get(&spec.partition)?;
    if replica.role == "elsewhere" {
        return None;
    }
    let leads = leads(replica, spec.broker);
    let axis = Axis::of(spec, longest(spec.view, spec.topic, spec.partition));
    let cells = cells(replica, &axis, spec.y + CELLS_TOP, leads, options);
    let hw = replica.high_watermark;
    let high_watermark = (hw < replica.log_end_offset).then(|| (axis.x(hw) - 2.0, hw));
    let hidden = axis.first - replica.log_start_offset;
    Some(Lane {
        broker: spec.broker,
        topic: spec.topic.to_string(),
        partition: spec.partition,
        x: spec.x,
        y: spec.y,
        w: spec.w,
        h: spec.h,
        leads,
        out: out_of_sync(spec.view, spec.topic, spec.partition, spec.broker),
        running: broker.state == BrokerState::Running,
        title: title(spec, replica, leads, options),
        ends: ends(replica, options),
        folded: (hidden > 0).then(|| format!("‹ {hidden}")),
        batches: batches(&cells, axis.cell),
        cell_width: axis.cell,
        segments: segments(replica, &axis),
        epochs: epochs(replica, &axis),
        end_x: axis.x(replica.log_end_offset),
        end: replica.log_end_offset,
        high_watermark,
        markers: if leads || spec.view.brokers.len() == 1 { markers(spec, &axis) } else { Vec::new() },
        cells,
    })
}

/// Whether the broker leads the partition, as far as it knows.
pub fn leads(replica: &PartitionView, broker: i32) -> bool {
    replica.leader == broker && replica.role != "follower"
}

/// Whether the broker's copy is not in sync, as the newest decision has it.
pub fn out_of_sync(view: &ClusterView, topic: &str, partition: i32, broker: i32) -> bool {
    let copies = view.brokers.values().filter_map(|it| it.topics.get(topic)?.partitions.get(&partition));
    let newest = copies.max_by_key(|copy| (copy.leader_epoch, copy.partition_epoch));
    newest.is_some_and(|newest| newest.replicas.contains(&broker) && !newest.isr.contains(&broker))
}

/// How high a lane is: its markers need room.
pub fn height(view: &ClusterView, topic: &str, partition: i32, w: f64) -> f64 {
    let spec = LaneSpec { view, broker: -1, topic, partition, x: 0.0, y: 0.0, w: w - 16.0, h: 0.0 };
    let axis = Axis::of(&spec, longest(view, topic, partition));
    let rows = markers(&spec, &axis).iter().map(|marker| marker.row()).max().map_or(0, |row| row + 1);
    CELLS_TOP + CELL + 10.0 + MARKER_ROW * rows.max(1) as f64
}

/// The offsets of a lane along x.
struct Axis {
    /// The offset at the left end.
    first: i64,
    /// Where it is.
    left: f64,
    right: f64,
    /// Width of a cell.
    cell: f64,
}

impl Axis {
    /// The newest records are shown; on all replicas of a partition the same ones.
    fn of(spec: &LaneSpec, (log_start, log_end): (i64, i64)) -> Axis {
        let cell = CELL.max(log_end.to_string().len() as f64 * DIGIT + 6.0);
        let pitch = cell + BETWEEN;
        let room = ((spec.w - 22.0) / pitch).floor() as i64 - 1;
        let records = log_end - log_start;
        if records <= room {
            return Axis { first: log_start, left: spec.x + 10.0, right: spec.x + spec.w, cell };
        }
        let room = ((spec.w - 22.0 - FOLD) / pitch).floor() as i64 - 1;
        Axis { first: (log_end - room).max(log_start), left: spec.x + 10.0 + FOLD, right: spec.x + spec.w, cell }
    }

    fn x(&self, offset: i64) -> f64 {
        self.left + (offset - self.first).max(0) as f64 * (self.cell + BETWEEN)
    }
}

/// The log start and log end over all replicas of a partition.
fn longest(view: &ClusterView, topic: &str, partition: i32) -> (i64, i64) {
    let replicas =
        || view.brokers.values().filter_map(move |broker| broker.topics.get(topic)?.partitions.get(&partition));
    let start = replicas().map(|replica| replica.log_start_offset).min().unwrap_or(0);
    let end = replicas().map(|replica| replica.log_end_offset).max().unwrap_or(0);
    (start, end)
}

fn title(spec: &LaneSpec, replica: &PartitionView, leads: bool, options: &Options) -> String {
    let part = match (replica.online, leads) {
        (false, _) => text::offline(options.locale).to_string(),
        (true, true) => text::leader(options.locale).to_string(),
        (true, false) => match out_of_sync(spec.view, spec.topic, spec.partition, spec.broker) {
            true => format!("{} · {}", text::follower(options.locale), text::out_of_sync(options.locale)),
            false => text::follower(options.locale).to_string(),
        },
    };
    if super::layout::stacked(spec.view, options.width) {
        let room = spec.w - text_width(&ends(replica, options), 11.0) - text_width(&part, 13.5) - 46.0;
        let name = shorten(&format!("{}-{}", spec.topic, spec.partition), room, 13.5);
        return format!("{name} · {part}");
    }
    part
}

fn ends(replica: &PartitionView, options: &Options) -> String {
    let end = format!("{} {}", text::end(options.locale), replica.log_end_offset);
    if replica.log_start_offset > 0 {
        return format!("{} {} · {end}", text::start(options.locale), replica.log_start_offset);
    }
    end
}

fn cells(replica: &PartitionView, axis: &Axis, y: f64, leads: bool, options: &Options) -> Vec<Cell> {
    (replica.cells.iter())
        .filter(|cell| cell.offset >= axis.first && cell.offset >= replica.log_start_offset)
        .map(|cell| Cell {
            x: axis.x(cell.offset),
            y,
            w: axis.cell,
            colour: cell.key.as_ref().map(|key| options.keys.colour(&key.text)),
            filled: leads,
            readable: cell.offset < replica.high_watermark,
            record: cell.clone(),
        })
        .collect()
}

fn batches(cells: &[Cell], width: f64) -> Vec<(f64, f64)> {
    (cells.chunk_by(|one, next| one.record.batch == next.record.batch))
        .filter(|batch| batch.len() > 1)
        .map(|batch| (batch[0].x + 2.0, batch[batch.len() - 1].x + width - 2.0))
        .collect()
}

fn segments(replica: &PartitionView, axis: &Axis) -> Vec<(f64, i64)> {
    (replica.segments.iter().skip(1))
        .filter(|segment| segment.base_offset > axis.first)
        .map(|segment| (axis.x(segment.base_offset) - 2.0, segment.base_offset))
        .collect()
}

fn epochs(replica: &PartitionView, axis: &Axis) -> Vec<(f64, i32)> {
    (replica.epochs.iter().skip(1))
        .filter(|(_, start)| *start > axis.first)
        .map(|(epoch, start)| (axis.x(*start) - 2.0, *epoch))
        .collect()
}

/// Readers under the cells: those at one offset share a marker; names that would overlap go one row down.
fn markers(spec: &LaneSpec, axis: &Axis) -> Vec<Marker> {
    let mut places: Vec<(i64, Vec<&str>)> = Vec::new();
    for client in spec.view.clients.values().filter(|client| !client.closed) {
        let Some(offset) = client.positions.get(spec.topic).and_then(|topic| topic.get(&spec.partition)) else {
            continue;
        };
        match places.iter_mut().find(|(place, _)| place == offset) {
            Some((_, names)) => names.push(&client.name),
            None if *offset >= 0 => places.push((*offset, vec![&client.name])),
            None => {}
        }
    }
    places.sort();
    let mut row_ends: Vec<f64> = Vec::new();
    let top = spec.y + CELLS_TOP + CELL;
    let mut markers = Vec::new();
    for (offset, names) in places {
        let names = shorten(&names.join(", "), spec.w * 0.6, 11.0);
        let width = text_width(&names, 11.0) + 6.0;
        let x = (axis.x(offset) + axis.cell / 2.0).min(axis.right - 4.0);
        let text_x = (x + 8.0).min(axis.right - width).max(spec.x + 4.0);
        let row = row_ends.iter().position(|end| *end < text_x - 14.0).unwrap_or(row_ends.len());
        row_ends.resize(row_ends.len().max(row + 1), 0.0);
        row_ends[row] = text_x + width;
        markers.push(Marker { x, y: top + 13.0 + row as f64 * MARKER_ROW, tip: top + 3.0, names, text_x, offset });
    }
    markers
}

impl Marker {
    fn row(&self) -> usize {
        ((self.y - self.tip - 10.0) / MARKER_ROW).round().max(0.0) as usize
    }
}
