//! A demo vault's invented people with their passwords, for who tries each role out. No other vault has passwords lying about.

use super::{Broker, Error};
use crate::model::code::Role;
use crate::model::ids::{Login, UnitCode};
use crate::model::secret::Secret;

/// Where `demo` puts each person's password, in the vault's folder.
pub const SECRETS: &str = "secrets";

/// Somebody invented.
pub struct DemoLogin {
    /// The login.
    pub login: Login,
    /// Roles held, each with its unit.
    pub roles: Vec<(Role, UnitCode)>,
    /// The password.
    pub password: Secret,
}

impl Broker {
    /// The people of a demo vault whose password lies beside it; of any other vault nobody.
    ///
    /// # Errors
    /// The database failed.
    pub async fn demo_logins(&self) -> Result<Vec<DemoLogin>, Error> {
        if !self.store.info().demo {
            return Ok(Vec::new());
        }
        let mut view = self.store.view().await?;
        let staff = self.known_ground(&mut view).await?.staff;
        let folder = self.store.dir().join(SECRETS);
        let logins = staff.people().filter(|person| staff.is_active(&person.login)).filter_map(|person| {
            let password = Secret::read(&folder.join(person.login.as_str())).ok()?;
            let roles: Vec<_> = staff.grants(&person.login).map(|g| (g.role, g.unit.clone())).collect();
            (!roles.is_empty()).then(|| DemoLogin { login: person.login.clone(), roles, password })
        });
        Ok(logins.collect())
    }
}
