//! Texts signed with Ed25519 in the C2SP signed-note form, and the keys that sign and verify them.
//!
//! ```text
//! text, any number of lines
//!                                           empty line: the signed text ends before it
//! — key name base64(key id ‖ signature)     one line a signature; key id 4 bytes
//! ```
//!
//! Signing and opening are for this room alone: what the log's key signs is a checkpoint.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The signed-note algorithm byte of Ed25519.
const ALG_ED25519: u8 = 1;
/// What begins a signature line: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";
/// Longer notes are refused unread: a checkpoint and a hundred signatures fit in a quarter of it.
const MAX_NOTE_BYTES: usize = 64 * 1024;

/// Why a note or a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The name is empty or has white space, a control character or a plus sign.
    #[error("not a key name: it may not be empty or have spaces, control characters or '+'")]
    Name,
    /// The text is not `name+key id+base64` with an Ed25519 key.
    #[error("not an Ed25519 verifier key of the form name+id+key")]
    VerifierKey,
    /// The verifier key's id does not belong to its name and key.
    #[error("the verifier key's id does not belong to its name and key")]
    KeyId,
    /// The text is not a signed note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// No signature on the note is by the key asked for.
    #[error("the note carries no signature by this key")]
    NotSigned,
    /// A signature by the key asked for is wrong.
    #[error("the note's signature is wrong")]
    Signature,
}

/// The log's signing key under its name.
pub struct NoteSigner {
    key: Ed25519KeyPair,
    verifier: NoteVerifier,
}

impl NoteSigner {
    /// A key that signs as `name`, the log's origin.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn new(name: &str, key: Ed25519KeyPair) -> Result<Self, NoteError> {
        let mut public_key = [0; 32];
        // An Ed25519 public key has 32 bytes, so the lengths are always equal.
        public_key.copy_from_slice(key.public_key().as_ref());
        let verifier = NoteVerifier::new(name, public_key)?;
        Ok(Self { key, verifier })
    }

    /// The name it signs as: what a checkpoint's origin has to be.
    pub fn name(&self) -> &str {
        &self.verifier.name
    }

    /// The public half, to be handed out.
    pub fn verifier(&self) -> NoteVerifier {
        self.verifier.clone()
    }

    /// The note over a text, which has to end with a newline.
    pub(super) fn sign(&self, text: &str) -> String {
        let mut signature = self.verifier.id.to_be_bytes().to_vec();
        signature.extend_from_slice(self.key.sign(text.as_bytes()).as_ref());
        let signature = STANDARD.encode(signature);
        format!("{text}\n{SIGNATURE_MARK}{} {signature}\n", self.name())
    }
}

/// A log's public key under its name. Displayed, and parsed, as a signed-note verifier key:
/// `name+key id in 8 hex digits+base64(0x01 ‖ public key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    id: u32,
    public_key: [u8; 32],
}

impl NoteVerifier {
    fn new(name: &str, public_key: [u8; 32]) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Name);
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, &public_key), public_key })
    }

    /// Reads a verifier key, without white space around it.
    ///
    /// # Errors
    /// [`NoteError::Name`], [`NoteError::VerifierKey`] or [`NoteError::KeyId`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        // Base64 has plus signs of its own; a name and an id have none.
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        let [name, id, key] = parts[..] else {
            return Err(NoteError::VerifierKey);
        };
        let key = STANDARD.decode(key).unwrap_or_default();
        let Some((&ALG_ED25519, public_key)) = key.split_first() else {
            return Err(NoteError::VerifierKey);
        };
        let public_key = public_key.try_into().map_err(|_| NoteError::VerifierKey)?;
        let verifier = Self::new(name, public_key)?;
        // Compared as text, so that an id has one form: eight lower-case digits.
        match format!("{:08x}", verifier.id) == id {
            true => Ok(verifier),
            false => Err(NoteError::KeyId),
        }
    }

    /// The log that the key speaks for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The signed text of a note, with its last newline. At least one signature has to be by this
    /// key, and each that claims to be has to be right; those by other keys are ignored.
    ///
    /// # Errors
    /// [`NoteError::Malformed`], [`NoteError::NotSigned`] or [`NoteError::Signature`].
    pub(super) fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, signatures) = split(note)?;
        let key = UnparsedPublicKey::new(&ED25519, &self.public_key);
        let mut signed = false;
        for line in signatures.split('\n') {
            let malformed = NoteError::Malformed("a signature line is wrong");
            let (name, id, signature) = parse_signature(line).ok_or(malformed)?;
            if name == self.name && id == self.id {
                let verified = key.verify(text.as_bytes(), &signature);
                verified.map_err(|_| NoteError::Signature)?;
                signed = true;
            }
        }
        signed.then_some(text).ok_or(NoteError::NotSigned)
    }
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ALG_ED25519], &self.public_key[..]].concat());
        write!(f, "{}+{:08x}+{key}", self.name, self.id)
    }
}

/// A key's name as signed-note has it, and no control characters besides.
fn is_name(name: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && !name.contains(bad)
}

/// `SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)[..4]`: tells keys apart, proves nothing.
fn key_id(name: &str, public_key: &[u8; 32]) -> u32 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(name.as_bytes());
    context.update(&[b'\n', ALG_ED25519]);
    context.update(public_key);
    let hash = context.finish();
    let id = hash.as_ref().iter().take(4);
    id.fold(0, |id, byte| (id << 8) | u32::from(*byte))
}

/// The signed text, with its last newline, and the signature lines of a note.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    let wrong = NoteError::Malformed;
    if note.len() > MAX_NOTE_BYTES {
        return Err(wrong("it is too long"));
    }
    if note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(wrong("it has control characters"));
    }
    let at = note.rfind("\n\n").ok_or(wrong("it has no signatures"))?;
    let (text, signatures) = (&note[..=at], &note[at + 2..]);
    let signatures = signatures.strip_suffix('\n');
    Ok((text, signatures.ok_or(wrong("its last line does not end"))?))
}

/// A signature line's key name, key id and signature.
fn parse_signature(line: &str) -> Option<(&str, u32, Vec<u8>)> {
    let (name, text) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
    let bytes = STANDARD.decode(text).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    let sound = is_name(name) && !signature.is_empty();
    sound.then(|| (name, u32::from_be_bytes(*id), signature.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

    const NAME: &str = "countersign/v1";
    const TEXT: &str = "one line\nand another\n";

    fn signer(seed: u8) -> NoteSigner {
        let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        NoteSigner::new(NAME, key).unwrap()
    }

    #[test]
    fn signed_note_reads_ours() {
        let note = Note::from_bytes(signer(7).sign(TEXT).as_bytes()).unwrap();
        let theirs = StandardVerifier::new(&signer(7).verifier().to_string()).unwrap();
        let known = VerifierList::new(vec![Box::new(theirs)]);
        let (verified, rest) = note.verify(&known).unwrap();
        assert_eq!((verified.len(), rest.len()), (1, 0));
        assert_eq!(note.text(), TEXT.as_bytes());
    }

    #[test]
    fn we_read_what_signed_note_signs() {
        let ours = signer(7).verifier();
        let private = STANDARD.encode([&[1], &[7; 32][..]].concat());
        let skey = format!("PRIVATE+KEY+{NAME}+{:08x}+{private}", ours.id);
        let mut note = Note::new(TEXT.as_bytes(), &[]).unwrap();
        note.add_sigs(&[&StandardSigner::new(&skey).unwrap()]).unwrap();
        let text = String::from_utf8(note.to_bytes()).unwrap();
        assert_eq!(ours.open(&text), Ok(TEXT));
        assert_eq!(signer(7).sign(TEXT), text);
    }

    #[test]
    fn verifier_keys_are_read_back_and_wrong_ones_refused() {
        let text = signer(7).verifier().to_string();
        assert_eq!(NoteVerifier::parse(&text), Ok(signer(7).verifier()));
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        let (id, key) = (parts[1], parts[2]);
        let other = |alg: u8, length| STANDARD.encode([&[alg], &vec![9; length][..]].concat());
        for (wrong, error) in [
            (String::new(), NoteError::VerifierKey),
            (format!("{NAME}+{id}"), NoteError::VerifierKey),
            (format!("{NAME}+{id}+"), NoteError::VerifierKey),
            (format!("{text}\n"), NoteError::VerifierKey),
            (format!("{NAME}+{id}+{}", other(2, 32)), NoteError::VerifierKey),
            (format!("{NAME}+{id}+{}", other(1, 33)), NoteError::VerifierKey),
            (format!("{NAME}+{id}+{}", other(1, 32)), NoteError::KeyId),
            (format!("{NAME}+0{id}+{key}"), NoteError::KeyId),
            (format!("another+{id}+{key}"), NoteError::KeyId),
            (format!("+{id}+{key}"), NoteError::Name),
            (format!("a b+{id}+{key}"), NoteError::Name),
        ] {
            assert_eq!(NoteVerifier::parse(&wrong), Err(error), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_a_name() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{0}b", "a\u{3000}b"] {
            let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
            assert!(matches!(NoteSigner::new(name, key), Err(NoteError::Name)));
        }
    }

    #[test]
    fn others_are_ignored_and_ours_must_stand() {
        let (ours, theirs) = (signer(7).verifier(), signer(8).verifier());
        let (note, same_name) = (signer(7).sign(TEXT), signer(8).sign(TEXT));
        let both = format!("{note}{}", same_name.rsplit_once("\n\n").unwrap().1);
        assert_eq!(ours.open(&both), Ok(TEXT));
        assert_eq!(theirs.open(&both), Ok(TEXT));
        assert_eq!(ours.open(&same_name), Err(NoteError::NotSigned));
        // Our name and id on what we did not sign: a claim that does not stand spoils the note.
        let claim = [&ours.id.to_be_bytes()[..], &[0; 64]].concat();
        let claim = format!("{SIGNATURE_MARK}{NAME} {}\n", STANDARD.encode(claim));
        assert_eq!(ours.open(&format!("{note}{claim}")), Err(NoteError::Signature));
    }

    #[test]
    fn anything_else_is_refused() {
        let note = signer(7).sign(TEXT);
        for wrong in [
            String::new(),
            note.trim_end().to_owned(),
            format!("{note}\n"),
            format!("{note}x"),
            format!("{note}x\n"),
            format!("{note}{SIGNATURE_MARK}name AAAA\n"),
            format!("{note}{SIGNATURE_MARK}na+me AAAAAAA=\n"),
            note.replace('\n', "\r\n"),
            note.replace("\n\n", "\n"),
            note.replace(SIGNATURE_MARK, "- "),
            format!("{note}{}", "x".repeat(MAX_NOTE_BYTES)),
        ] {
            let opened = signer(7).verifier().open(&wrong);
            assert!(matches!(opened, Err(NoteError::Malformed(_))), "{wrong}");
        }
    }
}
