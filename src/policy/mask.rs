//! Masks: what is shown of a field when nobody was granted more (A10a).
//!
//! Pure functions over a normalised value. A value that is not of the expected shape, or is too short to
//! hide anything, is hidden whole: a mask never shows more because something is wrong.

use crate::model::code::codes;
use crate::policy::fields::FieldType;

/// What stands for a value that is hidden whole.
pub const HIDDEN: &str = "****";

codes! {
    /// How a field is shown without a reveal; named in `policies/fields.toml`.
    MaskRule, "mask" {
        /// Nothing: `****`.
        Hidden = "hidden",
        /// The last four: `****2345`.
        Card = "card",
        /// The first character: `李*`.
        Name = "name",
        /// The first three and last four: `138****8000`.
        Mobile = "mobile",
        /// The first character and the domain: `a***@example.com`.
        Email = "email",
        /// The first six characters: `北京市朝阳区****`.
        Address = "address",
        /// The first two digits: `51****`.
        Postcode = "postcode",
        /// The shape of a date: `****-**-**`.
        Date = "date",
    }
}

impl MaskRule {
    /// Whether the rule may be given to a field of this type. Another type's rule could show too much
    /// (an address mask leaves six digits of a mobile), so only the own rule and `hidden` fit.
    pub fn fits(self, kind: FieldType) -> bool {
        self == MaskRule::Hidden || self.code() == kind.code()
    }

    /// The masked form of a normalised value.
    pub fn apply(self, value: &str) -> String {
        let masked = match self {
            MaskRule::Hidden => None,
            MaskRule::Card => tail(value, 4),
            MaskRule::Name => Some(name(value)),
            MaskRule::Mobile => mobile(value),
            MaskRule::Email => email(value),
            MaskRule::Address => Some(address(value)),
            MaskRule::Postcode => postcode(value),
            MaskRule::Date => Some("****-**-**".to_owned()),
        };
        masked.unwrap_or_else(|| HIDDEN.to_owned())
    }
}

/// The first `n` characters; `None` unless at least as many again stay hidden.
fn head(value: &str, n: usize) -> Option<String> {
    (value.chars().count() >= 2 * n).then(|| value.chars().take(n).collect())
}

/// `****` and the last `n` characters; `None` unless at least as many again stay hidden.
fn tail(value: &str, n: usize) -> Option<String> {
    let len = value.chars().count();
    (len >= 2 * n).then(|| HIDDEN.chars().chain(value.chars().skip(len - n)).collect())
}

/// One star whatever the length: how long a name is says something about whose it is.
fn name(value: &str) -> String {
    head(value, 1).map_or_else(|| "*".to_owned(), |first| format!("{first}*"))
}

fn mobile(value: &str) -> Option<String> {
    let digits = value.len() == 11 && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| format!("{}****{}", &value[..3], &value[7..]))
}

fn email(value: &str) -> Option<String> {
    let (local, domain) = value.rsplit_once('@')?;
    let first = head(local, 1).unwrap_or_default();
    Some(format!("{first}***@{domain}"))
}

/// Six characters reach the district of a usual address; of a short one half is shown.
fn address(value: &str) -> String {
    let shown = (value.chars().count() / 2).min(6);
    value.chars().take(shown).chain(HIDDEN.chars()).collect()
}

fn postcode(value: &str) -> Option<String> {
    let digits = value.len() == 6 && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| format!("{}****", &value[..2]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_values() {
        assert_eq!(MaskRule::Card.apply("6201000000012345"), "****2345");
        assert_eq!(MaskRule::Name.apply("欧阳小明"), "欧*");
        assert_eq!(MaskRule::Mobile.apply("13800138000"), "138****8000");
        assert_eq!(MaskRule::Email.apply("a.b@c@example.com"), "a***@example.com");
        assert_eq!(MaskRule::Address.apply("北京市朝阳区建国路八十八号"), "北京市朝阳区****");
        assert_eq!(MaskRule::Postcode.apply("510000"), "51****");
        assert_eq!(MaskRule::Date.apply("1990-02-03"), "****-**-**");
        assert_eq!(MaskRule::Hidden.apply("x"), "****");
    }

    #[test]
    fn short_or_odd_values_are_hidden() {
        assert_eq!(MaskRule::Card.apply("2345"), "****");
        assert_eq!(MaskRule::Name.apply("李"), "*");
        assert_eq!(MaskRule::Mobile.apply("1380013800"), "****");
        assert_eq!(MaskRule::Mobile.apply("１３８0013"), "****");
        assert_eq!(MaskRule::Email.apply("nobody"), "****");
        assert_eq!(MaskRule::Email.apply("a@example.com"), "***@example.com");
        assert_eq!(MaskRule::Address.apply("城东路"), "城****");
        assert_eq!(MaskRule::Postcode.apply("51000"), "****");
    }

    #[test]
    fn only_the_own_rule_or_hidden_fits() {
        assert!(MaskRule::Mobile.fits(FieldType::Mobile) && MaskRule::Hidden.fits(FieldType::Mobile));
        assert!(!MaskRule::Address.fits(FieldType::Mobile));
    }

    proptest! {
        // Letters and digits only, so that a star or dash in the input cannot pass for a mask's own.
        #[test]
        fn at_most_half_of_a_value_shows(value in "[0-9a-z一-龥]{1,40}") {
            for rule in MaskRule::ALL.iter().filter(|r| **r != MaskRule::Mobile) {
                let shown = rule.apply(&value).chars().filter(|c| !matches!(c, '*' | '-')).count();
                prop_assert!(shown * 2 <= value.chars().count(), "{rule} shows {shown}");
            }
        }

        #[test]
        fn a_mobile_shows_seven_of_eleven(value in "1[3-9][0-9]{9}") {
            prop_assert_eq!(MaskRule::Mobile.apply(&value).replace('*', "").len(), 7);
        }
    }
}
