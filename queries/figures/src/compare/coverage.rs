//! Over a thousand releases of the made-up city, the intervals hold the truth as often as they say. SYNTHETIC.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::release::joint::Joint;
use crate::release::{Measured, ThemeMeasurement};
use crate::tests::city::City;

const RELEASES: usize = 1000;

/// How many of what was looked at in one release were covered, and how many were looked at.
#[derive(Default)]
struct Tally {
    releases: Vec<(u32, u32)>,
    open: u32,
}

impl Tally {
    fn begin(&mut self) {
        self.releases.push((0, 0));
    }

    fn note(&mut self, covered: bool) {
        let last = self.releases.last_mut().unwrap();
        last.0 += u32::from(covered);
        last.1 += 1;
    }

    fn quantity(&mut self, quantity: &Quantity, truth: f64, set: impl FnOnce() -> bool) {
        self.open += u32::from(quantity.open);
        let covered = quantity.low.zip(quantity.high).map(|(low, high)| low <= truth && truth <= high);
        self.note(covered.unwrap_or_else(set));
    }

    /// The part covered, and its standard error: releases are independent, what is in one of them is not.
    fn rate(&self) -> (f64, f64) {
        let (covered, all) =
            self.releases.iter().fold((0, 0), |(c, a), (covered, all)| (c + covered, a + all));
        let rate = f64::from(covered) / f64::from(all);
        let squares: f64 =
            self.releases.iter().map(|(c, a)| (f64::from(*c) - rate * f64::from(*a)).powi(2)).sum();
        (rate, squares.sqrt() / f64::from(all))
    }
}

/// A table of one theme: its counts, the pairs of neighbours and of parts and whole, and the truth.
struct Case {
    name: String,
    theme: usize,
    counts: Vec<Count>,
    earlier: Vec<Count>,
    neighbours: Vec<Pair>,
    whole: Count,
    parts: Vec<Pair>,
    truth: Vec<f64>,
    truth_earlier: Vec<f64>,
}

fn joint(themes: &[ThemeMeasurement], theme: usize, release: &Release) -> Joint {
    let mut with = release.clone();
    with.themes = themes.to_vec();
    Joint::of_release(&with, &themes[theme].name).unwrap().0
}

fn noised(city: &City, random: &mut ChaCha8Rng) -> Vec<Joint> {
    let measurement = city.measure(2023, random);
    let joint =
        |(checked, theme): (&crate::workload::CheckedTheme, &skjerm_engine::measure::MeasuredTheme)| {
            let measured: Vec<Measured> = theme
                .measured
                .iter()
                .map(|one| Measured {
                    dims: one.dims.clone(),
                    from: None,
                    answer: None,
                    form: theme.form,
                    sigma: one.sigma,
                    values: one.values.clone(),
                })
                .collect();
            Joint::new(checked.domain.clone(), checked.dims.clone(), &measured).unwrap()
        };
    city.checked.themes.iter().zip(&measurement.themes).map(joint).collect()
}

/// Counts, sums, differences, ratios, shares, rates, and changes since another year, absolute and relative: over all tables each kind
/// covers 94 to 96 %, and each kind within each table but for six of its own standard errors, which releases, being independent, give. The
/// seed is fixed, so this always passes or always fails; with another one a table would fail with a chance below 2e-9. An interval that
/// is open (Fieller) counts as covering where the truth is in the set that it stands for.
#[test]
#[allow(clippy::too_many_lines, clippy::many_single_char_names)] // every kind beside the others
fn intervals_hold_the_truth_as_often_as_they_say() {
    let city = City::new();
    let mut before = City::new();
    before.truth.iter_mut().flatten().for_each(|count| *count = *count * 4 / 5);
    let (release, earlier) = (city.release(2023, 1), before.release(2022, 2));
    let mut cases = Vec::new();
    for table in &release.tables {
        let asked = Asked { table: Some(table.name.clone()), ..Asked::default() };
        let counts = Counts::new(&release, &city.policy, &asked).unwrap();
        let then = Counts::new(&earlier, &city.policy, &asked).unwrap();
        let theme = release.themes.iter().position(|theme| theme.name == table.theme).unwrap();
        let joint = joint(&release.themes, theme, &release);
        let truth = |city: &City| -> Vec<f64> {
            counts
                .counts()
                .iter()
                .map(|count| joint.union(&count.cells, &city.truth[theme]).unwrap().display as f64)
                .collect()
        };
        let all = counts.counts().to_vec();
        let whole = counts.sum().unwrap();
        cases.push(Case {
            name: table.name.clone(),
            theme,
            neighbours: (0..all.len())
                .map(|at| counts.pair(&all[at], &all[(at + 1) % all.len()]).unwrap())
                .collect(),
            parts: all.iter().map(|part| counts.pair(part, &whole).unwrap()).collect(),
            earlier: then.counts().to_vec(),
            truth: truth(&city),
            truth_earlier: truth(&before),
            whole,
            counts: all,
        });
    }
    let mut random = ChaCha8Rng::seed_from_u64(20_230_601);
    let mut tallies: BTreeMap<(&str, String), Tally> = BTreeMap::new();
    for _ in 0..RELEASES {
        let (now, then) = (noised(&city, &mut random), noised(&before, &mut random));
        for case in &mut cases {
            let count = case.counts.len();
            let table = release.tables.iter().find(|table| table.name == case.name).unwrap();
            let marginal = skjerm_privacy::marginals::Marginal::new(table.dimensions.iter().map(|d| {
                city.checked.themes[case.theme].dims.iter().position(|info| &info.name == d).unwrap()
            }));
            let zeros = vec![0; city.checked.themes[case.theme].domain.cells()];
            for (counts, joint) in
                [(&mut case.counts, &now[case.theme]), (&mut case.earlier, &then[case.theme])]
            {
                for (count, figure) in counts.iter_mut().zip(joint.marginal(&marginal, &zeros).unwrap()) {
                    count.value = figure.value;
                }
            }
            case.whole.value = case.counts.iter().map(|count| count.value).sum();
            let truth_whole: f64 = case.truth.iter().sum();
            for kind in ["count", "sum", "difference", "ratio", "share", "rate", "change", "relative"] {
                tallies.entry((kind, case.name.clone())).or_default().begin();
            }
            let mut get = |kind: &'static str, q: &Quantity, truth: f64, set: bool| {
                tallies.get_mut(&(kind, case.name.clone())).unwrap().quantity(q, truth, || set);
            };
            let z = z(CONFIDENCE);
            get("sum", &sum(&case.whole).0.result, truth_whole, false);
            for at in 0..count {
                let (a, truth) = (&case.counts[at], case.truth[at]);
                get("count", &sum(a).0.result, truth, false);
                get("rate", &rate(a, 64_321).0.result, truth * 1000.0 / 64_321.0, false);
                let p = Pair { a: a.value, b: case.whole.value, ..case.parts[at] };
                let r = truth / truth_whole;
                let inside = |p: &Pair, r: f64| {
                    (p.a - r * p.b).powi(2)
                        <= z * z * (p.variance_a - 2.0 * r * p.covariance + r * r * p.variance_b)
                };
                if count > 1 {
                    let share = quotient(&p, 100.0, (0.0, 100.0), shown(a, &case.whole), What::Share);
                    get("share", &share, r * 100.0, inside(&p, r));
                    let next = (at + 1) % count;
                    let p = Pair { a: a.value, b: case.counts[next].value, ..case.neighbours[at] };
                    get(
                        "difference",
                        &difference(a, &case.counts[next], &p).0.result,
                        truth - case.truth[next],
                        false,
                    );
                    if case.truth[next] > 0.0 {
                        let r = truth / case.truth[next];
                        get("ratio", &ratio(a, &case.counts[next], &p).0.result, r, inside(&p, r));
                    }
                }
                let b = &case.earlier[at];
                let (row, _) = change(a, b);
                get("change", &row.result, truth - case.truth_earlier[at], false);
                if case.truth_earlier[at] > 0.0 {
                    let r = truth / case.truth_earlier[at];
                    let p = Pair {
                        a: a.value,
                        b: b.value,
                        variance_a: a.sd * a.sd,
                        variance_b: b.sd * b.sd,
                        covariance: 0.0,
                    };
                    get("relative", &row.relative.unwrap(), (r - 1.0) * 100.0, inside(&p, r));
                }
            }
        }
    }
    let mut kinds: BTreeMap<&str, Tally> = BTreeMap::new();
    for ((kind, table), tally) in tallies {
        if tally.releases.iter().all(|(_, all)| *all == 0) {
            continue;
        }
        let (rate, error) = tally.rate();
        println!("{kind:12} {table:44} {rate:.4} ± {error:.4}, open {}", tally.open);
        assert!(
            rate > 0.94 - 6.0 * error && rate < 0.96 + 6.0 * error,
            "{kind} of {table}: {rate} with a standard error of {error}"
        );
        let all = kinds.entry(kind).or_default();
        all.open += tally.open;
        all.releases.extend(tally.releases);
    }
    for (kind, tally) in kinds {
        let (rate, error) = tally.rate();
        println!("{kind:12} {rate:.4} ± {error:.4}, open {}", tally.open);
        assert!((0.94..0.96).contains(&rate), "{kind}: {rate}");
    }
}
