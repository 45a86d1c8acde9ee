//! The stores and covenant versions that a member file names: the demo registers them first.

use std::collections::BTreeSet;
use std::path::Path;

use super::people::{COVENANTS, STORES};
use crate::cli::{Failure, open_input};
use crate::clock::Clock;
use crate::intake::{self, FileError};
use crate::model::code::CovenantFamily;
use crate::model::day::Day;
use crate::model::ids::UnitCode;

/// The zone of every demo vault.
pub(in crate::cli) const ZONE: &str = "Asia/Shanghai";

/// What must be there before members are imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cli) struct Named {
    /// Home stores.
    pub(in crate::cli) stores: BTreeSet<UnitCode>,
    /// Covenants with their versions.
    pub(in crate::cli) covenants: BTreeSet<(CovenantFamily, String)>,
    /// The card of a member of the first store who says yes to SMS, to try the next commands on.
    pub(in crate::cli) example: Option<String>,
}

/// The store whose counter the demo's next commands are tried at.
const EXAMPLE_STORE: &str = "S001";

impl Named {
    /// What the made-up members name.
    pub(in crate::cli) fn by_members() -> Named {
        Named {
            stores: STORES.iter().filter_map(|code| UnitCode::parse(code).ok()).collect(),
            covenants: COVENANTS.iter().map(|(family, version)| (*family, (*version).to_owned())).collect(),
            example: None,
        }
    }

    /// What the good rows of a file name. Only codes are kept of it.
    ///
    /// # Errors
    /// The file cannot be read as a whole.
    pub(in crate::cli) fn by_file(path: &Path) -> Result<Named, Failure> {
        let today = Clock::system(ZONE).ok().and_then(|clock| Day::from_date(clock.today()));
        let today =
            today.ok_or_else(|| Failure::input("clock", "the clock is out of range", "set it right"))?;
        let unusable = |error: FileError| {
            Failure::input(error.code(), format!("{}: {error}", path.display()), error.hints().1)
        };
        let mut named = Named::default();
        for item in intake::open(open_input(path)?, today).map_err(unusable)? {
            let Ok(row) = item.map_err(unusable)?.row else { continue };
            // A store whose code no unit can have is left to the import, which rejects the row.
            named.stores.extend(row.home_store.value().and_then(|code| UnitCode::parse(code).ok()));
            if let Some((family, version)) = row.covenant.value() {
                named.covenants.insert((*family, version.clone()));
            }
            let here = row.home_store.value().is_some_and(|store| store == EXAMPLE_STORE);
            if named.example.is_none() && here && row.consents.sms == Some(true) {
                named.example = Some(row.card.expose().to_owned());
            }
        }
        Ok(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_stores_and_covenants_are_found_in_its_good_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        let rows = "卡号,姓名,手机,归属门店,规约,规约版本\n\
                    1,王芳,13800138000,S009,会员规约,2011-07\n\
                    2,李娜,1380013,S010,积分卡会员规约,2019-01\n";
        std::fs::write(&path, rows).unwrap();
        let named = Named::by_file(&path).unwrap();
        assert_eq!(named.stores.iter().map(UnitCode::as_str).collect::<Vec<_>>(), ["S009"]);
        assert_eq!(
            named.covenants.into_iter().collect::<Vec<_>>(),
            [(CovenantFamily::Member, "2011-07".to_owned())]
        );
        std::fs::write(&path, "").unwrap();
        assert_eq!(Named::by_file(&path).unwrap_err().exit, 1);
    }
}
