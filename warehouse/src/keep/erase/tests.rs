use super::super::Begun;
use super::*;
use crate::tests::world::{Row, World, layer_one, row};
use crate::warehouse::held;
use crate::{Sought, today_in_oslo};

/// An edit that a reader would not find anything wrong with: the writer has another name.
fn faulty(
    table: &Table,
    place: Place,
    content: &Bytes,
    footer: &ParquetMetaData,
    left: &BooleanArray,
) -> Result<Option<Bytes>, WarehouseError> {
    let edited = edit::without(table, place, content, footer, left)?;
    Ok(edited.map(|edited| {
        let mut content = edited.to_vec();
        let name = content.windows(6).position(|bytes| bytes == b"skjerm").expect("the writer's name");
        content[name] = b'S';
        content.into()
    }))
}

/// The state that an erasure with this edit makes, and whether files were edited to the end.
async fn state_by(world: &World, edit: Edit, persons: &[u64]) -> (State, bool) {
    let Begun { lock, mut state, .. } = world.warehouse.to_keep().await.expect("begun");
    let (policy, derivation) = world.warehouse.shared();
    let sought: Vec<Sought> = persons.iter().map(|p| Sought::new(vec![layer_one("person", *p)])).collect();
    let marks = Marks::new(std::slice::from_ref(&world.key), &sought);
    let taken = held(&lock, move |lock| {
        let place = Workplace { lock, policy: &policy, derivation: &derivation, today: today_in_oslo() };
        let trials = trials(&policy);
        let taken = take_out_by(edit, &trials, &place, &marks, &mut state)?;
        Ok((taken.found.len(), state, !trials.values().any(Trial::failed)))
    });
    let (found, state, passed) = taken.await.expect("taken out");
    assert_eq!(found, persons.len());
    (state, passed)
}

#[tokio::test]
async fn where_edited_files_are_not_those_that_are_written_all_are_written_anew() {
    let world = World::new();
    let rows: Vec<Row> = (0..1_000).map(|n| row(n % 200, n, "2023-05-01").ute()).collect();
    world.load(&[("contact", &rows)]).await;
    let gone: Vec<u64> = (0..200).filter(|person| person % 9 == 4).collect();
    let (right, passed) = state_by(&world, edit::without, &gone).await;
    assert!(passed && state_by(&world, faulty, &gone).await == (right.clone(), false));
    // And no file is edited at all.
    assert!(state_by(&world, |_, _, _, _, _| Ok(None), &gone).await == (right, true));
}
