//! How the vault is, as far as a page may ask: what costs little to look at. `doctor` on the host looks at more.

use super::{Broker, Error};
use crate::access::Caller;
use crate::audit::event::{Action, Event};
use crate::policy::Act;
use crate::store::StoreError;
use crate::store::backups::Remembered;
use crate::store::outbox::ReceiverState;

/// How the vault is.
pub struct Health {
    /// The program's version.
    pub version: &'static str,
    /// What it stores in.
    pub engine: String,
    /// Entries in the log.
    pub entries: u64,
    /// Up to which entry this machine remembers the log outside the data folder; none when nothing is remembered.
    pub mark: Option<u64>,
    /// What does not fit between the log and the tables that decide; none when all does.
    pub integrity: Option<String>,
    /// Members.
    pub members: i64,
    /// The policy version in force.
    pub policy: i64,
    /// Alarms that nobody has seen to.
    pub alarms: usize,
    /// Backups that this machine remembers.
    pub backups: Remembered,
    /// How receivers of messages did.
    pub receivers: Vec<ReceiverState>,
}

impl Broker {
    /// How the vault is, for who keeps people and who audits. The look is an entry.
    ///
    /// # Errors
    /// The caller may not, or the database failed.
    pub async fn health(&self, caller: &Caller) -> Result<Health, Error> {
        let event = Event::new(Action::AuditRead, caller.actor()).object("health");
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::AlarmList, None)?;
            let integrity = match work.view().check_deciding_tables().await {
                Ok(()) => None,
                Err(found @ StoreError::Integrity { .. }) => Some(found.to_string()),
                Err(failed) => return Err(failed.into()),
            };
            let at = work.at();
            let policy = work.view().policy_at(at).await?.id;
            let members = work.view().member_count().await?;
            let receivers = work.view().receivers().await?;
            let alarms = work.view().alarms().await?.iter().filter(|a| a.acknowledged.is_none()).count();
            let entries = work.commit(event).await?.seq() + 1;
            let store = &self.store;
            Ok(Health {
                version: env!("CARGO_PKG_VERSION"),
                engine: store.describe_engine().await?,
                entries,
                mark: store.high_water_mark()?.map(|mark| mark.size),
                integrity,
                members,
                policy,
                alarms,
                backups: Remembered::read(store.high_water_path(), store.keyring()),
                receivers,
            })
        })
        .await
    }
}
