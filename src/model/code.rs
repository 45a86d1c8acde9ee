//! Closed lists of words: purpose, channel, recipient class, role, rank, unit kind, function.
//!
//! One macro gives each list its stable code, its parser and its order, so that a word is spelled in
//! one place for tables, leaves, policies, files and pages alike.

/// What was not one of the words of a closed list. Holds the list's name, never the input: a cell
/// that should hold a code can hold a mobile by a slip of columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a known {list}; known are: {known}")]
pub struct UnknownCode {
    /// Which list was asked.
    pub list: &'static str,
    /// The words it has, comma-separated.
    pub known: String,
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident, $list:literal { $($(#[$vdoc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every word of the list, in its order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $($name::$variant => $code),+ }
            }

            /// Its place in the list, from 1, as stored rows hold it. Lists only ever grow at their end.
            pub const fn place(self) -> u8 {
                self as u8 + 1
            }

            /// The word at a place.
            pub fn at_place(place: u8) -> Option<Self> {
                Self::ALL.get(usize::from(place.checked_sub(1)?)).copied()
            }

            /// The word for a code.
            ///
            /// # Errors
            /// [`UnknownCode`](crate::model::code::UnknownCode) with the list's words.
            pub fn parse(text: &str) -> Result<Self, crate::model::code::UnknownCode> {
                match text {
                    $($code => Ok($name::$variant),)+
                    _ => Err(crate::model::code::UnknownCode {
                        list: $list,
                        known: [$($code),+].join(", "),
                    }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// Why personal data is used (A3b, A3c). A purpose outside this list cannot be said.
    Purpose, "purpose" {
        /// Promotional notices; each channel needs its own grant.
        Promotion = "promotion",
        /// Notices a member needs to have (tier changes, expiry); covered by the covenant.
        Service = "service",
    }
}

codes! {
    /// How a campaign reaches a member (A3b, A7).
    Channel, "channel" {
        /// Short messages: mobile only (A7a).
        Sms = "sms",
        /// Direct mail: name, address, postcode (A7b).
        Post = "post",
        /// Electronic mail: off until two people sign a policy that switches it on (A7c).
        Email = "email",
    }
}

codes! {
    /// To whom a member consented (A3a).
    RecipientClass, "recipient class" {
        /// The group and the processors it has contracted.
        Company = "company",
        /// Shops that rent in its malls; their consent is separate, and they get no file.
        TenantOperator = "tenant_operator",
    }
}

codes! {
    /// What a person may be at a unit (design, Words).
    Role, "role" {
        /// Submits for a unit; supervisor rank or above (A4a, A4b).
        InfoOfficer = "info_officer",
        /// First signature: head of the asking department.
        DeptHead = "dept_head",
        /// Second signature: advertising planning at HQ, POP in a store.
        PlanningHead = "planning_head",
        /// Receives the package and hands it to the vendor (A8c).
        PlanningOfficer = "planning_officer",
        /// Third signature: member management; one for the group.
        MemberHead = "member_head",
        /// Runs what is fully signed (A6c).
        Executor = "executor",
        /// Keeps the vendor registry (A9a).
        VendorManager = "vendor_manager",
        /// Keeps member records at the counter.
        Counter = "counter",
        /// Reviews access; holds no other chain role.
        Auditor = "auditor",
        /// Keeps units, people and policies; holds no chain role.
        Admin = "admin",
    }
}

impl Role {
    /// Roles that take part in a request's road. Neither `admin` nor `auditor` may hold one (A6b).
    pub const fn in_chain(self) -> bool {
        matches!(
            self,
            Role::InfoOfficer
                | Role::DeptHead
                | Role::PlanningHead
                | Role::PlanningOfficer
                | Role::MemberHead
                | Role::Executor
        )
    }

    /// Whether one person may hold both: `admin` and `auditor` exclude each other and the chain.
    pub const fn excludes(self, other: Role) -> bool {
        match (self, other) {
            (Role::Admin, Role::Auditor) | (Role::Auditor, Role::Admin) => true,
            (Role::Admin | Role::Auditor, o) => o.in_chain(),
            (o, Role::Admin | Role::Auditor) => o.in_chain(),
            _ => false,
        }
    }
}

codes! {
    /// Rank, lowest first; the derived order is the rank's order (A4b).
    Rank, "rank" {
        /// 职员
        Staff = "staff",
        /// 主任
        Supervisor = "supervisor",
        /// 经理
        Manager = "manager",
        /// 总监
        Director = "director",
    }
}

codes! {
    /// What a unit is; HQ and stores choose the chain of the departments below them (A5b).
    UnitKind, "unit kind" {
        /// The whole group; the root.
        Group = "group",
        /// Headquarters.
        Hq = "hq",
        /// A store.
        Store = "store",
        /// A department of HQ or of a store.
        Department = "department",
    }
}

codes! {
    /// A department's part in a chain.
    Function, "function" {
        /// Asks for lists.
        Marketing = "marketing",
        /// Advertising planning at HQ, POP in a store.
        Planning = "planning",
        /// Member management.
        Membership = "membership",
        /// IT; in a store the finance-and-assets section's IT.
        It = "it",
        /// Any other department.
        Other = "other",
    }
}

codes! {
    /// Steps of a chain in signing order (A6a).
    Step, "step" {
        /// Head of the asking department.
        Dept = "dept",
        /// Head of planning (HQ) or POP (store).
        Planning = "planning",
        /// Head of member management.
        Membership = "membership",
    }
}

codes! {
    /// What a signature says. Each is a signed fact; all but `approve` end the round.
    Decision, "decision" {
        /// Countersigned.
        Approve = "approve",
        /// Back to the requester, with a comment.
        Return = "return",
        /// Refused for good.
        Reject = "reject",
        /// Taken back by the requester.
        Recall = "recall",
    }
}

codes! {
    /// Covenant families (A2).
    CovenantFamily, "covenant" {
        /// 会员规约
        Member = "member_covenant",
        /// 积分卡会员规约
        PointsCard = "points_card_covenant",
    }
}

codes! {
    /// Card types (A2).
    CardType, "card type" {
        /// 会员卡
        Member = "member",
        /// 联名卡
        Cobranded = "cobranded",
    }
}

codes! {
    /// Tiers, lowest first.
    Tier, "tier" {
        /// 普通
        Ordinary = "ordinary",
        /// 银卡
        Silver = "silver",
        /// 金卡
        Gold = "gold",
        /// 白金
        Platinum = "platinum",
    }
}

codes! {
    /// Where a value or a consent came from (B2).
    Source, "source" {
        /// A file.
        Import = "import",
        /// A person at the counter or on the command line.
        Person = "person",
        /// The system itself, from a rule.
        System = "system",
        /// A form filled in on joining, typed at the counter.
        Counter = "counter",
    }
}

codes! {
    /// Why a selected member is not in the package, in counting order (contract, Counting).
    Exclusion, "exclusion" {
        /// Pending, suspended or lapsed.
        NotActive = "not_active",
        /// No covenant accepted (A2).
        NoCovenant = "no_covenant",
        /// Under 14 full years on the day.
        Minor = "minor",
        /// Never granted (A3b).
        NoConsent = "no_consent",
        /// Granted once and refused since, or refused by another holder of the contact point.
        Withdrawn = "withdrawn",
        /// The contact point is on the suppression list.
        Suppressed = "suppressed",
        /// The channel's fields are not all there.
        NoContact = "no_contact",
        /// Contact point not verified; only when policy says so (B14).
        UnverifiedContact = "unverified_contact",
        /// A value that a spreadsheet would run as a formula.
        UnsafeValue = "unsafe_value",
        /// Reached too often lately; only when policy says so.
        ContactCap = "contact_cap",
        /// A later card number with the same contact.
        Duplicate = "duplicate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.code()), Ok(*role));
        }
        assert!(Rank::Staff < Rank::Supervisor && Rank::Manager < Rank::Director);
        assert!(!Purpose::parse("analytics").unwrap_err().to_string().contains("analytics"));
    }

    #[test]
    fn admin_and_auditor_exclude_each_other_and_the_chain() {
        assert!(Role::Admin.excludes(Role::Auditor));
        assert!(Role::Auditor.excludes(Role::Executor));
        assert!(Role::MemberHead.excludes(Role::Admin));
        assert!(!Role::DeptHead.excludes(Role::Executor));
        assert!(!Role::Admin.excludes(Role::Counter));
    }
}
