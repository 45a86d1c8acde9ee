//! Scopes as types: a handler that a program may call names in its signature what its token must be made for.

use crate::model::scope::Scope;

/// A scope in a handler's signature.
pub(super) trait Scoped {
    /// Which.
    const SCOPE: Scope;
}

macro_rules! scopes {
    ($($name:ident),+ $(,)?) => {
        $(
            /// The scope of this name.
            pub(super) struct $name;

            impl Scoped for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )+
    };
}

scopes! {
    MembersImport,
    MembersAdd,
    MembersLookUp,
    MembersVerify,
    ConsentsRead,
    ConsentsRecord,
    SuppressionImport,
    RequestsRead,
    PackagesRead,
    AuditRead,
}
