//! Programs of other people's that `tests/run --tools` installs beside what is built.

use std::path::{Path, PathBuf};

/// A Python program in an environment of its own; else the one that is found by name.
pub fn python(environment: &str, program: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
    let own = target.join(environment).join("bin").join(program);
    if own.exists() { own } else { program.into() }
}
