//! Keeping the vault: people with two administrators, vendors and their keys, policies, health; members from a file.

use countersign::release::container::generate_identity;

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::{Served, secret};
use crate::support::world::{On, phrase_in};

both!(a_person_is_added_by_two, WIDE, ENGLISH);
both!(a_vendor_proves_its_key, ENGLISH, WIDE);
both!(a_policy_is_changed_by_two, WIDE, ENGLISH);
both!(a_file_is_tried_and_imported, ENGLISH, WIDE);

const ORG: &str = "form[action='/admin/org']";

/// An officer's entry of the organisation file.
fn officer(rank: &str) -> String {
    format!(
        "[[person]]\nlogin = \"new.officer\"\nname = \"新来的\"\nunit = \"HQ-MKT\"\nrank = \"{rank}\"\nroles = [\"info_officer\"]\n"
    )
}

/// One proposes, another seconds; the new person sets a password with the code.
fn a_person_is_added_by_two(on: On, window: Window) {
    let served = Served::start(on);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("admin").await;
        b.go("/admin/org").await;
        // Below the rank that the role asks for (A4b): refused, with the file still there.
        b.write("#text", &officer("staff")).await;
        b.prove(ORG, "admin").await;
        b.click("button[value=apply]").await;
        b.says("rank_too_low").await;
        b.says("A4b").await;
        assert_eq!(b.status().await, 422);
        assert_eq!(b.value("#text").await, officer("staff"));
        // Looked at first, then proposed.
        b.write("#text", &officer("supervisor")).await;
        b.click("button[value=dry]").await;
        b.says(said(window, "新增员工 new.officer", "add person new.officer")).await;
        b.prove(ORG, "admin").await;
        b.click("button[value=apply]").await;
        b.says(said(window, "等待第二位管理员附议", "waits for a second administrator")).await;
        b.click("a[href='/admin/proposals']:not(nav a)").await;
        b.arrives("/admin/proposals").await;
        b.says(said(
            window,
            "您提出的变更须由另一位管理员附议",
            "Another administrator has to second what you proposed",
        ))
        .await;
        assert!(!b.has("form[action$='/second']").await);
        b.go("/admin/people/new.officer").await;
        b.says("unknown_login").await;
        b.go("/").await;
        b.sign_out().await;

        b.sign_in("admin2").await;
        b.says(said(window, "待您附议的人员与组织变更", "Changes of people and organisation to second"))
            .await;
        b.click("ul.waits a[href='/admin/proposals']").await;
        b.arrives("/admin/proposals").await;
        b.says("new.officer").await;
        b.prove("form[action$='/second']", "admin2").await;
        b.click("form[action$='/second'] button:not(.secondary)").await;
        b.says(said(window, "已附议并生效", "Seconded and applied")).await;
        b.click("section.done a[href='/admin/people/new.officer']").await;
        b.arrives("/admin/people/new.officer").await;
        b.prove("form[action$='/invite']", "admin2").await;
        b.click("form[action$='/invite'] button").await;
        b.says(said(window, "只显示这一次", "shown this once")).await;
        let code = b.script("return document.querySelector('.revealed code').textContent", vec![]).await;
        let code = code.as_str().unwrap().to_owned();
        b.sign_out().await;

        b.go("/enrol").await;
        for (given, told) in [("not the code", "wrong_code"), (code.as_str(), "")] {
            b.write("input[name=login]", "new.officer").await;
            b.write("input[name=code]", given).await;
            b.write("input[name=password]", &secret("new.officer")).await;
            b.click("input[name=undertaking]").await;
            b.click("form[action='/enrol'] button").await;
            if !told.is_empty() {
                b.says(told).await;
            }
        }
        b.arrives("/sign-in?done=enrolled").await;
        b.sign_in("new.officer").await;
    });
}

/// A vendor is registered, opens what only it can open, and a second person confirms what it read back.
fn a_vendor_proves_its_key(on: On, window: Window) {
    let served = Served::start(on);
    let (identity, recipient) = generate_identity();
    let file = |recipient: &str| {
        format!(
            "code = \"SMS9\"\nname = {{ zh = \"春风短信\", en = \"Spring SMS\" }}\nchannels = [\"sms\"]\n\
             contract = {{ reference = \"HT-9\", from = \"2026-01-01\", to = \"2099-12-31\" }}\n\
             key = {{ kind = \"age\", recipient = \"{recipient}\", fingerprint_checked_by = \"phone\" }}\n"
        )
    };
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("hq.vendors").await;
        b.go("/admin/vendors").await;
        b.write("#text", &file("age1nothing")).await;
        b.click("form[action='/admin/vendors'] button").await;
        b.says("bad_vendor_key").await;
        assert_eq!(b.value("#text").await, file("age1nothing"));
        b.write("#text", &file(&recipient)).await;
        b.click("form[action='/admin/vendors'] button").await;
        b.arrives("/admin/vendors/SMS9?done=saved").await;
        b.says(said(window, "未证明", "not proven")).await;
        b.click("form[action$='/challenge'] button").await;
        let challenge = std::fs::read(b.fetched(".challenge.age").await).unwrap();
        let phrase = phrase_in(&challenge, &identity);
        b.go("/").await;
        b.sign_out().await;

        b.sign_in("mem.head").await;
        b.go("/admin/vendors/SMS9").await;
        b.write("input[name=phrase]", "not what was read").await;
        b.click("form[action$='/confirm'] button").await;
        b.says("wrong_phrase").await;
        b.go("/admin/vendors/SMS9").await;
        b.write("input[name=phrase]", &phrase).await;
        b.click("form[action$='/confirm'] button").await;
        b.arrives("/admin/vendors/SMS9?done=saved").await;
        b.says(said(window, "已证明并确认", "proven and confirmed")).await;
        assert!(!b.has("form[action$='/confirm']").await);
    });
}

/// Exchanges words in a file of the form.
async fn edits(b: &Browser, name: &str) {
    let script = "const t = document.querySelector(`textarea[name='${arguments[0]}']`); \
                  const had = t.value; t.value = had.replace('store_scope = \"group\"', 'store_scope = \"own\"'); \
                  return t.value !== had";
    assert_eq!(b.script(script, vec![name.into()]).await, true, "{name}");
}

/// Who may what is read and asked; a version is proposed by one and seconded by another; the vault is well.
fn a_policy_is_changed_by_two(on: On, window: Window) {
    let served = Served::start(on);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("admin").await;
        b.go("/admin/policies").await;
        b.says(said(window, "角色 × 操作", "Role by act")).await;
        assert!(b.has("section[aria-labelledby=acts] td.may").await);
        b.go("/admin/policies/explain").await;
        b.choose("select[name=role]", "info_officer").await;
        b.choose("select[name=act]", "request_submit").await;
        b.write("input[name=unit]", "HQ-MKT").await;
        b.click("form.filter button").await;
        b.says(said(window, "可以。", "Yes.")).await;
        b.choose("select[name=role]", "counter").await;
        b.click("form.filter button").await;
        b.says(said(window, "不可以。", "No.")).await;

        // A file and its own test that do not fit: refused, with what was written.
        let propose = "form[action='/admin/policies/propose']";
        b.go("/admin/policies/propose").await;
        edits(b, "switches.toml").await;
        b.prove(propose, "admin").await;
        b.click(&format!("{propose} > button")).await;
        b.says("bad_policy").await;
        assert!(b.value("textarea[name='switches.toml']").await.contains("store_scope = \"own\""));
        edits(b, "switches.test.toml").await;
        b.prove(propose, "admin").await;
        b.click(&format!("{propose} > button")).await;
        b.says(said(window, "待附议", "waits for a second")).await;
        let path = b.path().await;
        let path = path.strip_suffix("?done=saved").unwrap().to_owned();
        assert!(!b.has("form[action$='/second']").await, "nobody seconds his own");
        b.go("/").await;
        b.sign_out().await;

        b.sign_in("admin2").await;
        b.go(&path).await;
        b.says("switches.toml").await;
        b.prove("form[action$='/second']", "admin2").await;
        b.click("form[action$='/second'] button").await;
        b.says(said(window, "现行", "in force")).await;

        b.go("/admin/health").await;
        b.says(said(window, "与日志一致", "each is the one the log speaks of")).await;
        b.sign_out().await;
        // Health is not the counter's.
        b.sign_in("s1.counter").await;
        b.go("/admin/health").await;
        b.says("not_permitted").await;
    });
}

/// A file with columns of its own names: mapped, tried, put right by the errors that are told, imported.
fn a_file_is_tried_and_imported(on: On, window: Window) {
    const FILE: &str = "main form input[type=file]";
    let served = Served::start(on);
    let file = "会员编号,称呼,联系电话,门店\n9900031,王芳,13900003131,S001\n9900032,李雷,1390000,S001\n";
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("mem.head").await;
        b.go("/imports").await;
        b.give(FILE, "members.csv", file.as_bytes()).await;
        b.click("section[aria-labelledby=check] form > button").await;
        // The table where columns are mapped is open now.
        b.says("file_no_header").await;
        assert!(b.has("details.known[open]").await);
        for (column, called) in
            [("card_no", "会员编号"), ("name", "称呼"), ("mobile", "联系电话"), ("home_store", "门店")]
        {
            b.write(&format!("input[name='called.{column}']"), called).await;
        }
        b.give(FILE, "members.csv", file.as_bytes()).await;
        b.click("section[aria-labelledby=check] form > button").await;
        b.says(said(window, "检查结果（未写入）", "Result of the check (nothing is stored)")).await;
        let counts = "return [...document.querySelectorAll('#result ~ div dl dd')].slice(0, 5).map(d => d.innerText).join(' ')";
        assert_eq!(b.script(counts, vec![]).await, "2 1 0 0 1");
        b.says(said(window, "未接受的行", "Rows that were not taken")).await;
        assert!(!b.text().await.contains("1390000"), "a value is repeated");
        // Nothing was stored by the check; the second time it is.
        let counter = served.caller("s1.counter");
        let looks = || {
            counter
                .post("/api/v1/members/look-up", &serde_json::json!({ "index": "card", "value": "9900031" }))
        };
        assert_eq!(looks().body["items"].as_array().unwrap().len(), 0);
        b.give("#result ~ .act input[type=file]", "members.csv", file.as_bytes()).await;
        b.click("#result ~ .act form > button").await;
        b.says(said(window, "导入结果", "Result of the import")).await;
        assert_eq!(b.script(counts, vec![]).await, "2 1 0 0 1");
        assert_eq!(looks().body["items"].as_array().unwrap().len(), 1);
    });
}
