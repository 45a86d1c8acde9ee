//! Refusals: a stable code, the article it rests on, and what would make it pass.

pub mod places;
pub mod words;

use std::borrow::Cow;

use serde::Serialize;

/// A decision against. The same three lines go to the command line, the API and the log; none of
/// them ever holds a personal value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{rule}]")]
pub struct Refusal {
    /// Stable code for programs, for example `separation_of_duties`.
    pub code: &'static str,
    /// Requirement id and article, for example `A6b (Art 6)`.
    pub rule: &'static str,
    /// What happened, in a sentence.
    pub message: Cow<'static, str>,
    /// What would make it pass.
    pub hint: Cow<'static, str>,
    /// In how many seconds it may pass by itself, when that is known.
    pub after: Option<u32>,
    /// What of a form is wrong, place by place; empty when it is no form.
    pub faults: Box<[Fault]>,
    /// Where in what was sent it is, when it is in one place.
    pub spot: Option<Box<Spot>>,
}

/// A place in a form or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// A key, with what it lies in: `window.from`.
    Key(Box<str>),
    /// A line, from 1.
    Line(usize),
    /// A line of one of several files, from 1.
    FileLine(Box<str>, usize),
}

/// One thing wrong with a form. Names the place and repeats no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where it stands, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Stable code.
    pub code: &'static str,
    /// The sentence in Chinese.
    pub zh: Cow<'static, str>,
    /// The sentence in English.
    pub en: Cow<'static, str>,
}

impl Refusal {
    /// A refusal; give the hint with [`Refusal::hint`].
    pub fn new(code: &'static str, rule: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Refusal {
            code,
            rule,
            message: message.into(),
            hint: Cow::Borrowed(""),
            after: None,
            faults: Box::default(),
            spot: None,
        }
    }

    /// Adds where it is.
    #[must_use]
    pub fn at(mut self, spot: Spot) -> Self {
        self.spot = Some(Box::new(spot));
        self
    }

    /// Adds what of a form is wrong.
    #[must_use]
    pub fn faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults.into();
        self
    }

    /// Adds in how many seconds it may pass.
    #[must_use]
    pub fn after(mut self, seconds: u32) -> Self {
        self.after = Some(seconds);
        self
    }

    /// Adds what would make it pass.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = hint.into();
        self
    }
}
