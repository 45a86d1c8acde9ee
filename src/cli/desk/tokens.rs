//! Tokens for programs.

use serde_json::{Value, json};

use super::{Desk, shown};
use crate::broker::tokens::NewToken;
use crate::cli::Failure;
use crate::cli::remote::typed;

impl Desk {
    /// The token's text as `token`, all else as `about`.
    pub(crate) async fn token_make(self, new: NewToken) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => {
                let (text, about) = broker.token_make(step, new).await?;
                Ok(json!({ "token": text.reveal().as_str(), "about": shown(&about)? }))
            }
            Desk::There(server) => {
                let NewToken { name, scopes, unit, days, ends_at: _ } = new;
                let body = json!({ "name": name, "scopes": scopes, "unit": unit, "days": days });
                server.post(&["tokens"], &body).await
            }
        }
    }

    pub(crate) async fn token_list(&self) -> Result<Vec<Value>, Failure> {
        match self {
            Desk::Here(broker, step) => broker.token_list(step.caller()).await?.iter().map(shown).collect(),
            Desk::There(server) => typed(server.list(&["tokens"], &[]).await?),
        }
    }

    pub(crate) async fn token_revoke(&self, id: i64) -> Result<(), Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.token_revoke(step.caller(), id).await?),
            Desk::There(server) => server.delete(&["tokens", &id.to_string()]).await,
        }
    }
}
