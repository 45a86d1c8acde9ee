//! The set against a plain `BTreeSet`, and its decoder against everything else.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Scattered ordinals (also the very last ones) and one run that can make a chunk dense.
fn ordinals() -> impl Strategy<Value = BTreeSet<u64>> {
    let scattered = prop_oneof![0u64..300_000, any::<u64>(), (u64::MAX - 200_000)..=u64::MAX];
    let run = (0u64..150_000, 0u64..9_000);
    (prop::collection::btree_set(scattered, 0..60), run).prop_map(|(mut set, (from, len))| {
        set.extend(from..from + len);
        set
    })
}

#[test]
fn the_encoding_is_as_drawn() {
    let set: OrdinalSet = [1, 65_535, 65_536 * 258 + 5].into_iter().collect();
    let expected = "01 0000000000000003 000000000000 0001 0001 ffff 000000000102 0000 0005".replace(' ', "");
    assert_eq!(hex::encode(set.to_bytes()), expected);
    assert_eq!(hex::encode(OrdinalSet::new().to_bytes()), "010000000000000000");

    let dense: OrdinalSet = (3..4_100).collect();
    let bytes = dense.to_bytes();
    assert_eq!(bytes.len(), 1 + 8 + 8 + BITMAP_BYTES);
    assert_eq!(bytes[17], 0b1111_1000);
}

#[test]
fn the_border_between_list_and_bitmap_is_kept_on_both_sides() {
    for n in [1, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537] {
        let set: OrdinalSet = (0..n).collect();
        assert_eq!(OrdinalSet::from_bytes(&set.to_bytes()), Ok(set));
    }
}

#[test]
fn ten_million_members_take_less_than_two_mebibytes() {
    let everyone: OrdinalSet = (0..10_000_000).collect();
    assert_eq!(everyone.len(), 10_000_000);
    let bytes = everyone.to_bytes();
    assert!(bytes.len() < 2 << 20, "{}", bytes.len());
    assert_eq!(OrdinalSet::from_bytes(&bytes), Ok(everyone.clone()));
    assert!(everyone.contains(9_999_999) && !everyone.contains(10_000_000));
}

#[test]
fn a_range_begins_and_ends_inside_a_word() {
    let everyone: OrdinalSet = (0..70_000).collect();
    for first in (0..130).chain(65_500..65_560) {
        for last in (first..first + 130).step_by(7) {
            assert_eq!(everyone.count_in(first..=last), last - first + 1);
            assert!(everyone.iter_in(first..=last).eq(first..=last));
        }
    }
    let end: OrdinalSet = [u64::MAX - 64, u64::MAX].into_iter().collect();
    assert_eq!((end.count_in(u64::MAX..=u64::MAX), end.count_in(0..=u64::MAX - 1)), (1, 1));
    let (first, last) = (9, 3);
    assert_eq!(everyone.count_in(first..=last), 0);
}

#[test]
fn each_kind_of_malformed_bytes_is_refused() {
    let bad = |text: &str| {
        let bytes = hex::decode(text.replace(' ', "")).unwrap();
        OrdinalSet::from_bytes(&bytes).unwrap_err().what
    };
    assert_eq!(bad(""), "ends too early");
    assert_eq!(bad("02 0000000000000000"), "unknown version");
    assert_eq!(bad("01 0000000000000001 000000000000 0000"), "ends too early");
    assert_eq!(bad("01 0000000000000001 000000000000 0000 0005 00"), "ends too early");
    assert_eq!(bad("01 0000000000000002 000000000000 0000 0005"), "the number of members differs");
    assert_eq!(bad("01 0000000000000002 000000000000 0001 0005 0005"), "ordinals out of order");
    assert_eq!(
        bad("01 0000000000000002 000000000001 0000 0005 000000000001 0000 0006"),
        "chunks out of order"
    );
    // A bitmap where a list is due is read as a list, and a bitmap of another count is refused.
    let mut bytes = (0..5_000).collect::<OrdinalSet>().to_bytes();
    bytes[17] = 0;
    assert_eq!(OrdinalSet::from_bytes(&bytes).unwrap_err().what, "the bitmap's count differs");
}

#[test]
fn debug_shows_how_many_and_not_who() {
    assert_eq!(format!("{:?}", (17..20).collect::<OrdinalSet>()), "OrdinalSet(3 members)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_the_set_that_was_put_in(model in ordinals()) {
        let set: OrdinalSet = model.iter().rev().copied().collect();
        prop_assert_eq!(set.len(), model.len() as u64);
        prop_assert_eq!(set.is_empty(), model.is_empty());
        prop_assert!(set.iter().eq(model.iter().copied()));
        prop_assert!(model.iter().all(|&o| set.contains(o)));
        prop_assert_eq!(OrdinalSet::from_bytes(&set.to_bytes()), Ok(set));
    }

    #[test]
    fn ranges_are_cut_exactly(model in ordinals(), a in 0u64..300_000, b in 0u64..300_000) {
        let set: OrdinalSet = model.iter().copied().collect();
        let expected: Vec<u64> = model.iter().copied().filter(|o| (a..=b).contains(o)).collect();
        prop_assert_eq!(set.count_in(a..=b), expected.len() as u64);
        prop_assert!(set.iter_in(a..=b).eq(expected));
    }

    #[test]
    fn two_sets_compare_as_sets_do(a in ordinals(), b in ordinals()) {
        let (x, y): (OrdinalSet, OrdinalSet) = (a.iter().copied().collect(), b.iter().copied().collect());
        let rest = x.difference(&y);
        prop_assert!(rest.iter().eq(a.difference(&b).copied()));
        prop_assert!(rest.is_subset_of(&x));
        prop_assert_eq!(x.is_subset_of(&y), a.is_subset(&b));
        prop_assert!(x.difference(&x).is_empty());
    }

    #[test]
    fn taking_out_undoes_putting_in(model in ordinals(), gone in prop::collection::vec(0u64..300_000, 0..50)) {
        let mut model = model;
        let mut set: OrdinalSet = model.iter().copied().collect();
        for o in gone {
            prop_assert_eq!(set.remove(o), model.remove(&o));
        }
        prop_assert_eq!(set, model.into_iter().collect::<OrdinalSet>());
    }

    #[test]
    fn noise_never_panics_and_what_decodes_is_canonical(noise: Vec<u8>) {
        if let Ok(set) = OrdinalSet::from_bytes(&noise) {
            prop_assert_eq!(set.to_bytes(), noise);
        }
    }

    #[test]
    fn a_changed_encoding_is_another_set_or_none(
        model in ordinals(), at: prop::sample::Index, flip in 1u8.., cut: prop::sample::Index,
    ) {
        let bytes = model.iter().copied().collect::<OrdinalSet>().to_bytes();
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= flip;
        if let Ok(set) = OrdinalSet::from_bytes(&changed) {
            prop_assert_eq!(set.to_bytes(), changed);
        }
        prop_assert!(OrdinalSet::from_bytes(&bytes[..cut.index(bytes.len())]).is_err());
        let longer = [&bytes[..], &[0]].concat();
        prop_assert!(OrdinalSet::from_bytes(&longer).is_err());
    }
}
