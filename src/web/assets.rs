//! Style and behaviour: compiled in, and asked for with the program's version, so that a browser may keep them.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::{Path, Problem};

/// A file of the console.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

const ASSETS: [Asset; 4] = [
    Asset { name: "pico.css", kind: CSS, text: include_str!("assets/pico.min.css") },
    Asset { name: "app.css", kind: CSS, text: include_str!("assets/app.css") },
    Asset { name: "htmx.js", kind: JS, text: include_str!("assets/htmx.min.js") },
    Asset { name: "app.js", kind: JS, text: include_str!("assets/app.js") },
];

pub(super) async fn asset(Path(name): Path) -> Result<Response, Problem> {
    let asset = ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no_route", "there is nothing at this path"))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Ok((headers, asset.text).into_response())
}
