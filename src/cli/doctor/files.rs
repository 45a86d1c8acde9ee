//! What lies in the data folder, and who may touch it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Findings;
use crate::broker::Broker;
use crate::store::Place;

/// Folder and secret files, before anything is opened.
pub(super) fn check(place: &Place, found: &mut Findings) {
    let dir = &place.dir;
    match mode(dir) {
        None => found.broken(
            "data folder",
            format!("{} cannot be read", dir.display()),
            "look at --data and its owner",
        ),
        Some(m) if m & 0o022 != 0 => found.broken(
            "data folder",
            format!("{} can be written by others (mode {m:o})", dir.display()),
            format!("chmod 700 {}", dir.display()),
        ),
        Some(m) if m & 0o077 != 0 => found.warning(
            "data folder",
            format!(
                "{} can be entered by others (mode {m:o}); attributes stand there in clear",
                dir.display()
            ),
            format!("chmod 700 {}", dir.display()),
        ),
        Some(m) => found.ok("data folder", format!("{} (mode {m:o})", dir.display())),
    }
    for (what, name) in
        [("root key", "root.json"), ("checkpoint key", "checkpoint.key"), ("manifest key", "manifest.key")]
    {
        check_secret(what, &dir.join(name), found);
    }
    check_mark_place(place, found);
}

fn check_secret(what: &'static str, path: &Path, found: &mut Findings) {
    match mode(path) {
        None => found.broken(what, format!("{} is missing", path.display()), "put it back from its backup"),
        Some(m) if m & 0o077 != 0 => found.broken(
            what,
            format!("{} may be read by others (mode {m:o})", path.display()),
            format!("chmod 600 {}, and ask who read it", path.display()),
        ),
        Some(m) => found.ok(what, format!("{} (mode {m:o})", path.display())),
    }
}

/// A mark inside the data folder is turned back with it, and then proves nothing.
fn check_mark_place(place: &Place, found: &mut Findings) {
    let Some(path) = &place.high_water else { return };
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if absolute(path).starts_with(absolute(&place.dir)) {
        found.warning(
            "high-water mark",
            "it lies inside the data folder and would be turned back with it",
            "name a place on another disk or machine with --high-water",
        );
    }
}

/// Half-made package files: another process may be at work on one, and otherwise the next command settles it.
pub(super) fn check_packages(broker: &Broker, found: &mut Findings) {
    let mut parts = Vec::new();
    find_parts(&broker.store().dir().join("packages"), 2, &mut parts);
    if parts.is_empty() {
        found.ok("package files", "none half-made");
        return;
    }
    let message = format!("{} half-made, for example {}", parts.len(), parts[0].display());
    found.warning(
        "package files",
        message,
        "if no execution runs, the next command on this vault settles them",
    );
}

fn find_parts(folder: &Path, depth: u8, parts: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && depth > 0 {
            find_parts(&path, depth - 1, parts);
        } else if path.extension().is_some_and(|e| e == "part") {
            parts.push(path);
        }
    }
}

fn mode(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn an_open_folder_and_an_exposed_key_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("v");
        fs::create_dir(&dir).unwrap();
        for name in ["root.json", "checkpoint.key", "manifest.key"] {
            fs::write(dir.join(name), "x").unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let place = Place {
            url: String::new(),
            high_water: Some(dir.join("mark")),
            passphrase: None,
            clock: None,
            dir,
        };
        let states = |folder: u32, key: u32| {
            fs::set_permissions(&place.dir, fs::Permissions::from_mode(folder)).unwrap();
            fs::set_permissions(place.dir.join("root.json"), fs::Permissions::from_mode(key)).unwrap();
            let mut found = Findings::default();
            check(&place, &mut found);
            found.lines.iter().map(|line| line.state).collect::<Vec<_>>()
        };
        use State::{Broken, Ok, Warning};
        assert_eq!(states(0o700, 0o600), [Ok, Ok, Ok, Ok, Warning]);
        assert_eq!(states(0o755, 0o600), [Warning, Ok, Ok, Ok, Warning]);
        assert_eq!(states(0o777, 0o644), [Broken, Broken, Ok, Ok, Warning]);
    }
}
