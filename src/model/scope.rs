//! What a token for a program is made for: a closed list, whose words are stable (B11).

use std::collections::BTreeSet;
use std::fmt;

use super::code::{UnknownCode, codes};
use super::lang::{Lang, Word};

codes! {
    /// One thing that a program may be let do in a person's name. Nothing here shows a personal value in clear, signs,
    /// releases or changes who may what: there is no word for it.
    Scope, "scope" {
        /// Brings members from a file.
        MembersImport = "members:import",
        /// Adds one member.
        MembersAdd = "members:add",
        /// Finds members by an exact value, and sees them masked.
        MembersLookUp = "members:look-up",
        /// Asks whether a value is a member's.
        MembersVerify = "members:verify",
        /// Sees a member's consents.
        ConsentsRead = "consents:read",
        /// Records a member's yes or no.
        ConsentsRecord = "consents:record",
        /// Puts contact points on the suppression list.
        SuppressionImport = "suppression:import",
        /// Sees requests and how they stand.
        RequestsRead = "requests:read",
        /// Sees packages: status and counts.
        PackagesRead = "packages:read",
        /// Reads and exports the log.
        AuditRead = "audit:read",
    }
}

impl Word for Scope {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            Scope::MembersImport => lang.pick("导入会员", "import members"),
            Scope::MembersAdd => lang.pick("录入会员", "add a member"),
            Scope::MembersLookUp => lang.pick("查找会员（掩码）", "look members up, masked"),
            Scope::MembersVerify => lang.pick("核对会员值", "compare a member's value"),
            Scope::ConsentsRead => lang.pick("查看同意", "see consents"),
            Scope::ConsentsRecord => lang.pick("登记同意或拒绝", "record consent"),
            Scope::SuppressionImport => lang.pick("导入拒收名单", "import suppression"),
            Scope::RequestsRead => lang.pick("查看申请", "see requests"),
            Scope::PackagesRead => lang.pick("查看交付包", "see packages"),
            Scope::AuditRead => lang.pick("查看与导出日志", "read and export the log"),
        }
    }
}

/// What a token is made for: one scope or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// From those that were named; none when none was.
    pub fn of(named: impl IntoIterator<Item = Scope>) -> Option<Scopes> {
        let scopes: BTreeSet<Scope> = named.into_iter().collect();
        (!scopes.is_empty()).then_some(Scopes(scopes))
    }

    /// Whether this one is among them.
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Each once, in the list's order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }

    /// Their codes with a blank between, as they are stored.
    ///
    /// # Errors
    /// A word that is none of the list.
    pub fn parse(text: &str) -> Result<Scopes, UnknownCode> {
        text.split(' ').map(Scope::parse).collect::<Result<_, _>>().map(Scopes)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<&str> = self.iter().map(Scope::code).collect();
        f.write_str(&codes.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_stored_in_one_spelling() {
        let scopes = Scopes::of([Scope::RequestsRead, Scope::MembersImport, Scope::RequestsRead]).unwrap();
        assert_eq!(scopes.to_string(), "members:import requests:read");
        assert_eq!(Scopes::parse(&scopes.to_string()).unwrap(), scopes);
        assert!(scopes.has(Scope::RequestsRead) && !scopes.has(Scope::AuditRead));
        assert_eq!(Scopes::of([]), None);
        for bad in ["", "members:reveal", "members:import  requests:read", "*"] {
            assert!(Scopes::parse(bad).is_err(), "{bad}");
        }
    }
}
