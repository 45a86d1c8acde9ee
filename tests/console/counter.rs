//! The counter's work: finding a member, showing and checking values, what members say, new members.

use serde_json::json;

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::support::generate::Row;
use crate::support::world::On;

both!(a_member_is_found_shown_and_heard, WIDE, ENGLISH);
both!(a_new_member_decides_everything, ENGLISH, WIDE);

const SEARCH: &str = "form.search";
const REVEAL: &str = "form[action='/members/reveal']";
const VERIFY: &str = "form[action='/members/verify']";
const CONSENT: &str = "form[action='/members/consent']";
const INTAKE: &str = "main form[action='/members/new']";

/// A member of a store who said yes to messages.
fn member<'s>(served: &'s Served, store: &str) -> &'s Row {
    let fits = |row: &&Row| {
        row.store == store
            && row.covenant.is_some()
            && row.consent_sms == Some(true)
            && !row.mobile.is_empty()
    };
    served.world.members.accepted().find(fits).expect("a member of the store")
}

async fn looks_up(b: &Browser, by: &str, value: &str) {
    b.go("/members").await;
    b.choose("form.search select[name=by]", by).await;
    b.write("form.search input[name=value]", value).await;
    b.click(&format!("{SEARCH} button")).await;
}

/// Refusals that the log has from here on: what was tried, and by which code it was refused.
fn refusals(served: &Served, from: u64) -> Vec<(String, String)> {
    let entries = served.entries(from);
    let refused = entries.iter().filter_map(|entry| {
        let code = entry["refusal"]["code"].as_str()?;
        Some((entry["action"].as_str()?.to_owned(), code.to_owned()))
    });
    refused.collect()
}

/// One exact search, the record behind its mask, a reveal that ends by itself, a check without showing, a withdrawal.
fn a_member_is_found_shown_and_heard(on: On, window: Window) {
    let served = Served::start(on);
    let member = member(&served, "S001");
    let masked = format!("{}****{}", &member.mobile[..3], &member.mobile[7..]);
    let before = served.size();
    Browser::with(&served, window, async |b: &Browser| {
        b.holds_timers().await;
        b.sign_in("s1.counter").await;
        b.go("/members").await;
        b.says(said(window, "还没有查找", "Nothing was looked up yet")).await;

        // What it is, the page sees; a part of a number is nobody's.
        looks_up(b, "", &member.mobile[..7]).await;
        b.says(said(window, "没有您可以看到的会员", "No member that you may see")).await;
        assert!(!b.has("article.found").await);
        looks_up(b, "", &member.mobile).await;
        b.says(said(window, "识别为： 手机号", "understood as: Mobile number")).await;
        assert_eq!(b.count("article.found").await, 1);
        b.says(&masked).await;
        assert!(!b.text().await.contains(&member.mobile), "{}", b.text().await);
        looks_up(b, "card", &member.card).await;
        b.says(&masked).await;
        assert_eq!((b.path().await.as_str(), b.count("article.found").await), ("/members", 1));
        assert!(!b.title().await.contains(&member.card));

        b.click("article.found button:not(.secondary)").await;
        b.arrives("/members/record").await;
        b.says(&masked).await;
        for value in [&member.mobile, &member.name] {
            assert!(
                !b.script("return document.documentElement.outerHTML", vec![])
                    .await
                    .as_str()
                    .unwrap()
                    .contains(value.as_str())
            );
        }

        // Without a reason nothing is shown, and what was ticked stays ticked.
        b.unfold(REVEAL).await;
        b.click(&format!("{REVEAL} input[value=mobile]")).await;
        b.unchecked(REVEAL).await;
        b.prove(REVEAL, "s1.counter").await;
        b.click(&format!("{REVEAL} button:not([type])")).await;
        b.says("reason_missing").await;
        b.says(said(window, "怎样才能办理", "What would make it pass")).await;
        assert!(b.has(&format!("{REVEAL} input[value=mobile]:checked")).await);
        assert!(!b.text().await.contains(&member.mobile));
        b.write(&format!("{REVEAL} input[name=reason]"), "会员来电核实").await;
        b.prove(REVEAL, "s1.counter").await;
        b.click(&format!("{REVEAL} button:not([type])")).await;
        b.says(&member.mobile).await;
        assert!(b.has("[data-hides='30']").await);
        // Half a minute later.
        assert_eq!(b.later().await, [30_000]);
        b.says(said(window, "已重新隐藏", "Hidden again")).await;
        let page = "return document.documentElement.outerHTML";
        assert!(!b.script(page, vec![]).await.as_str().unwrap().contains(&member.mobile));

        // What the caller says is compared, and nothing of it is shown.
        b.click("form.back button").await;
        b.arrives("/members/record").await;
        b.unfold(VERIFY).await;
        for (value, verdict, words) in [
            (member.mobile.as_str(), "yes", said(window, "✓ 相符", "✓ Match")),
            ("13000000000", "no", said(window, "✗ 不相符", "✗ No match")),
        ] {
            b.choose(&format!("{VERIFY} select[name=field]"), "mobile").await;
            b.write(&format!("{VERIFY} input[name=value]"), value).await;
            b.click(&format!("{VERIFY} button")).await;
            b.says(words).await;
            assert!(b.has(&format!(".verdict.{verdict}")).await);
            assert!(!b.text().await.contains(&member.mobile));
        }

        // He does not want messages any more.
        b.click("form.back button").await;
        b.arrives("/members/record").await;
        b.unfold(CONSENT).await;
        for (field, value) in [("purpose", "promotion"), ("channel", "sms"), ("class", "company")] {
            b.choose(&format!("{CONSENT} select[name={field}]"), value).await;
        }
        b.click(&format!("{CONSENT} input[name=said][value=no]")).await;
        b.click(&format!("{CONSENT} button")).await;
        b.says(said(window, "会员的表态已登记", "Recorded. It counts from now on.")).await;
        assert!(b.has("section[aria-labelledby=now] tr.no").await);
        b.says(said(window, "已撤回", "withdrawn")).await;
        b.click("form[action='/members/consents'] button").await;
        b.arrives("/members/consents").await;
        b.says("s1.counter").await;
    });
    assert_eq!(refusals(&served, before), [("member.revealed".into(), "reason_missing".into())]);
    let entries = served.entries(before);
    let count = |action: &str| entries.iter().filter(|entry| entry["action"] == action).count();
    let done = ["member.revealed", "member.verified", "consent.set"].map(count);
    assert_eq!(done, [2, 2, 1], "a reveal that was refused is one of the entries");
}

/// A new member reads the notice and decides each question; nothing is decided in advance, nor lost by a refusal.
fn a_new_member_decides_everything(on: On, window: Window) {
    let served = Served::start(on);
    let foreign = member(&served, "S002").clone();
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("s1.counter").await;
        b.go("/members/new").await;
        b.says(said(window, "尚无已登记并生效的告知书", "No notice is registered")).await;
        assert!(!b.has(INTAKE).await);
        served.register_notice();
        b.go("/members/new").await;
        b.says("我们如何使用您的信息").await;
        assert_eq!(b.count(&format!("{INTAKE} input:checked")).await, 0, "nothing is ticked");
        let chosen = "return [...document.querySelectorAll('main form select')].map(s => s.value).join('')";
        assert_eq!(b.script(chosen, vec![]).await, "");

        // Undecided, and a number that is none: told at their places, with everything typed kept.
        b.write(&format!("{INTAKE} input[name=card_no]"), "9900021").await;
        b.write(&format!("{INTAKE} input[name=name]"), "欧阳娜娜").await;
        b.write(&format!("{INTAKE} input[name=mobile]"), "1390000").await;
        b.choose(&format!("{INTAKE} select[name=home_store]"), "S001").await;
        b.click(&format!("{INTAKE} input[name=consent_post][value=no]")).await;
        b.unchecked(INTAKE).await;
        b.click(&format!("{INTAKE} button")).await;
        b.says("invalid_fields").await;
        assert!(b.has("#f-mobile[aria-invalid=true]").await);
        assert!(b.has("#f-consent_sms .wrong").await);
        assert!(!b.has("#f-consent_post .wrong").await);
        assert_eq!(b.value("#f-name").await, "欧阳娜娜");
        assert_eq!(b.value("#f-home_store").await, "S001");

        // No promotion at all still lets him join.
        b.write("#f-mobile", "13900002121").await;
        b.click(&format!("{INTAKE} input[name=covenant]")).await;
        for channel in ["sms", "post", "email"] {
            b.click(&format!("{INTAKE} input[name=consent_{channel}][value=no]")).await;
        }
        b.click(&format!("{INTAKE} button")).await;
        b.says(said(window, "会员已登记。", "The member is added.")).await;
        b.says("139****2121").await;
        assert_eq!(b.count("section[aria-labelledby=now] tbody tr.no").await, 3);
        assert_eq!(b.count("section[aria-labelledby=now] tbody tr.yes").await, 0);

        // A member of another store is nobody here, by card and by mobile.
        for (by, value) in [("card", &foreign.card), ("mobile", &foreign.mobile)] {
            looks_up(b, by, value).await;
            b.says(said(window, "没有您可以看到的会员", "No member that you may see")).await;
            b.says(said(
                window,
                "其他门店的会员请到其归属门店查找",
                "A member of another store is looked up there",
            ))
            .await;
            assert!(!b.has("article.found").await);
        }
        // And his record's name on another's page opens nothing.
        looks_up(b, "card", "9900021").await;
        b.says("139****2121").await;
        let script = "document.querySelector('article.found input[name=member]').value = arguments[0]";
        b.script(script, vec![json!("made-up")]).await;
        b.click("article.found button:not(.secondary)").await;
        b.says("unknown_member").await;
        b.says("B9").await;
    });
}
