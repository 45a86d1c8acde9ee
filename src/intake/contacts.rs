//! Contact points in a file, for the suppression list: one line a person, columns as in a member file, or
//! no header row and mobiles or email addresses in each line.
//!
//! What cannot be read of a line rejects the line, and what can be read of it counts all the same: a
//! contact point too many on the list harms less than one too few.

use std::io::Read;

use csv::StringRecord;

use super::column::Column;
use super::errors::{CellError, Reason};
use super::file_error::FileError;
use super::headers::{HeaderWarning, Headers, Names};
use super::row::Cells;
use crate::keyring::Keyring;
use crate::keyring::Tag;
use crate::model::contact::{Address, CardNo, Email, Mobile, Name, Postcode};
use crate::model::field::Index;
use crate::model::member::Cell;
use crate::model::value_error::ValueError;
use crate::vault::{PostContact, contact_tag};

const NO_CONTACT: CellError = CellError {
    column: None,
    reason: Reason::Refused {
        code: "no_contact_point",
        rule: "B4",
        zh: "该行没有可以识别的联系方式",
        en: "the row has no contact point",
    },
};

/// Suppression tags of a file's contact points, and what of the file could not be read.
#[derive(Debug, Default)]
pub struct Contacts {
    /// Index and suppression tag of each contact point.
    pub tags: Vec<(Index, Tag)>,
    /// Lines with anything in them, the header row left out.
    pub read: u64,
    /// Lines of which something could not be read, and what; the contact points beside it are in `tags`.
    pub rejected: Vec<(u64, Vec<CellError>)>,
    /// What of the header row was not used.
    pub warnings: Vec<HeaderWarning>,
}

/// Reads a file of contact points, within the limits of [`super::open`]; of each only its keyed tag is kept.
///
/// # Errors
/// [`FileError`] when nothing of it can be read.
pub fn read<R: Read>(input: R, keyring: &Keyring) -> Result<Contacts, FileError> {
    let (mut records, mut parser, line) = super::begin(input)?;
    let mut found = Contacts::default();
    let headers = match Headers::find(&parser.record, &Names::default()) {
        Ok(headers) => Some(headers),
        Err(FileError::NoHeader) => None,
        Err(error) => return Err(error),
    };
    match &headers {
        Some(headers) => {
            records.width = Some(headers.width);
            found.warnings.clone_from(&headers.warnings);
        }
        None => found.add(line, &parser.record, None, keyring),
    }
    while let Some(next) = records.next()? {
        match next.what {
            Ok(range) => found.add(next.line, parser.cells(records.text(range))?, headers.as_ref(), keyring),
            Err(fault) => {
                let error = CellError { column: None, reason: Reason::Row(fault) };
                found.read += 1;
                found.rejected.push((next.line, vec![error]));
            }
        }
    }
    Ok(found)
}

impl Contacts {
    fn add(&mut self, line: u64, record: &StringRecord, headers: Option<&Headers>, keyring: &Keyring) {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        self.read += 1;
        let before = self.tags.len();
        let mut errors = match headers {
            Some(headers) => by_columns(record, headers, keyring, &mut self.tags),
            None => by_shape(record, keyring, &mut self.tags),
        };
        // Damage may have eaten a delimiter's neighbour, so it counts in columns we do not read as well.
        if errors.is_empty() && record.as_slice().contains(char::REPLACEMENT_CHARACTER) {
            errors.push(CellError { column: None, reason: ValueError::Undecodable.into() });
        }
        if errors.is_empty() && self.tags.len() == before {
            errors.push(NO_CONTACT);
        }
        if !errors.is_empty() {
            self.rejected.push((line, errors));
        }
    }
}

fn by_columns(
    record: &StringRecord,
    headers: &Headers,
    keyring: &Keyring,
    tags: &mut Vec<(Index, Tag)>,
) -> Vec<CellError> {
    let mut cells = Cells { headers, record, errors: Vec::new() };
    if let Cell::Filled(card) = cells.optional(Column::Card, CardNo::parse) {
        tags.push(tag(keyring, Index::Card, card.expose()));
    }
    if let Cell::Filled(mobile) = cells.optional(Column::Mobile, Mobile::parse) {
        tags.push(tag(keyring, Index::Mobile, mobile.expose()));
    }
    if let Cell::Filled(email) = cells.optional(Column::Email, Email::parse) {
        tags.push(tag(keyring, Index::Email, email.expose()));
    }
    let name = cells.optional(Column::Name, Name::parse);
    let address = cells.optional(Column::Address, Address::parse);
    let postcode = cells.optional(Column::Postcode, Postcode::parse);
    match (&name, &address, &postcode) {
        (Cell::Filled(name), Cell::Filled(address), Cell::Filled(postcode)) => {
            let (name, address, postcode) = (name.expose(), address.expose(), postcode.expose());
            let post = PostContact { name, address, postcode };
            tags.push((Index::Post, post.tag(keyring).suppression));
        }
        // An address is found by all three; one that cannot be must not pass for a suppressed one.
        (_, Cell::Filled(_), _) if cells.errors.is_empty() => {
            let missing = if name.value().is_none() { Column::Name } else { Column::Postcode };
            cells.refuse(missing, ValueError::Empty);
        }
        _ => {}
    }
    cells.errors
}

fn by_shape(record: &StringRecord, keyring: &Keyring, tags: &mut Vec<(Index, Tag)>) -> Vec<CellError> {
    let mut errors = Vec::new();
    for cell in record.iter().filter(|cell| !cell.trim().is_empty()) {
        let (column, read) = if cell.contains(['@', '＠']) {
            (Column::Email, Email::parse(cell).map(|email| tag(keyring, Index::Email, email.expose())))
        } else {
            (Column::Mobile, Mobile::parse(cell).map(|mobile| tag(keyring, Index::Mobile, mobile.expose())))
        };
        match read {
            Ok(found) => tags.push(found),
            Err(e) => errors.push(CellError { column: Some(column), reason: e.into() }),
        }
    }
    errors
}

fn tag(keyring: &Keyring, index: Index, value: &str) -> (Index, Tag) {
    (index, contact_tag(keyring, index, value.as_bytes()).suppression)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::RECORD_LIMIT;
    use crate::keyring::root::LocalRoot;
    use crate::model::ids::VaultId;

    fn keyring() -> Keyring {
        let folder = tempfile::tempdir().unwrap();
        let root = LocalRoot::create(&folder.path().join("root.json"), None).unwrap();
        let vault = VaultId([7; 16]);
        Keyring::open(vault, &root, &Keyring::birth(vault, &root).unwrap()).unwrap()
    }

    /// Lines read, and line, column and code of each error.
    fn wrong(found: &Contacts) -> (u64, Vec<(u64, &'static str, &'static str)>) {
        let errors = found.rejected.iter().flat_map(|(line, errors)| {
            errors.iter().map(|e| (*line, e.column.map_or("", Column::code), e.reason.code()))
        });
        (found.read, errors.collect())
    }

    #[test]
    fn a_cell_that_cannot_be_read_rejects_its_row_and_the_rest_of_it_counts() {
        let keyring = keyring();
        let text =
            "手机;邮箱;备注\r\n1390000;a@example.com;x\r\n13900000001;\r\n;;nothing\r\n13900000002;;\r\n";
        let found = read(text.as_bytes(), &keyring).unwrap();
        let expected =
            [tag(&keyring, Index::Email, "a@example.com"), tag(&keyring, Index::Mobile, "13900000002")];
        assert_eq!(found.tags, expected);
        let errors = vec![(2, "mobile", "not_mobile"), (3, "", "row_cells"), (4, "", "no_contact_point")];
        assert_eq!(wrong(&found), (4, errors));
        assert_eq!(found.warnings, [HeaderWarning::Unknown(3)]);
    }

    #[test]
    fn an_address_needs_its_name_and_postcode() {
        let found =
            read("姓名,地址,邮编\n王芳,南京东路1号,200001\n王芳,南京东路1号,\n".as_bytes(), &keyring());
        let found = found.unwrap();
        assert_eq!(found.tags.iter().map(|t| t.0).collect::<Vec<_>>(), [Index::Post]);
        assert_eq!(wrong(&found), (2, vec![(3, "postcode", "empty")]));
    }

    #[test]
    fn without_a_header_row_each_cell_is_a_contact_point() {
        let keyring = keyring();
        let found =
            read("13900000001\tb@example.com\n\nphone\n13900000002\tLi\n".as_bytes(), &keyring).unwrap();
        let expected = [
            tag(&keyring, Index::Mobile, "13900000001"),
            tag(&keyring, Index::Email, "b@example.com"),
            tag(&keyring, Index::Mobile, "13900000002"),
        ];
        assert_eq!(found.tags, expected);
        assert_eq!(wrong(&found), (3, vec![(3, "mobile", "not_mobile"), (4, "mobile", "not_mobile")]));
    }

    #[test]
    fn a_record_has_its_limit() {
        let text = format!("mobile\n{}\n13900000001\n", "1".repeat(RECORD_LIMIT + 1));
        let found = read(text.as_bytes(), &keyring()).unwrap();
        assert_eq!((found.tags.len(), wrong(&found)), (1, (2, vec![(2, "", "row_too_long")])));
        assert!(matches!(read(&b"\n"[..], &keyring()), Err(FileError::Empty)));
    }
}
