//! Lists in pages: `?limit=&cursor=`, and where the next page begins.

use axum::Json as Answer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use crate::broker::paging::{Paged, Stretch};

/// Items of a page when nothing else is said, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Items of a page; left out: 50.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before, as it is.
    #[serde(default)]
    cursor: Option<String>,
}

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed<T> {
    /// What is on this page.
    pub(super) items: Vec<T>,
    /// Where the next page begins; null on the last.
    #[schema(required)]
    pub(super) next_cursor: Option<String>,
}

impl Page {
    /// A page out of a query that asks for more than a page.
    pub(super) fn new(limit: Option<usize>, cursor: Option<String>) -> Page {
        Page { limit, cursor }
    }

    /// How many items, 1 to 200.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        match self.limit.unwrap_or(USUAL) {
            limit @ 1..=MOST => Ok(limit),
            _ => Err(Problem::bad_value("/limit", format!("a page has 1 to {MOST} items"))),
        }
    }

    /// The key behind which the page begins; none for the first.
    pub(super) fn behind(&self) -> Result<Option<String>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let wrong = || Problem::bad_value("/cursor", "take next_cursor of the page before, as it is");
        let key = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        String::from_utf8(key).map(Some).map_err(|_| wrong())
    }

    /// The stretch of a list that the page is, by the keys of its items. A key that cannot be read is not there.
    pub(super) fn stretch<K>(&self, key: impl Fn(&str) -> Option<K>) -> Result<Stretch<K>, Problem> {
        let behind = self.behind()?.and_then(|text| key(&text));
        Ok(Stretch { behind, most: Some(self.limit()? as u32) })
    }

    /// The page of a list whose items have keys of their own. A list may change between two pages: one whose
    /// item at the cursor is gone begins anew.
    pub(super) fn of<T: Serialize>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Answer<Listed<T>>, Problem> {
        let behind = self.behind()?;
        let from = behind.and_then(|wanted| items.iter().position(|item| key(item) == wanted));
        let mut items = items.split_off(from.map_or(0, |at| at + 1));
        let more = items.len() > self.limit()?;
        items.truncate(self.limit()?);
        Ok(listed(Paged { lines: items, more }, key))
    }
}

/// A stretch of a list as a page.
pub(super) fn listed<T: Serialize>(
    Paged { lines: items, more }: Paged<T>,
    key: impl Fn(&T) -> String,
) -> Answer<Listed<T>> {
    let last = items.last().filter(|_| more);
    Answer(Listed { next_cursor: last.map(|item| cursor(&key(item))), items })
}

/// A key as a cursor: nobody should build on what is in it.
pub(super) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}
