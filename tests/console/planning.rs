//! What planning looks ahead by: the calendar of campaigns, and how many members consent, by channel and store.

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::support::world::{On, block, executed, handed_off, submitted};

both!(a_month_of_campaigns, WIDE, ENGLISH);
both!(consents_are_counted_by_store, ENGLISH, WIDE);

/// Windows, a hand-off and a proof that is due on their days; by unit; another month; nothing.
fn a_month_of_campaigns(on: On, window: Window) {
    let served = Served::start(on);
    let (package, other) = block(async {
        let broker = served.broker().await;
        let package = executed(&broker, "sms").await;
        let other = submitted(&broker, "post").await;
        handed_off(&broker, &package).await;
        broker.store().close().await;
        (package, other.to_string())
    });
    let no = package.request().to_string();
    let on_day = |code: &str, day: u32| {
        format!(
            "const li = document.querySelector('li.{code}'); \
             return li.closest('td').querySelector('.short').innerText === '{day}' && li.innerText"
        )
    };
    let day = u32::from(served.clock.today().day().unsigned_abs());
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("hq.receiver").await;
        b.click("main a[href='/requests/calendar']").await;
        b.arrives("/requests/calendar").await;
        b.sees("td[aria-current=date]").await;
        let handed = b.script(&on_day("handed_off", day), vec![]).await;
        let handed = handed.as_str().expect("the hand-off stands on its day").to_owned();
        for part in [&no, "新年满减", said(window, "营销部", "HQ-MKT"), said(window, "外包商", "Vendor")]
        {
            assert!(handed.contains(part), "{part}: {handed}");
        }
        b.go("/requests/calendar?month=2026-12").await;
        let opens = b.script(&on_day("opens", 20), vec![]).await;
        assert!(opens.as_str().unwrap().contains(said(window, "使用期开始", "Window opens")), "{opens}");
        // Another site's campaign is not this officer's to see.
        assert!(!b.text().await.contains(&other));
        b.click("nav.months a[rel=next]").await;
        b.arrives("/requests/calendar?month=2027-01").await;
        b.says(said(window, "这个月没有", "Nothing that you may see")).await;
        b.go("/requests/calendar?month=2099-01").await;
        let closes = b.script(&on_day("closes", 5), vec![]).await;
        assert!(closes.is_string(), "{closes}");
        let due = b.script(&on_day("proof_due", 20), vec![]).await;
        assert!(due.as_str().unwrap().contains(said(window, "应交销毁证明", "Proof due")), "{due}");
        b.go("/requests/calendar?month=2026-13").await;
        b.says("bad_value").await;
        b.go("/").await;
        b.sign_out().await;

        // Who sees all of them looks at one unit's.
        b.sign_in("mem.head").await;
        b.go("/requests/calendar?month=2026-12").await;
        b.says(&other).await;
        b.says(&no).await;
        b.choose("select[name=unit]", "S001-MKT").await;
        b.click("form.pair button").await;
        b.arrives("/requests/calendar?month=2026-12&unit=S001-MKT").await;
        b.says(&other).await;
        assert!(!b.text().await.contains(&no));
        // What was never handed over has no proof to come.
        b.click("nav.months a[rel=prev]").await;
        b.arrives("/requests/calendar?month=2026-11&unit=S001-MKT").await;
        b.go("/requests/calendar?month=2099-01&unit=S001-MKT").await;
        b.sees("li.destroy_by").await;
        assert_eq!(b.count("li.proof_due").await, 0);
    });
}

/// Nothing is counted by looking; what was counted says when, small counts say little, a store sees its own.
fn consents_are_counted_by_store(on: On, window: Window) {
    let served = Served::start(on);
    served.adopt(&[
        ("switches.toml", "store_scope = \"group\"", "store_scope = \"own\""),
        ("switches.test.toml", "store_scope = \"group\"", "store_scope = \"own\""),
    ]);
    let active: Vec<_> = served.world.members.accepted().filter(|row| row.covenant.is_some()).collect();
    let tens = |n: usize| if n < 10 { "<10".to_owned() } else { ((n + 5) / 10 * 10).to_string() };
    let all = tens(active.len());
    let sms = tens(active.iter().filter(|row| row.consent_sms == Some(true)).count());
    let own: Vec<_> = active.iter().filter(|row| row.store == "S001").collect();
    let line = "const row = [...document.querySelectorAll('table.coverage tbody tr')].find(row => \
                row.cells[0].innerText === arguments[0]); return row && [...row.cells].map(cell => cell.innerText)";
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("hq.head").await;
        b.click("main a[href='/requests/coverage']").await;
        b.says(said(window, "还没有统计过", "Nothing was counted")).await;
        let before = served.size();
        b.click("form[action='/requests/coverage'] button").await;
        b.sees("table.coverage svg").await;
        b.says(said(window, "统计于", "Counted at")).await;
        let sum = b.script(line, vec![said(window, "合计", "All of these").into()]).await;
        assert_eq!(sum[1], all, "{sum}");
        assert!(sum[2].as_str().unwrap().starts_with(&sms), "{sum}, not {sms}");
        // The counting and the look are an entry each.
        let entries = served.entries(before);
        let counted = entries.iter().filter(|leaf| leaf["action"] == "consent.coverage");
        assert_eq!(counted.clone().count(), 2, "{entries:?}");
        assert_eq!(counted.filter(|leaf| leaf["counts"]["counted"] == 1).count(), 1);
        b.sign_out().await;

        b.sign_in("s1.head").await;
        b.go("/requests/coverage").await;
        assert_eq!(b.count("table.coverage tbody tr").await, 1);
        let row = b.script(line, vec![said(window, "一店", "S001").into()]).await;
        assert_eq!(row[1], tens(own.len()), "{row}");
        b.sign_out().await;

        // Who receives packages asks for no counts.
        b.sign_in("hq.receiver").await;
        b.go("/requests/coverage").await;
        b.says("not_permitted").await;
    });
}
