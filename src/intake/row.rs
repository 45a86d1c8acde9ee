//! One record to one [`MemberRow`], or to everything that is wrong with it.
//!
//! A cell that is filled and not valid rejects its whole row, optional columns too; so does an empty
//! card or name; any other empty cell means none. Nothing is checked across cells. Words are taken
//! in either language under either header.

use csv::StringRecord;

use crate::intake::column::Column;
use crate::intake::errors::CellError;
use crate::intake::headers::Headers;
use crate::model::code::{CardType, CovenantFamily, Tier};
use crate::model::contact::{Address, Birthday, CardNo, Email, Evidence, Mobile, Name, Postcode};
use crate::model::day::Day;
use crate::model::member::{Cell, ConsentTime, Consents, MemberRow};
use crate::model::money::Money;
use crate::model::text;
use crate::model::value_error::ValueError;

/// Checks a record. `today` bounds birthdays.
pub(super) fn check(
    headers: &Headers,
    record: &StringRecord,
    today: Day,
) -> Result<MemberRow, Vec<CellError>> {
    // Damage may have eaten a delimiter's neighbour, so it counts in columns we do not read as well.
    if record.as_slice().contains(char::REPLACEMENT_CHARACTER) {
        return Err(undecodable(headers, record));
    }
    let mut cells = Cells { headers, record, errors: Vec::new() };
    let card = cells.required(Column::Card, CardNo::parse);
    let name = cells.required(Column::Name, Name::parse);
    let mobile = cells.optional(Column::Mobile, Mobile::parse);
    let email = cells.optional(Column::Email, Email::parse);
    let address = cells.optional(Column::Address, Address::parse);
    let postcode = cells.optional(Column::Postcode, Postcode::parse);
    let birthday = cells.optional(Column::Birthday, |text| Birthday::parse(text, today));
    let card_type = cells.optional(Column::CardType, card_type);
    let tier = cells.optional(Column::Tier, tier);
    let home_store = cells.optional(Column::HomeStore, store_code);
    let joined_on = cells.optional(Column::JoinedOn, Day::parse);
    let covenant = cells.covenant();
    let legacy_covenant = cells.optional(Column::LegacyCovenant, yes_no);
    let consents = Consents {
        sms: cells.optional(Column::ConsentSms, yes_no).into_value(),
        post: cells.optional(Column::ConsentPost, yes_no).into_value(),
        email: cells.optional(Column::ConsentEmail, yes_no).into_value(),
    };
    let consent_at = cells.optional(Column::ConsentAt, ConsentTime::parse);
    let consent_evidence = cells.optional(Column::ConsentEvidence, Evidence::parse);
    let spend_total = cells.optional(Column::SpendTotal, Money::parse);
    let last_visit_on = cells.optional(Column::LastVisitOn, Day::parse);
    match (card, name) {
        (Some(card), Some(name)) if cells.errors.is_empty() => Ok(MemberRow {
            card,
            name,
            mobile,
            email,
            address,
            postcode,
            birthday,
            card_type,
            tier,
            home_store,
            joined_on,
            covenant,
            legacy_covenant,
            consents,
            consent_at,
            consent_evidence,
            spend_total,
            last_visit_on,
        }),
        _ => Err(cells.errors),
    }
}

/// One error for each damaged cell; such a row is not looked at any further.
fn undecodable(headers: &Headers, record: &StringRecord) -> Vec<CellError> {
    let damaged = record.iter().enumerate().filter(|(_, cell)| cell.contains(char::REPLACEMENT_CHARACTER));
    damaged
        .map(|(i, _)| CellError { column: headers.column(i), reason: ValueError::Undecodable.into() })
        .collect()
}

/// A record's cells by column, and what has been found wrong with them.
pub(super) struct Cells<'a> {
    pub(super) headers: &'a Headers,
    pub(super) record: &'a StringRecord,
    pub(super) errors: Vec<CellError>,
}

impl Cells<'_> {
    pub(super) fn refuse(&mut self, column: Column, error: ValueError) {
        self.errors.push(CellError { column: Some(column), reason: error.into() });
    }

    fn required<T>(
        &mut self,
        column: Column,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<T> {
        let cell = self.headers.index(column).and_then(|i| self.record.get(i)).unwrap_or("");
        parse(cell).map_err(|e| self.refuse(column, e)).ok()
    }

    /// A refused cell comes back as [`Cell::Empty`]; its row goes no further.
    pub(super) fn optional<T>(
        &mut self,
        column: Column,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Cell<T> {
        let Some(cell) = self.headers.index(column).and_then(|i| self.record.get(i)) else {
            return Cell::NotGiven;
        };
        if cell.trim().is_empty() {
            return Cell::Empty;
        }
        match parse(cell) {
            Ok(value) => Cell::Filled(value),
            Err(e) => {
                self.refuse(column, e);
                Cell::Empty
            }
        }
    }

    /// The covenant with its version. Both columns or neither (`HeaderWarning::HalfCovenant`).
    fn covenant(&mut self) -> Cell<(CovenantFamily, String)> {
        let family = self.optional(Column::Covenant, covenant_family);
        let version = self.optional(Column::CovenantVersion, covenant_version);
        match (family, version) {
            (Cell::NotGiven, _) | (_, Cell::NotGiven) => Cell::NotGiven,
            (Cell::Filled(family), Cell::Filled(version)) => Cell::Filled((family, version)),
            _ => Cell::Empty,
        }
    }
}

/// The value of a word in either language; English in any case.
fn word<T: Copy>(text: &str, words: &[(&str, &str, T)], error: ValueError) -> Result<T, ValueError> {
    let text = text.trim();
    let known = words.iter().find(|(zh, en, _)| *zh == text || en.eq_ignore_ascii_case(text));
    known.map(|(_, _, value)| *value).ok_or(error)
}

fn yes_no(text: &str) -> Result<bool, ValueError> {
    word(text, &[("是", "yes", true), ("否", "no", false)], ValueError::NotYesNo)
}

fn card_type(text: &str) -> Result<CardType, ValueError> {
    let words = [
        ("会员卡", CardType::Member.code(), CardType::Member),
        ("联名卡", CardType::Cobranded.code(), CardType::Cobranded),
    ];
    word(text, &words, ValueError::NotCardType)
}

fn tier(text: &str) -> Result<Tier, ValueError> {
    let words = [
        ("普通", Tier::Ordinary.code(), Tier::Ordinary),
        ("银卡", Tier::Silver.code(), Tier::Silver),
        ("金卡", Tier::Gold.code(), Tier::Gold),
        ("白金", Tier::Platinum.code(), Tier::Platinum),
    ];
    word(text, &words, ValueError::NotTier)
}

fn covenant_family(text: &str) -> Result<CovenantFamily, ValueError> {
    let words = [
        ("会员规约", CovenantFamily::Member.code(), CovenantFamily::Member),
        ("积分卡会员规约", CovenantFamily::PointsCard.code(), CovenantFamily::PointsCard),
    ];
    word(text, &words, ValueError::NotCovenant)
}

/// Any text of up to 32 characters; whether there is such a version is asked of the vault.
fn covenant_version(text: &str) -> Result<String, ValueError> {
    text::single_spaced(text, 32).map(|version| version.as_str().to_owned())
}

/// Letters, digits and hyphens, up to 16; whether there is such a store is asked of the vault.
fn store_code(text: &str) -> Result<String, ValueError> {
    let folded = text::folded(text)?;
    text::is_code(&folded, 16).then(|| folded.as_str().to_owned()).ok_or(ValueError::NotStore)
}
