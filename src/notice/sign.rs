//! Signatures that robots ask for, and the request as it goes out.
//!
//! ```text
//! dingtalk  query  timestamp = milliseconds, sign = base64(HMAC-SHA-256(secret, timestamp "\n" secret))
//! feishu    body   timestamp = seconds,      sign = base64(HMAC-SHA-256(timestamp "\n" secret, ""))
//! webhook   header x-countersign-signature: t=seconds,v1=hex(HMAC-SHA-256(secret, t "." body))
//! wecom     none: the address itself is the secret
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use ring::hmac;
use serde_json::json;

use super::settings::{Kind, Receiver};
use super::words::Message;

/// A signature of ours, in the header it goes in.
pub(super) type Header = Option<(&'static str, String)>;

/// The address, the body and the header of a message at a time, in seconds since 1970.
pub(super) fn request(
    receiver: &Receiver,
    message: &Message,
    seconds: i64,
) -> Result<(Url, Vec<u8>, Header), &'static str> {
    let mut url = Url::parse(receiver.url.reveal()).map_err(|_| "bad_url")?;
    let mut body = message.body(receiver.kind);
    let Some(secret) = &receiver.secret else { return Ok((url, body.to_string().into(), None)) };
    let secret = secret.reveal();
    match receiver.kind {
        Kind::Dingtalk => {
            let (timestamp, sign) = dingtalk(secret, seconds);
            url.query_pairs_mut().append_pair("timestamp", &timestamp).append_pair("sign", &sign);
        }
        Kind::Feishu => {
            let (timestamp, sign) = feishu(secret, seconds);
            body["timestamp"] = json!(timestamp);
            body["sign"] = json!(sign);
        }
        Kind::Webhook => {
            let body = body.to_string();
            let signed = mac(secret.as_bytes(), format!("{seconds}.{body}").as_bytes());
            let value = format!("t={seconds},v1={}", hex::encode(signed.as_ref()));
            return Ok((url, body.into(), Some(("x-countersign-signature", value))));
        }
        Kind::Wecom => {}
    }
    Ok((url, body.to_string().into(), None))
}

fn mac(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

fn dingtalk(secret: &str, seconds: i64) -> (String, String) {
    let timestamp = (seconds * 1_000).to_string();
    let sign = mac(secret.as_bytes(), format!("{timestamp}\n{secret}").as_bytes());
    (timestamp, STANDARD.encode(sign.as_ref()))
}

fn feishu(secret: &str, seconds: i64) -> (String, String) {
    let timestamp = seconds.to_string();
    let sign = mac(format!("{timestamp}\n{secret}").as_bytes(), b"");
    (timestamp, STANDARD.encode(sign.as_ref()))
}
