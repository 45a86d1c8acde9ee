//! Which acts a token's scope lets a program ask for. The policy is asked beside it, as for the person.

use super::act::Act;
use crate::model::scope::Scope;

impl Scope {
    /// The acts that a token made for this may be used for, and no other.
    pub const fn acts(self) -> &'static [Act] {
        match self {
            Scope::MembersImport => &[Act::MemberImport],
            // Who adds a member is shown him, masked.
            Scope::MembersAdd => &[Act::MemberAdd, Act::MemberShow],
            Scope::MembersLookUp => &[Act::MemberLookUp, Act::MemberShow],
            Scope::MembersVerify => &[Act::MemberVerify],
            Scope::ConsentsRead => &[Act::ConsentShow],
            Scope::ConsentsRecord => &[Act::ConsentSet],
            Scope::SuppressionImport => &[Act::SuppressionImport],
            Scope::RequestsRead => &[Act::RequestList, Act::RequestShow],
            Scope::PackagesRead => &[Act::PackageList],
            Scope::AuditRead => &[Act::AuditExport],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a token can ask for, counted out: an act that is added to a scope has to be added here.
    #[test]
    fn no_scope_reaches_what_only_a_person_does() {
        let open = [
            Act::MemberImport,
            Act::MemberLookUp,
            Act::MemberShow,
            Act::ConsentSet,
            Act::ConsentShow,
            Act::SuppressionImport,
            Act::RequestShow,
            Act::RequestList,
            Act::PackageList,
            Act::AuditExport,
            Act::MemberAdd,
            Act::MemberVerify,
        ];
        for act in Act::ALL {
            let reached = Scope::ALL.iter().any(|scope| scope.acts().contains(act));
            assert_eq!(reached, open.contains(act), "{act}");
        }
    }
}
