//! A grant: leave to open, for one use, with the receipt of its log entry inside.
//!
//! No receipt, no plaintext (invariant 1). A grant's fields are private, its constructor is private, it is
//! not `Clone`, and the vault takes it by value. The functions below are the only way to one, and each
//! looks whether the receipt's entry is the one that this opening needs.

use crate::audit::event::Action;
use crate::model::field::Field;
use crate::model::ids::{Alias, MemberId, PackageNo};
use crate::model::ordinals::OrdinalSet;
use crate::store::Receipt;

use super::consented::Consented;

/// Leave to open what `S` says, once.
pub struct Grant<S> {
    receipt: Receipt,
    scope: S,
}

impl<S> Grant<S> {
    fn new(receipt: Receipt, scope: S) -> Self {
        Grant { receipt, scope }
    }

    /// What it is leave for.
    pub fn scope(&self) -> &S {
        &self.scope
    }

    /// The log entry behind it.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The scope, when the grant is used up.
    pub(crate) fn consume(self) -> S {
        self.scope
    }
}

/// Some fields of one member, as plaintext.
pub struct OneMember {
    /// Whose.
    pub id: MemberId,
    /// The name under which the entry speaks of him: the vault compares it with the sealed one.
    pub alias: Alias,
    /// Which.
    pub fields: Vec<Field>,
}

/// Some members, masked.
pub struct Masking {
    /// Whose.
    pub ids: Vec<MemberId>,
    /// For a single member, the name under which the entry speaks of him.
    pub alias: Option<Alias>,
}

/// Whether one field of one member has a given value: yes or no, never the value.
pub struct OneMatch {
    /// Whose.
    pub id: MemberId,
    /// The name under which the entry speaks of him.
    pub alias: Alias,
    /// Which.
    pub field: Field,
}

/// The rows of one package.
pub struct PackageRows {
    /// Which package.
    pub package: PackageNo,
    /// Which fields leave.
    pub fields: Vec<Field>,
    /// Which members; nobody else can be opened under this grant.
    pub members: OrdinalSet,
}

/// Comparing and tagging within one job; never plaintext.
pub struct Maintenance;

/// The receipt's entry is not the one that this opening needs. A fault in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log entry is not one that allows this")]
pub struct WrongReceipt;

fn check(receipt: &Receipt, actions: &[Action], fields: &[Field]) -> Result<(), WrongReceipt> {
    let event = receipt.event();
    let fits = actions.contains(&event.action)
        && event.refused.is_none()
        && fields.iter().all(|f| event.fields.contains(f));
    if fits { Ok(()) } else { Err(WrongReceipt) }
}

/// For a reveal or a correction that is in the log with these fields.
///
/// # Errors
/// [`WrongReceipt`].
pub fn one_member(
    receipt: Receipt,
    id: MemberId,
    fields: &[Field],
) -> Result<Grant<OneMember>, WrongReceipt> {
    check(&receipt, &[Action::MemberRevealed, Action::MemberCorrected], fields)?;
    let alias = receipt.event().member.ok_or(WrongReceipt)?;
    Ok(Grant::new(receipt, OneMember { id, alias, fields: fields.to_vec() }))
}

/// For a comparison that is in the log with this field.
///
/// # Errors
/// [`WrongReceipt`].
pub fn one_match(receipt: Receipt, id: MemberId, field: Field) -> Result<Grant<OneMatch>, WrongReceipt> {
    check(&receipt, &[Action::MemberVerified], &[field])?;
    let alias = receipt.event().member.ok_or(WrongReceipt)?;
    Ok(Grant::new(receipt, OneMatch { id, alias, field }))
}

/// For a masked look that is in the log.
///
/// # Errors
/// [`WrongReceipt`].
pub fn masking(receipt: Receipt, ids: Vec<MemberId>) -> Result<Grant<Masking>, WrongReceipt> {
    let masked = [Action::MemberLookedUp, Action::MemberShown, Action::MemberAdded, Action::MemberHistory];
    check(&receipt, &masked, &[])?;
    let alias = receipt.event().member;
    let said = receipt.event().counts.get("found").copied();
    if ids.len() != 1 && said != Some(ids.len() as i64) {
        return Err(WrongReceipt);
    }
    Ok(Grant::new(receipt, Masking { ids, alias }))
}

/// For a package whose making is in the log, over the members who consent now.
///
/// # Errors
/// [`WrongReceipt`], also when the entry is about another request.
pub fn package(
    receipt: Receipt,
    package: PackageNo,
    consented: &Consented,
) -> Result<Grant<PackageRows>, WrongReceipt> {
    check(&receipt, &[Action::PackageStarted], consented.fields())?;
    let event = receipt.event();
    if event.object.as_deref() != Some(package.to_string().as_str())
        || event.request != Some(consented.digest())
    {
        return Err(WrongReceipt);
    }
    let scope =
        PackageRows { package, fields: consented.fields().to_vec(), members: consented.members().clone() };
    Ok(Grant::new(receipt, scope))
}

/// For one part of a package, claimed in the log under the part's number, over those of its members who
/// consent now.
///
/// # Errors
/// [`WrongReceipt`], also when the entry is about another package, part, request, or number of members.
pub fn package_range(
    receipt: Receipt,
    package: PackageNo,
    part: u32,
    consented: &Consented,
) -> Result<Grant<PackageRows>, WrongReceipt> {
    check(&receipt, &[Action::PackageRangeClaimed], consented.fields())?;
    let event = receipt.event();
    let said = |name: &str| event.counts.get(name).copied();
    if event.object.as_deref() != Some(package.to_string().as_str())
        || event.request != Some(consented.digest())
        || said("part") != Some(i64::from(part))
        || said("members") != i64::try_from(consented.members().len()).ok()
    {
        return Err(WrongReceipt);
    }
    let scope =
        PackageRows { package, fields: consented.fields().to_vec(), members: consented.members().clone() };
    Ok(Grant::new(receipt, scope))
}

/// For a job that is in the log as started.
///
/// # Errors
/// [`WrongReceipt`].
pub fn maintenance(receipt: Receipt) -> Result<Grant<Maintenance>, WrongReceipt> {
    check(&receipt, &[Action::ImportStarted, Action::ImportDryRun], &[])?;
    Ok(Grant::new(receipt, Maintenance))
}
