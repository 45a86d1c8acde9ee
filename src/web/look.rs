//! How a page looks to this reader: language and brightness, kept in cookies that say nothing else.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::Form;
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, HOST, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde::Deserialize;

use super::words::{self, Words};
use crate::model::lang::Lang;

/// What a page needs that is for nobody in particular.
pub(super) struct Bare {
    pub(super) look: Look,
    pub(super) w: &'static Words,
}

/// How a page looks, and which one it is.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) lang: Lang,
    /// `light`, `dark`, or empty for what the system says.
    pub(super) theme: &'static str,
    /// The page's own address, to come back to.
    pub(super) path: String,
    /// Its reader says to be at this machine: it was asked for under a name of this machine's own, and through nobody.
    pub(super) here: bool,
}

impl Look {
    pub(super) fn of(headers: &HeaderMap, path: &str) -> Look {
        let lang = match cookie(headers, "lang").and_then(|code| Lang::parse(code).ok()) {
            Some(lang) => lang,
            None => spoken(headers),
        };
        let theme = match cookie(headers, "theme") {
            Some("light") => "light",
            Some("dark") => "dark",
            _ => "",
        };
        Look { lang, theme, path: path.to_owned(), here: here(headers) }
    }

    /// For a page without a reader's name.
    pub(super) fn bare(self) -> Bare {
        Bare { w: self.words(), look: self }
    }

    /// Every string of the console in the reader's language.
    pub(super) fn words(&self) -> &'static Words {
        words::of(self.lang)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Look {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Look::of(&parts.headers, path))
    }
}

/// Chinese unless the browser would rather have English.
fn spoken(headers: &HeaderMap) -> Lang {
    let said = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = said.split(',').find_map(|part| {
        let tag = part.trim().to_ascii_lowercase();
        match tag.get(..2) {
            Some("zh") => Some(Lang::Zh),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    });
    known.unwrap_or(Lang::Zh)
}

/// Another site's page that has its own name lead here is no reader at this machine either.
fn here(headers: &HeaderMap) -> bool {
    const THROUGH: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let own = name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    own && !THROUGH.iter().any(|name| headers.contains_key(*name))
}

pub(super) fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// What a reader chose.
#[derive(Deserialize)]
pub(super) struct Choice {
    lang: Option<String>,
    theme: Option<String>,
    then: String,
}

/// Keeps a choice for a year. It decides nothing but how pages look, so nobody needs to be signed in for it.
pub(super) async fn choose(Form(choice): Form<Choice>) -> Response {
    let mut response = super::answer::to(local(&choice.then));
    let lang = choice.lang.and_then(|code| Lang::parse(&code).ok()).map(|lang| ("lang", lang.code()));
    let theme = choice.theme.map(|theme| match theme.as_str() {
        "light" => ("theme", "light"),
        "dark" => ("theme", "dark"),
        _ => ("theme", "system"),
    });
    for (name, value) in [lang, theme].into_iter().flatten() {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

/// An address of ours to go on to; the home page for any other.
pub(super) fn local(then: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_?=&.".contains(c);
    let ours = then.starts_with('/') && !then.starts_with("//") && then.chars().all(plain);
    if ours { then.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for then in ["https://example.com/", "//example.com", "/\\example.com", "javascript:x", "", "/\nx"] {
            assert_eq!(local(then), "/", "{then}");
        }
        assert_eq!(local("/requests/CS2026-HQ-0001?done=signed"), "/requests/CS2026-HQ-0001?done=signed");
    }

    #[test]
    fn the_browser_says_which_language() {
        let spoken = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(text).unwrap());
            Look::of(&headers, "/").lang
        };
        assert_eq!(spoken("fr, en-GB;q=0.8, zh;q=0.5"), Lang::En);
        assert_eq!(spoken("zh-CN,zh;q=0.9,en;q=0.8"), Lang::Zh);
        assert_eq!(spoken("fr"), Lang::Zh);
    }
}
