//! Bars as the server draws them: places and heights in an SVG's own units, nothing for a script to do.

use crate::broker::exploring::Bar;

/// Width of a bar with the gap behind it.
const STEP: usize = 10;
/// So many find room however few there are.
const FEW: usize = 24;
/// Height of the highest bar.
const HIGH: u64 = 100;

/// A bar of two parts: what was refused stands on what was done.
pub(super) struct Drawn {
    pub(super) when: String,
    pub(super) allowed: u64,
    pub(super) refused: u64,
    pub(super) x: usize,
    pub(super) allowed_y: u64,
    pub(super) allowed_height: u64,
    pub(super) refused_y: u64,
    pub(super) refused_height: u64,
}

/// Bars beside each other, the highest as high as there is room.
pub(super) fn drawn(bars: Vec<Bar>) -> Vec<Drawn> {
    let most = bars.iter().map(|bar| bar.allowed + bar.refused).max().unwrap_or(0).max(1);
    // What is there is seen, however little it is.
    let height = |n: u64| if n == 0 { 0 } else { (n * HIGH / most).max(1) };
    let place = |(i, bar): (usize, Bar)| {
        let (allowed, refused) = (height(bar.allowed), height(bar.refused));
        Drawn {
            x: i * STEP,
            allowed_y: HIGH.saturating_sub(allowed),
            allowed_height: allowed,
            refused_y: HIGH.saturating_sub(allowed + refused),
            refused_height: refused,
            when: bar.when,
            allowed: bar.allowed,
            refused: bar.refused,
        }
    };
    bars.into_iter().enumerate().map(place).collect()
}

/// How wide the picture is: few bars stay slim.
pub(super) fn width(bars: &[Drawn]) -> usize {
    bars.len().max(FEW) * STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_picture_and_the_least_is_seen() {
        let bar = |allowed, refused| Bar { when: String::new(), allowed, refused };
        let drawn = drawn(vec![bar(1, 0), bar(900, 100)]);
        assert_eq!((drawn[0].allowed_y, drawn[0].allowed_height), (99, 1));
        assert_eq!((drawn[1].allowed_height, drawn[1].refused_height, drawn[1].refused_y), (90, 10, 0));
        assert_eq!(width(&drawn), 240);
    }
}
