//! Signing in by way of the company's identity provider, in a browser that keeps its rules about cookies of other sites.

use crate::both;
use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::Served;
use crate::keys::in_every_way;
use crate::support::provider::Provider;
use crate::support::world::On;

both!(an_account_is_linked_and_signs_in, WIDE, ENGLISH);

fn an_account_is_linked_and_signs_in(on: On, window: Window) {
    let provider = Provider::start();
    let served = Served::beside_provider(on, &provider);
    Browser::with(&served, window, async |browser: &Browser| {
        browser.sign_in("hq.officer").await;
        browser.go("/account").await;
        clean(browser, window).await;
        browser.prove("form[action='/account/oidc']", "hq.officer").await;
        browser.click("form[action='/account/oidc'] button").await;
        // At the provider.
        browser.write("input[name=sub]", "officer-1").await;
        browser.click("button[type=submit]").await;
        browser.says(said(window, "已关联公司账号", "The company account is linked")).await;
        clean(browser, window).await;

        browser.sign_out().await;
        browser.go("/requests").await;
        browser.arrives("/sign-in?then=/requests").await;
        browser.click("a[href^='/sign-in/oidc']").await;
        browser.write("input[name=sub]", "officer-1").await;
        browser.click("button[type=submit]").await;
        browser.sees("header.top nav").await;
        assert_eq!(browser.path().await, "/requests");
        // Signed in, and asked for the password where it is needed.
        browser.go("/account").await;
        browser.sees("form[action='/account/oidc/remove'] [name=password]").await;
        browser.sign_out().await;

        // Somebody whose account nobody linked.
        browser.go("/sign-in").await;
        browser.click("a[href^='/sign-in/oidc']").await;
        browser.write("input[name=sub]", "stranger").await;
        browser.click("button[type=submit]").await;
        browser.says(said(window, "未关联到任何员工", "linked to nobody here")).await;
        clean(browser, window).await;
    });
}

async fn clean(browser: &Browser, window: Window) {
    let wrong = in_every_way(browser, &browser.path().await, window).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
