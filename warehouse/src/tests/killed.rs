//! Processes that load, erase, compact and rotate the key are killed at random moments: afterwards the warehouse is
//! sound, and its rows are those before or those after what was being done, under the key's epoch that is in force.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::loopback;
use super::world::{World, hex, layer_one, row};
use crate::{Purpose, Sought, WarehouseKey};

/// Set in another process: the installation that it works on, and its number.
const FOLDER: &str = "SKJERM_TEST_WAREHOUSE";
const NUMBER: &str = "SKJERM_TEST_PROCESS";
const SAID: &str = "said: ";

/// How many warehouses, how often each is killed, and how long at most after a step was begun. In a bucket a step
/// takes longer, and the lock of one that was killed has to lapse each time.
fn extent() -> (u64, u64, Duration) {
    if loopback::is_wanted() { (2, 6, Duration::from_secs(2)) } else { (10, 20, Duration::from_millis(250)) }
}
const TABLES: [&str; 2] = ["contact", "follow_up"];

/// Numbers that look random and are the same in every run: `SplitMix64` (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What a record says: person, year, minutes.
type Says = (u64, u64, u64);
/// By table and record.
type Model = BTreeMap<(usize, u64), Says>;

enum Step {
    Load(Vec<((usize, u64), Says)>),
    Erase(Vec<u64>),
    Compact,
    Rotate,
}

impl Step {
    fn next(dice: &mut Dice) -> Self {
        let person = |dice: &mut Dice| dice.below(30);
        match dice.below(10) {
            0..4 => {
                let rows = 1 + dice.below(40);
                let row = |_| {
                    let place = (usize::try_from(dice.below(2)).expect("small"), dice.below(150));
                    (place, (person(dice), 2022 + dice.below(2), dice.below(200)))
                };
                Self::Load((0..rows).map(row).collect())
            }
            4..7 => Self::Erase((0..=dice.below(3)).map(|_| person(dice)).collect()),
            7 => Self::Compact,
            _ => Self::Rotate,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Load(_) => "load",
            Self::Erase(_) => "erase",
            Self::Compact => "compact",
            Self::Rotate => "rotate",
        }
    }

    fn apply(&self, model: &mut Model) {
        match self {
            Self::Load(rows) => model.extend(rows.iter().copied()),
            Self::Erase(persons) => model.retain(|_, (person, ..)| !persons.contains(person)),
            Self::Compact | Self::Rotate => {}
        }
    }

    async fn act(&self, world: &World) {
        match self {
            Self::Load(rows) => {
                let of = |table: usize| {
                    let rows = rows.iter().filter(|((t, _), _)| *t == table);
                    let row = |((_, record), (person, year, minutes)): &((usize, u64), Says)| {
                        row(*person, *record, &format!("{year}-06-07")).ute().with("minutes", minutes)
                    };
                    rows.map(row).collect::<Vec<_>>()
                };
                let (contact, follow_up) = (of(0), of(1));
                world.load(&[("contact", &contact), ("follow_up", &follow_up)]).await;
            }
            Self::Erase(persons) => {
                let sought: Vec<Sought> =
                    persons.iter().map(|p| Sought::new(vec![layer_one("person", *p)])).collect();
                let report = world.try_erase(&sought).await.expect("erased");
                assert!(report.proof.found.is_empty());
            }
            Self::Compact => drop(world.warehouse.compact().await.expect("compacted")),
            Self::Rotate => {
                drop(world.warehouse.rotate(&world.key, &key_path(world)).await.expect("rotated"));
            }
        }
    }
}

fn key_path(world: &World) -> PathBuf {
    world.installation.warehouse_key_path()
}

/// The stored rows as text.
async fn stored(world: &World) -> BTreeSet<String> {
    let mut stored = BTreeSet::new();
    for table in TABLES {
        for row in world.rows(table).await {
            let of = ["person", "record", "year", "minutes"].map(|column| row[column].as_str()).join(" ");
            stored.insert(format!("{table} {of}"));
        }
    }
    stored
}

fn expected(model: &Model, key: &WarehouseKey) -> BTreeSet<String> {
    let hashed = |purpose, what, number| hex(&key.pseudonym(purpose, &layer_one(what, number)));
    let text = |((table, record), (person, year, minutes)): (&(usize, u64), &Says)| {
        let (person, record) =
            (hashed(Purpose::Person, "person", *person), hashed(Purpose::Record, "record", *record));
        format!("{} {person} {record} {year} {minutes}", TABLES[*table])
    };
    model.iter().map(text).collect()
}

#[test]
fn another_process() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let number = std::env::var(NUMBER).expect("a number").parse().expect("a number");
    let load_key = || WarehouseKey::load(&folder.join("keys/warehouse.key")).expect("a key");
    let (mut world, mut dice) = (World::at(&folder, load_key()), Dice(number));
    let say = |line: &str| {
        let mut out = std::io::stdout().lock();
        out.write_all(format!("\n{SAID}{line}\n").as_bytes()).and_then(|()| out.flush()).is_ok()
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // Ends by a kill, or when nobody listens any more.
    loop {
        let step = Step::next(&mut dice);
        world.key = load_key();
        if !say("begun") {
            return;
        }
        runtime.block_on(step.act(&world));
        if !say("done") {
            return;
        }
    }
}

#[test]
fn after_every_kill_the_state_is_the_one_before_or_after_and_sound() {
    std::thread::scope(|scope| {
        for lane in 0..2 {
            let of_lane = (0..extent().0).filter(move |number| number % 2 == lane);
            scope.spawn(move || of_lane.for_each(kill_all_over_one_warehouse));
        }
    });
}

fn kill_all_over_one_warehouse(number: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("oslo");
    if loopback::is_wanted() {
        loopback::settle(&folder);
    }
    let world = World::at(&folder, WarehouseKey::generate().expect("randomness"));
    world.key.save(&key_path(&world)).expect("saved");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (mut dice, mut model, mut kills_within) = (Dice(number), Model::new(), BTreeMap::<&str, u64>::new());
    let (_, kills, _) = extent();
    for kill in 0..kills {
        let seed = 1_000 + number * kills + kill;
        let (begun, done) = work_until_killed(&folder, seed, &mut dice);
        let mut steps = Dice(seed);
        (0..done).for_each(|_| Step::next(&mut steps).apply(&mut model));
        let mut after = model.clone();
        if begun > done {
            let step = Step::next(&mut steps);
            *kills_within.entry(step.name()).or_default() += 1;
            step.apply(&mut after);
        }
        runtime.block_on(async {
            let check = world.warehouse.check(crate::today_in_oslo()).await.expect("a check");
            assert!(check.damage.is_empty() && check.foreign.is_empty(), "{check:?}");
            let key = WarehouseKey::load(&key_path(&world)).expect("the key");
            let in_force = world.installation.key_in_force(&key).expect("its epoch in force");
            assert!(key.epoch() - in_force.epoch() < 2, "a rotation finishes the one before");
            let stored = stored(&world).await;
            if stored == expected(&after, &in_force) {
                model = after;
            } else {
                assert_eq!(stored, expected(&model, &in_force), "neither the state before nor the one after");
            }
            if kill % 5 == 4 {
                world.warehouse.compact().await.expect("compacted");
                let check = world.warehouse.check(crate::today_in_oslo()).await.expect("a check");
                assert!(check.orphans.is_empty() && check.damage.is_empty(), "{check:?}");
            }
        });
    }
    eprintln!("warehouse {number}: kills within {kills_within:?}");
    assert!(kills_within.values().sum::<u64>() > kills / 2, "{kills_within:?}");
    // With fewer kills, as in a bucket, a rotation need not be among those that are cut short.
    let all = WarehouseKey::load(&key_path(&world)).expect("the key").epoch();
    assert!(
        loopback::is_wanted() || (all > 1 && kills_within.contains_key("rotate")),
        "{all} epochs, {kills_within:?}"
    );
}

/// Starts a process, kills it at a random moment, and gives how many steps it had begun and done.
fn work_until_killed(folder: &Path, seed: u64, dice: &mut Dice) -> (u64, u64) {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["tests::killed::another_process", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).env(NUMBER, seed.to_string());
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
    let mut said = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let mut count = (0, 0);
    let mut hear = |line: Option<String>| match line.as_deref().and_then(|line| line.strip_prefix(SAID)) {
        Some("begun") => count.0 += 1,
        Some("done") => count.1 += 1,
        _ => {}
    };
    hear(said.by_ref().find(|line| line.starts_with(SAID)));
    let (_, _, longest) = extent();
    std::thread::sleep(Duration::from_micros(dice.below(u64::try_from(longest.as_micros()).expect("short"))));
    child.kill().expect("killed");
    said.for_each(|line| hear(Some(line)));
    child.wait().expect("ended");
    count
}
