//! Checkpoints: the tree's size and root, signed so that anyone with the public key can hold the log
//! to them (C2SP tlog-checkpoint, in a signed note).
//!
//! ```text
//! countersign/5e0c…                                  origin: which log; also the key's name
//! 923748                                             size in leaves, decimal
//! nND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=       root, base64
//!                                                    then the note's signatures
//! — countersign/5e0c… base64(key id ‖ signature)
//! ```
//!
//! The form allows extension lines after the root. We write none and accept none: what our key signed
//! is exactly these three lines. Signatures of others (witnesses) may stand beside ours.

use super::note::{NoteError, NoteSigner, NoteVerifier};
use super::tree::{Hash, hash_from_text, hash_to_text};

/// Why a checkpoint is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not a note that the log's key signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The signed text is not a checkpoint.
    #[error("the signed text is not a checkpoint: {0}")]
    Body(&'static str),
    /// The checkpoint is of another log than the key's.
    #[error("the checkpoint's origin is not the key's name")]
    Origin,
}

/// A tree head: the log it is of, how many leaves it has and their root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: `countersign/<vault id>`, the signing key's name.
    pub origin: String,
    /// Leaves in the tree.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The checkpoint as a note signed by the log's key.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] when the key is another log's.
    pub fn sign(&self, signer: &NoteSigner) -> Result<String, CheckpointError> {
        match self.origin == signer.name() {
            true => Ok(signer.sign(&self.body())),
            false => Err(CheckpointError::Origin),
        }
    }

    /// The checkpoint of a note that this key signed. The signature is checked before the text is
    /// looked into; signatures by other keys are ignored.
    ///
    /// # Errors
    /// [`CheckpointError`] for any text that [`Checkpoint::sign`] could not have written, but for
    /// the signatures of others.
    pub fn open(note: &str, verifier: &NoteVerifier) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(verifier.open(note)?)?;
        match checkpoint.origin == verifier.name() {
            true => Ok(checkpoint),
            false => Err(CheckpointError::Origin),
        }
    }

    /// The three lines that are signed.
    fn body(&self) -> String {
        let root = hash_to_text(&self.root);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    fn parse(body: &str) -> Result<Self, CheckpointError> {
        let wrong = CheckpointError::Body;
        let lines: Vec<&str> = body.split_terminator('\n').collect();
        let [origin, size, root] = lines[..] else {
            return Err(wrong("it has not exactly three lines"));
        };
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| wrong("the size is not a number"))?,
            root: hash_from_text(root).ok_or(wrong("the root is not a hash"))?,
        };
        // One text for one checkpoint: this also refuses a sign or zeros before the size.
        match checkpoint.body() == body {
            true => Ok(checkpoint),
            false => Err(wrong("it is not in the one form that it has")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tree::leaf_hash;
    use proptest::prelude::*;
    use ring::signature::Ed25519KeyPair;

    const NAME: &str = "countersign/v1";

    fn signer() -> NoteSigner {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        NoteSigner::new(NAME, key).unwrap()
    }

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint { origin: NAME.into(), size, root: leaf_hash(&size.to_be_bytes()) }
    }

    #[test]
    fn tlog_tiles_reads_and_writes_the_same_text() {
        let ours = checkpoint(923_748);
        let read = tlog_tiles::Checkpoint::from_bytes(ours.body().as_bytes()).unwrap();
        assert_eq!((read.origin(), read.size()), (NAME, 923_748));
        assert_eq!(read.hash().0, ours.root);
        let written = String::from_utf8(read.to_bytes()).unwrap();
        assert_eq!(Checkpoint::parse(&written), Ok(ours));
    }

    #[test]
    fn a_key_signs_and_opens_only_for_its_own_log() {
        let other = Checkpoint { origin: "countersign/v2".into(), ..checkpoint(3) };
        assert_eq!(other.sign(&signer()), Err(CheckpointError::Origin));
        let note = signer().sign(&other.body());
        assert_eq!(Checkpoint::open(&note, &signer().verifier()), Err(CheckpointError::Origin));
    }

    #[test]
    fn a_body_has_one_form_even_when_signed() {
        let root = hash_to_text(&checkpoint(5).root);
        let open = |body: &str| Checkpoint::open(&signer().sign(body), &signer().verifier());
        assert_eq!(open(&format!("{NAME}\n5\n{root}\n")), Ok(checkpoint(5)));
        for body in [
            format!("{NAME}\n05\n{root}\n"),
            format!("{NAME}\n+5\n{root}\n"),
            format!("{NAME}\n5 \n{root}\n"),
            format!("{NAME}\n\n{root}\n"),
            format!("{NAME}\n-1\n{root}\n"),
            format!("{NAME}\n18446744073709551616\n{root}\n"),
            format!("{NAME}\n5\n{root}\nextension\n"),
            format!("{NAME}\n5\n{root}\n\n"),
            format!("{NAME}\n5\n{}\n", root.trim_end_matches('=')),
            format!("{NAME}\n5\n{}\n", "A".repeat(40)),
            format!("{NAME}\n5\n"),
            "\n".to_owned(),
        ] {
            assert!(matches!(open(&body), Err(CheckpointError::Body(_))), "{body}");
        }
        assert_eq!(open(&format!("\n5\n{root}\n")), Err(CheckpointError::Origin));
    }

    proptest! {
        #[test]
        fn what_is_signed_is_opened(size: u64, root: Hash) {
            let checkpoint = Checkpoint { origin: NAME.into(), size, root };
            let note = checkpoint.sign(&signer()).unwrap();
            prop_assert_eq!(Checkpoint::open(&note, &signer().verifier()), Ok(checkpoint));
        }

        #[test]
        fn any_flipped_bit_is_refused(size: u64, at: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = checkpoint(size).sign(&signer()).unwrap().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(note) = String::from_utf8(bytes) {
                prop_assert!(Checkpoint::open(&note, &signer().verifier()).is_err());
            }
        }
    }
}
