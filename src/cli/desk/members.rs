//! Members and what they said. A card number goes in a body, never in an address.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Desk, shown};
use crate::broker::imports::{ImportOptions, ImportReport};
use crate::broker::members::Subject;
use crate::cli::Failure;
use crate::cli::out::Out;
use crate::cli::remote::{Server, importing, wiped};
use crate::model::code::{Channel, Purpose, RecipientClass};
use crate::model::contact::CardNo;
use crate::model::field::{Field, Index};

/// What a member says, and what shows it.
pub(crate) struct Said<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) channel: Channel,
    pub(crate) class: RecipientClass,
    pub(crate) granted: bool,
    pub(crate) evidence: &'a str,
}

impl Desk {
    /// What is wrong with its rows goes to `errors`.
    pub(crate) async fn member_import(
        &self,
        input: Box<dyn Read + Send>,
        dry_run: bool,
        errors: Option<Box<dyn Write + Send>>,
        out: &Out,
    ) -> Result<ImportReport, Failure> {
        match self {
            Desk::Here(broker, step) => {
                let progress = out.progress("rows");
                let options = ImportOptions { dry_run, errors, progress: &|at| progress.at(at.rows, 0) };
                Ok(broker.member_import(step.caller(), input, options).await?)
            }
            Desk::There(server) => importing::members(server, input, dry_run, errors).await,
        }
    }

    pub(crate) async fn member_look_up(&self, by: Index, value: &str) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => shown(&broker.member_look_up(step.caller(), by, value).await?),
            Desk::There(server) => {
                let body = json!({ "index": by.code(), "value": value });
                Ok(server.post(&["members", "look-up"], &body).await?["items"].take())
            }
        }
    }

    pub(crate) async fn member_show(&self, card: &CardNo) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => shown(&broker.member_show(step.caller(), card).await?),
            Desk::There(server) => server.post(&["members", "show"], &json!({ "card": card.expose() })).await,
        }
    }

    pub(crate) async fn member_who_saw(&self, subject: Subject) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => shown(&broker.member_who_saw(step.caller(), subject).await?),
            Desk::There(server) => {
                let body = match &subject {
                    Subject::Card(card) => json!({ "card": card.expose() }),
                    Subject::Case(no) => json!({ "case_no": no }),
                    Subject::Found(_) => {
                        return Err(Failure::usage(
                            "a member who was found is known to the console's pages only",
                            "name the card, or the number of the erasure",
                        ));
                    }
                };
                server.post(&["members", "who-saw"], &body).await
            }
        }
    }

    /// Gives the case number.
    pub(crate) async fn member_erase(&self, card: &CardNo, reason: &str) -> Result<String, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.member_erase(step.caller(), card, reason).await?),
            Desk::There(server) => {
                let body = json!({ "card": card.expose(), "reason": reason });
                let answer = server.post(&["members", "erase"], &body).await?;
                Ok(answer["case_no"].as_str().unwrap_or_default().to_owned())
            }
        }
    }

    pub(crate) async fn member_correct(
        &self,
        card: &CardNo,
        field: Field,
        value: &str,
        reason: &str,
    ) -> Result<(), Failure> {
        match self {
            Desk::Here(broker, step) => {
                Ok(broker.member_correct(step.caller(), card, field, value, reason).await?)
            }
            Desk::There(server) => {
                let body = json!({ "card": card.expose(), "field": field, "value": value, "reason": reason });
                server.post(&["members", "correct"], &body).await.map(drop)
            }
        }
    }

    pub(crate) async fn consent_show(&self, card: &CardNo) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => shown(&broker.consent_show(step.caller(), card).await?),
            Desk::There(server) => {
                server.post(&["consents", "show"], &json!({ "card": card.expose() })).await
            }
        }
    }

    /// Gives the state it has now.
    pub(crate) async fn consent_set(&self, card: &CardNo, said: Said<'_>) -> Result<String, Failure> {
        let Said { purpose, channel, class, granted, evidence } = said;
        match self {
            Desk::Here(broker, step) => {
                let caller = step.caller();
                let set = broker.consent_set(caller, card, purpose, channel, class, granted, evidence);
                Ok(set.await?.code().to_owned())
            }
            Desk::There(server) => {
                let body = json!({
                    "card": card.expose(), "purpose": purpose, "channel": channel, "class": class,
                    "granted": granted, "evidence": evidence,
                });
                let answer = server.post(&["consents"], &body).await?;
                Ok(answer["state"].as_str().unwrap_or_default().to_owned())
            }
        }
    }
}

/// What a server reveals, in wiped memory.
pub(crate) async fn revealed(
    server: &Server,
    card: &CardNo,
    fields: &[Field],
    reason: &str,
) -> Result<BTreeMap<Field, Zeroizing<String>>, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        fields: BTreeMap<Field, Zeroizing<String>>,
    }
    let body = json!({ "card": card.expose(), "fields": fields, "reason": reason });
    let answer: Answer = wiped(server.stream(&["members", "reveal"], &body).await?).await?;
    Ok(answer.fields)
}
