//! Which members go into which part.
//!
//! Not the first third into the first part: the parts of two packages could then be laid side by side, and
//! a part would tell who joined early. The row of ordinals is cut into pieces, and the pieces are dealt by
//! chance. A piece is what the store reads at once, so dealing costs no reading; only where there are too few
//! such pieces, in a small package, are they smaller.

use crate::model::ordinals::OrdinalSet;
use crate::release::order::{BLOCK, RowOrder};

/// Ordinals in a piece: what a stream reads at once, what a row of the store holds, a single one.
const PIECES: [u64; 3] = [BLOCK, 64, 1];

/// Pieces that a part should have at least, so that parts come out about even.
const EACH: usize = 8;

/// Deals members to so many parts, about even, none of them empty as long as there are members enough.
/// `order` is random and serves no other purpose.
pub(super) fn deal(members: &OrdinalSet, parts: usize, order: &RowOrder) -> Vec<OrdinalSet> {
    let enough = |size: &u64| pieces(members, *size).len() >= EACH * parts;
    let size = PIECES.into_iter().find(enough).unwrap_or(1);
    let mut pieces = pieces(members, size);
    order.shuffle(0, &mut pieces);
    let mut dealt = vec![(0, OrdinalSet::new()); parts];
    for (piece, count) in pieces {
        if let Some((has, set)) = dealt.iter_mut().min_by_key(|(has, _)| *has) {
            *has += count;
            for ordinal in members.iter_in(piece * size..=piece * size + (size - 1)) {
                set.insert(ordinal);
            }
        }
    }
    dealt.into_iter().map(|(_, set)| set).filter(|set| !set.is_empty()).collect()
}

/// The pieces that hold anyone, with how many.
fn pieces(members: &OrdinalSet, size: u64) -> Vec<(u64, u64)> {
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for piece in members.iter().map(|ordinal| ordinal / size) {
        match pieces.last_mut() {
            Some((last, count)) if *last == piece => *count += 1,
            _ => pieces.push((piece, 1)),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_member_is_in_exactly_one_part(
            ordinals in proptest::collection::btree_set(0u64..200_000, 1..400),
            parts in 1usize..9,
            key in any::<[u8; 32]>(),
        ) {
            let members: OrdinalSet = ordinals.iter().copied().collect();
            let dealt = deal(&members, parts, &RowOrder::new(key));
            prop_assert_eq!(dealt.len(), parts.min(ordinals.len()));
            let mut all: Vec<u64> = dealt.iter().flat_map(OrdinalSet::iter).collect();
            all.sort_unstable();
            prop_assert_eq!(all, ordinals.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn parts_are_about_even_and_no_part_is_a_stretch_of_the_row() {
        let members: OrdinalSet = (1..=1_000_000).collect();
        let dealt = deal(&members, 4, &RowOrder::new([7; 32]));
        for part in &dealt {
            assert!((240_000..=260_000).contains(&part.len()), "{}", part.len());
            // Of any quarter of the row, each part has its share.
            for quarter in 0..4 {
                let share = part.count_in(quarter * 250_000..=quarter * 250_000 + 249_999);
                assert!((20_000..=120_000).contains(&share), "{share}");
            }
            // Whole reads of the store: no two parts read the same.
            let first = part.iter().nth(BLOCK as usize).unwrap() / BLOCK;
            assert_eq!(part.count_in(first * BLOCK..=first * BLOCK + BLOCK - 1), BLOCK);
        }
    }
}
