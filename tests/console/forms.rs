//! What is refused, where it was typed: the form comes back with everything in it, and with nav and header around it.

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::support::world::{On, block, submitted};

both!(what_is_refused_is_not_lost, WIDE, ENGLISH);

/// The refusal stands above the form and has the focus; the page around it is whole, and its status says so.
async fn told(b: &Browser, code: &str) {
    // What a page that goes on by itself told beside the form is no alert, and may be there before the page of the form.
    b.sees("main [role=alert]").await;
    b.says(code).await;
    let above = "const forms = document.querySelectorAll('main form'), told = document.querySelector('main [role=alert]'); \
                 return forms.length > 0 && !!(told.compareDocumentPosition(forms[0]) & Node.DOCUMENT_POSITION_FOLLOWING)";
    assert_eq!(b.script(above, vec![]).await, true, "{code} does not stand above the form");
    let focused = "return document.activeElement.getAttribute('role')";
    assert_eq!(b.script(focused, vec![]).await, "alert", "{code} has not the focus");
    assert!(b.has("header.top nav").await);
    let status = b.status().await;
    assert!((400..500).contains(&status), "{code} came with {status}");
}

const FORM: &str = "main form";

/// Each step refuses something, and nothing that was typed has to be typed again; each step is gone back to.
fn what_is_refused_is_not_lost(on: On, window: Window) {
    let served = Served::start(on);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("hq.officer").await;
        b.go("/requests/new").await;
        b.choose("select[name=unit]", "HQ-MKT").await;
        b.write("input[name=campaign]", "春季上新").await;
        b.write("textarea[name=reason]", "告知春季上新").await;
        b.click("button[value=way]").await;
        // There is a draft from here on, found again by who was called away.
        b.says(said(window, "草稿已保存", "The draft is saved")).await;
        let kept = b.path().await.split('?').next().unwrap().to_owned();
        b.go("/requests").await;
        b.says("春季上新").await;
        b.go(&kept).await;
        b.choose("select[name=channel]", "sms").await;
        b.choose("select[name=vendor]", "DM1").await;
        b.write("input[name=impact_assessment]", "PIA-2026-09").await;
        b.click("button[value=keep]").await;
        told(b, "vendor_not_active").await;
        assert_eq!(b.value("select[name=vendor]").await, "DM1");
        assert_eq!(b.value("input[name=impact_assessment]").await, "PIA-2026-09");
        // The first step was kept when it was left; it is gone back to as every step is.
        b.click("main .buttons a[href$='/purpose']").await;
        assert_eq!(b.value("textarea[name=reason]").await, "告知春季上新");
        assert_eq!(b.value("input[name=campaign]").await, "春季上新");
        b.write("input[name=campaign]", "春季再上新").await;
        b.click("button[value=way]").await;
        b.says(said(window, "已保存", "Saved")).await;
        assert_eq!(b.value("select[name=channel]").await, "sms");
        b.write("input[name=impact_assessment]", "PIA-2026-09").await;
        b.choose("select[name=vendor]", "SMS1").await;
        b.click("button[value=keep]").await;
        b.says(said(window, "草稿已保存", "The draft is saved")).await;
        let no = b.path().await.split('/').nth(2).unwrap().to_owned();

        // A span that ends before it begins: the page keeps it, and the draft stays as it was.
        b.click("button[value=group]").await;
        b.choose("select[name='g0.new']", "joined_on").await;
        b.click("button[value='add.0']").await;
        b.set("input[name='g0.t0.low']", "2026-05-01").await;
        b.says(said(window, "将离库", "Would leave")).await;
        b.set("input[name='g0.t0.high']", "2026-01-01").await;
        // The page that goes on by itself tells it beside the form, and takes no focus.
        b.says("bad_selection").await;
        b.click("button[value=next]").await;
        told(b, "bad_selection").await;
        assert_eq!(b.value("input[name='g0.t0.low']").await, "2026-05-01");
        assert_eq!(b.value("input[name='g0.t0.high']").await, "2026-01-01");
        b.go(&format!("/requests/{no}/selection")).await;
        assert_eq!(b.value("input[name='g0.t0.low']").await, "2026-05-01");
        assert_eq!(b.value("input[name='g0.t0.high']").await, "");
        b.click("button[value=next]").await;

        // Dates and ways are kept as they are typed, and what is wrong with them is told beside them.
        b.arrives(&format!("/requests/{no}/window")).await;
        b.set("input[name=row_limit]", "4000").await;
        b.says(said(window, "已保存。", "Saved.")).await;
        b.set("input[name=destroy_by]", "2020-01-01").await;
        b.says("bad_form").await;
        b.go(&format!("/requests/{no}/window")).await;
        assert_eq!(b.value("input[name=row_limit]").await, "4000");
        assert_ne!(b.value("input[name=destroy_by]").await, "2020-01-01");
        // Who has sent the form waits for its page: nothing is sent by itself beside that.
        let sent = "const f = document.querySelector('main form'); \
                    f.addEventListener('submit', (e) => e.preventDefault()); f.requestSubmit()";
        b.script(sent, vec![]).await;
        b.set("input[name=row_limit]", "3999").await;
        b.script_later("setTimeout(arguments[0], 1500)").await;
        b.go(&format!("/requests/{no}/window")).await;
        assert_eq!(b.value("input[name=row_limit]").await, "4000");
        b.go(&format!("/requests/{no}/purpose")).await;
        b.set("textarea[name=reason]", "告知春季再上新").await;
        b.says(said(window, "已保存。", "Saved.")).await;
        b.go(&format!("/requests/{no}/purpose")).await;
        assert_eq!(b.value("textarea[name=reason]").await, "告知春季再上新");
        b.go(&format!("/requests/{no}/window")).await;

        b.set("input[name=from]", "2099-01-05").await;
        b.set("input[name=to]", "2098-01-05").await;
        b.write("input[name=row_limit]", "4321").await;
        b.click(&format!("{FORM} button:not(.quiet)")).await;
        told(b, "bad_form").await;
        b.says(said(window, "申请单有误（使用期）", "window: from is after to")).await;
        assert_eq!(b.value("input[name=from]").await, "2099-01-05");
        assert_eq!(b.value("input[name=row_limit]").await, "4321");
        b.set("input[name=from]", "2026-12-20").await;
        b.set("input[name=to]", "2099-01-05").await;
        b.set("input[name=destroy_by]", "2099-01-20").await;
        b.click(&format!("{FORM} button:not(.quiet)")).await;
        b.arrives(&format!("/requests/{no}?done=saved")).await;

        // The first two steps of the draft, gone back to.
        b.click(&format!("a[href='/requests/{no}/channel']")).await;
        b.choose("select[name=vendor]", "DM1").await;
        b.click("button[value=keep]").await;
        told(b, "vendor_not_active").await;
        b.choose("select[name=vendor]", "SMS2").await;
        b.click("button[value=keep]").await;
        b.arrives(&format!("/requests/{no}/selection?done=saved")).await;
        b.click(&format!("a[href='/requests/{no}/purpose']")).await;
        assert_eq!(b.value("input[name=campaign]").await, "春季再上新");
        b.write("input[name=campaign]", "夏季上新").await;
        b.click("button[value=way]").await;
        b.arrives(&format!("/requests/{no}/channel?done=saved")).await;
        assert_eq!(b.value("select[name=vendor]").await, "SMS2");
        b.go(&format!("/requests/{no}")).await;
        for part in ["夏季上新", "SMS2", "PIA-2026-09", "4321"] {
            b.says(part).await;
        }

        // Later on a password is asked for; a wrong one is told on the page, which still asks.
        served.clock.set(served.clock.now() + 10 * 60 * 1_000_000);
        b.go(&format!("/requests/{no}")).await;
        let submit = "form[action$='/submit']";
        b.write(&format!("{submit} input[name=password]"), "not the password").await;
        b.click(&format!("{submit} button")).await;
        told(b, "unknown_person").await;
        b.prove(submit, "hq.officer").await;
        b.click(&format!("{submit} button")).await;
        b.says(said(window, "已提交", "Submitted.")).await;
        b.sign_out().await;

        // A signer's words are kept by a refusal of what they were for.
        b.sign_in("hq.head").await;
        b.go(&format!("/requests/{no}")).await;
        b.write("input[name=comment]", "请补充影响评估").await;
        b.write("input[name=deputy]", "no.such.person").await;
        b.prove("form[action$='/sign']", "hq.head").await;
        b.click("button[formaction$='/transfer']").await;
        told(b, "not_qualified").await;
        assert_eq!(b.value("input[name=comment]").await, "请补充影响评估");
        assert_eq!(b.value("input[name=deputy]").await, "no.such.person");
        b.write("input[name=comment]", "").await;
        b.prove("form[action$='/sign']", "hq.head").await;
        b.click("button[formaction$='/reject']").await;
        told(b, "bad_comment").await;
        // Coming back to where a form was sent leads to the page that it stands on.
        b.go(&format!("/requests/{no}/reject")).await;
        b.arrives(&format!("/requests/{no}")).await;
    });
}

/// What is not shown is told on a page of the console: its rule, what would make it pass, and ways on.
#[test]
fn a_refusal_has_the_console_around_it() {
    let served = Served::start(On::Sqlite);
    let no = block(async {
        let broker = served.broker().await;
        let no = submitted(&broker, "sms").await;
        broker.store().close().await;
        no
    });
    Browser::with(&served, ENGLISH, async |b: &Browser| {
        b.sign_in("s2.officer").await;
        for (path, code, rule, back) in [
            (format!("/requests/{no}"), "not_permitted", "A5a (Art 5)", "/requests"),
            ("/requests/CS2026-HQ-9999".to_owned(), "unknown_request", "A5a (Art 5)", "/requests"),
            ("/audit/1".to_owned(), "not_permitted", "It rests on", "/audit"),
            ("/nowhere/at/all".to_owned(), "no_route", "", "/"),
        ] {
            b.go(&path).await;
            b.says(code).await;
            b.says(rule).await;
            b.says("What would make it pass").await;
            assert!(b.has("header.top nav a[href='/requests']").await, "{path} has no nav");
            assert!(b.has("form[action='/sign-out']").await);
            assert!(b.has(&format!("main a[href='{back}']")).await, "{path} has no way back");
            assert!(b.title().await.contains("This was not done"));
        }
        b.go(&format!("/requests/{no}")).await;
        b.says("an information officer may not see a request outside their own site").await;
        // Who is not signed in has a page without.
        b.go("/").await;
        b.sign_out().await;
        b.go("/nowhere/at/all").await;
        b.says("no_route").await;
        assert!(!b.has("header.top").await);
    });
}
