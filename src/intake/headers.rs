//! The header row: which known column stands where.

use csv::StringRecord;

use crate::intake::column::Column;
use crate::intake::file_error::FileError;
use crate::model::lang::Lang;

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

impl HeaderWarning {
    /// The sentence in a language.
    pub fn said(&self, lang: Lang) -> String {
        match (self, lang) {
            (HeaderWarning::Unknown(place), Lang::Zh) => format!("第 {place} 列不是可识别的列，未读取"),
            (HeaderWarning::Unknown(place), Lang::En) => {
                format!("column {place} is not a known one and was not read")
            }
            (HeaderWarning::HalfCovenant, Lang::Zh) => "规约与规约版本须同时提供，均未读取".to_owned(),
            (HeaderWarning::HalfCovenant, Lang::En) => {
                "covenant and covenant_version count only together; neither was read".to_owned()
            }
        }
    }
}

/// What columns are called in one file, beside their own names: the system that wrote it has words of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<(Column, String)>);

impl Names {
    /// A column and what it is called, as often as there is one; what is called nothing has its own names only.
    pub fn new(names: impl IntoIterator<Item = (Column, String)>) -> Names {
        let names = names.into_iter().map(|(column, name)| (column, name.trim().to_owned()));
        Names(names.filter(|(_, name)| !name.is_empty()).collect())
    }

    /// The column of a header cell.
    fn column(&self, cell: &str) -> Option<Column> {
        let named = self.0.iter().find(|(_, name)| name == cell.trim()).map(|(column, _)| *column);
        named.or_else(|| Column::of(cell))
    }
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
    pub(super) fn read(record: &StringRecord, names: &Names) -> Result<Self, FileError> {
        let mut it = Self::find(record, names)?;
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
    pub(super) fn find(record: &StringRecord, names: &Names) -> Result<Self, FileError> {
        let mut it = Headers { at: [None; COLUMNS], width: record.len(), warnings: Vec::new() };
        for (i, cell) in record.iter().enumerate() {
            match names.column(cell) {
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

    /// Those of a form whose cells stand in this order, each column once.
    pub(super) fn of(columns: &[Column]) -> Self {
        let mut it = Headers { at: [None; COLUMNS], width: columns.len(), warnings: Vec::new() };
        columns.iter().enumerate().for_each(|(i, column)| it.at[*column as usize] = Some(i));
        it
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
        Headers::read(&StringRecord::from(cells), &Names::default())
    }

    #[test]
    fn a_file_may_have_words_of_its_own() {
        let names = |cells: &[&str], names: &[(Column, &str)]| {
            let names = Names::new(names.iter().map(|(column, name)| (*column, (*name).to_owned())));
            Headers::read(&StringRecord::from(cells.to_vec()), &names)
        };
        let called = [(Column::Card, "会员编码"), (Column::Mobile, " 联系电话 "), (Column::Email, "")];
        let it = names(&["会员编码", "姓名", "联系电话", ""], &called).ok().unwrap();
        assert_eq!((it.index(Column::Card), it.index(Column::Mobile)), (Some(0), Some(2)));
        assert_eq!((it.index(Column::Email), it.warnings), (None, vec![HeaderWarning::Unknown(4)]));
        let twice = names(&["会员编码", "姓名", "卡号"], &called);
        assert!(matches!(twice, Err(FileError::DuplicateColumn(Column::Card))));
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
