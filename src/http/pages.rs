//! Lists in pages: `?limit=&cursor=`, and where the next page begins.

use axum::Json as Answer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::Problem;

/// Items of a page when nothing else is said, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

/// Which page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    cursor: Option<String>,
}

impl Page {
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

    /// The page of a list whose items have keys of their own. A list may change between two pages: one whose
    /// item at the cursor is gone begins anew.
    pub(super) fn of<T: Serialize>(
        &self,
        items: &[T],
        key: impl Fn(&T) -> String,
    ) -> Result<Answer<Value>, Problem> {
        let behind = self.behind()?;
        let from = behind.and_then(|wanted| items.iter().position(|item| key(item) == wanted));
        let left = &items[from.map_or(0, |at| at + 1)..];
        let page = &left[..left.len().min(self.limit()?)];
        let next = (page.len() < left.len()).then(|| page.last().map(|item| cursor(&key(item)))).flatten();
        Ok(Answer(json!({ "items": page, "next_cursor": next })))
    }
}

/// A key as a cursor: nobody should build on what is in it.
pub(super) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}
