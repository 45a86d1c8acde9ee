//! A package at rest: the age file sealed once more under the package's own key (design, "Release").
//!
//! Only the download gate has that key, so a copy of the folder gives nothing even to the vendor, and a
//! recall destroys the key.
//!
//! ```text
//! file  = suite (1) = 1 ‖ nonce prefix (7) ‖ chunk*  (at least one chunk)
//! chunk = AES-256-GCM ciphertext (65,536; the last 0 to 65,536) ‖ tag (16)
//! nonce = nonce prefix (7) ‖ chunk number (4, big-endian, from 0) ‖ last (1: 0 or 1)
//! associated data of every chunk = length-prefixed (8, big-endian each):
//!         "countersign.rest.v1", suite, what the caller gives (vault id and package number)
//! ```
//!
//! This is STREAM of Hoang, Reyhanitabar, Rogaway and Vizár (CRYPTO 2015): the number in the nonce holds the chunks in
//! their order, the last flag shows a cut and a continuation. The last chunk is empty only in an empty
//! file, so a file has one form.
//!
//! A package's key seals its files, one a part, and what is made again of them: at most some hundred, each
//! behind a prefix of its own. Seven random bytes keep `n` of them apart but for a chance of about n² / 2^57:
//! under one in 10^13 for a hundred. Each file made again leaves members out, so there are few.
//!
//! Backups are sealed the same way, each under a key of its own ([`super::backup`]).
//!
//! [`HashingWriter`] stands between the container and the sealing, and again below the sealing: the first
//! digest goes into the manifest, the second finds an ownerless `.part` at start.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use ring::digest::{Context, SHA256};
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

const SUITE: u8 = 1;
const CHUNK: usize = 65_536;
const TAG: usize = 16;
const HEADER: usize = 8;
const LABEL: &[u8] = b"countersign.rest.v1";

/// Why a stream stopped. Found inside the [`io::Error`] that the writer and the reader give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AtRestError {
    /// Changed, cut, continued, another package's, or another key: one error, whatever failed.
    #[error("the package at rest does not open: it was changed or cut, or the key is another's")]
    DoesNotOpen,
    /// An earlier failure ended the stream; nothing may follow.
    #[error("the package at rest was ended by an earlier failure")]
    Broken,
    /// 2^32 chunks, 256 TiB.
    #[error("the package is too long to be sealed")]
    TooLong,
}

impl From<AtRestError> for io::Error {
    fn from(error: AtRestError) -> Self {
        let kind = match error {
            AtRestError::DoesNotOpen => io::ErrorKind::InvalidData,
            AtRestError::Broken => io::ErrorKind::Other,
            AtRestError::TooLong => io::ErrorKind::FileTooLarge,
        };
        io::Error::new(kind, error)
    }
}

/// Key, place and counter of one stream.
struct Chunks {
    cipher: Aes256Gcm,
    aad: Vec<u8>,
    number: u32,
    /// The number after the largest would be 0 again, and a nonce used twice.
    spent: bool,
}

impl Chunks {
    fn new(key: &[u8; 32], aad: &[u8]) -> Self {
        let mut bound = Vec::new();
        for part in [LABEL, &[SUITE], aad] {
            bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bound.extend_from_slice(part);
        }
        Self { cipher: Aes256Gcm::new(key.into()), aad: bound, number: 0, spent: false }
    }

    /// The nonce of the next chunk, which no later call gives again.
    fn nonce(&mut self, prefix: [u8; 7], last: bool) -> Result<[u8; 12], AtRestError> {
        if self.spent {
            return Err(AtRestError::TooLong);
        }
        let mut nonce = [0; 12];
        nonce[..7].copy_from_slice(&prefix);
        nonce[7..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(last);
        match self.number.checked_add(1) {
            Some(next) => self.number = next,
            None => self.spent = true,
        }
        Ok(nonce)
    }
}

/// Seals what is written to it.
///
/// Dropped without [`Self::finish`], it leaves a file that does not open.
pub struct SealWriter<W: Write> {
    inner: W,
    chunks: Chunks,
    prefix: [u8; 7],
    buffer: Zeroizing<Vec<u8>>,
    broken: bool,
}

impl<W: Write> SealWriter<W> {
    /// Writes the header. `key` is the package's, `aad` says where the file belongs, `nonce_prefix` is
    /// random, a new one for each file.
    ///
    /// # Errors
    /// Those of the stream below.
    pub fn new(mut inner: W, key: &[u8; 32], aad: &[u8], nonce_prefix: [u8; 7]) -> io::Result<Self> {
        let mut header = [SUITE; HEADER];
        header[1..].copy_from_slice(&nonce_prefix);
        inner.write_all(&header)?;
        let buffer = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        Ok(Self { inner, chunks: Chunks::new(key, aad), prefix: nonce_prefix, buffer, broken: false })
    }

    /// Seals the last chunk and gives the stream below back.
    ///
    /// # Errors
    /// Those of the stream below; [`AtRestError::Broken`] after an earlier one.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.inner)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        if self.broken {
            return Err(AtRestError::Broken.into());
        }
        // Broken until the chunk is down: a second try would write half a chunk twice.
        self.broken = true;
        let nonce = self.chunks.nonce(self.prefix, last)?;
        let sealed = self.chunks.cipher.encrypt_in_place(&nonce.into(), &self.chunks.aad, &mut *self.buffer);
        sealed.map_err(|_| AtRestError::TooLong)?;
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        self.broken = false;
        Ok(())
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(AtRestError::Broken.into());
        }
        // A full chunk waits for one more byte, since only then it is not the last.
        if self.buffer.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Flushes the stream below; the chunk at hand stays here until it is full.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Opens what [`SealWriter`] sealed.
///
/// Every byte it gives is authentic, but only its end (`Ok(0)`) says that the file was whole: a receiver
/// treats what came before an error as not received. An error ends it: every later read errs too.
pub fn open_reader<R: Read>(inner: R, key: &[u8; 32], aad: &[u8]) -> OpenReader<R> {
    OpenReader {
        inner,
        chunks: Chunks::new(key, aad),
        prefix: None,
        buffer: Zeroizing::new(Vec::with_capacity(CHUNK + TAG + 1)),
        given: 0,
        ahead: None,
        state: State::Open,
    }
}

/// See [`open_reader`].
pub struct OpenReader<R: Read> {
    inner: R,
    chunks: Chunks,
    /// From the header; none before the first read.
    prefix: Option<[u8; 7]>,
    buffer: Zeroizing<Vec<u8>>,
    /// How much of `buffer` the caller has.
    given: usize,
    /// The first byte of the next chunk, read to know whether there is one.
    ahead: Option<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Done,
    Broken,
}

impl<R: Read> OpenReader<R> {
    /// The stream below.
    pub fn into_inner(self) -> R {
        self.inner
    }

    fn open_next(&mut self) -> io::Result<()> {
        let prefix = match self.prefix {
            Some(prefix) => prefix,
            None => self.header()?,
        };
        self.given = 0;
        self.buffer.clear();
        self.buffer.extend(self.ahead.take());
        let missing = (CHUNK + TAG + 1 - self.buffer.len()) as u64;
        self.inner.by_ref().take(missing).read_to_end(&mut self.buffer)?;
        self.ahead = if self.buffer.len() > CHUNK + TAG { self.buffer.pop() } else { None };
        let last = self.ahead.is_none();
        let first = self.chunks.number == 0;
        let nonce = self.chunks.nonce(prefix, last).map_err(|_| AtRestError::DoesNotOpen)?;
        let opened = self.chunks.cipher.decrypt_in_place(&nonce.into(), &self.chunks.aad, &mut *self.buffer);
        if opened.is_err() || (self.buffer.is_empty() && !first) {
            self.buffer.clear();
            return Err(AtRestError::DoesNotOpen.into());
        }
        self.state = if last { State::Done } else { State::Open };
        Ok(())
    }

    fn header(&mut self) -> io::Result<[u8; 7]> {
        let mut header = [0; HEADER];
        self.inner.read_exact(&mut header).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => AtRestError::DoesNotOpen.into(),
            _ => error,
        })?;
        let [suite, prefix @ ..] = header;
        if suite != SUITE {
            return Err(AtRestError::DoesNotOpen.into());
        }
        self.prefix = Some(prefix);
        Ok(prefix)
    }
}

impl<R: Read> Read for OpenReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.given == self.buffer.len() && self.state == State::Open {
            // Broken unless it comes back, so that no later read can go on behind a failure.
            self.state = State::Broken;
            self.open_next()?;
        } else if self.state == State::Broken {
            return Err(AtRestError::Broken.into());
        }
        let taken = out.len().min(self.buffer.len() - self.given);
        out[..taken].copy_from_slice(&self.buffer[self.given..self.given + taken]);
        self.given += taken;
        Ok(taken)
    }
}

/// What went through a [`HashingWriter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// SHA-256 of all bytes.
    pub sha256: [u8; 32],
    /// How many bytes.
    pub bytes: u64,
}

/// Passes bytes on and takes their SHA-256 and their number: of exactly those that the stream below took.
pub struct HashingWriter<W: Write> {
    inner: W,
    hash: Context,
    bytes: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Nothing has passed yet.
    pub fn new(inner: W) -> Self {
        Self { inner, hash: Context::new(&SHA256), bytes: 0 }
    }

    /// The stream below and what went to it.
    pub fn finish(self) -> (W, Passed) {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.hash.finish().as_ref());
        (self.inner, Passed { sha256, bytes: self.bytes })
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.hash.update(&bytes[..taken]);
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
#[path = "at_rest_tests.rs"]
mod tests;
