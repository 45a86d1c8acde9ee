//! The container a vendor opens: an age v1 file to one X25519 recipient (contract, "Vendor files").
//!
//! age, because the vendor's side is one small program and one line to run, the file is authenticated
//! chunk by chunk while it is streamed, and there is nothing to configure wrongly. The vendor's recipient is
//! a public key, so neither the executor nor the officer who hands the file on can read it.
//!
//! Known limit: the `age` crate wipes its keys but not the chunk of at most 64 KiB that it is gathering, so the
//! last rows of a package stay in freed memory until it is used again.

use age::secrecy::ExposeSecret;
use std::fmt;
use std::io::{self, Read as _, Write};
use zeroize::Zeroizing;

/// Why a text is not a vendor's key. Never holds the text: a secret key can be pasted by a slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// The text is the secret half.
    #[error("this is a secret key; the vendor keeps it and gives the recipient that starts with age1")]
    Secret,
    /// Not an X25519 recipient: mistyped, or of a kind (plugin, ssh, post-quantum) that is not taken.
    #[error("not an age X25519 recipient (age1 and 58 letters and digits)")]
    Malformed,
    /// A point that no key pair has. Files to the points of low order could be opened by anyone.
    #[error("this recipient is not the public half of any key pair")]
    NotAKey,
}

/// A vendor's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    key: age::x25519::Recipient,
    text: String,
}

impl Recipient {
    /// Parses `age1…`; upper case, which Bech32 allows too, is made lower.
    ///
    /// # Errors
    /// [`RecipientError`], each case by its own variant.
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") {
            return Err(RecipientError::Secret);
        }
        let key: age::x25519::Recipient = text.parse().map_err(|_| RecipientError::Malformed)?;
        let text = key.to_string();
        let point = point(&text).ok_or(RecipientError::Malformed)?;
        if !reduced(&point) || LOW_ORDER.contains(&hex::encode(point).as_str()) {
            return Err(RecipientError::NotAKey);
        }
        Ok(Self { key, text })
    }

    /// The recipient's text, lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.text)
    }
}

/// The u-coordinates of low order below 2^255 - 19 (0, 1, two of order 8, -1), little-endian. A shared
/// secret with one of them is zero whatever our half is (RFC 7748 §6.1); the `age` crate would panic on it
/// at execution, so it is refused where the vendor is registered.
const LOW_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// Whether a u-coordinate is below 2^255 - 19, as every public key that was computed is. A larger one is
/// a second spelling of a smaller, and a key has one fingerprint.
fn reduced(point: &[u8; 32]) -> bool {
    let ones = point[1..31].iter().all(|&byte| byte == 0xff);
    point[31] < 0x7f || (point[31] == 0x7f && !(ones && point[0] >= 0xed))
}

/// The 32 bytes behind a recipient's text, whose checksum has been verified: 5 bits a character
/// (BIP 173), highest first; the last six characters are the checksum.
fn point(text: &str) -> Option<[u8; 32]> {
    const LETTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let data = text.strip_prefix("age1")?;
    let data = data.get(..data.len().checked_sub(6)?)?;
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(32), 0u32, 0u32);
    for letter in data.chars() {
        bits = bits << 5 | LETTERS.find(letter)? as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes.try_into().ok()
}

/// Encrypts what is written to it to one vendor. Memory: two chunks of 64 KiB, whatever the length.
///
/// Dropped without [`Self::finish`], it leaves a file that age refuses as truncated.
pub struct AgeWriter<W: Write>(age::stream::StreamWriter<W>);

impl<W: Write> AgeWriter<W> {
    /// Writes the header with a fresh file key.
    ///
    /// # Errors
    /// Those of the stream below.
    pub fn new(recipient: &Recipient, inner: W) -> io::Result<Self> {
        let recipients = std::iter::once(&recipient.key as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        Ok(Self(encryptor.wrap_output(inner)?))
    }

    /// Writes the last chunk and gives the stream below back.
    ///
    /// # Errors
    /// Those of the stream below.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for AgeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What a vendor of the demo reads in a file to its key, with the text of its identity file.
///
/// # Errors
/// No identity in the text, or the file is not to it.
pub fn open_with(identity: &str, file: &[u8]) -> io::Result<Zeroizing<String>> {
    let key = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap_or_default();
    let key: age::x25519::Identity = key.parse().map_err(io::Error::other)?;
    let opened = age::Decryptor::new(file).map_err(io::Error::other)?;
    let mut text = Zeroizing::new(String::new());
    let keys = std::iter::once(&key as &dyn age::Identity);
    opened.decrypt(keys).map_err(io::Error::other)?.read_to_string(&mut text)?;
    Ok(text)
}

/// A fresh key pair for a vendor of the demo: the text of an identity file as `age-keygen` writes it (without
/// a time), and the recipient. A real vendor makes its own, and we never see the first half.
pub fn generate_identity() -> (Zeroizing<String>, String) {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let secret = identity.to_string();
    let parts = ["# public key: ", &recipient, "\n", secret.expose_secret(), "\n"];
    // Room at once: a string that grows leaves copies behind.
    let mut file = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| file.push_str(part));
    (file, recipient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::Command;

    fn sealed(recipient: &Recipient, plain: &[u8]) -> Vec<u8> {
        let mut writer = AgeWriter::new(recipient, Vec::new()).unwrap();
        plain.chunks(1_000).for_each(|part| writer.write_all(part).unwrap());
        writer.finish().unwrap()
    }

    fn opened(identity_file: &str, file: &[u8]) -> Option<Vec<u8>> {
        let identity: age::x25519::Identity = identity_file.lines().last()?.parse().ok()?;
        let decryptor = age::Decryptor::new(file).ok()?;
        let mut reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?;
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain).ok()?;
        Some(plain)
    }

    fn pair() -> (Zeroizing<String>, Recipient) {
        let (identity, recipient) = generate_identity();
        (identity, Recipient::parse(&recipient).unwrap())
    }

    #[test]
    fn only_the_vendor_opens_it_and_only_whole() {
        let (identity, recipient) = pair();
        let (other, _) = pair();
        for size in [0, 1, 65_535, 65_536, 65_537, 200_000] {
            let plain: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let file = sealed(&recipient, &plain);
            assert!(file.starts_with(b"age-encryption.org/v1\n-> X25519 "));
            assert_eq!(opened(&identity, &file), Some(plain));
            assert_eq!(opened(&other, &file), None);
            assert_eq!(opened(&identity, &file[..file.len() - 1]), None);
            let mut changed = file.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert_eq!(opened(&identity, &changed), None);
        }
    }

    #[test]
    fn an_unfinished_file_is_refused() {
        let (identity, recipient) = pair();
        let mut file = Vec::new();
        let mut writer = AgeWriter::new(&recipient, &mut file).unwrap();
        writer.write_all(&[7; 100_000]).unwrap();
        drop(writer);
        assert!(file.len() > 65_536);
        assert_eq!(opened(&identity, &file), None);
    }

    #[test]
    fn the_age_program_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let (identity, recipient) = pair();
        let key = folder.path().join("vendor.key");
        std::fs::write(&key, identity.as_bytes()).unwrap();
        for size in [0usize, 40, 65_536, 150_001] {
            let plain: Vec<u8> = (0..size).map(|i| (i * 7 % 253) as u8).collect();
            let path = folder.path().join("list.csv.age");
            std::fs::write(&path, sealed(&recipient, &plain)).unwrap();
            let run = Command::new("age").arg("-d").arg("-i").arg(&key).arg(&path).output();
            let run = run.expect("the program `age` is needed for this test: install the package `age`");
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            assert!(run.stdout == plain, "age gave other bytes for {size}");
        }
        let run = Command::new("age-keygen").arg("-y").arg(&key).output().expect("the package `age`");
        assert_eq!(String::from_utf8_lossy(&run.stdout).trim(), recipient.as_str());
    }

    #[test]
    fn a_recipient_has_one_spelling() {
        let text = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
        let recipient = Recipient::parse(text).unwrap();
        assert_eq!(recipient.to_string(), text);
        assert_eq!(Recipient::parse(&text.to_uppercase()), Ok(recipient));
    }

    #[test]
    fn what_is_not_a_recipient_is_told_apart() {
        let malformed = [
            "",
            "age1",
            " age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
            "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pb",
            "age1T7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
            "age1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc535lh4",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW",
        ];
        for text in malformed {
            assert_eq!(Recipient::parse(text), Err(RecipientError::Malformed), "{text}");
        }
        let (identity, _) = generate_identity();
        let secret = identity.lines().last().unwrap();
        for text in [secret, &identity, &secret.to_lowercase()] {
            assert_eq!(Recipient::parse(text), Err(RecipientError::Secret));
        }
    }

    /// The points of low order, their second spellings, and one with the unused top bit set.
    #[test]
    fn points_without_a_key_pair_are_refused() {
        let points = [
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
            "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
            "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
            "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz9ts6wm9s8",
            "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
            "age1ahlllllllllllllllllllllllllllllllllllllllllllllllalsn46ayy",
            "age1amlllllllllllllllllllllllllllllllllllllllllllllllalselrwrv",
            "age1pyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqyr3apl",
        ];
        for text in points {
            assert_eq!(Recipient::parse(text), Err(RecipientError::NotAKey), "{text}");
        }
        assert!(Recipient::parse("age1pyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq8r66x").is_ok());
    }

    /// ring refuses a shared secret of zeros, so it says independently which points are of low order.
    #[test]
    fn the_list_of_low_order_is_confirmed_by_ring() {
        use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
        let agrees = |point: &str| {
            let own = EphemeralPrivateKey::generate(&X25519, &ring::rand::SystemRandom::new()).unwrap();
            let theirs = UnparsedPublicKey::new(&X25519, hex::decode(point).unwrap());
            agree_ephemeral(own, &theirs, |_| ()).is_ok()
        };
        assert!(LOW_ORDER.iter().all(|point| !agrees(point)));
        assert!(agrees("0900000000000000000000000000000000000000000000000000000000000000"));
    }
}
