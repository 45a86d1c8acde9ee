//! The header row: which known column stands where.

use csv::StringRecord;

use crate::intake::column::Column;
use crate::intake::file_error::FileError;

const COLUMNS: usize = Column::ALL.len();

/// What a header row has that will not be used. Worth a warning; the file is read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderWarning {
    /// A column that we do not know, by its place, from 1; its cells are not looked at. Not its name: where a
    /// row of data lies in the header's place, that would be a member's.
    Unknown(usize),
    /// `covenant` without `covenant_version` or the other way round: neither is used.
    HalfCovenant,
}

/// Where each known column stands, and how many cells a row has.
pub(super) struct Headers {
    at: [Option<usize>; COLUMNS],
    /// Cells in a row.
    pub(super) width: usize,
    /// What will not be used.
    pub(super) warnings: Vec<HeaderWarning>,
}

impl Headers {
    /// Reads a member file's header row. Columns may stand in any order and in either language.
    pub(super) fn read(record: &StringRecord) -> Result<Self, FileError> {
        let mut it = Self::find(record)?;
        let missing: Vec<_> =
            [Column::Card, Column::Name].into_iter().filter(|c| it.index(*c).is_none()).collect();
        if !missing.is_empty() {
            return Err(FileError::MissingColumns(missing));
        }
        if it.index(Column::Covenant).is_some() != it.index(Column::CovenantVersion).is_some() {
            it.warnings.push(HeaderWarning::HalfCovenant);
        }
        Ok(it)
    }

    /// Finds the known columns of a row, at least one.
    pub(super) fn find(record: &StringRecord) -> Result<Self, FileError> {
        let mut it = Headers { at: [None; COLUMNS], width: record.len(), warnings: Vec::new() };
        for (i, cell) in record.iter().enumerate() {
            match Column::of(cell) {
                Some(column) if it.at[column as usize].replace(i).is_some() => {
                    return Err(FileError::DuplicateColumn(column));
                }
                Some(_) => {}
                None => it.warnings.push(HeaderWarning::Unknown(i + 1)),
            }
        }
        if it.at.iter().all(Option::is_none) {
            return Err(FileError::NoHeader);
        }
        Ok(it)
    }

    /// The place of a column, if the file has it.
    pub(super) fn index(&self, column: Column) -> Option<usize> {
        self.at[column as usize]
    }

    /// The column in a place, if it is a known one.
    pub(super) fn column(&self, index: usize) -> Option<Column> {
        Column::ALL.iter().copied().find(|c| self.index(*c) == Some(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> Result<Headers, FileError> {
        Headers::read(&StringRecord::from(cells))
    }

    #[test]
    fn columns_are_found_in_any_order_and_language() {
        let it = read(&["NAME", " 手机 ", "喜好", "卡号"]).ok().unwrap();
        assert_eq!(it.index(Column::Card), Some(3));
        assert_eq!(it.index(Column::Name), Some(0));
        assert_eq!(it.index(Column::Email), None);
        assert_eq!(it.column(1), Some(Column::Mobile));
        assert_eq!(it.warnings, [HeaderWarning::Unknown(3)]);
    }

    #[test]
    fn a_header_row_that_cannot_be_used_is_refused() {
        assert!(matches!(read(&["卡号", "手机"]), Err(FileError::MissingColumns(m)) if m == [Column::Name]));
        assert!(matches!(read(&["卡号", "姓名", "card_no"]), Err(FileError::DuplicateColumn(Column::Card))));
        assert!(matches!(read(&["88000000", "王芳"]), Err(FileError::NoHeader)));
    }

    #[test]
    fn half_a_covenant_is_warned_about() {
        let it = read(&["卡号", "姓名", "规约"]).ok().unwrap();
        assert_eq!(it.warnings, [HeaderWarning::HalfCovenant]);
    }
}
