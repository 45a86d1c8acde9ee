//! The rows that tests store, each made in one place.

use countersign::keyring::Tag;
use countersign::model::code::{
    CardType, Channel, CovenantFamily, Function, Purpose, Rank, RecipientClass, Role, Source, Tier, UnitKind,
};
use countersign::model::field::Index;
use countersign::model::ids::{Alias, Digest, Login, MemberId, PackageNo, RequestNo, UnitCode, VendorCode};
use countersign::model::org::Unit;
use countersign::model::scope::{Scope, Scopes};
use countersign::model::sealed::{Entry, Record, Sealed};
use countersign::store::alarms::AlarmRow;
use countersign::store::consents::{ConsentEvent, Mark};
use countersign::store::documents::Document;
use countersign::store::factors::{PasskeyRow, RecoveryRow, TotpRow};
use countersign::store::holds::{Hold, HoldReason};
use countersign::store::linked::LinkedAccount;
use countersign::store::members::{Attributes, ContactTag, Member};
use countersign::store::notes::{NoteKind, NoteRow};
use countersign::store::packages::{Erasure, FactKind, PackageFact, PackageRow};
use countersign::store::people::{Enrolment, Person, RoleGrant};
use countersign::store::policies::PolicyVersion;
use countersign::store::proposals::{Outcome, ProposalKind, ProposalRow};
use countersign::store::requests::{RequestRow, SignatureRow, SubmissionRow};
use countersign::store::sessions::SessionRow;
use countersign::store::tokens::TokenRow;
use countersign::store::undertakings::UndertakingRow;
use countersign::store::vendor_keys::VendorKeyRow;
use countersign::store::vendors::VendorRow;
use jiff::civil::{Date, date};

pub fn login(text: &str) -> Login {
    Login::parse(text).unwrap()
}

pub fn code(text: &str) -> UnitCode {
    UnitCode::parse(text).unwrap()
}

pub fn unit(text: &str, parent: Option<&str>) -> Unit {
    let department = parent.is_some();
    Unit {
        code: code(text),
        kind: if department { UnitKind::Department } else { UnitKind::Group },
        function: department.then_some(Function::Marketing),
        parent: parent.map(code),
        name_zh: format!("单位 {text}"),
        name_en: format!("Unit {text}"),
    }
}

pub fn person(text: &str) -> Person {
    let (login, unit) = (login(text), code("HQ"));
    Person { login, name: format!("员工 {text}"), unit, rank: Rank::Supervisor, suspended: false }
}

pub fn role(who: &str, role: Role) -> RoleGrant {
    RoleGrant { login: login(who), role, unit: code("HQ") }
}

pub fn enrolment(who: &str, byte: u8) -> Enrolment {
    Enrolment { login: login(who), code_hash: vec![byte; 32], expires_at: 1_700_000_000_000_000 }
}

pub fn vendor(text: &str) -> VendorRow {
    VendorRow {
        code: VendorCode::parse(text).unwrap(),
        name_zh: format!("外包商 {text}"),
        name_en: format!("Vendor {text}"),
        channels: vec![Channel::Sms, Channel::Post],
        contract_reference: format!("C-{text}"),
        contract_from: date(2026, 1, 1),
        contract_to: date(2026, 12, 31),
        recipient: format!("age1{text}"),
        fingerprint: Digest::of(text.as_bytes()).short(),
        checked_by: "telephone".into(),
        suspended: false,
    }
}

pub fn vendor_key(text: &str, confirmed: Option<&str>) -> VendorKeyRow {
    let VendorRow { code, recipient, fingerprint, .. } = vendor(text);
    VendorKeyRow {
        code,
        number: 1,
        recipient,
        fingerprint,
        registered_by: login("zhou.ying"),
        registered_at: 1,
        challenge: Some((Digest::of(b"a phrase"), login("zhou.ying"), 2)),
        confirmed: confirmed.map(|who| (login(who), 3)),
    }
}

pub fn policy(id: i64, effective_at: i64) -> PolicyVersion {
    PolicyVersion {
        id,
        digest: Digest::of(&id.to_le_bytes()),
        files: format!("files of {id}").into_bytes(),
        proposed_by: "operator".into(),
        proposed_at: id * 10,
        proposed_sig: (id > 1).then(|| vec![id as u8; 64]),
        seconded: None,
        effective_at,
    }
}

pub fn document(version: &str, body: &str) -> Document {
    Document {
        family: "member_covenant".into(),
        version: version.into(),
        language: "zh".into(),
        digest: Digest::of(body.as_bytes()),
        body: body.into(),
        effective_on: date(2026, 3, 1),
    }
}

pub fn member_id(n: u8) -> MemberId {
    MemberId([n; 16])
}

pub fn tag(index: Index, n: u8) -> Tag {
    [index.number().wrapping_mul(16).wrapping_add(n); 16]
}

pub fn contact(index: Index, n: u8) -> ContactTag {
    ContactTag { index, tag: tag(index, n), suppression: [n; 16] }
}

/// A record of so many fields beside the alias, each with some bytes of the member's.
pub fn record(numbers: impl Iterator<Item = u8>, byte: u8) -> Vec<u8> {
    let entry = |number| Entry { number, version: 1, sealed: Sealed(vec![byte; 40 + usize::from(number)]) };
    Record(std::iter::once(0).chain(numbers).map(entry).collect()).to_bytes()
}

/// A member with every attribute and field: card and mobile tags are his number's.
pub fn member(ordinal: i64) -> Member {
    let (n, high) = (ordinal as u8, (ordinal >> 8) as u8);
    let mut id = member_id(n);
    id.0[15] = id.0[15].wrapping_add(high);
    Member {
        ordinal,
        id,
        attributes: Attributes {
            home_store: Some(format!("S{ordinal}")),
            tier: Tier::Gold,
            card_type: CardType::Member,
            active: true,
            joined_on: Some(18_000 + ordinal),
            last_visit_on: Some(20_000 + ordinal),
            spend_cents: Some(10_000 * ordinal),
            birth_month: Some(ordinal.rem_euclid(12) + 1),
            covenant: Some((CovenantFamily::Member, "2026-1".into())),
            legacy: false,
            present: 0xFE,
            unsafe_fields: 0,
            tags: vec![contact(Index::Card, n), contact(Index::Mobile, n)],
        },
        record: record(1..8, n),
        created_at: 1_000 + ordinal,
        changed_at: 1_000 + ordinal,
    }
}

/// A member of whom next to nothing is known.
pub fn bare_member(ordinal: i64) -> Member {
    let attributes = Attributes {
        home_store: None,
        tier: Tier::Ordinary,
        card_type: CardType::Cobranded,
        active: false,
        joined_on: None,
        last_visit_on: None,
        spend_cents: None,
        birth_month: None,
        covenant: None,
        legacy: true,
        present: 0,
        unsafe_fields: 4,
        tags: vec![],
    };
    Member { attributes, record: record(0..0, 1), ..member(ordinal) }
}

pub fn mark(channel: Channel, granted: bool) -> Mark {
    Mark { purpose: Purpose::Promotion, channel, class: RecipientClass::Company, granted }
}

pub fn consent(ordinal: i64, number: i64, marks: Vec<Mark>) -> ConsentEvent {
    ConsentEvent {
        ordinal,
        number,
        at: 5_000 + number,
        source: Source::Person,
        actor: "wang.fang".into(),
        notice: "n-1".into(),
        evidence: format!("form {ordinal}/{number}"),
        marks,
    }
}

pub fn request_no(serial: u32) -> RequestNo {
    RequestNo::new(2026, code("HQ"), serial).unwrap()
}

pub fn note(serial: u32) -> NoteRow {
    let (no, actor, subject) = (request_no(serial), login("li.na"), "wang.fang".to_owned());
    NoteRow { no, number: 1, kind: NoteKind::Copy, at: i64::from(serial), actor, subject }
}

pub fn request(serial: u32) -> RequestRow {
    RequestRow {
        no: request_no(serial),
        unit: code("MKT"),
        drafted_by: login("li.na"),
        form: format!("{{\"campaign\":\"{serial}\"}}"),
        created_at: 100 + i64::from(serial),
        changed_at: 100 + i64::from(serial),
    }
}

pub fn submission(serial: u32, round: u32) -> SubmissionRow {
    let body = format!("form {serial} round {round}").into_bytes();
    SubmissionRow { no: request_no(serial), round, digest: Digest::of(&body), body }
}

pub fn signature(serial: u32, round: u32, number: u32) -> SignatureRow {
    let payload = format!("{serial}/{round}/{number}").into_bytes();
    let (no, signer) = (request_no(serial), login(&format!("signer{number}")));
    SignatureRow { no, round, number, payload, sig: vec![number as u8; 64], signer }
}

pub fn package_no(request: u32, serial: u32) -> PackageNo {
    PackageNo::new(request_no(request), serial).unwrap()
}

pub fn package(request: u32, serial: u32) -> PackageRow {
    PackageRow { no: package_no(request, serial), round: 1, executor: login("executor"), live: true }
}

pub fn fact(kind: FactKind, at: i64) -> PackageFact {
    PackageFact { kind, at, actor: "executor".into(), body: format!("{{\"at\":{at}}}") }
}

pub fn erasure(n: u8, finished_at: Option<i64>) -> Erasure {
    Erasure {
        case_no: format!("E2026-{n:04}"),
        ordinal: i64::from(n),
        alias: Alias([n; 16]),
        ordered_at: 77,
        finished_at,
    }
}

pub fn today() -> Date {
    date(2026, 11, 21)
}

/// A session of a person, the n-th.
pub fn alarm(seq: u64, whom: &str) -> AlarmRow {
    AlarmRow {
        seq,
        kind: "burst".into(),
        whom: format!("person/{whom}"),
        hour: 7,
        raised_at: 8,
        count: 40,
        minutes: 5,
        acknowledged: None,
    }
}

pub fn session(who: &str, n: u8) -> SessionRow {
    SessionRow {
        id: Digest([n; 32]),
        login: login(who),
        opened_at: i64::from(n) * 1_000,
        stepped_at: i64::from(n) * 1_000,
        seed: vec![n; 60],
    }
}

/// A token of a person, the n-th, good for ages.
pub fn token(who: &str, n: u8) -> TokenRow {
    TokenRow {
        id: i64::from(n),
        hash: Digest([n; 32]),
        login: login(who),
        name: format!("令牌 {n}"),
        scopes: Scopes::of([Scope::RequestsRead, Scope::ALL[usize::from(n)]]).unwrap(),
        unit: code(if n.is_multiple_of(2) { "HQ" } else { "MKT" }),
        made_at: i64::from(n),
        ends_at: 4_000_000_000_000_000 + i64::from(n),
        revoked: None,
    }
}

/// An undertaking of a person.
pub fn undertaking(who: &str, at: i64) -> UndertakingRow {
    UndertakingRow { login: login(who), version: at.to_string(), digest: Digest([at as u8; 32]), at }
}

/// A day in which a person signs nothing.
pub fn hold(who: &str, since: i64) -> Hold {
    let reason = if since % 2 == 0 { HoldReason::Key } else { HoldReason::Role };
    Hold { login: login(who), reason, since, until: since + 1 }
}

/// What waits for a second administrator; an even one was seconded.
pub fn proposal(id: i64, who: &str) -> ProposalRow {
    ProposalRow {
        id,
        kind: if id % 2 == 0 { ProposalKind::Reset } else { ProposalKind::Resume },
        body: who.into(),
        changes: format!("reset {who}"),
        digest: Digest([id as u8; 32]),
        proposed_by: login(who),
        proposed_at: id,
        expires_at: id + 1,
        ended: (id % 2 == 0).then(|| (Outcome::Seconded, login(who), id)),
    }
}

/// A secret of time-based codes.
pub fn totp(who: &str, n: i64) -> TotpRow {
    TotpRow { login: login(who), secret: vec![n as u8; 48], confirmed_at: Some(n), last_step: n }
}

/// A recovery code; one with an even number was used.
pub fn recovery_code(who: &str, n: i64) -> RecoveryRow {
    let used_at = (n % 2 == 0).then_some(n);
    RecoveryRow { login: login(who), code_hash: Digest([n as u8; 32]), used_at }
}

/// A linked account.
pub fn linked_account(who: &str, n: i64) -> LinkedAccount {
    LinkedAccount { identity: Digest([n as u8; 32]), login: login(who), linked_at: n }
}

/// A passkey.
pub fn passkey(who: &str, n: i64) -> PasskeyRow {
    PasskeyRow {
        login: login(who),
        id: Digest([n as u8; 32]),
        name: format!("key {n}"),
        key: format!("{{{n}}}"),
        counter: n,
        added_at: n,
    }
}
