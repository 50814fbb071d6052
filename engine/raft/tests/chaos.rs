//! Thousands of worlds in which everything goes wrong for a while, each from its seed. After every step the harness checks:
//! one leader in an epoch, the high watermark never goes back, what is committed is the same everywhere. At the end, when
//! faults have stopped: somebody leads within bounded time, everybody has all that was ever committed, and logs match.
//!
//! `NARU_RAFT_SEEDS=20000 cargo test --release -p naru-raft --test chaos` runs more; `NARU_RAFT_SEED=7` one.

mod harness;

use harness::{Dice, Faults, World};

const SECOND: u64 = 1_000_000;
/// Once faults stop, a quorum has a leader and all its records after so long: a few elections.
const SETTLE_US_MAX: u64 = 20 * SECOND;

#[test]
fn nothing_committed_is_ever_lost() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("NARU_RAFT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("NARU_RAFT_SEEDS").unwrap_or(if cfg!(debug_assertions) { 150 } else { 3000 }),
    };
    let (mut committed, mut epochs, mut slowest, count) = (0, 0, 0, seeds.end - seeds.start);
    for seed in seeds {
        let (took, records, epoch) = one(seed);
        committed += records;
        epochs += epoch;
        slowest = slowest.max(took);
    }
    println!("{count} worlds: {committed} records committed, {epochs} epochs, slowest to settle {slowest} us");
    assert!(committed > 20 * count, "the worlds are not so bad that nothing happens in them");
    assert!(count == 1 || epochs > 2 * count, "nor so good that leaders last for ever");
}

fn one(seed: u64) -> (u64, u64, u64) {
    let mut dice = Dice::new(seed ^ 0x5eed);
    let voters = [3, 3, 5, 2][dice.below(4) as usize];
    let mut world = World::new(seed, voters, dice.below(2) as i32);
    world.faults = Faults::SOME;
    let end = world.now + 25 * SECOND;
    while world.now < end {
        let pause = 20_000 + dice.below(400_000);
        world.run(pause);
        for _ in 0..dice.below(4) {
            world.write();
        }
        act(&mut world, &mut dice);
    }
    world.heal();
    world.faults = Faults::NONE;
    for id in world.nodes.keys().copied().collect::<Vec<_>>() {
        if !world.is_up(id) {
            world.start(id);
        }
    }
    let settled = world.run_until(SETTLE_US_MAX, |world| world.settled().is_some());
    assert!(settled.is_some(), "seed {seed}: nobody leads long after the last fault: {}", world.describe());
    let took = world.now - end;
    world.write().expect("one leads");
    let settled = world.run_until(SETTLE_US_MAX, World::caught_up);
    assert!(settled.is_some(), "seed {seed}: some are behind: {}", world.describe());
    for node in world.nodes.values() {
        let raft = node.raft.as_ref().expect("all are up");
        assert_eq!(raft.failed(), None, "seed {seed}");
    }
    world.checks.all_there(seed, &world.nodes);
    world.checks.logs_match(seed, &world.nodes);
    let leader = world.settled().expect("one leads");
    (took, world.checks.log.len() as u64, world.raft(leader).epoch() as u64)
}

fn act(world: &mut World, dice: &mut Dice) {
    let ids: Vec<i32> = world.nodes.keys().copied().collect();
    let mut any = || ids[dice.below(ids.len() as u64) as usize];
    let (a, b) = (any(), any());
    match dice.below(24) {
        0 => world.stop(a, true),
        1 => world.stop(a, false),
        2..=6 => ids.iter().copied().for_each(|id| {
            if !world.is_up(id) {
                world.start(id);
            }
        }),
        7 => world.isolate(a),
        8 if a != b => world.cut_both(a, b),
        9 if a != b => drop(world.cut.insert((a, b))),
        10..=13 => world.heal(),
        14 => {
            if let Some((_, leader)) = world.leaders().last().copied() {
                world.stop(leader, dice.chance(50));
            }
        }
        15 if world.is_up(a) => world.with(a, |raft, io| raft.resign(io)),
        16 if world.is_up(a) => {
            // A batch may not be cut by a snapshot's end, so it is at the end of all that is committed.
            let end = world.raft(a).high_watermark();
            let payloads = [bytes::Bytes::from_static(b"a summary")];
            world.with(a, |raft, io| raft.write_snapshot(end, &payloads, io)).expect("it writes");
        }
        _ => {}
    }
}
