//! What a value that was typed is likely to be, by its shape.

use crate::model::contact::Mobile;
use crate::model::field::Index;

/// The index that a value is looked up in when nobody says. Eleven digits from 13 to 19 are a mobile number; a card
/// with such a number is found by saying that it is one.
pub(super) fn understood(text: &str) -> Index {
    let text = text.trim();
    if text.contains(['@', '＠']) {
        Index::Email
    } else if text.starts_with(['+', '＋']) || Mobile::parse(text).is_ok() {
        Index::Mobile
    } else {
        Index::Card
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_understood_by_its_shape() {
        for (text, index) in [
            ("88000001", Index::Card),
            ("VIP-0042", Index::Card),
            ("13900000001", Index::Mobile),
            (" 139-0000-0001 ", Index::Mobile),
            ("１３９００００００01", Index::Mobile),
            ("+86 139 0000 0001", Index::Mobile),
            ("1390000000", Index::Card),
            ("wang@example.com", Index::Email),
            ("wang＠example.com", Index::Email),
        ] {
            assert_eq!(understood(text), index, "{text}");
        }
    }
}
