//! What a signature covers: a form at one submit, whole.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::Form;
use crate::model::canonical::{CanonicalError, canonical, from_canonical};
use crate::model::ids::{Digest, Fingerprint, Login, RequestNo, Salt, VaultId};
use crate::model::iso::Moment;
use crate::model::vendor::Container;

/// The label of a request's digest and the first thing its canonical form says.
pub const REQUEST_FORMAT: &str = "countersign.request.v1";

/// A form with everything that fixes it: where, when, under which policy, sealed to which key.
///
/// Its canonical form is RFC 8785 JSON of these keys and `"format":"countersign.request.v1"`, the
/// form's own keys under `form`. Whatever a step decides on stands here, or a signature would not
/// cover it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename = "countersign.request.v1")]
pub struct Submission {
    /// A signature of another vault is none here.
    pub vault: VaultId,
    /// The request.
    pub number: RequestNo,
    /// Rises by one at each submit, from 1.
    pub round: NonZeroU32,
    /// Random, so that a digest in the log tells nothing about a form that could be guessed.
    pub salt: Salt,
    /// Who submits (A4c).
    pub requester: Login,
    /// What is asked.
    pub form: Form,
    /// The vendor's key at submit; another key voids the signatures.
    pub vendor_key: Fingerprint,
    /// How the package is closed.
    pub container: Container,
    /// The policy that it was asked under (A11).
    pub policy: Digest,
    /// When it was submitted.
    pub submitted_at: Moment,
    /// When unfinished signing lapses.
    pub expires_at: Moment,
}

impl Submission {
    /// The canonical bytes: what is stored, shown to a verifier and hashed.
    pub fn canonical(&self) -> Vec<u8> {
        // Texts, ASCII keys, numbers below 2^32, groups at most eight deep: nothing here that the
        // canonical form cannot hold, so this never panics.
        canonical(self).expect("a submission has canonical bytes")
    }

    /// What every signature of this round names: SHA-256 over [`labelled`] canonical bytes.
    ///
    /// [`labelled`]: crate::model::canonical::labelled
    pub fn digest(&self) -> Digest {
        Digest::labelled(REQUEST_FORMAT, &self.canonical())
    }

    /// Reads canonical bytes; another spelling of the same form, an unknown key or another format
    /// is refused.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn from_canonical(bytes: &[u8]) -> Result<Submission, CanonicalError> {
        from_canonical(bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::form::tests::EXAMPLE;
    use crate::model::selection::tests::any_selection;

    pub(crate) fn example() -> Submission {
        Submission {
            vault: VaultId([1; 16]),
            number: RequestNo::parse("CS2026-HQ-0001").unwrap(),
            round: NonZeroU32::MIN,
            salt: Salt([2; 16]),
            requester: Login::parse("li.na").unwrap(),
            form: Form::from_text(EXAMPLE).unwrap(),
            vendor_key: Fingerprint([3; 16]),
            container: Container::Age,
            policy: Digest([4; 32]),
            submitted_at: Moment::from_micros(1_796_000_000_000_000).unwrap(),
            expires_at: Moment::from_micros(1_797_000_000_000_000).unwrap(),
        }
    }

    #[test]
    fn canonical_bytes_say_the_format_and_read_back() {
        let bytes = example().canonical();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.starts_with(r#"{"container":"age","expires_at":"#), "{text}");
        assert!(text.contains(r#""format":"countersign.request.v1""#));
        assert_eq!(Submission::from_canonical(&bytes), Ok(example()));
    }

    #[test]
    fn no_second_spelling_reads() {
        let text = String::from_utf8(example().canonical()).unwrap();
        for (from, to) in [
            ("{\"container\"", "{ \"container\""),
            ("request.v1", "request.v2"),
            ("\"container\":\"age\",", "\"container\":\"age\",\"extra\":1,"),
            ("\"format\":\"countersign.request.v1\",", ""),
            ("\"vault\":\"01", "\"vault\":\"0\\u0031"),
            ("[\"gold\",\"platinum\"]", "[\"platinum\",\"gold\"]"),
            ("2026 新年满减", " 2026 新年满减"),
        ] {
            assert!(text.contains(from), "{from}");
            let other = text.replacen(from, to, 1);
            assert!(Submission::from_canonical(other.as_bytes()).is_err(), "{to}");
        }
    }

    /// Every single edit, each on its own.
    fn edits() -> Vec<(&'static str, Value)> {
        vec![
            ("/vault", json!("09".repeat(16))),
            ("/number", json!("CS2026-HQ-0002")),
            ("/round", json!(2)),
            ("/salt", json!("09".repeat(16))),
            ("/requester", json!("li.wei")),
            ("/vendor_key", json!("09".repeat(16))),
            ("/policy", json!("09".repeat(32))),
            ("/submitted_at", json!("2026-12-01T03:04:05.000001Z")),
            ("/expires_at", json!("2027-12-01T03:04:05.000001Z")),
            ("/form/unit", json!("HQ")),
            ("/form/purpose", json!("service")),
            ("/form/campaign", json!("2026 新年满减 ２")),
            ("/form/channel", json!("post")),
            ("/form/fields", json!(["mobile", "name"])),
            ("/form/vendor", json!("SMS2")),
            ("/form/receiver", json!("zhao.wei")),
            ("/form/window/from", json!("2026-12-21")),
            ("/form/window/to", json!("2027-01-06")),
            ("/form/destroy_by", json!("2027-01-21")),
            ("/form/row_limit", json!(500_001)),
            ("/form/impact_assessment", json!("PIA-2026-08")),
            ("/form/reason", json!("另一个理由")),
            ("/form/selection", json!("everyone")),
        ]
    }

    #[test]
    fn any_single_edit_makes_a_new_digest() {
        let whole = serde_json::to_value(example()).unwrap();
        let mut seen = HashSet::from([example().digest()]);
        for (path, new) in edits() {
            let mut edited = whole.clone();
            *edited.pointer_mut(path).unwrap() = new;
            let edited: Submission = serde_json::from_value(edited).unwrap();
            assert!(seen.insert(edited.digest()), "{path} does not count");
        }
        // `format` and `container` have one value each; everything else was edited above.
        let keys = whole.as_object().unwrap().len() + whole["form"].as_object().unwrap().len();
        let window = 1;
        assert_eq!(edits().len(), keys - ["format", "container", "form"].len() + window);
    }

    proptest! {
        #[test]
        fn every_submission_reads_back(
            salt: [u8; 16], round in 1u32.., rows in 1u32..=10_000_000, campaign in "[^\\p{C}\\p{Z}]{1,40}",
            selection in any_selection(),
        ) {
            let mut form = serde_json::to_value(example().form).unwrap();
            form["row_limit"] = json!(rows);
            form["campaign"] = json!(campaign);
            form["selection"] = serde_json::to_value(&selection).unwrap();
            // A campaign of unseen characters is no campaign.
            let Ok(form) = serde_json::from_value::<Form>(form) else { return Ok(()) };
            let round = NonZeroU32::new(round).unwrap();
            let one = Submission { salt: Salt(salt), round, form, ..example() };
            prop_assert_eq!(&Submission::from_canonical(&one.canonical()).unwrap(), &one);
            prop_assert_eq!(one.digest() == example().digest(), one == example());
        }
    }
}
