//! The index beside a model of it, with every size made small, so that runs are merged all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::adding::{self, Shape};
use super::*;
use crate::audit::event::{Action, Actor, Event};
use crate::store::heads::recompute;
use crate::store::{Place, Store, Work};

const SMALL: Shape = Shape { segment: 4, split: 6, single: 2, fan: 3, base: 2, top: 2 };

async fn new_store(folder: &tempfile::TempDir) -> Store {
    let dir = folder.path().join("vault");
    let place = Place {
        url: format!("sqlite:{}", dir.join("vault.db").display()),
        dir,
        high_water: Some(folder.path().join("mark")),
        passphrase: None,
        clock: None,
    };
    Store::create(&place, false, "Asia/Shanghai").await.unwrap()
}

async fn commit(work: Work<'_>) {
    work.commit(Event::new(Action::VaultCreated, Actor::Operator)).await.unwrap();
}

/// A generator whose numbers are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn tag(n: u64) -> Tag {
    let mut tag = [0; 16];
    tag[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    tag
}

type Model = BTreeSet<(Tag, i64)>;

fn by_tag(model: &Model) -> BTreeMap<Tag, Vec<i64>> {
    let mut map: BTreeMap<Tag, Vec<i64>> = BTreeMap::new();
    for (tag, ordinal) in model {
        map.entry(*tag).or_default().push(*ordinal);
    }
    map
}

/// Some of the entries of a model that another does not have.
fn draw(dice: &mut Dice, model: &Model, count: u64) -> Vec<(Tag, i64)> {
    let drawn: Model = (0..count).map(|_| (tag(dice.roll(40)), 1 + dice.roll(300) as i64)).collect();
    drawn.difference(model).copied().collect()
}

/// Everything that reads says what the model says; and the table is the one its head speaks of.
async fn check(view: &mut View<'_>, model: &Model, dice: &mut Dice) {
    let held = by_tag(model);
    for count in [1, 3, 40] {
        let tags: Vec<Tag> = (0..count).map(|_| tag(dice.roll(50))).collect();
        let found = view.find_all(Index::Mobile, &tags).await.unwrap();
        let wanted: HashMap<Tag, Vec<i64>> =
            tags.iter().filter_map(|tag| Some((*tag, held.get(tag)?.clone()))).collect();
        assert_eq!(found, wanted);
    }
    let one = tag(dice.roll(50));
    assert_eq!(view.find(Index::Mobile, &one).await.unwrap(), held.get(&one).cloned().unwrap_or_default());
}

async fn check_stored(store: &Store, model: &Model, dice: &mut Dice) {
    let mut view = store.view().await.unwrap();
    check(&mut view, model, dice).await;
    let shared: Vec<Vec<i64>> = by_tag(model).into_values().filter(|held| held.len() > 1).collect();
    assert_eq!(view.shared_contacts(Index::Mobile).await.unwrap(), shared);
    let head = view.head().await.unwrap().heads.of(&INDEX_MOBILE);
    assert!(recompute(&mut view.tx, store.keyring(), &INDEX_MOBILE).await.unwrap() == head);
    let runs = view.runs(&INDEX_MOBILE).await.unwrap();
    let low = runs.iter().filter(|run| **run >> 32 < SMALL.top).count();
    assert!(low < SMALL.fan * SMALL.top as usize, "{low} runs below the top");
}

#[tokio::test]
async fn the_index_is_its_model_through_adds_removes_and_merges() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let (mut model, mut dice) = (Model::new(), Dice(88_172_645_463_325_252));
    let mut top = false;
    for step in 0..120 {
        let mut work = store.work().await.unwrap();
        for _ in 0..=dice.roll(3) {
            let count = [1, 2, 12, 40][dice.roll(4) as usize];
            if dice.roll(3) == 0 {
                let gone: Vec<_> = model.iter().copied().filter(|_| dice.roll(60) < count).collect();
                for (tag, ordinal) in gone {
                    work.index_remove(Index::Mobile, &tag, ordinal).await.unwrap();
                    model.remove(&(tag, ordinal));
                }
            } else {
                let added = draw(&mut dice, &model, count);
                work.add_shaped(&INDEX_MOBILE, &added, &SMALL).await.unwrap();
                model.extend(added);
            }
            check(work.view(), &model, &mut dice).await;
        }
        commit(work).await;
        check_stored(&store, &model, &mut dice).await;
        top |= store.view().await.unwrap().runs(&INDEX_MOBILE).await.unwrap().iter().any(|r| r >> 32 == 2);
        if step == 60 {
            let mut work = store.work().await.unwrap();
            for (tag, ordinal) in std::mem::take(&mut model) {
                work.index_remove(Index::Mobile, &tag, ordinal).await.unwrap();
            }
            commit(work).await;
            assert_eq!(store.view().await.unwrap().runs(&INDEX_MOBILE).await.unwrap(), [0; 0]);
        }
    }
    assert!(top, "no run came to the top");
}

#[tokio::test]
async fn an_entry_is_added_once_and_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let mut work = store.work().await.unwrap();
    work.index_add(Index::Card, vec![(tag(1), 1)]).await.unwrap();
    assert!(work.index_add(Index::Card, vec![(tag(1), 1)]).await.is_err());
    assert!(work.index_add(Index::Card, vec![(tag(2), 1), (tag(2), 1)]).await.is_err());
    work.index_remove(Index::Card, &tag(1), 1).await.unwrap();
    let missing = work.index_remove(Index::Card, &tag(1), 1).await;
    assert!(matches!(missing, Err(StoreError::Integrity { what, .. }) if what == "index_card"));
    // Each index is its own.
    work.index_add(Index::Card, vec![(tag(3), 1)]).await.unwrap();
    assert!(work.index_remove(Index::Post, &tag(3), 1).await.is_err());
}

#[test]
fn eight_runs_of_a_level_make_one_of_the_next() {
    for (segments, level) in [(1, 0), (15, 0), (16, 1), (63, 1), (127, 1), (128, 2), (1024, 3), (90_000, 3)] {
        assert_eq!(adding::SHAPE.level(segments), level, "{segments}");
    }
}

/// What was done to a row, and whether the reading of it alone already says so.
#[tokio::test]
async fn a_row_that_was_touched_is_found() {
    for (sql, parses) in [
        ("delete from index_mobile where rowid = 3", true),
        ("update index_mobile set run = run + 9 where rowid = 3", true),
        ("update index_mobile set body = substr(body, 1, 48) where rowid = 3", true),
        ("update index_mobile set body = substr(body, 1, 47) where rowid = 3", false),
        ("update index_mobile set body = x'' where rowid = 3", false),
        ("update index_mobile set body = substr(body, 1, 24) || body where rowid = 3", false),
        ("update index_mobile set first = x'00' where rowid = 3", false),
        ("update index_mobile set first = 'text' where rowid = 3", false),
        ("update index_mobile set run = 'text' where rowid = 3", false),
        ("insert into index_mobile select run + 9, first, body from index_mobile where rowid = 3", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = new_store(&folder).await;
        let mut work = store.work().await.unwrap();
        let entries: Vec<_> = (1..30).map(|n| (tag(n), n as i64)).collect();
        work.add_shaped(&INDEX_MOBILE, &entries, &SMALL).await.unwrap();
        commit(work).await;
        let mut tx = store.engine.begin_write().await.unwrap();
        assert_eq!(tx.execute(built(sql.into()), &[]).await.unwrap(), 1, "{sql}");
        tx.commit().await.unwrap();
        let mut view = store.view().await.unwrap();
        let shared = view.shared_contacts(Index::Mobile).await;
        assert!(matches!(shared, Err(StoreError::Integrity { what, .. }) if what == "index_mobile"), "{sql}");
        let tags: Vec<Tag> = (1..30).map(tag).collect();
        let found = view.find_all(Index::Mobile, &tags).await;
        if !sql.contains("first =") && !sql.contains("run = 'text'") {
            assert_eq!(found.is_ok(), parses, "{sql}");
        }
    }
}

/// By hand: `cargo test --lib -- --ignored --nocapture how_long`.
#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder).await;
    let (mut dice, mut slowest, start) = (Dice(42), 0, Instant::now());
    for batch in 0..100 {
        let entries = (0..10_000).map(|n| (tag(dice.roll(u64::MAX)), batch * 10_000 + n + 1)).collect();
        let mut work = store.work().await.unwrap();
        let at = Instant::now();
        work.index_add(Index::Card, entries).await.unwrap();
        slowest = slowest.max(at.elapsed().as_millis());
        commit(work).await;
    }
    eprintln!("1 M entries in 100 turns: {:?}, slowest add {slowest} ms", start.elapsed());
    let mut view = store.view().await.unwrap();
    eprintln!("{} runs", view.runs(&INDEX_CARD).await.unwrap().len());
    for count in [1, 32, 100, 1_000, 10_000] {
        let tags: Vec<Tag> = (0..count).map(|_| tag(dice.roll(u64::MAX))).collect();
        let at = Instant::now();
        view.find_all(Index::Card, &tags).await.unwrap();
        eprintln!("find_all of {count}: {:?}", at.elapsed());
    }
    let at = Instant::now();
    view.shared_contacts(Index::Card).await.unwrap();
    eprintln!("shared_contacts: {:?}", at.elapsed());
}
