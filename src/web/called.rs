//! Somebody as pages name them: the name, and the login in small where it is another text.

use crate::broker::called::Called;

/// A person on a page; shown by `whom.html`.
pub(super) struct Whom {
    pub(super) name: String,
    /// Empty where the name says it already.
    pub(super) login: String,
}

impl Whom {
    pub(super) fn of(called: &Called, login: &str) -> Whom {
        let name = called.person(login).to_owned();
        Whom { login: if name == login { String::new() } else { login.to_owned() }, name }
    }

    /// Several of them.
    pub(super) fn all<'l>(
        called: &Called,
        logins: impl IntoIterator<Item = &'l crate::model::ids::Login>,
    ) -> Vec<Whom> {
        logins.into_iter().map(|login| Whom::of(called, login.as_str())).collect()
    }
}
