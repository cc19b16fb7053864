//! Made-up published figures: SYNTHETIC, for tests and for looking at the pages.

use serde_json::{Value, json};
use skjerm_dashboard::{
    Document, Published, SourceError,
    model::{
        Amount, Both, Breakdown, Budget, Choice, ChoiceGroup, Comparison, DistrictRow, Estimate, Figure,
        Pair, Publication, ReleaseRef, Scene, SceneRow, Shown, Topic, Trend, TrendPoint, YearFigures,
    },
};

/// A city that does not exist, with releases for some years.
pub(crate) struct MadeUp {
    pub(crate) years: Vec<i32>,
    pub(crate) synthetic: bool,
    pub(crate) broken: bool,
    pub(crate) scenes: Vec<Scene>,
}

impl Default for MadeUp {
    fn default() -> Self {
        Self { years: (2019..=2025).collect(), synthetic: true, broken: false, scenes: Vec::new() }
    }
}

fn release(year: i32) -> ReleaseRef {
    ReleaseRef {
        id: format!("{year}-5f0c2a91d3e4"),
        year,
        published: Some("2026-06-01".into()),
        rho: Some(0.155),
    }
}

fn around(value: f64, half: f64) -> Amount {
    let estimate = Estimate { value, low: value - half, high: value + half };
    let shown = if value < 5.0 { Shown::Suppressed } else { Shown::Number((value + 2.0).round(), 0) };
    Amount { estimate, shown, exact: false }
}

fn exact(value: f64, digits: usize) -> Amount {
    Amount {
        estimate: Estimate { value, low: value, high: value },
        shown: Shown::Number(value, digits),
        exact: true,
    }
}

fn figure(name: &str, no: &str, en: &str, amount: Amount) -> Figure {
    Figure {
        name: name.into(),
        label: Both::new(no, en),
        amount,
        unit: None,
        source_value: Some(amount.estimate.value.round() + 1.0),
        note: None,
    }
}

fn parts(no: &str, en: &str, figures: Vec<Figure>) -> Breakdown {
    Breakdown { label: Both::new(no, en), figures }
}

fn belonging(prefix: &str, values: [f64; 3], half: f64) -> Breakdown {
    parts(
        "Tilhørighet",
        "Belonging",
        vec![
            figure(&format!("{prefix}_oslo"), "Oslo", "Oslo", around(values[0], half)),
            figure(
                &format!("{prefix}_other"),
                "annen kommune",
                "other municipality",
                around(values[1], half),
            ),
            figure(
                &format!("{prefix}_unknown"),
                "ukjent eller utlandet",
                "unknown or foreign",
                around(values[2], half),
            ),
        ],
    )
}

fn topic(total: Figure, no: &str, en: &str, breakdowns: Vec<Breakdown>) -> Topic {
    Topic { total, definition: Both::new(no, en), breakdowns }
}

fn topics(year: i32) -> Vec<Topic> {
    let grow = 1.0 + f64::from(year - 2023) * 0.04;
    let n = |value: f64| (value * grow).round() - 0.4;
    let age = |prefix: &str, value: f64| {
        parts(
            "Alder",
            "Age",
            vec![figure(&format!("{prefix}_under_25"), "under 25 år", "under 25", around(n(value), 11.0))],
        )
    };
    let mut patrols = figure("patrols_per_week", "Patruljer per uke", "Patrols a week", exact(37.4, 1));
    patrols.unit = Some(Both::new("per uke", "a week"));
    vec![
        topic(
            figure(
                "contact",
                "Personer i kontakt med Uteseksjonen",
                "Persons in contact with Uteseksjonen",
                around(n(1977.0), 17.2),
            ),
            "Ulike personer som Uteseksjonen har registrert minst én kontakt med i løpet av året.",
            "Distinct persons with whom Uteseksjonen registered at least one contact during the year.",
            vec![age("contact", 1180.0), belonging("contact", [n(1019.0), n(721.0), n(237.0)], 12.0)],
        ),
        topic(
            figure("first_contact", "Nye personer", "First-time contacts", around(n(654.0), 14.0)),
            "Ulike personer som Uteseksjonen møtte for første gang.",
            "Distinct persons whom Uteseksjonen met for the first time.",
            vec![parts(
                "Alder",
                "Age",
                vec![figure("first_contact_under_18", "under 18 år", "under 18", around(n(239.0), 10.0))],
            )],
        ),
        topic(
            figure("follow_up", "Personer i oppfølging", "Persons followed up", around(n(1443.0), 15.0)),
            "Ulike personer med minst én registrert oppfølging.",
            "Distinct persons with at least one registered follow-up.",
            vec![age("follow_up", 828.0), belonging("follow_up", [n(725.0), n(566.0), n(152.0)], 12.0)],
        ),
        topic(
            figure(
                "concern_report",
                "Bekymringsmeldinger til barnevernet",
                "Concern reports to child welfare",
                around(35.3, 9.0),
            ),
            "Mindreårige som Uteseksjonen har meldt bekymring for.",
            "Minors about whom Uteseksjonen reported concern.",
            vec![parts(
                "Kjønn",
                "Gender",
                vec![
                    figure("concern_report_boys", "gutter", "boys", around(2.6, 7.0)),
                    figure("concern_report_girls", "jenter", "girls", around(29.1, 7.0)),
                ],
            )],
        ),
        topic(
            figure("journey_home", "Hjemreiser med oppfølging", "Journeys home", around(n(108.0), 10.0)),
            "Personer som fikk følge hjem en eller flere ganger.",
            "Persons who were accompanied home once or more.",
            vec![],
        ),
        topic(
            figure("psychologist", "Samtaler med psykolog", "Psychologist", around(n(72.0), 10.0)),
            "Personer under 25 år med tilbud fra psykolog.",
            "Persons under 25 seen by a psychologist.",
            vec![],
        ),
        topic(
            figure("patrols", "Patruljer", "Patrols", exact(1951.0, 0)),
            "Gjennomførte patruljer i året.",
            "Patrols held in the year.",
            vec![],
        ),
        topic(patrols, "Målet er 35 patruljer per uke.", "The target is 35 patrols a week.", vec![]),
    ]
}

const DISTRICTS: [(&str, &str, f64, Option<u64>); 17] = [
    ("030101", "Gamle Oslo", 312.0, Some(7_410)),
    ("030102", "Grünerløkka", 298.0, Some(7_020)),
    ("030103", "Sagene", 141.0, Some(5_230)),
    ("030104", "St. Hanshaugen", 96.0, Some(6_810)),
    ("030105", "Frogner", 118.0, Some(7_640)),
    ("030106", "Ullern", 41.0, Some(4_820)),
    ("030107", "Vestre Aker", 52.0, Some(8_150)),
    ("030108", "Nordre Aker", 88.0, Some(9_230)),
    ("030109", "Bjerke", 171.0, Some(5_480)),
    ("030110", "Grorud", 164.0, Some(4_390)),
    ("030111", "Stovner", 203.0, Some(5_420)),
    ("030112", "Alna", 246.0, Some(7_520)),
    ("030113", "Østensjø", 139.0, Some(7_640)),
    ("030114", "Nordstrand", 74.0, Some(7_980)),
    ("030115", "Søndre Nordstrand", 221.0, Some(6_430)),
    ("030116", "Sentrum", 12.0, None),
    ("030117", "Marka", 3.0, None),
];

fn comparison(year: i32) -> Comparison {
    let rate = |count: f64, residents: u64| {
        let per = 1_000.0 / residents as f64;
        Estimate { value: count * per, low: (count - 12.0) * per, high: (count + 12.0) * per }
    };
    let mut pairs = Vec::new();
    for (i, a) in DISTRICTS.iter().enumerate() {
        for b in &DISTRICTS[i + 1..] {
            if let (Some(of_a), Some(of_b)) = (a.3, b.3) {
                let difference = rate(a.2, of_a).value - rate(b.2, of_b).value;
                pairs.push(Pair {
                    a: a.0.into(),
                    b: b.0.into(),
                    difference,
                    distinguishable: difference.abs() > 4.5,
                });
            }
        }
    }
    Comparison {
        year,
        release: release(year),
        definition: Both::new(
            "Personer etter bydelen som var deres viktigste tjeneste i året.",
            "Persons by the district that was their main service in the year.",
        ),
        summary: Both::new(
            "Av 105 par av bydeler kan 61 skilles fra hverandre.",
            "Of 105 pairs of districts, 61 can be told apart.",
        ),
        notes: vec![],
        districts: DISTRICTS
            .iter()
            .map(|(code, name, count, residents)| DistrictRow {
                code: (*code).into(),
                name: Both::new(*name, *name),
                persons: around(*count * 1.2, 12.0),
                young: around(*count, 12.0),
                residents: *residents,
                rate: residents.map(|r| {
                    let estimate = rate(*count, r);
                    Amount { estimate, shown: Shown::Number(estimate.value, 1), exact: false }
                }),
            })
            .collect(),
        pairs,
    }
}

impl Published for MadeUp {
    fn synthetic(&self) -> bool {
        self.synthetic
    }

    fn releases(&self) -> Result<Vec<ReleaseRef>, SourceError> {
        if self.broken {
            return Err(SourceError::Figures("SECRET detail of the inside".into()));
        }
        Ok(self.years.iter().rev().map(|y| release(*y)).collect())
    }

    fn figures(&self, year: i32) -> Result<Option<YearFigures>, SourceError> {
        Ok(self.years.contains(&year).then(|| YearFigures {
            year,
            release: release(year),
            topics: topics(year),
        }))
    }

    fn districts(&self, year: i32) -> Result<Option<Comparison>, SourceError> {
        Ok(self.years.contains(&year).then(|| comparison(year)))
    }

    fn choices(&self) -> Result<Vec<ChoiceGroup>, SourceError> {
        let Some(year) = self.years.last() else { return Ok(Vec::new()) };
        let choice = |f: &Figure| Choice { name: f.name.clone(), label: f.label.clone() };
        Ok(topics(*year)
            .iter()
            .map(|t| ChoiceGroup {
                label: t.total.label.clone(),
                items: [choice(&t.total)]
                    .into_iter()
                    .chain(t.breakdowns.iter().flat_map(|b| b.figures.iter().map(choice)))
                    .collect(),
            })
            .collect())
    }

    fn trend(&self, figure: &str) -> Result<Option<Trend>, SourceError> {
        let mut found = None;
        for year in &self.years {
            for topic in topics(*year) {
                let all = topic.breakdowns.iter().flat_map(|b| &b.figures).chain([&topic.total]);
                let Some(this) = all.into_iter().find(|f| f.name == figure) else { continue };
                let trend = found.get_or_insert_with(|| Trend {
                    figure: figure.into(),
                    label: this.label.clone(),
                    definition: topic.definition.clone(),
                    points: Vec::new(),
                });
                let change = (!trend.points.is_empty())
                    .then(|| Both::new("Økte fra året før.", "Rose from the year before."));
                trend.points.push(TrendPoint {
                    year: *year,
                    amount: this.amount,
                    release: release(*year),
                    change,
                });
            }
        }
        Ok(found)
    }

    fn scenes(&self) -> Result<Vec<Scene>, SourceError> {
        Ok(self.scenes.clone())
    }

    fn publications(&self) -> Result<Vec<Publication>, SourceError> {
        let of = |id: &str, label: Both, period: Both, superseded_by: Option<&str>| Publication {
            id: id.into(),
            label,
            period,
            published: "2026-02-01".into(),
            rho: 0.03,
            superseded_by: superseded_by.map(Into::into),
        };
        let summer = Both::new("sommeren 2023", "summer 2023");
        Ok(vec![
            of("2023-b", Both::new("Måned for måned", "Month by month"), Both::new("2023", "2023"), None),
            of(
                "2023-a",
                Both::new("Måned for måned", "Month by month"),
                Both::new("2023", "2023"),
                Some("2023-b"),
            ),
            of("2023-c", Both::new("Tellinger <b>", "Counts <b>"), summer, None),
        ])
    }

    fn file(&self, release: &str, name: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let known = ["2023-a", "2023-b", "2023-c"].contains(&release);
        let names = ["index.html", "tables.csv", "tables.parquet", "figures.csv", "metadata.json"];
        let known = known && (names.contains(&name) || name.starts_with("figures_and_tables."));
        Ok(known.then(|| format!("{release} {name}").into_bytes()))
    }

    fn budgets(&self) -> Result<Vec<Budget>, SourceError> {
        let budget = |family: &str, block: &str, no: &str, en: &str, spent: f64| Budget {
            family: family.into(),
            block: block.into(),
            label: Both::new(no, en),
            rho_limit: 0.31,
            rho_spent: spent,
            rho_left: 0.31 - spent,
            epsilon_limit: 3.99,
            epsilon_spent: 3.99 * (spent / 0.31).sqrt(),
            delta: 1e-6,
        };
        let mut all: Vec<Budget> = self
            .years
            .iter()
            .map(|y| {
                budget(
                    "persons",
                    &y.to_string(),
                    &y.to_string(),
                    &y.to_string(),
                    0.155 + f64::from(y - 2019) * 0.01,
                )
            })
            .collect();
        all.push(budget("scene", "2024-summer", "sommeren 2024", "summer 2024", 0.1));
        all.push(budget("scene", "2025-summer", "sommeren 2025", "summer 2025", 0.0));
        Ok(all)
    }

    fn spent_over_years(&self) -> Result<Option<(f64, f64)>, SourceError> {
        Ok(Some((1.295, 9.1)))
    }

    fn document(&self, which: &Document) -> Result<Option<Value>, SourceError> {
        Ok(match which {
            Document::Figures(year) | Document::Districts(year) if !self.years.contains(year) => None,
            Document::Release(id) => {
                self.years.iter().map(|y| release(*y).id).find(|i| i == id).map(|id| json!({"id": id}))
            }
            Document::Figures(year) | Document::Districts(year) => Some(json!({"year": year})),
            Document::Releases => Some(json!(self.years)),
            Document::Budget => Some(json!({"blocks": []})),
        })
    }
}

/// A comparison of counts, for the page that has one.
pub(crate) fn scene() -> Scene {
    let e = |value: f64, half: f64| Estimate { value, low: value - half, high: value + half };
    let row = |no: &str, en: &str, total, a: f64, b: f64, distinguishable| SceneRow {
        label: Both::new(no, en),
        total,
        first: Some(e(a, 3.0)),
        second: Some(e(b, 3.0)),
        change: Some(e(b - a, 4.2)),
        distinguishable,
    };
    Scene {
        first: Both::new("sommeren 2024", "summer 2024"),
        second: Both::new("sommeren 2025", "summer 2025"),
        answers: vec!["a-2024".into(), "a-2025".into()],
        summary: Both::new("Flere ble sett i 2025 enn i 2024.", "More were seen in 2025 than in 2024."),
        notes: vec![],
        rows: vec![
            row("Alle områder, dag", "All areas, day", true, 61.2, 70.3, true),
            row("Oslo S, dag", "Oslo S, day", false, 14.0, 13.1, false),
            row("Urtegata, dag", "Urtegata, day", false, 9.0, 4.1, true),
        ],
    }
}
