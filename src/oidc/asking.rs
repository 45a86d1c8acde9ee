//! What is asked of the provider: over TLS, to addresses of its own host's making, no redirect followed, nothing waited for
//! longer than five seconds, no more of an answer read than such a document has.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Certificate, Client, Url, redirect};

/// One answer takes no longer.
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes of an answer: keys of a large provider are a tenth of this.
const ANSWER: usize = 256 * 1024;

/// A client for one provider.
pub(super) struct Asking {
    client: Client,
    /// `http`, to this machine: for trying it out.
    plain: bool,
}

/// Why there was no answer. One word: a cause may hold the address with what was sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoAnswer(&'static str);

impl NoAnswer {
    /// Too many are being asked about.
    pub(super) const BUSY: NoAnswer = NoAnswer("busy");
    /// It did not answer a moment ago.
    pub(super) const SILENT: NoAnswer = NoAnswer("silent");
}

impl Asking {
    /// For an issuer; `ca`: certificates of the CA that alone its own may be from, PEM.
    pub(super) fn new(issuer: &Url, ca: Option<&[u8]>) -> Result<Asking, &'static str> {
        let plain = issuer.scheme() == "http";
        if !may_ask(issuer, plain) {
            return Err("the issuer is an https address, or http on this machine");
        }
        // One cryptography in the program; somebody may have said so already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(LONGEST);
        if let Some(ca) = ca {
            let bundle = Certificate::from_pem_bundle(ca).ok().filter(|bundle| !bundle.is_empty());
            client = client.tls_certs_only(bundle.ok_or("ca_file holds no certificate in PEM")?);
        } else if plain {
            // The system's list of CAs is not looked for when nothing is checked against it.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|_| "no TLS to ask the provider with")?;
        Ok(Asking { client, plain })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| NoAnswer("bad_url"))?;
        // The provider's own document says where the rest of it is.
        if !may_ask(&url, self.plain) {
            return Err(NoAnswer("not_https"));
        }
        let asked = self.client.request(parts.method, url).headers(parts.headers).body(body).send();
        let why = |e: reqwest::Error| NoAnswer(if e.is_timeout() { "timed_out" } else { "unreachable" });
        let mut answer = asked.await.map_err(why)?;
        let mut told = HttpResponse::new(Vec::new());
        *told.status_mut() = answer.status();
        *told.headers_mut() = answer.headers().clone();
        while let Some(chunk) = answer.chunk().await.map_err(why)? {
            if told.body().len() + chunk.len() > ANSWER {
                return Err(NoAnswer("long_answer"));
            }
            told.body_mut().extend_from_slice(&chunk);
        }
        Ok(told)
    }
}

impl<'c> AsyncHttpClient<'c> for Asking {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// Whether an address may be asked. `plain`: the provider is this machine's own, without TLS.
fn may_ask(url: &Url, plain: bool) -> bool {
    let host = url.host_str().unwrap_or_default();
    let here =
        host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let bare = url.username().is_empty() && url.password().is_none();
    bare && match url.scheme() {
        "https" => true,
        "http" => plain && here,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_asked() {
        let may = |text: &str, plain| may_ask(&Url::parse(text).unwrap(), plain);
        assert!(may("https://id.example", false) && may("https://id.example", true));
        assert!(may("http://127.0.0.1:9400/token", true) && may("http://[::1]/", true));
        for never in
            ["http://id.example/", "http://10.0.0.1/", "file:///etc/passwd", "https://a:b@id.example/"]
        {
            assert!(!may(never, true) && !may(never, false), "{never}");
        }
        assert!(!may("http://127.0.0.1/", false), "a provider with TLS names no address without");
    }
}
