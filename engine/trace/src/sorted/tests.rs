//! The sorted vector does what the B-tree does.

use super::vector;
use alloc::{collections::BTreeMap, vec::Vec};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Deed {
    Insert(u8, u16),
    Remove(u8),
    AddOne(u8),
    PopFirst,
    PopLast,
    KeepEven,
    SplitOff(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..40_u8, any::<u16>()).prop_map(|(key, value)| Deed::Insert(key, value)),
        2 => (0..40_u8).prop_map(Deed::Remove),
        2 => (0..40_u8).prop_map(Deed::AddOne),
        1 => Just(Deed::PopFirst),
        1 => Just(Deed::PopLast),
        1 => Just(Deed::KeepEven),
        1 => (0..40_u8).prop_map(Deed::SplitOff),
    ]
}

proptest! {
    #[test]
    fn a_sorted_vector_is_a_b_tree(deeds in prop::collection::vec(deed(), 0..80), from in 0..40_u8, to in 0..40_u8) {
        let (mut vector, mut tree) = (vector::SortedMap::<u8, u16>::new(), BTreeMap::<u8, u16>::new());
        for deed in deeds {
            match deed {
                Deed::Insert(key, value) => prop_assert_eq!(vector.insert(key, value), tree.insert(key, value)),
                Deed::Remove(key) => prop_assert_eq!(vector.remove(&key), tree.remove(&key)),
                Deed::AddOne(key) => {
                    let a = vector.entry(key).and_modify(|value| *value = value.wrapping_add(1)).or_insert(7);
                    let b = tree.entry(key).and_modify(|value| *value = value.wrapping_add(1)).or_insert(7);
                    prop_assert_eq!(a, b);
                }
                Deed::PopFirst => prop_assert_eq!(vector.pop_first(), tree.pop_first()),
                Deed::PopLast => prop_assert_eq!(vector.pop_last(), tree.pop_last()),
                Deed::KeepEven => {
                    vector.retain(|key, _| key % 2 == 0);
                    tree.retain(|key, _| key % 2 == 0);
                }
                Deed::SplitOff(key) => {
                    let (a, b) = (vector.split_off(&key), tree.split_off(&key));
                    prop_assert_eq!(a.into_iter().collect::<Vec<_>>(), b.into_iter().collect::<Vec<_>>());
                }
            }
            prop_assert_eq!(vector.iter().collect::<Vec<_>>(), tree.iter().collect::<Vec<_>>());
            prop_assert_eq!(vector.first_key_value(), tree.first_key_value());
            prop_assert_eq!(vector.last_key_value(), tree.last_key_value());
            prop_assert_eq!(vector.get(&from), tree.get(&from));
        }
        let (from, to) = (from.min(to), from.max(to));
        prop_assert_eq!(vector.range(from..to).collect::<Vec<_>>(), tree.range(from..to).collect::<Vec<_>>());
        prop_assert_eq!(vector.range(from..=to).collect::<Vec<_>>(), tree.range(from..=to).collect::<Vec<_>>());
        prop_assert_eq!(vector.range(..to).collect::<Vec<_>>(), tree.range(..to).collect::<Vec<_>>());
        let json = serde_json::to_string(&vector).unwrap();
        prop_assert_eq!(&json, &serde_json::to_string(&tree).unwrap());
        prop_assert_eq!(serde_json::from_str::<vector::SortedMap<u8, u16>>(&json).unwrap(), vector);
    }

    #[test]
    fn a_sorted_vector_of_elements_is_a_set(elements in prop::collection::vec(0..40_u8, 0..60), gone in 0..40_u8) {
        let mut vector: vector::SortedSet<u8> = elements.iter().copied().collect();
        let mut tree: alloc::collections::BTreeSet<u8> = elements.iter().copied().collect();
        prop_assert_eq!(vector.remove(&gone), tree.remove(&gone));
        prop_assert_eq!(vector.iter().collect::<Vec<_>>(), tree.iter().collect::<Vec<_>>());
        prop_assert_eq!(vector.range(gone..).collect::<Vec<_>>(), tree.range(gone..).collect::<Vec<_>>());
        prop_assert_eq!((vector.first(), vector.last(), vector.len()), (tree.first(), tree.last(), tree.len()));
    }
}
