//! Whether an answer is one that the API's document describes.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::caller::Answer;

/// The document that is kept, to compare answers with; what is served is compared with it below.
pub fn kept() -> &'static Value {
    static KEPT: OnceLock<Value> = OnceLock::new();
    KEPT.get_or_init(|| serde_json::from_str(&std::fs::read_to_string(file()).unwrap()).unwrap())
}

pub fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/openapi.json")
}

pub fn overwrites() -> bool {
    std::env::var_os("OPENAPI").is_some_and(|v| v == "overwrite")
}

/// The operation that answers a path.
pub fn operation<'a>(doc: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |pattern: &str| {
        let pattern: Vec<&str> = pattern.split('/').collect();
        pattern.len() == parts.len()
            && pattern
                .iter()
                .zip(&parts)
                .all(|(p, part)| p == part || (p.starts_with('{') && !part.is_empty()))
    };
    let paths = doc["paths"].as_object().unwrap();
    // A name before a place for any.
    let exact = paths.get(path);
    let item = exact.or_else(|| paths.iter().find(|(pattern, _)| fits(pattern)).map(|(_, item)| item))?;
    item.get(method.to_lowercase())
}

/// Every answer that a test gets has a status, a media type and a code that the document names.
pub fn check(method: &str, path: &str, answer: &Answer) {
    // While it is written anew there is nothing to compare with.
    if overwrites() {
        return;
    }
    let Some(operation) = operation(kept(), method, path) else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not described: {}", answer.status, answer.body);
    let kind = answer.header("content-type").split(';').next().unwrap();
    match response.get("content").and_then(Value::as_object) {
        None => assert!(answer.bytes.is_empty(), "{method} {path}: {} has a body", answer.status),
        Some(content) => assert!(content.contains_key(kind), "{method} {path}: {kind} is not described"),
    }
    if answer.status >= 400 {
        let codes =
            &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"];
        let codes = codes["enum"].as_array().unwrap();
        assert!(codes.contains(&answer.body["code"]), "{method} {path}: {} is not described", answer.body);
    }
}
