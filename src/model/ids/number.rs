//! Numbers that we give: of requests and of packages (A5a; contract, Vendor files).

use std::fmt;
use std::str::FromStr;

use super::{IdError, UnitCode, as_text, plain_number};

/// A request's number, `CS2026-HQ-0001`: year, unit, then a sequence of four digits or more that
/// rises by one per unit and year (A5a).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNo {
    year: u16,
    unit: UnitCode,
    seq: u32,
}

const REQUEST_NO: IdError = IdError { what: "request number", form: "CS2026-HQ-0001" };
const PACKAGE_NO: IdError = IdError { what: "package number", form: "CS2026-HQ-0001-P1" };

impl RequestNo {
    /// # Errors
    /// [`IdError`] when the year has not four digits or the sequence is zero.
    pub fn new(year: u16, unit: UnitCode, seq: u32) -> Result<RequestNo, IdError> {
        if !(1000..=9999).contains(&year) || seq == 0 {
            return Err(REQUEST_NO);
        }
        Ok(RequestNo { year, unit, seq })
    }

    /// Reads the one spelling of a number.
    ///
    /// # Errors
    /// [`IdError`].
    pub fn parse(text: &str) -> Result<RequestNo, IdError> {
        Self::read(text).filter(|no| no.to_string() == text).ok_or(REQUEST_NO)
    }

    fn read(text: &str) -> Option<RequestNo> {
        // A unit's code may hold hyphens, so the sequence is what stands behind the last one.
        let (head, seq) = text.strip_prefix("CS")?.rsplit_once('-')?;
        let (year, unit) = head.split_once('-')?;
        let unit = UnitCode::parse(unit).ok()?;
        RequestNo::new(year.parse().ok()?, unit, seq.parse().ok()?).ok()
    }

    /// The year, in the vault's zone.
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// The unit in whose sequence it stands.
    pub const fn unit(&self) -> &UnitCode {
        &self.unit
    }

    /// The place in that sequence, from 1.
    pub const fn seq(&self) -> u32 {
        self.seq
    }

    /// The name of a part's file without its ending, `CS2026HQ0001P1` (contract, Vendor files). Not
    /// a key: without hyphens, `HQ1` 0001 and `HQ` 10001 read the same.
    pub fn file_stem(&self, part: u32) -> String {
        let mut stem = self.to_string();
        stem.retain(|c| c != '-');
        format!("{stem}P{part}")
    }
}

impl fmt::Display for RequestNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CS{}-{}-{:04}", self.year, self.unit, self.seq)
    }
}

impl FromStr for RequestNo {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        RequestNo::parse(text)
    }
}

/// A package's number, `CS2026-HQ-0001-P1`: its request and the serial among that request's
/// packages, from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageNo {
    request: RequestNo,
    serial: u32,
}

impl PackageNo {
    /// # Errors
    /// [`IdError`] when the serial is zero.
    pub fn new(request: RequestNo, serial: u32) -> Result<PackageNo, IdError> {
        if serial == 0 { Err(PACKAGE_NO) } else { Ok(PackageNo { request, serial }) }
    }

    /// Reads the one spelling of a number.
    ///
    /// # Errors
    /// [`IdError`].
    pub fn parse(text: &str) -> Result<PackageNo, IdError> {
        let (request, serial) = text.rsplit_once("-P").ok_or(PACKAGE_NO)?;
        let serial = plain_number(serial).ok_or(PACKAGE_NO)?;
        PackageNo::new(RequestNo::parse(request).map_err(|_| PACKAGE_NO)?, serial)
    }

    /// The request it was made for.
    pub const fn request(&self) -> &RequestNo {
        &self.request
    }

    /// The serial, from 1.
    pub const fn serial(&self) -> u32 {
        self.serial
    }
}

impl fmt::Display for PackageNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-P{}", self.request, self.serial)
    }
}

impl FromStr for PackageNo {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        PackageNo::parse(text)
    }
}

as_text!(RequestNo);
as_text!(PackageNo);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn request_numbers_have_one_spelling() {
        for good in ["CS2026-HQ-0001", "CS2026-HQ-MKT-12345", "CS2026-S001-0099"] {
            assert_eq!(RequestNo::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "CS2026-HQ-0000",
            "CS2026-HQ-001",
            "CS2026-HQ-01234",
            "CS026-HQ-0001",
            "cs2026-HQ-0001",
            "CS2026-hq-0001",
            "CS2026-0001",
            "CS2026-HQ-+001",
            "CS2026-HQ-0001-P1",
            "CS2026-HQ-0001 ",
        ] {
            assert!(RequestNo::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(RequestNo::parse("CS2026-HQ-MKT-0001").unwrap().file_stem(2), "CS2026HQMKT0001P2");
    }

    #[test]
    fn package_numbers_have_one_spelling() {
        let no = PackageNo::parse("CS2026-HQ-0001-P12").unwrap();
        assert_eq!((no.serial(), no.to_string().as_str()), (12, "CS2026-HQ-0001-P12"));
        for bad in ["CS2026-HQ-0001", "CS2026-HQ-0001-P0", "CS2026-HQ-0001-P01", "CS2026-HQ-0001-P"] {
            assert!(PackageNo::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back(seq in 1u32.., serial in 1u32.., unit in "[A-Z0-9][A-Z0-9-]{0,15}") {
            let no = RequestNo::new(2026, UnitCode::parse(&unit).unwrap(), seq).unwrap();
            prop_assert_eq!(&RequestNo::parse(&no.to_string()).unwrap(), &no);
            let package = PackageNo::new(no, serial).unwrap();
            prop_assert_eq!(&PackageNo::parse(&package.to_string()).unwrap(), &package);
        }
    }
}
