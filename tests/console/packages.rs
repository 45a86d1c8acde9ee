//! What lists and pages call people and places, and a package that is called back.

use serde_json::json;

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::support::generate::Row;
use crate::support::world::{On, block, executed, submitted};

both!(names_are_read_and_packages_recalled, WIDE, ENGLISH);

const NAMED: &str = "[[person]]\nlogin = \"hq.head\"\nname = \"王强\"\nunit = \"HQ-MKT\"\nrank = \"manager\"\nroles = [\"dept_head\"]\n\n[[person]]\nlogin = \"s1.counter\"\nname = \"林雨\"\nunit = \"S001\"\nrank = \"staff\"\nroles = [\"counter\"]\n";

/// Names with logins in small, units and vendors by name, in lists, at the counter and in the log; then two packages, one called back here, one meanwhile elsewhere.
fn names_are_read_and_packages_recalled(on: On, window: Window) {
    let served = Served::start(on);
    let named = served.caller("admin").send("POST", "/api/v1/org", "application/toml", NAMED.as_bytes());
    assert_eq!(named.status, 200, "{}", named.body);
    let (first, second, waits) = block(async {
        let broker = served.broker().await;
        let first = executed(&broker, "sms").await;
        let second = executed(&broker, "post").await;
        let waits = submitted(&broker, "sms").await;
        broker.store().close().await;
        (first.to_string(), second.to_string(), waits.to_string())
    });
    let sent = |row: &&Row| {
        row.store == "S001"
            && row.covenant.is_some()
            && row.consent_sms == Some(true)
            && !row.mobile.is_empty()
            && !row.minor
    };
    let card = &served.world.members.accepted().find(sent).expect("a member of the package").card;
    let reveal = json!({ "card": card, "fields": ["mobile"], "reason": "会员来电核实" });
    assert_eq!(served.caller("s1.counter").post("/api/v1/members/reveal", &reveal).status, 200);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("mem.head").await;
        b.go("/requests").await;
        let row =
            format!("return document.querySelector(\"a[href='/requests/{waits}']\").closest('tr').innerText");
        let row = b.script(&row, vec![]).await.as_str().unwrap().to_owned();
        assert!(row.contains(said(window, "营销部", "HQ-MKT")) && row.contains("王强 hq.head"), "{row}");
        b.go(&format!("/requests/{waits}")).await;
        b.says("王强 hq.head").await;
        b.says(said(window, "外包商 SMS1", "Vendor SMS1")).await;
        let head = "return [...document.querySelectorAll('small')].some(s => s.innerText === 'hq.head')";
        assert_eq!(b.script(head, vec![]).await, true);
        // What a signature agrees to names the vendor as well.
        b.says(said(window, "向 外包商 提供", "gives Vendor the")).await;
        b.go(&format!("/requests/{}/dossier", first.rsplit_once("-P").unwrap().0)).await;
        b.says("王强 hq.head").await;

        // Who saw a member, at the counter's table; where the data went.
        b.go("/members/who-saw").await;
        b.write("input[name=card]", card).await;
        b.click("form[action='/members/who-saw'] button").await;
        b.says("林雨 s1.counter").await;
        b.says(said(window, "外包商 SMS1", "Vendor SMS1")).await;

        b.go("/packages").await;
        for (no, elsewhere) in [(&first, false), (&second, true)] {
            let form = format!("form[action='/packages/{no}/recall']");
            b.unfold(&form).await;
            b.write(&format!("{form} input[name=reason]"), "外包商合同有疑问").await;
            if elsewhere {
                let recalled = served
                    .caller("mem.head")
                    .post(&format!("/api/v1/packages/{no}/recall"), &json!({ "reason": "同事先行召回" }));
                assert!(recalled.status < 300, "{}", recalled.body);
            }
            b.click(&format!("{form} button")).await;
            if elsewhere {
                b.says("recalled_already").await;
                b.click("main a[href='/packages']").await;
                b.arrives("/packages").await;
            } else {
                b.says(said(
                    window,
                    "交付包已召回，其密钥已销毁",
                    "The package is recalled; its key is destroyed",
                ))
                .await;
            }
            assert!(!b.has(&form).await, "{no} is recalled once");
        }
        assert!(!b.text().await.contains("外包商合同有疑问"));
        b.sign_out().await;
        // The log: who, and of a vendor's or a person's entry whom it is about.
        b.sign_in("auditor").await;
        b.go("/audit?group=member.&actor=s1.counter").await;
        b.says("林雨 s1.counter").await;
        b.go("/audit?group=vendor.").await;
        b.says(said(window, "外包商 SMS1", "Vendor SMS1")).await;
        b.go("/audit/pictures").await;
        b.says("林雨 s1.counter").await;
        b.sign_out().await;
        // Who fetches packages does not call them back.
        b.sign_in("hq.receiver").await;
        b.go("/packages").await;
        b.says(&first).await;
        assert!(!b.has("form[action$='/recall']").await);
    });
}
