//! In which language a problem is told: as the client would rather have it. Codes, pointers and rules are of no language.

use serde_json::json;

use crate::both;
use crate::caller::{Answer, Served};

both!(a_problem_is_told_as_it_is_asked_for, what_is_wrong_with_a_value_is_said_in_both);

fn told(answer: &Answer) -> (&str, &str) {
    assert_eq!(answer.header("vary"), "accept-language");
    (answer.header("content-language"), answer.body["detail"].as_str().unwrap())
}

fn a_problem_is_told_as_it_is_asked_for(served: &Served) {
    let mut nobody = served.nobody();
    let plain = nobody.get("/api/v1/session");
    assert_eq!(told(&plain).0, "en");
    assert!(told(&plain).1.is_ascii() && plain.body["hint"].as_str().unwrap().is_ascii());
    for (said, language) in
        [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB, zh;q=0.5", "en"), ("de", "en"), ("zh;q=0", "en")]
    {
        nobody.headers = vec![("accept-language".into(), said.into())];
        let answer = nobody.get("/api/v1/session");
        assert_eq!(told(&answer).0, language, "{said}");
        assert_eq!(answer.body["code"], plain.body["code"]);
        assert_eq!(answer.body["rule"], plain.body["rule"]);
        if language == "zh" {
            assert_eq!(told(&answer).1, "尚未登录，或会话、令牌已失效");
            assert_eq!(
                (&answer.body["title"], &answer.body["hint"]),
                (&json!("需要登录"), &json!("请登录，或换用有效的令牌"))
            );
        } else {
            assert_eq!(told(&answer).1, told(&plain).1, "{said}");
        }
    }
    // What is no problem is of no language.
    let alive = nobody.get("/livez");
    assert_eq!((alive.status, alive.header("content-language")), (204, ""));
}

fn what_is_wrong_with_a_value_is_said_in_both(served: &Served) {
    let mut officer = served.caller("s1.officer");
    officer.headers.push(("accept-language".into(), "zh".into()));
    let answer = officer.get("/api/v1/requests?limit=0");
    assert_eq!((answer.status, answer.code(), &answer.body["pointer"]), (422, "bad_value", &json!("/limit")));
    assert_eq!(told(&answer), ("zh", "有一个值不符合要求（条数）"));
    let refused = officer.post("/api/v1/people/hq.officer/suspend", &json!({}));
    assert_eq!((refused.status, told(&refused)), (403, ("zh", "您的角色不允许此操作")));
}
