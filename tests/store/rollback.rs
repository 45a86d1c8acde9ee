//! A whole vault put back to what it was: every table fits every other, only the mark knows better.

use crate::fixture::{On, Vault, integrity, named, place};
use crate::support::postgres;
use countersign::store::Store;

on_both_engines!(an_old_copy_put_back_is_refused_while_the_mark_is_kept);

async fn an_old_copy_put_back_is_refused_while_the_mark_is_kept(vault: Vault) {
    crate::tamper::populate(&vault).await;
    vault.store.close().await;
    let copy = copy_of(&vault);
    let store = vault.open().await.unwrap();
    crate::fixture::entry(&store).await;
    let (size, _) = store.view().await.unwrap().checkpoint().await.unwrap();
    assert_eq!(store.high_water_mark().unwrap().unwrap().size, size);
    store.close().await;

    let old = match &copy {
        Copy::Database(url) => place(&vault.folder, url),
        Copy::Files(files) => {
            for (path, bytes) in files {
                std::fs::write(path, bytes).unwrap();
            }
            vault.place()
        }
    };
    assert_eq!(integrity(Store::open(&old).await).0, "log");
    let mark = old.high_water.clone().unwrap();
    let kept = std::fs::read_to_string(&mark).unwrap();
    std::fs::remove_file(&mark).unwrap();
    let store = Store::open(&old).await.unwrap();
    assert_eq!(store.verify(true, &[]).await.unwrap().problems, []);
    assert!(store.high_water_mark().unwrap().is_none(), "none is remembered until the next entry");
    std::fs::write(&mark, kept).unwrap();
    assert_eq!(named(&store.verify(true, &[]).await.unwrap().problems), ["high-water mark"]);
}

enum Copy {
    Files(Vec<(std::path::PathBuf, Vec<u8>)>),
    Database(String),
}

/// A copy of the closed database.
fn copy_of(vault: &Vault) -> Copy {
    if vault.on == On::Sqlite {
        let files = ["vault.db", "keys.db"].map(|name| vault.dir().join(name));
        return Copy::Files(files.map(|path| (path.clone(), std::fs::read(path).unwrap())).into());
    }
    // Made from another database: the one copied must have no connections.
    let elsewhere = postgres::fresh_database();
    let (head, name) = vault.url.split_once('?').unwrap().0.rsplit_once('/').unwrap();
    let old = format!("{name}_old");
    postgres::execute(&elsewhere, format!("create database {old} template {name}"));
    Copy::Database(format!("{head}/{old}?{}", vault.url.split_once('?').unwrap().1))
}
