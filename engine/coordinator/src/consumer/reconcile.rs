//! One step of a member from what it has to what it is to have (`CurrentAssignmentBuilder.java`).
//!
//! ```text
//!            has to give back? ─► UnrevokedPartitions: stays in its epoch until it says that it owns them no more
//! Stable ──┤ others still have? ─► UnreleasedPartitions: in the new epoch, with what is free
//!            neither            ─► Stable: in the new epoch, with all of it
//! ```

use super::Partitions;
use crate::record::{CurrentAssignment, MemberStateCode};
use alloc::vec::Vec;
use naru_trace::SortedSet;
use uuid::Uuid;

/// Where a member is to come.
pub(crate) struct Target<'a> {
    pub(crate) epoch: i32,
    pub(crate) partitions: &'a Partitions,
    /// What other members have, or have not given back yet.
    pub(crate) others: &'a SortedSet<(Uuid, i32)>,
}

/// The next step. `owned` is what the member says it owns; `None` if it does not say.
pub(crate) fn next(current: &CurrentAssignment, owned: Option<&Partitions>, target: &Target<'_>) -> CurrentAssignment {
    match current.state {
        MemberStateCode::Stable if current.epoch == target.epoch => current.clone(),
        MemberStateCode::UnrevokedPartitions if owned.is_none_or(|owned| overlaps(owned, &current.revoking)) => {
            current.clone()
        }
        _ => step(current, owned, target),
    }
}

fn step(current: &CurrentAssignment, owned: Option<&Partitions>, target: &Target<'_>) -> CurrentAssignment {
    let kept = filter(&current.assigned, |place| contains(target.partitions, place));
    let revoking = filter(&current.assigned, |place| !contains(target.partitions, place));
    if !revoking.is_empty() && owned.is_none_or(|owned| overlaps(owned, &revoking)) {
        let state = MemberStateCode::UnrevokedPartitions;
        return CurrentAssignment { state, assigned: kept, revoking, ..current.clone() };
    }
    let is_unreleased = |place| target.others.contains(&place);
    let assigned = filter(target.partitions, |place| contains(&kept, place) || !is_unreleased(place));
    let state = match assigned == *target.partitions {
        true => MemberStateCode::Stable,
        false => MemberStateCode::UnreleasedPartitions,
    };
    let previous_epoch = if current.epoch == target.epoch { current.previous_epoch } else { current.epoch };
    CurrentAssignment { epoch: target.epoch, previous_epoch, state, assigned, revoking: Partitions::new() }
}

fn contains(partitions: &Partitions, (topic, number): (Uuid, i32)) -> bool {
    partitions.get(&topic).is_some_and(|numbers| numbers.contains(&number))
}

fn overlaps(left: &Partitions, right: &Partitions) -> bool {
    left.iter().any(|(topic, numbers)| numbers.iter().any(|number| contains(right, (*topic, *number))))
}

fn filter(partitions: &Partitions, keep: impl Fn((Uuid, i32)) -> bool) -> Partitions {
    let mut kept = Partitions::new();
    for (topic, numbers) in partitions {
        let numbers: Vec<i32> = numbers.iter().copied().filter(|number| keep((*topic, *number))).collect();
        if !numbers.is_empty() {
            kept.insert(*topic, numbers);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: Uuid = Uuid::from_u128(1);

    fn of(numbers: &[i32]) -> Partitions {
        let mut partitions = Partitions::new();
        if !numbers.is_empty() {
            partitions.insert(TOPIC, numbers.to_vec());
        }
        partitions
    }

    #[test]
    fn semantics_36_revoke_before_assign() {
        let nobody = SortedSet::new();
        let has = CurrentAssignment { epoch: 1, previous_epoch: 0, assigned: of(&[0, 1]), ..Default::default() };
        let (wanted, owned) = (of(&[1, 2]), of(&[0, 1]));
        let target = Target { epoch: 2, partitions: &wanted, others: &nobody };
        let revoking = next(&has, Some(&owned), &target);
        assert_eq!((revoking.epoch, revoking.state), (1, MemberStateCode::UnrevokedPartitions));
        assert_eq!((&revoking.assigned, &revoking.revoking), (&of(&[1]), &of(&[0])));
        assert_eq!(next(&revoking, None, &target), revoking, "without its word there is no progress");
        assert_eq!(next(&revoking, Some(&owned), &target), revoking, "it still owns what it has to give back");
        let done = next(&revoking, Some(&of(&[1])), &target);
        assert_eq!((done.epoch, done.previous_epoch, done.state), (2, 1, MemberStateCode::Stable));
        assert_eq!(done.assigned, wanted);
    }

    #[test]
    fn semantics_36_what_others_have_is_waited_for() {
        let mut others = SortedSet::new();
        others.insert((TOPIC, 2));
        let wanted = of(&[1, 2]);
        let target = Target { epoch: 2, partitions: &wanted, others: &others };
        let waiting = next(&CurrentAssignment::default(), Some(&of(&[])), &target);
        assert_eq!((waiting.epoch, waiting.state), (2, MemberStateCode::UnreleasedPartitions));
        assert_eq!(waiting.assigned, of(&[1]));
        let nobody = SortedSet::new();
        let free = Target { others: &nobody, ..target };
        assert_eq!(next(&waiting, None, &free).assigned, wanted);
    }
}
