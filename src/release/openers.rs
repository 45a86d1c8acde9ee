//! Opening the members of a package on several processors, at most four.
//!
//! ```text
//!              ┌► opener ─ rows of 64 KiB ─┐
//! window ─ pieces of 4,096 members          ├─► the one file
//!              └► opener ─ rows of 64 KiB ─┘
//! ```
//!
//! A window is shuffled as a whole before it is cut, so which opener is quicker changes nothing that hides.
//! An opener that fails takes no more pieces; the feeder sees that and stops, and so do the others.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::rows::{RowError, RowWriter};
use crate::access::Error;
use crate::model::ids::MemberId;
use crate::store::StoreError;
use crate::store::records::SealedRecord;
use crate::vault::{NotItsMember, Opener, Plain, Rows, SealedMember, Turn};

/// Windows there are: all that a package of any size holds of its members at a time.
const WINDOWS: usize = 2;
/// Members handed to an opener at once.
const PIECE: usize = 4_096;
/// Pieces that wait for an opener at most; a full window has 32 of them for all.
const WAITING: usize = 64;
/// Bytes of rows that an opener gathers before it takes the file.
const GATHERED: usize = 1 << 16;
/// More than this do not open faster than one file takes it.
const MOST: usize = 4;

/// Sealed members that are shuffled together, in one buffer: what is needed of each and no more.
pub(super) struct Window {
    bytes: Vec<u8>,
    pub(super) members: Vec<Handed>,
}

/// One of them.
pub(super) struct Handed {
    turn: Turn,
    id: MemberId,
    kek: i64,
    /// Where its wrapped key starts, its record starts, and its record ends.
    at: [usize; 3],
}

impl Window {
    /// Takes a member in whose turn it is.
    pub(super) fn push(&mut self, turn: Turn, sealed: &SealedRecord<'_>) {
        let SealedRecord { id, record, kek, wrapped, .. } = *sealed;
        let key = self.bytes.len();
        self.bytes.extend_from_slice(wrapped);
        let from = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.members.push(Handed { turn, id, kek, at: [key, from, self.bytes.len()] });
    }
}

/// A window's bytes, which go back to be filled again when the last piece of it is done or dropped.
struct Lent {
    bytes: Vec<u8>,
    back: mpsc::Sender<Vec<u8>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        // There is room for each.
        let _ = self.back.try_send(std::mem::take(&mut self.bytes));
    }
}

struct Piece {
    window: Arc<Lent>,
    members: Vec<Handed>,
}

/// Everyone who opens, and the windows' round.
pub(super) struct Openers<W> {
    pieces: Vec<mpsc::Sender<Piece>>,
    back: mpsc::Sender<Vec<u8>>,
    free: mpsc::Receiver<Vec<u8>>,
    tasks: Vec<JoinHandle<Result<Opened, Error>>>,
    file: Arc<Mutex<W>>,
    next: usize,
    stop: Arc<AtomicBool>,
}

/// What openers came to.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) rows: u64,
    pub(super) marks: u128,
}

impl<W: Write + Send + 'static> Openers<W> {
    /// As many as there are processors, at most [`MOST`], writing behind the header of a file of so many columns.
    pub(super) fn start(rows: &Rows, file: W, columns: usize) -> Self {
        let (back, free) = mpsc::channel(WINDOWS);
        for _ in 0..WINDOWS {
            // There is room for each.
            let _ = back.try_send(Vec::new());
        }
        let file = Arc::new(Mutex::new(file));
        let many = std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST));
        let stop = Arc::new(AtomicBool::new(false));
        let (mut pieces, mut tasks) = (Vec::with_capacity(many), Vec::with_capacity(many));
        for _ in 0..many {
            let (sender, receiver) = mpsc::channel(WAITING);
            let gathered = Zeroizing::new(Vec::with_capacity(GATHERED));
            let writer = RowWriter::behind_header(Gathering { gathered, file: file.clone() }, columns);
            let (opener, stop) = (rows.opener(), stop.clone());
            tasks.push(tokio::task::spawn_blocking(move || {
                let opened = open_all(receiver, opener, writer, &stop);
                // One that failed stops the others.
                stop.fetch_or(opened.is_err(), Ordering::Relaxed);
                opened
            }));
            pieces.push(sender);
        }
        Openers { pieces, back, free, tasks, file, next: 0, stop }
    }

    /// An empty window, as soon as one is free.
    pub(super) async fn window(&mut self) -> Window {
        // Never closed: `back` is here.
        let mut bytes = self.free.recv().await.unwrap_or_default();
        bytes.clear();
        Window { bytes, members: Vec::new() }
    }

    /// Hands a window over. False when an opener has failed, whose error is the one to tell.
    pub(super) async fn hand(&mut self, window: Window) -> bool {
        let Window { bytes, mut members } = window;
        let window = Arc::new(Lent { bytes, back: self.back.clone() });
        while !members.is_empty() {
            let piece = members.split_off(members.len().saturating_sub(PIECE));
            self.next = (self.next + 1) % self.pieces.len();
            let piece = Piece { window: window.clone(), members: piece };
            if self.pieces[self.next].send(piece).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Whoever is still at it stops at his next member: nothing is opened for a package that is given up.
    pub(super) fn give_up(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for everyone; the file with all rows in it.
    ///
    /// # Errors
    /// The first that an opener met; by then nobody opens any more.
    pub(super) async fn finish(mut self) -> Result<(W, Opened), Error> {
        let broke_off = || StoreError::Fault("an opener of the package broke off");
        self.pieces.clear();
        let (mut sum, mut failed) = (Opened::default(), None);
        for task in std::mem::take(&mut self.tasks) {
            match task.await {
                Ok(Ok(opened)) => {
                    sum.rows += opened.rows;
                    sum.marks = sum.marks.wrapping_add(opened.marks);
                }
                Ok(Err(error)) => failed = failed.or(Some(error)),
                Err(_) => failed = failed.or(Some(broke_off().into())),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let file = self.file.clone();
        drop(self);
        let file = Arc::into_inner(file).ok_or_else(broke_off)?;
        Ok((file.into_inner().map_err(|_| broke_off())?, sum))
    }
}

impl<W> Drop for Openers<W> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn open_all<W: Write>(
    mut pieces: mpsc::Receiver<Piece>,
    mut opener: Opener,
    mut writer: RowWriter<Gathering<W>>,
    stop: &AtomicBool,
) -> Result<Opened, Error> {
    while let Some(Piece { window, members }) = pieces.blocking_recv() {
        for Handed { turn, id, kek, at: [key, from, to] } in members {
            if stop.load(Ordering::Relaxed) {
                return Err(StoreError::Fault("the package was given up").into());
            }
            let (wrapped, record) = (&window.bytes[key..from], &window.bytes[from..to]);
            let sealed = SealedMember { id, record, kek, wrapped };
            write_row(&mut writer, opener.open(turn, &sealed).map_err(|e| failed(e.into()))?)?;
        }
    }
    let (rows, marks) = (writer.rows(), opener.marks());
    writer.finish().map_err(row)?.flush().map_err(io)?;
    Ok(Opened { rows, marks })
}

fn write_row<W: Write>(writer: &mut RowWriter<W>, values: &[Plain]) -> Result<(), Error> {
    let mut texts: [&str; 8] = [""; 8];
    for (text, value) in texts.iter_mut().zip(values) {
        *text = value.lend()?;
    }
    writer.row(&texts[..values.len()]).map_err(row)
}

/// Whole rows gathered in a buffer that is wiped, then written to the file in one piece.
struct Gathering<W> {
    gathered: Zeroizing<Vec<u8>>,
    file: Arc<Mutex<W>>,
}

impl<W: Write> Gathering<W> {
    fn give(&self, bytes: &[u8]) -> io::Result<()> {
        // Who panicked in the middle of a write left half a row.
        let broken = |_: PoisonError<_>| io::Error::other("the file was cut short by an earlier failure");
        self.file.lock().map_err(broken)?.write_all(bytes)
    }
}

impl<W: Write> Write for Gathering<W> {
    /// Takes a whole row; the buffer never grows, which would leave rows behind unwiped.
    fn write(&mut self, row: &[u8]) -> io::Result<usize> {
        if self.gathered.len() + row.len() > GATHERED {
            self.flush()?;
        }
        if row.len() > GATHERED {
            self.give(row)?;
        } else {
            self.gathered.extend_from_slice(row);
        }
        Ok(row.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.give(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }
}

/// The plaintext's place in memory is gone by here; what failed is named, never its value.
pub(super) fn failed(e: NotItsMember) -> Error {
    match e {
        NotItsMember::NotCovered => StoreError::integrity("package", "a member outside the grant").into(),
        NotItsMember::DoesNotOpen(e) => e.into(),
    }
}

pub(super) fn row(e: RowError) -> Error {
    match e {
        RowError::Io(cause) => io(cause),
        // Flagged at intake and taken out before; here it means that the flag is not the value's.
        RowError::UnsafeValue { .. } => {
            StoreError::integrity("member_attributes", "an unsafe value that was not flagged").into()
        }
        _ => StoreError::integrity("package", "a row does not fit its columns").into(),
    }
}

pub(super) fn io(cause: io::Error) -> Error {
    Error::file("the package file", cause)
}
