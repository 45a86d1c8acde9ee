//! The manifest beside a package: what a vendor and an auditor can check, signed. No personal data, no
//! staff name, no trait.
//!
//! ```text
//! {"manifest":{…canonical JSON…},"signature":{"key":"<64 hex>","ed25519":"<base64>"}}
//! ```
//!
//! The signature is over `len(4, BE) "countersign.manifest.v1" · canonical JSON of "manifest"`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::proof::InclusionProof;
use crate::model::canonical::{canonical, labelled};

const LABEL: &str = "countersign.manifest.v1";

/// One file of a package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub file: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// What a manifest says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// `countersign.manifest.v1`
    pub format: String,
    /// The vault.
    pub vault: String,
    /// Whether it is a demo vault's.
    pub demo: bool,
    /// Package number.
    pub package: String,
    /// Request number.
    pub request: String,
    /// Digest of the request that was signed.
    pub request_digest: String,
    /// Purpose.
    pub purpose: String,
    /// Channel.
    pub channel: String,
    /// Vendor code.
    pub vendor: String,
    /// Fingerprint of the vendor's key.
    pub vendor_key: String,
    /// Rows.
    pub rows: u64,
    /// Columns in order.
    pub columns: Vec<String>,
    /// Encoding of the file inside.
    pub encoding: String,
    /// How it is encrypted.
    pub container: String,
    /// The files.
    pub parts: Vec<Part>,
    /// First and last day of use.
    pub window: (String, String),
    /// By when the vendor destroys it.
    pub destroy_by: String,
    /// Fingerprints of the three signers' keys.
    pub signers: Vec<String>,
    /// The moment at which consent was last checked.
    pub consent_as_of: String,
    /// Digest of the policy it went out under.
    pub policy: String,
    /// Hash of its own log entry, hex.
    pub leaf: String,
    /// A checkpoint of the log that contains the entry.
    pub checkpoint: String,
    /// Where the entry is in it.
    pub inclusion: InclusionProof,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    key: String,
    ed25519: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    manifest: Value,
    signature: Signature,
}

/// The manifest file is not one, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the manifest is malformed or was changed after it was signed")]
pub struct BadManifest;

impl Manifest {
    /// The signed file.
    ///
    /// # Errors
    /// None that can happen: a manifest holds text and whole numbers only.
    pub fn sign(&self, key: &Ed25519KeyPair) -> Result<String, BadManifest> {
        let body = canonical(self).map_err(|_| BadManifest)?;
        let signature = key.sign(&labelled(LABEL, &body));
        let file = File {
            manifest: serde_json::from_slice(&body).map_err(|_| BadManifest)?,
            signature: Signature {
                key: hex::encode(key.public_key().as_ref()),
                ed25519: STANDARD.encode(signature.as_ref()),
            },
        };
        let mut text = serde_json::to_string_pretty(&file).map_err(|_| BadManifest)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a signed file and checks it against the key inside it; whose key that is, is the caller's
    /// question.
    ///
    /// # Errors
    /// [`BadManifest`].
    pub fn open(text: &str) -> Result<(Manifest, [u8; 32]), BadManifest> {
        let file: File = serde_json::from_str(text).map_err(|_| BadManifest)?;
        let body = canonical(&file.manifest).map_err(|_| BadManifest)?;
        let mut key = [0; 32];
        hex::decode_to_slice(&file.signature.key, &mut key).map_err(|_| BadManifest)?;
        let signature = STANDARD.decode(&file.signature.ed25519).map_err(|_| BadManifest)?;
        UnparsedPublicKey::new(&ED25519, &key)
            .verify(&labelled(LABEL, &body), &signature)
            .map_err(|_| BadManifest)?;
        let manifest: Manifest = serde_json::from_value(file.manifest).map_err(|_| BadManifest)?;
        if manifest.format != LABEL {
            return Err(BadManifest);
        }
        Ok((manifest, key))
    }
}
