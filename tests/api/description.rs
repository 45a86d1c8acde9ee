//! What the API says of itself: every route and code of the source is in it, and what is answered is what it says.
//!
//! `OPENAPI=overwrite cargo test --test api description` writes `openapi.json`; read what changed before keeping it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::both;
use crate::caller::Served;
use crate::described::{file, kept, overwrites};
use crate::routes::cases;

both!(the_document_is_the_one_that_is_kept, pages_show_it_with_nothing_from_elsewhere);

fn the_document_is_the_one_that_is_kept(served: &Served) {
    let answer = served.nobody().get("/api/v1/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let text = serde_json::to_string_pretty(&answer.body).unwrap() + "\n";
    if overwrites() {
        std::fs::write(file(), &text).unwrap();
    }
    let wanted = std::fs::read_to_string(file()).unwrap();
    for (line, (got, wanted)) in text.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(got, wanted, "openapi.json, line {}", line + 1);
    }
    assert_eq!(text.lines().count(), wanted.lines().count());
}

fn pages_show_it_with_nothing_from_elsewhere(served: &Served) {
    let nobody = served.nobody();
    let front = nobody.get("/api/docs");
    assert_eq!((front.status, front.header("content-type")), (200, "text/html"));
    let policy = front.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    // Whatever the page names is a file beside it.
    let html = front.text();
    let named = html.split(['"', '\'']).filter(|text| text.starts_with("./") || text.contains("//"));
    let named: Vec<&str> = named.filter(|text| !text.contains('<')).collect();
    assert!(named.len() >= 4, "{html}");
    for name in named {
        let name = name.strip_prefix("./").unwrap_or_else(|| panic!("{name} comes from elsewhere"));
        let file = nobody.get(&format!("/api/docs/{name}"));
        assert_eq!((file.status, file.header("content-security-policy")), (200, policy), "{name}");
    }
    let told = nobody.get("/api/docs/swagger-initializer.js").text();
    assert!(told.contains("/api/v1/openapi.json"), "{told}");
    assert_eq!(nobody.get("/api/docs/..%2f..%2fetc%2fpasswd").status, 404);
    assert_eq!(nobody.get("/api/docs/nothing.js").code(), "no_route");
}

/// The routes of the document are the ones whose answers `routes.txt` lists, and no route goes round it.
#[test]
fn every_route_is_described() {
    let doc = kept();
    let mut described = BTreeSet::new();
    for (path, item) in doc["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let cases = cases("1", "2");
    let listed =
        cases.iter().map(|case| format!("{} {}", case.method, case.route.split('?').next().unwrap()));
    assert!(described.len() > 40, "{described:?}");
    assert_eq!(described, listed.collect());
    let source = include_str!("../../src/http/mod.rs");
    let beside: Vec<&str> = source.lines().filter(|line| line.contains(".route(")).collect();
    assert!(beside.iter().all(|line| line.contains("\"/api/docs")), "{beside:?}");
}

/// Each operation has a name of its own, says what it does, and gives an example of each body.
#[test]
fn every_operation_says_what_it_is() {
    let doc = kept();
    let mut names = BTreeSet::new();
    for (path, item) in doc["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} twice");
            assert!(operation["summary"].is_string(), "{method} {path} says nothing of itself");
            for (kind, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                let example = body.get("example").is_some() || exemplified(doc, &body["schema"]);
                assert!(example, "{method} {path}: no example of {kind}");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["description"].is_string(), "{method} {path} {status}");
            }
        }
    }
}

fn exemplified(doc: &Value, schema: &Value) -> bool {
    let name = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/schemas/"));
    let schema = name.map_or(schema, |name| &doc["components"]["schemas"][name]);
    schema.get("example").is_some() || schema.get("examples").is_some()
}

/// Every code that the source can refuse with is in the document's list, and none is in it for nothing.
#[test]
fn every_code_is_in_the_list() {
    let list = kept()["components"]["schemas"]["ProblemCode"]["enum"].as_array().unwrap();
    let listed: BTreeSet<String> = list.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    let (mut used, mut written) = (BTreeMap::new(), String::new());
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(file) = files.pop() {
        if file.is_dir() {
            files.extend(std::fs::read_dir(&file).unwrap().map(|entry| entry.unwrap().path()));
        } else if file.extension().is_some_and(|e| e == "rs")
            && !file.to_str().unwrap().contains("/refusal/words")
        {
            let source = std::fs::read_to_string(&file).unwrap();
            for code in codes(source.split("#[cfg(test)]").next().unwrap()) {
                used.entry(code).or_insert_with(|| file.clone());
            }
            // Lists beside the handlers name codes that are made elsewhere, or nowhere.
            if !file.to_str().unwrap().contains("/src/http/") {
                written.push_str(&source);
            }
        }
    }
    assert!(used.len() > 80, "{used:?}");
    for (code, file) in &used {
        assert!(
            listed.contains(code),
            "{code} of {} has no words in src/model/refusal/words",
            file.display()
        );
    }
    for code in &listed {
        let is_used = used.contains_key(code) || written.contains(&format!("\"{code}\""));
        assert!(is_used, "{code} is used nowhere");
    }
}

/// Codes as the source writes them: the text behind a door that takes one, `code: "…"`, and the lists of reasons that
/// a value or a file has.
fn codes(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for door in ["Refusal::new(", "Problem::new(", "code: \"", "Error::Io(_) => \""] {
        for (at, _) in source.match_indices(door) {
            let rest = &source[at + door.len()..];
            let rest = if door.ends_with('"') { &source[at + door.len() - 1..] } else { rest };
            let arguments = &rest[..rest.find(';').unwrap_or(rest.len()).min(200)];
            found.extend(arguments.split('"').nth(1).map(str::to_owned));
        }
    }
    for line in source.lines().map(str::trim) {
        let reason = line.split_once(" = \"").filter(|_| line.contains("\", \""));
        let file = line.strip_prefix("FileError::").and_then(|l| l.split_once(" => \""));
        found.extend(reason.or(file).and_then(|(_, rest)| rest.split('"').next()).map(str::to_owned));
    }
    found.retain(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !code.is_empty());
    found
}

/// What the document refers to stands in it.
#[test]
fn every_reference_leads_somewhere() {
    let doc = kept();
    let mut left = vec![doc];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(values) => left.extend(values),
            Value::Object(members) => {
                left.extend(members.values());
                let to = members.get("$ref").and_then(Value::as_str);
                let to = to.map(|to| to.strip_prefix('#').unwrap());
                assert!(to.is_none_or(|to| doc.pointer(to).is_some()), "{to:?} is nowhere");
            }
            _ => {}
        }
    }
}
