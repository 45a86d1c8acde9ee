//! Why a whole file cannot be read: in both languages, with what to do about it.

use std::io;

use crate::intake::column::Column;

/// What a file turned out to be instead of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// A zip container: `.xlsx`, or a zip of something.
    Xlsx,
    /// An old office document: `.xls`.
    Xls,
    /// gzip, 7z or rar.
    Archive,
    /// PDF.
    Pdf,
    /// HTML or XML, often named `.xls`.
    Markup,
    /// UTF-32.
    Utf32,
    /// NUL bytes that no encoding of ours explains.
    Binary,
}

impl Foreign {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Foreign::Xlsx => ("Excel 工作簿（xlsx）或压缩包", "an Excel workbook (xlsx) or a zip file"),
            Foreign::Xls => ("旧版 Excel 工作簿（xls）", "an old Excel workbook (xls)"),
            Foreign::Archive => ("压缩包", "a compressed file"),
            Foreign::Pdf => ("PDF 文件", "a PDF"),
            Foreign::Markup => ("网页或 XML 文件", "a web page or XML"),
            Foreign::Utf32 => ("UTF-32 文本", "text in UTF-32"),
            Foreign::Binary => ("二进制文件", "a binary file"),
        }
    }
}

/// Why a file cannot be read at all. Holds no cell of it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file could not be read.
    #[error("the file could not be read: {0}")]
    Io(#[from] io::Error),
    /// Nothing but blank lines.
    #[error("the file is empty: no header row")]
    Empty,
    /// Not text.
    #[error("this is not a CSV file but {}", .0.names().1)]
    Foreign(Foreign),
    /// A workbook is larger than may be held.
    #[error("the workbook is over 64 MiB")]
    TooLarge,
    /// A workbook unpacks to more than it may.
    #[error("a part of the workbook unpacks to more than 256 MiB, or all of them to more than 1 GiB")]
    TooLargeUnpacked,
    /// A workbook that cannot be read.
    #[error("the workbook cannot be read: it is damaged, protected by a password, or no xlsx")]
    BrokenSheet,
    /// The first row has none of the known column names.
    #[error("the first row is not a header row: none of its cells is a known column name")]
    NoHeader,
    /// Columns that every file must have are not there.
    #[error("required column missing: {}", both(.0))]
    MissingColumns(Vec<Column>),
    /// A column stands twice in the header row, in one language or in both.
    #[error("the header row names a column twice: {}", both(&[*.0]))]
    DuplicateColumn(Column),
    /// The header row is longer than a row may be, or a quote in it does not close.
    #[error("the header row cannot be read: it is over 1 MiB, or a quote in it is not closed")]
    BrokenHeader,
}

/// `卡号 (card_no), 姓名 (name)`: both names, whichever language the message is in.
fn both(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|c| format!("{} ({})", c.zh(), c.code())).collect();
    names.join(", ")
}

impl FileError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            FileError::Io(_) => "file_unreadable",
            FileError::Empty => "file_empty",
            FileError::Foreign(_) => "file_not_csv",
            FileError::TooLarge => "file_too_large",
            FileError::TooLargeUnpacked => "file_too_large_unpacked",
            FileError::BrokenSheet => "file_broken_sheet",
            FileError::NoHeader => "file_no_header",
            FileError::MissingColumns(_) => "file_missing_column",
            FileError::DuplicateColumn(_) => "file_duplicate_column",
            FileError::BrokenHeader => "file_broken_header",
        }
    }

    /// What happened, in English (the same as `Display`).
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// What happened, in Chinese.
    pub fn zh(&self) -> String {
        match self {
            FileError::Io(e) => format!("无法读取文件：{e}"),
            FileError::Empty => "文件是空的，没有标题行".to_owned(),
            FileError::Foreign(foreign) => format!("这不是 CSV 文件，而是{}", foreign.names().0),
            FileError::TooLarge => "工作簿超过 64 MiB".to_owned(),
            FileError::TooLargeUnpacked => {
                "工作簿中有一部分解压后超过 256 MiB，或全部解压后超过 1 GiB".to_owned()
            }
            FileError::BrokenSheet => "无法读取工作簿：已损坏、有密码保护，或不是 xlsx".to_owned(),
            FileError::NoHeader => "第一行不是标题行：没有一个已知的列名".to_owned(),
            FileError::MissingColumns(columns) => format!("缺少必需的列：{}", both(columns)),
            FileError::DuplicateColumn(column) => format!("标题行中有重复的列：{}", both(&[*column])),
            FileError::BrokenHeader => "无法读取标题行：超过 1 MiB，或引号没有闭合".to_owned(),
        }
    }

    /// What would help: in Chinese, then in English. Empty for what only the system can explain.
    pub const fn hints(&self) -> (&'static str, &'static str) {
        match self {
            FileError::Io(_) => ("", ""),
            FileError::Foreign(Foreign::Archive) => {
                ("请先解压，再导入其中的 CSV 文件", "unpack it and import the CSV inside")
            }
            FileError::Foreign(_)
            | FileError::TooLarge
            | FileError::TooLargeUnpacked
            | FileError::BrokenSheet => (
                "请在电子表格中另存为“CSV UTF-8（逗号分隔）”后再导入",
                "open it in a spreadsheet, save it as \"CSV UTF-8 (comma delimited)\" and import that",
            ),
            FileError::Empty | FileError::NoHeader | FileError::MissingColumns(_) => (
                "第一行应为列名，至少要有 卡号 和 姓名；如果列名显示为乱码，请以 UTF-8 或 GB18030 重新导出",
                "the first row must hold column names, at least card_no and name; if they look garbled, export again as UTF-8 or GB18030",
            ),
            FileError::DuplicateColumn(_) => ("请删除其中一列", "delete one of the two columns"),
            FileError::BrokenHeader => ("请检查第一行的引号", "look at the quotes in the first row"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_columns_in_both_languages() {
        let missing = FileError::MissingColumns(vec![Column::Card, Column::Name]);
        for text in [missing.zh(), missing.en()] {
            for word in ["卡号", "card_no", "姓名", "name"] {
                assert!(text.contains(word), "{text}");
            }
        }
    }

    #[test]
    fn a_foreign_file_says_what_to_do() {
        let (zh, en) = FileError::Foreign(Foreign::Xlsx).hints();
        assert!(zh.contains("CSV UTF-8") && en.contains("CSV UTF-8"));
    }
}
