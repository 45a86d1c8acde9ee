//! The waterfall: how many the selection matches, who is out and why, how many would leave; each step a bar beside its
//! number.

use super::words;
use crate::broker::showing::Preview;
use crate::model::lang::Lang;

/// The waterfall as a page shows it.
pub(super) struct Waterfall {
    pub(super) selected: String,
    pub(super) rows: String,
    pub(super) steps: Vec<Fall>,
    /// Of a hundred, how wide what is left at the end is.
    pub(super) left: u64,
}

/// A step down.
pub(super) struct Fall {
    pub(super) name: String,
    pub(super) count: String,
    /// Of a hundred, where the bar of those who go begins, and how wide it is.
    pub(super) from: u64,
    pub(super) wide: u64,
}

impl Waterfall {
    pub(super) fn of(lang: Lang, preview: &Preview) -> Waterfall {
        let w = words::of(lang);
        // "<10" is drawn as five.
        let number = |text: &str| text.parse::<u64>().unwrap_or(5);
        let all = number(&preview.selected).max(1);
        let mut left = all;
        let mut steps = Vec::new();
        for (reasons, count) in &preview.excluded {
            let before = left;
            left = left.saturating_sub(number(count));
            let names: Vec<&str> = reasons.iter().map(|reason| w.exclusion(*reason)).collect();
            let (from, to) = (left * 100 / all, before * 100 / all);
            let wide = (to - from).max(1);
            steps.push(Fall { name: names.join(w.comma), count: count.clone(), from, wide });
        }
        Waterfall {
            selected: preview.selected.clone(),
            rows: preview.rows.clone(),
            steps,
            left: left * 100 / all,
        }
    }
}
