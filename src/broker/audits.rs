//! Proving: verification with the signatures people gave, checkpoints from elsewhere, exports.

use std::io::Write;

use serde_json::Value;

use super::exploring::Wanted;
use super::policies::LABEL;
use super::{Broker, Error, Refusal};
use crate::access::{Asked, Caller};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::event::{Action, Actor, Event};
use crate::audit::proof::{ConsistencyProof, InclusionProof};
use crate::keyring::sha256;
use crate::model::code::codes;
use crate::model::ids::{Digest, Login};
use crate::model::signing::{PublicKey, Signature};
use crate::policy::Act;
use crate::release::manifest::Manifest;
use crate::store::StoreError;
use crate::store::requests::Picked;
use crate::store::verify::{Problem, Verified};

codes! {
    /// How the log is exported.
    ExportFormat, "export format" {
        /// One leaf a line: the very bytes the tree is over.
        Jsonl = "jsonl",
        /// One entry a row.
        Csv = "csv",
        /// Open Cybersecurity Schema Framework, API Activity (6003), one event a line.
        Ocsf = "ocsf",
    }
}

impl Broker {
    /// Verifies log and data as the host's operator; appends nothing. `deep` adds tables, keys, consent
    /// chunks, and every signature that people gave.
    ///
    /// # Errors
    /// Only what kept it from looking.
    pub async fn audit_verify(&self, deep: bool, against: &[Checkpoint]) -> Result<Verified, Error> {
        let verified = self.store.verify(deep, against).await?;
        self.with_signatures(deep, verified).await
    }

    /// The same, reading only the entries after the last verification that this machine remembers.
    ///
    /// # Errors
    /// Only what kept it from looking.
    pub async fn audit_verify_since_checked(
        &self,
        deep: bool,
        against: &[Checkpoint],
    ) -> Result<Verified, Error> {
        let verified = self.store.verify_since_checked(deep, against).await?;
        self.with_signatures(deep, verified).await
    }

    async fn with_signatures(&self, deep: bool, mut verified: Verified) -> Result<Verified, Error> {
        if deep {
            let mut problems = self.verify_signatures().await?;
            verified.problems.append(&mut problems);
            verified.problems.sort();
            verified.problems.dedup();
            verified.verified = verified.problems.is_empty();
        }
        Ok(verified)
    }

    async fn verify_signatures(&self) -> Result<Vec<Problem>, Error> {
        let mut problems = Vec::new();
        let mut keep = |what: &str, result: Result<(), Error>| match result {
            Ok(()) => Ok(()),
            Err(Error::Store(StoreError::Integrity { what, place })) => {
                problems.push(Problem { what, place });
                Ok(())
            }
            Err(Error::DoesNotOpen(_) | Error::Policy(_)) => {
                problems.push(Problem { what: what.to_owned(), place: "it does not open".to_owned() });
                Ok(())
            }
            Err(other) => Err(other),
        };
        let mut view = self.store.view().await?;
        let requests = match view.requests_picked(Picked::default()).await {
            Ok(requests) => requests,
            Err(e) => {
                keep("request", Err(e.into()))?;
                Vec::new()
            }
        };
        // Before there is a request there may be no policy either.
        if !requests.is_empty() {
            match self.ground(&mut view).await {
                Ok(ground) => {
                    let mut common = ground.common(self.clock().now());
                    for row in requests {
                        let asked = Asked::load(&mut view, &self.shelf, self.clock(), row, &mut common).await;
                        keep("signature", asked.map(|_| ()))?;
                    }
                }
                Err(e) => keep("signature", Err(e))?,
            }
        }
        let packages = view.packages().await;
        match packages {
            Ok(packages) => {
                for package in packages {
                    let checked = view.disclosure(&package.no).await;
                    keep("disclosure", checked.map(|_| ()).map_err(Error::from))?;
                }
            }
            Err(e) => keep("package", Err(e.into()))?,
        }
        drop(view);
        let policies = self.verify_policies().await;
        keep("policy_version", policies)?;
        Ok(problems)
    }

    /// Each adopted version but the first carries two people's signatures over its digest.
    async fn verify_policies(&self) -> Result<(), Error> {
        let mut view = self.store.view().await?;
        for version in view.policy_versions().await? {
            let bad =
                |why: &str| StoreError::integrity("policy_version", format!("version {}: {why}", version.id));
            if Digest(sha256(&version.files)) != version.digest
                && crate::policy::PolicyFiles::from_bytes(&version.files).map(|f| Digest(f.digest())).ok()
                    != Some(version.digest)
            {
                return Err(bad("its files are not its digest's").into());
            }
            let proposed = version.proposed_sig.as_ref().map(|s| (version.proposed_by.clone(), s.clone()));
            let seconded = version.seconded.as_ref().map(|(by, _, s)| (by.clone(), s.clone()));
            if version.id > 1 && proposed.is_none() {
                return Err(bad("nobody signed it").into());
            }
            for (login, sig) in proposed.into_iter().chain(seconded) {
                let login = Login::parse(&login).map_err(|_| bad("a signer's login"))?;
                let signature =
                    Signature(sig.as_slice().try_into().map_err(|_| bad("a signature's length"))?);
                let body = self.policy_body(version.id, version.digest);
                let keys = view.credentials(&login).await?;
                if !keys.iter().any(|k| PublicKey(k.public_key).verify(LABEL, &body, &signature).is_ok()) {
                    return Err(bad("a signature is wrong").into());
                }
            }
        }
        Ok(())
    }

    /// The newest checkpoint: the log's size, and the signed note.
    ///
    /// # Errors
    /// The database failed.
    pub async fn checkpoint(&self) -> Result<(u64, String), Error> {
        Ok(self.store.view().await?.checkpoint().await?)
    }

    /// Proves that an entry stands in the log of a size.
    ///
    /// # Errors
    /// `bad_range`: there is no such entry or size.
    pub async fn inclusion(&self, seq: u64, size: u64) -> Result<InclusionProof, Error> {
        let mut view = self.store.view().await?;
        let now = view.log_size().await?;
        if seq >= size || size > now {
            return Err(no_such_size(now));
        }
        Ok(view.inclusion(seq, size).await?)
    }

    /// Proves that the log of one size is the beginning of the log of another.
    ///
    /// # Errors
    /// `bad_range`: there is no such size.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyProof, Error> {
        let mut view = self.store.view().await?;
        let now = view.log_size().await?;
        if from == 0 || from > to || to > now {
            return Err(no_such_size(now));
        }
        Ok(view.consistency(from, to).await?)
    }

    /// Reads a checkpoint from elsewhere: a manifest of this vault, or a checkpoint note.
    ///
    /// # Errors
    /// It is neither, or of another vault.
    pub fn checkpoint_from(&self, text: &str) -> Result<Checkpoint, Error> {
        let foreign = || Error::Input {
            code: "not_a_checkpoint",
            message: "the file is neither a manifest nor a checkpoint of this vault".into(),
            hint: "give a package's manifest.json, or a checkpoint as the log signed it".into(),
        };
        let note = match serde_json::from_str::<Value>(text) {
            Ok(_) => Manifest::open(text).map_err(|_| foreign())?.0.checkpoint,
            Err(_) => text.to_owned(),
        };
        Checkpoint::open(&note, &self.store.verifier()).map_err(|_| foreign())
    }

    /// Entries that fit, newest first; and the place before which there are more. The look is an entry, and stands at the
    /// beginning of the first page if it fits.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn audit_events(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        limit: usize,
    ) -> Result<(Option<u64>, Vec<Value>), Error> {
        let found = self.audit_search(caller, wanted, limit).await?;
        let bad = |_| StoreError::integrity("log_leaf", "not a leaf");
        let leaves = found.entries.iter().map(|said| serde_json::from_slice(&said.leaf).map_err(bad));
        Ok((found.next, leaves.collect::<Result<_, _>>()?))
    }

    /// Exports entries `from..to` of the log. The export is itself an entry, and stands in it.
    ///
    /// # Errors
    /// The caller may not (the host's operator, without a caller, may), or writing failed.
    pub async fn audit_export(
        &self,
        caller: Option<&Caller>,
        range: (Option<u64>, Option<u64>),
        format: ExportFormat,
        out: &mut (dyn Write + Send),
    ) -> Result<u64, Error> {
        let actor = caller.map_or(Actor::Operator, Caller::actor);
        let event = Event::new(Action::AuditExported, actor).object(format);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            if let Some(caller) = caller {
                let ground = self.ground(work.view()).await?;
                ground.staff.may(&ground.policy, caller, Act::AuditExport, None)?;
            }
            let size = work.seq() + 1;
            let (from, to) = (range.0.unwrap_or(0), range.1.unwrap_or(size).min(size));
            if from > to {
                return Err(Refusal::new("bad_range", "A1 (Art 1)", format!("there are {size} entries"))
                    .hint("give a first entry that is not behind the last, or leave the range out")
                    .into());
            }
            work.commit(event.count("from", from).count("to", to)).await?;
            let mut view = self.store.view().await?;
            let failed = |e| Error::file("the export", e);
            if format == ExportFormat::Csv {
                out.write_all(b"seq,at,action,decision,refusal,actor,object,member\r\n").map_err(failed)?;
            }
            let mut next = from;
            while next < to {
                let end = (next + 1000).min(to);
                for (_, leaf) in view.leaves(next, end).await? {
                    out.write_all(&line(&leaf, format)?).map_err(failed)?;
                }
                next = end;
            }
            out.flush().map_err(failed)?;
            Ok(to - from)
        })
        .await
    }
}

fn no_such_size(now: u64) -> Error {
    Refusal::new("bad_range", "A1 (Art 1)", format!("there are {now} entries"))
        .hint("name an entry of them, and sizes from 1 to their number")
        .into()
}

fn line(leaf: &[u8], format: ExportFormat) -> Result<Vec<u8>, Error> {
    let json: Value =
        serde_json::from_slice(leaf).map_err(|_| StoreError::integrity("log_leaf", "not a leaf"))?;
    let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let actor = || {
        let actor = &json["actor"];
        actor
            .get("login")
            .or_else(|| actor.get("kind"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    match format {
        ExportFormat::Jsonl => {
            let mut out = leaf.to_vec();
            out.push(b'\n');
            Ok(out)
        }
        ExportFormat::Csv => {
            let refusal = json["refusal"]["code"].as_str().unwrap_or_default().to_owned();
            let row = [
                json["seq"].to_string(),
                text("at"),
                text("action"),
                text("decision"),
                refusal,
                actor(),
                text("object"),
                text("member"),
            ];
            let mut writer =
                csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
            writer.write_record(row).map_err(|_| StoreError::integrity("log_leaf", "not a row"))?;
            Ok(writer.into_inner().map_err(|_| StoreError::integrity("log_leaf", "not a row"))?)
        }
        ExportFormat::Ocsf => {
            let allowed = text("decision") == "allow";
            let event = serde_json::json!({
                "class_uid": 6003, "category_uid": 6, "activity_id": 99, "type_uid": 600_399,
                "activity_name": text("action"), "time": crate::clock::parse_rfc3339(&text("at")).unwrap_or(0) / 1000,
                "status_id": if allowed { 1 } else { 2 }, "severity_id": if allowed { 1 } else { 2 },
                "actor": {"user": {"name": actor()}},
                "api": {"operation": text("action")},
                "metadata": {"version": "1.3.0", "product": {"name": "Countersign", "vendor_name": "Countersign"},
                    "uid": json["seq"].to_string()},
                "unmapped": json,
            });
            let mut out = event.to_string().into_bytes();
            out.push(b'\n');
            Ok(out)
        }
    }
}
