//! Why a text is not a value: a stable code and a sentence in both languages (B4).
//!
//! No variant holds the text it is about. A refused cell can be a mobile in the wrong column, and
//! the sentence goes to an errors file, a page and a log.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $zh:literal, $en:literal;)+) => {
        /// Why a text is not a value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ValueError { $($(#[$doc])* $variant),+ }

        impl ValueError {
            /// Every reason there is.
            pub const ALL: &'static [ValueError] = &[$(ValueError::$variant),+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(ValueError::$variant => $code),+ }
            }

            /// The sentence in Chinese.
            pub const fn zh(self) -> &'static str {
                match self { $(ValueError::$variant => $zh),+ }
            }

            /// The sentence in English.
            pub const fn en(self) -> &'static str {
                match self { $(ValueError::$variant => $en),+ }
            }
        }
    };
}

reasons! {
    /// Nothing visible where something must be.
    Empty = "empty", "必填，不能为空", "must be filled";
    /// More characters than the field takes.
    TooLong = "too_long", "内容过长", "has too many characters";
    /// A control character that is not white space.
    ControlCharacter = "control_character", "含有控制字符", "holds a control character";
    /// U+FFFD: bytes that were not of the file's encoding, here or in the system that exported it.
    Undecodable = "undecodable", "含有无法解码的字节（乱码），请以 UTF-8 或 GB18030 重新导出",
        "holds bytes that are not of the file's encoding; export it again as UTF-8 or GB18030";
    /// A spreadsheet has turned the digits into a power of ten; the last ones are lost.
    ScientificNotation = "scientific_notation", "被电子表格改成了科学计数法，原号码已丢失，请把该列设为文本后重新导出",
        "was turned into scientific notation by a spreadsheet and has lost digits; set the column to text and export it again";
    /// Not a mobile number of eleven digits.
    NotMobile = "not_mobile", "不是有效的手机号（应为 1 开头的 11 位数字）",
        "is not a mobile number (eleven digits, 13 to 19 first)";
    /// Not six digits.
    NotPostcode = "not_postcode", "不是有效的邮编（应为 6 位数字）", "is not a postcode (six digits)";
    /// Not an address of the form `local@domain.tld`.
    NotEmail = "not_email", "不是有效的邮箱地址", "is not an email address";
    /// Characters that a card number cannot have.
    NotCard = "not_card", "不是有效的卡号（只能有字母、数字和连字符，最多 32 位）",
        "is not a card number (letters, digits and hyphens, at most 32)";
    /// Not in one of the accepted shapes of a date.
    NotDate = "not_date", "不是有效的日期（应为 YYYY-MM-DD）", "is not a date (YYYY-MM-DD)";
    /// The shape of a date, but no such day: 30 February.
    NoSuchDay = "no_such_day", "日历上没有这一天", "is a day that does not exist";
    /// A birthday or a consent time after today.
    InFuture = "in_future", "日期在今天之后", "is after today";
    /// A birthday before 1900.
    TooEarly = "too_early", "日期早于 1900 年", "is before 1900";
    /// Not a point in time.
    NotTime = "not_time", "不是有效的时间（应为 YYYY-MM-DD HH:MM:SS 或 RFC 3339）",
        "is not a time (YYYY-MM-DD HH:MM:SS or RFC 3339)";
    /// Not an amount with at most two decimals.
    NotMoney = "not_money", "不是有效的金额（不小于 0，最多两位小数）",
        "is not an amount (zero or more, at most two decimals)";
    /// Neither yes nor no.
    NotYesNo = "not_yes_no", "只能填 是 或 否", "must be yes or no";
    /// Not a card type.
    NotCardType = "not_card_type", "只能填 会员卡 或 联名卡", "must be member or cobranded";
    /// Not a tier.
    NotTier = "not_tier", "只能填 普通、银卡、金卡 或 白金", "must be ordinary, silver, gold or platinum";
    /// Not a covenant.
    NotCovenant = "not_covenant", "只能填 会员规约 或 积分卡会员规约",
        "must be member_covenant or points_card_covenant";
    /// Characters that a store code cannot have.
    NotStore = "not_store", "不是有效的门店代码（只能有字母、数字和连字符，最多 16 位）",
        "is not a store code (letters, digits and hyphens, at most 16)";
}

impl std::fmt::Display for ValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.en())
    }
}

impl std::error::Error for ValueError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_its_own_code_and_sentences() {
        let codes: HashSet<_> = ValueError::ALL.iter().map(|e| e.code()).collect();
        let zh: HashSet<_> = ValueError::ALL.iter().map(|e| e.zh()).collect();
        let en: HashSet<_> = ValueError::ALL.iter().map(|e| e.en()).collect();
        let all = ValueError::ALL.len();
        assert_eq!((codes.len(), zh.len(), en.len()), (all, all, all));
        assert!(ValueError::ALL.iter().all(|e| e.en().is_ascii() && !e.zh().is_ascii()));
    }
}
