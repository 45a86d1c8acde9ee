//! Contact points in a file, for the suppression list: one line a person, columns as in a member file, or
//! no header row and one mobile or email address a line.

use std::io::{self, Read};

use csv::StringRecord;

use super::column::Column;
use super::decode::Decoder;
use super::file_error::FileError;
use crate::keyring::Keyring;
use crate::keyring::Tag;
use crate::model::contact::{Address, CardNo, Email, Mobile, Name, Postcode};
use crate::model::field::Index;
use crate::model::value_error::ValueError;
use crate::vault::{PostContact, contact_tag};

/// Suppression tags of a file's contact points, and how many lines there are and hold none.
#[derive(Debug, Default)]
pub struct Contacts {
    /// Index and suppression tag of each contact point.
    pub tags: Vec<(Index, Tag)>,
    /// Lines with anything in them, the header row left out.
    pub read: u64,
    /// Lines without a contact point that can be read.
    pub rejected: u64,
}

/// Reads a file of contact points; of each only its keyed tag is kept.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn read<R: Read>(input: R, keyring: &Keyring) -> Result<Contacts, FileError> {
    let decoder = Decoder::open(input)?;
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(decoder);
    let mut record = StringRecord::new();
    let mut columns: Option<Vec<Option<Column>>> = None;
    let mut found = Contacts::default();
    let mut first = true;
    while rows.read_record(&mut record).map_err(io_error)? {
        if std::mem::take(&mut first) {
            let header: Vec<_> = record.iter().map(Column::of).collect();
            if header.iter().any(Option::is_some) {
                columns = Some(header);
                continue;
            }
        }
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        found.read += 1;
        let before = found.tags.len();
        match &columns {
            Some(columns) => by_columns(&record, columns, keyring, &mut found.tags),
            None => by_shape(&record, keyring, &mut found.tags),
        }
        found.rejected += u64::from(found.tags.len() == before);
    }
    if first { Err(FileError::Empty) } else { Ok(found) }
}

fn by_columns(
    record: &StringRecord,
    columns: &[Option<Column>],
    keyring: &Keyring,
    tags: &mut Vec<(Index, Tag)>,
) {
    let cell = |column| {
        let at = columns.iter().position(|c| *c == Some(column))?;
        record.get(at)
    };
    let card = cell(Column::Card).map(CardNo::parse);
    let mobile = cell(Column::Mobile).map(Mobile::parse);
    let email = cell(Column::Email).map(Email::parse);
    push(tags, keyring, Index::Card, card.as_ref().map(|v| v.as_ref().map(|v| v.expose())));
    push(tags, keyring, Index::Mobile, mobile.as_ref().map(|v| v.as_ref().map(|v| v.expose())));
    push(tags, keyring, Index::Email, email.as_ref().map(|v| v.as_ref().map(|v| v.expose())));
    let post = (
        cell(Column::Name).map(Name::parse),
        cell(Column::Address).map(Address::parse),
        cell(Column::Postcode).map(Postcode::parse),
    );
    if let (Some(Ok(name)), Some(Ok(address)), Some(Ok(postcode))) = &post {
        let post =
            PostContact { name: name.expose(), address: address.expose(), postcode: postcode.expose() };
        tags.push((Index::Post, post.tag(keyring).suppression));
    }
}

fn by_shape(record: &StringRecord, keyring: &Keyring, tags: &mut Vec<(Index, Tag)>) {
    for cell in record {
        if let Ok(mobile) = Mobile::parse(cell) {
            push(tags, keyring, Index::Mobile, Some(Ok(mobile.expose())));
        } else if let Ok(email) = Email::parse(cell) {
            push(tags, keyring, Index::Email, Some(Ok(email.expose())));
        }
    }
}

fn push(
    tags: &mut Vec<(Index, Tag)>,
    keyring: &Keyring,
    index: Index,
    value: Option<Result<&str, &ValueError>>,
) {
    if let Some(Ok(value)) = value {
        tags.push((index, contact_tag(keyring, index, value.as_bytes()).suppression));
    }
}

fn io_error(error: csv::Error) -> FileError {
    match error.into_kind() {
        csv::ErrorKind::Io(e) => FileError::Io(e),
        _ => FileError::Io(io::Error::from(io::ErrorKind::InvalidData)),
    }
}
