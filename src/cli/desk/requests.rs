//! Requests.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, shown};
use crate::broker::editions::Seen;
use crate::broker::executing::Executed;
use crate::broker::requests::Sentence;
use crate::broker::showing::{Filter, Preview, RequestLine};
use crate::broker::submitting::Submitted;
use crate::cli::Failure;
use crate::cli::remote::typed;
use crate::model::code::Step;
use crate::model::ids::{Digest, Login, RequestNo};

impl Desk {
    pub(crate) async fn request_draft(&self, form: &str) -> Result<RequestNo, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_draft(step.caller(), form).await?),
            Desk::There(server) => typed(server.send(Method::POST, &["requests"], form).await?["no"].take()),
        }
    }

    pub(crate) async fn request_revise(&self, no: &RequestNo, form: &str) -> Result<(), Failure> {
        match self {
            Desk::Here(broker, step) => {
                Ok(broker.request_revise(step.caller(), no, form, &Seen::default()).await?)
            }
            Desk::There(server) => {
                server.send(Method::PUT, &["requests", &no.to_string()], form).await.map(drop)
            }
        }
    }

    pub(crate) async fn request_preview(&self, no: &RequestNo) -> Result<Preview, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_preview(step.caller(), no).await?),
            Desk::There(server) => {
                typed(server.post(&["requests", &no.to_string(), "preview"], &json!({})).await?)
            }
        }
    }

    pub(crate) async fn request_submit(self, no: &RequestNo) -> Result<Submitted, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_submit(step, no).await?),
            Desk::There(server) => {
                typed(server.post(&["requests", &no.to_string(), "submit"], &json!({})).await?)
            }
        }
    }

    pub(crate) async fn request_show(&self, no: &RequestNo) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => shown(&broker.request_show(step.caller(), no).await?),
            Desk::There(server) => server.get(&["requests", &no.to_string()]).await,
        }
    }

    /// What a signature would agree to, and the digest that stands for it.
    pub(crate) async fn request_sentence(&self, no: &RequestNo) -> Result<Sentence, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_sentence(step.caller(), no).await?),
            Desk::There(server) => typed(server.get(&["requests", &no.to_string(), "sentence"]).await?),
        }
    }

    /// Signs what was `seen`, and nothing else.
    pub(crate) async fn request_sign(
        self,
        no: &RequestNo,
        comment: Option<&str>,
        seen: Digest,
    ) -> Result<Step, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_sign(step, no, comment, Some(seen)).await?),
            Desk::There(server) => {
                let body = json!({ "digest": seen, "comment": comment });
                typed(server.post(&["requests", &no.to_string(), "sign"], &body).await?["step"].take())
            }
        }
    }

    /// Back to an earlier step, or to the requester.
    pub(crate) async fn request_return(
        self,
        no: &RequestNo,
        to: Option<Step>,
        comment: &str,
    ) -> Result<(), Failure> {
        match (self, to) {
            (Desk::Here(broker, step), None) => {
                Ok(broker.request_return(step, no, comment).await.map(drop)?)
            }
            (Desk::Here(broker, step), Some(to)) => {
                Ok(broker.request_return_to(step, no, to, comment).await.map(drop)?)
            }
            (Desk::There(server), to) => {
                let body = json!({ "comment": comment, "to": to });
                server.post(&["requests", &no.to_string(), "return"], &body).await.map(drop)
            }
        }
    }

    pub(crate) async fn request_reject(self, no: &RequestNo, comment: &str) -> Result<(), Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_reject(step, no, comment).await.map(drop)?),
            Desk::There(server) => {
                let body = json!({ "comment": comment });
                server.post(&["requests", &no.to_string(), "reject"], &body).await.map(drop)
            }
        }
    }

    /// Gives the step that is another's now.
    pub(crate) async fn request_transfer(
        self,
        no: &RequestNo,
        to: &Login,
        comment: Option<&str>,
    ) -> Result<Step, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_transfer(step, no, to, comment).await?),
            Desk::There(server) => {
                let body = json!({ "to": to, "comment": comment });
                typed(server.post(&["requests", &no.to_string(), "transfer"], &body).await?["step"].take())
            }
        }
    }

    /// Gives who was reminded.
    pub(crate) async fn request_remind(&self, no: &RequestNo) -> Result<Vec<Login>, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_remind(step.caller(), no).await?),
            Desk::There(server) => {
                let path = ["requests", &no.to_string(), "remind"];
                typed(server.post(&path, &json!({})).await?["reminded"].take())
            }
        }
    }

    pub(crate) async fn request_cc(&self, no: &RequestNo, to: &Login) -> Result<(), Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_cc(step.caller(), no, to).await.map(drop)?),
            Desk::There(server) => {
                server.post(&["requests", &no.to_string(), "cc"], &json!({ "login": to })).await.map(drop)
            }
        }
    }

    /// Gives the new draft's number.
    pub(crate) async fn request_repeat(&self, no: &RequestNo) -> Result<RequestNo, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_repeat(step.caller(), no).await?),
            Desk::There(server) => {
                typed(server.post(&["requests", &no.to_string(), "repeat"], &json!({})).await?["no"].take())
            }
        }
    }

    pub(crate) async fn request_recall(self, no: &RequestNo, comment: Option<&str>) -> Result<(), Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_recall(step, no, comment).await.map(drop)?),
            Desk::There(server) => {
                let body = json!({ "comment": comment });
                server.post(&["requests", &no.to_string(), "recall"], &body).await.map(drop)
            }
        }
    }

    /// A server says nothing of how far it is: `progress` is called here only.
    pub(crate) async fn request_execute(
        self,
        no: &RequestNo,
        parts: Option<u32>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Executed, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_execute_in(step, no, parts, progress).await?),
            Desk::There(server) => {
                let body = json!({ "parts": parts });
                typed(server.post(&["requests", &no.to_string(), "execute"], &body).await?)
            }
        }
    }

    pub(crate) async fn request_list(&self, which: &Filter) -> Result<Vec<RequestLine>, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.request_list_of(step.caller(), which).await?),
            Desk::There(server) => {
                let Filter { status, mine, unit } = which;
                let asked = [
                    ("status", status.map(|s| s.code().to_owned())),
                    ("mine", mine.map(|m| m.code().to_owned())),
                    ("unit", unit.as_ref().map(ToString::to_string)),
                ];
                let asked: Vec<(&str, String)> =
                    asked.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                typed(server.list(&["requests"], &asked).await?)
            }
        }
    }
}
