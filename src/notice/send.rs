//! One message over one connection, to the address that was looked at: no redirect is followed, no proxy of the environment
//! taken, nothing waited for longer than five seconds, no more of an answer read than a robot says.

use std::time::Duration;

use reqwest::{Client, Url, redirect};
use serde_json::Value;

use super::reach::Reached;
use super::settings::Kind;
use super::sign::Header;

/// Everything together takes no longer.
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const ANSWER: usize = 16 * 1024;

/// Sends a body; the answer's.
pub(super) async fn post(
    url: &Url,
    reached: &Reached,
    body: Vec<u8>,
    header: Header,
) -> Result<Vec<u8>, &'static str> {
    let client = client(reached)?;
    let mut request = client.post(url.clone()).header("content-type", "application/json").body(body);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    // What went wrong is told by one word: a cause may hold the address, and that is a secret.
    let mut answer =
        request.send().await.map_err(|e| if e.is_timeout() { "timed_out" } else { "unreachable" })?;
    if answer.status().is_redirection() {
        return Err("redirected");
    }
    if !answer.status().is_success() {
        return Err("bad_status");
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| "unreachable")? {
        if bytes.len() + chunk.len() > ANSWER {
            return Err("long_answer");
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn client(reached: &Reached) -> Result<Client, &'static str> {
    // One cryptography in the program; somebody may have said so already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(&reached.host, &reached.addresses)
        .timeout(LONGEST)
        .pool_max_idle_per_host(0);
    client.build().map_err(|_| "no_tls")
}

/// Robots answer 200 to what they did not take, and say so in the body.
pub(super) fn accepted(kind: Kind, answer: &[u8]) -> Result<(), &'static str> {
    let keys: &[&str] = match kind {
        Kind::Wecom | Kind::Dingtalk => &["errcode"],
        Kind::Feishu => &["code", "StatusCode"],
        Kind::Webhook => return Ok(()),
    };
    let answer: Value = serde_json::from_slice(answer).map_err(|_| "bad_answer")?;
    match keys.iter().find_map(|key| answer[*key].as_i64()) {
        Some(0) => Ok(()),
        Some(_) => Err("not_taken"),
        None => Err("bad_answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_says_whether_it_took_it() {
        assert_eq!(accepted(Kind::Wecom, br#"{"errcode":0,"errmsg":"ok"}"#), Ok(()));
        assert_eq!(
            accepted(Kind::Dingtalk, br#"{"errcode":310000,"errmsg":"sign not match"}"#),
            Err("not_taken")
        );
        assert_eq!(accepted(Kind::Feishu, br#"{"code":19021}"#), Err("not_taken"));
        assert_eq!(accepted(Kind::Feishu, br#"{"StatusCode":0}"#), Ok(()));
        assert_eq!(accepted(Kind::Wecom, b"<html>"), Err("bad_answer"));
        assert_eq!(accepted(Kind::Webhook, b""), Ok(()));
    }
}
