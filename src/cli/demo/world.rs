//! An organisation, its people with their passwords, vendors and covenants, in a new demo vault. Made
//! for the demo and for measuring, through the verbs.

use std::collections::BTreeMap;
use std::path::Path;

use super::folder::Folder;
use super::naming::{Named, ZONE};
use crate::broker::documents::NewDocument;
use crate::broker::people::Password;
use crate::broker::{Broker, StepUp};
use crate::cli::Failure;
use crate::cli::out::Out;
use crate::cli::secrets::write_private;
use crate::clock::random;
use crate::model::code::Role;
use crate::model::ids::{Login, UnitCode, VendorCode};
use crate::policy::PolicyFiles;
use crate::release::container::{generate_identity, open_with};
use crate::store::{Place, StoreError};

/// The first administrator.
pub(in crate::cli) const ADMIN: &str = "admin";
const SECOND_ADMIN: &str = "zheng.tao";
const VENDOR_MANAGER: &str = "zhou.ying";
const MEMBER_HEAD: &str = "liu.yang";

/// Login, name, unit, rank, roles.
type Seat = (&'static str, &'static str, &'static str, &'static str, &'static [Role]);

/// Everyone but the first administrator. A planning officer is also planning's information officer, so
/// that no unit that asks is without one (A4a).
const SEATS: [Seat; 22] = [
    (SECOND_ADMIN, "郑涛", "GRP", "manager", &[Role::Admin]),
    ("wu.jun", "吴军", "HQ", "manager", &[Role::Auditor]),
    ("li.na", "李娜", "HQ-MKT", "supervisor", &[Role::InfoOfficer]),
    ("wang.qiang", "王强", "HQ-MKT", "manager", &[Role::DeptHead]),
    ("chen.jing", "陈静", "HQ-PLAN", "manager", &[Role::PlanningHead]),
    ("zhao.min", "赵敏", "HQ-PLAN", "supervisor", &[Role::PlanningOfficer, Role::InfoOfficer]),
    (VENDOR_MANAGER, "周颖", "HQ-PLAN", "supervisor", &[Role::VendorManager]),
    (MEMBER_HEAD, "刘洋", "HQ-MEM", "manager", &[Role::MemberHead]),
    ("he.fang", "何芳", "HQ-MEM", "staff", &[Role::Counter]),
    ("sun.lei", "孙磊", "HQ-IT", "staff", &[Role::Executor]),
    ("xu.yan", "徐艳", "S001-MKT", "supervisor", &[Role::InfoOfficer]),
    ("ma.chao", "马超", "S001-MKT", "manager", &[Role::DeptHead]),
    ("zhu.ping", "朱平", "S001-POP", "manager", &[Role::PlanningHead]),
    ("hu.xia", "胡霞", "S001-POP", "supervisor", &[Role::PlanningOfficer, Role::InfoOfficer]),
    ("gao.ning", "高宁", "S001-IT", "staff", &[Role::Executor]),
    ("lin.yu", "林玉", "S001", "staff", &[Role::Counter]),
    ("luo.min", "罗敏", "S002-MKT", "supervisor", &[Role::InfoOfficer]),
    ("liang.wei", "梁伟", "S002-MKT", "manager", &[Role::DeptHead]),
    ("song.jie", "宋杰", "S002-POP", "manager", &[Role::PlanningHead]),
    ("tang.li", "唐丽", "S002-POP", "supervisor", &[Role::PlanningOfficer, Role::InfoOfficer]),
    ("han.gang", "韩刚", "S002-IT", "staff", &[Role::Executor]),
    ("feng.hua", "冯华", "S002", "staff", &[Role::Counter]),
];

/// Code, name, channel.
const VENDORS: [(&str, &str, &str, &str); 2] = [
    ("SMS1", "演示短信公司", "A demo SMS company", "sms"),
    ("DM1", "演示直邮公司", "A demo mailing company", "post"),
];

/// A person of the demo, as its answer shows them.
#[derive(Debug, serde::Serialize)]
pub(super) struct Seated {
    pub(super) login: &'static str,
    pub(super) roles: &'static [Role],
    pub(super) unit: &'static str,
}

/// A vault with its people and their passwords.
pub(in crate::cli) struct World {
    /// The opened vault.
    pub(in crate::cli) broker: Broker,
    passwords: BTreeMap<&'static str, Password>,
}

impl World {
    /// Makes the vault in an empty place, with what the members will name.
    ///
    /// # Errors
    /// There is a vault already, or something cannot be written.
    pub(super) async fn make(
        place: &Place,
        named: &Named,
        folder: &Folder,
        out: &Out,
    ) -> Result<World, Failure> {
        Self::make_with(place, named, out, usual, |name, bytes| match name {
            Keep::Secret(login) => write_private(&folder.secret(login), bytes),
            Keep::Identity(vendor) => write_private(&folder.identity(vendor), bytes),
        })
        .await
    }

    /// The same, keeping no secret outside this process but, in the folder when one is named, the
    /// vendors' identities: `VENDOR.identity`.
    ///
    /// # Errors
    /// As [`World::make`].
    pub(in crate::cli) async fn make_unkept(
        place: &Place,
        identities: Option<&Path>,
        out: &Out,
    ) -> Result<World, Failure> {
        Self::make_with(place, &Named::by_members(), out, unlimited, |name, bytes| match (name, identities) {
            (Keep::Identity(vendor), Some(folder)) => {
                write_private(&folder.join(format!("{vendor}.identity")), bytes)
            }
            _ => Ok(()),
        })
        .await
    }

    async fn make_with(
        place: &Place,
        named: &Named,
        out: &Out,
        looks: fn(&str, &str) -> String,
        keep: impl Fn(Keep, &[u8]) -> Result<(), Failure>,
    ) -> Result<World, Failure> {
        let broker = Broker::create(place, true, ZONE).await?;
        let mut world = World { broker, passwords: BTreeMap::new() };
        for login in std::iter::once(ADMIN).chain(SEATS.iter().map(|seat| seat.0)) {
            let password = new_password()?;
            keep(Keep::Secret(login), &password)?;
            world.passwords.insert(login, password);
        }
        world.enrol(named, out).await?;
        world.widen_stores(looks).await?;
        world.register_documents(named).await?;
        for vendor in &VENDORS {
            let (identity, recipient) = generate_identity();
            keep(Keep::Identity(vendor.0), identity.as_bytes())?;
            world.register_vendor(vendor, &recipient).await?;
            world.prove_vendor(vendor.0, &identity).await?;
        }
        Ok(world)
    }

    /// Recognises a person of this world by their password.
    ///
    /// # Errors
    /// There is no such person here.
    pub(in crate::cli) async fn step(&self, login: &str) -> Result<StepUp, Failure> {
        let unknown = || Failure::input("unknown_login", format!("{login} is not of this vault"), "");
        let password = self.passwords.get(login).ok_or_else(unknown)?;
        let login = Login::parse(login).map_err(|_| unknown())?;
        Ok(self.broker.authenticate(&login, password).await?)
    }

    async fn enrol(&self, named: &Named, out: &Out) -> Result<(), Failure> {
        let admin = Login::parse(ADMIN).map_err(|wrong| Failure::input("bad_login", wrong, ""))?;
        let password = self.passwords.get(ADMIN).ok_or(StoreError::NoVault)?;
        let undertaking = self.broker.undertaking().await?.text("zh").map(|text| text.digest);
        self.broker.first_admin(&admin, password, undertaking).await?;
        let step = self.step(ADMIN).await?;
        let change = self.broker.org_apply(step.caller(), &org_file(named), false).await?;
        let progress = out.progress("people");
        for (done, person) in change.unenrolled.iter().enumerate() {
            progress.at(done as u64, change.unenrolled.len() as u64);
            let Some(password) = self.passwords.get(person.login.as_str()) else { continue };
            self.broker.enrol_scripted(step.caller(), &person.login, password, undertaking).await?;
        }
        Ok(())
    }

    /// A store's request may select the whole group in the demo: a policy that two administrators sign.
    async fn widen_stores(&self, looks: fn(&str, &str) -> String) -> Result<(), Failure> {
        let files = PolicyFiles::built_in();
        let own = "store_scope = \"own\"";
        let texts = files.iter().map(|(name, text)| {
            let about = matches!(name, "switches.toml" | "switches.test.toml");
            let text = if about { text.replace(own, "store_scope = \"group\"") } else { looks(name, text) };
            (name.to_owned(), text)
        });
        let files = PolicyFiles::new(texts.collect())?;
        let id = self.broker.policy_propose(self.step(ADMIN).await?, files, None).await?;
        self.broker.policy_second(self.step(SECOND_ADMIN).await?, id).await?;
        Ok(())
    }

    async fn register_documents(&self, named: &Named) -> Result<(), Failure> {
        let step = self.step(ADMIN).await?;
        let notice = [("zh", "notice", "1", NOTICE_ZH), ("en", "notice", "1", NOTICE_EN)];
        let covenants = named.covenants.iter().map(|(family, version)| {
            ("zh", family.code(), version.as_str(), "演示用规约：本集团在会员同意的范围内使用会员信息。")
        });
        for (language, family, version, body) in notice.into_iter().chain(covenants) {
            let document = NewDocument {
                family: family.to_owned(),
                version: version.to_owned(),
                language: language.to_owned(),
                body: body.to_owned(),
                effective_on: None,
            };
            self.broker.document_add(step.caller(), document).await?;
        }
        Ok(())
    }

    async fn register_vendor(
        &self,
        (code, zh, en, channel): &(&str, &str, &str, &str),
        recipient: &str,
    ) -> Result<(), Failure> {
        let today = self.broker.clock().today();
        let to = today.saturating_add(jiff::Span::new().days(730));
        let text = format!(
            "code = \"{code}\"\nname = {{ zh = \"{zh}\", en = \"{en}\" }}\nchannels = [\"{channel}\"]\n\
             contract = {{ reference = \"DEMO-{code}\", from = \"{today}\", to = \"{to}\" }}\n\
             key = {{ kind = \"age\", recipient = \"{recipient}\", fingerprint_checked_by = \"made here\" }}\n"
        );
        let step = self.step(VENDOR_MANAGER).await?;
        self.broker.vendor_add(step.caller(), &text).await?;
        Ok(())
    }

    /// The vendor opens the file with its identity and reads the phrase back to a second person (A9a).
    async fn prove_vendor(&self, code: &str, identity: &str) -> Result<(), Failure> {
        let code = VendorCode::parse(code).map_err(|wrong| Failure::input("bad_vendor", wrong, ""))?;
        let step = self.step(VENDOR_MANAGER).await?;
        let file = self.broker.vendor_key_challenge(step.caller(), &code).await?;
        let text = open_with(identity, &file).map_err(|cause| Failure::file("the vendor's file", cause))?;
        let phrase = text.lines().find_map(|line| line.strip_prefix("phrase: ")).unwrap_or_default();
        let second = self.step(MEMBER_HEAD).await?;
        self.broker.vendor_key_confirm(second.caller(), &code, phrase).await?;
        Ok(())
    }

    /// Everyone, with their passwords.
    pub(super) fn people(&self) -> impl Iterator<Item = (Seated, &str)> {
        let admin: Seat = (ADMIN, ADMIN, "GRP", "staff", &[Role::Admin]);
        std::iter::once(admin).chain(SEATS).map(|(login, _, unit, _, roles)| {
            let password = self.passwords.get(login).and_then(|p| std::str::from_utf8(p).ok());
            (Seated { login, roles, unit }, password.unwrap_or_default())
        })
    }
}

/// Budgets of looks as the built-in policy has them.
fn usual(_: &str, text: &str) -> String {
    text.to_owned()
}

/// What is measured is looking, thousands of times within a minute: a budget of a million.
fn unlimited(name: &str, text: &str) -> String {
    let all = |line: &str| match line.split_once(" = { hour") {
        Some((look, _)) => format!("{look} = {{ hour = 1000000, day = 1000000 }}\n"),
        None => format!("{line}\n"),
    };
    match name {
        "guard.toml" => text.lines().map(all).collect(),
        "guard.test.toml" => text.replace("\"budget_spent\"", "\"allow\""),
        _ => text.to_owned(),
    }
}

/// What must be kept for the demo's owner, and whose it is.
enum Keep {
    Secret(&'static str),
    Identity(&'static str),
}

const NOTICE_ZH: &str = "我们收集您的联系方式，仅在您同意的渠道上发送促销信息；您可随时撤回同意。";
const NOTICE_EN: &str = "We keep your contact details and send promotions only by the channels you agree to; you may withdraw at any time.";

fn new_password() -> Result<Password, Failure> {
    let bytes = random::<12>().map_err(StoreError::from)?;
    Ok(Password::new(hex::encode(bytes).into_bytes()))
}

/// The organisation as `org apply` reads it. Stores that only a file names get no people.
fn org_file(named: &Named) -> String {
    let mut text = String::from(
        "[[unit]]\ncode = \"GRP\"\nkind = \"group\"\nname = { zh = \"集团\", en = \"Group\" }\n",
    );
    let mut unit = |code: &str, kind: &str, function: Option<&str>, parent: &str, zh: &str, en: &str| {
        let function = function.map_or(String::new(), |f| format!("function = \"{f}\"\n"));
        text.push_str(&format!(
            "[[unit]]\ncode = \"{code}\"\nkind = \"{kind}\"\n{function}parent = \"{parent}\"\n\
             name = {{ zh = \"{zh}\", en = \"{en}\" }}\n"
        ));
    };
    unit("HQ", "hq", None, "GRP", "本部", "Headquarters");
    unit("HQ-MKT", "department", Some("marketing"), "HQ", "本部营销部", "HQ Marketing");
    unit("HQ-PLAN", "department", Some("planning"), "HQ", "广告企划部", "Advertising Planning");
    unit("HQ-MEM", "department", Some("membership"), "HQ", "会员管理部", "Member Management");
    unit("HQ-IT", "department", Some("it"), "HQ", "信息部", "IT");
    for store in super::people::STORES {
        unit(store, "store", None, "GRP", &format!("{store} 店"), &format!("Store {store}"));
        for (suffix, function, zh, en) in [
            ("MKT", "marketing", "营销", "Marketing"),
            ("POP", "planning", "企划 POP", "POP"),
            ("IT", "it", "财务资产信息", "Finance and Assets IT"),
        ] {
            let code = format!("{store}-{suffix}");
            unit(
                &code,
                "department",
                Some(function),
                store,
                &format!("{store} {zh}"),
                &format!("{store} {en}"),
            );
        }
    }
    let taken = |code: &UnitCode| {
        ["GRP", "HQ"].iter().chain(&super::people::STORES).any(|own| {
            code.as_str() == *own || code.as_str().strip_prefix(own).is_some_and(|rest| rest.starts_with('-'))
        })
    };
    for store in named.stores.iter().filter(|code| !taken(code)) {
        unit(store.as_str(), "store", None, "GRP", &format!("{store} 店"), &format!("Store {store}"));
    }
    for (login, name, unit, rank, roles) in SEATS {
        let roles: Vec<String> = roles.iter().map(|role| format!("\"{role}\"")).collect();
        text.push_str(&format!(
            "[[person]]\nlogin = \"{login}\"\nname = \"{name}\"\nunit = \"{unit}\"\nrank = \"{rank}\"\nroles = [{}]\n",
            roles.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Rank;
    use crate::model::org::Org;
    use crate::policy::run_tests;

    #[test]
    fn the_organisation_is_one_that_org_apply_takes() {
        let mut named = Named::by_members();
        named.stores.insert(UnitCode::parse("S008").unwrap());
        let org = Org::from_toml(&org_file(&named), &[], Rank::Supervisor).unwrap();
        assert_eq!(org.people.len(), SEATS.len());
        assert!(org.units.iter().any(|unit| unit.code.as_str() == "S008"));
    }

    #[tokio::test]
    async fn the_widened_policy_passes_its_own_tests() {
        let texts = PolicyFiles::built_in();
        for looks in [usual as fn(&str, &str) -> String, unlimited] {
            let texts = texts.iter().map(|(name, text)| {
                let text = looks(name, text).replace("store_scope = \"own\"", "store_scope = \"group\"");
                (name.to_owned(), text)
            });
            let files = PolicyFiles::new(texts.collect()).unwrap();
            assert_ne!(files.digest(), PolicyFiles::built_in().digest());
            run_tests(&files).await.unwrap();
        }
    }
}
