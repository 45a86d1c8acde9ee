//! Round trips around the chunk borders, and every way to change a sealed file.

use super::*;
use proptest::prelude::*;

const KEY: [u8; 32] = [0x42; 32];
const AAD: &[u8] = b"vault\0CS2026-HQ-0001";
const SEALED: usize = CHUNK + TAG;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 255) as u8).collect()
}

fn seal(plain: &[u8], step: usize) -> Vec<u8> {
    let mut writer = SealWriter::new(Vec::new(), &KEY, AAD, [7; 7]).unwrap();
    plain.chunks(step).for_each(|part| writer.write_all(part).unwrap());
    writer.finish().unwrap()
}

fn open_as(file: &[u8], key: &[u8; 32], aad: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    open_reader(file, key, aad).read_to_end(&mut plain)?;
    Ok(plain)
}

fn open(file: &[u8]) -> io::Result<Vec<u8>> {
    open_as(file, &KEY, AAD)
}

fn refused(file: &[u8]) -> bool {
    let Err(error) = open(file) else { return false };
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<AtRestError>());
    error.kind() == io::ErrorKind::InvalidData && inner == Some(&AtRestError::DoesNotOpen)
}

/// The chunks of a file, without its header.
fn chunks(file: &[u8]) -> Vec<&[u8]> {
    file[HEADER..].chunks(SEALED).collect()
}

fn file_of(header: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    [header, &parts.concat()].concat()
}

#[test]
fn the_bytes_are_as_drawn() {
    let file = seal(b"abc", 3);
    assert_eq!(file.len(), HEADER + 3 + TAG);
    assert_eq!(&file[..HEADER], &[1, 7, 7, 7, 7, 7, 7, 7]);
    // The same chunk by ring, from the drawing alone.
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let mut aad = Vec::new();
    for part in [b"countersign.rest.v1", &[1u8][..], AAD] {
        aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
        aad.extend_from_slice(part);
    }
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    let nonce = Nonce::assume_unique_for_key([7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 1]);
    let mut chunk = b"abc".to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut chunk).unwrap();
    assert_eq!(&file[HEADER..], chunk);
}

#[test]
fn a_full_last_chunk_is_the_last_and_none_is_empty_behind_it() {
    for (len, n) in
        [(0, 1), (1, 1), (CHUNK - 1, 1), (CHUNK, 1), (CHUNK + 1, 2), (2 * CHUNK, 2), (2 * CHUNK + 1, 3)]
    {
        let file = seal(&bytes(len), 10_000);
        assert_eq!(file.len(), HEADER + len + n * TAG, "{len}");
        assert_eq!(open(&file).unwrap(), bytes(len));
    }
}

#[test]
fn every_cut_is_found() {
    let file = seal(&bytes(2 * CHUNK + 100), CHUNK);
    let borders = [0, 1, HEADER, HEADER + 1, HEADER + TAG, HEADER + SEALED, HEADER + 2 * SEALED];
    let near_borders = borders.iter().flat_map(|&b| [b.saturating_sub(1), b, b + 1, b + TAG]);
    for cut in near_borders.chain(file.len() - 20..file.len()) {
        assert!(refused(&file[..cut]), "{cut}");
    }
}

#[test]
fn reordered_doubled_and_dropped_chunks_are_found() {
    let file = seal(&bytes(3 * CHUNK + 5), CHUNK);
    let (head, c) = (&file[..HEADER], chunks(&file));
    assert_eq!(file_of(head, &[c[0], c[1], c[2], c[3]]), file);
    let orders: [&[&[u8]]; 6] = [
        &[c[1], c[0], c[2], c[3]],
        &[c[0], c[2], c[1], c[3]],
        &[c[0], c[0], c[1], c[2], c[3]],
        &[c[0], c[2], c[3]],
        &[c[1], c[2], c[3]],
        &[c[0], c[1], c[3]],
    ];
    for order in orders {
        assert!(refused(&file_of(head, order)));
    }
}

#[test]
fn a_continuation_is_found() {
    for len in [0, 100, CHUNK, CHUNK + 100] {
        let file = seal(&bytes(len), CHUNK);
        for more in [&[0][..], &[0; TAG], &[0; SEALED], &file[HEADER..], &file] {
            assert!(refused(&[&file[..], more].concat()), "{len}");
        }
    }
}

#[test]
fn another_package_key_place_or_prefix_does_not_open() {
    let plain = bytes(CHUNK + 9);
    let file = seal(&plain, CHUNK);
    assert!(open_as(&file, &KEY, AAD).is_ok());
    assert!(open_as(&file, &[0x43; 32], AAD).is_err());
    assert!(open_as(&file, &KEY, b"vault\0CS2026-HQ-0002").is_err());
    assert!(open_as(&file, &KEY, b"").is_err());
    // A chunk of the same key and place under another prefix.
    let mut writer = SealWriter::new(Vec::new(), &KEY, AAD, [8; 7]).unwrap();
    writer.write_all(&plain).unwrap();
    let other = writer.finish().unwrap();
    assert!(refused(&file_of(&file[..HEADER], &[chunks(&file)[0], chunks(&other)[1]])));
    assert!(refused(&file_of(&other[..HEADER], &chunks(&file))));
}

/// An authentic but empty chunk behind others has no place: the same bytes would have two files.
#[test]
fn an_empty_chunk_behind_others_is_refused() {
    let mut writer = SealWriter::new(Vec::new(), &KEY, AAD, [7; 7]).unwrap();
    writer.write_all(&bytes(CHUNK)).unwrap();
    writer.seal(false).unwrap();
    assert!(refused(&writer.finish().unwrap()));
}

#[test]
fn an_unfinished_file_does_not_open() {
    for len in [0, 10, CHUNK, CHUNK + 10] {
        let mut file = Vec::new();
        let mut writer = SealWriter::new(&mut file, &KEY, AAD, [7; 7]).unwrap();
        writer.write_all(&bytes(len)).unwrap();
        drop(writer);
        assert!(refused(&file), "{len}");
    }
}

#[test]
fn nothing_is_read_behind_a_failure() {
    let mut file = seal(&bytes(3 * CHUNK), CHUNK);
    file[HEADER + SEALED + 5] ^= 1;
    let mut reader = open_reader(&file[..], &KEY, AAD);
    let mut first = vec![0; CHUNK];
    reader.read_exact(&mut first).unwrap();
    assert_eq!(first, bytes(CHUNK));
    for _ in 0..3 {
        assert!(reader.read(&mut [0; 10]).is_err());
    }
}

/// Gives at most so many bytes a read, and is interrupted before every one.
struct Dribble<'a>(&'a [u8], usize, bool);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.2 = !self.2;
        if self.2 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = out.len().min(self.1);
        self.0.read(&mut out[..n])
    }
}

#[test]
fn a_slow_stream_is_not_taken_for_a_short_one() {
    let file = seal(&bytes(CHUNK + 700), CHUNK);
    let mut plain = Vec::new();
    open_reader(Dribble(&file, 333, false), &KEY, AAD).read_to_end(&mut plain).unwrap();
    assert_eq!(plain, bytes(CHUNK + 700));
}

#[test]
fn after_the_end_it_stays_at_the_end() {
    let file = seal(b"abc", 3);
    let mut reader = open_reader(&file[..], &KEY, AAD);
    assert_eq!(reader.read(&mut []).unwrap(), 0);
    assert_eq!(io::copy(&mut reader, &mut io::sink()).unwrap(), 3);
    assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn the_chunk_number_never_comes_round() {
    let mut chunks = Chunks::new(&KEY, AAD);
    chunks.number = u32::MAX;
    assert_eq!(chunks.nonce([0; 7], false).unwrap()[7..], [255, 255, 255, 255, 0]);
    assert_eq!(chunks.nonce([0; 7], true), Err(AtRestError::TooLong));
}

/// Takes so many bytes, then fails once, then would take more.
struct Hiccup(usize, Vec<u8>);

impl Write for Hiccup {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            self.0 = usize::MAX;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let n = self.0.min(bytes.len());
        self.0 -= n;
        self.1.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failed_write_ends_the_stream() {
    let mut writer = SealWriter::new(Hiccup(HEADER + 50, Vec::new()), &KEY, AAD, [7; 7]).unwrap();
    let full = writer.write_all(&bytes(2 * CHUNK)).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert!(writer.write(b"more").is_err());
    assert!(writer.finish().is_err());
}

#[test]
fn the_hash_is_of_what_was_taken() {
    let mut writer = HashingWriter::new(Hiccup(2, Vec::new()));
    assert_eq!(writer.write(b"abc").unwrap(), 2);
    assert!(writer.write(b"c").is_err());
    writer.write_all(b"c").unwrap();
    let (below, passed) = writer.finish();
    assert_eq!(below.1, b"abc");
    assert_eq!(passed.bytes, 3);
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex::encode(passed.sha256), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_sealed_opens(
        n in 0usize..3, off in -20isize..20, step in 50usize..100_000,
        key: [u8; 32], aad: Vec<u8>, prefix: [u8; 7],
    ) {
        let plain = bytes((n * CHUNK).saturating_add_signed(off));
        let mut writer = SealWriter::new(Vec::new(), &key, &aad, prefix).unwrap();
        for part in plain.chunks(step) {
            writer.write_all(part).unwrap();
        }
        let file = writer.finish().unwrap();
        let mut out = Vec::new();
        io::copy(&mut open_reader(&file[..], &key, &aad), &mut out).unwrap();
        prop_assert!(out == plain);
    }

    #[test]
    fn no_bit_can_be_changed(at: prop::sample::Index, bit in 0u8..8, len in 0usize..2 * CHUNK) {
        let mut file = seal(&bytes(len), CHUNK);
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(refused(&file));
    }

    #[test]
    fn noise_never_opens_and_never_panics(noise: Vec<u8>) {
        prop_assert!(open(&noise).is_err());
    }
}
