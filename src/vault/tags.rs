//! Tags of a member's contact points, made at intake: afterwards nothing has to be opened to find one.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::keyring::Keyring;
use crate::keyring::aead::bind;
use crate::model::field::Index;
use crate::store::members::ContactTag;

/// The three values that together are a postal contact point.
pub struct PostContact<'a> {
    /// Name.
    pub name: &'a str,
    /// Address.
    pub address: &'a str,
    /// Postcode.
    pub postcode: &'a str,
}

impl PostContact<'_> {
    /// The bytes a tag is over: compatibility forms folded and white space taken out, so that one address
    /// written full-width and half-width is one contact.
    pub fn folded(&self) -> Zeroizing<Vec<u8>> {
        let fold = |s: &str| Zeroizing::new(s.nfkc().filter(|c| !c.is_whitespace()).collect::<String>());
        let (name, address, postcode) = (fold(self.name), fold(self.address), fold(self.postcode));
        Zeroizing::new(bind(&[name.as_bytes(), address.as_bytes(), postcode.as_bytes()]))
    }

    /// Its tags.
    pub fn tag(&self, keyring: &Keyring) -> ContactTag {
        contact_tag(keyring, Index::Post, &self.folded())
    }
}

/// Tags of what is there of card, mobile, email and postal contact point.
pub fn contact_tags(
    keyring: &Keyring,
    card: &str,
    mobile: Option<&str>,
    email: Option<&str>,
    post: Option<&PostContact<'_>>,
) -> Vec<ContactTag> {
    let both = |index: Index, value: &str| contact_tag(keyring, index, value.as_bytes());
    let mut tags = vec![both(Index::Card, card)];
    tags.extend(mobile.map(|v| both(Index::Mobile, v)));
    tags.extend(email.map(|v| both(Index::Email, v)));
    tags.extend(post.map(|v| v.tag(keyring)));
    tags
}

/// Both tags of one normalised value.
pub fn contact_tag(keyring: &Keyring, index: Index, value: &[u8]) -> ContactTag {
    ContactTag {
        index,
        tag: keyring.index_tag(index, value),
        suppression: keyring.suppression_tag(index, value),
    }
}
