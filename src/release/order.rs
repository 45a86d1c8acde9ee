//! In which order members go into a package.
//!
//! Two files in the same order can be laid side by side: row 17 of the SMS list is row 17 of the
//! direct-mail list, and a mobile has found its name. So every package has an order of its own, drawn
//! from a key of its own (design, "Release"): the blocks of ordinals are permuted, which a database can
//! read quickly, and then the rows of at least [`WINDOW_ROWS`] members at a time are shuffled in memory.
//!
//! Both draw from AES-256 in counter mode, whose output nobody without the key can tell from chance:
//!
//! ```text
//! counter block = window (8, big-endian) ‖ use (1: 1 blocks, 2 rows) ‖ counter (7, big-endian)
//! ```
//!
//! A key is for one making of one package. Whoever has it can undo the order, so it is kept as the
//! package key is kept, or not at all.

use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::aes::{Aes256, Block};
use zeroize::{Zeroize, Zeroizing};

/// Ordinals in a block: what is read from the store in one piece.
pub const BLOCK: u64 = 4096;
/// Blocks in a window when every ordinal of them goes.
pub const WINDOW_BLOCKS: u64 = 16;
/// The least number of rows that are shuffled together (a smaller package is one window).
pub const WINDOW_ROWS: u64 = BLOCK * WINDOW_BLOCKS;

/// The order of one package. Same key, same order; there is no `Debug`, since it would show the key.
pub struct RowOrder {
    cipher: Aes256,
}

impl RowOrder {
    /// An order from 256 random bits that serve no other purpose.
    pub fn new(key: [u8; 32]) -> Self {
        let key = Zeroizing::new(key);
        Self { cipher: Aes256::new((&*key).into()) }
    }

    /// Every block `0..n_blocks` once, in this package's order. Block `b` holds the ordinals
    /// `b * BLOCK .. (b + 1) * BLOCK`.
    pub fn blocks(&self, n_blocks: u64) -> Vec<u64> {
        let mut blocks: Vec<u64> = (0..n_blocks).collect();
        Draw::new(&self.cipher, Use::Blocks, 0).shuffle(&mut blocks);
        blocks
    }

    /// The permuted blocks in windows to be shuffled together, given how many members of each block go.
    ///
    /// Sixteen blocks hold 65,536 ordinals, but a thin selection has few rows in them, and shuffling a
    /// handful hides nothing; so a window is filled by members. Blocks without any are left out. What
    /// remains at the end joins the last window, which keeps a window below `2 * WINDOW_ROWS + BLOCK`
    /// rows as long as no block has more than [`BLOCK`].
    pub fn windows(&self, members: &[u32]) -> Vec<Vec<u64>> {
        let mut windows = Vec::new();
        let (mut window, mut rows) = (Vec::new(), 0u64);
        for block in self.blocks(members.len() as u64) {
            // `blocks` yields indices of `members`, so the cast and the index are in range.
            let count = u64::from(members[block as usize]);
            if count == 0 {
                continue;
            }
            window.push(block);
            rows += count;
            if rows >= WINDOW_ROWS {
                windows.push(std::mem::take(&mut window));
                rows = 0;
            }
        }
        match windows.last_mut() {
            Some(last) => last.append(&mut window),
            None if window.is_empty() => {}
            None => windows.push(window),
        }
        windows
    }

    /// Shuffles the rows of one window in place (Fisher–Yates); every order is equally likely.
    ///
    /// Swapping copies what is swapped: give it indices or handles, not values that must be wiped.
    pub fn shuffle<T>(&self, window: u64, rows: &mut [T]) {
        Draw::new(&self.cipher, Use::Rows, window).shuffle(rows);
    }
}

/// Keeps the numbers for blocks and for rows apart.
#[derive(Clone, Copy)]
enum Use {
    Blocks = 1,
    Rows = 2,
}

/// Counter blocks that are encrypted at once; more than one lets the processor work on several.
const BATCH: usize = 64;

/// Numbers for one shuffle.
struct Draw<'a> {
    cipher: &'a Aes256,
    prefix: [u8; 9],
    counter: u64,
    batch: [Block; BATCH],
    /// How many 64-bit numbers of `batch` are spent.
    spent: usize,
}

impl<'a> Draw<'a> {
    fn new(cipher: &'a Aes256, domain: Use, window: u64) -> Self {
        let mut prefix = [0; 9];
        prefix[..8].copy_from_slice(&window.to_be_bytes());
        prefix[8] = domain as u8;
        Self { cipher, prefix, counter: 0, batch: [Block::default(); BATCH], spent: BATCH * 2 }
    }

    fn refill(&mut self) {
        for block in &mut self.batch {
            block[..9].copy_from_slice(&self.prefix);
            // Seven bytes: a shuffle would have to be 2^57 rows long to run out.
            block[9..].copy_from_slice(&self.counter.to_be_bytes()[1..]);
            self.counter += 1;
        }
        self.cipher.encrypt_blocks(&mut self.batch);
        self.spent = 0;
    }

    fn next(&mut self) -> u64 {
        if self.spent == BATCH * 2 {
            self.refill();
        }
        let half = 8 * (self.spent % 2);
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.batch[self.spent / 2][half..half + 8]);
        self.spent += 1;
        u64::from_be_bytes(bytes)
    }

    /// A number below `n` (at least 1), each equally likely. The high half of a 128-bit product picks it;
    /// the `2^64 mod n` low halves that would favour some numbers are drawn again (Lemire 2019).
    fn below(&mut self, n: u64) -> u64 {
        let unfair = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next()) * u128::from(n);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u64 + 1) as usize;
            items.swap(i, j);
        }
    }
}

impl Drop for Draw<'_> {
    fn drop(&mut self) {
        self.batch.iter_mut().for_each(|block| block.zeroize());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pearson's statistic against the uniform distribution.
    fn chi_square(counts: &[u32]) -> f64 {
        let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum()
    }

    /// Spearman's rank correlation of two permutations of `0..n`, given as orders.
    fn correlation(a: &[u64], b: &[u64]) -> f64 {
        let n = a.len() as f64;
        let mut place = vec![0u64; b.len()];
        b.iter().enumerate().for_each(|(at, &who)| place[who as usize] = at as u64);
        let squares: f64 =
            a.iter().enumerate().map(|(at, &who)| (at as f64 - place[who as usize] as f64).powi(2)).sum();
        1.0 - 6.0 * squares / (n * (n * n - 1.0))
    }

    /// The whole order of `n_blocks` full blocks.
    fn whole(order: &RowOrder, n_blocks: usize) -> Vec<u64> {
        let mut out = Vec::new();
        for (at, window) in order.windows(&vec![BLOCK as u32; n_blocks]).iter().enumerate() {
            let mut rows: Vec<u64> = window.iter().flat_map(|b| b * BLOCK..(b + 1) * BLOCK).collect();
            order.shuffle(at as u64, &mut rows);
            out.append(&mut rows);
        }
        out
    }

    #[test]
    fn every_order_of_four_is_equally_likely() {
        let order = RowOrder::new([3; 32]);
        let mut counts = [0u32; 256];
        for window in 0..24_000 {
            let mut rows = [0usize, 1, 2, 3];
            order.shuffle(window, &mut rows);
            counts[rows.iter().fold(0, |acc, r| acc * 4 + r)] += 1;
        }
        let seen: Vec<u32> = counts.into_iter().filter(|&c| c > 0).collect();
        assert_eq!(seen.len(), 24);
        // 23 degrees of freedom: chance exceeds 60 once in 30,000 keys, and the key is fixed.
        assert!(chi_square(&seen) < 60.0, "{}", chi_square(&seen));
    }

    #[test]
    fn every_block_is_first_equally_often_under_many_keys() {
        let mut counts = [0u32; 10];
        for key in 0..5_000u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&key.to_be_bytes());
            counts[RowOrder::new(bytes).blocks(10)[0] as usize] += 1;
        }
        assert!(chi_square(&counts) < 40.0, "{}", chi_square(&counts));
    }

    #[test]
    fn numbers_below_a_bound_that_does_not_divide_are_even() {
        let order = RowOrder::new([5; 32]);
        let mut draw = Draw::new(&order.cipher, Use::Rows, 0);
        // Three quarters of 2^64: without redrawing, every third number would come twice as often as the rest.
        let mut counts = [0u32; 3];
        (0..9_000).for_each(|_| counts[(draw.below(3 << 62) % 3) as usize] += 1);
        assert!(chi_square(&counts) < 20.0, "{counts:?}");
    }

    #[test]
    fn two_packages_cannot_be_laid_side_by_side() {
        let (a, b) = (RowOrder::new([1; 32]), RowOrder::new([2; 32]));
        let (a, b) = (whole(&a, 160), whole(&b, 160));
        let stored: Vec<u64> = (0..a.len() as u64).collect();
        // 160 blocks leave a deviation of 1/sqrt(160) = 0.08.
        for (x, y) in [(&a, &b), (&a, &stored), (&b, &stored)] {
            assert!(correlation(x, y).abs() < 0.25, "{}", correlation(x, y));
        }
        assert!(a.iter().zip(&b).filter(|(x, y)| x == y).count() < 20);
    }

    #[test]
    fn inside_a_window_nothing_of_the_stored_order_is_left() {
        let mut rows: Vec<u64> = (0..WINDOW_ROWS).collect();
        let stored = rows.clone();
        RowOrder::new([9; 32]).shuffle(0, &mut rows);
        assert!(correlation(&rows, &stored).abs() < 0.02);
        let neighbours = rows.windows(2).filter(|w| w[1] == w[0] + 1).count();
        assert!(neighbours < 10, "{neighbours}");
    }

    #[test]
    fn windows_and_uses_have_numbers_of_their_own() {
        let order = RowOrder::new([7; 32]);
        let (mut a, mut b) = ((0..500).collect::<Vec<u64>>(), (0..500).collect::<Vec<u64>>());
        order.shuffle(0, &mut a);
        order.shuffle(1, &mut b);
        assert_ne!(a, b);
        assert_ne!(a, order.blocks(500));
    }

    proptest! {
        #[test]
        fn blocks_are_a_permutation_and_the_key_decides_it(key: [u8; 32], n in 0u64..3_000) {
            let blocks = RowOrder::new(key).blocks(n);
            prop_assert_eq!(&blocks, &RowOrder::new(key).blocks(n));
            let mut sorted = blocks;
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..n));
        }

        #[test]
        fn a_shuffle_loses_and_doubles_nothing(key: [u8; 32], window: u64, mut rows: Vec<u16>) {
            let mut before = rows.clone();
            RowOrder::new(key).shuffle(window, &mut rows);
            before.sort_unstable();
            rows.sort_unstable();
            prop_assert_eq!(before, rows);
        }

        #[test]
        fn windows_are_large_enough_and_hold_every_member_once(
            key: [u8; 32], members in prop::collection::vec(0u32..=BLOCK as u32, 0..300),
        ) {
            let windows = RowOrder::new(key).windows(&members);
            let rows = |w: &Vec<u64>| w.iter().map(|&b| u64::from(members[b as usize])).sum::<u64>();
            if windows.len() > 1 {
                prop_assert!(windows.iter().all(|w| rows(w) >= WINDOW_ROWS));
            }
            prop_assert!(windows.iter().all(|w| rows(w) < 2 * WINDOW_ROWS + BLOCK));
            let mut seen: Vec<u64> = windows.concat();
            seen.sort_unstable();
            let expected: Vec<u64> = (0..members.len() as u64).filter(|&b| members[b as usize] > 0).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
