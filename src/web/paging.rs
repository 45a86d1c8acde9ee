//! Pages of a list: how many lines one has, and the way to the next.

use serde::Deserialize;

use super::answer::percent;
use crate::broker::paging::{Paged, Stretch};

/// Lines of a page.
pub(super) const LINES: u32 = 50;

/// Behind which line a page begins.
#[derive(Deserialize)]
pub(super) struct Behind {
    behind: Option<String>,
}

impl Behind {
    /// The stretch of the list that is shown. What is no key of a line begins anew.
    pub(super) fn stretch<K>(&self, key: impl Fn(&str) -> Option<K>) -> Stretch<K> {
        Stretch { behind: self.behind.as_deref().and_then(key), most: Some(LINES) }
    }
}

/// The way to other pages; shown by `pager.html`.
pub(super) struct Pager {
    pub(super) path: String,
    pub(super) began_later: bool,
    pub(super) next: Option<String>,
}

impl Pager {
    /// Of a list at this path, which may have a query of its own.
    pub(super) fn of<T>(
        path: impl Into<String>,
        behind: &Behind,
        page: &Paged<T>,
        key: impl Fn(&T) -> String,
    ) -> Pager {
        Pager::on(path, behind, page.lines.last().filter(|_| page.more).map(key))
    }

    /// The same of a page that says itself behind what the next one begins.
    pub(super) fn on(path: impl Into<String>, behind: &Behind, last: Option<String>) -> Pager {
        let path = path.into();
        let joint = if path.contains('?') { '&' } else { '?' };
        let next = last.map(|key| format!("{path}{joint}behind={}", percent(&key)));
        Pager { began_later: behind.behind.is_some(), next, path }
    }

    pub(super) fn is_whole(&self) -> bool {
        !self.began_later && self.next.is_none()
    }
}
