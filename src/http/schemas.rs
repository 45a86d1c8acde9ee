//! How the words of `model` are described to clients: each list with its codes, each text with its form. Here and not
//! there, so that the words know nothing of who describes them.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::audit::proof::{ConsistencyProof, InclusionProof};
use crate::broker::audits::ExportFormat;
use crate::broker::showing::{Mine as RequestMine, Status as RequestStatus};
use crate::intake::form::MemberForm;
use crate::model::code::{
    CardType, Channel, CovenantFamily, Exclusion, Function, Purpose, Rank, RecipientClass, Role, Source,
    Step, Tier, UnitKind,
};
use crate::model::field::{Field, Index};
use crate::model::form::FormFile;
use crate::model::ids::{Digest, Login, PackageNo, RequestNo, UnitCode, VendorCode};
use crate::model::refusal::Fault;
use crate::model::scope::Scope;
use crate::model::signing::SignedAct;
use crate::policy::{Act, Place, Reach, Slot};
use crate::store::imports::ImportState;
use crate::store::packages::FactKind;

/// Closed lists, by their codes.
macro_rules! words {
    ($($name:ident: $what:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let codes = $name::ALL.iter().map(|word| word.code());
                let list = ObjectBuilder::new().schema_type(Type::String).description(Some($what));
                list.enum_values(Some(codes)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

/// Texts of one form, with an example.
macro_rules! texts {
    ($($name:ident: $what:literal, $pattern:literal, $example:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String).description(Some($what));
                text.pattern(Some($pattern)).examples([$example]).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

words! {
    Act: "One verb of the vault, as policies name it.";
    CardType: "A kind of card.";
    Channel: "How a campaign reaches a member (A3b, A7).";
    CovenantFamily: "A family of covenants (A2).";
    Exclusion: "Why a member is not in a package; each is counted under the first that applies.";
    ExportFormat: "How the log is written out.";
    FactKind: "What can happen to a package.";
    Field: "A sealed field of a member.";
    Function: "What a department does.";
    ImportState: "How an import stands.";
    Index: "What members can be found by.";
    Place: "Where a thing stands, seen from the caller's unit.";
    Purpose: "Why personal data is used (A3b, A3c).";
    Rank: "A person's rank, lowest first (A4b).";
    Reach: "How far a rule reaches.";
    RecipientClass: "To whom a member consented (A3a).";
    RequestMine: "What a request is to the caller.";
    RequestStatus: "Where a request stands.";
    Role: "What a person may be at a unit.";
    Scope: "What a program's token is made for (B11).";
    SignedAct: "What a signature says.";
    Slot: "A place in a request's road that one person fills.";
    Source: "Where something was said or collected (B2).";
    Step: "A step of the chain (A6a).";
    Tier: "A member's tier.";
    UnitKind: "What a unit is.";
}

texts! {
    Digest: "A SHA-256 in hex.", "^[0-9a-f]{64}$",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    Login: "A person's login.", "^[a-z0-9][a-z0-9._-]{1,31}$", "li.na";
    PackageNo: "A package's number.", "^CS[1-9][0-9]{3}-[A-Z0-9][A-Z0-9-]{0,15}-[0-9]{4,10}-P[1-9][0-9]{0,9}$",
        "CS2026-HQ-0001-P1";
    RequestNo: "A request's number.", "^CS[1-9][0-9]{3}-[A-Z0-9][A-Z0-9-]{0,15}-[0-9]{4,10}$", "CS2026-HQ-0001";
    UnitCode: "A unit's code.", "^[A-Z0-9][A-Z0-9-]{0,15}$", "HQ-MKT";
    VendorCode: "A vendor's code.", "^[A-Z0-9][A-Z0-9-]{0,15}$", "SMS1";
}

/// Shapes that stand in `shapes.json`.
macro_rules! shapes {
    ($($name:ident as $shown:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                Ref::from_schema_name($shown).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $shown.into()
            }
        }
    )+};
}

shapes! {
    ConsistencyProof as "ConsistencyProof";
    Fault as "Fault";
    FormFile as "RequestForm";
    InclusionProof as "InclusionProof";
    MemberForm as "MemberForm";
}
