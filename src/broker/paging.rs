//! A list a page at a time: where a page begins, how long it is, whether there is more.

/// A stretch of a list.
#[derive(Debug, Clone)]
pub struct Stretch<K> {
    /// The key behind which it begins; one that is not there begins anew.
    pub behind: Option<K>,
    /// How many lines at most.
    pub most: Option<u32>,
}

/// A page of a list.
#[derive(Debug)]
pub struct Paged<T> {
    /// Its lines.
    pub lines: Vec<T>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl<K> Stretch<K> {
    /// From its beginning to its end.
    pub const fn whole() -> Stretch<K> {
        Stretch { behind: None, most: None }
    }

    /// How many lines to read: one more than are shown says whether there are more.
    pub(super) fn read(&self) -> Option<u32> {
        self.most.map(|most| most.saturating_add(1))
    }

    /// Whether so many lines are enough.
    pub(super) fn is_full(&self, lines: usize) -> bool {
        self.read().is_some_and(|read| lines >= read as usize)
    }

    pub(super) fn of<T>(&self, mut lines: Vec<T>) -> Paged<T> {
        let more = self.is_full(lines.len());
        lines.truncate(self.most.map_or(usize::MAX, |most| most as usize));
        Paged { lines, more }
    }
}
