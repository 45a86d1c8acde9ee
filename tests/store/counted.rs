//! Holds the count: every public function of the store is called in these tests.

use std::fs;
use std::path::Path;

/// Texts of the Rust files of a folder, by name.
fn texts(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut texts: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    texts.sort();
    texts
}

/// `pub fn name` and `pub async fn name`; what is `pub(crate)` or `pub(super)` is not public.
fn public_functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start().strip_prefix("pub ")?;
        let line = line.strip_prefix("const ").unwrap_or(line);
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")?.split(['(', '<']).next()
    })
}

#[test]
fn every_public_function_of_the_store_is_called_here() {
    let tests: String =
        texts("tests/store").into_iter().filter(|(name, _)| name != "counted.rs").map(|t| t.1).collect();
    let mut count = 0;
    let mut missing = Vec::new();
    for (file, text) in texts("src/store") {
        for name in public_functions(&text) {
            count += 1;
            // A method, a function of a type, or a function of a module that was imported.
            let called = [".", "::", " "].iter().any(|before| tests.contains(&format!("{before}{name}(")));
            if !called {
                missing.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(count > 90, "only {count} public functions found: is the search broken?");
    assert_eq!(missing, [""; 0]);
}
