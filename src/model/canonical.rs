//! Canonical bytes: RFC 8785 (JSON Canonicalization Scheme), narrowed to what our forms hold.
//!
//! Signatures and digests cover these bytes, so one value has exactly one text. Narrowed: no
//! fractions (RFC 8785 §3.2.2.3 would print them as ECMAScript does, and nothing of ours has any),
//! whole numbers as I-JSON allows them (RFC 7493 §2.2), keys in ASCII, whose byte order is the
//! UTF-16 order that RFC 8785 §3.2.3 asks for.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

/// Above this a reader that holds numbers as doubles would read another one.
const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Deeper than any form of ours; keeps the writer's recursion bounded.
const MAX_DEPTH: usize = 64;

/// Why a value has no canonical bytes, or bytes no value. Holds no part of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// A fraction, or a whole number beyond ±(2^53 − 1).
    #[error("a number that is not whole, or beyond 2^53 - 1")]
    Number,
    /// A key outside ASCII.
    #[error("a key with a character outside ASCII")]
    Key,
    /// Nested too deeply.
    #[error("nested more than {MAX_DEPTH} deep")]
    Depth,
    /// The value cannot be said in JSON, or the JSON is not of this kind.
    #[error("not of the expected shape")]
    Shape,
    /// The bytes say the value in another way than the canonical one.
    #[error("not in canonical form")]
    NotCanonical,
}

/// The canonical bytes of a value.
///
/// # Errors
/// [`CanonicalError`] for what the narrowed form cannot hold.
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value).map_err(|_| CanonicalError::Shape)?;
    let mut out = String::new();
    write_value(&mut out, &value, 0)?;
    Ok(out.into_bytes())
}

/// Reads a value whose canonical bytes these are. What the type does not know, leaves out or spells
/// otherwise does not come back out, so a second reading of one signature does not exist.
///
/// # Errors
/// [`CanonicalError::Shape`] or [`CanonicalError::NotCanonical`].
pub fn from_canonical<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    let value: T = serde_json::from_slice(bytes).map_err(|_| CanonicalError::Shape)?;
    if canonical(&value)? == bytes { Ok(value) } else { Err(CanonicalError::NotCanonical) }
}

/// Bytes that say what they are before they say anything else:
///
/// ```text
/// length of label (4, big-endian) ‖ label ‖ body
/// ```
///
/// Hashed or signed, they can never be taken for the bytes of another label. The body needs no
/// length: it is the last part.
pub fn labelled(label: &str, body: &[u8]) -> Vec<u8> {
    // Labels are constants of a few dozen bytes, so the cast keeps the length.
    let length = (label.len() as u32).to_be_bytes();
    [length.as_slice(), label.as_bytes(), body].concat()
}

fn write_value(out: &mut String, value: &Value, depth: usize) -> Result<(), CanonicalError> {
    if depth > MAX_DEPTH {
        return Err(CanonicalError::Depth);
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_integer(out, number)?,
        Value::String(text) => write_string(out, text),
        Value::Array(items) => write_array(out, items, depth)?,
        Value::Object(map) => write_object(out, map, depth)?,
    }
    Ok(())
}

fn write_integer(out: &mut String, number: &Number) -> Result<(), CanonicalError> {
    let n = number.as_i64().ok_or(CanonicalError::Number)?;
    if !(-MAX_INTEGER..=MAX_INTEGER).contains(&n) {
        return Err(CanonicalError::Number);
    }
    out.push_str(&n.to_string());
    Ok(())
}

fn write_array(out: &mut String, items: &[Value], depth: usize) -> Result<(), CanonicalError> {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_value(out, item, depth + 1)?;
    }
    out.push(']');
    Ok(())
}

fn write_object(out: &mut String, map: &Map<String, Value>, depth: usize) -> Result<(), CanonicalError> {
    // Sorted here, whatever order the map keeps: a crate elsewhere in the build can switch
    // serde_json to insertion order.
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    out.push('{');
    for (i, (key, value)) in entries.into_iter().enumerate() {
        if !key.is_ascii() {
            return Err(CanonicalError::Key);
        }
        if i > 0 {
            out.push(',');
        }
        write_string(out, key);
        out.push(':');
        write_value(out, value, depth + 1)?;
    }
    out.push('}');
    Ok(())
}

/// RFC 8785 §3.2.2.2: the short escapes where there is one, `\u00xx` for other control characters
/// below U+0020, everything else as it is.
fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical(value).unwrap()).unwrap()
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": [ {"z": 1, "a": null} ], "a": true, "B": false, "": {}, "a1": []});
        assert_eq!(text(&value), r#"{"":{},"B":false,"a":true,"a1":[],"b":[{"a":null,"z":1}]}"#);
    }

    #[test]
    fn strings_are_escaped_as_rfc_8785_says() {
        // The example of RFC 8785 §3.2.2, its string member.
        let value = json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/");
        assert_eq!(text(&value), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
        // U+007F and the JavaScript line ends stay as they are.
        assert_eq!(
            text(&json!("\u{7f}\u{2028}\u{8}\u{c}\t\r\u{1f}")),
            "\"\u{7f}\u{2028}\\b\\f\\t\\r\\u001f\""
        );
    }

    #[test]
    fn what_has_no_single_spelling_is_refused() {
        for value in [json!(1.5), json!(1.0), json!(1i64 << 53), json!(-(1i64 << 53)), json!(u64::MAX)] {
            assert_eq!(canonical(&value), Err(CanonicalError::Number), "{value}");
        }
        assert_eq!(text(&json!([MAX_INTEGER, -MAX_INTEGER])), "[9007199254740991,-9007199254740991]");
        assert_eq!(canonical(&json!({"手机": 1})), Err(CanonicalError::Key));
        let deep = (0..70).fold(json!(0), |inner, _| json!([inner]));
        assert_eq!(canonical(&deep), Err(CanonicalError::Depth));
    }

    #[test]
    fn another_spelling_does_not_read_back() {
        assert_eq!(from_canonical::<Value>(br#"{"a":1}"#), Ok(json!({"a": 1})));
        for other in [r#"{"a": 1}"#, r#"{"a":1,"a":1}"#, r#"{"b":1,"a":1}"#, r#"["\u0041"]"#, "[1] "] {
            assert_eq!(
                from_canonical::<Value>(other.as_bytes()),
                Err(CanonicalError::NotCanonical),
                "{other}"
            );
        }
        assert_eq!(from_canonical::<Value>(b"{"), Err(CanonicalError::Shape));
    }

    #[test]
    fn labels_cannot_run_into_bodies() {
        assert_eq!(labelled("ab", b"c"), b"\0\0\0\x02abc");
        assert_ne!(labelled("a", b"bc"), labelled("ab", b"c"));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{0,4}", inner, 0..4)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_bytes_read_back(value in any_value()) {
            let bytes = canonical(&value).unwrap();
            prop_assert_eq!(from_canonical::<Value>(&bytes), Ok(value));
        }
    }
}
