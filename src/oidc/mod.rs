//! Signing in at the company's identity provider: OpenID Connect, authorization code with PKCE (OpenID Connect Core 1.0
//! §3.1, RFC 7636). What comes of it says who somebody is there, and nothing else: it opens no signing key.
//!
//! ```text
//! browser          here                                provider
//!    │── begin ─────►│ state, nonce, verifier: sealed        │
//!    │◄─ cookie, 303 │                                       │
//!    │── signs in there ────────────────────────────────────►│
//!    │◄─ 303 with code and state ────────────────────────────│
//!    │── back ──────►│── code, verifier, client's secret ───►│
//!    │               │◄─ identity token ─────────────────────│
//!    │               │ signature, issuer, audience, nonce, times looked at
//! ```

mod asking;
mod settings;

pub use settings::{Given, Wrong};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, DiscoveryError, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    TokenResponse as _,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use tokio::sync::{Mutex, Semaphore};
use zeroize::{Zeroize, ZeroizeOnDrop};

use self::asking::{Asking, NoAnswer};
use crate::access::Error;
use crate::clock::{Micros, random};
use crate::keyring::aead::bind;
use crate::model::ids::Digest;
use crate::model::refusal::Refusal;
use crate::model::secret::Secret;

/// Where the provider sends people back to, here.
pub const BACK: &str = "/sign-in/oidc/back";

/// What the provider says of itself is asked for again after five minutes.
const KEPT: Micros = 5 * 60_000_000;

/// Who did not answer is left alone for five seconds.
const SILENT: Micros = 5_000_000;

/// People whose coming back is asked about at once.
const AT_ONCE: usize = 8;

/// Signatures that are taken: those that the provider alone can make, and no client's secret.
const SIGNED_BY: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The company's identity provider.
pub struct Provider {
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: Option<Secret>,
    back: RedirectUrl,
    name: String,
    asking: Asking,
    /// What it said of itself, and when; none when it said nothing.
    said: Mutex<Option<(Micros, Option<CoreProviderMetadata>)>>,
    /// Whoever comes back is asked about, so many at a time: anyone can come back.
    asked: Semaphore,
}

/// What was begun, for the sealed cookie in which it waits. Secrets of one sign-in; wiped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    state: String,
    nonce: String,
    verifier: String,
}

/// Who somebody is at the provider: a hash of issuer and subject, made here alone and after everything was looked at.
pub struct Identity(Digest);

impl Identity {
    /// SHA-256 of issuer and subject, each behind its length.
    pub fn digest(&self) -> Digest {
        self.0
    }
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Provider {
    fn new(
        issuer: &str,
        client_id: &str,
        secret: Option<Secret>,
        back: &str,
        name: &str,
        asking: Asking,
    ) -> Result<Provider, Wrong> {
        // The provider says its name without a slash that only the address's form added.
        let issuer = IssuerUrl::new(issuer.trim_end_matches('/').to_owned());
        let issuer = issuer.map_err(|_| Wrong::Settings("the issuer is no address"))?;
        let back = RedirectUrl::new(back.to_owned());
        let back = back.map_err(|_| Wrong::Settings("public_origin is no address to come back to"))?;
        if client_id.is_empty() || name.is_empty() {
            return Err(Wrong::Settings("client_id and name say something"));
        }
        let client_id = ClientId::new(client_id.to_owned());
        Ok(Provider {
            issuer,
            client_id,
            secret,
            back,
            name: name.to_owned(),
            asking,
            said: Mutex::default(),
            asked: Semaphore::new(AT_ONCE),
        })
    }

    /// What stands on the button.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the browser goes, and what has to be kept until it comes back.
    ///
    /// # Errors
    /// `oidc_unreachable`.
    pub async fn begin(&self, now: Micros) -> Result<(Url, Begun), Error> {
        let client = self.client(self.said(now).await?)?;
        let begun = Begun { state: chance()?, nonce: chance()?, verifier: chance()? };
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(begun.verifier.clone()));
        let (state, nonce) = (begun.state.clone(), begun.nonce.clone());
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let asked = client.authorize_url(flow, || CsrfToken::new(state), || Nonce::new(nonce));
        let (url, _, _) = asked.set_pkce_challenge(challenge).url();
        Ok((url, begun))
    }

    /// Who came back. `state` and `code` stood in the address.
    ///
    /// # Errors
    /// `oidc_gone` for another beginning's end, `oidc_refused`, `oidc_unreachable`.
    pub async fn finish(&self, begun: &Begun, state: &str, code: &str) -> Result<Identity, Refusal> {
        if !bool::from(begun.state.as_bytes().ct_eq(state.as_bytes())) {
            return Err(gone());
        }
        let _turn = self.asked.try_acquire().map_err(|_| unreachable(&NoAnswer::BUSY))?;
        // Anew: its keys may be others since the browser left.
        let client = self.client(self.ask().await?)?;
        let asked = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| refused("no_endpoint"))?;
        let asked = asked.set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.clone()));
        let told = asked.request_async(&self.asking).await.map_err(|e| match e {
            RequestTokenError::Request(why) => unreachable(&why),
            _ => refused("code"),
        })?;
        let token = told.id_token().ok_or_else(|| refused("no_token"))?;
        let verifier = client.id_token_verifier().set_allowed_algs(SIGNED_BY);
        let claims =
            token.claims(&verifier, &Nonce::new(begun.nonce.clone())).map_err(|_| refused("token"))?;
        let (issuer, subject) = (self.issuer.as_str().as_bytes(), claims.subject().as_str().as_bytes());
        Ok(Identity(Digest::of(&bind(&[b"countersign.identity.v1", issuer, subject]))))
    }

    /// What the provider says of itself, or said within the last minutes: who knocks often has us ask once.
    async fn said(&self, now: Micros) -> Result<CoreProviderMetadata, Refusal> {
        // Held while asking: of many who knock at once one asks, and the others wait for it.
        let mut said = self.said.lock().await;
        if let Some((at, found)) = &*said
            && (0..if found.is_some() { KEPT } else { SILENT }).contains(&(now - at))
        {
            return found.clone().ok_or_else(|| unreachable(&NoAnswer::SILENT));
        }
        let found = self.ask().await;
        *said = Some((now, found.as_ref().ok().cloned()));
        found
    }

    async fn ask(&self) -> Result<CoreProviderMetadata, Refusal> {
        CoreProviderMetadata::discover_async(self.issuer.clone(), &self.asking).await.map_err(|e| match e {
            DiscoveryError::Request(why) => unreachable(&why),
            _ => refused("discovery"),
        })
    }

    fn client(&self, found: CoreProviderMetadata) -> Result<Client, Refusal> {
        if found.token_endpoint().is_none() {
            return Err(refused("no_endpoint"));
        }
        let secret = self.secret.as_ref().map(|secret| ClientSecret::new(secret.reveal().to_owned()));
        let client = CoreClient::from_provider_metadata(found, self.client_id.clone(), secret);
        Ok(client.set_redirect_uri(self.back.clone()))
    }
}

/// 32 random bytes as text that may stand in an address.
fn chance() -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// What comes back belongs to nothing that was begun here and now.
pub fn gone() -> Refusal {
    Refusal::new("oidc_gone", "B9", "this sign-in was not begun in this browser, or too long ago")
        .hint("begin again; it has to be finished within ten minutes")
}

/// `why` is for the log: one word, since a provider's own may hold anything.
fn refused(why: &'static str) -> Refusal {
    tracing::warn!(why, "what the identity provider said was not taken");
    denied()
}

/// The provider does not say who it is, or its word does not hold.
pub fn denied() -> Refusal {
    Refusal::new("oidc_refused", "B9", "the identity provider did not vouch for this sign-in")
        .hint("begin again; if it stays so, sign in with the password and tell the operator")
}

fn unreachable(why: &NoAnswer) -> Refusal {
    tracing::warn!(%why, "the identity provider does not answer");
    Refusal::new("oidc_unreachable", "B9", "the identity provider does not answer")
        .hint("sign in with the password, or try again later")
}
