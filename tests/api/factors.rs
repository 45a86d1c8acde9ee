//! Second factors: time-based codes, recovery codes, passkeys; with an authenticator of our own over another library's primitives.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::both;
use crate::caller::{Answer, Caller, ORIGIN, Served, code_at, secret};

both!(
    a_code_is_asked_for_and_good_once,
    a_recovery_code_is_good_once,
    the_password_comes_first,
    wrong_codes_have_to_wait,
    a_reset_takes_the_factors_away,
    a_passkey_signs_in_and_steps_up,
    a_passkey_answers_here_and_once,
    nobody_steps_up_as_another,
    a_cookie_is_nothing_after_signing_out,
    nobody_signs_after_a_suspension,
);

const WHO: &str = "s1.counter";

pub fn code(served: &Served, uri: &str) -> String {
    code_at(uri, served.clock.now() / 1_000_000)
}

fn later(served: &Served, seconds: i64) {
    served.clock.set(served.clock.now() + seconds * 1_000_000);
}

fn sign_in(served: &Served, more: &Value) -> Answer {
    let mut body = json!({ "login": WHO, "password": secret(WHO), "bearer": true });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    served.nobody().post("/api/v1/session", &body)
}

fn with(served: &Served, opened: &Answer) -> Caller {
    let mut caller = served.nobody();
    caller.bearer(opened.body["token"].as_str().unwrap_or_else(|| panic!("{}", opened.body)));
    caller
}

/// Sets time-based codes up: the address, and the recovery codes.
pub fn set_up(served: &Served) -> (String, Vec<String>) {
    let caller = served.caller(WHO);
    let begun = caller.post("/api/v1/second-factors/totp", &json!({}));
    let uri = begun.body["uri"].as_str().unwrap().to_owned();
    assert!(uri.starts_with("otpauth://totp/"), "{uri}");
    assert_eq!(sign_in(served, &json!({})).status, 201, "it is not asked for before its first code");
    let confirm = |code: &str| caller.post("/api/v1/second-factors/totp/confirm", &json!({ "code": code }));
    let right = code(served, &uri);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    assert_eq!(confirm(wrong).code(), "wrong_factor");
    let confirmed = confirm(&right);
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    (uri, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

fn a_code_is_asked_for_and_good_once(served: &Served) {
    let (uri, _) = set_up(served);
    let needed = sign_in(served, &json!({}));
    assert_eq!((needed.status, needed.code()), (401, "second_factor_needed"));
    let used = code(served, &uri);
    assert_eq!(sign_in(served, &json!({ "code": used })).code(), "wrong_factor", "the first code is used up");
    later(served, 30);
    let now = code(served, &uri);
    let opened = sign_in(served, &json!({ "code": now }));
    assert_eq!(opened.status, 201, "{}", opened.body);
    assert_eq!(opened.body["second_factor"], true);
    assert_eq!(sign_in(served, &json!({ "code": now })).code(), "wrong_factor", "twice");
    let before = code_at(&uri, served.clock.now() / 1_000_000 - 30);
    assert_eq!(sign_in(served, &json!({ "code": before })).code(), "wrong_factor", "one of before");
    // One step ahead is a device whose clock is; two are not.
    let ahead = |n: i64| code_at(&uri, served.clock.now() / 1_000_000 + 30 * n);
    assert_eq!(sign_in(served, &json!({ "code": ahead(2) })).code(), "wrong_factor");
    let caller = with(served, &sign_in(served, &json!({ "code": ahead(1) })));
    later(served, 360);
    let step_up = |more: Value| {
        let mut body = json!({ "password": secret(WHO) });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        caller.post("/api/v1/session/step-up", &body)
    };
    assert_eq!(caller.post("/api/v1/second-factors/totp", &json!({})).code(), "step_up_needed");
    assert_eq!(step_up(json!({})).code(), "second_factor_needed");
    let now = code(served, &uri);
    assert_eq!(step_up(json!({ "code": now })).code(), "done");
    assert_eq!(step_up(json!({ "code": now })).code(), "wrong_factor");
    assert_eq!(caller.post("/api/v1/second-factors/totp", &json!({})).code(), "factor_exists");
    let removed = caller.send("DELETE", "/api/v1/second-factors/totp", "", &[]);
    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(caller.get("/api/v1/second-factors").body["recovery_left"], 0);
    assert_eq!(sign_in(served, &json!({})).status, 201);
}

fn a_recovery_code_is_good_once(served: &Served) {
    let (_, codes) = set_up(served);
    assert_eq!(codes.len(), 10);
    let opened = sign_in(served, &json!({ "code": codes[3].to_uppercase() }));
    assert_eq!(opened.status, 201, "{}", opened.body);
    assert_eq!(sign_in(served, &json!({ "code": codes[3] })).code(), "wrong_factor");
    assert_eq!(with(served, &opened).get("/api/v1/second-factors").body["recovery_left"], 9);
    assert_eq!(sign_in(served, &json!({ "code": codes[4] })).status, 201);
}

/// A wrong password is one answer, whether there is such a login, whether it has a factor, whatever code is given.
fn the_password_comes_first(served: &Served) {
    let (uri, _) = set_up(served);
    later(served, 30);
    let attempt = |login: &str, more: &Value| {
        let mut body = json!({ "login": login, "password": "a wrong password" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut answer = served.nobody().post("/api/v1/session", &body);
        answer.body.as_object_mut().unwrap().remove("request_id");
        (answer.status, answer.body)
    };
    let nobody = attempt("nobody.here", &json!({}));
    assert_eq!(attempt(WHO, &json!({})), nobody);
    assert_eq!(attempt(WHO, &json!({ "code": code(served, &uri) })), nobody);
    assert_eq!(attempt("s2.counter", &json!({})), nobody);
    for login in [WHO, "nobody.here"] {
        let body = json!({ "login": login, "password": "a wrong password" });
        assert_eq!(served.nobody().post("/api/v1/session/passkey", &body).code(), "unknown_person");
    }
    assert_eq!(
        sign_in(served, &json!({ "code": code(served, &uri) })).status,
        201,
        "the code was not used up"
    );
}

fn wrong_codes_have_to_wait(served: &Served) {
    let (uri, _) = set_up(served);
    later(served, 30);
    let right = code(served, &uri);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for _ in 0..4 {
        assert_eq!(sign_in(served, &json!({ "code": wrong })).code(), "wrong_factor");
    }
    assert_eq!(sign_in(served, &json!({})).code(), "second_factor_needed");
    let waits = sign_in(served, &json!({ "code": right }));
    assert_eq!((waits.status, waits.code()), (429, "try_later"));
    later(served, 31);
    assert_eq!(sign_in(served, &json!({ "code": code(served, &uri) })).status, 201);
}

fn a_reset_takes_the_factors_away(served: &Served) {
    set_up(served);
    reset(served, WHO);
    assert_eq!(sign_in(served, &json!({})).body["second_factor"], false);
}

/// Two administrators give a person another code, who sets the same password by it.
pub fn reset(served: &Served, login: &str) {
    let waits = served.caller("admin").post(&format!("/api/v1/people/{login}/invite"), &json!({}));
    let second = format!("/api/v1/org/proposals/{}/second", waits.body["proposal"]);
    let done = served.caller("admin2").post(&second, &json!({}));
    let body = json!({ "login": login, "code": done.body["code"], "password": secret(login) });
    assert_eq!(served.nobody().post("/api/v1/enrolments", &body).status, 204);
}

/// What a security key does, in software.
struct Authenticator {
    key: EcdsaKeyPair,
    id: [u8; 32],
    counter: u32,
}

impl Authenticator {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let id = digest::digest(&digest::SHA256, key.public_key().as_ref()).as_ref().try_into().unwrap();
        Authenticator { key, id, counter: 0 }
    }

    /// WebAuthn §6.1; user present and verified.
    fn data(&mut self, flags: u8) -> Vec<u8> {
        self.counter += 1;
        let host = ORIGIN.strip_prefix("https://").unwrap();
        let mut data = digest::digest(&digest::SHA256, host.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    fn client_data(kind: &str, options: &Value, origin: &str) -> String {
        let challenge = options["publicKey"]["challenge"].as_str().unwrap();
        json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false }).to_string()
    }

    fn create(&mut self, options: &Value) -> Value {
        let client = Self::client_data("webauthn.create", options, ORIGIN);
        let mut data = self.data(0x45);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&[0, 32]);
        data.extend_from_slice(&self.id);
        // COSE_Key: EC2, ES256, P-256, x, y.
        let point = self.key.public_key().as_ref();
        data.extend_from_slice(&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend_from_slice(&point[1..33]);
        data.extend_from_slice(&[0x22, 0x58, 32]);
        data.extend_from_slice(&point[33..]);
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend_from_slice(&data);
        json!({
            "id": B64.encode(self.id), "rawId": B64.encode(self.id), "type": "public-key", "extensions": {},
            "response": { "attestationObject": B64.encode(object), "clientDataJSON": B64.encode(client) },
        })
    }

    fn get(&mut self, options: &Value, origin: &str) -> Value {
        let client = Self::client_data("webauthn.get", options, origin);
        let data = self.data(0x05);
        let hash = digest::digest(&digest::SHA256, client.as_bytes());
        let signed = [&data, hash.as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": B64.encode(self.id), "rawId": B64.encode(self.id), "type": "public-key", "extensions": {},
            "response": {
                "authenticatorData": B64.encode(data), "clientDataJSON": B64.encode(client),
                "signature": B64.encode(signature), "userHandle": null,
            },
        })
    }
}

/// Registers a passkey for the person.
fn registered(served: &Served, caller: &Caller) -> (Authenticator, Value) {
    let mut authenticator = Authenticator::new();
    let asked = caller.post("/api/v1/second-factors/passkeys/begin", &json!({}));
    assert_eq!(asked.status, 200, "{}", asked.body);
    let credential = authenticator.create(&asked.body["options"]);
    let new = json!({ "challenge": asked.body["challenge"], "name": "蓝色钥匙", "credential": credential });
    let added = caller.post("/api/v1/second-factors/passkeys", &new);
    assert_eq!(added.status, 201, "{}", added.body);
    assert_eq!(added.body["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(caller.post("/api/v1/second-factors/passkeys", &new).code(), "challenge_gone", "twice");
    assert_eq!(sign_in(served, &json!({})).code(), "second_factor_needed");
    (authenticator, added.body["id"].clone())
}

fn asked(served: &Served) -> Value {
    let body = json!({ "login": WHO, "password": secret(WHO) });
    let asked = served.nobody().post("/api/v1/session/passkey", &body);
    assert_eq!(asked.status, 200, "{}", asked.body);
    asked.body
}

fn answer(asked: &Value, credential: &Value) -> Value {
    json!({ "passkey": { "challenge": asked["challenge"], "credential": credential } })
}

fn a_passkey_signs_in_and_steps_up(served: &Served) {
    let caller = served.caller(WHO);
    let (mut key, id) = registered(served, &caller);
    let challenge = asked(served);
    let opened = sign_in(served, &answer(&challenge, &key.get(&challenge["options"], ORIGIN)));
    assert_eq!(opened.status, 201, "{}", opened.body);
    let caller = with(served, &opened);
    later(served, 360);
    assert_eq!(caller.post("/api/v1/second-factors/totp", &json!({})).code(), "step_up_needed");
    let challenge = asked(served);
    let mut again = answer(&challenge, &key.get(&challenge["options"], ORIGIN));
    again["password"] = secret(WHO).into();
    let stepped = caller.post("/api/v1/session/step-up", &again);
    assert_eq!(stepped.status, 200, "{}", stepped.body);
    let shown = caller.get("/api/v1/second-factors").body;
    assert_eq!((&shown["passkeys"][0]["id"], &shown["passkeys"][0]["name"]), (&id, &json!("蓝色钥匙")));
    let path = format!("/api/v1/second-factors/passkeys/{}", id.as_str().unwrap());
    assert_eq!(caller.send("DELETE", &path, "", &[]).status, 204);
    assert_eq!(caller.send("DELETE", &path, "", &[]).code(), "no_such_factor");
    assert_eq!(sign_in(served, &json!({})).status, 201);
}

fn a_passkey_answers_here_and_once(served: &Served) {
    let (mut key, _) = registered(served, &served.caller(WHO));
    let challenge = asked(served);
    let elsewhere = key.get(&challenge["options"], "https://vault.example.attacker.example");
    assert_eq!(sign_in(served, &answer(&challenge, &elsewhere)).code(), "wrong_factor");
    let good = key.get(&challenge["options"], ORIGIN);
    let mut broken = good.clone();
    broken["response"]["signature"] = B64.encode([1; 70]).into();
    assert_eq!(sign_in(served, &answer(&challenge, &broken)).code(), "wrong_factor");
    assert_eq!(sign_in(served, &answer(&challenge, &good)).status, 201);
    assert_eq!(
        sign_in(served, &answer(&challenge, &good)).code(),
        "challenge_gone",
        "an answer heard on the way"
    );
    // A copy of the key counts from where it was copied.
    let (first, second) = (asked(served), asked(served));
    let mut copy = Authenticator::new();
    std::mem::swap(&mut copy, &mut key);
    let counter = copy.counter;
    assert_eq!(sign_in(served, &answer(&first, &copy.get(&first["options"], ORIGIN))).status, 201);
    copy.counter = counter;
    let copied = sign_in(served, &answer(&second, &copy.get(&second["options"], ORIGIN)));
    assert_eq!(copied.code(), "passkey_copied", "{}", copied.body);
    // Too late.
    copy.counter += 5;
    let challenge = asked(served);
    later(served, 301);
    assert_eq!(
        sign_in(served, &answer(&challenge, &copy.get(&challenge["options"], ORIGIN))).code(),
        "challenge_gone"
    );
    // Somebody else's.
    let other = json!({ "login": "s2.counter", "password": secret("s2.counter") });
    assert_eq!(served.nobody().post("/api/v1/session/passkey", &other).code(), "no_such_factor");
}

fn nobody_steps_up_as_another(served: &Served) {
    let (counter, other) = (served.caller(WHO), served.caller("s2.counter"));
    later(served, 360);
    let theirs = json!({ "password": secret("s2.counter") });
    assert_eq!(counter.post("/api/v1/session/step-up", &theirs).code(), "unknown_person");
    assert_eq!(other.post("/api/v1/session/step-up", &theirs).code(), "done");
    let (card, _) = served.member("S001");
    let reveal = json!({ "card": card, "fields": ["mobile"], "reason": "他打来电话" });
    assert_eq!(counter.post("/api/v1/members/reveal", &reveal).code(), "step_up_needed");
}

fn a_cookie_is_nothing_after_signing_out(served: &Served) {
    let browser = served.browser(WHO);
    let (card, _) = served.member("S001");
    let show = json!({ "card": card });
    assert_eq!(browser.post("/api/v1/members/show", &show).status, 200);
    assert_eq!(browser.send("DELETE", "/api/v1/session", "", &[]).status, 204);
    let stolen = browser.post("/api/v1/members/show", &show);
    assert_eq!((stolen.status, stolen.code()), (401, "not_signed_in"));
    let again = json!({ "password": secret(WHO) });
    assert_eq!(browser.post("/api/v1/session/step-up", &again).code(), "not_signed_in");
}

fn nobody_signs_after_a_suspension(served: &Served) {
    let officer = served.caller("hq.officer");
    let form = crate::support::world::form("sms");
    let drafted = officer.send("POST", "/api/v1/requests", "application/toml", form.as_bytes());
    let at = |verb: &str| format!("/api/v1/requests/{}/{verb}", drafted.body["no"].as_str().unwrap());
    assert_eq!(officer.post(&at("submit"), &json!({})).code(), "done");
    let head = served.caller("hq.head");
    let digest = head.get(&at("sentence")).body["digest"].clone();
    assert_eq!(served.caller("admin").post("/api/v1/people/hq.head/suspend", &json!({})).status, 204);
    let signed = head.post(&at("sign"), &json!({ "digest": digest }));
    assert_eq!((signed.status, signed.code()), (401, "not_signed_in"));
}
