//! Ranges of packages in the making: which part may hold whom, who writes it, what was written.
//!
//! A range is made of whole pieces of the row of ordinals; which, `broker::executing::dealing` says. Its row
//! is the one place where processes meet: each change is a writer's turn with its entry.

use super::engine::Arg;
use super::packages::{open_set, seal_set};
use super::table::{PACKAGE_RANGE, Value};
use super::{StoreError, View, Work};
use crate::model::ids::{Digest, PackageNo};
use crate::model::ordinals::OrdinalSet;

/// A range of a package in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Of which package.
    pub package: PackageNo,
    /// Number of its part, from 1.
    pub part: u32,
    /// Place of the `package.started` entry it belongs to.
    pub started: u64,
    /// Place of the newest entry under which a process writes or wrote it.
    pub claimed: Option<u64>,
    /// What was written, once it is; drawn in `broker::executing::ranges`.
    pub made: Option<String>,
    planned: Vec<u8>,
    members: Option<Vec<u8>>,
}

impl View<'_> {
    /// The ranges of one package, or of all packages in the making, in the order of their parts.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn ranges(&mut self, of: Option<&PackageNo>) -> Result<Vec<Range>, StoreError> {
        let no = of.map(ToString::to_string);
        let rows = match &no {
            None => self.rows(&PACKAGE_RANGE, "order by package, part", &[]).await?,
            Some(no) => {
                self.rows(&PACKAGE_RANGE, "where package = $1 order by part", &[Arg::Text(no)]).await?
            }
        };
        rows.iter()
            .map(|r| range(r).ok_or_else(|| StoreError::integrity("package_range", "a row does not parse")))
            .collect()
    }

    /// Who may be in a range.
    ///
    /// # Errors
    /// It does not open: an integrity error.
    pub fn planned(&self, range: &Range) -> Result<OrdinalSet, StoreError> {
        let (no, place) = (range.package.to_string(), place(range.part, range.started));
        self.open_range(&[b"range-planned", no.as_bytes(), &place], &range.planned)
    }

    /// Who is in a range that is made; nobody while it is not.
    ///
    /// # Errors
    /// It does not open: an integrity error.
    pub fn range_members(&self, range: &Range) -> Result<OrdinalSet, StoreError> {
        let Some(sealed) = &range.members else { return Ok(OrdinalSet::new()) };
        let (no, place) = (range.package.to_string(), place(range.part, range.claimed.unwrap_or_default()));
        self.open_range(&[b"range", no.as_bytes(), &place], sealed)
    }

    fn open_range(&self, place: &[&[u8]], sealed: &[u8]) -> Result<OrdinalSet, StoreError> {
        let bad = || StoreError::integrity("package_range", "a set of members does not open");
        open_set(&self.store.keyring, place, sealed).map(|(_, set)| set).ok_or_else(bad)
    }
}

impl Work<'_> {
    /// Plans a package's parts, numbered from 1: who may be in each.
    ///
    /// # Errors
    /// The package has ranges already, or the database failed.
    pub async fn add_ranges(
        &mut self,
        no: &PackageNo,
        started: u64,
        planned: &[OrdinalSet],
    ) -> Result<(), StoreError> {
        let text = no.to_string();
        for (part, set) in (1..).zip(planned) {
            let place = place(part, started);
            let place = [b"range-planned".as_slice(), text.as_bytes(), &place];
            let (_, sealed) = seal_set(&self.view.store.keyring, &place, set)?;
            let range = Range {
                package: no.clone(),
                part,
                started,
                claimed: None,
                made: None,
                planned: sealed,
                members: None,
            };
            self.insert(&PACKAGE_RANGE, &args(&range, &text)).await?;
        }
        Ok(())
    }

    /// Takes a range for the process that writes this entry; what was made of it counts no more. Gives it as
    /// it is then.
    ///
    /// # Errors
    /// The database failed.
    pub async fn claim_range(&mut self, range: &Range) -> Result<Range, StoreError> {
        let claimed = Range { claimed: Some(self.seq()), made: None, members: None, ..range.clone() };
        let no = claimed.package.to_string();
        self.put(&PACKAGE_RANGE, &args(&claimed, &no)).await?;
        Ok(claimed)
    }

    /// Says what was written of a range; gives the salted digest of who is in it, for the leaf.
    ///
    /// # Errors
    /// The database failed.
    pub async fn finish_range(
        &mut self,
        range: &Range,
        made: String,
        members: &OrdinalSet,
    ) -> Result<Digest, StoreError> {
        let no = range.package.to_string();
        let place = place(range.part, range.claimed.unwrap_or_default());
        let place = [b"range".as_slice(), no.as_bytes(), &place];
        let (digest, sealed) = seal_set(&self.view.store.keyring, &place, members)?;
        let finished = Range { made: Some(made), members: Some(sealed), ..range.clone() };
        self.put(&PACKAGE_RANGE, &args(&finished, &no)).await?;
        Ok(digest)
    }

    /// Ends a package's ranges: it is whole, or it is over, or it begins anew.
    ///
    /// # Errors
    /// The database failed.
    pub async fn drop_ranges(&mut self, no: &PackageNo) -> Result<(), StoreError> {
        let no = no.to_string();
        let old = self.view().rows(&PACKAGE_RANGE, "where package = $1", &[Arg::Text(&no)]).await?;
        for row in &old {
            self.delete(&PACKAGE_RANGE, &super::table::args(row)).await?;
        }
        Ok(())
    }
}

/// What a set is bound to beside its package: part, and the entry under which it was planned or written.
fn place(part: u32, seq: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&part.to_le_bytes());
    bytes[4..].copy_from_slice(&seq.to_le_bytes());
    bytes
}

fn args<'a>(r: &'a Range, no: &'a str) -> [Arg<'a>; 7] {
    [
        Arg::Text(no),
        Arg::Int(i64::from(r.part)),
        Arg::Int(r.started as i64),
        Arg::Bytes(&r.planned),
        Arg::maybe_int(r.claimed.map(|seq| seq as i64)),
        r.made.as_deref().map_or(Arg::NullText, Arg::Text),
        r.members.as_deref().map_or(Arg::NullBytes, Arg::Bytes),
    ]
}

fn range(row: &[Value]) -> Option<Range> {
    let [
        Value::Text(no),
        Value::Int(part),
        Value::Int(started),
        Value::Bytes(planned),
        claimed,
        made,
        members,
    ] = row
    else {
        return None;
    };
    let claimed = match claimed {
        Value::Int(seq) => Some(u64::try_from(*seq).ok()?),
        _ => None,
    };
    Some(Range {
        package: PackageNo::parse(no).ok()?,
        part: u32::try_from(*part).ok()?,
        started: u64::try_from(*started).ok()?,
        claimed,
        made: if let Value::Text(made) = made { Some(made.clone()) } else { None },
        planned: planned.clone(),
        members: if let Value::Bytes(members) = members { Some(members.clone()) } else { None },
    })
}
