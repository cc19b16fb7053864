//! A made-up book for the steward's page: SYNTHETIC, with texts that somebody meant ill with.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use skjerm_dashboard::{
    model::{Both, Budget},
    steward::{
        Stewardship,
        model::{
            Account, Amount, Became, Checked, Entry, Forecast, Part, Planned, PlannedState, Record,
            RecordEntry, Sum, Wanted, Within,
        },
    },
};

/// What a made-up book was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) logins: u32,
    pub(crate) turned_away: Vec<String>,
}

#[derive(Clone, Default)]
pub(crate) struct MadeUpSteward {
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) problems: Vec<(Option<u64>, String)>,
    /// No entry can be written.
    pub(crate) locked: bool,
    /// Nothing can be read.
    pub(crate) unreadable: bool,
    /// Nothing happened yet.
    pub(crate) empty: bool,
}

/// What an analyst may have typed.
pub(crate) const HOSTILE: &str =
    "sql: select '<script>alert(1)</script>' & \"x\" \u{1b}[31m\u{0}\u{202e}evil\n from contact";

const WHEN: &str = "2026-06-01T08:15:00.123Z";

fn entry(number: u64, kind: &str, who: &str, became: Option<Became>) -> Entry {
    let amount = |block: &str, no: &str, en: &str| Amount {
        block: block.into(),
        label: Both::new(no, en),
        rho: 0.0025,
    };
    let amounts = match kind {
        "charge" => {
            vec![
                amount("persons/2022", "2022", "2022"),
                amount("scene/2024-summer", "sommeren 2024", "summer 2024"),
            ]
        }
        _ => Vec::new(),
    };
    Entry {
        number,
        when: WHEN.into(),
        who: who.into(),
        kind: kind.into(),
        became,
        amounts,
        what: format!("{number}: {HOSTILE}"),
        reason: Some("<b onmouseover=alert(1)>".repeat(20)),
    }
}

impl MadeUpSteward {
    fn part<T: Default>(&self, value: T) -> Part<T> {
        if self.unreadable {
            return Err("The <ledger> is in use by another process.".into());
        }
        Ok(if self.empty { T::default() } else { value })
    }
}

impl Stewardship for MadeUpSteward {
    fn synthetic(&self) -> bool {
        true
    }

    fn who(&self) -> &'static str {
        "steward"
    }

    fn let_in(&self) -> Result<(), String> {
        if self.locked {
            return Err("SECRET detail of the inside".into());
        }
        self.told.lock().unwrap().logins += 1;
        Ok(())
    }

    fn turned_away(&self, reason: &str) {
        self.told.lock().unwrap().turned_away.push(reason.to_owned());
    }

    fn checked(&self) -> Part<Checked> {
        if self.unreadable {
            return Err("The ledger is in use by another process.".into());
        }
        Ok(Checked {
            when: WHEN.into(),
            entries: 1_234,
            answers: 56,
            head: Some(format!("1234:{}", "9f".repeat(32))),
            problems: self.problems.clone(),
            remarks: vec!["entry 12 is timed before entry 11 <odd>".into()],
        })
    }

    fn accounts(&self) -> Part<Vec<Account>> {
        let within = |name: &str, spent: f64| Within {
            name: name.into(),
            rho_limit: 0.093,
            rho_spent: spent,
            rho_left: 0.093 - spent,
        };
        let account = |family: &str, block: &str, no: &str, en: &str| Account {
            budget: Budget {
                family: family.into(),
                block: block.into(),
                label: Both::new(no, en),
                rho_limit: 0.31,
                rho_spent: 0.16,
                rho_left: 0.15,
                epsilon_limit: 3.99,
                epsilon_spent: 2.8,
                delta: 1e-6,
            },
            thresholds: (family == "persons").then_some((0.0, 1e-7)),
            shares: vec![within("researchers", 0.01), within("releases", 0.093)],
            analysts: vec![within("researcher", 0.01), within("<i>steward</i>", 0.0)],
        };
        self.part(vec![
            account("persons", "2022", "2022", "2022"),
            account("persons", "2023", "2023", "2023"),
            account("scene", "2024-summer", "sommeren 2024", "summer 2024"),
        ])
    }

    fn sums(&self) -> Part<Vec<Sum>> {
        let sum = |family: &str, blocks| Sum {
            family: family.into(),
            blocks,
            rho_spent: 0.32,
            rho_limit: 0.62,
            epsilon_spent: 4.1,
            epsilon_limit: 5.9,
            delta: 1e-6,
        };
        self.part(vec![sum("persons", 2), sum("scene", 1)])
    }

    fn forecast(&self) -> Part<Forecast> {
        let planned = |year, state| Planned {
            year,
            workload: "key_figures".into(),
            state,
            release: (state == PlannedState::Published).then(|| format!("{year}-5f0c2a91d3e4")),
            needs: if state == PlannedState::Due { 0.155 } else { 0.0 },
            half_width: (state == PlannedState::Due).then_some(14.2),
            left_for_questions: 0.142,
        };
        self.part(()).map(|()| Forecast {
            when: WHEN.into(),
            planned: vec![
                planned(2022, PlannedState::Published),
                planned(2023, PlannedState::Outdated),
                planned(2024, PlannedState::Due),
                planned(2025, PlannedState::Unaffordable),
            ],
        })
    }

    fn lost(&self) -> Part<Vec<Entry>> {
        self.part(vec![entry(1_100, "charge", "researcher", Some(Became::Lost))])
    }

    fn refused(&self, since: Timestamp) -> Part<Vec<Entry>> {
        assert!(since < Timestamp::now());
        self.part((0..60).rev().map(|n| entry(1_000 + n, "refused", "district", None)).collect())
    }

    fn records(&self) -> Part<Vec<RecordEntry>> {
        let record = Record {
            what: "release 2022-5f0c2a91d3e4 of 2022 by workload key_figures".into(),
            year: 2022,
            revision: 1,
            published: "2026-06-01".into(),
            by: "steward".into(),
            reason: Some("<script>why</script>".into()),
            answer: "a5f0c2a91d3e4".into(),
            snapshot: "2022-aa".into(),
            size: (12, 240, 31),
            price: (0.155, 2.7, 1e-6),
            epsilon_year: 2.8,
            epsilon_all_years: 4.1,
            risk: vec![Both::new("Hva en angriper kan lære.", "What an attacker may learn.")],
            checks: vec![
                (Both::new("hvert tall har et intervall", "every figure has an interval"), true),
                (Both::new("prisen er ført", "the price is in the ledger"), false),
            ],
            passed: false,
        };
        self.part(vec![
            RecordEntry { number: 900, record: Some(record) },
            RecordEntry { number: 800, record: None },
        ])
    }

    fn entries(&self, wanted: &Wanted) -> Part<Option<Vec<Entry>>> {
        if wanted.kind.as_deref() == Some("nothing") || wanted.block.as_deref() == Some("persons/1900") {
            return Ok(None);
        }
        let mut all = vec![
            entry(1_234, "login", "steward", None),
            entry(1_233, "charge", "researcher", Some(Became::Running)),
            entry(1_232, "charge", "researcher", Some(Became::Settled)),
            entry(1_231, "charge", "<script>name</script>", Some(Became::Abandoned)),
            entry(1_230, "from a later version", "skjerm", None),
        ];
        all.retain(|entry| {
            wanted.kind.as_ref().is_none_or(|kind| entry.kind == *kind)
                && wanted.who.as_ref().is_none_or(|who| entry.who == *who)
        });
        self.part(all).map(Some)
    }
}
