//! Members through the broker, on both engines: files in, people looking and correcting, erasing.

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use countersign::access::Staff;
use countersign::audit::event::{Action, Actor, Event};
use countersign::broker::documents::NewDocument;
use countersign::broker::found::Found;
use countersign::broker::imports::{ImportOptions, ImportReport};
use countersign::broker::members::Subject;
use countersign::broker::{Broker, Caller, Error};
use countersign::model::code::{Channel, Function, Purpose, Rank, RecipientClass, Role, UnitKind};
use countersign::model::contact::CardNo;
use countersign::model::field::{Field, Index};
use countersign::model::ids::{Digest, Login, UnitCode};
use countersign::model::org::Unit;
use countersign::model::scope::{Scope, Scopes};
use countersign::store::Place;
use countersign::store::chunks::State;
use countersign::store::people::{Person, RoleGrant};
use countersign::store::tokens::TokenRow;
use countersign::store::undertakings::UndertakingRow;
use serde_json::Value;
use support::generate::generate;

/// A vault with a headquarters, eight stores and a few people.
struct Vault {
    broker: Broker,
    place: Place,
    _dir: tempfile::TempDir,
}

/// Columns of the small files in here.
const HEADER: &str = "卡号,姓名,手机,邮箱,地址,邮编,生日,归属门店,规约,规约版本,同意短信,同意时间,同意凭证";

impl Vault {
    async fn new(url: impl Fn(&std::path::Path) -> String) -> Vault {
        let dir = tempfile::tempdir().unwrap();
        let place = |dir: &std::path::Path| Place {
            dir: dir.join("data"),
            url: url(&dir.join("data")),
            high_water: Some(dir.join("high-water")),
            passphrase: None,
            clock: None,
        };
        let broker = Broker::create(&place(dir.path()), true, "Asia/Shanghai").await.unwrap();
        let vault = Vault { broker, place: place(dir.path()), _dir: dir };
        vault.organise().await;
        vault
    }

    async fn organise(&self) {
        let code = |c: &str| UnitCode::parse(c).unwrap();
        let unit = |c: &str, kind, function, parent: Option<&str>| Unit {
            code: code(c),
            kind,
            function,
            parent: parent.map(code),
            name_zh: c.into(),
            name_en: c.into(),
        };
        let undertaking = self.broker.undertaking().await.unwrap();
        let mut work = self.broker.store().work().await.unwrap();
        let mut units = vec![
            unit("GRP", UnitKind::Group, None, None),
            unit("HQ", UnitKind::Hq, None, Some("GRP")),
            unit("HQ-MEM", UnitKind::Department, Some(Function::Membership), Some("HQ")),
        ];
        for n in 1..=8 {
            let store = format!("S{n:03}");
            units.push(unit(&store, UnitKind::Store, None, Some("GRP")));
            units.push(unit(
                &format!("{store}-CS"),
                UnitKind::Department,
                Some(Function::Other),
                Some(&store),
            ));
        }
        for unit in &units {
            work.put_unit(unit).await.unwrap();
        }
        for (login, role, at) in [
            ("admin", Role::Admin, "GRP"),
            ("head", Role::MemberHead, "HQ-MEM"),
            ("one", Role::Counter, "S001-CS"),
            ("two", Role::Counter, "S002-CS"),
            ("auditor", Role::Auditor, "HQ"),
        ] {
            let login = Login::parse(login).unwrap();
            let person = Person {
                login: login.clone(),
                name: login.to_string(),
                unit: code(at),
                rank: Rank::Manager,
                suspended: false,
            };
            work.put_person(&person).await.unwrap();
            work.grant_role(&RoleGrant { login: login.clone(), role, unit: code(at) }).await.unwrap();
            let (version, digest, at) = (undertaking.version.clone(), undertaking.texts[0].digest, work.at());
            work.add_undertaking(&UndertakingRow { login, version, digest, at }).await.unwrap();
        }
        work.commit(Event::new(Action::OrgApplied, Actor::Operator)).await.unwrap();
        for family in ["member_covenant", "points_card_covenant"] {
            for version in ["2011-07", "2019-01", "2024-06"] {
                let document = NewDocument {
                    family: family.into(),
                    version: version.into(),
                    language: "zh".into(),
                    body: format!("{family} {version}"),
                    effective_on: None,
                };
                self.broker.document_add(&self.caller("admin").await, document).await.unwrap();
            }
        }
    }

    fn place_again(&self) -> Place {
        let Place { dir, url, high_water, .. } = &self.place;
        Place {
            dir: dir.clone(),
            url: url.clone(),
            high_water: high_water.clone(),
            passphrase: None,
            clock: None,
        }
    }

    async fn caller(&self, login: &str) -> Caller {
        let mut view = self.broker.store().view().await.unwrap();
        Staff::load(&mut view).await.unwrap().caller(&Login::parse(login).unwrap()).unwrap()
    }

    async fn try_import(
        &self,
        login: &str,
        csv: impl Into<Vec<u8>>,
        dry: bool,
    ) -> Result<(ImportReport, String), Error> {
        let errors = Shared::default();
        let options =
            ImportOptions { dry_run: dry, errors: Some(Box::new(errors.clone())), progress: &|_| {} };
        let input = Box::new(std::io::Cursor::new(csv.into()));
        let report = self.broker.member_import(&self.caller(login).await, input, options).await?;
        let errors = String::from_utf8(errors.0.lock().unwrap().clone()).unwrap();
        Ok((report, errors))
    }

    async fn import(&self, csv: impl Into<Vec<u8>>) -> ImportReport {
        self.try_import("head", csv, false).await.unwrap().0
    }

    async fn found(&self, login: &str, index: Index, value: &str) -> usize {
        self.broker.member_look_up(&self.caller(login).await, index, value).await.unwrap().len()
    }

    async fn sms(&self, card: &str) -> String {
        let shown = self.broker.consent_show(&self.caller("head").await, &no(card)).await.unwrap();
        let state = shown.states.iter().find(|s| s.channel == Channel::Sms);
        state.map_or("none", |s| s.state).to_owned()
    }

    async fn last_leaf(&self) -> Value {
        let mut view = self.broker.store().view().await.unwrap();
        let size = view.log_size().await.unwrap();
        let leaf = view.leaves(size - 1, size).await.unwrap().pop().unwrap();
        serde_json::from_slice(&leaf.1).unwrap()
    }

    async fn members(&self) -> i64 {
        self.broker.store().view().await.unwrap().member_count().await.unwrap()
    }

    /// Whatever was done, everything must still fit everything.
    async fn check(&self) {
        let found = self.broker.store().verify(true, &[]).await.unwrap();
        assert!(found.verified, "{:?}", found.problems);
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn no(card: &str) -> CardNo {
    CardNo::parse(card).unwrap()
}

fn code(error: Error) -> &'static str {
    match error {
        Error::Refused(refusal) => refusal.code,
        Error::Input { code, .. } => code,
        other => panic!("{other}"),
    }
}

/// A row for [`HEADER`]: card, mobile, store, consent to sms, consent time and evidence.
fn row(card: &str, mobile: &str, store: &str, sms: &str, proof: &str) -> String {
    format!(
        "{card},李娜,{mobile},,杭州市样例路1号,310000,1990-01-02,{store},会员规约,2019-01,{sms},{proof}\r\n"
    )
}

fn file(rows: &[String]) -> String {
    format!("{HEADER}\r\n{}", rows.concat())
}

/// Six numbers of a report: read, created, updated, unchanged, rejected, kept.
fn six(report: &ImportReport) -> [u64; 6] {
    let c = &report.counts;
    [c.read, c.created, c.updated, c.unchanged, c.rejected, c.kept]
}

/// One test on both engines.
macro_rules! on_both {
    ($($name:ident($vault:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn run($vault: Vault) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                run(Vault::new(|dir| format!("sqlite:{}", dir.join("vault.db").display())).await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                let url = support::postgres::fresh_database();
                run(Vault::new(move |_| url.clone()).await).await;
            }
        }
    )+};
}

on_both! {
    files_go_in_once(vault) {
        let sample = std::fs::read("tests/data/members_sample.csv").unwrap();
        let (first, errors) = vault.try_import("head", sample.clone(), false).await.unwrap();
        let [read, created, updated, unchanged, rejected, kept] = six(&first);
        assert_eq!(read, created + updated + unchanged + rejected);
        assert!(created > 20 && updated == 1 && rejected > 5 && kept == 0, "{first:?}");
        assert!(errors.contains("unknown_store") || errors.contains("not_store"), "{errors}");
        assert!(!errors.contains("770000"), "no value in the errors file: {errors}");
        let lines: std::collections::BTreeSet<_> =
            errors.lines().skip(1).map(|l| l.split(',').next().unwrap().to_owned()).collect();
        assert_eq!(lines.len() as u64, rejected);

        let again = vault.import(sample).await;
        assert_eq!(again.counts.created, 0);
        assert_eq!(again.counts.unchanged + again.counts.rejected + again.counts.updated, read);

        let generated = generate(400, 7);
        let report = vault.import(generated.csv.clone()).await;
        let accepted = generated.accepted().count() as u64;
        assert_eq!(six(&report), [400, accepted, 0, 0, 400 - accepted, 0]);
        assert!(report.flagged > Some(0), "a repeated mobile is flagged");
        let leaf = vault.last_leaf().await;
        assert_eq!(leaf["action"], "import.finished");
        assert_eq!(leaf["counts"]["created"], accepted);
        assert_eq!(leaf["digests"]["sha256"], report.sha256.to_string());
        let report = vault.import(generated.csv).await;
        assert_eq!(six(&report), [400, 0, 0, accepted, 400 - accepted, 0]);
        vault.check().await;
    }

    attributes_say_what_is_there(vault) {
        let rows = [
            row("A1", "13900000001", "S001", "", ",").replace("李娜", "=1+1"),
            row("A2", "", "S001", "", ",").replace("310000", "").replace("会员规约,2019-01", ","),
        ];
        vault.import(file(&rows)).await;
        let mut view = vault.broker.store().view().await.unwrap();
        let last = 2;
        let first = view.member(last - 1).await.unwrap().unwrap().attributes;
        assert_eq!(first.unsafe_fields, Field::Name.bit());
        assert_eq!((first.birth_month, first.active, first.tags.len()), (Some(1), true, 3));
        let second = view.member(last).await.unwrap().unwrap().attributes;
        let there = [Field::Card, Field::Name, Field::Address, Field::Birthday];
        assert_eq!(second.present, there.iter().map(|f| f.bit()).sum::<i64>());
        assert_eq!((second.active, second.covenant, second.tags.len()), (false, None, 1));
        drop(view);
        // The postal contact point comes when the three are there, from whichever file.
        let with_postcode = "卡号,姓名,邮编\r\nA2,李娜,310000\r\n";
        assert_eq!(six(&vault.import(with_postcode).await), [1, 0, 1, 0, 0, 0]);
        let mut view = vault.broker.store().view().await.unwrap();
        assert_eq!(view.member(last).await.unwrap().unwrap().attributes.tags.len(), 2);
        drop(view);
        vault.check().await;
    }

    two_imports_of_one_file_at_once(vault) {
        let generated = generate(600, 11);
        let accepted = generated.accepted().count() as u64;
        let (other, _) = Broker::open(&vault.place).await.unwrap();
        let other = Vault { broker: other, place: vault.place_again(), _dir: tempfile::tempdir().unwrap() };
        let (a, b) = tokio::join!(vault.import(generated.csv.clone()), other.import(generated.csv.clone()));
        assert_eq!(a.counts.created + b.counts.created, accepted);
        assert_eq!(a.counts.unchanged + b.counts.unchanged, accepted);
        assert_eq!(vault.members().await as u64, accepted);
        // No key is left that came to no member.
        vault.check().await;
        other.broker.store().close().await;
    }

    a_swept_key_is_noticed(vault) {
        vault.import(file(&[row("A1", "13900000001", "S001", "", ",")])).await;
        let store = vault.broker.store();
        let mut view = store.view().await.unwrap();
        let ordinal = 1;
        let mut member = view.member(ordinal).await.unwrap().unwrap();
        let key = view.data_key(ordinal).await.unwrap().unwrap();
        drop(view);
        member.ordinal = store.birth(&[key]).await.unwrap();
        assert_eq!(store.sweep_orphan_keys().await.unwrap(), 1);
        let mut work = store.work().await.unwrap();
        let error = work.insert_members(&[member]).await.unwrap_err();
        assert!(matches!(error, countersign::store::StoreError::Conflict(_)));
        drop(work);
        vault.check().await;
    }

    a_dry_run_stores_nothing(vault) {
        let generated = generate(200, 3);
        let accepted = generated.accepted().count() as u64;
        let (report, errors) = vault.try_import("head", generated.csv.clone(), true).await.unwrap();
        assert_eq!(six(&report), [200, accepted, 0, 0, 200 - accepted, 0]);
        assert_eq!(errors.lines().count() as u64 - 1, 200 - accepted);
        assert_eq!(vault.members().await, 0);
        assert_eq!((report.flagged, vault.last_leaf().await["action"].as_str()), (None, Some("import.dry_run")));
        vault.import(generated.csv.clone()).await;
        // Who may not reveal is not told which rows say what is stored.
        let (report, _) = vault.try_import("head", generated.csv, true).await.unwrap();
        assert_eq!(six(&report), [200, 0, accepted, 0, 200 - accepted, 0]);
        vault.check().await;
    }

    a_dry_run_answers_no_guess(vault) {
        let rows = [row("A1", "13900000001", "S001", "", ","), row("A2", "13900000001", "S001", "", ",")];
        vault.import(file(&rows)).await;
        let (one, card) = (vault.caller("one").await, no("A1"));
        vault.broker.member_correct(&one, &card, Field::Email, "a@example.com", "客户来店更正").await.unwrap();
        let guess = |email: &str, mobile: &str| row("A1", mobile, "S001", "", ",").replace(",,杭州", &format!(",{email},杭州"));
        let (right, wrong) = (guess("a@example.com", "13900000001"), guess("b@example.com", "13900000002"));
        // The head may not reveal: right or wrong, counted and flagged alike.
        for guess in [&right, &wrong] {
            let (report, _) = vault.try_import("head", file(std::slice::from_ref(guess)), true).await.unwrap();
            assert_eq!((six(&report), report.flagged), ([1, 0, 1, 0, 0, 0], None));
        }
        // The counter may, and is told of the first row of each card.
        let of = |rows: &[&String]| file(&rows.iter().map(|row| (*row).clone()).collect::<Vec<_>>());
        for (rows, expected) in [
            (vec![&right], [1, 0, 0, 1, 0, 0]),
            (vec![&right, &right, &wrong], [3, 0, 2, 1, 0, 0]),
            (vec![&wrong, &right, &right], [3, 0, 3, 0, 0, 1]),
        ] {
            let (report, _) = vault.try_import("one", of(&rows), true).await.unwrap();
            assert_eq!(six(&report), expected);
        }
        vault.check().await;
    }

    a_repeated_card_is_an_update(vault) {
        let rows = [
            row("A1", "13900000001", "S001", "是", ","),
            row("A2", "13900000002", "S001", "", ","),
            row("A1", "13900000003", "S001", "否", ","),
            row("A1", "13900000004", "S002", "", ","),
        ];
        let report = vault.import(file(&rows)).await;
        assert_eq!(six(&report), [4, 2, 2, 0, 0, 0]);
        assert_eq!(vault.found("head", Index::Mobile, "13900000004").await, 1);
        for gone in ["13900000001", "13900000003"] {
            assert_eq!(vault.found("head", Index::Mobile, gone).await, 0);
        }
        assert_eq!(vault.sms("A1").await, "withdrawn");
        assert_eq!(vault.found("two", Index::Card, "A1").await, 1, "it moved to another store");
        vault.check().await;
    }

    what_a_person_set_is_kept(vault) {
        vault.import(file(&[row("A1", "13900000001", "S001", "", ",")])).await;
        let (one, card) = (vault.caller("one").await, no("A1"));
        vault.broker.member_correct(&one, &card, Field::Mobile, "139-1111-1111", "客户来店更正").await.unwrap();
        vault.broker.member_correct(&one, &card, Field::Birthday, "2020-05-06", "客户来店更正").await.unwrap();
        vault.broker.member_correct(&one, &card, Field::Name, "李娜娜", "客户来店更正").await.unwrap();
        let leaf = vault.last_leaf().await;
        assert_eq!((&leaf["action"], &leaf["counts"]["changed"]), (&"member.corrected".into(), &1.into()));
        assert_eq!(leaf["fields"].as_array().unwrap().len(), 3, "name, and what was opened to tag it");

        let report = vault.import(file(&[row("A1", "13900000001", "S001", "", ",")])).await;
        assert_eq!(six(&report), [1, 0, 0, 1, 0, 3]);
        assert_eq!(vault.found("one", Index::Mobile, "13911111111").await, 1);
        assert_eq!(vault.found("one", Index::Mobile, "13900000001").await, 0);
        // Another change in the row still comes through.
        let report = vault.import(file(&[row("A1", "13900000001", "S001", "", ",").replace("310000", "310001")])).await;
        assert_eq!(six(&report), [1, 0, 1, 0, 0, 3]);

        for (field, value, reason, refused) in [
            (Field::Mobile, "1390000", "客户来店更正", "not_mobile"),
            (Field::Mobile, "13900000009", "x", "reason_missing"),
            (Field::Card, "A2", "客户来店更正", "card_fixed"),
        ] {
            let error = vault.broker.member_correct(&one, &card, field, value, reason).await.unwrap_err();
            assert_eq!(code(error), refused);
            assert_eq!(vault.last_leaf().await["refusal"]["code"], refused);
        }
        vault.check().await;
    }

    an_import_never_lifts_a_refusal(vault) {
        let of = |card: &str, sms: &str, proof: &str| file(&[row(card, "13900000001", "S001", sms, proof)]);
        vault.import(of("A1", "是", ",")).await;
        assert_eq!(vault.sms("A1").await, "granted");
        let (one, card) = (vault.caller("one").await, no("A1"));
        let said = vault
            .broker
            .consent_set(&one, &card, Purpose::Promotion, Channel::Sms, RecipientClass::Company, false, "表单 17")
            .await
            .unwrap();
        assert_eq!(said, State::Withdrawn);
        assert_eq!(six(&vault.import(of("A1", "是", ",")).await), [1, 0, 0, 1, 0, 1]);
        assert_eq!(vault.sms("A1").await, "withdrawn");
        let earlier = vault.import(of("A1", "是", "2020-01-01,表单 18")).await;
        assert_eq!(six(&earlier), [1, 0, 0, 1, 0, 1]);
        let now = jiff::Timestamp::now();
        let unproven = vault.import(of("A1", "是", &format!("{now},"))).await;
        assert_eq!(six(&unproven), [1, 0, 0, 1, 0, 1]);
        // What is to be said in an hour is no proof, what is to be said in a year not even a row.
        let soon = now + jiff::SignedDuration::from_hours(1);
        let soon = vault.import(of("A1", "是", &format!("{soon},表单 18"))).await;
        assert_eq!(six(&soon), [1, 0, 0, 1, 0, 1]);
        let (report, errors) = vault.try_import("head", of("A1", "是", "2099-01-01,表单 18"), false).await.unwrap();
        assert_eq!(six(&report), [1, 0, 0, 0, 1, 0]);
        assert!(errors.contains("consent_at") && errors.contains("in_future"), "{errors}");
        assert_eq!(vault.sms("A1").await, "withdrawn");
        let later = vault.import(of("A1", "是", &format!("{now},表单 18"))).await;
        assert_eq!(six(&later), [1, 0, 1, 0, 0, 0]);
        assert_eq!(vault.sms("A1").await, "granted");
        assert_eq!(six(&vault.import(of("A1", "否", ",")).await), [1, 0, 1, 0, 0, 0]);
        assert_eq!(six(&vault.import(of("A1", "否", ",")).await), [1, 0, 0, 1, 0, 0]);

        let shown = vault.broker.consent_show(&one, &card).await.unwrap();
        let history: Vec<_> = shown.history.iter().map(|o| (o.granted, o.evidence)).collect();
        assert_eq!(history, [(true, false), (false, true), (true, true), (false, false)]);
        // Another channel was never spoken of.
        assert_eq!(shown.states.len(), 1);
        vault.check().await;
    }

    nobody_reaches_into_another_store(vault) {
        let rows = [row("A1", "13900000001", "S001", "", ","), row("A2", "13900000002", "S002", "", ",")];
        vault.import(file(&rows)).await;
        let (one, two) = (vault.caller("one").await, vault.caller("two").await);
        // To whom a member is not, he is not there; both answers are the same, and entries.
        for card in ["A2", "A9"] {
            let error = vault.broker.member_show(&one, &no(card)).await.unwrap_err();
            assert_eq!(code(error), "unknown_member");
            let leaf = vault.last_leaf().await;
            assert_eq!(leaf["refusal"]["code"], "unknown_member");
            assert_eq!(leaf["member"].is_string(), card == "A2");
        }
        assert_eq!(vault.found("one", Index::Mobile, "13900000002").await, 0);
        assert_eq!(vault.found("two", Index::Mobile, "13900000002").await, 1);
        assert_eq!(vault.found("head", Index::Card, "A1").await, 1);
        assert_eq!(
            code(vault.broker.member_correct(&two, &no("A1"), Field::Name, "王芳", "没有理由").await.unwrap_err()),
            "unknown_member"
        );
        for login in ["admin", "auditor"] {
            let error = vault.broker.member_show(&vault.caller(login).await, &no("A1")).await.unwrap_err();
            assert_eq!(code(error), "not_permitted");
        }
        // Rows: another store's, one that would take a member over, one without a store.
        let rows = [
            row("B1", "13900000011", "S001", "", ","),
            row("B2", "13900000012", "S002", "", ","),
            row("A2", "13900000013", "S001", "", ","),
            row("B3", "13900000014", "", "", ","),
            row("B4", "13900000015", "S999", "", ","),
            row("B5", "13900000016", "S001", "", ",").replace("2019-01", "2000-01"),
        ];
        let (report, errors) = vault.try_import("one", file(&rows), false).await.unwrap();
        assert_eq!(six(&report), [6, 1, 0, 0, 5, 0]);
        let codes: Vec<_> = errors.lines().skip(1).map(|l| l.split(',').nth(3).unwrap()).collect();
        assert_eq!(codes, ["other_store", "other_store", "other_store", "unknown_store", "unknown_covenant"]);
        let error = vault.try_import("auditor", file(&rows), false).await.unwrap_err();
        assert_eq!(code(error), "not_permitted");
        assert_eq!(vault.last_leaf().await["decision"], "refuse");
        vault.check().await;
    }

    looking_is_masked_and_revealing_wants_a_reason(vault) {
        vault.import(file(&[row("88001234", "13900000001", "S001", "是", ",")])).await;
        let (one, card) = (vault.caller("one").await, no("88001234"));
        let shown = vault.broker.member_show(&one, &card).await.unwrap();
        let fields: BTreeMap<_, _> = shown.fields.iter().map(|(f, m)| (f.code(), m.as_str())).collect();
        assert_eq!(fields["mobile"], "139****0001");
        assert_eq!(fields["name"], "李*");
        assert!(!serde_json::to_string(&shown).unwrap().contains("13900000001"));
        assert_eq!((shown.status, shown.consents[0].state), ("active", "granted"));

        let error = vault.broker.member_reveal(&one, &card, &[Field::Mobile], " x ").await.err().unwrap();
        assert_eq!(code(error), "reason_missing");
        let opened = vault.broker.member_reveal(&one, &card, &[Field::Mobile], "核对手机").await.unwrap();
        assert_eq!(opened.iter().map(|o| o.0).collect::<Vec<_>>(), [Field::Mobile]);
        let leaf = vault.last_leaf().await;
        assert_eq!((&leaf["action"], &leaf["fields"][0]), (&"member.revealed".into(), &"mobile".into()));
        assert!(leaf["digests"]["commitment"].is_string());
        assert!(!leaf.to_string().contains("核对手机"));
        let error = vault.broker.member_look_up(&one, Index::Mobile, "139").await.unwrap_err();
        assert_eq!(code(error), "not_mobile");
        assert!(!vault.last_leaf().await.to_string().contains("139\""));
        assert_eq!(
            code(vault.broker.member_reveal(&vault.caller("head").await, &card, &[Field::Name], "理由充分").await.err().unwrap()),
            "not_permitted"
        );
        vault.check().await;
    }

    whoever_is_taken_away_in_between_is_not_opened(vault) {
        let rows = [row("A1", "13900000001", "S001", "", ","), row("A2", "13900000002", "S001", "", ",")];
        vault.import(file(&rows)).await;
        let (one, head, broker) = (vault.caller("one").await, vault.caller("head").await, &vault.broker);
        let (moved, erased) = (no("A1"), no("A2"));
        // Both are read while another has the writer's turn, who then moves the one and erases the other.
        let mut work = broker.store().work().await.unwrap();
        let last = vault.members().await;
        let turn = async {
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            let old = work.view().member(last - 1).await.unwrap().unwrap();
            let mut new = old.clone();
            new.attributes.home_store = Some("S002".into());
            work.update_member(&old, &new).await.unwrap();
            let gone = work.view().member(last).await.unwrap().unwrap();
            work.delete_member(&gone).await.unwrap();
            let age = |c: &mut countersign::store::chunks::Chunks| c.set_birthday(last, None);
            work.change_chunks("age", [last].into_iter(), age).await.unwrap();
            work.commit(Event::new(Action::ImportBatch, Actor::Operator)).await.unwrap();
            broker.store().destroy_key(last).await.unwrap();
        };
        let ((), shown, revealed, looked, other, consents, again) = tokio::join!(
            turn,
            broker.member_show(&one, &moved),
            broker.member_reveal(&one, &moved, &[Field::Mobile], "核对手机"),
            broker.member_look_up(&one, Index::Mobile, "13900000001"),
            broker.member_reveal(&one, &erased, &[Field::Mobile], "核对手机"),
            broker.consent_show(&one, &erased),
            broker.member_erase(&head, &erased, "本人要求"),
        );
        for error in [shown.err(), revealed.err(), other.err(), consents.err(), again.err()] {
            assert_eq!(code(error.expect("refused")), "unknown_member");
        }
        assert!(looked.unwrap().is_empty(), "he is of another store by now");
        let mut view = broker.store().view().await.unwrap();
        let size = view.log_size().await.unwrap();
        for (_, leaf) in view.leaves(size - 6, size).await.unwrap() {
            let leaf: Value = serde_json::from_slice(&leaf).unwrap();
            match leaf["action"].as_str() {
                Some("member.looked_up") => assert_eq!(leaf["counts"]["found"], 0, "{leaf}"),
                _ => assert_eq!(leaf["refusal"]["code"], "unknown_member", "{leaf}"),
            }
        }
        drop(view);
        vault.check().await;
    }

    who_is_suspended_in_between_does_nothing_more(vault) {
        let rows = [row("A1", "13900000001", "S001", "", ","), row("A2", "13900000002", "S001", "", ",")];
        vault.import(file(&rows)).await;
        let (broker, card, nobody) = (&vault.broker, no("A1"), no("A9"));
        let code_of = |c: &str| UnitCode::parse(c).unwrap();
        // A program of somebody who stays, whose token is revoked.
        let mut token = TokenRow {
            id: 1,
            hash: Digest([7; 32]),
            login: Login::parse("two").unwrap(),
            name: "till".into(),
            scopes: Scopes::of([Scope::MembersLookUp]).unwrap(),
            unit: code_of("S002"),
            made_at: broker.clock().now(),
            ends_at: broker.clock().now() + 3_600_000_000,
            revoked: None,
        };
        let mut work = broker.store().work().await.unwrap();
        work.put_token(&token).await.unwrap();
        work.commit(Event::new(Action::TokenMade, Actor::Operator)).await.unwrap();
        let (one, head) = (vault.caller("one").await, vault.caller("head").await);
        let auditor = vault.caller("auditor").await;
        let mut view = broker.store().view().await.unwrap();
        let program = Staff::load(&mut view).await.unwrap().caller_by(&token).unwrap();
        drop(view);
        // All are let in and find the member while another has the writer's turn, who then takes their right away.
        let mut work = broker.store().work().await.unwrap();
        let turn = async {
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            for person in work.view().people().await.unwrap() {
                if ["one", "head", "auditor"].contains(&person.login.as_str()) {
                    work.put_person(&Person { suspended: true, ..person }).await.unwrap();
                }
            }
            token.revoked = Some((None, work.at()));
            work.put_token(&token).await.unwrap();
            work.commit(Event::new(Action::PersonSuspended, Actor::Operator)).await.unwrap();
        };
        let ((), shown, missed, revealed, looked, set, corrected, erased, by_program, saw, suppressed) = tokio::join!(
            turn,
            broker.member_show(&one, &card),
            broker.member_show(&one, &nobody),
            broker.member_reveal(&one, &card, &[Field::Mobile], "核对手机"),
            broker.member_look_up(&one, Index::Mobile, "13900000001"),
            broker.consent_set(&one, &card, Purpose::Promotion, Channel::Sms, RecipientClass::Company, true, ""),
            broker.member_correct(&one, &card, Field::Mobile, "13900000003", "本人要求"),
            broker.member_erase(&head, &card, "本人要求"),
            broker.member_look_up(&program, Index::Mobile, "13900000002"),
            broker.member_who_saw(&auditor, Subject::Card(card.clone())),
            broker.suppression_import(&head, Box::new(&b"mobile\n13900000009\n"[..]), "本人要求", None),
        );
        let refused = [shown.err(), revealed.err(), looked.err(), set.err(), corrected.err(), erased.err()];
        for error in refused.into_iter().chain([missed.err(), saw.err(), suppressed.err()]) {
            assert_eq!(code(error.expect("refused")), "suspended");
        }
        assert_eq!(code(by_program.expect_err("refused")), "not_signed_in");
        let mut view = broker.store().view().await.unwrap();
        let size = view.log_size().await.unwrap();
        for (_, leaf) in view.leaves(size - 10, size).await.unwrap() {
            let leaf: Value = serde_json::from_slice(&leaf).unwrap();
            assert_eq!(leaf["decision"], "refuse", "{leaf}");
        }
        drop(view);
        vault.check().await;
    }

    what_is_wrong_with_a_question_tells_nobody_who_is_there(vault) {
        vault.import(file(&[row("A1", "13900000001", "S001", "", ",")])).await;
        let (one, head, broker) = (vault.caller("one").await, vault.caller("head").await, &vault.broker);
        let long = "很".repeat(257);
        let (class, vendor) = (Purpose::Promotion, RecipientClass::Company);
        for (card, is_there) in [(no("A1"), true), (no("NONE1"), false)] {
            let reveal = broker.member_reveal(&one, &card, &[Field::Mobile], "").await.err();
            let fields = broker.member_reveal(&one, &card, &[], "核对手机").await.err();
            let correct = broker.member_correct(&one, &card, Field::Mobile, "1390000000", "").await.err();
            let value = broker.member_correct(&one, &card, Field::Mobile, "x", "本人要求").await.err();
            let verify = broker.member_verify(&one, &card, Field::Mobile, "x").await.err();
            let erase = broker.member_erase(&head, &card, "短").await.err();
            let set = broker.consent_set(&one, &card, class, Channel::Sms, vendor, true, &long).await.err();
            let lengthy = broker.member_reveal(&one, &card, &[Field::Mobile], &"很".repeat(501)).await.err();
            let codes = [reveal, fields, correct, value, verify, erase, set, lengthy].map(|e| code(e.unwrap()));
            assert_eq!(codes[..3], ["reason_missing", "fields_missing", "reason_missing"]);
            assert_eq!(codes[3], codes[4]);
            assert_eq!(codes[5..], ["reason_missing", "evidence_too_long", "reason_too_long"]);
            // The log knows whom it was about; nobody else is told.
            assert_eq!(vault.last_leaf().await["member"].is_string(), is_there);
        }
    }

    reasons_about_an_erased_member_go_with_him(vault) {
        let rows = [row("A1", "13900000001", "S001", "", ","), row("A2", "13900000002", "S001", "", ",")];
        vault.import(file(&rows)).await;
        let (one, head) = (vault.caller("one").await, vault.caller("head").await);
        for card in ["A1", "A2"] {
            vault.broker.member_reveal(&one, &no(card), &[Field::Mobile], "李娜来电").await.unwrap();
            vault.broker.member_correct(&one, &no(card), Field::Name, "李娜娜", "李娜来店").await.unwrap();
        }
        let kept = async || {
            let mut view = vault.broker.store().view().await.unwrap();
            let mut kept = Vec::new();
            for seq in 0..view.log_size().await.unwrap() {
                kept.extend(view.remark(seq).await.unwrap());
            }
            kept
        };
        assert_eq!(kept().await, ["李娜来电", "李娜来店", "李娜来电", "李娜来店"]);
        vault.broker.member_erase(&head, &no("A1"), "本人要求").await.unwrap();
        assert_eq!(kept().await, ["李娜来电", "李娜来店", "本人要求"]);
        vault.check().await;
    }

    an_erased_member_is_gone_and_stays_gone(vault) {
        let other = row("A2", "13900000002", "S001", "是", ",").replace("样例路1号", "样例路2号");
        let rows = [row("A1", "13900000001", "S001", "是", ","), other];
        vault.import(file(&rows)).await;
        let (one, head, card) = (vault.caller("one").await, vault.caller("head").await, no("A1"));
        vault.broker.member_reveal(&one, &card, &[Field::Mobile], "核对手机").await.unwrap();
        assert_eq!(code(vault.broker.member_erase(&one, &card, "本人要求").await.unwrap_err()), "not_permitted");
        assert_eq!(code(vault.broker.member_erase(&head, &card, "").await.unwrap_err()), "reason_missing");
        let case = vault.broker.member_erase(&head, &card, "本人要求").await.unwrap();
        assert!(case.starts_with("ER20") && case.ends_with("-0001"), "{case}");
        assert_eq!(vault.last_leaf().await["action"], "erased");
        assert_eq!(vault.members().await, 1);
        assert_eq!(vault.found("head", Index::Mobile, "13900000001").await, 0);
        assert_eq!(code(vault.broker.member_show(&one, &card).await.unwrap_err()), "unknown_member");
        vault.check().await;

        let saw = vault.broker.member_who_saw(&vault.caller("auditor").await, Subject::Case(case.clone())).await.unwrap();
        let actions: Vec<_> = saw.entries.iter().map(|e| (e.action.as_str(), e.actor.as_str(), e.decision.as_str())).collect();
        assert!(actions.contains(&("member.revealed", "one", "allow")), "{actions:?}");
        assert!(actions.contains(&("erase.ordered", "one", "refuse")), "{actions:?}");
        assert_eq!(actions.last(), Some(&("erased", "head", "allow")));
        assert!(saw.packages.is_empty());
        let unknown = vault.broker.member_who_saw(&head, Subject::Case("ER2020-0001".into())).await;
        assert_eq!(code(unknown.unwrap_err()), "unknown_case");
        let refused = vault.broker.member_who_saw(&one, Subject::Card(no("A2"))).await;
        assert_eq!(code(refused.unwrap_err()), "not_permitted");

        // He comes back in a file: a new member, whose contact points stay suppressed.
        let report = vault.import(file(&rows)).await;
        assert_eq!(six(&report), [2, 1, 0, 1, 0, 0]);
        assert_eq!(report.counts.suppressed, 1);
        let next = vault.broker.member_erase(&head, &no("A2"), "本人要求").await.unwrap();
        assert!(next.ends_with("-0002"));
        vault.check().await;
    }

    whoever_was_found_is_opened_without_a_card_number(vault) {
        let rows = [row("A1", "13900000001", "S001", "", ","), row("A2", "13900000002", "S002", "", ",")];
        vault.import(file(&rows)).await;
        let broker = &vault.broker;
        let (one, two, head) = (vault.caller("one").await, vault.caller("two").await, vault.caller("head").await);
        let seen = broker.member_look_up(&one, Index::Mobile, "13900000001").await.unwrap();
        let found = broker.found(&one, &seen[0]).unwrap();
        assert_eq!(broker.member_show(&one, &found).await.unwrap().fields, seen[0].fields);
        assert_eq!(broker.member_reveal(&one, &found, &[Field::Name], "核对姓名").await.unwrap().len(), 1);
        // The name is one person's, and permits nothing that a card would not.
        assert_eq!(code(broker.member_show(&two, &found).await.unwrap_err()), "unknown_member");
        let made_up = Found::new("A".repeat(64));
        assert_eq!(code(broker.member_show(&one, &made_up).await.unwrap_err()), "unknown_member");
        let seen = broker.member_look_up(&head, Index::Card, "A1").await.unwrap();
        let found = broker.found(&head, &seen[0]).unwrap();
        let refused = broker.member_reveal(&head, &found, &[Field::Name], "核对姓名").await;
        assert_eq!(code(refused.err().unwrap()), "not_permitted");
        broker.member_erase(&head, &found, "本人要求").await.unwrap();
        assert_eq!(code(broker.member_show(&head, &found).await.unwrap_err()), "unknown_member");
        vault.check().await;
    }

    start_finishes_an_erasure(vault) {
        vault.import(file(&[row("A1", "13900000001", "S001", "是", ",")])).await;
        // As after a crash between the two halves.
        let store = vault.broker.store();
        let mut work = store.work().await.unwrap();
        let ordinal = 1;
        let member = work.view().member(ordinal).await.unwrap().unwrap();
        work.delete_member(&member).await.unwrap();
        for kind in work.view().chunk_kinds().await.unwrap() {
            work.change_chunks(&kind, [ordinal].into_iter(), |c| {
                if kind == "age" { c.set_birthday(ordinal, None) } else { c.set_state(ordinal, State::None) }
            }).await.unwrap();
        }
        let erasure = countersign::store::packages::Erasure {
            case_no: "ER2026-0001".into(),
            ordinal,
            alias: countersign::model::ids::Alias([7; 16]),
            ordered_at: 1,
            finished_at: None,
        };
        work.put_erasure(&erasure).await.unwrap();
        work.commit(Event::new(Action::EraseOrdered, Actor::Operator).object("ER2026-0001")).await.unwrap();
        vault.broker.store().close().await;
        let (broker, recovered) = Broker::open(&vault.place).await.unwrap();
        assert_eq!(recovered.erasures, 1);
        assert!(broker.store().view().await.unwrap().data_key(ordinal).await.unwrap().is_none());
        assert!(broker.store().verify(true, &[]).await.unwrap().verified);
        broker.store().close().await;
        let (_, recovered) = Broker::open(&vault.place).await.unwrap();
        assert_eq!(recovered.erasures, 0);
    }

    suppressed_contacts_are_counted(vault) {
        let head = vault.caller("head").await;
        let list = |text: &str| Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        let list_of = "手机,邮箱\r\n13900000001,\r\n,a@Example.com\r\n,\r\nx,y\r\n";
        let errors = Shared::default();
        let out = Some(Box::new(errors.clone()) as Box<dyn Write + Send>);
        let report = vault.broker.suppression_import(&head, list(list_of), "本人投诉", out).await.unwrap();
        assert_eq!((report.read, report.added, report.known, report.rejected), (3, 2, 0, 1));
        let errors = String::from_utf8(errors.0.lock().unwrap().clone()).unwrap();
        assert_eq!(errors.lines().filter(|line| line.starts_with("5,")).count(), 2, "{errors}");
        let again = list("+86 139 0000 0001\n");
        let report = vault.broker.suppression_import(&head, again, "本人投诉", None).await.unwrap();
        assert_eq!((report.read, report.added, report.known, report.rejected), (1, 0, 1, 0));
        // Why stands sealed beside the entry; with the contact point stands only which entry that is.
        let leaf = vault.last_leaf().await;
        assert!(leaf["digests"]["commitment"].is_string());
        let seq = leaf["seq"].as_u64().unwrap();
        let mut view = vault.broker.store().view().await.unwrap();
        assert_eq!(view.remark(seq).await.unwrap().as_deref(), Some("本人投诉"));
        let suppressed = view.suppressed(Index::Mobile).await.unwrap();
        assert_eq!(suppressed.len(), 1);
        drop(view);
        let refused = vault.broker.suppression_import(&vault.caller("one").await, list(list_of), "本人投诉", None).await;
        assert_eq!(code(refused.unwrap_err()), "not_permitted");
        let report = vault.import(file(&[row("A1", "13900000001", "S001", "是", ",")])).await;
        assert_eq!((report.counts.created, report.counts.suppressed), (1, 1));
        vault.check().await;
    }
}

/// A card that is born in one batch and changed in the next, which was prepared before the first was
/// written; a file of several batches; and another writer in between.
#[tokio::test(flavor = "multi_thread")]
async fn batches_see_each_other() {
    let vault = Vault::new(|dir| format!("sqlite:{}", dir.join("vault.db").display())).await;
    let mobile = |n: u64| format!("139{n:08}");
    let mut rows: Vec<_> = (0..20_500).map(|n| row(&format!("C{n}"), &mobile(n), "S001", "", ",")).collect();
    // The first of the second batch, and the last of the third, are cards of the batch before.
    rows[10_000] = row("C9999", "13899999999", "S001", "是", ",");
    rows[20_499] = row("C19999", "13899999998", "S001", "否", ",");
    let csv = file(&rows);
    let (report, _) = tokio::join!(vault.import(csv.clone()), async {
        for _ in 0..40 {
            vault.found("head", Index::Mobile, "13700000000").await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    assert_eq!(six(&report), [20_500, 20_498, 2, 0, 0, 0]);
    assert_eq!(vault.found("head", Index::Mobile, "13899999999").await, 1);
    assert_eq!(vault.found("head", Index::Mobile, &mobile(9_999)).await, 0);
    assert_eq!(vault.sms("C9999").await, "granted");
    assert_eq!(vault.sms("C19999").await, "refused");
    assert_eq!(vault.members().await, 20_498);
    // Again: the two cards change twice each, there and back.
    let report = vault.import(csv).await;
    assert_eq!(six(&report), [20_500, 0, 4, 20_496, 0, 0]);
    vault.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_none_says_why() {
    let vault = Vault::new(|dir| format!("sqlite:{}", dir.join("vault.db").display())).await;
    /// Breaks off like a share that goes away.
    struct Broken(std::io::Cursor<Vec<u8>>);
    impl std::io::Read for Broken {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(out)? {
                0 => Err(std::io::Error::other("gone")),
                n => Ok(n),
            }
        }
    }
    let broken = Broken(std::io::Cursor::new(file(&[row("A1", "13900000001", "S001", "", ",")]).into()));
    let options = ImportOptions { dry_run: false, errors: None, progress: &|_| {} };
    let head = vault.caller("head").await;
    let error = vault.broker.member_import(&head, Box::new(broken), options).await.unwrap_err();
    assert_eq!((code(error), vault.members().await), ("file_unreadable", 0));
    for (bytes, expected) in
        [("", "file_empty"), ("a,b\n1,2\n", "file_no_header"), ("%PDF-1.7 x", "file_not_csv")]
    {
        for dry in [false, true] {
            assert_eq!(code(vault.try_import("head", bytes, dry).await.unwrap_err()), expected);
            let (leaf, action) =
                (vault.last_leaf().await, ["import.started", "import.dry_run"][usize::from(dry)]);
            assert_eq!(
                (&leaf["action"], &leaf["refusal"]["code"]),
                (&action.into(), &"unusable_file".into())
            );
        }
    }
    let admin = vault.caller("admin").await;
    let document = |body: &str| NewDocument {
        family: "notice".into(),
        version: "1".into(),
        language: "zh".into(),
        body: body.into(),
        effective_on: None,
    };
    assert!(vault.broker.document_add(&admin, document("甲")).await.unwrap());
    assert!(!vault.broker.document_add(&admin, document("甲")).await.unwrap());
    assert_eq!(
        code(vault.broker.document_add(&admin, document("乙")).await.unwrap_err()),
        "document_version"
    );
    for version in ["1\u{202e}", "1\u{200b}1", "1\n1", " ", &"1".repeat(33)] {
        let document = NewDocument { version: version.into(), ..document("甲") };
        assert_eq!(code(vault.broker.document_add(&admin, document).await.unwrap_err()), "bad_document");
    }
    let one = vault.caller("one").await;
    assert_eq!(code(vault.broker.document_add(&one, document("丙")).await.unwrap_err()), "not_permitted");
    assert_eq!(vault.broker.store().view().await.unwrap().documents().await.unwrap().len(), 7);
}
