//! A small installation on disk, of SYNTHETIC persons, with a budget that no fuzzer spends.

use std::collections::BTreeMap;
use std::sync::Arc;

use skjerm_engine::{Caller, Engine};
use skjerm_warehouse::policy::{Grain, Policy, TableKind};
use skjerm_warehouse::{Delivery, Installation, Warehouse, WarehouseKey};

use crate::rows::{Row, batch};

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) caller: Caller,
    _folder: tempfile::TempDir,
}

/// What is other than in the shipped policy: no want of budget, answers at once, little memory, and time enough for a build that is not
/// optimised (the fuzzer's own limit is what no text may reach).
const CHANGES: [(&str, &str); 4] = [
    ("rho = 0.31", "rho = 100000.0"),
    ("answer_step_ms = 250", "answer_step_ms = 1"),
    ("timeout_seconds = 60", "timeout_seconds = 600"),
    ("memory_mib = 1024", "memory_mib = 256"),
];

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let installation = Installation::init(folder.path()).expect("an installation");
        Engine::init_ledger(&installation).expect("a new ledger");
        let path = installation.policy_path();
        let mut text = std::fs::read_to_string(&path).expect("a policy");
        for (shipped, changed) in CHANGES {
            assert!(text.contains(shipped), "{shipped}");
            text = text.replace(shipped, changed);
        }
        std::fs::write(&path, text).expect("a policy");
        let policy = Arc::new(Policy::load(&path).expect("a policy"));
        let tables = policy.tables.values().filter(|table| {
            table.kind == TableKind::Protected && table.grain == Grain::Events && table.family == "persons"
        });
        let tables: BTreeMap<String, _> =
            tables.map(|table| (table.name.clone(), batch(table, &rows()))).collect();
        let warehouse = Warehouse::open(&installation, Arc::clone(&policy)).expect("a warehouse");
        let delivery = Delivery {
            source: "soma".into(),
            file: "soma_SYNTETISK.csv".into(),
            tables,
            ..Delivery::default()
        };
        let key = WarehouseKey::generate().expect("a key");
        warehouse.load(&key, vec![delivery]).await.expect("loaded");
        let engine = Engine::open(&installation).expect("an engine");
        let caller = engine.authenticate("researcher").expect("an analyst");
        Self { engine, caller, _folder: folder }
    }
}

/// Forty persons with one to four rows in two years each.
fn rows() -> Vec<Row> {
    let services = ["030101", "030102", "uteseksjonen"];
    let mut rows = Vec::new();
    for person in 0..40_u8 {
        for at in 0..=(person % 4) {
            let gender = if person % 2 == 0 { "male" } else { "female" };
            let codes = [
                ("gender", gender),
                ("service", services[usize::from((person + at) % 3)]),
                ("belonging", "oslo"),
            ];
            for year in [2023, 2024] {
                rows.push(Row::new(person, year, i64::from(at) + 1, &codes, Some(1)));
            }
        }
    }
    rows
}
