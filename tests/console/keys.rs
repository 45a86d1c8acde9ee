//! Whether every page can be used without a mouse, and read on paper; and that every page is among those.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::access::{Furnished, PAGES, as_it_stands};
use crate::browser::{Browser, ENGLISH, WIDE, Window};
use crate::caller::{Served, code_at};
use crate::support::world::On;

/// Watches what gets the focus. What cannot be seen to have it is kept apart.
const WATCH: &str = "
    document.querySelectorAll('details').forEach(one => one.open = true);
    window.reached = new Set(); window.unseen = [];
    const seen = e => {
        const s = getComputedStyle(e);
        // A ring that fades in is judged as it comes out; reading a value begins the fading.
        void s.boxShadow;
        e.getAnimations().forEach(one => one.finish());
        return s.outlineStyle !== 'none' || s.boxShadow !== 'none' || e === document.body || e.tabIndex < 0;
    };
    const focused = e => { if (!reached.has(e)) { reached.add(e); if (!seen(e)) unseen.push(e.outerHTML.slice(0, 160)); } };
    // What a page gives the focus itself is judged when a key comes round to it: before one is pressed the window may not have it.
    document.addEventListener('focusin', event => focused(event.target));";

/// What can be clicked or filled in, is there to be seen, and did not get the focus. Of radio buttons of a name one is enough.
const MISSED: &str = "
    const wanted = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]';
    const shown = e => e.checkVisibility({ visibilityProperty: true }) && !e.disabled;
    const by_name = e => e.type === 'radio' && [...reached].some(r => r.name === e.name && r.form === e.form);
    return [...document.querySelectorAll(wanted)]
        .filter(e => shown(e) && e.tabIndex >= 0 && !reached.has(e) && !by_name(e))
        .map(e => e.outerHTML.slice(0, 160))";

async fn by_keys(b: &Browser, path: &str) -> Vec<String> {
    b.script(WATCH, vec![]).await;
    let mut missed = Value::Null;
    for _ in 0..20 {
        b.tabs(25).await;
        missed = b.script(MISSED, vec![]).await;
        if missed.as_array().is_some_and(Vec::is_empty) {
            break;
        }
    }
    let missed = missed.as_array().unwrap().iter().map(|what| format!("{path}: no key reaches {what}"));
    let unseen = b.script("return unseen", vec![]).await;
    let unseen = unseen.as_array().unwrap().iter().map(|what| format!("{path}: shows no focus: {what}"));
    missed.chain(unseen).collect()
}

/// By keyboard alone everything on every page is reached, and what has the focus shows it.
#[test]
fn every_page_by_keyboard_alone() {
    let furnished = Furnished::new();
    Browser::with(&furnished.served, ENGLISH, async |b: &Browser| {
        let wrong = furnished.each_page(b, by_keys).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// What only a screen can do is not on paper, nothing is cut off at the edge of a sheet, and ink is dark on white.
const PRINTED: &str = "
    const wrong = [];
    const shown = e => e.checkVisibility({ visibilityProperty: true });
    const said = e => e.outerHTML.slice(0, 160);
    for (const e of document.querySelectorAll('button, [role=button], nav a, form.search, footer'))
        if (shown(e)) wrong.push('is for a screen: ' + said(e));
    for (const e of document.querySelectorAll('main *')) {
        const s = getComputedStyle(e);
        if (s.overflowX !== 'visible' && s.overflowX !== 'clip' && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1
            && !e.matches('input, select, textarea, progress, svg, .hidden'))
            wrong.push('is cut off: ' + said(e));
    }
    if (document.documentElement.scrollWidth > innerWidth) wrong.push('is wider than a sheet: ' + document.documentElement.scrollWidth);
    const bright = text => { const c = text.match(/[\\d.]+/g).map(Number); return c[3] === 0 ? 255 : (c[0] + c[1] + c[2]) / 3; };
    const s = getComputedStyle(document.body);
    if (bright(getComputedStyle(document.documentElement).backgroundColor) < 250 || bright(s.backgroundColor) < 250 || bright(s.color) > 110)
        wrong.push('is not dark on white: ' + s.color + ' on ' + s.backgroundColor);
    if (!document.querySelector('h1') || !shown(document.querySelector('h1'))) wrong.push('has no heading');
    return wrong";

/// What is wrong with the page as it is printed.
pub async fn on_paper(b: &Browser, path: &str) -> Vec<String> {
    b.on_paper().await;
    let found = b.script(PRINTED, vec![]).await;
    b.on_screen().await;
    found.as_array().unwrap().iter().map(|what| format!("{path} {}", what.as_str().unwrap())).collect()
}

/// What is wrong with the page that is open, in every way that this binary looks at pages.
pub async fn in_every_way(b: &Browser, what: &str, window: Window) -> Vec<String> {
    let mut wrong = as_it_stands(b, what, window.lang).await;
    wrong.extend(by_keys(b, what).await);
    wrong.extend(on_paper(b, what).await);
    wrong
}

fn every_page_on_paper(window: Window) {
    let furnished = Furnished::new();
    Browser::with(&furnished.served, window, async |b: &Browser| {
        let wrong = furnished.each_page(b, on_paper).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn every_page_on_paper_from_a_light_screen() {
    every_page_on_paper(WIDE);
}

#[test]
fn every_page_on_paper_from_a_dark_screen() {
    every_page_on_paper(Window { dark: true, ..ENGLISH });
}

/// Recovery codes are shown once and to be printed, so all of them are on paper.
#[test]
fn recovery_codes_are_on_paper() {
    let served = Served::start(On::Sqlite);
    Browser::with(&served, ENGLISH, async |b: &Browser| {
        b.sign_in("s1.counter").await;
        b.go("/account").await;
        b.click("form[action='/account/totp'] button").await;
        b.sees("form[action='/account/totp/confirm']").await;
        let secret = b.script("return document.querySelector('.act code').innerText", vec![]).await;
        let uri = format!("secret={}", secret.as_str().unwrap());
        b.write("input[name=first]", &code_at(&uri, served.clock.now() / 1_000_000)).await;
        b.click("form[action='/account/totp/confirm'] button").await;
        b.sees(".codes").await;
        assert_eq!(on_paper(b, "/account/totp/confirm").await, [""; 0]);
        b.on_paper().await;
        let printed =
            "return [...document.querySelectorAll('.codes li')].filter(e => e.checkVisibility()).length";
        assert_eq!(b.script(printed, vec![]).await, 10);
    });
}

/// Pages that lead on by themselves, or come only with a form: `access.rs` looks at those. And what is no page.
const ELSEWHERE: &[&str] = &[
    "/sign-in",
    "/sign-in/oidc",
    "/enrol",
    "/assets/{name}",
    "/imports/suppression",
    "/imports/template",
    "/members/record",
    "/members/consents",
    "/members/changes",
    "/members/reveal",
    "/members/verify",
    "/members/consent",
    "/members/correct",
    "/members/erase",
    "/requests/{no}/execution/now",
];

/// A page that is new has to be in the list.
#[test]
fn every_page_is_in_the_list() {
    let mut routes = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(entry).unwrap();
                let found = text.lines().filter_map(|line| line.trim().strip_prefix(".route(\""));
                let gets = found.filter(|rest| rest.contains(", get("));
                routes.extend(gets.map(|rest| rest.split_once('"').unwrap().0.to_owned()));
            }
        }
    }
    assert!(routes.len() > 40, "only {} pages found: is the search broken?", routes.len());
    let listed: Vec<&str> =
        PAGES.iter().flat_map(|(_, paths)| *paths).map(|path| path.split('?').next().unwrap()).collect();
    // A place in a route is any one word of a path that no other route has.
    let is = |route: &str, path: &str| {
        let (route, path): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), path.split('/').collect());
        route.len() == path.len()
            && route.iter().zip(&path).all(|(r, p)| r == p || r.starts_with('{') && !p.is_empty())
    };
    let exact = |path: &&&str| routes.iter().any(|route| route == **path);
    let missing: Vec<&String> = routes
        .iter()
        .filter(|route| !ELSEWHERE.contains(&route.as_str()))
        .filter(|route| !listed.contains(&route.as_str()))
        .filter(|route| !listed.iter().filter(|path| !exact(path)).any(|path| is(route, path)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
