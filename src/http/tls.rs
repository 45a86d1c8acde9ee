//! TLS with rustls and ring; with a client authority only who shows a certificate of it gets as far as to ask.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// Where certificate and key are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate and those between it and its authority, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The authority whose certificates clients must show; none: any client may ask.
    pub client_ca: Option<PathBuf>,
}

/// What connections are met with.
pub struct Tls {
    files: TlsFiles,
    now: watch::Sender<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read, or they do not fit each other; the words say which.
    pub fn load(files: TlsFiles) -> io::Result<Tls> {
        let now = watch::Sender::new(Arc::new(read(&files)?));
        Ok(Tls { files, now })
    }

    /// Reads the files again, for new connections; those there are end with what is being asked on them. If the files are
    /// not usable, what was read before goes on.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub fn reload(&self) -> io::Result<()> {
        self.now.send_replace(Arc::new(read(&self.files)?));
        Ok(())
    }

    /// What a connection is met with, and when it is no longer that.
    pub(super) fn now(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.now.subscribe()
    }
}

fn read(files: &TlsFiles) -> io::Result<ServerConfig> {
    let wrong = |path: &PathBuf, why: String| io::Error::other(format!("{}: {why}", path.display()));
    let certificates = |path: &PathBuf| -> io::Result<Vec<CertificateDer<'static>>> {
        let text = std::fs::read(path).map_err(|e| wrong(path, e.to_string()))?;
        let all = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
        let all = all.map_err(|e| wrong(path, e.to_string()))?;
        if all.is_empty() { Err(wrong(path, "it holds no certificate".into())) } else { Ok(all) }
    };
    let text = Zeroizing::new(std::fs::read(&files.key).map_err(|e| wrong(&files.key, e.to_string()))?);
    let key = PrivateKeyDer::from_pem_slice(&text);
    let key = key.map_err(|_| wrong(&files.key, "it holds no private key".into()))?;
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?;
    let config = match &files.client_ca {
        None => config.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path)? {
                roots.add(authority).map_err(|e| wrong(path, e.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(verifier.map_err(|e| wrong(path, e.to_string()))?)
        }
    };
    let config = config.with_single_cert(certificates(&files.cert)?, key);
    let mut config = config.map_err(|e| match e {
        rustls::Error::InvalidCertificate(_) => wrong(&files.cert, e.to_string()),
        rustls::Error::InconsistentKeys(_) => {
            wrong(&files.key, format!("it is not the key of {}", files.cert.display()))
        }
        _ => wrong(&files.key, e.to_string()),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
