//! Short messages to the robots of WeCom, DingTalk and Feishu, or to any address that takes JSON: number, step and link, nothing
//! else. No name of a member or of staff, no campaign, no count.
//!
//! ```text
//! entry in the log ─► outbox (a row for each receiver) ─► words ─► signed ─► an address that was looked at ─► sent, or later
//! ```

mod reach;
mod send;
mod settings;
mod sign;
mod words;

pub use settings::{Given, Kind, Receiver, Wrong};

use crate::broker::notices::{Outgoing, Subscriber};
use crate::broker::{Broker, Error};

/// Messages sent in one go, before the duty is looked at again.
const AT_ONCE: usize = 20;

/// Everyone who is sent messages, and where links lead.
#[derive(Default)]
pub struct Notices {
    receivers: Vec<Receiver>,
    /// `https://vault.example.cn`, without a slash at the end.
    origin: String,
}

impl Notices {
    /// Receivers as they were read, and the address under which people reach this server.
    pub fn new(receivers: Vec<Receiver>, origin: Option<&str>) -> Self {
        let origin = origin.unwrap_or_default().trim_end_matches('/').to_owned();
        Notices { receivers, origin }
    }

    /// What each is told of.
    pub fn subscribers(&self) -> Vec<Subscriber> {
        self.receivers.iter().map(|receiver| receiver.subscriber.clone()).collect()
    }

    /// Sends what is due; how many went out. For the one process that has the watch. What fails waits for its next time,
    /// longer each time; what failed for a day is dropped, and that is said.
    ///
    /// # Errors
    /// The database failed. A message that could not be sent is no error.
    pub async fn send_due(&self, broker: &Broker) -> Result<usize, Error> {
        let mut sent = 0;
        for due in broker.notices_due(AT_ONCE).await? {
            let Some(receiver) = self.receivers.iter().find(|r| r.subscriber.name == due.receiver) else {
                broker.notice_dropped(&due, "no_receiver").await?;
                continue;
            };
            match self.send(broker, receiver, &due).await {
                Ok(()) => {
                    broker.notice_sent(&due).await?;
                    sent += 1;
                }
                Err(why) => broker.notice_failed(&due, why).await?,
            }
        }
        Ok(sent)
    }

    async fn send(&self, broker: &Broker, receiver: &Receiver, due: &Outgoing) -> Result<(), &'static str> {
        let message = words::Message::of(due, receiver.language, &self.origin);
        let seconds = broker.clock().now() / 1_000_000;
        let (url, body, header) = sign::request(receiver, &message, seconds)?;
        let reached = reach::look_up(&url, receiver.reach).await?;
        let answer = send::post(&url, &reached, body, header).await?;
        send::accepted(receiver.kind, &answer)
    }
}
