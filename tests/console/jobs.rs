//! Whole jobs, from signing in to their end, in both languages and on both engines.

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::{Served, secret};
use crate::support::world::{On, cast, decrypt};

both!(a_list_goes_to_the_vendor, WIDE, ENGLISH);

/// Marketing asks step by step, three people sign, IT executes, planning fetches and hands on; the vendor opens it.
fn a_list_goes_to_the_vendor(on: On, window: Window) {
    let served = Served::start(on);
    let [officer, head, planner, member_head, it, receiver] = cast("sms");
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in(officer).await;
        b.go("/requests/new").await;
        b.choose("select[name=unit]", "HQ-MKT").await;
        b.write("input[name=campaign]", "春季上新").await;
        b.write("textarea[name=reason]", "告知春季上新").await;
        b.click("main form button").await;
        b.choose("select[name=channel]", "sms").await;
        b.choose("select[name=vendor]", "SMS1").await;
        b.write("input[name=impact_assessment]", "PIA-2026-09").await;
        b.click("main form button").await;

        // Whom: one condition, read back and counted.
        b.says(said(window, "草稿已保存", "The draft is saved")).await;
        let no = b.path().await.split('/').nth(2).unwrap().to_owned();
        b.click("button[value=group]").await;
        b.choose("select[name='g0.new']", "tier").await;
        b.click("button[value='add.0']").await;
        b.click("input[name='g0.t0.in'][value=gold]").await;
        b.says(said(window, "会员等级为", "tier is")).await;
        b.click("button[value=save].secondary").await;
        b.says(said(window, "将离库", "Would leave")).await;
        assert!(b.has("table.fall").await);
        b.click("button[value=next]").await;

        b.set("input[name=from]", "2026-12-20").await;
        b.set("input[name=to]", "2099-01-05").await;
        b.set("input[name=destroy_by]", "2099-01-20").await;
        b.write("input[name=row_limit]", "500000").await;
        b.click("main form button").await;
        b.says(said(window, "已保存", "Saved")).await;
        b.prove("form[action$='/submit']", officer).await;
        b.click("form[action$='/submit'] button").await;
        b.says(said(window, "已提交", "Submitted.")).await;
        // The requester holds no signature of it, and is told so.
        assert!(!b.has("form[action$='/sign']").await);
        b.says(said(window, "您现在为何不能", "Why you cannot")).await;
        b.sign_out().await;

        for who in [head, planner, member_head] {
            b.sign_in(who).await;
            assert!(b.title().await.starts_with("(1)"), "{}", b.title().await);
            assert!(!b.title().await.contains("春季上新"));
            b.click(&format!("main a[href='/requests/{no}']")).await;
            b.prove("form[action$='/sign']", who).await;
            b.click("form[action$='/sign'] button").await;
            b.says(said(window, "已签批", "Signed.")).await;
            b.sign_out().await;
        }

        b.sign_in(it).await;
        b.go(&format!("/requests/{no}")).await;
        b.prove("form[action$='/execute']", it).await;
        b.click("form[action$='/execute'] button").await;
        b.says(said(window, "交付包已制作完成", "The package is made.")).await;
        b.sign_out().await;

        b.sign_in(receiver).await;
        b.go("/packages").await;
        b.prove("form[action$='/download']", receiver).await;
        b.click("form[action$='/download'] button[value='1']").await;
        let file = b.fetched(".csv.age").await;
        let (header, rows) = decrypt(&file, &served.world.identity("SMS1"));
        assert_eq!(header, "mobile");
        assert!(!rows.is_empty() && rows.iter().all(|row| row.len() == 11), "{} rows", rows.len());
        b.go("/packages").await;
        b.click("form[action$='/hand-off'] button").await;
        b.says(said(window, "交付已登记", "The hand-off is recorded.")).await;
        let proof = "form[action$='/destroyed']";
        b.unfold(proof).await;
        let today = "const day = document.querySelector('input[name=attested_on]'); day.value = day.max";
        b.script(today, vec![]).await;
        b.write(&format!("{proof} input[name=reference]"), "销毁证明 2026-07").await;
        b.click(&format!("{proof} button")).await;
        b.says(said(window, "销毁证明已登记", "The proof of destruction is recorded.")).await;
        assert!(!b.has(proof).await, "it is recorded once");
        b.sign_out().await;
    });
}

/// A wrong password is answered on the page; a page of another's is not shown, and the refusal cites its article.
#[test]
fn refusals_say_why_and_what_would_make_it_pass() {
    let served = Served::start(On::Sqlite);
    Browser::with(&served, ENGLISH, async |b: &Browser| {
        b.go("/requests").await;
        b.arrives("/sign-in?then=/requests").await;
        b.write("input[name=login]", "s1.counter").await;
        b.write("input[name=password]", "not the password").await;
        b.click("form[action='/sign-in'] button").await;
        b.says("unknown_person").await;
        b.write("input[name=login]", "s1.counter").await;
        b.write("input[name=password]", &secret("s1.counter")).await;
        b.click("form[action='/sign-in'] button").await;
        b.arrives("/requests").await;
        b.go("/audit").await;
        for part in ["not_permitted", "It rests on", "What would make it pass"] {
            b.says(part).await;
        }
    });
}

/// With scripts off a signer still reads, signs and is told.
#[test]
fn a_signature_needs_no_script() {
    let served = Served::start(On::Sqlite);
    let no = crate::support::world::block(async {
        let broker = served.broker().await;
        let no = crate::support::world::submitted(&broker, "sms").await;
        broker.store().close().await;
        no
    });
    Browser::with(&served, Window { scripts: false, ..ENGLISH }, async |b: &Browser| {
        b.sign_in("hq.head").await;
        b.go(&format!("/requests/{no}")).await;
        b.prove("form[action$='/sign']", "hq.head").await;
        b.click("form[action$='/sign'] button").await;
        b.says("Signed.").await;
    });
}

/// By keyboard alone: signing in, to the request that waits, and its signature.
#[test]
fn a_signature_by_keyboard_alone() {
    const TAB: &str = "\u{e004}";
    const ENTER: &str = "\u{e007}";
    let served = Served::start(On::Sqlite);
    crate::support::world::block(async {
        let broker = served.broker().await;
        crate::support::world::submitted(&broker, "sms").await;
        broker.store().close().await;
    });
    Browser::with(&served, ENGLISH, async |b: &Browser| {
        let reach = async |wanted: &str| {
            for _ in 0..60 {
                b.type_in(TAB).await;
                let script = "return document.activeElement.matches(arguments[0])";
                if b.script(script, vec![wanted.into()]).await == true {
                    // What has the focus can be seen to have it.
                    let ring = "const s = getComputedStyle(document.activeElement); \
                                return s.outlineStyle !== 'none' || s.boxShadow !== 'none'";
                    assert_eq!(b.script(ring, vec![]).await, true, "{wanted} shows no focus");
                    return;
                }
            }
            panic!("{wanted} is not reached on {}", b.path().await);
        };
        b.go("/sign-in").await;
        b.type_in("hq.head").await;
        b.type_in(TAB).await;
        b.type_in(&secret("hq.head")).await;
        b.type_in(ENTER).await;
        b.says("Waiting for you").await;
        reach("main a[href^='/requests/CS']").await;
        b.type_in(ENTER).await;
        b.says("It is your turn").await;
        reach("form[action$='/sign'] button").await;
        b.type_in(ENTER).await;
        b.says("Signed.").await;
    });
}
