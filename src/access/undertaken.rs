//! The confidentiality undertaking (A10a): who sees, asks for or hands on members' data has promised to keep it,
//! within the last year and to the text that holds now.
//!
//! The group registers its own text as a document of the family `undertaking`. Until it does, the text that comes
//! with the program holds, so that the rule holds from a vault's first day.

use jiff::civil::Date;

use super::Error;
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};
use crate::model::lang::Lang;
use crate::model::refusal::Refusal;
use crate::store::View;
use crate::store::documents::Document;
use crate::store::undertakings::UndertakingRow;

/// The family of such documents.
pub const FAMILY: &str = "undertaking";
/// Version of the text that comes with the program.
pub const BUILT_IN: &str = "built-in";
/// An undertaking holds for 365 days, in microseconds.
pub const LASTS: Micros = 365 * 86_400_000_000;

const TEXTS: [(&str, &str); 2] = [
    ("zh", include_str!("../../documents/undertaking.zh.txt")),
    ("en", include_str!("../../documents/undertaking.en.txt")),
];

/// One language's text of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// `zh` or `en`.
    pub language: String,
    /// The text.
    pub body: String,
    /// SHA-256 of it: who undertakes names what they read.
    pub digest: Digest,
}

/// The undertaking that holds on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undertaking {
    /// Its version.
    pub version: String,
    /// Its texts; one at least, Chinese first.
    pub texts: Vec<Text>,
}

impl Undertaking {
    /// Its text in a language; in the first it has when it has none in that.
    pub fn text_or_first(&self, lang: Lang) -> Option<&Text> {
        self.texts.iter().find(|text| text.language == lang.code()).or_else(|| self.texts.first())
    }

    /// The registered version that became effective last, or the one that comes with the program.
    pub fn in_force(documents: &[Document], today: Date) -> Undertaking {
        let effective = documents.iter().filter(|d| d.family == FAMILY && d.effective_on <= today);
        let newest = effective.max_by(|a, b| (a.effective_on, &a.version).cmp(&(b.effective_on, &b.version)));
        let text = |language: &str, body: &str| Text {
            language: language.to_owned(),
            body: body.to_owned(),
            digest: Digest::of(body.as_bytes()),
        };
        let Some(newest) = newest else {
            let texts = TEXTS.iter().map(|(language, body)| text(language, body)).collect();
            return Undertaking { version: BUILT_IN.to_owned(), texts };
        };
        let own = documents
            .iter()
            .filter(|d| d.family == FAMILY && d.version == newest.version && d.effective_on <= today);
        let mut texts: Vec<Text> = own.map(|d| text(&d.language, &d.body)).collect();
        texts.sort_by(|a, b| b.language.cmp(&a.language));
        Undertaking { version: newest.version.clone(), texts }
    }

    /// The undertaking of this moment.
    ///
    /// # Errors
    /// The database failed.
    pub async fn now(view: &mut View<'_>, today: Date) -> Result<Undertaking, Error> {
        Ok(Undertaking::in_force(&view.documents().await?, today))
    }

    /// Whether a text is one of this version's.
    pub fn has(&self, digest: Digest) -> bool {
        self.texts.iter().any(|t| t.digest == digest)
    }

    /// The text in a language, or the first there is.
    pub fn text(&self, language: &str) -> Option<&Text> {
        self.texts.iter().find(|t| t.language == language).or(self.texts.first())
    }

    /// Whether what a person gave holds at a moment.
    ///
    /// # Errors
    /// `no_undertaking`.
    pub fn check<'a>(
        &self,
        given: impl IntoIterator<Item = &'a UndertakingRow>,
        at: Micros,
    ) -> Result<(), Refusal> {
        match self.holds_until(given) {
            Some(until) if at < until => Ok(()),
            Some(_) => Err(none("the confidentiality undertaking was given more than 365 days ago")),
            None => Err(none("the confidentiality undertaking that holds now was not given")),
        }
    }

    /// Until when what a person gave holds; none when nothing was given to this version.
    pub fn holds_until<'a>(&self, given: impl IntoIterator<Item = &'a UndertakingRow>) -> Option<Micros> {
        let to_this = given.into_iter().filter(|g| g.version == self.version && self.has(g.digest));
        to_this.map(|g| g.at + LASTS).max()
    }
}

/// Whether a person's undertaking holds at a moment.
///
/// # Errors
/// `no_undertaking`.
pub async fn check_undertaking(
    view: &mut View<'_>,
    login: &Login,
    at: Micros,
    today: Date,
) -> Result<(), Error> {
    let undertaking = Undertaking::now(view, today).await?;
    Ok(undertaking.check(&view.undertakings(login).await?, at)?)
}

fn none(why: &'static str) -> Refusal {
    Refusal::new("no_undertaking", "A10a (Art 10)", why)
        .hint("read it and give it: `countersign person undertake LOGIN`, or POST /api/v1/undertaking")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn document(version: &str, language: &str, effective_on: Date) -> Document {
        let body = format!("{version} {language}");
        let digest = Digest::of(body.as_bytes());
        Document {
            family: FAMILY.into(),
            version: version.into(),
            language: language.into(),
            digest,
            body,
            effective_on,
        }
    }

    fn given(version: &str, language: &str, at: Micros) -> UndertakingRow {
        let digest = document(version, language, date(2026, 1, 1)).digest;
        UndertakingRow { login: Login::parse("li.na").unwrap(), version: version.into(), digest, at }
    }

    #[test]
    fn the_programs_text_holds_until_the_group_has_its_own() {
        let today = date(2026, 6, 1);
        let built_in = Undertaking::in_force(&[], today);
        assert_eq!((built_in.version.as_str(), built_in.texts.len()), (BUILT_IN, 2));
        assert_eq!(built_in.texts[0].language, "zh");
        let own = [
            document("2026", "en", date(2026, 5, 1)),
            document("2026", "zh", date(2026, 5, 1)),
            document("2027", "zh", date(2027, 1, 1)),
        ];
        let now = Undertaking::in_force(&own, today);
        assert_eq!((now.version.as_str(), now.texts.len()), ("2026", 2));
        assert_eq!(Undertaking::in_force(&own, date(2027, 1, 1)).version, "2027");
        assert_eq!(Undertaking::in_force(&own, date(2026, 4, 30)).version, BUILT_IN);
    }

    #[test]
    fn it_holds_a_year_for_the_text_that_was_read() {
        let own = [document("2026", "zh", date(2026, 5, 1))];
        let now = Undertaking::in_force(&own, date(2026, 6, 1));
        assert_eq!(now.holds_until(&[]), None);
        assert_eq!(now.holds_until(&[given("2025", "zh", 5)]), None);
        assert_eq!(now.holds_until(&[given("2026", "en", 5)]), None, "a text that this version has not");
        assert_eq!(now.holds_until(&[given("2026", "zh", 5), given("2026", "zh", 7)]), Some(7 + LASTS));
    }
}
