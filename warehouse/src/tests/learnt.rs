//! What a source learns later: who a client number is, and that a record was none.

use super::world::{World, hex, layer_one, row};
use crate::{Delivery, DeliveryLoad, Purpose, Sought, WarehouseKey};

/// The client number of somebody, and the person known by national identity number.
const CLIENT: u64 = 70;
const PERSON: u64 = 7;

fn linked(world: &World, client: u64, person: u64) -> Delivery {
    let links = vec![(layer_one("person", client), layer_one("person", person))];
    Delivery { links, ..world.delivery("links_SYNTETISK.csv", &[]) }
}

fn withdrawn(world: &World, records: &[u64]) -> Delivery {
    let records = records.iter().map(|record| layer_one("record", *record)).collect();
    let withdrawn = [("contact".to_owned(), records)].into();
    Delivery { withdrawn, ..world.delivery("withdrawn_SYNTETISK.csv", &[]) }
}

fn stored(key: &WarehouseKey, person: u64) -> String {
    hex(&key.pseudonym(Purpose::Person, &layer_one("person", person)))
}

/// Rows of a table by person.
async fn rows_of(world: &World, table: &str, person: u64) -> usize {
    let theirs = stored(&world.key, person);
    world.rows(table).await.iter().filter(|row| row["person"] == theirs).count()
}

/// Two contacts and a bed stay under the client number, one contact under the national one, others beside.
async fn before(world: &World) -> Vec<Delivery> {
    let contacts = [
        row(CLIENT, 1, "2022-05-01").ute(),
        row(CLIENT, 2, "2023-05-01").ute(),
        row(PERSON, 3, "2023-06-01").ute(),
        row(9, 4, "2023-06-01").ute(),
    ];
    let beds = [row(CLIENT, 5, "2023-03-03").with("nights", 2)];
    let deliveries = vec![world.delivery("a_SYNTETISK.csv", &[("contact", &contacts), ("bed_stay", &beds)])];
    world.try_load(deliveries.clone()).await.expect("loaded");
    deliveries
}

async fn assert_sound(world: &World) {
    let check = world.warehouse.check(crate::today_in_oslo()).await.expect("a check");
    assert!(check.damage.is_empty() && check.foreign.is_empty(), "{check:?}");
}

#[tokio::test]
async fn a_number_learnt_later_makes_the_old_rows_that_persons() {
    let world = World::new();
    let first = before(&world).await;
    assert_eq!(world.rows("person_year").await.len(), 4);
    let load = world.try_load(vec![linked(&world, CLIENT, PERSON)]).await.expect("loaded");
    assert_eq!(load, [DeliveryLoad { linked: 1, ..DeliveryLoad::default() }]);
    for (table, rows) in [("contact", 3), ("bed_stay", 1), ("person_year", 2)] {
        assert_eq!(
            (rows_of(&world, table, CLIENT).await, rows_of(&world, table, PERSON).await),
            (0, rows),
            "{table}"
        );
    }
    assert_eq!(rows_of(&world, "contact", 9).await, 1);
    assert_sound(&world).await;

    // What was known before is sent again, and more of it: nobody becomes two.
    let snapshot = world.snapshot().await.id;
    world.try_load(first).await.expect("loaded");
    world.try_load(vec![linked(&world, CLIENT, PERSON)]).await.expect("loaded");
    assert_eq!(world.snapshot().await.id, snapshot);
    world.load(&[("contact", &[row(CLIENT, 6, "2023-07-01").ute()])]).await;
    assert_eq!((rows_of(&world, "contact", CLIENT).await, rows_of(&world, "contact", PERSON).await), (0, 4));

    // One call may bring both.
    let news = world.delivery("b_SYNTETISK.csv", &[("contact", &[row(71, 8, "2023-07-01").ute()])]);
    world.try_load(vec![news, linked(&world, 71, PERSON)]).await.expect("loaded");
    assert_eq!((rows_of(&world, "contact", 71).await, rows_of(&world, "contact", PERSON).await), (0, 5));
    assert_sound(&world).await;
}

#[tokio::test]
async fn a_client_number_of_two_persons_is_left_as_it_was_and_counted() {
    let world = World::new();
    before(&world).await;
    let both = vec![linked(&world, CLIENT, PERSON), linked(&world, CLIENT, 9)];
    let load = world.try_load(both).await.expect("loaded");
    assert_eq!(
        load.iter().map(|load| (load.linked, load.contradicted)).collect::<Vec<_>>(),
        [(0, 1), (0, 0)]
    );
    assert_eq!(rows_of(&world, "contact", CLIENT).await, 2);
    world.try_load(vec![linked(&world, CLIENT, PERSON)]).await.expect("loaded");
    let later = world.try_load(vec![linked(&world, CLIENT, 9)]).await.expect("loaded");
    assert_eq!((later[0].linked, later[0].contradicted), (0, 1));
    assert_eq!((rows_of(&world, "contact", PERSON).await, rows_of(&world, "contact", 9).await), (3, 1));
}

#[tokio::test]
async fn whoever_is_erased_under_the_client_number_is_erased() {
    let world = World::new();
    before(&world).await;
    world.try_load(vec![linked(&world, CLIENT, PERSON), linked(&world, 72, 9)]).await.expect("loaded");
    let sought = [Sought::new(vec![layer_one("person", CLIENT)])];
    let erasure = world.try_erase(&sought).await.expect("erased");
    assert_eq!((erasure.found, erasure.proof.found.len()), (1, 0));
    for table in ["contact", "bed_stay", "person_year"] {
        assert_eq!(rows_of(&world, table, PERSON).await, 0, "{table}");
    }
    // The pair is gone, that of another is not; and the bytes of neither pseudonym are left anywhere.
    let marks = [stored(&world.key, CLIENT), stored(&world.key, PERSON)];
    let kept = stored(&world.key, 72);
    let links: Vec<_> =
        world.files().into_iter().filter(|(path, _)| path.to_string_lossy().contains("/links/")).collect();
    assert_eq!(links.len(), 1);
    let text = hex(&links[0].1);
    assert!(text.contains(&kept) && !marks.iter().any(|mark| text.contains(mark)));
    assert_sound(&world).await;

    // Whoever has no rows left, but a pair, is forgotten all the same.
    world.try_load(vec![linked(&world, CLIENT, PERSON)]).await.expect("loaded");
    let erasure = world.try_erase(&sought).await.expect("erased");
    assert_eq!((erasure.found, erasure.proof.found.len()), (0, 0));
}

#[tokio::test]
async fn links_hold_through_a_rotation() {
    let mut world = World::new();
    let path = world.installation.warehouse_key_path();
    world.key.save(&path).expect("saved");
    before(&world).await;
    world.try_load(vec![linked(&world, CLIENT, PERSON)]).await.expect("loaded");
    world.warehouse.rotate(&world.key, &path).await.expect("rotated");
    world.key = WarehouseKey::load(&path).expect("the key");
    world.load(&[("contact", &[row(CLIENT, 6, "2023-07-01").ute()])]).await;
    assert_eq!((rows_of(&world, "contact", CLIENT).await, rows_of(&world, "contact", PERSON).await), (0, 4));
    let load = world.try_load(vec![linked(&world, CLIENT, PERSON)]).await.expect("loaded");
    assert_eq!((load[0].linked, load[0].contradicted), (0, 0), "the pair is known under the new epoch");
    assert_sound(&world).await;
    let files = world.files();
    assert_eq!(files.keys().filter(|path| path.to_string_lossy().contains("/links/")).count(), 1);
}

#[tokio::test]
async fn damaged_links_stop_a_load_and_are_found_by_the_check() {
    let world = World::new();
    before(&world).await;
    world.try_load(vec![linked(&world, CLIENT, PERSON)]).await.expect("loaded");
    let path =
        world.files().into_keys().find(|path| path.to_string_lossy().contains("/links/")).expect("links");
    let mut content = std::fs::read(&path).expect("read");
    content[3] ^= 1;
    std::fs::write(&path, &content).expect("written");
    let error = world.try_load(vec![linked(&world, CLIENT, PERSON)]).await.unwrap_err();
    assert!(error.to_string().contains("links"), "{error}");
    let check = world.warehouse.check(crate::today_in_oslo()).await.expect("a check");
    assert_eq!(check.damage.len(), 1, "{check:?}");
}

#[tokio::test]
async fn a_record_that_is_taken_back_goes_and_may_come_again() {
    let world = World::new();
    let first = before(&world).await;
    let load = world.try_load(vec![withdrawn(&world, &[1, 2, 999])]).await.expect("loaded");
    assert_eq!((load[0].loaded, load[0].replaced), (0, 3));
    assert_eq!((rows_of(&world, "contact", CLIENT).await, rows_of(&world, "bed_stay", CLIENT).await), (0, 1));
    assert!(
        world.rows("person_year").await.iter().all(|row| row["year"] != "2022"),
        "nothing is left of that year"
    );
    let snapshot = world.snapshot().await.id;
    world.try_load(vec![withdrawn(&world, &[1, 2, 999])]).await.expect("loaded");
    assert_eq!(world.snapshot().await.id, snapshot);
    assert_sound(&world).await;

    // The later one of a call wins.
    world.try_load([first.clone(), vec![withdrawn(&world, &[1])]].concat()).await.expect("loaded");
    assert_eq!(rows_of(&world, "contact", CLIENT).await, 1);
    world.try_load([vec![withdrawn(&world, &[1])], first].concat()).await.expect("loaded");
    assert_eq!(rows_of(&world, "contact", CLIENT).await, 2);
}
