//! How an import stands, told as it changes: server-sent events (WHATWG HTML, section 9.2).
//!
//! ```text
//! at once ─► progress ─► every second: changed? progress ─► over ─► ended, and the stream ends
//!                └ every 15 s without a word: a comment        └ 5 minutes, or the server stops: it ends without one
//! ```
//!
//! Between two looks nothing is held: no connection to the database and no turn. Whoever comes again is told first how it
//! stands then, so that nothing is missed; who comes again after the last word is told that there is no more to come.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::App;
use super::problem::Problem;
use crate::broker::Caller;
use crate::broker::imports::following::ImportShown;
use crate::store::StoreError;

/// Streams at once: each looks once a second.
pub(super) const MOST: usize = 100;
/// How often it is looked.
const LOOKED: Duration = Duration::from_secs(1);
/// How often something is said when nothing changed, so that no one between takes the line for dead.
const SILENT: Duration = Duration::from_secs(15);
/// Looks of a stream, five minutes' worth: whoever follows for longer comes again, and shows again who he is.
const LOOKS: u32 = 300;
/// The name, and the number, of the last event.
pub(super) const ENDED: &str = "ended";

/// Who follows what.
struct Following {
    app: App,
    who: Caller,
    told: ImportShown,
    is_first: bool,
    looks: u32,
    _place: OwnedSemaphorePermit,
}

/// The events of an import, from how it stands now.
///
/// # Errors
/// Too many follow one already.
pub(super) fn events(app: App, who: Caller, now: ImportShown) -> Result<Response, Problem> {
    let place = app.0.following.clone().try_acquire_owned().map_err(|_| Problem::from(StoreError::Busy))?;
    let following = Following { app, who, told: now, is_first: true, looks: 0, _place: place };
    let events = stream::unfold(Some(following), |following| async {
        let mut following = following?;
        let event = following.next().await?;
        let rest = (!following.told.is_over()).then_some(following);
        Some((Ok::<_, Infallible>(event), rest))
    });
    let alive = KeepAlive::new().interval(SILENT).text("still there");
    let mut response = Sse::new(events).keep_alive(alive).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers before they pass them on leave this one alone.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

impl Following {
    /// The next word; none when there is no more to be had here.
    async fn next(&mut self) -> Option<Event> {
        if self.is_first {
            self.is_first = false;
            return self.word();
        }
        while self.looks < LOOKS {
            self.looks += 1;
            self.app.0.stopping.run_until_cancelled(sleep(LOOKED)).await?;
            // Whoever may know it no longer is told nothing more; he asks again, and is told why.
            let now = self.app.broker().import_show(&self.who, self.told.no).await.ok()?;
            if now != self.told {
                self.told = now;
                return self.word();
            }
        }
        None
    }

    fn word(&self) -> Option<Event> {
        let (name, id) = match self.told.is_over() {
            true => (ENDED, ENDED.to_owned()),
            false => ("progress", self.told.counts.read.to_string()),
        };
        Event::default().event(name).id(id).json_data(&self.told).ok()
    }
}
