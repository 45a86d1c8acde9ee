//! Consents said by a person for a member, and the suppression list (A3, B3, E5).

use std::io::{Read, Write};

use serde::Serialize;

use super::found::Whom;
use super::looking::One;
use super::seeking::{ConsentState, consents_in};
use super::subject::{SubjectOf, Verb, check_reason, nothing_else};
use super::{Broker, Caller, Error, Ground, Refusal, imports};
use crate::audit::event::{Action, Event};
use crate::clock::{Randomness, rfc3339};
use crate::intake::{HeaderWarning, contacts};
use crate::model::code::{Channel, Purpose, RecipientClass, Source};
use crate::model::ids::Digest;
use crate::policy::Act;
use crate::store::StoreError;
use crate::store::chunks::{State, consent_kind};
use crate::store::consents::{ConsentEvent, Mark};
use crate::vault::MemberKey;

/// Contact points a transaction of a suppression import holds.
const BATCH: usize = 2_000;

/// What one member's consents are and how they came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConsentShown {
    /// In effect now, of whatever was said at all.
    pub states: Vec<ConsentState>,
    /// Every occasion, oldest first.
    pub history: Vec<Occasion>,
}

/// One yes or no as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Occasion {
    /// When, RFC 3339.
    pub at: String,
    /// Through what.
    pub source: Source,
    /// Who recorded it.
    pub actor: String,
    /// Version of the notice shown.
    pub notice: String,
    /// Whether there is evidence; it is sealed under the member's key.
    pub evidence: bool,
    /// For what.
    pub purpose: Purpose,
    /// Over which channel.
    pub channel: Channel,
    /// To whom.
    pub class: RecipientClass,
    /// Yes or no.
    pub granted: bool,
}

/// What a suppression import did. `added + known` contact points were found; those that can be read in a
/// rejected line are among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SuppressionReport {
    /// Lines in all.
    pub read: u64,
    /// Contact points that were not on the list.
    pub added: u64,
    /// Contact points that were.
    pub known: u64,
    /// Lines of which something could not be read, or that have no contact point; the errors file says which.
    pub rejected: u64,
    /// What of the header row was not used.
    pub warnings: Vec<String>,
    /// The same, to be said in another language.
    #[serde(skip)]
    pub unread: Vec<HeaderWarning>,
}

/// The form in which evidence lies beside a consent event: sealed under the member's key, in hex; empty
/// when there is none.
pub(super) fn sealed_evidence(
    key: &MemberKey,
    random: &mut Randomness,
    event: i64,
    evidence: Option<&str>,
) -> Result<String, StoreError> {
    let Some(evidence) = evidence.map(str::trim).filter(|e| !e.is_empty()) else {
        return Ok(String::new());
    };
    let number =
        u32::try_from(event).map_err(|_| StoreError::integrity("consent_pack", "number is out of range"))?;
    Ok(format!("sealed:{}", hex::encode(key.seal_evidence(random, number, evidence)?.0)))
}

fn check_evidence(evidence: &str) -> Result<(), Refusal> {
    if evidence.chars().count() > 256 {
        return Err(Refusal::new("evidence_too_long", "B3", "evidence has at most 256 characters")
            .hint("give the number of a form or recording"));
    }
    Ok(())
}

impl Broker {
    /// Grants or refuses in a member's name; the state from here. A person's word always counts.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`, `evidence_too_long`.
    #[allow(clippy::too_many_arguments)]
    pub async fn consent_set(
        &self,
        caller: &Caller,
        whom: impl Into<Whom>,
        purpose: Purpose,
        channel: Channel,
        class: RecipientClass,
        granted: bool,
        evidence: &str,
    ) -> Result<State, Error> {
        let mut verb = Verb::new(Action::ConsentSet, caller, Act::ConsentSet, whom);
        verb.event = verb.event.object(class).count("granted", u8::from(granted));
        (verb.event.purpose, verb.event.channel) = (Some(purpose), Some(channel));
        let besides = |_: &_| check_evidence(evidence);
        let (SubjectOf { one: One { member, key, .. }, event, .. }, mut work) =
            self.turn(verb, besides).await?;
        let ordinal = member.ordinal;
        let kind = consent_kind(purpose, channel, class);
        let state = work.view().state(&kind, ordinal).await?.then(granted);
        let number = work.view().consent_events(ordinal).await?.last().map_or(1, |e| e.number + 1);
        let documents = work.view().documents().await?;
        let said = ConsentEvent {
            ordinal,
            number,
            at: work.at(),
            source: Source::Person,
            actor: caller.login().to_string(),
            notice: super::documents::newest_notice(&documents, self.clock().today())
                .unwrap_or_else(|| "none".to_owned()),
            evidence: sealed_evidence(
                &self.vault.key(&key)?,
                &mut Randomness::default(),
                number,
                Some(evidence),
            )?,
            marks: vec![Mark { purpose, channel, class, granted }],
        };
        work.add_consent_events(&[said]).await?;
        work.change_chunks(&kind, [ordinal].into_iter(), |chunks| chunks.set_state(ordinal, state)).await?;
        work.commit(event).await?;
        Ok(state)
    }

    /// A member's consents, with how they came about.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`, `budget_spent`.
    pub async fn consent_show(&self, caller: &Caller, whom: impl Into<Whom>) -> Result<ConsentShown, Error> {
        let verb = Verb::new(Action::ConsentShown, caller, Act::ConsentShow, whom);
        let ordinal = self.look_at(verb, nothing_else, None).await?.one.member.ordinal;
        // Both of one moment, or they would contradict each other.
        let mut view = self.store.view().await?;
        let states = consents_in(&mut view, &[ordinal]).await?.remove(&ordinal).unwrap_or_default();
        let mut history = Vec::new();
        for event in view.consent_events(ordinal).await? {
            history.extend(event.marks.iter().map(|mark| Occasion {
                at: rfc3339(event.at),
                source: event.source,
                actor: event.actor.clone(),
                notice: event.notice.clone(),
                evidence: !event.evidence.is_empty(),
                purpose: mark.purpose,
                channel: mark.channel,
                class: mark.class,
                granted: mark.granted,
            }));
        }
        Ok(ConsentShown { states, history })
    }

    /// Puts a file's contact points on the suppression list: nothing is exported to them any more,
    /// whoever holds them. An entry a transaction. What is wrong with a line goes to `errors`, before
    /// anything is stored.
    ///
    /// # Errors
    /// `not_permitted`, `reason_missing`; [`Error::Input`] when the file is none; the errors file's own.
    pub async fn suppression_import(
        &self,
        caller: &Caller,
        input: Box<dyn Read + Send>,
        reason: &str,
        errors: Option<Box<dyn Write + Send>>,
    ) -> Result<SuppressionReport, Error> {
        let event = Event::new(Action::SuppressionImported, caller.actor());
        let policy = self
            .logged(event.clone(), async {
                let mut view = self.store.view().await?;
                let ground = self.ground(&mut view).await?;
                ground.staff.may(&ground.policy, caller, Act::SuppressionImport, None)?;
                check_reason(reason, "E5")?;
                Ok(Digest(ground.policy.digest()))
            })
            .await?;
        let keyring = self.store.keyring().clone();
        let read = tokio::task::spawn_blocking(move || contacts::read(input, &keyring)).await;
        let found = match read.map_err(|_| StoreError::Fault("reading the file broke off"))? {
            Ok(found) => found,
            Err(error) => return self.refuse_file(event.policy(policy), imports::unusable(&error)).await,
        };
        let mut errors = imports::open_errors(errors)?;
        imports::write_errors(&mut errors, &found.rejected)?;
        imports::finish_errors(errors)?;
        let mut report = SuppressionReport {
            read: found.read,
            rejected: found.rejected.len() as u64,
            warnings: found.warnings.iter().map(imports::warning).collect(),
            unread: found.warnings.clone(),
            ..SuppressionReport::default()
        };
        // A list that was sent whole is stored whole, whether or not its person has signed out since.
        let caller = &caller.without_session();
        let may = |ground: &Ground| ground.staff.may(&ground.policy, caller, Act::SuppressionImport, None);
        let mut left = found.tags.as_slice();
        loop {
            let (tags, rest) = left.split_at(left.len().min(BATCH));
            let mut work = self.store.work().await?;
            // A file comes for as long as its sender likes.
            if let Err(refusal) = self.judged_in(work.view(), caller, may).await? {
                drop(work);
                return self.refuse(event.policy(policy), refusal).await;
            }
            // Beside the tag only a pointer: what staff wrote lies sealed with the entry.
            let why = format!("import:{}", work.seq());
            let commitment = work.add_remark(reason.trim())?;
            let mut added = 0;
            for (index, tag) in tags {
                added += u64::from(work.suppress(*index, tag, &why).await?);
            }
            let known = tags.len() as u64 - added;
            let event = event.clone().policy(policy).digest("commitment", commitment);
            work.commit(event.count("added", added).count("known", known)).await?;
            report.added += added;
            report.known += known;
            left = rest;
            if left.is_empty() {
                return Ok(report);
            }
        }
    }
}
