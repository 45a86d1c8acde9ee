//! Tokens for programs: stored, used by the day, ended one by one or all of a person's.

use crate::fixture::{Vault, event};
use crate::words::token;

on_both_engines!(tokens_are_kept_and_end);

async fn tokens_are_kept_and_end(vault: Vault) {
    let store = &vault.store;
    let (li, again, wang) = (token("li.na", 1), token("li.na", 2), token("wang.fang", 3));
    let mut work = store.work().await.unwrap();
    for token in [&wang, &li, &again] {
        work.put_token(token).await.unwrap();
    }
    let now = work.at();
    work.commit(event()).await.unwrap();
    let mut view = store.view().await.unwrap();
    assert!(view.tokens().await.unwrap() == [li.clone(), again.clone(), wang.clone()]);
    assert!(li.holds_at(now) && li.holds_at(li.ends_at - 1) && !li.holds_at(li.ends_at));
    assert_eq!(view.token_seen(1).await.unwrap(), None);
    drop(view);
    for day in [7, 8] {
        store.token_used(1, day).await.unwrap();
    }
    assert_eq!(store.view().await.unwrap().token_seen(1).await.unwrap(), Some(8));
    let mut work = store.work().await.unwrap();
    let mut revoked = again.clone();
    revoked.revoked = Some((Some(again.login.clone()), 5));
    work.put_token(&revoked).await.unwrap();
    assert!(!revoked.holds_at(now));
    // What has ended stays as it ended.
    assert_eq!(work.end_tokens(Some(&li.login)).await.unwrap(), 1);
    let at = work.at();
    work.commit(event()).await.unwrap();
    let mut work = store.work().await.unwrap();
    let kept = work.view().tokens().await.unwrap();
    let ends: Vec<_> = kept.iter().map(|token| token.revoked.clone()).collect();
    assert_eq!(ends, [Some((None, at)), revoked.revoked.clone(), None]);
    assert_eq!(work.end_tokens(None).await.unwrap(), 1);
    work.commit(event()).await.unwrap();
    vault.assert_sound().await;
}
