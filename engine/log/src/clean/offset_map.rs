//! Which offset is the last one of each key, in bounded memory (Kafka's SkimpyOffsetMap).
//!
//! Keys are not kept, only sixteen bytes of digest and the offset for each: 24 bytes a key, whatever its length. The memory
//! limit (`log.cleaner.dedupe.buffer.size`) says how many keys fit. A log with more of them is cleaned only as far as the map
//! reached, and the rest the next time.
//!
//! It is an open hash table in shards: a shard that grows copies a few hundred kilobytes at most, so that nobody waits for
//! it. Memory is taken as keys come, never more than the limit. The order of keys is never used.

use super::digest::{Digest, DigestSecret, digest};
use alloc::{vec, vec::Vec};

/// A digest and an offset.
const SLOT_BYTES: usize = 24;
/// Tables up to this size are one shard.
const SHARD_BYTES_MAX: usize = 512 << 10;
const FIRST_SLOTS: usize = 16;
/// What stands for "nothing here": no record has such an offset.
const NO_OFFSET: i64 = -1;

/// The last offset of each key, as far as the log was read.
#[derive(Debug)]
pub struct OffsetMap {
    secret: DigestSecret,
    shards: Vec<Shard>,
    slots_max: usize,
    /// How many keys it takes.
    keys_max: usize,
    keys: usize,
    /// Everything up to here is in the map.
    latest_offset: i64,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    digest: Digest,
    offset: i64,
}

#[derive(Debug, Clone, Default)]
struct Shard {
    slots: Vec<Slot>,
    keys: usize,
}

impl OffsetMap {
    /// An empty map. `memory_bytes` is the limit, `load_percent` how full a table may get
    /// (`log.cleaner.io.buffer.load.factor`).
    pub fn new(memory_bytes: usize, load_percent: u8, secret: DigestSecret) -> Self {
        let shard_count = memory_bytes.div_ceil(SHARD_BYTES_MAX).max(1).next_power_of_two();
        let slots_max = (memory_bytes / SLOT_BYTES / shard_count).max(2);
        OffsetMap {
            secret,
            shards: vec![Shard::default(); shard_count],
            slots_max,
            // At least one key, so that every cleaning gets further; at least one slot stays free, so that searches end.
            keys_max: (slots_max * usize::from(load_percent.min(100)) / 100).clamp(1, slots_max - 1),
            keys: 0,
            latest_offset: NO_OFFSET,
        }
    }

    /// Notes that `offset` is the last one of `key` so far. `false` if there is no room for another key.
    pub fn put(&mut self, key: &[u8], offset: i64) -> bool {
        assert!(offset >= 0, "an offset is not negative");
        let digest = digest(self.secret, key);
        let shard = self.shard_of(digest);
        let (slots_max, keys_max) = (self.slots_max, self.keys_max);
        let shard = &mut self.shards[shard];
        if let Some(slot) = shard.slot_mut(digest).filter(|slot| slot.offset != NO_OFFSET) {
            slot.offset = slot.offset.max(offset);
        } else if shard.keys == keys_max {
            return false;
        } else {
            shard.insert(Slot { digest, offset }, slots_max);
            self.keys += 1;
        }
        true
    }

    /// The last offset of `key`, if it is in the map.
    pub fn offset_of(&self, key: &[u8]) -> Option<i64> {
        let digest = digest(self.secret, key);
        let shard = &self.shards[self.shard_of(digest)];
        let slot = shard.slots.get(shard.find(digest)?)?;
        (slot.offset != NO_OFFSET).then_some(slot.offset)
    }

    /// All records up to `offset` are in the map now.
    pub fn update_latest_offset(&mut self, offset: i64) {
        self.latest_offset = self.latest_offset.max(offset);
    }

    /// Everything up to here is in the map; -1 if nothing is.
    pub fn latest_offset(&self) -> i64 {
        self.latest_offset
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// Memory taken, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.slots.capacity() * SLOT_BYTES).sum()
    }

    fn shard_of(&self, digest: Digest) -> usize {
        (digest[1] as usize) & (self.shards.len() - 1)
    }
}

impl Shard {
    /// Where `digest` is, or the free slot where it would be. `None` while there are no slots.
    fn find(&self, digest: Digest) -> Option<usize> {
        let count = self.slots.len();
        if count == 0 {
            return None;
        }
        let mut at = (digest[0] % count as u64) as usize;
        loop {
            let slot = &self.slots[at];
            if slot.offset == NO_OFFSET || slot.digest == digest {
                return Some(at);
            }
            at = if at + 1 == count { 0 } else { at + 1 };
        }
    }

    fn slot_mut(&mut self, digest: Digest) -> Option<&mut Slot> {
        let at = self.find(digest)?;
        self.slots.get_mut(at)
    }

    /// Adds a digest that is not there, and grows first where that is allowed and due.
    fn insert(&mut self, slot: Slot, slots_max: usize) {
        let count = self.slots.len();
        if count < slots_max && self.keys * 4 >= count * 3 {
            self.grow((count * 2).clamp(FIRST_SLOTS.min(slots_max), slots_max));
        }
        self.place(slot);
        self.keys += 1;
    }

    fn grow(&mut self, count: usize) {
        let free = Slot { digest: [0, 0], offset: NO_OFFSET };
        let before = core::mem::replace(&mut self.slots, vec![free; count]);
        before.into_iter().filter(|slot| slot.offset != NO_OFFSET).for_each(|slot| self.place(slot));
    }

    fn place(&mut self, slot: Slot) {
        let at = self.find(slot.digest).expect("there are slots");
        self.slots[at] = slot;
        debug_assert!(self.slots.len() > self.keys, "one slot stays free");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeMap, format};
    use proptest::prelude::*;

    const SECRET: DigestSecret = DigestSecret(1, 2);

    #[test]
    fn the_last_offset_of_a_key_wins() {
        let mut map = OffsetMap::new(1 << 10, 90, SECRET);
        for (key, offset) in [("a", 0), ("b", 1), ("a", 2), ("", 3)] {
            assert!(map.put(key.as_bytes(), offset));
        }
        assert_eq!([map.offset_of(b"a"), map.offset_of(b"b"), map.offset_of(b"")], [Some(2), Some(1), Some(3)]);
        assert_eq!((map.offset_of(b"c"), map.len()), (None, 3));
    }

    #[test]
    fn a_full_map_takes_no_other_key_but_new_offsets() {
        let mut map = OffsetMap::new(3 * SLOT_BYTES, 90, SECRET);
        assert!(map.put(b"a", 0));
        assert!(map.put(b"b", 1));
        assert!(!map.put(b"c", 2));
        assert!(map.put(b"a", 3));
        assert_eq!([map.offset_of(b"a"), map.offset_of(b"b"), map.offset_of(b"c")], [Some(3), Some(1), None]);
    }

    #[test]
    fn memory_comes_with_the_keys_and_ends_at_the_limit() {
        const LIMIT: usize = 2 << 20;
        let mut map = OffsetMap::new(LIMIT, 90, SECRET);
        assert_eq!(map.memory_bytes(), 0);
        let full_at = (0..).find(|number| !map.put(format!("key {number}").as_bytes(), *number)).unwrap();
        assert!(map.memory_bytes() <= LIMIT, "{}", map.memory_bytes());
        // Keys do not spread quite evenly over the shards; the first full one ends it.
        let possible = (LIMIT / SLOT_BYTES * 9 / 10) as i64;
        assert!(full_at > possible * 95 / 100 && full_at <= possible, "{full_at} of {possible}");
    }

    proptest! {
        #[test]
        fn it_is_a_map(keys in prop::collection::vec(0..60_u8, 0..200), limit in 0..4_000_usize) {
            let (mut map, mut model) = (OffsetMap::new(limit, 90, SECRET), BTreeMap::new());
            for (offset, key) in keys.iter().enumerate() {
                let offset = offset as i64;
                if map.put(&[*key], offset) {
                    model.insert(*key, offset);
                } else {
                    prop_assert!(!model.contains_key(key), "a known key always has room");
                }
            }
            prop_assert_eq!(map.len(), model.len());
            for key in 0..60 {
                prop_assert_eq!(map.offset_of(&[key]), model.get(&key).copied());
            }
        }
    }
}
