//! Tokens for programs: made with ticked scopes and shown once, listed, revoked; what is refused is not lost.

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::keys::in_every_way;
use crate::support::world::On;

both!(a_token_is_made_shown_once_and_revoked, WIDE, ENGLISH);

const FORM: &str = "form[action='/account/tokens']";

fn a_token_is_made_shown_once_and_revoked(on: On, window: Window) {
    let served = Served::start(on);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("s1.counter").await;
        b.go("/account").await;
        b.click("a[href='/account/tokens']").await;
        b.says(said(window, "还没有令牌", "No tokens yet")).await;
        b.write("input[name=name]", "till 2").await;
        b.write("input[name=unit]", "S002").await;
        b.click("input[value='members:look-up']").await;
        b.click("input[value='consents:record']").await;
        b.prove(FORM, "s1.counter").await;
        b.click(&format!("{FORM} button:not([type=button])")).await;
        b.sees("main [role=alert]").await;
        b.says("not_permitted").await;
        assert_eq!(b.value("input[name=name]").await, "till 2");
        assert_eq!(b.count("input[name=scope]:checked").await, 2);
        b.write("input[name=unit]", "S001").await;
        b.prove(FORM, "s1.counter").await;
        b.click(&format!("{FORM} button:not([type=button])")).await;
        b.says("cst_").await;
        let shown = b.text().await;
        let text = shown.split_whitespace().find(|word| word.starts_with("cst_")).unwrap().to_owned();
        assert_eq!(text.len(), 47, "{text}");
        assert_eq!(in_every_way(b, "a token that is shown", window).await, [""; 0]);
        // Once.
        b.go("/account/tokens").await;
        assert!(!b.text().await.contains("cst_"));
        b.says("till 2").await;
        let mut till = served.nobody();
        till.bearer(&text);
        let (_, mobile) = served.member("S001");
        let look = serde_json::json!({ "index": "mobile", "value": mobile });
        assert_eq!(till.post("/api/v1/members/look-up", &look).status, 200);
        b.click("form[action='/account/tokens/revoke'] button").await;
        b.says(said(window, "已作废", "revoked")).await;
        assert!(!b.has("form[action='/account/tokens/revoke']").await);
        assert_eq!(till.post("/api/v1/members/look-up", &look).code(), "not_signed_in");
    });
}
