//! `serve`: the API, until it is told to stop.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Context, Failure};
use crate::broker::Broker;
use crate::config::ServeSettings;
use crate::http::{App, CONNECTIONS, Served, Tls, TlsFiles, serve};
use crate::notice::{Given, Notices, Wrong};
use crate::oidc;
use crate::web::pages;

/// Where nobody said another.
const PORT: u16 = 8470;

/// Locked by who serves a demo vault, in its folder.
pub(super) const SERVED: &str = "served.lock";

/// Files that are open beside connections: database, packages, the log of this program.
const OTHER_FILES: usize = 200;

/// Serve the console and the API on this vault; SIGTERM finishes what runs and stops, a second one ends at once
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign serve --listen 127.0.0.1:8470")]
pub struct Serve {
    /// Address and port; 0 for any free port [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Speak TLS with this certificate (PEM, those between it and its authority behind it)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Only clients with a certificate of this authority (PEM)
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// After SIGTERM go on for so many seconds, while /readyz says no [default: 0]
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,
    /// Connections at once; the rest waits [default: 10000, less where fewer files may be open]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: Option<u32>,
    /// Where people see it, https://vault.example: passkeys are bound to it [file: public_origin]
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_PUBLIC_ORIGIN")]
    public_origin: Option<String>,
}

impl Serve {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let settings = context.settings()?.serve;
        let listen = self.listen.or(settings.listen).unwrap_or((Ipv4Addr::LOCALHOST, PORT).into());
        let files = self.tls_files(&settings)?;
        if !listen.ip().is_loopback() && files.is_none() {
            // Passwords and members would cross the network in clear.
            return Err(Failure::usage(
                "without TLS the API is served on this machine only",
                "name --tls-cert and --tls-key, or listen on 127.0.0.1 and put a proxy with TLS in front",
            ));
        }
        let tls = files.map(Tls::load).transpose().map_err(not_usable)?.map(Arc::new);
        let origin = self.public_origin.clone().or(settings.public_origin);
        let notices = notices(context, origin.as_deref())?;
        let provider = provider(context, origin.as_deref())?;
        let mut broker = context.open().await?;
        if broker.store().info().demo && !listen.ip().is_loopback() {
            return Err(Failure::usage("a demo vault is served on this machine only", "listen on 127.0.0.1"));
        }
        if let Some(origin) = &origin {
            broker = broker.at_origin(origin)?;
        }
        broker.hold_downloads_to(settings.download_networks);
        let failed = |cause| not_listening(listen, cause);
        let most = connections(self.connections.map(|n| n as usize).or(settings.connections));
        let grace = Duration::from_secs(self.grace.or(settings.grace_seconds).unwrap_or(0));
        let _held = held(&broker)?;
        let served = serve(App::beside(broker, provider), listen).await.map_err(failed)?;
        let served = served.showing(pages).over(tls.clone()).at_most(most).grace(grace).watching(notices);
        let scheme = if tls.is_some() { "https" } else { "http" };
        if let Some(tls) = tls {
            reload_on_hangup(tls).map_err(failed)?;
        }
        until_stopped(context, served, scheme).await.map_err(failed)
    }

    fn tls_files(&self, settings: &ServeSettings) -> Result<Option<TlsFiles>, Failure> {
        let cert = self.tls_cert.clone().or(settings.tls_cert.clone());
        let key = self.tls_key.clone().or(settings.tls_key.clone());
        let client_ca = self.tls_client_ca.clone().or(settings.tls_client_ca.clone());
        match (cert, key) {
            (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key, client_ca })),
            (None, None) if client_ca.is_none() => Ok(None),
            _ => Err(Failure::usage(
                "TLS wants a certificate and its key",
                "name both, --tls-cert and --tls-key, or tls_cert and tls_key in the settings",
            )),
        }
    }
}

/// Certificate, key or authority, none of which is gone without.
fn not_usable(cause: std::io::Error) -> Failure {
    let hint = "PEM: the certificate, with those between it and its authority behind it, and its own key, without a passphrase";
    Failure::input("bad_tls", format!("no TLS with these files: {cause}"), hint)
}

/// Serves, with the address told, until a signal.
async fn until_stopped(context: &Context, served: Served, scheme: &str) -> std::io::Result<()> {
    let address = served.address()?;
    // Before the address is told: whoever reads it may send a signal at once.
    let stop = stopped()?;
    context.out.say(format!("Serving on {scheme}://{address}/ (API under /api/v1) until SIGTERM or SIGINT."));
    // Scripts wait for this line.
    context.out.answer(&json!({ "address": address.to_string() }), || address.to_string());
    served.run(stop).await?;
    context.out.say("Stopped; nothing was left half done.");
    Ok(())
}

/// Why nothing is served.
fn not_listening(address: SocketAddr, cause: std::io::Error) -> Failure {
    if cause.kind() != ErrorKind::AddrInUse {
        return Failure::file(format!("the address {address}"), cause);
    }
    let hint = "stop it first, or give another address with --listen";
    Failure::input("port_taken", format!("something listens on {address} already"), hint)
}

/// Where a vault is left up that was just made.
const LEFT_UP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

/// Whether it can be, before anything is made.
pub(super) fn could_leave_up() -> Result<(), Failure> {
    match TcpListener::bind(LEFT_UP) {
        Err(cause) if cause.kind() == ErrorKind::AddrInUse => Err(Failure::input(
            "port_taken",
            format!(
                "something listens on {LEFT_UP} already: a console that was left up, perhaps; nothing was touched"
            ),
            "stop it first, or leave --serve out",
        )),
        _ => Ok(()),
    }
}

/// Leaves a vault up that was just made: on this machine, at the usual port.
pub(super) async fn leave_up(context: &Context, broker: Broker) -> Result<(), Failure> {
    let _held = held(&broker)?;
    let failed = |cause| not_listening(LEFT_UP, cause);
    let served = serve(App::new(broker), LEFT_UP).await.map_err(failed)?.showing(pages);
    // Alarms are raised here too; there is nobody to send them to.
    let served = served.at_most(connections(None)).watching(Notices::new(Vec::new(), None));
    until_stopped(context, served, "http").await.map_err(failed)
}

/// A demo vault is not replaced under a server: this says that one is there, as long as it lives.
fn held(broker: &Broker) -> Result<Option<File>, Failure> {
    if !broker.store().info().demo {
        return Ok(None);
    }
    let path = broker.store().dir().join(SERVED);
    let held = File::options().create(true).write(true).truncate(false).open(&path);
    let held = held.and_then(|file| file.lock_shared().map(|()| file));
    held.map(Some).map_err(|cause| Failure::file(path.display().to_string(), cause))
}

/// How many connections there may be at once: as many files as the system lets this process open, but for some.
fn connections(wanted: Option<usize>) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = files.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    let fit = files.map_or(usize::MAX, |files| files.saturating_sub(OTHER_FILES).max(1));
    let wanted = wanted.unwrap_or(CONNECTIONS);
    if fit < wanted {
        tracing::warn!(connections = fit, "fewer connections than wanted: few files may be open (ulimit -n)");
    }
    wanted.min(fit)
}

/// Comes with the first SIGTERM or SIGINT. The second ends the process: what it had not finished, the next start does.
fn stopped() -> std::io::Result<impl Future<Output = ()> + Send> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    async fn next(term: &mut Signal, int: &mut Signal) -> i32 {
        tokio::select! { _ = term.recv() => 15, _ = int.recv() => 2 }
    }
    Ok(async move {
        next(&mut term, &mut int).await;
        tokio::spawn(async move {
            let number = next(&mut term, &mut int).await;
            std::process::exit(128 + number);
        });
    })
}

/// SIGHUP reads certificate, key and authority again: a renewed one needs no restart.
fn reload_on_hangup(tls: Arc<Tls>) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match tls.reload() {
                Ok(()) => tracing::info!("certificate and key read again"),
                Err(cause) => tracing::error!(%cause, "certificate and key are not usable; the former go on"),
            }
        }
    });
    Ok(())
}

/// Who is sent messages, with the secrets that lead to them.
fn notices(context: &Context, origin: Option<&str>) -> Result<Notices, Failure> {
    let settings = context.settings()?;
    let read: Result<_, _> = settings.notices.iter().map(Given::read).collect();
    let hint = "url_file and secret_file hold one line each, mode 0600";
    let receivers = read.map_err(|wrong: Wrong| Failure::input("bad_notice", wrong.to_string(), hint))?;
    Ok(Notices::new(receivers, origin))
}

/// Where people may sign in too.
fn provider(context: &Context, origin: Option<&str>) -> Result<Option<oidc::Provider>, Failure> {
    let Some(given) = context.settings()?.oidc else { return Ok(None) };
    let hint = "client_secret_file holds one line, mode 0600; the issuer is an https address";
    given.read(origin).map(Some).map_err(|wrong| Failure::input("bad_oidc", format!("oidc: {wrong}"), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_not_left_up_beside_another() {
        // Ours, or somebody else's already.
        let _listens = TcpListener::bind(LEFT_UP);
        assert_eq!(could_leave_up().err().unwrap().code, "port_taken");
    }
}
