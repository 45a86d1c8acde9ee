//! Whether everybody can use the pages: axe-core (WCAG 2.2 AA) on each, light and dark, wide, narrow and enlarged.

use serde_json::Value;

use crate::browser::{Browser, WIDE, Window};
use crate::caller::Served;
use crate::support::world::{On, block, executed, submitted};

/// Unminified it would be 1.5 MB; the project is its publisher's own file.
const AXE: &str = include_str!("axe.min.js");

/// Pages by who looks at them; `{draft}`, `{waits}` and `{done}` are requests, `{run}` is an import.
pub const PAGES: &[(&str, &[&str])] = &[
    (
        "hq.officer",
        &[
            "/",
            "/requests",
            "/requests?mine=todo",
            "/requests/new",
            "/requests/{done}",
            "/requests/{done}/execution",
            "/requests/calendar",
            "/requests/calendar?month=2026-12",
            "/requests/coverage",
            "/requests/{draft}/purpose",
            "/requests/{draft}/channel",
            "/requests/{draft}/selection",
            "/requests/{draft}/window",
            "/account",
            "/account/tokens",
            "/packages",
        ],
    ),
    ("hq.head", &["/", "/requests/{waits}"]),
    ("hq.receiver", &["/packages"]),
    ("s1.counter", &["/", "/members", "/members/new", "/imports", "/imports/{run}", "/audit"]),
    ("mem.head", &["/members/who-saw", "/imports"]),
    (
        "auditor",
        &[
            "/",
            "/audit",
            "/audit/1",
            "/audit/subject",
            "/audit/exceptions",
            "/audit/alarms",
            "/audit/verification",
            "/audit/pictures",
            "/requests/{done}",
            "/requests/{done}/dossier",
        ],
    ),
    ("hq.vendors", &["/admin/vendors", "/admin/vendors/SMS1"]),
    (
        "admin",
        &[
            "/admin",
            "/admin/people",
            "/admin/people/hq.head",
            "/admin/org",
            "/admin/proposals",
            "/admin/policies",
            "/admin/policies/1",
            "/admin/policies/explain",
            "/admin/policies/propose",
            "/admin/health",
        ],
    ),
];

/// What is wrong on a page.
async fn checked(b: &Browser, path: &str, how: &str) -> Vec<String> {
    b.go(path).await;
    as_it_stands(b, path, how).await
}

/// What is wrong on the page that is open, with everything unfolded.
pub async fn as_it_stands(b: &Browser, path: &str, how: &str) -> Vec<String> {
    b.script("document.querySelectorAll('details').forEach(one => one.open = true)", vec![]).await;
    b.script(AXE, vec![]).await;
    let run = "const done = arguments[arguments.length - 1]; \
               axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }) \
               .then(found => done(found.violations.map(v => [v.id, v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary)])))";
    let mut wrong = Vec::new();
    let Value::Array(found) = b.script_later(run).await else { panic!("axe said nothing of {path}") };
    wrong.extend(found.iter().map(|found| format!("{path} ({how}): {found:#}")));
    // Nothing has to be scrolled sideways but tables, which do it by themselves.
    let wide = "return [document.documentElement.scrollWidth, innerWidth]";
    let Value::Array(widths) = b.script(wide, vec![]).await else { panic!() };
    if widths[0].as_u64() > widths[1].as_u64() {
        wrong.push(format!("{path} ({how}) is wider than its window: {widths:?}"));
    }
    wrong
}

/// Pages that only a form leads to: members, what is revealed, what is refused.
async fn sent_to(b: &Browser, served: &Served, how: &str, (draft, waits): (&str, &str)) -> Vec<String> {
    let mut wrong = Vec::new();
    b.sign_in("s1.counter").await;
    let (card, mobile) = served.member("S001");
    b.go("/members").await;
    b.choose("form.search select[name=by]", "card").await;
    b.write("form.search input[name=value]", &card).await;
    b.click("form.search button").await;
    b.click("article.found button:not(.secondary)").await;
    b.arrives("/members/record").await;
    wrong.extend(as_it_stands(b, "a member's record", how).await);
    let reveal = "form[action='/members/reveal']";
    b.click(&format!("{reveal} input[value=mobile]")).await;
    b.unchecked(reveal).await;
    b.click(&format!("{reveal} button:not([type])")).await;
    b.says("reason_missing").await;
    wrong.extend(as_it_stands(b, "a reveal that is refused", how).await);
    b.write(&format!("{reveal} input[name=reason]"), "会员来电核实").await;
    b.click(&format!("{reveal} button:not([type])")).await;
    b.says(&mobile).await;
    wrong.extend(as_it_stands(b, "what is revealed", how).await);
    b.go("/members/new").await;
    b.unchecked("main form").await;
    b.click("main form > button").await;
    b.says("invalid_fields").await;
    wrong.extend(as_it_stands(b, "a new member with faults", how).await);
    for path in ["/admin/health", "/nowhere"] {
        wrong.extend(checked(b, path, how).await);
    }
    b.sign_out().await;

    b.sign_in("hq.officer").await;
    b.go("/requests/new").await;
    b.write("input[name=campaign]", "春季上新").await;
    b.write("textarea[name=reason]", "告知春季上新").await;
    b.click("button[value=way]").await;
    b.choose("select[name=vendor]", "DM1").await;
    wrong.extend(as_it_stands(b, "the second step", how).await);
    b.click("button[value=keep]").await;
    b.says("vendor_not_active").await;
    wrong.extend(as_it_stands(b, "a step with an error", how).await);
    b.go(&format!("/requests/{draft}/window")).await;
    b.set("input[name=from]", "2099-01-05").await;
    b.set("input[name=to]", "2098-01-05").await;
    b.click("main form button:not(.quiet)").await;
    b.says("bad_form").await;
    wrong.extend(as_it_stands(b, "dates with an error", how).await);
    b.go("/requests/coverage").await;
    b.click("form[action='/requests/coverage'] button").await;
    b.sees("table.coverage").await;
    wrong.extend(as_it_stands(b, "consents that were counted", how).await);
    // Seven columns where there is room for them, a list of days where there is not.
    b.go("/requests/calendar?month=2026-12").await;
    let grid = "return getComputedStyle(document.querySelector('table.month thead')).display !== 'none'";
    let wide = b.script("return innerWidth > 896", vec![]).await;
    assert_eq!(b.script(grid, vec![]).await, wide, "the calendar at {how}");
    b.go("/").await;
    b.sign_out().await;

    b.sign_in("hq.head").await;
    b.go(&format!("/requests/{waits}")).await;
    b.click("button[formaction$='/reject']").await;
    b.says("bad_comment").await;
    wrong.extend(as_it_stands(b, "a signature with an error", how).await);
    b.go("/").await;
    b.sign_out().await;
    wrong
}

/// A vault of which every page has something to show.
pub struct Furnished {
    pub served: Served,
    draft: String,
    waits: String,
    done: String,
    run: String,
}

impl Furnished {
    pub fn new() -> Furnished {
        let served = Served::start(On::Sqlite);
        served.register_notice();
        let (draft, waits, done) = block(async {
            let broker = served.broker().await;
            let officer = crate::support::world::step(&broker, "hq.officer").await.unwrap();
            let form = crate::support::world::form("sms");
            let draft = broker.request_draft(officer.caller(), &form).await.unwrap();
            let done = executed(&broker, "sms").await;
            let waits = submitted(&broker, "sms").await;
            broker.store().close().await;
            (draft.to_string(), waits.to_string(), done.request().to_string())
        });
        let csv = "卡号,姓名,手机,归属门店\n70000000,欧阳娜娜,1390000,S001\n";
        let counter = served.caller("s1.counter");
        let answer = counter.send("POST", "/api/v1/imports", "text/csv", csv.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let run = counter.get("/api/v1/imports?limit=1").body["items"][0]["no"].to_string();
        Furnished { served, draft, waits, done, run }
    }

    /// What is wrong on each page, as each is looked at.
    pub async fn each_page(
        &self,
        b: &Browser,
        look: impl AsyncFn(&Browser, &str) -> Vec<String>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for path in ["/sign-in", "/enrol"] {
            b.go(path).await;
            wrong.extend(look(b, path).await);
        }
        for (who, paths) in PAGES {
            b.sign_in(who).await;
            for path in *paths {
                let path = path.replace("{draft}", &self.draft).replace("{waits}", &self.waits);
                let path = path.replace("{done}", &self.done).replace("{run}", &self.run);
                b.go(&path).await;
                wrong.extend(look(b, &path).await);
            }
            b.go("/").await;
            b.sign_out().await;
        }
        wrong
    }
}

fn every_page(window: Window, how: &str) {
    let furnished = Furnished::new();
    let Furnished { served, draft, waits, .. } = &furnished;
    Browser::with(served, window, async |b: &Browser| {
        let mut wrong =
            furnished.each_page(b, async |b: &Browser, path: &str| as_it_stands(b, path, how).await).await;
        wrong.extend(sent_to(b, served, how, (draft, waits)).await);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn in_light() {
    every_page(WIDE, "light");
}

#[test]
fn in_dark() {
    every_page(Window { dark: true, lang: "en", ..WIDE }, "dark");
}

#[test]
fn at_360_pixels() {
    every_page(Window { width: 360, ..WIDE }, "360 px");
}

/// A window of 1200 pixels enlarged to 200 % lays out as one of 600.
#[test]
fn at_200_percent() {
    every_page(Window { width: 600, lang: "en", ..WIDE }, "200 %");
}
