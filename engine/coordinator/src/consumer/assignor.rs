//! The coordinator's own assignors: `uniform`, which keeps what it can and balances the rest, and `range`, which gives each
//! member neighbouring partitions of every topic.
//!
//! Both are pure: who is subscribed to what, how many partitions there are, and what the last target was.

use super::Partitions;
use alloc::{string::String, vec::Vec};
use naru_trace::{SortedMap, SortedSet};
use uuid::Uuid;

/// What an assignor has to know.
pub(crate) struct Question<'a> {
    /// The topics that each member wants.
    pub(crate) subscriptions: &'a SortedMap<String, SortedSet<Uuid>>,
    /// How many partitions each topic has.
    pub(crate) topics: &'a SortedMap<Uuid, i32>,
    /// What each member was to have until now.
    pub(crate) before: &'a SortedMap<String, Partitions>,
}

/// A partition of a topic.
type Place = (Uuid, i32);

/// Whether there is an assignor of this name.
pub(crate) fn is_known(name: &str) -> bool {
    matches!(name, "uniform" | "range")
}

/// The target of each member.
pub(crate) fn assign(name: &str, question: &Question<'_>) -> SortedMap<String, Partitions> {
    match name {
        "range" => range(question),
        _ => uniform(question),
    }
}

/// Of each topic, the members in order of their ids get partitions that follow each other; the first get one more.
fn range(question: &Question<'_>) -> SortedMap<String, Partitions> {
    let mut targets = nothing(question);
    for (topic, count) in question.topics {
        let members: Vec<&String> = subscribers(question, topic).collect();
        let Ok(size) = i32::try_from(members.len()) else { continue };
        if size == 0 {
            continue;
        }
        let (each, more) = (count / size, count % size);
        let mut next = 0;
        for (place, member) in (0..).zip(members) {
            let end = next + each + i32::from(place < more);
            if let Some(target) = targets.get_mut(member).filter(|_| next < end) {
                target.insert(*topic, (next..end).collect());
            }
            next = end;
        }
    }
    targets
}

/// Everybody keeps what they had, what is free goes to whoever has least, and then the richest give to the poorest.
fn uniform(question: &Question<'_>) -> SortedMap<String, Partitions> {
    let mut owners: SortedMap<Place, &String> = SortedMap::new();
    let mut counts: SortedMap<&String, usize> = question.subscriptions.keys().map(|member| (member, 0)).collect();
    for (member, wanted) in question.subscriptions {
        let had = question.before.get(member).into_iter().flatten();
        let had = had.flat_map(|(topic, partitions)| partitions.iter().map(move |partition| (*topic, *partition)));
        for place in had.filter(|(topic, _)| wanted.contains(topic)) {
            let exists = question.topics.get(&place.0).is_some_and(|count| place.1 < *count);
            if exists && !owners.contains_key(&place) {
                owners.insert(place, member);
                *counts.entry(member).or_default() += 1;
            }
        }
    }
    let places =
        question.topics.iter().flat_map(|(topic, count)| (0..*count).map(move |partition| (*topic, partition)));
    let places: Vec<Place> = places.collect();
    for place in &places {
        if !owners.contains_key(place)
            && let Some(poorest) = poorest(question, &place.0, &counts)
        {
            owners.insert(*place, poorest);
            *counts.entry(poorest).or_default() += 1;
        }
    }
    while balance(question, &places, &mut owners, &mut counts) {}
    let mut targets = nothing(question);
    for ((topic, partition), member) in owners {
        if let Some(target) = targets.get_mut(member) {
            target.entry(topic).or_default().push(partition);
        }
    }
    targets
}

/// Moves partitions from members that have at least two more than another who could have them. Returns whether any moved.
fn balance<'a>(
    question: &Question<'a>,
    places: &[Place],
    owners: &mut SortedMap<Place, &'a String>,
    counts: &mut SortedMap<&'a String, usize>,
) -> bool {
    let mut moved = false;
    for place in places {
        let Some(owner) = owners.get(place).copied() else { continue };
        let Some(poorest) = poorest(question, &place.0, counts) else { continue };
        let count = |member: &String| counts.get(member).copied().unwrap_or(0);
        if count(owner) > count(poorest) + 1 {
            owners.insert(*place, poorest);
            *counts.entry(owner).or_default() -= 1;
            *counts.entry(poorest).or_default() += 1;
            moved = true;
        }
    }
    moved
}

fn poorest<'a>(question: &Question<'a>, topic: &Uuid, counts: &SortedMap<&'a String, usize>) -> Option<&'a String> {
    subscribers(question, topic).min_by_key(|member| counts.get(member).copied().unwrap_or(0))
}

fn subscribers<'a>(question: &Question<'a>, topic: &Uuid) -> impl Iterator<Item = &'a String> {
    let topic = *topic;
    question.subscriptions.iter().filter(move |(_, wanted)| wanted.contains(&topic)).map(|(member, _)| member)
}

fn nothing(question: &Question<'_>) -> SortedMap<String, Partitions> {
    question.subscriptions.keys().map(|member| (member.clone(), Partitions::new())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: Uuid = Uuid::from_u128(1);

    fn sizes(targets: &SortedMap<String, Partitions>) -> Vec<usize> {
        targets.values().map(|target| target.values().map(Vec::len).sum()).collect()
    }

    fn ask(
        name: &str,
        members: &[&str],
        count: i32,
        before: &SortedMap<String, Partitions>,
    ) -> SortedMap<String, Partitions> {
        let subscriptions =
            members.iter().map(|member| (String::from(*member), SortedSet::from_iter([TOPIC]))).collect();
        let topics = SortedMap::from([(TOPIC, count)]);
        assign(name, &Question { subscriptions: &subscriptions, topics: &topics, before })
    }

    #[test]
    fn range_gives_neighbours_and_the_first_get_more() {
        let targets = ask("range", &["a", "b"], 3, &SortedMap::new());
        assert_eq!(targets["a"][&TOPIC], [0, 1]);
        assert_eq!(targets["b"][&TOPIC], [2]);
        assert_eq!(sizes(&ask("range", &["a", "b", "c"], 2, &SortedMap::new())), [1, 1, 0]);
    }

    #[test]
    fn uniform_balances_and_moves_no_more_than_it_must() {
        let two = ask("uniform", &["a", "b"], 6, &SortedMap::new());
        assert_eq!(sizes(&two), [3, 3]);
        let three = ask("uniform", &["a", "b", "c"], 6, &two);
        assert_eq!(sizes(&three), [2, 2, 2]);
        let kept = |member: &str| {
            let had = &two[member][&TOPIC];
            three[member][&TOPIC].iter().filter(|partition| had.contains(partition)).count()
        };
        assert_eq!((kept("a"), kept("b")), (2, 2), "who was there keeps what it may keep");
        let again = ask("uniform", &["a", "b", "c"], 6, &three);
        assert_eq!(again, three, "without a cause nothing moves");
    }
}
