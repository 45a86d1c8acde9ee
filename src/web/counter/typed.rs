//! A form's fields as they were typed: wiped when dropped, given back beside a refusal.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::broker::found::Found;
use crate::http::Problem;
use crate::model::field::Field;
use crate::web::problems::unreadable_form;

/// The fields; a box that is ticked twice stands twice.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Typed(Vec<(String, Zeroizing<String>)>);

impl Typed {
    /// A form that knows only whom it is about.
    pub(super) fn about(member: &Found) -> Typed {
        Typed(vec![("member".to_owned(), Zeroizing::new(member.as_str().to_owned()))])
    }

    /// A field, without white space around it; empty when it is not there.
    pub(super) fn one(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// A field that something was typed into.
    pub(super) fn some(&self, name: &str) -> Option<&str> {
        Some(self.one(name)).filter(|text| !text.is_empty())
    }

    /// Whether a field has this value among its own.
    pub(super) fn has(&self, name: &str, wanted: &str) -> bool {
        self.0.iter().any(|(key, value)| key == name && value.trim() == wanted)
    }

    /// Every value of a field that is a sealed field's code.
    pub(super) fn fields(&self, name: &str) -> Result<Vec<Field>, Problem> {
        let named = self.0.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| Field::parse(value).map_err(|_| unreadable_form())).collect()
    }

    /// The field that was chosen.
    pub(super) fn field(&self) -> Result<Field, Problem> {
        Field::parse(self.one("field")).map_err(|_| unreadable_form())
    }

    /// Whom the form is about.
    pub(super) fn member(&self) -> Found {
        Found::new(self.one("member"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_one_name_stand_beside_each_other() {
        let text = "member=abc&field=mobile&field=name&reason=+called+back+&csrf=x";
        let typed: Typed = serde_urlencoded::from_str(text).unwrap();
        assert_eq!(typed.fields("field").ok(), Some(vec![Field::Mobile, Field::Name]));
        assert_eq!((typed.one("reason"), typed.some("value")), ("called back", None));
        assert!(typed.has("field", "name") && !typed.has("field", "email"));
        assert_eq!(typed.member().as_str(), "abc");
    }
}
