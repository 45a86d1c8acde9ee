//! Signing in at the company's identity provider: an account that its owner linked, and nothing but signing in. The
//! browser's part is played here; tests/console/entering.rs has a real one.

use serde_json::{Value, json};

use crate::both_at_provider;
use crate::caller::{Answer, Caller, Served, secret};
use crate::raw::Raw;
use crate::support::provider::Provider;
use crate::support::world::{On, block};

both_at_provider!(
    an_account_signs_in_whom_it_is_linked_to,
    what_it_opens_signs_nothing,
    a_code_is_good_in_the_browser_that_began_and_once,
    a_row_written_behind_the_log_signs_in_nobody,
    an_account_is_linked_to_one_person,
    a_reset_or_a_suspension_ends_it,
);

#[test]
fn a_provider_that_does_not_answer_is_told() {
    let provider = Provider::start();
    let served = Served::beside_provider(On::Sqlite, &provider);
    drop(provider);
    let browser = Browser::on(&served);
    let answer = browser.get("/sign-in/oidc");
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("identity provider does not answer") || answer.text().contains("没有应答")
    );
}

#[test]
fn without_a_provider_nothing_leads_to_one() {
    let served = Served::start(On::Sqlite);
    let browser = Browser::on(&served);
    assert!(!browser.get("/sign-in").text().contains("/sign-in/oidc"));
    assert_eq!(browser.get("/sign-in/oidc").status, 409);
    assert_eq!(browser.get("/sign-in/oidc/back?code=a&state=b").status, 409);
}

fn an_account_signs_in_whom_it_is_linked_to(served: &Served, provider: &Provider) {
    let stranger = Browser::on(served);
    let back = stranger.signs_in_at(provider, "he-fang-7");
    assert_eq!(back.status, 403, "linked to nobody yet");
    assert!(stranger.session().is_none());

    link(served, provider, "s1.counter", "he-fang-7");
    let browser = Browser::on(served);
    let back = browser.signs_in_at(provider, "he-fang-7");
    assert_eq!(back.status, 200);
    // The browser goes on from a page of ours, and so sends the strict cookie.
    assert!(back.text().contains("url=/"), "{}", back.text());
    let me = browser.get("/api/v1/session");
    assert_eq!((me.status, &me.body["login"]), (200, &json!("s1.counter")));
    let (card, _) = served.member("S001");
    let mut caller = browser.with_session();
    caller.headers.push(("x-csrf-token".into(), me.body["csrf"].as_str().unwrap().into()));
    assert_eq!(
        caller.post("/api/v1/members/show", &json!({ "card": card })).code(),
        "done",
        "it reads masked"
    );

    let entries = served.entries(0);
    let of = |action: &str| entries.iter().filter(|e| e["action"] == action).cloned().collect::<Vec<Value>>();
    let linked = of("account.linked");
    assert_eq!((linked.len(), &linked[0]["object"]), (1, &json!("s1.counter")));
    let by_provider = |e: &&Value| e["counts"]["by_provider"] == json!(1);
    assert_eq!(of("session.opened").iter().filter(by_provider).count(), 1);
    assert!(!entries.iter().any(|e| e.to_string().contains("he-fang-7")), "the subject stays out of the log");
}

fn what_it_opens_signs_nothing(served: &Served, provider: &Provider) {
    link(served, provider, "s1.counter", "he-fang-7");
    let browser = Browser::on(served);
    browser.signs_in_at(provider, "he-fang-7");
    let me = browser.get("/api/v1/session").body;
    let mut caller = browser.with_session();
    caller.headers.push(("x-csrf-token".into(), me["csrf"].as_str().unwrap().into()));
    let (card, _) = served.member("S001");
    let reveal = json!({ "card": card, "fields": ["mobile"], "reason": "asked at the counter" });
    assert_eq!(caller.post("/api/v1/members/reveal", &reveal).code(), "step_up_needed");
    assert_eq!(caller.post("/api/v1/second-factors/totp", &json!({})).code(), "step_up_needed");
    // The password puts in what was never there.
    let stepped = caller.post("/api/v1/session/step-up", &json!({ "password": secret("s1.counter") }));
    assert_eq!(stepped.code(), "done", "{}", stepped.body);
    assert_eq!(caller.post("/api/v1/members/reveal", &reveal).code(), "done");
}

fn a_code_is_good_in_the_browser_that_began_and_once(served: &Served, provider: &Provider) {
    link(served, provider, "s1.counter", "he-fang-7");
    let browser = Browser::on(served);
    let back = browser.sent_back(provider, "he-fang-7");
    // Somebody else's browser, that began nothing, or something else.
    let other = Browser::on(served);
    assert_eq!(other.get(&back).status, 409);
    other.sent_back(provider, "he-fang-7");
    assert_eq!(other.get(&back).status, 409, "another beginning's state");
    // Ten minutes later it is forgotten.
    let late = Browser::on(served);
    let sent = late.sent_back(provider, "he-fang-7");
    served.clock.set(served.clock.now() + 601_000_000);
    assert_eq!(late.get(&sent).status, 409);
    let fresh = Browser::on(served);
    let sent = fresh.sent_back(provider, "he-fang-7");
    let kept = fresh.cookies();
    assert_eq!(fresh.get(&sent).status, 200);
    // Replayed with the cookie put back: the provider gave that code out once.
    let replay = Browser::on(served);
    replay.take(kept);
    assert_eq!(replay.get(&sent).status, 403);
    assert!(replay.session().is_none());
    // Said no at the provider.
    let denied = Browser::on(served);
    let sent = denied.sent_back(provider, "he-fang-7");
    let state = sent.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert_eq!(denied.get(&format!("/sign-in/oidc/back?error=access_denied&state={state}")).status, 403);
}

fn a_row_written_behind_the_log_signs_in_nobody(served: &Served, provider: &Provider) {
    link(served, provider, "s1.counter", "he-fang-7");
    let forge = "update linked_account set login = 'admin'";
    block(async { Raw::connect(&served.world.url).await.run(forge).await.unwrap() });
    served.clock.set(served.clock.now() + 1_000_000);
    let browser = Browser::on(served);
    assert_eq!(browser.signs_in_at(provider, "he-fang-7").status, 500);
    assert!(browser.session().is_none());
}

fn an_account_is_linked_to_one_person(served: &Served, provider: &Provider) {
    link(served, provider, "s1.counter", "he-fang-7");
    let (browser, sent) = linking(served, provider, "s2.counter", "he-fang-7");
    assert_eq!(browser.get(&sent).status, 409, "it is somebody else's");
    // Another account in its stead; the first one is nobody's then.
    link(served, provider, "s1.counter", "he-fang-8");
    assert_eq!(Browser::on(served).signs_in_at(provider, "he-fang-7").status, 403);
    assert_eq!(Browser::on(served).signs_in_at(provider, "he-fang-8").status, 200);
    // Unlinked.
    let owner = Browser::signed_in(served, "s1.counter");
    let form = format!("csrf={}&password={}", owner.csrf(), secret("s1.counter"));
    assert_eq!(owner.post("/account/oidc/remove", &form).status, 303);
    assert_eq!(Browser::on(served).signs_in_at(provider, "he-fang-8").status, 403);
    // Without the password nothing is begun, however lately it was given.
    let begun = owner.post("/account/oidc", &format!("csrf={}", owner.csrf()));
    assert_eq!(begun.status, 403, "{}", begun.text());
    served.clock.set(served.clock.now() + 301_000_000);
    let begun = owner.post("/account/oidc", &format!("csrf={}", owner.csrf()));
    assert_eq!(begun.status, 403, "{}", begun.text());
    // A session that ended meanwhile links nothing.
    let (browser, sent) = linking(served, provider, "s1.counter", "he-fang-9");
    let out = format!("csrf={}", browser.csrf());
    assert_eq!(browser.post("/sign-out", &out).status, 303);
    assert_eq!(browser.get(&sent).status, 409);
}

fn a_reset_or_a_suspension_ends_it(served: &Served, provider: &Provider) {
    link(served, provider, "s1.counter", "he-fang-7");
    let admin = served.caller("admin");
    assert_eq!(admin.post("/api/v1/people/s1.counter/suspend", &json!({})).code(), "done");
    assert_eq!(Browser::on(served).signs_in_at(provider, "he-fang-7").status, 403);
    assert!(Browser::on(served).session().is_none());

    link(served, provider, "s2.counter", "li-na-3");
    assert_eq!(Browser::on(served).signs_in_at(provider, "li-na-3").status, 200);
    crate::factors::reset(served, "s2.counter");
    assert_eq!(Browser::on(served).signs_in_at(provider, "li-na-3").status, 403, "linked to nobody any more");
}

fn link(served: &Served, provider: &Provider, login: &str, subject: &str) {
    let (browser, sent) = linking(served, provider, login, subject);
    let linked = browser.get(&sent);
    assert_eq!(linked.status, 200, "{}", linked.text());
    assert!(linked.text().contains("/account?done=linked"));
}

/// Somebody who is to link an account: the browser, and the address with which the provider sends it back.
fn linking(served: &Served, provider: &Provider, login: &str, subject: &str) -> (Browser, String) {
    let browser = Browser::signed_in(served, login);
    let form = format!("csrf={}&password={}", browser.csrf(), secret(login));
    let page = browser.post("/account/oidc", &form);
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let to = text.split("<a href=\"").last().unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let sent = browser.vouched(provider, &to, subject);
    (browser, sent)
}

/// A browser's part: it keeps cookies and follows nothing by itself.
struct Browser {
    caller: std::cell::RefCell<Caller>,
    jar: std::cell::RefCell<Vec<(String, String)>>,
}

impl Browser {
    fn on(served: &Served) -> Browser {
        Browser { caller: Caller::still(served.address).into(), jar: Vec::new().into() }
    }

    fn signed_in(served: &Served, login: &str) -> Browser {
        let browser = Browser::on(served);
        let form = format!("login={login}&password={}", secret(login));
        assert_eq!(browser.post("/sign-in", &form).status, 303);
        browser
    }

    fn cookies(&self) -> Vec<(String, String)> {
        self.jar.borrow().clone()
    }

    fn take(&self, cookies: Vec<(String, String)>) {
        *self.jar.borrow_mut() = cookies;
    }

    fn session(&self) -> Option<String> {
        let jar = self.jar.borrow();
        jar.iter().find(|(name, _)| name == "__Host-countersign").map(|(_, value)| value.clone())
    }

    fn csrf(&self) -> String {
        self.get("/api/v1/session").body["csrf"].as_str().unwrap().to_owned()
    }

    /// A caller who sends this browser's session.
    fn with_session(&self) -> Caller {
        let mut caller = self.caller.borrow().again();
        caller.headers = vec![("cookie".into(), format!("__Host-countersign={}", self.session().unwrap()))];
        caller
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "")
    }

    fn post(&self, path: &str, form: &str) -> Answer {
        self.send("POST", path, "application/x-www-form-urlencoded", form)
    }

    fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Answer {
        let cookies: Vec<String> = self.jar.borrow().iter().map(|(n, v)| format!("{n}={v}")).collect();
        let mut caller = self.caller.borrow_mut();
        caller.headers =
            if cookies.is_empty() { vec![] } else { vec![("cookie".into(), cookies.join("; "))] };
        let answer = caller.send(method, path, kind, body.as_bytes());
        for set in answer.headers.get_all("set-cookie") {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.jar.borrow_mut().retain(|(n, _)| n != name);
            if !rest.contains("Max-Age=0") {
                self.jar.borrow_mut().push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// Leaves for the provider, where a subject is typed; the address with which it is sent back.
    fn sent_back(&self, provider: &Provider, subject: &str) -> String {
        let left = self.get("/sign-in/oidc?then=/requests");
        assert_eq!(left.status, 303, "{}", left.text());
        let to = left.header("location").to_owned();
        for part in
            ["response_type=code", "code_challenge_method=S256", "code_challenge=", "nonce=", "scope=openid"]
        {
            assert!(to.contains(part), "{part}: {to}");
        }
        self.vouched(provider, &to, subject)
    }

    fn vouched(&self, provider: &Provider, to: &str, subject: &str) -> String {
        let path = to.strip_prefix(&provider.issuer).unwrap_or_else(|| panic!("{to}"));
        let address = provider.issuer.strip_prefix("http://").unwrap().parse().unwrap();
        let form = format!("sub={subject}");
        let kind = "application/x-www-form-urlencoded";
        let vouched = Caller::still(address).send("POST", path, kind, form.as_bytes());
        assert_eq!(vouched.status, 302, "{}", vouched.text());
        let back = vouched.header("location");
        back[back.find("/sign-in/oidc/back").unwrap()..].to_owned()
    }

    fn signs_in_at(&self, provider: &Provider, subject: &str) -> Answer {
        let back = self.sent_back(provider, subject);
        self.get(&back)
    }
}
