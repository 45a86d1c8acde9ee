//! An import that is followed on its page while it runs, cancelled there, and what of it was refused fetched as a file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::keys::in_every_way;
use crate::support::world::On;

both!(an_import_is_followed_cancelled_and_explained, WIDE, ENGLISH);
both!(a_file_on_its_way_is_followed_and_cancelled, ENGLISH, WIDE);
both!(without_a_script_it_is_looked_at_again, UNSCRIPTED, UNSCRIPTED);

const UNSCRIPTED: Window = Window { scripts: false, ..WIDE };

/// Bytes after which a file is known for what it is, of far less than a batch.
const BEGINNING: usize = 200_000;

/// A file of store S001; the first row is wrong.
fn file(rows: usize) -> String {
    let mut csv = "卡号,姓名,手机,归属门店\n70000000,欧阳娜娜,1390000,S001\n".to_owned();
    for row in 1..rows {
        writeln!(csv, "7{row:07},欧阳娜娜,139{row:08},S001").unwrap();
    }
    csv
}

/// An upload by the store's counter of which a beginning is sent; and its number.
fn upload(served: &Served, csv: &str, sent: usize) -> (TcpStream, u64) {
    let counter = served.caller("s1.counter");
    let token = &counter.headers[0].1;
    let mut connection = TcpStream::connect(served.address).unwrap();
    let head = format!(
        "POST /api/v1/imports HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-type: text/csv\r\n\
         content-length: {}\r\n\r\n",
        csv.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(&csv.as_bytes()[..sent]).unwrap();
    loop {
        let newest = counter.get("/api/v1/imports?limit=1").body["items"][0].clone();
        if newest["state"] == json!("running") {
            return (connection, newest["no"].as_u64().unwrap());
        }
    }
}

fn an_import_is_followed_cancelled_and_explained(on: On, window: Window) {
    let served = Served::start(on);
    let csv = file(21_000);
    let middle = csv.match_indices('\n').nth(10_500).unwrap().0 + 1;
    let (mut connection, no) = upload(&served, &csv, BEGINNING);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("s1.counter").await;
        b.go("/imports").await;
        b.says(said(window, "最近的导入", "Imports of late")).await;
        b.click(&format!("a[href='/imports/{no}']")).await;
        b.arrives(&format!("/imports/{no}")).await;
        b.says(said(window, "进行中", "running")).await;
        let counts = "return [...document.querySelectorAll('[data-count]')].map(d => d.innerText).join(' ')";
        assert_eq!(b.script(counts, vec![]).await, "0 0 0");
        assert_eq!(in_every_way(b, "an import that goes on", window).await, [""; 0]);
        // It keeps up by itself: nobody loads it again.
        b.script("window.same = true", vec![]).await;
        connection.write_all(&csv.as_bytes()[BEGINNING..middle]).unwrap();
        b.says("9999").await;
        assert_eq!(b.script(counts, vec![]).await, "10000 9999 1");
        assert_eq!(b.script("return window.same", vec![]).await, true);
        b.click("form[action$='/cancel'] button").await;
        b.says(said(window, "已取消", "cancelled")).await;
        b.says(said(window, "此前写入的行已保留", "What was stored before stays")).await;
        assert!(!b.has("form[action$='/cancel']").await);
        assert_eq!(in_every_way(b, "an import that was cancelled", window).await, [""; 0]);
        // Which row, and why; not what stood there.
        b.click("a[href$='/errors']").await;
        let errors = std::fs::read_to_string(b.fetched("errors.csv").await).unwrap();
        assert!(
            errors.starts_with("\u{FEFF}line,column,列,code,原因,reason,rule\r\n2,mobile,手机,not_mobile,")
        );
        assert!(!errors.contains("1390000") && !b.text().await.contains("1390000"));
        // Somebody of another store is not told that there is such an import.
        b.sign_out().await;
        b.sign_in("s2.counter").await;
        b.go(&format!("/imports/{no}")).await;
        b.says("unknown_import").await;
    });
}

fn a_file_on_its_way_is_followed_and_cancelled(on: On, window: Window) {
    let served = Served::start(on);
    let csv = file(90_000);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("s1.counter").await;
        b.go("/imports").await;
        assert!(b.has("#live[hidden]").await);
        // Until the page with the answer comes the driver waits: what the page that is left shows, and a click on it, are
        // the page's own.
        let watches = "const live = document.getElementById('live'); new MutationObserver(() => {
            sessionStorage.setItem('live', live.innerText);
            live.querySelector('[data-cancels]').click();
        }).observe(live, { attributeFilter: ['hidden'] })";
        b.script(watches, vec![]).await;
        b.give("section[aria-labelledby=check] input[type=file]", "members.csv", csv.as_bytes()).await;
        b.click("section[aria-labelledby=check] form > button").await;
        b.says("import_cancelled").await;
        b.says(said(window, "重新导入同一文件", "import the same file again")).await;
        b.says(said(window, "已取消", "cancelled")).await;
        let shown = b.script("return sessionStorage.getItem('live')", vec![]).await;
        assert!(shown.as_str().unwrap_or_default().contains(said(window, "进行中", "running")), "{shown}");
    });
}

fn without_a_script_it_is_looked_at_again(on: On, window: Window) {
    let served = Served::start(on);
    let csv = file(21_000);
    let middle = csv.match_indices('\n').nth(10_500).unwrap().0 + 1;
    let (mut connection, no) = upload(&served, &csv, middle);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("s1.counter").await;
        b.go(&format!("/imports/{no}")).await;
        b.sees("[data-count=read]").await;
        connection.write_all(&csv.as_bytes()[middle..]).unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while b.has("section[data-import]").await {
            assert!(std::time::Instant::now() < until, "it does not end");
            b.click(&format!("section[data-import] a[href='/imports/{no}']")).await;
            b.sees("[data-count=read]").await;
        }
        b.sees("a[href$='/errors']").await;
    });
}
