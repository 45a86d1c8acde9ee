//! Which members must be in which vendor file after a first import, worked out from the generated
//! rows alone and in the order of the contract's "Counting": the product has no part in it.

use std::collections::{BTreeMap, HashSet};

use super::generate::{Generated, Row};

/// A member that was imported without a covenant is pending, and pending is not active.
pub const PENDING: &str = "not_active";
/// Said yes, but another holder of the same contact point refuses it (design.md, Consent).
pub const REFUSED_BY_ANOTHER: &str = "withdrawn";

/// The two channels that a fresh vault has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Sms,
    Post,
}

/// What a package that selects every member must hold.
pub struct Expected<'a> {
    /// Members that the selection matches.
    pub selected: usize,
    /// The members in the file.
    pub rows: Vec<&'a Row>,
    /// The others, each under the first reason that applies; reasons with none are left out.
    pub excluded: BTreeMap<&'static str, usize>,
}

impl Expected<'_> {
    /// The lines of the vendor's file as cells, sorted: `mobile`, or `postcode, address, recipient`.
    pub fn lines(&self, channel: Channel) -> Vec<Vec<String>> {
        let mut lines: Vec<_> = self.rows.iter().map(|row| line(row, channel)).collect();
        lines.sort();
        lines
    }
}

impl Generated {
    /// What the package of one channel must hold when it selects every member.
    pub fn expected(&self, channel: Channel) -> Expected<'_> {
        let refused: HashSet<_> = self
            .accepted()
            .filter(|row| consent(row, channel) == Some(false))
            .map(|row| line(row, channel))
            .collect();
        let mut expected = Expected { selected: 0, rows: Vec::new(), excluded: BTreeMap::new() };
        let mut taken = HashSet::new();
        for row in self.accepted() {
            expected.selected += 1;
            let reason = reason(row, channel, &refused);
            match reason.or_else(|| (!taken.insert(line(row, channel))).then_some("duplicate")) {
                Some(reason) => *expected.excluded.entry(reason).or_default() += 1,
                None => expected.rows.push(row),
            }
        }
        expected
    }
}

/// The first reason that applies, but for `duplicate`, which looks at those still in.
fn reason(row: &Row, channel: Channel, refused: &HashSet<Vec<String>>) -> Option<&'static str> {
    let line = line(row, channel);
    if row.covenant.is_none() {
        Some(PENDING)
    } else if row.minor {
        Some("minor")
    } else if consent(row, channel) != Some(true) {
        Some("no_consent")
    } else if line.iter().any(String::is_empty) {
        Some("no_contact")
    } else if refused.contains(&line) {
        Some(REFUSED_BY_ANOTHER)
    } else if line.iter().any(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r'])) {
        Some("unsafe_value")
    } else {
        None
    }
}

fn consent(row: &Row, channel: Channel) -> Option<bool> {
    match channel {
        Channel::Sms => row.consent_sms,
        Channel::Post => row.consent_post,
    }
}

fn line(row: &Row, channel: Channel) -> Vec<String> {
    match channel {
        Channel::Sms => vec![row.mobile.clone()],
        Channel::Post => vec![row.postcode.clone(), row.address.clone(), row.name.clone()],
    }
}
