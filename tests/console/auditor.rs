//! The auditor's work: the log and what proves it, who saw a member, a request whole, whether all of it fits.

use countersign::broker::alarms::Watcher;
use serde_json::json;

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::support::world::{On, block, executed};

both!(an_auditor_asks, WIDE, ENGLISH);
both!(an_alarm_is_seen_to, ENGLISH, WIDE);

/// Many looks within minutes: home says that an alarm waits, and the auditor says what it was.
fn an_alarm_is_seen_to(on: On, window: Window) {
    let served = Served::start(on);
    let day = 86_400_000_000;
    // Ten in the morning of the next day in Shanghai: nobody looks off hours.
    served.clock.set((served.clock.now() / day + 1) * day + 2 * 3_600_000_000);
    let (card, _) = served.member("S001");
    let counter = served.caller("s1.counter");
    block(async {
        let (broker, mut watcher) = (served.broker().await, Watcher::new().unwrap());
        assert_eq!(broker.watch(&mut watcher, &[]).await.unwrap(), Some(0));
        for _ in 0..40 {
            assert_eq!(counter.post("/api/v1/members/show", &json!({ "card": card })).status, 200);
        }
        assert_eq!(broker.watch(&mut watcher, &[]).await.unwrap(), Some(1));
        broker.store().close().await;
    });
    Browser::with(&served, window, async |b: &Browser| {
        let waits = said(window, "待处理的告警", "Alarms to see to");
        b.sign_in("auditor").await;
        b.says(waits).await;
        b.click("ul.waits a[href='/audit/alarms']").await;
        b.arrives("/audit/alarms").await;
        b.says(said(window, "短时间大量查看", "many looks within a short time")).await;
        b.write("textarea[name=comment]", "盘点会员卡，已与店长核实").await;
        b.click("form[action^='/audit/alarms/'] button").await;
        b.says(said(window, "没有待处理的告警", "No alarm waits")).await;
        assert!(!b.text().await.contains("盘点会员卡"), "what was found is kept sealed");
        b.go("/").await;
        assert!(!b.text().await.contains(waits));
        b.sign_out().await;
    });
}

/// A member whose data is in the package, looked at before and after; then whatever an auditor asks about it.
fn an_auditor_asks(on: On, window: Window) {
    let served = Served::start(on);
    let member = served.world.members.accepted().find(|row| {
        row.store == "S001"
            && row.covenant.is_some()
            && row.consent_sms == Some(true)
            && !row.mobile.is_empty()
            && !row.minor
    });
    let member = member.expect("a member of the package");
    let package = block(async {
        let broker = served.broker().await;
        let package = executed(&broker, "sms").await;
        broker.store().close().await;
        package
    });
    let no = package.request().to_string();
    let (counter, other) = (served.caller("s1.counter"), served.caller("s2.counter"));
    let reveal = json!({ "card": member.card, "fields": ["mobile"], "reason": "会员来电核实" });
    assert_eq!(counter.post("/api/v1/members/reveal", &reveal).status, 200);
    assert_eq!(other.post("/api/v1/members/reveal", &reveal).code(), "unknown_member");
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("auditor").await;
        b.go("/audit").await;
        // The look is an entry itself; the next look finds it.
        let own = b.script("return document.querySelector('.own a').textContent", vec![]).await;
        let own = own.as_str().unwrap().to_owned();
        b.choose("select[name=group]", "audit.").await;
        b.write("input[name=actor]", "auditor").await;
        b.click("form.filter button").await;
        b.says(said(window, "查看日志 audit.read", "log looked at audit.read")).await;
        assert!(b.has(&format!("tbody a[href='/audit/{own}']")).await, "{own}: {}", b.text().await);
        assert!(!b.text().await.contains("s1.counter"));

        // By kind, by person, by object, refused only, by day.
        b.go("/audit?group=member.&actor=s1.counter").await;
        b.says("member.revealed").await;
        assert!(!b.has("tr.no").await);
        b.go("/audit?group=member.").await;
        b.click("input[name=refused]").await;
        b.click("form.filter button").await;
        b.says("unknown_member").await;
        let rows = b.count("section[aria-labelledby=entries] tbody tr").await;
        assert_eq!((rows, b.count("tr.no").await), (1, 1));
        b.go("/audit").await;
        b.write("input[name=object]", &no.to_lowercase()).await;
        b.click("form.filter button").await;
        b.says("package.sealed").await;
        assert!(!b.text().await.contains("session.opened"));
        b.set("input[name=from]", "2099-01-01").await;
        b.click("form.filter button").await;
        b.says(said(window, "没有符合条件的记录", "Nothing fits in what was read")).await;

        // One entry: its place among all, and a proof that was just worked out.
        b.go(&format!("/audit?group=package.&object={no}")).await;
        let script = "return [...document.querySelectorAll('section[aria-labelledby=entries] tbody tr')] \
                      .find(row => row.innerText.includes('package.sealed')).querySelector('a').pathname";
        let entry = b.script(script, vec![]).await.as_str().unwrap().to_owned();
        b.click(&format!("tbody a[href='{entry}']")).await;
        b.arrives(&entry).await;
        let seq = entry.strip_prefix("/audit/").unwrap();
        b.says(&format!("{}: {seq} · {}", said(window, "位置", "Its place"), said(window, "共", "of"))).await;
        b.says(said(window, "证明成立", "the proof holds")).await;
        assert!(b.has("section[aria-labelledby=proof] p.done").await);
        assert!(!b.title().await.contains(&no));

        // Who saw the member, and where the data went.
        b.go("/audit/subject").await;
        b.write("input[name=card]", &member.card).await;
        b.click("form.filter button").await;
        b.says(said(window, "查看明文", "fields revealed")).await;
        b.says("s1.counter").await;
        assert!(b.has(&format!("section[aria-labelledby=left] a[href='/requests/{no}/dossier']")).await);
        assert_eq!(b.path().await, "/audit/subject");
        for value in [&member.card, &member.mobile] {
            assert!(!b.text().await.contains(value.as_str()), "{value} is repeated");
        }
        b.write("input[name=card]", "none").await;
        b.click("form.filter button").await;
        b.says("unknown_member").await;
        assert_eq!(b.status().await, 404);

        // The request whole, on one page.
        b.go(&format!("/requests/{no}/dossier")).await;
        for who in ["hq.officer", "hq.head", "hq.planner", "mem.head", "hq.it"] {
            b.says(who).await;
        }
        b.says(&format!("{} {package}", said(window, "交付包", "Package"))).await;
        assert!(b.has("section[aria-labelledby=chain] code").await);

        // Everything, held to the log.
        b.go("/audit/verification").await;
        b.click("input[name=deep]").await;
        b.click("form[action='/audit/verification'] button").await;
        b.says(said(window, "校验通过", "Verified: the log is whole")).await;
        let root = b
            .script(
                "return document.querySelector('section[aria-labelledby=found] code').textContent",
                vec![],
            )
            .await;
        assert_eq!(root.as_str().unwrap().len(), 64);

        // What he has to ask about: two stores have a department without its officer.
        b.go("/audit/exceptions").await;
        b.says(said(window, "缺会员信息管理专员的部门", "Departments without an information officer")).await;
        assert!(b.has("section[aria-labelledby=gaps] li").await);

        // He audits; he does not look members up, and the log has that he tried.
        b.go("/members").await;
        b.write("form.search input[name=value]", &member.mobile).await;
        b.click("form.search button").await;
        b.says("not_permitted").await;
        assert!(!b.has("article.found").await);
        b.go("/audit?group=member.&actor=auditor&refused=1").await;
        b.says("member.looked_up").await;
    });
}
