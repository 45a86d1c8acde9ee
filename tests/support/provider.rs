//! An identity provider of other people's (oidc-provider-mock, which is Authlib's), as a process of its own. It vouches for whoever
//! types a subject.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use tempfile::NamedTempFile;

use super::tools::python;

/// Stopped with the test.
pub struct Provider {
    child: Child,
    secret: NamedTempFile,
    /// `http://127.0.0.1:PORT`.
    pub issuer: String,
}

impl Provider {
    pub fn start() -> Provider {
        let mut child = Command::new(python("oidc-provider", "oidc-provider-mock"))
            .args(["--port", "0", "--require-nonce", "true"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("oidc-provider-mock: {e}; `tests/run --tools` installs it"));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("running on http://")?;
            Some(rest.split_whitespace().next()?.to_owned())
        });
        // Read on, or it stops writing and waits.
        std::thread::spawn(move || lines.for_each(drop));
        // Made for its owner alone, as such a file has to be.
        let mut secret = NamedTempFile::new().unwrap();
        secret.write_all(b"what the provider knows us by\n").unwrap();
        Provider { child, secret, issuer: format!("http://{}", address.expect("it tells its port")) }
    }

    /// As a server is told of it, whose own address is `origin`.
    pub fn named(&self, origin: &str) -> countersign::oidc::Provider {
        let text = format!(
            "issuer = \"{}\"\nclient_id = \"countersign\"\nname = \"Company\"\nclient_secret_file = \"{}\"\n",
            self.issuer,
            self.secret.path().display()
        );
        let given: countersign::oidc::Given = toml::from_str(&text).unwrap();
        given.read(Some(origin)).unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
