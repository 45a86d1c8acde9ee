//! Units and people as `org apply` reads them; `docs/examples/org.toml` is the file's shape (A4a, A4b).

mod tree;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::code::{Function, Rank, Role, UnitKind};
use super::file::read_toml;
use super::ids::{Login, UnitCode};
use super::lang::{Lang, NameFile};
use super::phrase::phrase;
use super::refusal::{Refusal, Spot};
pub use tree::OrgTree;

const RULE: &str = "A4a (Art 4)";

/// A place in the tree: the group, its headquarters and stores, their departments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its code.
    pub code: UnitCode,
    /// What it is.
    pub kind: UnitKind,
    /// A department's part in a chain; nothing else has one.
    pub function: Option<Function>,
    /// The unit above; only the group has none.
    pub parent: Option<UnitCode>,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
}

impl Unit {
    /// Its name.
    pub fn name(&self, lang: Lang) -> &str {
        lang.pick(&self.name_zh, &self.name_en)
    }
}

/// A person as they should be. Neither the name nor the file of the password is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonSpec {
    /// Their name at the door.
    pub login: Login,
    /// Their own name, 1 to 80 characters.
    pub name: String,
    /// Where they work.
    pub unit: UnitCode,
    /// Their rank.
    pub rank: Rank,
    /// What they may be, and where: sorted, without repeats.
    pub roles: Vec<(Role, UnitCode)>,
    /// A first password, for scripted set-ups; without it a one-time code is printed.
    pub password_file: Option<PathBuf>,
}

impl fmt::Debug for PersonSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonSpec({})", self.login)
    }
}

/// A checked file: what should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Its units, in the file's order.
    pub units: Vec<Unit>,
    /// Its people, in the file's order.
    pub people: Vec<PersonSpec>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrgFile {
    #[serde(default)]
    unit: Vec<UnitFile>,
    #[serde(default)]
    person: Vec<PersonFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitFile {
    code: UnitCode,
    kind: UnitKind,
    function: Option<Function>,
    parent: Option<UnitCode>,
    name: NameFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonFile {
    login: Login,
    name: String,
    unit: UnitCode,
    rank: Rank,
    #[serde(default)]
    roles: Vec<RoleFile>,
    password_file: Option<PathBuf>,
}

/// `"dept_head"`, or `{ role = "dept_head", unit = "S001-MKT" }` for a role at another unit.
struct RoleFile {
    role: Role,
    unit: Option<UnitCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleAt {
    role: Role,
    unit: UnitCode,
}

impl<'de> Deserialize<'de> for RoleFile {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = RoleFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a role, or a table with role and unit")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RoleFile, E> {
                let role = Role::parse(text).map_err(E::custom)?;
                Ok(RoleFile { role, unit: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RoleFile, A::Error> {
                let at = RoleAt::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RoleFile { role: at.role, unit: Some(at.unit) })
            }
        }

        d.deserialize_any(Either)
    }
}

impl Org {
    /// Reads the file against the units that the vault has already (the file's stand in their
    /// place), with the least rank of an information officer.
    ///
    /// # Errors
    /// A [`Refusal`]: `bad_org` names the line, unit or login; `rank_too_low` (A4b) and
    /// `roles_exclude` (A6b) the login.
    pub fn from_toml(text: &str, known: &[Unit], officer_rank: Rank) -> Result<Org, Refusal> {
        let file: OrgFile = read_toml(text)
            .map_err(|err| bad(&err).hint("compare with docs/examples/org.toml").at(Spot::Line(err.line)))?;
        let units = file.unit.into_iter().map(UnitFile::checked).collect::<Result<Vec<_>, _>>()?;
        let listed: BTreeSet<&UnitCode> = units.iter().map(|unit| &unit.code).collect();
        let kept = known.iter().filter(|unit| !listed.contains(&unit.code));
        let tree = OrgTree::new(kept.chain(&units).cloned())?;
        let people = file
            .person
            .into_iter()
            .map(|person| person.checked(&tree, officer_rank))
            .collect::<Result<Vec<_>, _>>()?;
        let mut logins = BTreeSet::new();
        match people.iter().find(|person| !logins.insert(&person.login)) {
            Some(twice) => Err(bad(format_args!("person {}: stands in the file twice", twice.login))),
            None => Ok(Org { units, people }),
        }
    }
}

impl UnitFile {
    fn checked(self) -> Result<Unit, Refusal> {
        let (name_zh, name_en) =
            self.name.checked().map_err(|(key, err)| bad(format_args!("unit {}: {key} {err}", self.code)))?;
        let department = self.kind == UnitKind::Department;
        Ok(Unit {
            function: self.function.or(department.then_some(Function::Other)),
            code: self.code,
            kind: self.kind,
            parent: self.parent,
            name_zh,
            name_en,
        })
    }
}

impl PersonFile {
    fn checked(self, tree: &OrgTree, officer_rank: Rank) -> Result<PersonSpec, Refusal> {
        let who = format!("person {}", self.login);
        let name = phrase(&self.name, 80).map_err(|err| bad(format_args!("{who}: name {err}")))?;
        let at = |role: RoleFile| (role.role, role.unit.unwrap_or_else(|| self.unit.clone()));
        let mut roles: Vec<(Role, UnitCode)> = self.roles.into_iter().map(at).collect();
        roles.sort_unstable();
        roles.dedup();
        let named = roles.iter().map(|(_, unit)| unit);
        if let Some(unit) = named.chain([&self.unit]).find(|unit| tree.get(unit).is_none()) {
            return Err(bad(format_args!("{who}: there is no unit {unit}")));
        }
        check_roles(&who, &roles)?;
        check_rank(&who, &roles, self.rank, officer_rank)?;
        Ok(PersonSpec {
            login: self.login,
            name,
            unit: self.unit,
            rank: self.rank,
            roles,
            password_file: self.password_file,
        })
    }
}

/// `admin` and `auditor` exclude each other and the chain, wherever the roles are held (A6b).
fn check_roles(who: &str, roles: &[(Role, UnitCode)]) -> Result<(), Refusal> {
    for (i, (one, _)) in roles.iter().enumerate() {
        if let Some((other, _)) = roles[i + 1..].iter().find(|(other, _)| one.excludes(*other)) {
            let message = format!("{who}: {one} and {other} exclude each other");
            return Err(Refusal::new("roles_exclude", "A6b (Art 6)", message)
                .hint("give one of the two roles to another person"));
        }
    }
    Ok(())
}

/// An information officer is of some rank or above (A4b).
fn check_rank(who: &str, roles: &[(Role, UnitCode)], rank: Rank, least: Rank) -> Result<(), Refusal> {
    let officer = roles.iter().any(|(role, _)| *role == Role::InfoOfficer);
    if officer && rank < least {
        let message = format!("{who}: an information officer is of rank {least} or above");
        return Err(Refusal::new("rank_too_low", "A4b (Art 4)", message)
            .hint("appoint someone of that rank, or correct the rank"));
    }
    Ok(())
}

fn bad(what: impl fmt::Display) -> Refusal {
    Refusal::new("bad_org", RULE, what.to_string()).hint("correct the file and apply it again")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const EXAMPLE: &str = r#"
[[unit]]
code = "GRP"
kind = "group"
name = { zh = "集团", en = "Group" }
[[unit]]
code = "HQ"
kind = "hq"
parent = "GRP"
name = { zh = "本部", en = "Headquarters" }
[[unit]]
code = "HQ-MKT"
kind = "department"
function = "marketing"
parent = "HQ"
name = { zh = "本部营销部", en = "HQ Marketing" }
[[unit]]
code = "S001"
kind = "store"
parent = "GRP"
name = { zh = "一店", en = "Store 1" }
[[unit]]
code = "S001-MKT"
kind = "department"
function = "marketing"
parent = "S001"
name = { zh = "一店营销", en = "Store 1 Marketing" }
[[unit]]
code = "S001-X"
kind = "department"
parent = "S001-MKT"
name = { zh = "一店某组", en = "Store 1, some section" }
[[person]]
login = "li.na"
name = "李娜"
unit = "HQ-MKT"
rank = "supervisor"
roles = ["info_officer", { role = "dept_head", unit = "S001-MKT" }]
password_file = "secrets/li.na"
"#;

    fn read(text: &str) -> Result<Org, Refusal> {
        Org::from_toml(text, &[], Rank::Supervisor)
    }

    fn refused(from: &str, to: &str) -> Refusal {
        assert!(EXAMPLE.contains(from), "{from}");
        read(&EXAMPLE.replacen(from, to, 1)).unwrap_err()
    }

    #[test]
    fn the_example_is_an_organisation() {
        let org = read(EXAMPLE).unwrap();
        assert_eq!(org.units.len(), 6);
        assert_eq!(org.units[5].function, Some(Function::Other));
        let roles: Vec<String> = org.people[0].roles.iter().map(|(r, u)| format!("{r}@{u}")).collect();
        assert_eq!(roles, ["info_officer@HQ-MKT", "dept_head@S001-MKT"]);
        assert_eq!(format!("{:?}", org.people), "[PersonSpec(li.na)]");
    }

    #[test]
    fn a_file_of_people_alone_stands_on_known_units() {
        let known = read(EXAMPLE).unwrap().units;
        let people = &EXAMPLE[EXAMPLE.find("[[person]]").unwrap()..];
        assert!(Org::from_toml(people, &known, Rank::Supervisor).is_ok());
        assert!(read(people).unwrap_err().message.contains("there is no unit"));
        assert!(Org::from_toml(EXAMPLE, &known, Rank::Supervisor).is_ok());
    }

    #[test]
    fn a_file_cannot_break_the_units_that_stand() {
        let known = read(EXAMPLE).unwrap().units;
        let text = "[[unit]]\ncode = \"HQ\"\nkind = \"department\"\nparent = \"S001\"\n\
                    name = { zh = \"本\", en = \"H\" }\n";
        assert!(Org::from_toml(text, &known, Rank::Supervisor).is_ok());
        let text = text.replace("\"S001\"", "\"HQ-MKT\"");
        assert!(
            Org::from_toml(&text, &known, Rank::Supervisor).unwrap_err().message.contains("above itself")
        );
    }

    #[test]
    fn an_officer_needs_the_rank() {
        let refusal = refused("\"supervisor\"", "\"staff\"");
        assert_eq!((refusal.code, refusal.rule), ("rank_too_low", "A4b (Art 4)"));
        assert!(Org::from_toml(EXAMPLE, &[], Rank::Manager).is_err());
    }

    #[test]
    fn roles_that_exclude_each_other_are_refused_across_units() {
        let refusal = refused("\"dept_head\"", "\"auditor\"");
        assert_eq!((refusal.code, refusal.rule), ("roles_exclude", "A6b (Art 6)"));
    }

    #[test]
    fn each_fault_names_its_place() {
        let again = &EXAMPLE[EXAMPLE.find("[[person]]").unwrap()..];
        assert!(read(&format!("{EXAMPLE}{again}")).unwrap_err().message.contains("li.na: stands"));
        for (from, to, says) in [
            ("\"HQ-MKT\"\nrank", "\"HQ-NIL\"\nrank", "person li.na: there is no unit HQ-NIL"),
            ("unit = \"S001-MKT\"", "unit = \"S009\"", "person li.na: there is no unit S009"),
            ("李娜", " ", "person li.na: name is empty"),
            ("en = \"Group\"", "en = \"\"", "unit GRP: name.en is empty"),
            ("\"supervisor\"", "\"chief\"", "not a known rank"),
            ("\"info_officer\"", "\"officer\"", "not a known role"),
            ("\"info_officer\"", "5", "a role, or a table with role and unit"),
            ("kind = \"group\"", "knid = \"group\"", "line 4: "),
        ] {
            assert!(refused(from, to).message.contains(says), "{to} gave {}", refused(from, to));
        }
    }
}
