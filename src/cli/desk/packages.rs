//! Packages.

use std::path::Path;

use serde_json::{Value, json};

use super::{Desk, shown};
use crate::broker::downloading::Downloaded;
use crate::cli::Failure;
use crate::cli::remote::download;
use crate::model::ids::PackageNo;

impl Desk {
    pub(crate) async fn package_list(&self) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => shown(&broker.package_list(step.caller()).await?),
            Desk::There(server) => server.list(&["packages"], &[]).await,
        }
    }

    /// `no`: of the package or of its request.
    pub(crate) async fn package_download(
        self,
        no: &str,
        out: &Path,
    ) -> Result<(PackageNo, Downloaded), Failure> {
        match self {
            Desk::Here(broker, step) => {
                let no = broker.package_named(no).await?;
                let got = broker.package_download(step, &no, out).await?;
                Ok((no, got))
            }
            Desk::There(server) => download::package(&server, no, out).await,
        }
    }

    /// Gives the number that is meant.
    pub(crate) async fn package_hand_off(&self, no: &str) -> Result<String, Failure> {
        match self {
            Desk::Here(broker, step) => {
                let no = broker.package_named(no).await?;
                broker.package_hand_off(step.caller(), &no).await?;
                Ok(no.to_string())
            }
            Desk::There(server) => {
                server.post(&["packages", no, "hand-off"], &json!({})).await?;
                Ok(no.to_owned())
            }
        }
    }

    pub(crate) async fn package_recall(&self, no: &str, reason: &str) -> Result<String, Failure> {
        match self {
            Desk::Here(broker, step) => {
                let no = broker.package_named(no).await?;
                broker.package_recall(step.caller(), &no, reason).await?;
                Ok(no.to_string())
            }
            Desk::There(server) => {
                server.post(&["packages", no, "recall"], &json!({ "reason": reason })).await?;
                Ok(no.to_owned())
            }
        }
    }

    pub(crate) async fn package_show(&self, no: &str) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => {
                let no = broker.package_named(no).await?;
                shown(&broker.package_show(step.caller(), &no).await?)
            }
            Desk::There(server) => server.get(&["packages", no]).await,
        }
    }

    /// Gives the number that is meant.
    pub(crate) async fn package_destroyed(
        &self,
        no: &str,
        on: jiff::civil::Date,
        reference: &str,
    ) -> Result<String, Failure> {
        match self {
            Desk::Here(broker, step) => {
                let no = broker.package_named(no).await?;
                broker.package_destroyed(step.caller(), &no, on, reference).await?;
                Ok(no.to_string())
            }
            Desk::There(server) => {
                let body = json!({ "attested_on": on.to_string(), "reference": reference });
                server.post(&["packages", no, "destroyed"], &body).await?;
                Ok(no.to_owned())
            }
        }
    }
}
