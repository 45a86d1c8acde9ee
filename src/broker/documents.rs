//! Covenants and notices, registered version by version (A2, B3).

use jiff::civil::Date;
use serde::Serialize;

use super::{Broker, Caller, Error, Refusal};
use crate::access::undertaken::FAMILY as UNDERTAKING;
use crate::audit::event::{Action, Event};
use crate::model::code::CovenantFamily;
use crate::model::ids::Digest;
use crate::model::phrase::phrase;
use crate::policy::Act;
use crate::store::StoreError;
use crate::store::documents::Document;

/// The family of notices, beside the two of covenants.
pub const NOTICE: &str = "notice";

/// A document to be registered.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// `member_covenant`, `points_card_covenant`, `notice` or `undertaking`.
    pub family: String,
    /// Version, as the group names it; 1 to 32 characters.
    pub version: String,
    /// `zh` or `en`.
    pub language: String,
    /// The text.
    pub body: String,
    /// From when it holds; today if not given.
    pub effective_on: Option<Date>,
}

/// A document as it is shown.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DocumentShown {
    /// `member_covenant`, `points_card_covenant` or `notice`.
    pub family: String,
    /// Version.
    pub version: String,
    /// `zh` or `en`.
    pub language: String,
    /// SHA-256 of the text.
    pub digest: Digest,
    /// From when it holds, `YYYY-MM-DD`.
    pub effective_on: String,
    /// Of its family and language the version that became effective last.
    pub current: bool,
    /// The text.
    pub body: String,
}

impl Broker {
    /// Covenants and notices with their texts: those that hold today, or every version.
    ///
    /// # Errors
    /// `not_permitted`.
    pub async fn document_list(&self, caller: &Caller, every: bool) -> Result<Vec<DocumentShown>, Error> {
        let event = Event::new(Action::DocumentListed, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::DocumentList, None)?;
            let documents = work.view().documents().await?;
            work.commit(event.policy(Digest(ground.policy.digest()))).await?;
            let today = self.clock().today();
            let shown = documents.iter().map(|d| shown(d, is_current(d, &documents, today)));
            Ok(shown.filter(|d| every || d.current).collect())
        })
        .await
    }

    /// Registers a document; whether it is new. The same text again is no fault.
    ///
    /// # Errors
    /// `not_permitted`; `bad_document`; `document_version` when that version has another text.
    pub async fn document_add(&self, caller: &Caller, new: NewDocument) -> Result<bool, Error> {
        let event = Event::new(Action::DocumentAdded, caller.actor());
        self.logged(event.clone(), async {
            let mut view = self.store.view().await?;
            let ground = self.ground(&mut view).await?;
            drop(view);
            ground.staff.may(&ground.policy, caller, Act::CovenantAdd, None)?;
            let document = self.checked(new)?;
            let name = format!("{} {} {}", document.family, document.version, document.language);
            let mut work = self.store.work().await?;
            let is_new = work.add_document(&document).await.map_err(|e| match e {
                StoreError::Conflict(_) => Error::Refused(
                    Refusal::new(
                        "document_version",
                        "A2 (Art 2)",
                        "this version is registered with another text",
                    )
                    .hint("a registered text never changes; register it under a new version"),
                ),
                other => other.into(),
            })?;
            let event = event.object(name).digest("sha256", document.digest);
            let event = event.policy(Digest(ground.policy.digest())).count("new", u8::from(is_new));
            work.commit(event).await?;
            Ok(is_new)
        })
        .await
    }

    fn checked(&self, new: NewDocument) -> Result<Document, Refusal> {
        let bad = |what: &'static str| {
            Refusal::new("bad_document", "A2 (Art 2)", what)
                .hint("family: member_covenant, points_card_covenant, notice or undertaking; language: zh or en; version: 1 to 32 visible characters")
        };
        if ![NOTICE, UNDERTAKING].contains(&new.family.as_str())
            && CovenantFamily::parse(&new.family).is_err()
        {
            return Err(bad("the document's family is not known"));
        }
        if !matches!(new.language.as_str(), "zh" | "en") {
            return Err(bad("the document's language is not known"));
        }
        // Two versions must not look alike: nothing invisible in it.
        let version = phrase(&new.version, 32).map_err(|_| bad("the document's version is not one"))?;
        if new.body.trim().is_empty() {
            return Err(bad("the document has no text"));
        }
        Ok(Document {
            family: new.family,
            version,
            language: new.language,
            digest: Digest::of(new.body.as_bytes()),
            body: new.body,
            effective_on: new.effective_on.unwrap_or_else(|| self.clock().today()),
        })
    }
}

fn shown(d: &Document, current: bool) -> DocumentShown {
    DocumentShown {
        family: d.family.clone(),
        version: d.version.clone(),
        language: d.language.clone(),
        digest: d.digest,
        effective_on: d.effective_on.to_string(),
        current,
        body: d.body.clone(),
    }
}

/// Whether none of its kind became effective later.
fn is_current(one: &Document, documents: &[Document], today: Date) -> bool {
    let kin = |d: &&Document| d.family == one.family && d.language == one.language && d.effective_on <= today;
    let newest = documents
        .iter()
        .filter(kin)
        .max_by(|a, b| (a.effective_on, &a.version).cmp(&(b.effective_on, &b.version)));
    newest == Some(one)
}

/// Whether a version of the notice is registered and in effect on a day.
pub(super) fn holds(documents: &[Document], version: &str, today: Date) -> bool {
    documents.iter().any(|d| d.family == NOTICE && d.version == version && d.effective_on <= today)
}

/// Version of the notice that holds on a day: the one that became effective last.
pub(super) fn newest_notice(documents: &[Document], today: Date) -> Option<String> {
    documents
        .iter()
        .filter(|d| d.family == NOTICE && d.effective_on <= today)
        .max_by(|a, b| (a.effective_on, &a.version).cmp(&(b.effective_on, &b.version)))
        .map(|d| d.version.clone())
}
