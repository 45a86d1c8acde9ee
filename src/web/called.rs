//! Somebody as pages name them: the name, and the login in small where it is another text. Units and vendors likewise.

use crate::broker::called::Called;
use crate::model::lang::Lang;

/// A person, unit or vendor on a page; shown by `whom.html`.
pub(super) struct Whom {
    pub(super) name: String,
    /// Empty where the name says it already.
    pub(super) login: String,
}

impl Whom {
    pub(super) fn of(called: &Called, login: &str) -> Whom {
        Whom::with(called.person(login), login)
    }

    /// A vendor: its name, and its code in small.
    pub(super) fn vendor(called: &Called, code: &str, lang: Lang) -> Whom {
        Whom::with(called.vendor(code, lang), code)
    }

    /// A unit, likewise.
    pub(super) fn unit(called: &Called, code: &str, lang: Lang) -> Whom {
        Whom::with(called.unit(code, lang), code)
    }

    fn with(name: &str, code: &str) -> Whom {
        Whom { name: name.to_owned(), login: if name == code { String::new() } else { code.to_owned() } }
    }

    /// On one line of text.
    pub(super) fn said(self) -> String {
        if self.login.is_empty() { self.name } else { format!("{} ({})", self.name, self.login) }
    }

    /// Several of them.
    pub(super) fn all<'l>(
        called: &Called,
        logins: impl IntoIterator<Item = &'l crate::model::ids::Login>,
    ) -> Vec<Whom> {
        logins.into_iter().map(|login| Whom::of(called, login.as_str())).collect()
    }
}
