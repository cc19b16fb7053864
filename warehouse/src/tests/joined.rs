//! Files that an erasure puts together, in an order of columns that one of them was not written with, or damaged.

use std::collections::BTreeSet;

use super::damaged::Spoilt;
use super::erase::{contacts, fixed_key, sought};
use super::world::{Row, World, layer_one};
use crate::policy::Policy;
use crate::storage::Span;
use crate::{DataFile, Purpose};

const PERSONS: u64 = 400;

/// Two files beside each other, of which the one joins the other when a single person is left in it.
struct Pair {
    /// Whose rows are in the first, but for the one who is left.
    gone: Vec<u64>,
    first: DataFile,
    second: DataFile,
}

pub(super) fn stored(world: &World, person: u64) -> u128 {
    u128::from_be_bytes(world.key.pseudonym(Purpose::Person, &layer_one("person", person)))
}

async fn pair(world: &World, rows: &[Row]) -> Pair {
    let files = world.snapshot().await.tables["contact"].files.to_vec();
    let in_span = |span: Span| (0..PERSONS).filter(move |person| span.holds(stored(world, *person)));
    let rows_of = |person: u64| rows.iter().filter(|row| row.person == person).count();
    for two in files.windows(2).filter(|two| two[0].span.parent() == two[1].span.parent()) {
        let beside: usize = in_span(two[1].span).map(rows_of).sum();
        let fits = |person: &u64| beside + rows_of(*person) <= 64;
        if let Some(left) = in_span(two[0].span).find(fits) {
            let gone = in_span(two[0].span).filter(|person| *person != left).collect();
            return Pair { gone, first: two[0].clone(), second: two[1].clone() };
        }
    }
    panic!("no two files that join");
}

async fn paths(world: &World) -> BTreeSet<std::path::PathBuf> {
    let files = world.snapshot().await.tables["contact"].files.to_vec();
    let below = |path: std::path::PathBuf| path.strip_prefix(world.root()).expect("below").to_owned();
    files.into_iter().map(|file| below(file.path)).collect()
}

fn other_order(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    let columns = &mut policy.tables.get_mut("contact").expect("a table").columns;
    let at = |name: &str| columns.iter().position(|column| column.name == name).expect("a column");
    let (area, shift) = (at("area"), at("shift"));
    columns.swap(area, shift);
    policy
}

#[tokio::test]
async fn files_in_an_older_order_of_columns_are_written_in_the_new_one_alone_and_joined() {
    let mut world = World::with_key(fixed_key());
    let mut rows = contacts(PERSONS);
    for (row, area) in rows.iter_mut().zip(["oslo_s", "urtegata", "unknown"].into_iter().cycle()) {
        *row = row.clone().with("area", area).with("shift", "night");
    }
    world.load(&[("contact", &rows)]).await;
    let Pair { mut gone, first, second } = pair(&world, &rows).await;
    let policy = other_order(&world.policy);
    world.warehouse = world.reopened(policy.clone());
    world.policy = policy.clone().into();
    let mut left: BTreeSet<u64> = (0..PERSONS).collect();
    let mut before = paths(&world).await;
    let last = gone.split_off(1);
    // One person goes: the file is written anew, that beside it stays as it was. Then the others go, and the two are one.
    for (now, is_joined) in [(gone, false), (last, true)] {
        let report = world.try_erase(&sought(now.iter().copied())).await.expect("erased");
        assert_eq!(report.found, now.len());
        left.retain(|person| !now.contains(person));
        let mut fresh = World::with_key(world.key.clone());
        fresh.warehouse = fresh.reopened(policy.clone());
        fresh.policy = policy.clone().into();
        let theirs: Vec<Row> = rows.iter().filter(|row| left.contains(&row.person)).cloned().collect();
        fresh.load(&[("contact", &theirs)]).await;
        let (after, of_others) = (paths(&world).await, paths(&fresh).await);
        let made: Vec<_> = after.difference(&before).collect();
        assert!(!made.is_empty() && made.iter().all(|path| of_others.contains(*path)), "{made:?}");
        assert_eq!(!after.contains(second.path.strip_prefix(world.root()).expect("below")), is_joined);
        let spans: Vec<Span> =
            world.snapshot().await.tables["contact"].files.iter().map(|f| f.span).collect();
        assert_eq!(!spans.contains(&first.span), is_joined);
        before = after;
    }
    assert!(world.rows("contact").await.iter().all(|row| row["shift"] == "night"));
}

/// A file that none of those sought is in: its rows, too, would get a new name.
#[tokio::test]
async fn a_damaged_file_is_not_put_together_with_another() {
    let world = World::with_key(fixed_key());
    let rows = contacts(PERSONS);
    world.load(&[("contact", &rows)]).await;
    let Pair { gone, second, .. } = pair(&world, &rows).await;
    let before = world.snapshot().await.id;
    let spoilt = Spoilt::in_its_footer(&world, &second.path);
    spoilt.is_named_by(&world.try_erase(&sought(gone.clone())).await.expect_err("damaged"));
    assert_eq!(world.snapshot().await.id, before);
    spoilt.restore();
    assert_eq!(world.try_erase(&sought(gone.clone())).await.expect("erased").found, gone.len());
}
