//! Which brokers hold a new partition.
//!
//! Kafka's stripes (`StripedReplicaPlacer`): racks stand in a circle, and brokers in a circle inside each rack. Every
//! partition begins one rack further than the one before, and takes a broker from rack after rack, so that its replicas are
//! in as many racks as there are. After as many partitions as there are brokers the circles are shuffled, so that not every
//! broker has the same neighbours for ever. The first replica, which will lead, is never on a fenced broker; others are only
//! where a rack has nobody else left.
//!
//! Chance comes from the topic's id, which is random: the same topic is placed alike in every run.

use crate::{ApiError, cluster::Cluster, record::PartitionRecord};
use alloc::{format, string::String, vec, vec::Vec};
use naru_trace::SortedMap;
use naru_wire::{BrokerId, ErrorCode};
use uuid::Uuid;

/// How many partitions one request may create. Kafka's limit, so that a batch of metadata records stays small.
pub(crate) const PARTITIONS_PER_REQUEST_MAX: i64 = 10_000;

/// The error for more than [`PARTITIONS_PER_REQUEST_MAX`].
pub(crate) fn excessive() -> ApiError {
    ApiError::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request.")
}

/// Chooses the replicas of `count` partitions of a topic, the first of which has the number `start`. The error is the second
/// half of a sentence: what a caller puts in front of it depends on the request.
pub(crate) fn place(
    cluster: Cluster<'_>,
    topic_id: Uuid,
    start: i32,
    count: i32,
    factor: i16,
) -> Result<Vec<Vec<i32>>, ApiError> {
    let invalid = |message| Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message));
    if factor <= 0 {
        return invalid(format!("Invalid replication factor {factor}: the replication factor must be positive."));
    }
    let mut circle = Circle::of(cluster, Chance::of(topic_id, start));
    let usable = circle.racks.iter().map(|rack| rack.unfenced.brokers.len() + rack.fenced.brokers.len()).sum::<usize>();
    if circle.unfenced == 0 {
        return invalid("All brokers are currently fenced.".into());
    }
    if factor as usize > usable {
        return invalid(format!(
            "The target replication factor of {factor} cannot be reached because only {usable} broker(s) are registered."
        ));
    }
    Ok((0..count).map(|_| circle.place(factor as usize)).collect())
}

/// All racks that have a broker which is not about to stop.
struct Circle {
    racks: Vec<Rack>,
    chance: Chance,
    unfenced: usize,
    /// How many partitions were placed since the last shuffle.
    round: usize,
    /// The rack that the next partition begins in.
    offset: usize,
}

#[derive(Default)]
struct Rack {
    unfenced: Ring,
    fenced: Ring,
}

/// Brokers in a circle. Every round begins one further.
#[derive(Default)]
struct Ring {
    brokers: Vec<i32>,
    round: usize,
    index: usize,
    offset: usize,
}

impl Circle {
    fn of(cluster: Cluster<'_>, chance: Chance) -> Self {
        let mut racks: SortedMap<Option<String>, Rack> = SortedMap::new();
        for (id, registration) in cluster.image.brokers().filter(|(_, known)| !known.in_controlled_shutdown) {
            let rack = racks.entry(registration.rack.clone()).or_default();
            let ring = if registration.fenced { &mut rack.fenced } else { &mut rack.unfenced };
            ring.brokers.push(id);
        }
        let racks: Vec<Rack> = racks.into_values().collect();
        let unfenced = racks.iter().map(|rack| rack.unfenced.brokers.len()).sum();
        let mut circle = Circle { racks, chance, unfenced, round: 0, offset: 0 };
        circle.shuffle();
        circle
    }

    fn shuffle(&mut self) {
        self.chance.shuffle(&mut self.racks);
        for rack in &mut self.racks {
            for ring in [&mut rack.unfenced, &mut rack.fenced] {
                self.chance.shuffle(&mut ring.brokers);
                *ring = Ring { brokers: core::mem::take(&mut ring.brokers), ..Ring::default() };
            }
        }
    }

    /// The replicas of the next partition. There are enough brokers, one of them unfenced.
    fn place(&mut self, factor: usize) -> Vec<i32> {
        if self.round == self.unfenced && self.unfenced > 1 {
            self.shuffle();
            self.round = 0;
        }
        self.offset %= self.racks.len();
        let (first, leader) = self.leader();
        let mut replicas = vec![leader];
        // The rack that gave the leader is passed over once: it has given one already.
        let mut passed_over = Some(first);
        let mut at = self.offset;
        while replicas.len() < factor {
            if passed_over == Some(at) {
                passed_over = None;
            } else {
                replicas.extend(self.racks[at].next(self.round));
            }
            at = (at + 1) % self.racks.len();
        }
        self.round += 1;
        self.offset += 1;
        replicas
    }

    /// The first unfenced broker from `offset` on, with its rack.
    fn leader(&mut self) -> (usize, i32) {
        for step in 0..self.racks.len() {
            let rack = (self.offset + step) % self.racks.len();
            if let Some(leader) = self.racks[rack].unfenced.next(self.round) {
                return (rack, leader);
            }
        }
        unreachable!("a round begins with every unfenced broker unused")
    }
}

impl Rack {
    fn next(&mut self, round: usize) -> Option<i32> {
        self.unfenced.next(round).or_else(|| self.fenced.next(round))
    }
}

impl Ring {
    /// The next broker that this round has not had.
    fn next(&mut self, round: usize) -> Option<i32> {
        if self.brokers.is_empty() {
            return None;
        }
        if self.round != round {
            self.round = round;
            self.index = 0;
            self.offset = (self.offset + 1) % self.brokers.len();
        }
        let broker = *self.brokers.get((self.index + self.offset) % self.brokers.len())?;
        (self.index < self.brokers.len()).then(|| {
            self.index += 1;
            broker
        })
    }
}

/// Small chances from a topic's id: SplitMix64.
struct Chance(u64);

impl Chance {
    fn of(topic_id: Uuid, start: i32) -> Self {
        let (high, low) = topic_id.as_u64_pair();
        Chance(high ^ low.rotate_left(32) ^ u64::from(start as u32))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    /// Fisher and Yates.
    fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }
}

/// Checks replicas that the client chose. `factor` is how many there have to be, if that is known.
pub(crate) fn validate_manual(
    cluster: Cluster<'_>,
    brokers: &[BrokerId],
    factor: Option<usize>,
) -> Result<Vec<i32>, ApiError> {
    let invalid = |message| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
    if brokers.is_empty() {
        return invalid("The manual partition assignment includes an empty replica list.".into());
    }
    let mut sorted: Vec<i32> = brokers.iter().map(|broker| broker.0).collect();
    sorted.sort_unstable();
    for (index, broker) in sorted.iter().enumerate() {
        if cluster.image.broker(*broker).is_none() {
            return invalid(format!(
                "The manual partition assignment includes broker {broker}, but no such broker is registered."
            ));
        }
        if index > 0 && sorted[index - 1] == *broker {
            return invalid(format!("The manual partition assignment includes the broker {broker} more than once."));
        }
    }
    match factor {
        Some(factor) if factor != brokers.len() => invalid(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with \
             previous partitions, which have {factor} replica(s).",
            brokers.len()
        )),
        _ => Ok(brokers.iter().map(|broker| broker.0).collect()),
    }
}

/// The record of a new partition: every broker that may lead is in sync, and the first of them leads. `None` if there is none.
pub(crate) fn new_partition(
    cluster: Cluster<'_>,
    topic_id: Uuid,
    partition_id: i32,
    replicas: Vec<i32>,
) -> Option<PartitionRecord> {
    let isr: Vec<i32> = replicas.iter().copied().filter(|id| cluster.is_active(*id)).collect();
    Some(PartitionRecord {
        partition_id,
        topic_id,
        leader: *isr.first()?,
        isr,
        removing_replicas: Vec::new(),
        adding_replicas: Vec::new(),
        leader_recovery_state: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: replicas.iter().map(|id| cluster.default_directory(*id)).collect(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        replicas,
    })
}

#[cfg(test)]
mod tests;
