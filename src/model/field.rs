//! The personal fields a vault knows, by their place in the record.
//!
//! What a field *is* (class, mask, index, how long it lives) is data: `policies/fields.toml`. What
//! stands here is only the number under which a value lies in a sealed record, which can never
//! change once a vault has been written.

use crate::model::code::codes;

codes! {
    /// A sealed field.
    Field, "field" {
        /// Card number (卡号); looked up exactly, never exported.
        Card = "card",
        /// Name (姓名).
        Name = "name",
        /// Mobile (手机), eleven digits.
        Mobile = "mobile",
        /// Email (邮箱), lower-cased domain.
        Email = "email",
        /// Postal address (地址).
        Address = "address",
        /// Postcode (邮编), six digits.
        Postcode = "postcode",
        /// Birthday (生日), `YYYY-MM-DD`.
        Birthday = "birthday",
    }
}

impl Field {
    /// The number in a stored record and in associated data. Zero is the member's alias.
    pub const fn number(self) -> u8 {
        match self {
            Field::Card => 1,
            Field::Name => 2,
            Field::Mobile => 3,
            Field::Email => 4,
            Field::Address => 5,
            Field::Postcode => 6,
            Field::Birthday => 7,
        }
    }

    /// The field of a stored number.
    pub fn from_number(n: u8) -> Option<Field> {
        Field::ALL.iter().copied().find(|f| f.number() == n)
    }

    /// This field's bit in a `present` or `unsafe` mask.
    pub const fn bit(self) -> i64 {
        1 << self.number()
    }

    /// Contact fields may leave; all others never do.
    pub const fn is_contact(self) -> bool {
        matches!(self, Field::Name | Field::Mobile | Field::Email | Field::Address | Field::Postcode)
    }
}

codes! {
    /// A blind index: what can be found by an exact value, and what counts as the same contact.
    Index, "index" {
        /// The card number; unique.
        Card = "card",
        /// The mobile: look-up, and the contact point of `sms`.
        Mobile = "mobile",
        /// The email address: look-up, and the contact point of `email`.
        Email = "email",
        /// Name, address and postcode together: the contact point of `post`. None of the three is
        /// indexed by itself, for a postcode's tags could be counted.
        Post = "post",
    }
}

impl Index {
    /// The number in stored rows.
    pub const fn number(self) -> u8 {
        match self {
            Index::Card => 1,
            Index::Mobile => 2,
            Index::Email => 3,
            Index::Post => 4,
        }
    }

    /// The index of a stored number.
    pub fn from_number(n: u8) -> Option<Index> {
        Index::ALL.iter().copied().find(|i| i.number() == n)
    }
}
