//! How imports stand, for who follows them, and where the rows are that they refused. Operational: what an import did
//! stands in its entries; of that, here is what can be asked while it runs and for a month after.
//!
//! ```text
//! first entry ─► running ─► done
//!                   │  └──► cancelled   (after `cancelling`: it stops before its next batch)
//!                   └─────► broken_off  (also when nobody has said for a minute that it runs)
//! ```

use super::engine::{Arg, Row, Tx, built};
use super::entered::insert_rows;
use super::{Store, StoreError, View, Work};
use crate::clock::Micros;
use crate::model::code::codes;
use crate::model::ids::Login;

/// How long it is kept how an import stood: 30 days.
const KEPT: Micros = 30 * 86_400_000_000;
/// Errors of an import that are kept; all are counted.
pub const ERRORS: u64 = 10_000;

codes! {
    /// How an import stands.
    ImportState, "state of an import" {
        /// It runs.
        Running = "running",
        /// It was told to stop, and does so before its next batch.
        Cancelling = "cancelling",
        /// The whole file was read.
        Done = "done",
        /// It was told to stop, and did. What was stored stays.
        Cancelled = "cancelled",
        /// It ended in the middle. What was stored stays.
        BrokenOff = "broken_off",
    }
}

/// Counts of an import so far, or of one batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows in all.
    pub read: u64,
    /// New members.
    pub created: u64,
    /// Members with something new.
    pub updated: u64,
    /// Rows that changed nothing.
    pub unchanged: u64,
    /// Rows not taken.
    pub rejected: u64,
    /// Cells held back.
    pub kept: u64,
    /// Rows with a contact point or card on the suppression list.
    pub suppressed: u64,
}

/// How an import stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// Place of its first entry.
    pub no: u64,
    /// When it began.
    pub begun_at: Micros,
    /// Until when whoever runs it is believed to be alive.
    pub held_until: Micros,
    /// As it was noted.
    pub state: ImportState,
    /// Counts so far.
    pub tally: Tally,
    /// How many errors were found; of these, [`ERRORS`] are kept.
    pub errors: u64,
}

/// One thing that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportError {
    /// The row's line in the file.
    pub line: u64,
    /// The column's code; empty: the whole row.
    pub place: String,
    /// Why.
    pub code: String,
}

const COLUMNS: &str = "no, begun_at, held_until, state, rows_read, created, updated, unchanged, rejected, kept, \
                       suppressed, errors";

impl View<'_> {
    /// How an import stands; none when there is no such import, or none any more.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn import(&mut self, no: u64) -> Result<Option<ImportRow>, StoreError> {
        let sql = built(format!("select {COLUMNS} from import_run where no = $1"));
        self.tx.maybe(sql, &[stored(no)]).await?.map(|row| read(&row)).transpose()
    }

    /// Imports before a place, newest first: a person's, or everybody's.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn imports(
        &mut self,
        whose: Option<&Login>,
        before: u64,
        limit: usize,
    ) -> Result<Vec<ImportRow>, StoreError> {
        let (of, login) = whose.map_or(("", ""), |login| ("and login = $2", login.as_str()));
        let sql =
            format!("select {COLUMNS} from import_run where no < $1 {of} order by no desc limit {limit}");
        let args = [stored(before), Arg::Text(login)];
        let args = &args[..1 + usize::from(whose.is_some())];
        self.tx.all(built(sql), args).await?.iter().map(read).collect()
    }

    /// What is wrong with the rows that an import refused, as far as it is kept.
    ///
    /// # Errors
    /// The database failed.
    pub async fn import_errors(&mut self, no: u64) -> Result<Vec<ImportError>, StoreError> {
        let sql = "select line, place, code from import_error where no = $1 order by number";
        let rows = self.tx.all(sql, &[stored(no)]).await?;
        let error =
            |row: &Row| Ok(ImportError { line: count(row, 0)?, place: row.text(1)?, code: row.text(2)? });
        rows.iter().map(error).collect()
    }
}

impl Work<'_> {
    /// Notes that an import begins with this turn's entry, and forgets those of more than a month ago.
    ///
    /// # Errors
    /// The database failed.
    pub async fn begin_import(&mut self, whose: &Login, held_until: Micros) -> Result<(), StoreError> {
        let (no, at) = (stored(self.seq()), self.at());
        let forgotten = [Arg::Int(at - KEPT)];
        let tx = &mut self.view().tx;
        let sql = "delete from import_error where no in (select no from import_run where begun_at <= $1)";
        tx.execute(sql, &forgotten).await?;
        tx.execute("delete from import_run where begun_at <= $1", &forgotten).await?;
        let sql = "insert into import_run (no, login, begun_at, held_until, state, rows_read, created, updated, unchanged, \
                   rejected, kept, suppressed, errors) values ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0, 0, 0, 0)";
        let state = ImportState::Running.code();
        let row = [no, Arg::Text(whose.as_str()), Arg::Int(at), Arg::Int(held_until), Arg::Text(state)];
        tx.execute(sql, &row).await?;
        Ok(())
    }

    /// Notes a batch that stands with this turn's entry, unless the import was told to stop; whether it goes on.
    ///
    /// # Errors
    /// The database failed.
    pub async fn note_import(
        &mut self,
        no: u64,
        batch: &Tally,
        errors: &[ImportError],
    ) -> Result<bool, StoreError> {
        note(&mut self.view().tx, no, batch, errors).await
    }

    /// Notes how an import ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_import(&mut self, no: u64, state: ImportState) -> Result<(), StoreError> {
        end(&mut self.view().tx, no, state).await
    }

    /// Tells an import to stop; whether it runs.
    ///
    /// # Errors
    /// The database failed.
    pub async fn cancel_import(&mut self, no: u64) -> Result<bool, StoreError> {
        let at = self.at();
        let sql = "update import_run set state = $2 where no = $1 and state = $3 and held_until > $4";
        let states = [ImportState::Cancelling, ImportState::Running].map(|state| Arg::Text(state.code()));
        let args = [stored(no), states[0], states[1], Arg::Int(at)];
        Ok(self.view().tx.execute(sql, &args).await? == 1)
    }
}

impl Store {
    /// Notes a batch that was only checked; whether the import goes on.
    ///
    /// # Errors
    /// The database failed.
    pub async fn note_check(
        &self,
        no: u64,
        batch: &Tally,
        errors: &[ImportError],
    ) -> Result<bool, StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let goes_on = note(&mut tx, no, batch, errors).await?;
        tx.commit().await?;
        Ok(goes_on)
    }

    /// Notes that an import still runs; until when that is believed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn hold_import(&self, no: u64, held_until: Micros) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "update import_run set held_until = $2 where no = $1";
        tx.execute(sql, &[stored(no), Arg::Int(held_until)]).await?;
        tx.commit().await
    }

    /// Notes how an import ended that has no last entry.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_check(&self, no: u64, state: ImportState) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        end(&mut tx, no, state).await?;
        tx.commit().await
    }
}

async fn note(tx: &mut Tx, no: u64, batch: &Tally, errors: &[ImportError]) -> Result<bool, StoreError> {
    let sql = "select state, errors from import_run where no = $1";
    // Somebody removed the row: then nobody can follow it either.
    let Some(row) = tx.maybe(sql, &[stored(no)]).await? else { return Ok(true) };
    if row.text(0)? == ImportState::Cancelling.code() {
        return Ok(false);
    }
    let before = count(&row, 1)?;
    let numbered = (before + 1..=ERRORS).zip(errors).map(|(number, error)| {
        [stored(no), stored(number), stored(error.line), Arg::Text(&error.place), Arg::Text(&error.code)]
    });
    insert_rows(tx, "import_error (no, number, line, place, code)", numbered).await?;
    let sql = "update import_run set rows_read = rows_read + $2, created = created + $3, updated = updated + $4, \
               unchanged = unchanged + $5, rejected = rejected + $6, kept = kept + $7, suppressed = suppressed + $8, \
               errors = errors + $9 where no = $1";
    let Tally { read, created, updated, unchanged, rejected, kept, suppressed } = *batch;
    let counts = [no, read, created, updated, unchanged, rejected, kept, suppressed, errors.len() as u64];
    tx.execute(sql, &counts.map(stored)).await?;
    Ok(true)
}

async fn end(tx: &mut Tx, no: u64, state: ImportState) -> Result<(), StoreError> {
    let sql = "update import_run set state = $2 where no = $1";
    tx.execute(sql, &[stored(no), Arg::Text(state.code())]).await?;
    Ok(())
}

/// A number as it is stored: one that is too large is that of no row.
fn stored(number: u64) -> Arg<'static> {
    Arg::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn count(row: &Row, at: usize) -> Result<u64, StoreError> {
    u64::try_from(row.int(at)?).map_err(|_| malformed())
}

fn malformed() -> StoreError {
    StoreError::integrity("import_run", "a row does not parse")
}

fn read(row: &Row) -> Result<ImportRow, StoreError> {
    Ok(ImportRow {
        no: count(row, 0)?,
        begun_at: row.int(1)?,
        held_until: row.int(2)?,
        state: ImportState::parse(&row.text(3)?).map_err(|_| malformed())?,
        tally: Tally {
            read: count(row, 4)?,
            created: count(row, 5)?,
            updated: count(row, 6)?,
            unchanged: count(row, 7)?,
            rejected: count(row, 8)?,
            kept: count(row, 9)?,
            suppressed: count(row, 10)?,
        },
        errors: count(row, 11)?,
    })
}
