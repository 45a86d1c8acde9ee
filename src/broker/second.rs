//! What a person gives beside the password.

use zeroize::Zeroizing;

/// What is given beside the password.
pub enum Second {
    /// Nothing.
    Nothing,
    /// A time-based code, or a recovery code.
    Code(Zeroizing<String>),
    /// What a passkey made of a challenge.
    Passkey {
        /// The challenge's name.
        challenge: String,
        /// The browser's answer, as WebAuthn has it.
        credential: serde_json::Value,
    },
}
