//! What a server does beside answering, every few seconds until it stops: it writes down the refusals of callers whom
//! nobody knows, forgets answers that nobody can ask for again, looks through the log for what deserves an alarm or a message, and sends messages.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::App;
use crate::broker::alarms::Watcher;
use crate::notice::Notices;

/// How often: with what is kept for less than a minute, an alarm is raised within one.
const OFTEN: Duration = Duration::from_secs(5);

/// Watches until it is told to stop. What fails is said and tried again: nothing of it is lost.
pub(super) async fn watch(app: App, notices: Notices, stop: CancellationToken) {
    let told = notices.subscribers();
    let Ok(mut watcher) = Watcher::new() else { return tracing::error!("no randomness: nothing is watched") };
    loop {
        if let Err(cause) = app.broker().write_refused(false).await {
            tracing::warn!(%cause, "refusals could not be written; they are kept");
        }
        if let Err(cause) = app.broker().forget_answers().await {
            tracing::warn!(%cause, "answers of more than a day ago are still kept");
        }
        match app.broker().watch(&mut watcher, &told).await {
            Ok(None) => {}
            Ok(Some(alarms)) => {
                if alarms > 0 {
                    tracing::warn!(alarms, "alarms were raised");
                }
                if let Err(cause) = notices.send_due(app.broker()).await {
                    tracing::error!(%cause, "notices could not be sent; they wait");
                }
            }
            Err(cause) => tracing::error!(%cause, "the log could not be watched"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(OFTEN)).await.is_none() {
            break;
        }
    }
    if let Err(cause) = app.broker().leave_watch(&watcher).await {
        tracing::warn!(%cause, "the watch was not handed over; another process waits half a minute");
    }
}
