//! Every code with which something is not done, and what it says in Chinese: the sentence, and what would make it pass.
//!
//! The English sentence is made where it happens and can name numbers and units. The Chinese one is of the code alone;
//! faces show it in its stead where Chinese is asked for. A test holds that no code is without, and none is here for
//! nothing.

mod asking;
mod exchange;
mod members;
mod people;

use crate::model::value_error::ValueError;

/// A code in Chinese.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// The code, as in [`Refusal`](super::Refusal).
    pub code: &'static str,
    /// What happened.
    pub zh: &'static str,
    /// What would make it pass.
    pub hint_zh: &'static str,
}

/// One family's codes.
macro_rules! words {
    ($($code:literal: $zh:literal, $hint:literal;)+) => {
        pub(super) const WORDS: &[super::Words] = &[
            $(super::Words { code: $code, zh: $zh, hint_zh: $hint },)+
        ];
    };
}
use words;

/// Every code there is; values' own codes ([`ValueError`]) last.
pub fn all() -> impl Iterator<Item = Words> {
    let lists = [exchange::WORDS, people::WORDS, members::WORDS, asking::WORDS];
    let values = ValueError::ALL.iter();
    let values = values.map(|e| Words { code: e.code(), zh: e.zh(), hint_zh: "请更正后重试" });
    lists.into_iter().flatten().copied().chain(values)
}

/// A code's words.
pub fn of(code: &str) -> Option<Words> {
    all().find(|words| words.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_stands_once_and_says_something() {
        let mut seen = BTreeSet::new();
        for words in all() {
            assert!(seen.insert(words.code), "{} stands twice", words.code);
            assert!(!words.zh.is_empty() && !words.hint_zh.is_empty(), "{} says nothing", words.code);
        }
    }
}
