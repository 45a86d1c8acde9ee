//! An execution, looked at while it goes on: the form is answered, the page follows by itself, nobody's browser holds it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use countersign::broker::Broker;
use countersign::model::ids::RequestNo;
use countersign::store::Work;

use crate::access::as_it_stands;
use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::keys::{in_every_way, on_paper};
use crate::support::world::{On, block, signed, step};

both!(an_execution_is_watched, WIDE, ENGLISH);
both!(what_another_process_makes_is_watched, ENGLISH, WIDE);

const EXECUTE: &str = "form[action$='/execute']";

fn ready(served: &Served) -> RequestNo {
    block(async {
        let broker = served.broker().await;
        let no = signed(&broker, "sms").await;
        broker.store().close().await;
        no
    })
}

/// The rows of the newest package, and who is out of it.
fn made(served: &Served) -> (u64, u64) {
    let packages = served.caller("hq.it").get("/api/v1/packages");
    let package = &packages.body["items"][0];
    let excluded = package["excluded"].as_object().unwrap();
    (package["rows"].as_u64().unwrap(), excluded.values().map(|n| n.as_u64().unwrap()).sum())
}

async fn is_whole(b: &Browser, served: &Served, window: Window) {
    b.says(said(window, "交付包已制作完成", "The package is made.")).await;
    b.sees("#execution[data-stage=done] progress").await;
    let (rows, out) = made(served);
    b.says(&format!("{rows} / {rows}")).await;
    let left_out = "return document.querySelectorAll('#execution dd')[1].innerText";
    assert_eq!(b.script(left_out, vec![]).await, out.to_string());
    assert!(b.has("#execution a[href*='#p-CS']").await);
    // It asks no more.
    assert!(!b.has("#execution[hx-get]").await);
}

/// While somebody else has the vault's turn, what comes before the writing waits. The page does not.
fn an_execution_is_watched(on: On, window: Window) {
    let served = Served::start(on);
    let no = ready(&served);
    Browser::with(&served, window, async |b: &Browser| {
        b.sign_in("hq.it").await;
        b.go(&format!("/requests/{no}/execution")).await;
        b.says(said(window, "还没有开始执行", "Nobody has executed this request yet")).await;
        b.go(&format!("/requests/{no}")).await;
        let broker = served.broker().await;
        let turn = broker.store().work().await.unwrap();
        b.click(&format!("{EXECUTE} button")).await;
        b.arrives(&format!("/requests/{no}/execution")).await;
        b.sees("#execution[data-stage=checking]").await;
        b.says(said(window, "每位会员的同意", "every member's consent")).await;
        assert!(!b.has("#execution progress").await);
        let going_on = "an execution that goes on";
        assert_eq!(as_it_stands(b, going_on, window.lang).await, [""; 0]);
        assert_eq!(on_paper(b, going_on).await, [""; 0]);
        drop(turn);
        broker.store().close().await;
        is_whole(b, &served, window).await;
        assert_eq!(in_every_way(b, "an execution that is over", window).await, [""; 0]);
        // The same by the way of the request, whose form is gone.
        b.go(&format!("/requests/{no}")).await;
        assert!(!b.has(EXECUTE).await);
        b.click(&format!("a[href='/requests/{no}/execution']")).await;
        is_whole(b, &served, window).await;
        b.sign_out().await;

        // Of another store's requests nothing is told.
        b.sign_in("s2.officer").await;
        b.go(&format!("/requests/{no}/execution")).await;
        b.says("not_permitted").await;
        assert_eq!(b.status().await, 403);
    });
}

/// Another process makes it in two parts, and is held while it writes the first.
fn what_another_process_makes_is_watched(on: On, window: Window) {
    let served = Served::start(on);
    let no = ready(&served);
    let (tell, told) = channel();
    let (go, gone) = channel();
    let (gone, first) = (Mutex::new(gone), AtomicBool::new(true));
    std::thread::scope(|threads| {
        let (served, no) = (&served, &no);
        threads.spawn(move || {
            block(async {
                let broker = served.broker().await;
                let executor = step(&broker, "hq.it").await.unwrap();
                let held = |_, _| {
                    if first.swap(false, Ordering::Relaxed) {
                        tell.send(()).unwrap();
                        // Let go of by the test's end as well.
                        let _ = gone.lock().unwrap().recv();
                    }
                };
                broker.request_execute_in(executor, no, Some(2), &held).await.unwrap();
                broker.store().close().await;
            });
        });
        told.recv().unwrap();
        Browser::with(served, window, async move |b: &Browser| {
            b.sign_in("hq.it").await;
            b.go("/packages").await;
            b.click(&format!("main a[href='/requests/{no}/execution']")).await;
            b.sees("#execution[data-stage=writing] progress").await;
            b.says("0 / 2").await;
            b.says(said(window, "✓ 签批齐备且仍有效", "✓ Signatures are whole")).await;
            go.send(()).unwrap();
            is_whole(b, served, window).await;
        });
    });
}

/// Has it executed while somebody else has the vault's turn, whom the execution waits for.
async fn executed_behind<'t>(b: &Browser, broker: &'t Broker, no: &RequestNo) -> Work<'t> {
    b.sign_in("hq.it").await;
    b.go(&format!("/requests/{no}")).await;
    let turn = broker.store().work().await.unwrap();
    b.click(&format!("{EXECUTE} button")).await;
    b.arrives(&format!("/requests/{no}/execution")).await;
    turn
}

/// Without a script the page says where it is, with a link to look again.
#[test]
fn the_page_is_looked_at_again_without_a_script() {
    let served = Served::start(On::Sqlite);
    let no = ready(&served);
    let window = Window { scripts: false, ..ENGLISH };
    Browser::with(&served, window, async |b: &Browser| {
        let broker = served.broker().await;
        let turn = executed_behind(b, &broker, &no).await;
        b.says("every member's consent").await;
        drop(turn);
        broker.store().close().await;
        let until = Instant::now() + Duration::from_secs(20);
        while !b.has("#execution[data-stage=done]").await {
            assert!(Instant::now() < until, "{}", b.text().await);
            b.click(&format!("#execution a[href='/requests/{no}/execution']")).await;
        }
        is_whole(b, &served, window).await;
    });
}

/// What says no later than the form waits stands on the page, and the request can be executed again.
#[test]
fn a_late_refusal_stands_on_the_page() {
    let served = Served::start(On::Sqlite);
    let no = ready(&served);
    Browser::with(&served, ENGLISH, async |b: &Browser| {
        let broker = served.broker().await;
        // For longer than a writer waits for its turn.
        let turn = executed_behind(b, &broker, &no).await;
        b.says("try_again").await;
        b.says("The execution was broken off").await;
        drop(turn);
        broker.store().close().await;
        b.click(&format!("#execution a[href='/requests/{no}']")).await;
        b.click(&format!("{EXECUTE} button")).await;
        b.arrives(&format!("/requests/{no}/execution")).await;
        is_whole(b, &served, ENGLISH).await;
    });
}
