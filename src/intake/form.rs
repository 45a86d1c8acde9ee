//! One member typed at the counter: the columns of a file's row, and the same checks (C3).
//!
//! What a file may leave open a form may not: each consent is decided, yes or no (B3), and the covenant that was
//! accepted is named (A2).

use csv::StringRecord;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::column::Column;
use super::errors::{CellError, Reason};
use super::headers::Headers;
use super::row;
use crate::model::day::Day;
use crate::model::member::MemberRow;

/// A cell as typed, wiped when dropped; `None` when it was left out.
pub type Text = Option<Zeroizing<String>>;

/// A member as typed; the names are those of the columns of a file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemberForm {
    /// Card number.
    pub card_no: Text,
    /// Name.
    pub name: Text,
    /// Mobile.
    pub mobile: Text,
    /// Email address.
    pub email: Text,
    /// Postal address.
    pub address: Text,
    /// Postcode.
    pub postcode: Text,
    /// Birthday.
    pub birthday: Text,
    /// `member` or `cobranded`.
    pub card_type: Text,
    /// `ordinary`, `silver`, `gold`, `platinum`.
    pub tier: Text,
    /// Code of the home store.
    pub home_store: Text,
    /// Day of joining; today when left out.
    pub joined_on: Text,
    /// Family of the covenant accepted.
    pub covenant: Text,
    /// Its version.
    pub covenant_version: Text,
    /// Whether the member agrees to promotion by short message; must be said.
    pub consent_sms: Option<bool>,
    /// By direct mail; must be said.
    pub consent_post: Option<bool>,
    /// By email; must be said.
    pub consent_email: Option<bool>,
    /// When a paper form was signed; now when left out.
    pub consent_at: Text,
    /// Number of the paper form or recording.
    pub consent_evidence: Text,
    /// Version of the notice that the member was shown (B3).
    pub notice: Text,
}

const UNDECIDED: Reason = Reason::Refused {
    code: "consent_undecided",
    rule: "B3",
    zh: "请选择同意或不同意 (B3)",
    en: "must be decided, yes or no (B3)",
};

const NO_COVENANT: CellError = CellError {
    column: Some(Column::Covenant),
    reason: Reason::Refused {
        code: "covenant_missing",
        rule: "A2 (Art 2)",
        zh: "请填写会员接受的规约及其版本 (A2)",
        en: "the covenant that was accepted, with its version, must be named (A2)",
    },
};

impl MemberForm {
    /// Checks it as a row. `today` bounds birthdays and consent times.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, today: Day) -> Result<MemberRow, Vec<CellError>> {
        let joined = today.date().to_string();
        let (columns, cells): (Vec<Column>, Vec<&str>) = self.cells(&joined).into_iter().unzip();
        let row = row::check(&Headers::of(&columns), &StringRecord::from(cells), today);
        let mut errors = self.left_open();
        match row {
            Ok(row) if row.covenant.value().is_none() => errors.push(NO_COVENANT),
            Ok(row) if errors.is_empty() => return Ok(row),
            Ok(_) => {}
            Err(wrong) => errors.extend(wrong),
        }
        Err(errors)
    }

    /// What is there, by column.
    fn cells<'a>(&'a self, joined: &'a str) -> Vec<(Column, &'a str)> {
        let yes_no = |said: Option<bool>| said.map(|yes| if yes { "yes" } else { "no" });
        let texts = [
            (Column::Card, &self.card_no),
            (Column::Name, &self.name),
            (Column::Mobile, &self.mobile),
            (Column::Email, &self.email),
            (Column::Address, &self.address),
            (Column::Postcode, &self.postcode),
            (Column::Birthday, &self.birthday),
            (Column::CardType, &self.card_type),
            (Column::Tier, &self.tier),
            (Column::HomeStore, &self.home_store),
            (Column::Covenant, &self.covenant),
            (Column::CovenantVersion, &self.covenant_version),
            (Column::ConsentAt, &self.consent_at),
            (Column::ConsentEvidence, &self.consent_evidence),
        ];
        let texts = texts.into_iter().filter_map(|(column, text)| Some((column, text.as_ref()?.as_str())));
        let said = self.consents().into_iter();
        let said = said.filter_map(|(column, said)| Some((column, yes_no(said)?)));
        let joined = (Column::JoinedOn, self.joined_on.as_ref().map_or(joined, |day| day.as_str()));
        texts.chain(said).chain([joined]).collect()
    }

    fn consents(&self) -> [(Column, Option<bool>); 3] {
        [
            (Column::ConsentSms, self.consent_sms),
            (Column::ConsentPost, self.consent_post),
            (Column::ConsentEmail, self.consent_email),
        ]
    }

    fn left_open(&self) -> Vec<CellError> {
        let open = self.consents().into_iter().filter(|(_, said)| said.is_none());
        open.map(|(column, _)| CellError { column: Some(column), reason: UNDECIDED }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> Vec<(&'static str, &'static str)> {
        let form: MemberForm = serde_json::from_str(json).unwrap();
        let today = Day::parse("2026-11-28").unwrap();
        let errors = form.check(today).err().unwrap_or_default();
        errors.iter().map(|e| (e.column.map_or("", Column::code), e.reason.code())).collect()
    }

    #[test]
    fn a_form_is_checked_as_a_row_and_leaves_nothing_open() {
        let whole = r#"{"card_no":"1","name":"王芳","mobile":"１３９ 0000 0001","covenant":"会员规约",
            "covenant_version":"2019-01","consent_sms":true,"consent_post":false,"consent_email":false}"#;
        assert_eq!(wrong(whole), []);
        let bare = [
            ("consent_sms", "consent_undecided"),
            ("consent_post", "consent_undecided"),
            ("consent_email", "consent_undecided"),
        ];
        let undecided =
            whole.replace(",\"consent_sms\":true,\"consent_post\":false,\"consent_email\":false", "");
        let undecided = undecided.replace("\n", "");
        assert_eq!(wrong(&undecided.replace(" ", "")), bare);
        assert_eq!(
            wrong(&whole.replace("1３9", "9").replace("2019-01", "")),
            [("covenant", "covenant_missing")]
        );
        let cells = whole.replace("１３９", "１").replace("王芳", "");
        assert_eq!(wrong(&cells), [("name", "empty"), ("mobile", "not_mobile")]);
        assert_eq!(wrong("{}")[3..], [("card_no", "empty"), ("name", "empty")]);
        assert!(serde_json::from_str::<MemberForm>(r#"{"spend":"1"}"#).is_err());
    }

    #[test]
    fn who_joins_now_joined_today() {
        let form = MemberForm::default();
        assert!(form.cells("2026-11-28").contains(&(Column::JoinedOn, "2026-11-28")));
    }
}
