//! A small made-up warehouse: SYNTHETIC persons, delivered as ingest would.

use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::{Delivery, Warehouse, WarehouseKey};

use super::*;
use crate::run::testing::batch;

pub(super) struct House {
    pub(super) folder: tempfile::TempDir,
    pub(super) engine: Engine,
}

impl House {
    pub(super) fn caller(&self, name: &str) -> Caller {
        self.engine.authenticate(name).expect("an analyst of the policy")
    }

    pub(super) async fn ask(&self, sql: &str, rho: f64) -> Result<Answer, EngineError> {
        self.engine
            .ask(&self.caller("researcher"), sql, &Ask { price: Some(Price::Rho(rho)), ..Ask::default() })
            .await
    }

    pub(super) fn left(&self, family: &str, block: &str, share: &str) -> f64 {
        let block = skjerm_ledger::Block::new(family, block);
        self.engine.ledger.remaining(&block, share, "").expect("known").as_f64()
    }

    /// More contacts come in.
    pub(super) async fn deliver(&self, contacts: &[Row]) {
        let installation = Installation::open(self.folder.path()).expect("an installation");
        deliver(&installation, &self.engine.policy, &[("contact", contacts.to_vec())]).await;
    }

    /// Deletes every data file, as a disk fault would.
    pub(super) fn lose_files(&self) {
        let mut open = vec![self.folder.path().join("warehouse")];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|e| e == "parquet") {
                    std::fs::remove_file(path).expect("removed");
                }
            }
        }
    }
}

/// `persons` persons with contacts in 2024: person n has n % 4 + 1 contacts, in n % 3 services.
pub(super) fn contacts(persons: u8) -> Vec<Row> {
    let services = ["030101", "030102", "uteseksjonen"];
    let mut rows = Vec::new();
    for person in 0..persons {
        for contact in 0..=(person % 4) {
            let service = services[usize::from((person + contact) % 3)];
            let gender = if person % 2 == 0 { "male" } else { "female" };
            let codes =
                [("gender", gender), ("service", service), ("belonging", "oslo"), ("first_time", "no")];
            rows.push(Row::new(person, 2024, i64::from(contact) + 1, &codes, Some(30)));
        }
    }
    rows
}

fn patrols() -> Vec<Row> {
    let patrol = |month, shift, joint, staff| {
        Row::new(
            0,
            2024,
            month,
            &[("service", "uteseksjonen"), ("shift", shift), ("joint", joint)],
            Some(staff),
        )
    };
    vec![patrol(1, "day", "no", 2), patrol(1, "evening", "yes", 1), patrol(2, "evening", "no", 3)]
}

/// Two rounds in the evening, one by day: every line of their forms, and persons in two areas.
fn observations() -> Vec<Row> {
    let areas = [
        "oslo_s",
        "storgata_brugata",
        "nedre_akerselva",
        "vaterland_gronland",
        "urtegata",
        "kvadraturen_skippergata",
    ];
    let line = |month: i64, shift: &'static str, [area, age, gender]: [&'static str; 3], persons: i64| {
        let codes = [
            ("campaign", "2024-summer"),
            ("shift", shift),
            ("area", area),
            ("scene_age", age),
            ("gender", gender),
        ];
        Row::new(0, 2024, month, &codes, Some(persons))
    };
    let mut lines = Vec::new();
    for (month, shift, oslo_s, urtegata) in [(6, "evening", 40, 10), (7, "evening", 60, 0), (6, "day", 5, 7)]
    {
        for area in areas {
            for age in ["u18", "18-25", "25+"] {
                for gender in ["female", "male"] {
                    let persons = match (area, age, gender) {
                        ("oslo_s", "18-25", "male") => oslo_s,
                        ("urtegata", "18-25", "male") => urtegata,
                        _ => 0,
                    };
                    lines.push(line(month, shift, [area, age, gender], persons));
                }
            }
        }
    }
    lines
}

pub(super) async fn house(contacts: &[Row]) -> House {
    house_with(contacts, &[]).await
}

/// A house whose paid answers leave at multiples of `step` milliseconds.
pub(super) async fn house_with_step(contacts: &[Row], step: u64) -> House {
    house_with(contacts, &[("answer_step_ms = 1", &format!("answer_step_ms = {step}"))]).await
}

/// A house whose answers leave at once, with changes to its policy.
pub(super) async fn house_with(contacts: &[Row], changes: &[(&str, &str)]) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let installation = Installation::init(folder.path()).expect("an installation");
    Engine::init_ledger(&installation).expect("a new ledger");
    let text = std::fs::read_to_string(installation.policy_path()).expect("a policy");
    let text = text.replace("answer_step_ms = 250", "answer_step_ms = 1");
    // These tests share the machine with all others.
    let text = text.replace("timeout_seconds = 60", "timeout_seconds = 600");
    let text = changes.iter().fold(text, |text, (shipped, changed)| text.replace(shipped, changed));
    std::fs::write(installation.policy_path(), text).expect("a policy");
    let policy = Arc::new(Policy::load(&installation.policy_path()).expect("a policy"));
    WarehouseKey::generate().expect("a key").save(&installation.warehouse_key_path()).expect("saved");
    let tables =
        [("contact", contacts.to_vec()), ("patrol", patrols()), ("scene_observation", observations())];
    deliver(&installation, &policy, &tables).await;
    let engine = Engine::open(&installation).expect("an engine");
    House { folder, engine }
}

async fn deliver(installation: &Installation, policy: &Arc<Policy>, tables: &[(&str, Vec<Row>)]) {
    let key = WarehouseKey::load(&installation.warehouse_key_path()).expect("a key");
    let tables: BTreeMap<String, _> = tables
        .iter()
        .map(|(name, rows)| ((*name).to_owned(), batch(policy.table(name).expect("a table"), rows)))
        .collect();
    let warehouse = Warehouse::open(installation, Arc::clone(policy)).expect("a warehouse");
    let delivery = Delivery {
        source: "soma".to_owned(),
        file: "soma_SYNTETISK.csv".to_owned(),
        tables,
        ..Delivery::default()
    };
    warehouse.load(&key, vec![delivery]).await.expect("loaded");
}
