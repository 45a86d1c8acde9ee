//! Lists in pages.

use serde_json::{Value, json};

use crate::both;
use crate::caller::Served;
use crate::support::world::form;

both!(a_list_comes_in_pages, the_log_is_read_backwards);

fn a_list_comes_in_pages(served: &Served) {
    let officer = served.caller("hq.officer");
    let draft = || officer.send("POST", "/api/v1/requests", "application/toml", form("sms").as_bytes());
    let mut drafted: Vec<Value> = (0..5).map(|_| draft().body["no"].clone()).collect();
    drafted.sort_by_key(Value::to_string);
    let (mut seen, mut path) = (Vec::new(), "/api/v1/requests?limit=2".to_owned());
    for left in [3, 1, 0] {
        let page = officer.get(&path);
        assert_eq!(page.status, 200, "{}", page.body);
        seen.extend(page.body["items"].as_array().unwrap().iter().map(|line| line["no"].clone()));
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/requests?limit=2&cursor={cursor}"),
            None => assert_eq!(left, 0),
        }
    }
    seen.sort_by_key(Value::to_string);
    assert_eq!(seen, drafted, "each once");
    for (query, pointer) in [("limit=0", "/limit"), ("limit=201", "/limit"), ("cursor=%21", "/cursor")] {
        let wrong = officer.get(&format!("/api/v1/requests?{query}"));
        assert_eq!((wrong.status, &wrong.body["pointer"]), (422, &json!(pointer)), "{query}");
    }
}

fn the_log_is_read_backwards(served: &Served) {
    let auditor = served.caller("auditor");
    let page = auditor.get("/api/v1/audit/events?limit=3");
    let seqs = |page: &Value| -> Vec<u64> {
        page["items"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()).collect()
    };
    let newest = seqs(&page.body);
    assert_eq!(newest, [newest[0], newest[0] - 1, newest[0] - 2]);
    assert_eq!(page.body["items"][0]["action"], json!("audit.read"), "the look is an entry");
    let cursor = page.body["next_cursor"].as_str().unwrap();
    let older = auditor.get(&format!("/api/v1/audit/events?limit=200&cursor={cursor}"));
    assert_eq!(seqs(&older.body)[0], newest[2] - 1);
    assert_eq!(older.body["next_cursor"], Value::Null, "{}", older.body["next_cursor"]);
    assert_eq!(*seqs(&older.body).last().unwrap(), 0);
}
