//! `serve`: the API, until it is told to stop.

use std::net::SocketAddr;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Failure};
use crate::http::{App, serve};

/// Serve the API on this vault; SIGTERM finishes what runs and stops
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign serve --listen 127.0.0.1:8470")]
pub struct Serve {
    /// Address and port; 0 for any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8470")]
    listen: SocketAddr,
}

impl Serve {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        // Passwords and members would cross the network in clear; a demo vault stays here in any case.
        if !self.listen.ip().is_loopback() {
            return Err(Failure::usage(
                "the API speaks no TLS yet, so it is served on this machine only",
                "listen on 127.0.0.1 and put a proxy with TLS in front",
            ));
        }
        let broker = context.open().await?;
        let failed = |cause| Failure::file(format!("the address {}", self.listen), cause);
        let served = serve(App::new(broker), self.listen).await.map_err(failed)?;
        let address = served.address().map_err(failed)?;
        context.out.say(format!("Serving on http://{address}/api/v1 until SIGTERM or SIGINT."));
        // Scripts wait for this line.
        context.out.answer(&json!({ "address": address.to_string() }), || address.to_string());
        let (mut term, mut int) = (
            signal(SignalKind::terminate()).map_err(failed)?,
            signal(SignalKind::interrupt()).map_err(failed)?,
        );
        let stop = async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        };
        served.run(stop).await.map_err(failed)?;
        context.out.say("Stopped; nothing was left half done.");
        Ok(())
    }
}
