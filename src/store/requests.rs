//! Requests, what was submitted of them, and the signed facts. No row says `approved`: states are walked.

use jiff::civil::Date;

use super::engine::Arg;
use super::table::{
    CREDENTIAL, PACKAGE, PACKAGE_FACT, PERSON, PERSON_HOLD, POLICY_VERSION, POLICY_WITHDRAWAL, REMARK,
    REQUEST, REQUEST_NOTE, ROLE_GRANT, SIGNATURE, SUBMISSION, Table, UNIT, VENDOR, VENDOR_KEY, Value,
};
use super::{Stamp, StoreError, View, Work};
use crate::clock::{Micros, random};
use crate::keyring::sha256;
use crate::model::ids::{Digest, Login, RequestNo, UnitCode};

/// A request: its number and its draft as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Its number.
    pub no: RequestNo,
    /// The asking unit.
    pub unit: UnitCode,
    /// Who drafted it.
    pub drafted_by: Login,
    /// The draft, canonical JSON of the form.
    pub form: String,
    /// When it was drafted.
    pub created_at: Micros,
    /// When the draft last changed.
    pub changed_at: Micros,
}

/// What was submitted in one round, byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct SubmissionRow {
    /// Which request.
    pub no: RequestNo,
    /// 1, 2, 3 …
    pub round: u32,
    /// Canonical JSON of `countersign.request.v1`.
    pub body: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
}

/// One signed fact of a round.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureRow {
    /// Which request.
    pub no: RequestNo,
    /// Which round.
    pub round: u32,
    /// Its place in the round, from 1.
    pub number: u32,
    /// What was signed.
    pub payload: Vec<u8>,
    /// Ed25519 signature.
    pub sig: Vec<u8>,
    /// Who signed.
    pub signer: Login,
}

/// Which requests, newest first: all when nothing is said.
#[derive(Debug, Default, Clone, Copy)]
pub struct Picked<'a> {
    /// Of this unit.
    pub unit: Option<&'a UnitCode>,
    /// Only what somebody may still have to do something about. What has a package that was handed off is done with, and
    /// so is a round that was returned, rejected or recalled. This picks and decides nothing: what a request may is
    /// worked out from its facts, each time.
    pub open: bool,
    /// Only what this person had a part in: drafted, said something to, executed, or was noted beside it.
    pub part: Option<&'a Login>,
    /// Only what has a package, or had one.
    pub packaged: bool,
    /// Only what may have a day in this month: in its form, or because its package was handed off or proven to be destroyed.
    pub month: Option<Month>,
    /// Only what has a package of which a record may be waited for: it was fetched last and not handed off, or handed off
    /// and not proven to be destroyed.
    pub unsettled: bool,
    /// Only those behind this one.
    pub behind: Option<&'a RequestRow>,
    /// So many at most.
    pub most: Option<u32>,
}

/// A month of the vault's zone.
#[derive(Debug, Clone, Copy)]
pub struct Month {
    /// Any of its days.
    pub day: Date,
    /// Its first moment, and that of the next.
    pub moments: (Micros, Micros),
}

/// What [`Picked::open`] says. The acts are looked for in the signed bytes, as canonical JSON spells them: a quotation mark
/// inside a comment has a backslash before it there, so that no comment spells them.
const OPEN: &str = "\
    not exists (select 1 from package join package_fact on package_fact.package = package.no \
        where package.request_no = request.no and package.live = 1 \
        and package_fact.kind in ('handed_off', 'destroyed')) \
    and (exists (select 1 from package where package.request_no = request.no and package.live = 1) \
        or not exists (select 1 from signature where signature.no = request.no \
            and signature.round = (select max(round) from submission where submission.no = request.no) \
            and (signature.payload like $6 or signature.payload like $7 \
                or (signature.payload like $8 and signature.payload not like $9))))";

const ENDS: [&[u8]; 4] =
    [br#"%"act":"recall"%"#, br#"%"act":"reject"%"#, br#"%"act":"return"%"#, br#"%"back_to":"%"#];

const PART: &str = "\
    (drafted_by = $5 \
        or exists (select 1 from signature where signature.no = request.no and signature.signer = $5) \
        or exists (select 1 from package where package.request_no = request.no and package.executor = $5) \
        or exists (select 1 from request_note where request_note.no = request.no and request_note.subject = $5))";

/// How canonical JSON spells the days of a form, up to the month.
const DAYS: [&str; 3] = ["from", "to", "destroy_by"];

const UNSETTLED: &str = "\
    exists (select 1 from package join package_fact on package_fact.package = package.no \
        where package.request_no = request.no \
        and (package_fact.kind = 'handed_off' and not exists (select 1 from package_fact as proof \
                where proof.package = package.no and proof.kind = 'destroyed') \
            or package_fact.kind = 'downloaded' and not exists (select 1 from package_fact as later \
                where later.package = package.no and later.number > package_fact.number)))";

const PACKAGED: &str = "exists (select 1 from package where package.request_no = request.no)";

/// The tables that say where a request stands, whom it waits for and who may see it.
static STANDING: [&Table; 15] = [
    &UNIT,
    &PERSON,
    &ROLE_GRANT,
    &CREDENTIAL,
    &PERSON_HOLD,
    &POLICY_VERSION,
    &POLICY_WITHDRAWAL,
    &VENDOR,
    &VENDOR_KEY,
    &REQUEST,
    &REQUEST_NOTE,
    &SUBMISSION,
    &SIGNATURE,
    &PACKAGE,
    &PACKAGE_FACT,
];

impl View<'_> {
    /// What the log says that the tables come to which say where requests stand: as long as it says the same, each stands
    /// where it stood, but for what runs out with a day.
    ///
    /// # Errors
    /// The log's head does not fit.
    pub(crate) async fn requests_stamp(&mut self) -> Result<Stamp, StoreError> {
        self.stamp(&STANDING).await
    }

    /// The requests that are picked, newest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn requests_picked(&mut self, picked: Picked<'_>) -> Result<Vec<RequestRow>, StoreError> {
        let no = picked.behind.map(|row| row.no.to_string()).unwrap_or_default();
        let unit = picked.unit.map_or("", UnitCode::as_str);
        let mut args = vec![
            Arg::Int(picked.most.map_or(i64::MAX, i64::from)),
            Arg::Text(unit),
            Arg::Int(picked.behind.map_or(i64::MAX, |row| row.created_at)),
            Arg::Text(&no),
            Arg::Text(picked.part.map_or("", Login::as_str)),
        ];
        // Every place is of one type on PostgreSQL, whether or not the statement goes on to use it.
        let mut tail = String::from(
            "where ($2 = '' or unit = $2) and (created_at, no) < ($3, $4) \
             and ($5 = '' or true)",
        );
        if picked.part.is_some() {
            tail.push_str(" and ");
            tail.push_str(PART);
        }
        if picked.packaged {
            tail.push_str(" and ");
            tail.push_str(PACKAGED);
        }
        if picked.open {
            tail.push_str(" and ");
            tail.push_str(OPEN);
            args.extend(ENDS.map(Arg::Bytes));
        }
        if picked.unsettled {
            tail.push_str(" and ");
            tail.push_str(UNSETTLED);
        }
        let days = picked
            .month
            .map(|month| DAYS.map(|key| format!("%\"{key}\":\"{}%", month.day.strftime("%Y-%m-"))));
        if let (Some(month), Some(days)) = (&picked.month, &days) {
            let [from, to, by, begins, ends] = [1, 2, 3, 4, 5].map(|n| args.len() + n);
            tail.push_str(&format!(
                " and (form like ${from} or form like ${to} or form like ${by} \
                   or exists (select 1 from package join package_fact on package_fact.package = package.no \
                       where package.request_no = request.no and package.live = 1 \
                       and package_fact.kind in ('handed_off', 'destroyed') \
                       and package_fact.at >= ${begins} and package_fact.at < ${ends}))"
            ));
            args.extend(days.iter().map(|day| Arg::Text(day)));
            args.extend([Arg::Int(month.moments.0), Arg::Int(month.moments.1)]);
        }
        tail.push_str(" order by created_at desc, no desc limit $1");
        let rows = self.rows(&REQUEST, &tail, &args).await?;
        rows.iter().map(|r| request(r).ok_or_else(|| malformed("request"))).collect()
    }

    /// One request.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn request(&mut self, no: &RequestNo) -> Result<Option<RequestRow>, StoreError> {
        let row = self.row(&REQUEST, &[Arg::Text(&no.to_string())]).await?;
        row.map(|r| request(&r).ok_or_else(|| malformed("request"))).transpose()
    }

    /// The rounds of a request, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn submissions(&mut self, no: &RequestNo) -> Result<Vec<SubmissionRow>, StoreError> {
        let rows =
            self.rows(&SUBMISSION, "where no = $1 order by round", &[Arg::Text(&no.to_string())]).await?;
        rows.iter().map(|r| submission(r).ok_or_else(|| malformed("submission"))).collect()
    }

    /// The signed facts of a round, in order.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn signatures(&mut self, no: &RequestNo, round: u32) -> Result<Vec<SignatureRow>, StoreError> {
        let tail = "where no = $1 and round = $2 order by number";
        let rows =
            self.rows(&SIGNATURE, tail, &[Arg::Text(&no.to_string()), Arg::Int(i64::from(round))]).await?;
        rows.iter().map(|r| signature(r).ok_or_else(|| malformed("signature"))).collect()
    }

    /// The justification kept beside an entry, if it was not erased.
    ///
    /// # Errors
    /// It does not open: an integrity error.
    pub async fn remark(&mut self, seq: u64) -> Result<Option<String>, StoreError> {
        let Some(row) = self.row(&REMARK, &[Arg::Int(seq as i64)]).await? else { return Ok(None) };
        let bad = || StoreError::integrity("remark", format!("of entry {seq}"));
        let [_, Value::Bytes(salt), Value::Bytes(body)] = &row[..] else { return Err(bad()) };
        let text = self.store.keyring.open_text(salt, body).map_err(|_| bad())?;
        String::from_utf8(text.to_vec()).map(Some).map_err(|_| bad())
    }
}

impl Work<'_> {
    /// The next number of a site in a year.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next_request_no(&mut self, site: &UnitCode, year: u16) -> Result<RequestNo, StoreError> {
        let sql = "select max(serial) from request where site = $1 and year = $2";
        let args = [Arg::Text(site.as_str()), Arg::Int(i64::from(year))];
        let last = self.view.tx.one(sql, &args).await?.maybe_int(0)?.unwrap_or(0);
        let serial = u32::try_from(last + 1).map_err(|_| malformed("request"))?;
        RequestNo::new(year, site.clone(), serial).map_err(|_| malformed("request"))
    }

    /// Stores a draft, new or changed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_request(&mut self, r: &RequestRow) -> Result<(), StoreError> {
        let no = r.no.to_string();
        let row = [
            Arg::Text(&no),
            Arg::Text(r.unit.as_str()),
            Arg::Text(r.no.unit().as_str()),
            Arg::Int(i64::from(r.no.year())),
            Arg::Int(i64::from(r.no.seq())),
            Arg::Text(r.drafted_by.as_str()),
            Arg::Text(&r.form),
            Arg::Int(r.created_at),
            Arg::Int(r.changed_at),
        ];
        self.put(&REQUEST, &row).await?;
        Ok(())
    }

    /// Stores what was submitted.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_submission(&mut self, s: &SubmissionRow) -> Result<(), StoreError> {
        let no = s.no.to_string();
        let row =
            [Arg::Text(&no), Arg::Int(i64::from(s.round)), Arg::Bytes(&s.body), Arg::Bytes(&s.digest.0)];
        self.insert(&SUBMISSION, &row).await
    }

    /// Appends a signed fact.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_signature(&mut self, s: &SignatureRow) -> Result<(), StoreError> {
        let no = s.no.to_string();
        let row = [
            Arg::Text(&no),
            Arg::Int(i64::from(s.round)),
            Arg::Int(i64::from(s.number)),
            Arg::Bytes(&s.payload),
            Arg::Bytes(&s.sig),
            Arg::Text(s.signer.as_str()),
        ];
        self.insert(&SIGNATURE, &row).await
    }

    /// Keeps a justification beside this turn's entry, sealed; its salted commitment goes into the leaf.
    ///
    /// # Errors
    /// No randomness, or it cannot be sealed.
    pub fn add_remark(&mut self, text: &str) -> Result<Digest, StoreError> {
        let salt: [u8; 16] = random()?;
        let sealed = self.view.store.keyring.seal_text(&salt, text)?;
        self.remark(salt, sealed);
        let mut committed = salt.to_vec();
        committed.extend_from_slice(text.as_bytes());
        Ok(Digest(sha256(&committed)))
    }

    /// Takes back the justification beside an earlier entry, if there is one; whether there was. The leaf
    /// keeps its commitment, which without the salt says nothing.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delete_remark(&mut self, seq: u64) -> Result<bool, StoreError> {
        let Some(row) = self.view.row(&REMARK, &[Arg::Int(seq as i64)]).await? else { return Ok(false) };
        self.delete(&REMARK, &super::table::args(&row)).await?;
        Ok(true)
    }
}

fn malformed(table: &'static str) -> StoreError {
    StoreError::integrity(table, "a row does not parse")
}

fn request(row: &[Value]) -> Option<RequestRow> {
    let [
        Value::Text(no),
        Value::Text(unit),
        _,
        _,
        _,
        Value::Text(by),
        Value::Text(form),
        Value::Int(created),
        Value::Int(changed),
    ] = row
    else {
        return None;
    };
    Some(RequestRow {
        no: RequestNo::parse(no).ok()?,
        unit: UnitCode::parse(unit).ok()?,
        drafted_by: Login::parse(by).ok()?,
        form: form.clone(),
        created_at: *created,
        changed_at: *changed,
    })
}

fn submission(row: &[Value]) -> Option<SubmissionRow> {
    let [Value::Text(no), Value::Int(round), Value::Bytes(body), Value::Bytes(digest)] = row else {
        return None;
    };
    Some(SubmissionRow {
        no: RequestNo::parse(no).ok()?,
        round: u32::try_from(*round).ok()?,
        body: body.clone(),
        digest: Digest(digest.as_slice().try_into().ok()?),
    })
}

fn signature(row: &[Value]) -> Option<SignatureRow> {
    let [
        Value::Text(no),
        Value::Int(round),
        Value::Int(number),
        Value::Bytes(payload),
        Value::Bytes(sig),
        Value::Text(signer),
    ] = row
    else {
        return None;
    };
    Some(SignatureRow {
        no: RequestNo::parse(no).ok()?,
        round: u32::try_from(*round).ok()?,
        number: u32::try_from(*number).ok()?,
        payload: payload.clone(),
        sig: sig.clone(),
        signer: Login::parse(signer).ok()?,
    })
}
