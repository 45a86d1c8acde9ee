//! A server on another machine, called through the API that everyone calls.
//!
//! It is this program's API or nothing: plain HTTP goes to this machine only, no redirect is followed, no proxy of
//! the environment is used, and what the server says no to comes out with the exit code it would have here.

pub(super) mod download;
pub(super) mod entry;
pub(super) mod importing;
mod saved;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::broker::factors::Second;
use crate::cli::failure::Failure;
use crate::cli::out::Out;
use crate::cli::{By, secrets};
use crate::config::{Settings, token_of_environment};
use crate::model::ids::Login;
pub(super) use saved::Saved;

/// How long a server may take to pick up.
const PICK_UP: Duration = Duration::from_secs(10);
/// Bytes of an answer that is no file.
const LONGEST: usize = 64 << 20;
/// Items asked for at once.
const PAGE: &str = "200";

/// A server and who calls it.
pub(super) struct Server {
    client: Client,
    base: Url,
    token: Zeroizing<String>,
    /// Where password and second factor are, for when the server asks for them again.
    proof: Proof,
    out: Out,
}

/// Where what shows who somebody is comes from: a file, standard input, or the terminal.
#[derive(Clone, Default)]
struct Proof {
    password_file: Option<PathBuf>,
    factor_file: Option<PathBuf>,
}

/// What a server says when it does not do what was asked (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    code: String,
    rule: Option<String>,
    detail: String,
    #[serde(default)]
    hint: String,
}

/// What is sent along.
enum Sending<'a> {
    Nothing,
    Json(&'a Value),
    Form(&'a str),
    /// JSON with a password in it, which is wiped here when it is sent.
    Secret(Zeroizing<String>),
}

impl Server {
    /// The server of the settings, with nobody signed in yet.
    pub(super) fn named(settings: &Settings, out: &Out) -> Result<Server, Failure> {
        let text = settings.server.as_deref().unwrap_or_default();
        let base = address(text)?;
        let client = client(&base, settings.ca_file.as_deref())?;
        Ok(Server { client, base, token: Zeroizing::default(), proof: Proof::default(), out: out.clone() })
    }

    /// The same, called as the person of `by`, or as whoever the token in a file or in the environment is of. Who names
    /// a person means their session, whatever the environment holds.
    pub(super) fn entered(self, token_file: Option<&Path>, by: &By) -> Result<Server, Failure> {
        let of_environment = if by.login.is_none() { token_of_environment() } else { None };
        let token = match (token_file, of_environment) {
            (Some(path), _) => {
                let bytes = secrets::from_file(path, "token", &self.out)?;
                let text = std::str::from_utf8(&bytes).map_err(|_| {
                    Failure::input("bad_token", "the token file holds no token", "look at --token-file")
                })?;
                Zeroizing::new(text.to_owned())
            }
            (None, Some(token)) => token,
            (None, None) => Saved::find(&self.base, by.login.as_ref())?.token,
        };
        let By { login: _, password_file, factor_file } = by.clone();
        Ok(Server { token, proof: Proof { password_file, factor_file }, ..self })
    }

    pub(super) async fn get(&self, path: &[&str]) -> Result<Value, Failure> {
        value(self.open(Method::GET, path, Sending::Nothing).await?).await
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        value(self.open(Method::POST, path, Sending::Json(body)).await?).await
    }

    pub(super) async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        self.open(Method::DELETE, path, Sending::Nothing).await.map(drop)
    }

    /// A form or another file that people write.
    pub(super) async fn send(&self, method: Method, path: &[&str], text: &str) -> Result<Value, Failure> {
        value(self.open(method, path, Sending::Form(text)).await?).await
    }

    /// An answer that is read as it comes.
    pub(super) async fn stream(&self, path: &[&str], body: &Value) -> Result<Response, Failure> {
        self.open(Method::POST, path, Sending::Json(body)).await
    }

    /// Every page of a list; `asked`: which of its items.
    pub(super) async fn list(&self, path: &[&str], asked: &[(&str, String)]) -> Result<Value, Failure> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut url = self.url(path);
            url.query_pairs_mut().extend_pairs(asked).append_pair("limit", PAGE);
            if let Some(cursor) = &cursor {
                url.query_pairs_mut().append_pair("cursor", cursor);
            }
            let mut page = value(self.answered(Method::GET, url, &Sending::Nothing).await?).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                all.extend(items);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(Value::Array(all)),
            }
        }
    }

    /// Asks; where the server wants the password again, gives it and asks once more.
    async fn open(&self, method: Method, path: &[&str], body: Sending<'_>) -> Result<Response, Failure> {
        let url = self.url(path);
        match self.answered(method.clone(), url.clone(), &body).await {
            Err(failure) if failure.code == "step_up_needed" => {
                self.step_up().await?;
                self.answered(method, url, &body).await
            }
            answer => answer,
        }
    }

    async fn step_up(&self) -> Result<(), Failure> {
        self.shown_to_be(&["session", "step-up"], None, &self.proof).await.map(drop)
    }

    /// Gives the password, and the second factor: when there is a file of it, or when the server wants one and there is
    /// somebody to ask.
    async fn shown_to_be(
        &self,
        path: &[&str],
        login: Option<&Login>,
        proof: &Proof,
    ) -> Result<Response, Failure> {
        let password =
            secrets::ask(proof.password_file.as_deref(), "--password-file", "password", &self.out)?;
        let code = match proof.factor_file.as_deref() {
            Some(file) => secrets::code(Some(file), &self.out)?,
            None => Second::Nothing,
        };
        let ask = async |code: &Second| {
            let body = Sending::Secret(with_password(login, &password, code)?);
            self.answered(Method::POST, self.url(path), &body).await
        };
        match ask(&code).await {
            // Only now is it known that one is needed.
            Err(failure) if failure.code == "second_factor_needed" && secrets::can_ask() => {
                ask(&secrets::code(None, &self.out)?).await
            }
            answer => answer,
        }
    }

    async fn answered(&self, method: Method, url: Url, body: &Sending<'_>) -> Result<Response, Failure> {
        let request = self.client.request(method, url);
        self.sent(match body {
            Sending::Nothing => request,
            Sending::Json(body) => request.json(body),
            Sending::Form(text) => request.header(CONTENT_TYPE, "application/toml").body((*text).to_owned()),
            Sending::Secret(text) => {
                request.header(CONTENT_TYPE, "application/json").body(text.as_str().to_owned())
            }
        })
        .await
    }

    async fn sent(&self, mut request: RequestBuilder) -> Result<Response, Failure> {
        if !self.token.is_empty() {
            request = request.bearer_auth(self.token.as_str());
        }
        let response = request.send().await.map_err(|cause| self.unreachable(&cause))?;
        if response.status().is_success() { Ok(response) } else { Err(refused(response).await) }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // What is typed stays one place of the path, whatever stands in it.
        if let Ok(mut places) = url.path_segments_mut() {
            places.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    fn unreachable(&self, cause: &reqwest::Error) -> Failure {
        let mut what = format!("{} does not answer", self.base);
        // The last cause says it best: refused, a name that is none, a certificate that is not believed.
        let mut next = std::error::Error::source(cause);
        while let Some(cause) = next {
            next = cause.source();
            if next.is_none() {
                what.push_str(&format!(": {cause}"));
            }
        }
        Failure::no_server(what, "look at --server, whether it runs, and at --ca-file for a CA of your own")
    }
}

/// An address that may be called: by TLS, or on this machine.
fn address(text: &str) -> Result<Url, Failure> {
    let wrong =
        |why: &str| Failure::usage(format!("--server {text}: {why}"), "give it like https://vault.example");
    let url = Url::parse(text).map_err(|_| wrong("no address"))?;
    let Some(host) = url.host_str() else { return Err(wrong("no address")) };
    let here =
        host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        _ => return Err(wrong("passwords and members go by https, or to this machine")),
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong("an address has no password and no query in it"));
    }
    Ok(url)
}

fn client(base: &Url, ca_file: Option<&Path>) -> Result<Client, Failure> {
    // Done twice it changes nothing: there is one cryptography in the program.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder =
        Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().connect_timeout(PICK_UP);
    if let Some(path) = ca_file {
        let bytes = std::fs::read(path)
            .map_err(|cause| Failure::file(format!("the CA file {}", path.display()), cause))?;
        let bundle = Certificate::from_pem_bundle(&bytes).ok().filter(|bundle| !bundle.is_empty());
        let bundle = bundle.ok_or_else(|| {
            Failure::input("bad_ca", format!("{} holds no certificate in PEM", path.display()), "")
        })?;
        // Whoever names a CA means it alone.
        builder = builder.tls_certs_only(bundle);
    } else if base.scheme() == "http" {
        // The system's list of CAs is not looked for when nothing is checked against it.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|cause| {
        Failure::no_server(
            format!("no TLS to call with: {cause}"),
            "name the CA's certificate with --ca-file",
        )
    })
}

/// What was refused, as it is told here.
async fn refused(response: Response) -> Failure {
    let status = response.status();
    let told = body(response).await.ok().and_then(|bytes| serde_json::from_slice::<Problem>(&bytes).ok());
    match told {
        Some(Problem { code, rule, detail, hint }) => {
            let hint = if code == "not_signed_in" { "countersign login".to_owned() } else { hint };
            let busy = status == StatusCode::SERVICE_UNAVAILABLE || code == "failed";
            Failure::told(code, rule, &detail, hint, busy)
        }
        None => Failure::no_server(
            format!("the server answered {status}, and not as this program's API does"),
            "look at --server: it is the address without /api/v1",
        ),
    }
}

/// The whole of an answer that is no file; wiped.
async fn body(mut response: Response) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(piece) = response.chunk().await.map_err(|_| broken_off())? {
        if bytes.len() + piece.len() > LONGEST {
            return Err(Failure::no_server("the answer is longer than any of the API", "look at --server"));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn value(response: Response) -> Result<Value, Failure> {
    let bytes = body(response).await?;
    if bytes.is_empty() { Ok(Value::Null) } else { parsed(&bytes) }
}

/// An answer as the values that a verb gives here.
pub(super) async fn wiped<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    parsed(&body(response).await?)
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|_| another_api())
}

/// A JSON answer as a type of ours.
pub(super) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|_| another_api())
}

fn another_api() -> Failure {
    Failure::no_server("the server's answer is not one that this program knows", "is it of the same version?")
}

pub(super) fn broken_off() -> Failure {
    Failure::no_server("the answer broke off", "try again")
}

/// The body of a sign-in, or without a login of a step-up.
fn with_password(
    login: Option<&Login>,
    password: &[u8],
    second: &Second,
) -> Result<Zeroizing<String>, Failure> {
    #[derive(Serialize)]
    struct Credentials<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        login: Option<&'a Login>,
        #[serde(skip_serializing_if = "Option::is_none")]
        bearer: Option<bool>,
        password: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
    }
    let wrong = || Failure::input("unknown_person", "login or password is not right", "");
    let password = std::str::from_utf8(password).map_err(|_| wrong())?;
    let code = if let Second::Code(code) = second { Some(code.as_str()) } else { None };
    let credentials = Credentials { login, bearer: login.map(|_| true), password, code };
    serde_json::to_string(&credentials).map(Zeroizing::new).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_leaves_this_machine() {
        for good in [
            "https://vault.example",
            "https://h:8/x",
            "http://127.0.0.1:8470",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://vault.example",
            "vault.example",
            "http://127.0.0.1.example",
            "ftp://127.0.0.1",
            "https://u:p@h",
            "https://h/?q",
            "",
        ] {
            assert_eq!(address(bad).err().map(|failure| failure.exit), Some(64), "{bad}");
        }
    }
}
