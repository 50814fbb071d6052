//! Measurements of copies, and of brokers that are away.

use crate::facts::{Facts, cluster::IsrDecision};
use naru_trace::MessageWay;

/// How records come to followers: `"fetched"` by them, or `"pushed"` by the leader.
pub(super) fn copies_are(facts: &Facts) -> Option<&'static str> {
    let by = &facts.cluster.copied_by;
    if by.contains(&MessageWay::Request) {
        return Some("pushed");
    }
    by.contains(&MessageWay::Response).then_some("fetched")
}

/// When a broker that is away leaves the in-sync replicas: `"at-once"`, or `"later"`; it `"stays"` if it is in sync though it was
/// away for five seconds.
pub(super) fn leaves_isr(facts: &Facts) -> Option<&'static str> {
    let absences = || facts.cluster.absences.iter();
    let since = |decision: &IsrDecision| {
        let away = absences().filter(|it| decision.left().any(|broker| broker == it.broker));
        away.filter(|it| it.from <= decision.at).map(|it| decision.at.since(it.from)).min()
    };
    if let Some(us) = facts.cluster.isrs.iter().find_map(since) {
        return Some(if us < 500_000 { "at-once" } else { "later" });
    }
    let long = absences().any(|it| it.until.unwrap_or(facts.end.at).since(it.from) >= 5_000_000);
    long.then_some("stays")
}

/// What the high watermark does while a broker of the in-sync replicas is away: it `"waits"`, or it `"goes-on"`.
pub(super) fn high_watermark_meanwhile(facts: &Facts) -> Option<&'static str> {
    let mut left = facts.cluster.isrs.iter().filter(|it| it.left().next().is_some()).peekable();
    left.peek()?;
    Some(if left.any(|decision| decision.uncommitted > 0) { "waits" } else { "goes-on" })
}
