//! The built-in policy holds, and every way of breaking a file is told with its file, line and key.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::model::code::{Function, UnitKind};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| block_on(Policy::load(PolicyFiles::built_in())).unwrap())
}

/// The built-in files with one text replaced by another in one of them.
fn edited(name: &str, from: &str, to: &str) -> PolicyFiles {
    let mut files: BTreeMap<String, String> =
        PolicyFiles::built_in().iter().map(|(n, t)| (n.to_owned(), t.to_owned())).collect();
    let text = files.get_mut(name).unwrap();
    assert!(text.contains(from), "{name} has no {from}");
    *text = text.replacen(from, to, 1);
    PolicyFiles::new(files).unwrap()
}

/// What `load` says of an edited file.
fn broken(name: &str, from: &str, to: &str) -> String {
    match block_on(Policy::load(edited(name, from, to))) {
        Ok(_) => "loaded".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The line of the built-in file on which `text` first stands.
fn line_of(name: &str, text: &str) -> usize {
    let files = PolicyFiles::built_in();
    let (_, whole) = files.iter().find(|(n, _)| *n == name).unwrap();
    whole.lines().position(|l| l.contains(text)).unwrap() + 1
}

#[test]
fn the_built_in_policy_gives_every_expected_answer() {
    let asked = block_on(run_tests(&PolicyFiles::built_in())).unwrap();
    assert!(asked >= 100, "only {asked} questions");
}

/// A line that denies speaks of an act as well; only a policy without any does not know it.
#[test]
fn a_policy_speaks_of_an_act_that_it_denies() {
    let (manager, head) = ("vendor_manager,vendor_confirm,any,", "member_head,vendor_confirm,any,allow\n");
    let denied = edited("acts.csv", &format!("{manager}allow\n{head}"), &format!("{manager}deny\n"));
    let denied = block_on(Policy::load(denied)).unwrap();
    assert!(denied.speaks_of(Act::VendorConfirm) && denied.permitted(Act::VendorConfirm).is_empty());
    let silent = edited("acts.csv", &format!("{manager}allow\n{head}"), "");
    assert!(!block_on(Policy::load(silent)).unwrap().speaks_of(Act::VendorConfirm));
}

#[test]
fn a_wrong_answer_names_the_question() {
    let files = edited("acts.csv", "counter,member_reveal,own,allow", "counter,member_reveal,any,allow");
    let error = block_on(run_tests(&files)).unwrap_err().to_string();
    let line = line_of("acts.test.toml", "place = \"other\"") - 3;
    assert_eq!(
        error,
        format!("acts.test.toml:{line}: expect: member_reveal: expected not_permitted, got allow")
    );
}

#[test]
fn refusals_say_who_and_what_would_pass() {
    let refusal = policy().may(&[Role::DeptHead], Act::RequestSubmit, Place::Own).unwrap_err();
    assert_eq!(refusal.code, "not_permitted");
    assert_eq!(refusal.to_string(), "a department head may not submit a request [A4c (Art 4)]");
    assert_eq!(refusal.hint, "it is permitted to an information officer (own site)");
    let refusal = policy().may(&[Role::Counter], Act::MemberReveal, Place::Other).unwrap_err();
    assert_eq!(refusal.message, "a counter may not reveal fields outside their own site");
    let refusal = policy().may(&[Role::MemberHead, Role::Auditor], Act::RequestSignMembership, Place::Own);
    let hint = refusal.unwrap_err().hint;
    assert_eq!(hint, "another role held by the same person is denied it, and a deny wins");
    // Held alone, the counter's role would pass; the hint must not send him back to it.
    let refusal = policy().may(&[Role::Counter, Role::Admin], Act::MemberReveal, Place::Own);
    assert_eq!(refusal.unwrap_err().hint, hint);
    let refusal = policy().may_carry(Purpose::Promotion, Channel::Sms, &[Field::Mobile, Field::Name]);
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.to_string(), "sms may not carry name for promotion [A7a (Art 7)]");
    assert_eq!(refusal.hint, "ask for exactly: mobile");
    let refusal = policy().may_carry(Purpose::Promotion, Channel::Email, &[Field::Email]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "email is not in Art 7's list of fields, and is off for promotion [A7c (Art 7)]"
    );
}

#[test]
fn email_is_switched_on_by_rule_and_channel_together() {
    let ruled = "promotion,email,email,";
    let half = edited("release_fields.csv", &format!("{ruled}deny"), &format!("{ruled}allow"));
    let half = block_on(Policy::load(half)).unwrap();
    assert!(half.may_carry(Purpose::Promotion, Channel::Email, &[Field::Email]).is_err());
    let line = line_of("channels.toml", "channel = \"email\"") - 2;
    assert_eq!(
        broken("channels.toml", "enabled = false", "enabled = true"),
        format!(
            "channels.toml:{line}: columns: expected what release_fields.csv allows promotion by email (nothing), are email"
        )
    );
    let mut both: BTreeMap<String, String> = half.files().iter().map(|(n, t)| (n.into(), t.into())).collect();
    let channels = both.get_mut("channels.toml").unwrap();
    *channels = channels.replacen("enabled = false", "enabled = true", 1);
    let both = block_on(Policy::load(PolicyFiles::new(both).unwrap())).unwrap();
    assert!(both.may_carry(Purpose::Promotion, Channel::Email, &[Field::Email]).is_ok());
    assert!(both.may_carry(Purpose::Service, Channel::Email, &[Field::Email]).is_err());
    assert_ne!(both.digest(), policy().digest());
}

#[test]
fn broken_acts() {
    assert_eq!(
        broken("acts.conf", "holds(r.roles", "hlods(r.roles").split(':').take(3).collect::<Vec<_>>(),
        ["acts.conf", &line_of("acts.conf", "holds(r.roles").to_string(), " m"]
    );
    assert!(broken("acts.conf", "holds(r.roles", "hlods(r.roles").contains("FunctionNotFound(\"hlods "));
    let effect = line_of("acts.conf", "e = ");
    let wanted = "expected `some(where (p.eft == allow)) && !some(where (p.eft == deny))`";
    assert_eq!(
        broken("acts.conf", " && !some(where (p.eft == deny))", ""),
        format!("acts.conf:{effect}: e: {wanted}")
    );
    assert_eq!(
        broken("acts.conf", "r = roles, act, place", "r = roles, place, act"),
        format!("acts.conf:{}: r: expected `roles, act, place`", line_of("acts.conf", "r = "))
    );
    assert_eq!(
        broken("acts.conf", "[matchers]", "[role_definition]\ng = _, _\n[matchers]"),
        format!(
            "acts.conf:{}: [role_definition]: no such section; expected request_definition, policy_definition, \
             policy_effect, matchers",
            line_of("acts.conf", "[matchers]")
        )
    );
    let first = line_of("acts.csv", "counter,member_import");
    assert_eq!(
        broken("acts.csv", "counter,member_import", "teller,member_import"),
        format!(
            "acts.csv:{first}: role: not a known role; known are: info_officer, dept_head, planning_head, \
             planning_officer, member_head, executor, vendor_manager, counter, auditor, admin"
        )
    );
    assert!(
        broken("acts.csv", "counter,member_import", "counter,member_inport")
            .starts_with(&format!("acts.csv:{first}: act: not a known act;"))
    );
    assert_eq!(
        broken("acts.csv", "counter,member_import,own,allow", "counter,member_import,own"),
        format!("acts.csv:{first}: row: expected 4 cells: role,act,where,eft")
    );
    assert_eq!(
        broken("acts.csv", "counter,member_import,own,allow", "counter,member_import,here,allow"),
        format!("acts.csv:{first}: where: not a known where; known are: own, any")
    );
    assert_eq!(
        broken(
            "acts.csv",
            "counter,member_import,own,allow",
            "counter,member_import,own,allow\ncounter,member_import,any,deny"
        ),
        format!("acts.csv:{}: eft: expected one rule; line {first} says allow, this line deny", first + 1)
    );
}

#[test]
fn broken_release_fields() {
    let line = line_of("release_fields.csv", "promotion,sms,mobile");
    assert_eq!(
        broken("release_fields.csv", "promotion,sms,mobile", "promotion,sms,card"),
        format!(
            "release_fields.csv:{line}: field: expected a contact field (name, mobile, email, address, postcode); \
             others never leave"
        )
    );
    assert_eq!(
        broken("release_fields.csv", "promotion,sms,mobile,allow", "analytics,sms,mobile,allow"),
        format!("release_fields.csv:{line}: purpose: not a known purpose; known are: promotion, service")
    );
    let wide = "m = r.channel == p.channel && r.purpose == p.purpose";
    let narrow = "m = r.field == p.field && r.channel == p.channel && r.purpose == p.purpose";
    assert_eq!(
        broken("release_fields.conf", narrow, wide),
        "release_fields.conf: m: expected a matcher that allows contact fields only"
    );
}

#[test]
fn broken_fields_and_channels() {
    let index = line_of("fields.toml", "index = true");
    assert_eq!(
        broken("fields.toml", "index = true", "indexed = true"),
        format!(
            "fields.toml:{index}: indexed: unknown field `indexed`, expected one of `name`, `class`, `type`, \
             `mask`, `index`, `keep_days`"
        )
    );
    assert_eq!(
        broken("fields.toml", "index = true", "index = \"yes\""),
        format!("fields.toml:{index}: index: invalid type: string \"yes\", expected a boolean")
    );
    assert_eq!(
        broken("fields.toml", "index = true\n", ""),
        format!("fields.toml:{}: index: missing field `index`", line_of("fields.toml", "[[field]]"))
    );
    let mobile = line_of("fields.toml", "name = \"mobile\"") - 1;
    assert_eq!(
        broken("fields.toml", "mask = \"mobile\"", "mask = \"address\""),
        format!("fields.toml:{mobile}: mask: mobile: expected mobile or hidden for type mobile")
    );
    let birthday = line_of("fields.toml", "name = \"birthday\"") - 1;
    assert_eq!(
        broken(
            "fields.toml",
            "name = \"birthday\"\nclass = \"identity\"",
            "name = \"birthday\"\nclass = \"contact\""
        ),
        format!(
            "fields.toml:{birthday}: class: birthday: expected identity; which fields may ever leave is not up to a \
             policy"
        )
    );
    assert_eq!(
        broken("fields.toml", "name = \"postcode\"", "name = \"name\""),
        format!(
            "fields.toml:{}: name: expected name once",
            line_of("fields.toml", "name = \"postcode\"") - 1
        )
    );
    let column = line_of("channels.toml", "{ header = \"address\"");
    assert!(
        broken("channels.toml", "{ header = \"address\", field", "{ header = \"address\", feild")
            .starts_with(&format!("channels.toml:{column}: feild: unknown field `feild`"))
    );
    assert!(
        broken("channels.toml", "field = \"address\"", "field = \"street\"")
            .starts_with(&format!("channels.toml:{column}: field: not a known field; known are: card,"))
    );
    let sms = line_of("channels.toml", "[[channel]]");
    assert_eq!(
        broken("channels.toml", "contact_point = \"mobile\"", "contact_point = \"post\""),
        format!("channels.toml:{sms}: contact_point: expected a contact point made of the columns' fields")
    );
    assert_eq!(
        broken(
            "fields.toml",
            "type = \"mobile\"\nmask = \"mobile\"\nindex = true",
            "type = \"mobile\"\nmask = \"mobile\"\nindex = false"
        ),
        format!("channels.toml:{sms}: contact_point: expected index = true for mobile in fields.toml")
    );
}

#[test]
fn broken_chains_retention_and_switches() {
    let second = line_of("chains.toml", "step = \"planning\"") - 1;
    assert_eq!(
        broken("chains.toml", "step = \"planning\"", "step = \"membership\""),
        format!(
            "chains.toml:{second}: step: expected dept, planning, membership, in this order (A6a, Art 6)"
        )
    );
    assert_eq!(
        broken("chains.toml", "role = \"planning_head\"", "role = \"executor\""),
        format!(
            "chains.toml:{second}: role: expected a role that acts.csv allows request_sign_planning; executor is not"
        )
    );
    let signs = line_of("chains.toml", "signs = ");
    assert_eq!(
        broken("chains.toml", "function = \"marketing\"", "function = \"planning\""),
        format!("chains.toml:{signs}: signs: expected another function than planning, which is asking")
    );
    let deputy = "[[deputy]]\nstore = \"S001\"\nslot = \"executor\"\nunit = \"HQ-IT\"\n";
    let files = edited("chains.toml", "# [[deputy]]", &format!("{deputy}# [[deputy]]"));
    let small = block_on(Policy::load(files)).unwrap();
    assert_eq!(small.chains().deputy("S001", Slot::Executor), Some("HQ-IT"));
    assert_eq!(small.chains().deputy("S002", Slot::Executor), None);
    assert!(
        broken("chains.toml", "# [[deputy]]", &deputy.replace("executor", "membership"))
            .contains("slot: expected dept, planning, executor or receiver")
    );
    let days = line_of("retention.toml", "package_keep_days");
    assert_eq!(
        broken("retention.toml", "package_keep_days = 30", "package_keep_days = 0"),
        format!("retention.toml:{days}: package_keep_days: expected 1 to 3660")
    );
    let rank = line_of("switches.toml", "info_officer = ");
    assert_eq!(
        broken("switches.toml", "info_officer = \"supervisor\"", "info_officer = \"staff\""),
        format!(
            "switches.toml:{}: minimum_rank: expected info_officer = \"supervisor\" or above (A4b, Art 4)",
            rank - 1
        )
    );
    assert_eq!(
        broken("switches.toml", "unknown_age = \"include\"", "unknown_age = \"maybe\""),
        format!(
            "switches.toml:{}: unknown_age: not a known unknown_age; known are: include, exclude",
            line_of("switches.toml", "unknown_age = ")
        )
    );
    assert!(
        broken("switches.toml", "minor_age = 14", "minor_age = ").starts_with("switches.toml:4: minor_age: ")
    );
}

#[test]
fn what_is_missing_or_named_twice_is_told() {
    assert_eq!(
        broken("switches.toml", "store_scope = \"own\"", ""),
        "switches.toml: store_scope: missing field `store_scope`"
    );
    assert_eq!(
        broken("switches.toml", "minor_age = 14", "minor_age = 14\nminor_age = 15"),
        "switches.toml:5: minor_age: duplicate key"
    );
    let executor = line_of("chains.toml", "[hq.executor]");
    assert!(
        broken("chains.toml", "[hq.executor]", "[hq.executer]")
            .starts_with(&format!("chains.toml:{executor}: [hq.executer]: unknown field `executer`"))
    );
    assert_eq!(
        broken("chains.toml", "[hq.executor]\nrole = \"executor\"\n", "[hq.executor]\n"),
        format!("chains.toml:{executor}: role: missing field `role`")
    );
    let deny = line_of("release_fields.csv", "promotion,email");
    assert_eq!(
        broken("release_fields.csv", "promotion,email,email,deny", "promotion,email,email,no"),
        format!("release_fields.csv:{deny}: eft: expected allow or deny")
    );
    assert_eq!(
        broken("acts.csv", "role,act,where,eft", "act,role,where,eft"),
        format!(
            "acts.csv:{}: act,role,where,eft: expected the header `role,act,where,eft`",
            line_of("acts.csv", "role,act,where,eft")
        )
    );
    let question = edited("acts.test.toml", "place = \"own\"", "plaice = \"own\"");
    let error = block_on(run_tests(&question)).unwrap_err().to_string();
    assert!(error.starts_with("acts.test.toml:8: plaice: unknown field `plaice`"), "{error}");
}

#[test]
fn a_policy_goes_between_threads() {
    fn both<T: Send + Sync>(_: &T) {}
    both(policy());
}

#[test]
fn the_hq_chain_stays_at_headquarters_and_the_store_chain_in_the_store() {
    for kind in [UnitKind::Hq, UnitKind::Store] {
        let chain = policy().chains().of(kind).unwrap();
        assert_eq!(chain.seat(Slot::Planning, Function::Marketing).site, Site::Own, "A5b");
        assert_eq!(chain.seat(Slot::Membership, Function::Marketing).site, Site::Hq);
    }
    assert!(policy().chains().of(UnitKind::Department).is_none());
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    prop::sample::subsequence(Role::ALL, 0..=Role::ALL.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    // A set of roles may do exactly what one of them may, unless one of them is denied it by name.
    #[test]
    fn a_deny_wins_over_any_set_of_roles(held in roles(), act in prop::sample::select(Act::ALL)) {
        let denied = [Act::MemberReveal, Act::RequestSubmit, Act::RequestSignDept, Act::RequestSignPlanning,
            Act::RequestSignMembership, Act::RequestExecute, Act::PackageDownload, Act::PackageHandOff];
        for place in Place::ALL {
            let one = held.iter().any(|role| policy().may(&[*role], act, *place).is_ok());
            let void = denied.contains(&act) && (held.contains(&Role::Admin) || held.contains(&Role::Auditor));
            prop_assert_eq!(policy().may(&held, act, *place).is_ok(), one && !void);
        }
    }

    // Of all sets of fields exactly one passes on a channel that is on, and none on one that is off.
    #[test]
    fn only_the_exact_set_of_fields_leaves(fields in prop::sample::subsequence(Field::ALL, 0..=Field::ALL.len())) {
        use Field::*;
        for purpose in Purpose::ALL {
            let may = |channel| policy().may_carry(*purpose, channel, &fields).is_ok();
            prop_assert_eq!(may(Channel::Sms), fields == [Mobile]);
            prop_assert_eq!(may(Channel::Post), fields == [Name, Address, Postcode]);
            prop_assert!(!may(Channel::Email));
        }
    }
}
