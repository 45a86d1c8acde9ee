//! What can happen: a closed list, and what the log says of each.
//!
//! An event names fields, never values; counts, never contents. Free text stays out: a justification
//! is kept beside the log, sealed, and the event holds a salted commitment to it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::code::{Channel, Purpose, Role, codes};
use crate::model::field::Field;
use crate::model::ids::{Alias, Digest, Login};
use crate::model::refusal::Refusal;

codes! {
    /// Every kind of entry the log can hold (A1).
    Action, "action" {
        /// A vault was made.
        VaultCreated = "vault.created",
        /// Rows of a vault made before members lay in blocks were moved.
        VaultMoved = "vault.moved",
        /// Units, people or roles changed.
        OrgApplied = "org.applied",
        /// A change of the organisation that waits for a second administrator.
        OrgProposed = "org.proposed",
        /// A second administrator seconded a change; it is applied with this entry.
        OrgSeconded = "org.seconded",
        /// A change was taken back before it was seconded.
        OrgWithdrawn = "org.withdrawn",
        /// Changes that wait were shown.
        OrgProposalsShown = "org.proposals_shown",
        /// A one-time enrolment code was issued.
        PersonInvited = "person.invited",
        /// A signing key was enrolled.
        PersonEnrolled = "person.enrolled",
        /// A person set a new password, and so a new signing key.
        PersonPassword = "person.password",
        /// A person was suspended.
        PersonSuspended = "person.suspended",
        /// Somebody failed to show who they are.
        PersonUnknown = "person.unknown",
        /// A person signed in.
        SessionOpened = "session.opened",
        /// A person gave the password again.
        SessionSteppedUp = "session.stepped_up",
        /// A person signed out.
        SessionClosed = "session.closed",
        /// A person gave the confidentiality undertaking.
        UndertakingGiven = "undertaking.given",
        /// A second factor was begun with: its secret or challenge was shown.
        FactorBegun = "factor.begun",
        /// A second factor was added.
        FactorAdded = "factor.added",
        /// A second factor was given outside of a session.
        FactorUsed = "factor.used",
        /// A second factor was removed.
        FactorRemoved = "factor.removed",
        /// An account at the identity provider was linked.
        AccountLinked = "account.linked",
        /// It was unlinked.
        AccountUnlinked = "account.unlinked",
        /// A vendor was registered or changed.
        VendorAdded = "vendor.added",
        /// A vendor was suspended.
        VendorSuspended = "vendor.suspended",
        /// Policies in force were shown.
        PolicyShown = "policy.shown",
        /// A policy version was proposed.
        PolicyProposed = "policy.proposed",
        /// A policy version was seconded.
        PolicySeconded = "policy.seconded",
        /// A covenant or notice version was registered.
        DocumentAdded = "document.added",
        /// A file of members: begun.
        ImportStarted = "import.started",
        /// One transaction of an import.
        ImportBatch = "import.batch",
        /// A file of members: ended.
        ImportFinished = "import.finished",
        /// A file was checked and nothing stored.
        ImportDryRun = "import.dry_run",
        /// A member was looked up.
        MemberLookedUp = "member.looked_up",
        /// A member was shown, masked.
        MemberShown = "member.shown",
        /// Fields of a member were revealed.
        MemberRevealed = "member.revealed",
        /// A field of a member was corrected.
        MemberCorrected = "member.corrected",
        /// It was asked who saw a member's data.
        MemberWhoSaw = "member.who_saw",
        /// Erasure was ordered; the data is gone with this entry.
        EraseOrdered = "erase.ordered",
        /// The data key is destroyed.
        Erased = "erased",
        /// A consent was granted or refused.
        ConsentSet = "consent.set",
        /// Consents were shown.
        ConsentShown = "consent.shown",
        /// How many members consent was counted or shown, by store and channel.
        ConsentCoverage = "consent.coverage",
        /// Contact points were put on the suppression list.
        SuppressionImported = "suppression.imported",
        /// A request was drafted or its draft changed.
        RequestDrafted = "request.drafted",
        /// The waterfall was shown.
        RequestPreviewed = "request.previewed",
        /// A request was submitted: a new round.
        RequestSubmitted = "request.submitted",
        /// A request was shown.
        RequestShown = "request.shown",
        /// Requests were listed.
        RequestListed = "request.listed",
        /// A step was countersigned.
        RequestApproved = "request.approved",
        /// Returned to the requester.
        RequestReturned = "request.returned",
        /// Rejected.
        RequestRejected = "request.rejected",
        /// Recalled by the requester.
        RequestRecalled = "request.recalled",
        /// An execution was asked for; only ever a refusal (what passes is `package.started`).
        RequestExecuted = "request.executed",
        /// A package is about to be made.
        PackageStarted = "package.started",
        /// A package is to be made in parts: who may be in which is settled.
        PackageDivided = "package.divided",
        /// A process is about to make one part.
        PackageRangeClaimed = "package.range_claimed",
        /// One part is written.
        PackageRangeMade = "package.range_made",
        /// A package is whole and sealed.
        PackageSealed = "package.sealed",
        /// A package was made again because someone had to go.
        PackageRemade = "package.remade",
        /// A package's making was broken off.
        PackageAborted = "package.aborted",
        /// Packages were listed.
        PackageListed = "package.listed",
        /// A package was handed to the receiving officer.
        PackageDownloaded = "package.downloaded",
        /// A package was handed to the vendor.
        PackageHandedOff = "package.handed_off",
        /// A package was recalled and its key destroyed.
        PackageRecalled = "package.recalled",
        /// Entries of the log were read.
        AuditRead = "audit.read",
        /// The log was exported.
        AuditExported = "audit.exported",
        /// A member was typed in at the counter.
        MemberAdded = "member.added",
        /// The history of a member's corrections was shown.
        MemberHistory = "member.history",
        /// It was asked whether a member's field has a value; answered yes or no.
        MemberVerified = "member.verified",
        /// Covenants and notices were listed.
        DocumentListed = "document.listed",
        /// A backup of the data was made.
        BackupCreated = "backup.created",
        /// A backup of the keystore was made.
        BackupKeysCreated = "backup.keys_created",
        /// The vault was restored from a backup: what the log had beyond it is gone.
        VaultRestored = "vault.restored",
        /// Callers whom nobody knows were refused, from one address within a minute: how many of which.
        AnonymousRefused = "anonymous.refused",
        /// A pattern was noticed that somebody should look at.
        AlarmRaised = "alarm.raised",
        /// Alarms were listed.
        AlarmListed = "alarm.listed",
        /// Somebody has seen to an alarm.
        AlarmAcknowledged = "alarm.acknowledged",
        /// A step was handed to a deputy.
        RequestTransferred = "request.transferred",
        /// Whoever holds a request was reminded.
        RequestReminded = "request.reminded",
        /// A request was copied to a person.
        RequestCopied = "request.copied",
        /// A proposed policy was taken back.
        PolicyWithdrawn = "policy.withdrawn",
        /// Units or people and their roles were shown.
        PeopleShown = "people.shown",
        /// A vendor attested that it destroyed a package.
        PackageDestroyed = "package.destroyed",
        /// A vendor's suspension was lifted.
        VendorResumed = "vendor.resumed",
        /// Another key of a vendor was registered.
        VendorKeyAdded = "vendor.key_added",
        /// A phrase was encrypted to a vendor's key.
        VendorKeyChallenged = "vendor.key_challenged",
        /// A second person confirmed a vendor's key: the vendor gave the phrase back.
        VendorKeyConfirmed = "vendor.key_confirmed",
        /// It was shown which rows of a file were refused; refused, also how its import stands.
        ImportShown = "import.shown",
        /// An import was told to stop: no batch of it follows.
        ImportCancelled = "import.cancelled",
        /// A token for a program was made.
        TokenMade = "token.made",
        /// Tokens were listed.
        TokenListed = "token.listed",
        /// A token was revoked.
        TokenRevoked = "token.revoked",
        /// A token was used where none may be, or beyond its scopes; only ever a refusal (what passes is the verb's own
        /// entry, whose actor names the token).
        TokenUsed = "token.used",
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// The host's operator: opens no field.
    Operator,
    /// A person of the organisation, with the roles held at that moment.
    Person {
        /// Login.
        login: Login,
        /// Roles held.
        roles: Vec<Role>,
        /// The number of the token that a program used in the person's stead.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<i64>,
    },
    /// Nobody who could be recognised.
    Anonymous,
}

/// What the log says of one thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub action: Action,
    /// Who did it.
    pub actor: Actor,
    /// What it was done to: a number, a code, a login. Never a personal value.
    pub object: Option<String>,
    /// The member, by alias.
    pub member: Option<Alias>,
    /// Names of the fields that were touched.
    pub fields: Vec<Field>,
    /// Purpose, where the act has one.
    pub purpose: Option<Purpose>,
    /// Channel, where the act has one.
    pub channel: Option<Channel>,
    /// Digest of the request.
    pub request: Option<Digest>,
    /// Digest of the policy that decided.
    pub policy: Option<Digest>,
    /// Why not, when it was refused: code and rule.
    pub refused: Option<(&'static str, &'static str)>,
    /// Counts, by name.
    pub counts: BTreeMap<&'static str, i64>,
    /// Digests of what the act was about, by name (`sha256`, `disclosure`, `commitment`, `public_key` …).
    pub digests: BTreeMap<&'static str, Digest>,
}

impl Event {
    /// An event with nothing but who and what.
    pub fn new(action: Action, actor: Actor) -> Self {
        Event {
            action,
            actor,
            object: None,
            member: None,
            fields: Vec::new(),
            purpose: None,
            channel: None,
            request: None,
            policy: None,
            refused: None,
            counts: BTreeMap::new(),
            digests: BTreeMap::new(),
        }
    }

    /// Names what it was done to.
    #[must_use]
    pub fn object(mut self, object: impl ToString) -> Self {
        self.object = Some(object.to_string());
        self
    }

    /// Names the member.
    #[must_use]
    pub fn member(mut self, alias: Alias) -> Self {
        self.member = Some(alias);
        self
    }

    /// Names the fields.
    #[must_use]
    pub fn fields(mut self, fields: &[Field]) -> Self {
        self.fields = fields.to_vec();
        self
    }

    /// Adds a count.
    #[must_use]
    pub fn count(mut self, name: &'static str, n: impl TryInto<i64>) -> Self {
        self.counts.insert(name, n.try_into().unwrap_or(i64::MAX));
        self
    }

    /// Adds a digest.
    #[must_use]
    pub fn digest(mut self, name: &'static str, digest: Digest) -> Self {
        self.digests.insert(name, digest);
        self
    }

    /// Under which policy it was decided.
    #[must_use]
    pub fn policy(mut self, digest: Digest) -> Self {
        self.policy = Some(digest);
        self
    }

    /// Which request it is about: digest, purpose, channel.
    #[must_use]
    pub fn request(mut self, digest: Digest, purpose: Purpose, channel: Channel) -> Self {
        self.request = Some(digest);
        self.purpose = Some(purpose);
        self.channel = Some(channel);
        self
    }

    /// Makes it a refusal.
    #[must_use]
    pub fn refused(mut self, refusal: &Refusal) -> Self {
        self.refused = Some((refusal.code, refusal.rule));
        self
    }
}
