//! What a page lets in and out: no script but its own, nothing from elsewhere, what was typed is text, and nothing is done
//! without the token that its own forms carry.

use serde_json::json;

use crate::browser::{Browser, WIDE};
use crate::caller::Served;
use crate::support::world::{On, block, form, step};

const MARKUP: &str = "<img src=x onerror=hit=1><script>hit=2</script>";

const NAMED: &str = "[[person]]\nlogin = \"hq.head\"\nname = \"<b>王强</b>\"\nunit = \"HQ-MKT\"\nrank = \"manager\"\nroles = [\"dept_head\"]\n";

#[test]
fn nothing_runs_but_our_own_and_nothing_goes_elsewhere() {
    let served = Served::start(On::Sqlite);
    let named = served.caller("admin").send("POST", "/api/v1/org", "application/toml", NAMED.as_bytes());
    assert_eq!(named.status, 200, "{}", named.body);
    let no = block(async {
        let broker = served.broker().await;
        let officer = step(&broker, "hq.officer").await.unwrap();
        let text = form("sms").replace("新年满减", MARKUP).replace("新年活动告知", MARKUP);
        let no = broker.request_draft(officer.caller(), &text).await.unwrap();
        broker.request_submit(officer, &no).await.unwrap();
        broker.store().close().await;
        no.to_string()
    });
    Browser::with(&served, WIDE, async |b: &Browser| {
        b.sign_in("hq.head").await;
        let request = format!("/requests/{no}");
        for path in ["/", "/requests", &request, "/packages", "/requests/calendar", "/account"] {
            b.go(path).await;
            let policy =
                "return fetch(location.href).then(answer => answer.headers.get('content-security-policy'))";
            let policy = b.script(policy, vec![]).await;
            let policy = policy.as_str().expect("a policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("script-src 'self';"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
            // Everything that the browser fetched for the page.
            let elsewhere = "return performance.getEntriesByType('resource').map(one => one.name)\
                             .filter(name => !name.startsWith(location.origin + '/') && !name.startsWith('data:'))";
            assert_eq!(b.script(elsewhere, vec![]).await, json!([]), "{path}");
            let inline = "return [...document.querySelectorAll('*')].filter(one => \
                          one.localName === 'script' && !one.src || \
                          [...one.attributes].some(named => named.name.startsWith('on'))).length";
            assert_eq!(b.script(inline, vec![]).await, 0, "{path}");
            assert_eq!(b.script("return typeof hit", vec![]).await, "undefined", "{path}");
        }
        b.go(&request).await;
        b.says(MARKUP).await;
        b.says("<b>王强</b>").await;
        assert!(!b.title().await.contains(MARKUP), "a title says no more than the number");
        // What comes in an address is no markup either.
        b.go("/requests?mine=%3Cscript%3Ehit%3D3%3C%2Fscript%3E&done=%3Cscript%3Ehit%3D3%3C%2Fscript%3E")
            .await;
        assert_eq!(b.script("return typeof hit", vec![]).await, "undefined");
    });
}

/// With the cookie alone nothing is done: not from elsewhere, and not with another's token.
#[test]
fn nothing_is_done_without_the_token_of_the_page() {
    let served = Served::start(On::Sqlite);
    let mut caller = served.browser("hq.officer");
    let csrf = caller.headers.iter().find(|(name, _)| name == "x-csrf-token").unwrap().1.clone();
    caller.headers.retain(|(name, _)| name != "x-csrf-token");
    let sign_out = |caller: &crate::caller::Caller, body: String| {
        caller.send("POST", "/sign-out", "application/x-www-form-urlencoded", body.as_bytes()).status
    };
    let others = served.browser("hq.head");
    let others = &others.headers.iter().find(|(name, _)| name == "x-csrf-token").unwrap().1;
    for wrong in [String::new(), "csrf=".to_owned(), "csrf=00".to_owned(), format!("csrf={others}")] {
        let status = sign_out(&caller, wrong.clone());
        assert!((400..500).contains(&status), "{wrong}: {status}");
    }
    caller.headers.push(("sec-fetch-site".into(), "cross-site".into()));
    assert_eq!(sign_out(&caller, format!("csrf={csrf}")), 403, "from elsewhere");
    caller.headers.retain(|(name, _)| name != "sec-fetch-site");
    assert_eq!(caller.get("/api/v1/session").status, 200, "still signed in");
    // With it, one is led to the page to sign in.
    assert_eq!(sign_out(&caller, format!("csrf={csrf}")), 200);
    assert_eq!(caller.get("/api/v1/session").status, 401);
}
