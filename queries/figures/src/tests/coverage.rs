//! Intervals cover the truth as often as they say, and the plan's errors are those that occur.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::city::City;
use crate::release::Measured;
use crate::release::joint::{Joint, interval};
use crate::release::plan;

const RUNS: u32 = 800;

/// Over 800 seeded runs, each key figure's coverage lies within 5.7 binomial standard deviations of 95 %: for fresh seeds a false alarm
/// over all 43 figures together has a probability below 1e-6. The mean over all figures is held to ± 1 percentage point: figures of
/// different themes are independent, so that its standard deviation is below 0.25 points even if all figures of a theme moved together.
///
/// The same runs check that the standard deviation that the plan promised is the one that occurs: the mean squared error over its
/// expected value has a standard deviation of √(2/800) = 0.05, so that ± 0.29 has the same false alarm.
#[test]
fn key_figures_are_covered_and_as_exact_as_planned() {
    let city = City::new();
    let mut random = ChaCha8Rng::seed_from_u64(20_230_101);
    let figures: Vec<_> = city.workload.figures.iter().filter(|figure| figure.theme.is_some()).collect();
    let mut covered = vec![0_u32; figures.len()];
    let mut squares = vec![0.0; figures.len()];
    let mut sds = vec![0.0; figures.len()];
    for _ in 0..RUNS {
        let measurement = city.measure(2023, &mut random);
        let joints: Vec<Joint> = city
            .checked
            .themes
            .iter()
            .zip(&measurement.themes)
            .map(|(checked, measured)| {
                let measured: Vec<Measured> = measured
                    .measured
                    .iter()
                    .map(|one| Measured {
                        form: measured.form,
                        from: None,
                        answer: None,
                        dims: one.dims.clone(),
                        sigma: one.sigma,
                        values: one.values.clone(),
                    })
                    .collect();
                Joint::new(checked.domain.clone(), checked.dims.clone(), &measured).unwrap()
            })
            .collect();
        for (index, figure) in figures.iter().enumerate() {
            let theme = city
                .workload
                .themes
                .iter()
                .position(|theme| Some(&theme.name) == figure.theme.as_ref())
                .unwrap();
            // The truth plays the display table's part: what a union of its cells adds up to.
            let union = joints[theme].union(&figure.cells, &city.truth[theme]).unwrap();
            let (low, high) = interval(union.value, union.sd);
            let truth = union.display as f64;
            covered[index] += u32::from(low <= truth && truth <= high);
            squares[index] += (union.value - truth).powi(2);
            sds[index] = union.sd;
        }
    }
    let runs = f64::from(RUNS);
    let bound = 5.7 * (0.95_f64 * 0.05 / runs).sqrt();
    for (index, figure) in figures.iter().enumerate() {
        let rate = f64::from(covered[index]) / runs;
        assert!((rate - 0.95).abs() < bound, "{}: {rate} of the intervals cover", figure.name);
        let ratio = squares[index] / runs / sds[index].powi(2);
        assert!(
            (ratio - 1.0).abs() < 0.29,
            "{}: the mean squared error is {ratio} of the planned variance",
            figure.name
        );
    }
    let mean = f64::from(covered.iter().sum::<u32>()) / runs / figures.len() as f64;
    assert!((mean - 0.95).abs() < 0.01, "{mean} of all intervals cover");
}

/// What `release plan` says of a table is what the published table has.
#[test]
fn the_plan_says_what_the_release_has() {
    let city = City::new();
    let planned = plan(&city.policy, &city.workload, 2023, super::city::RHO).unwrap();
    let release = city.release(2023, 3);
    for table in &release.tables {
        let promised = planned.tables.iter().find(|planned| planned.name == table.name).unwrap();
        assert!(
            (promised.sd / table.sd - 1.0).abs() < 1e-9,
            "{}: planned {}, published {}",
            table.name,
            promised.sd,
            table.sd
        );
        assert_eq!(promised.cells, table.rows.len(), "{}", table.name);
        for row in &table.rows {
            assert!(
                (row.high - row.low - 2.0 * promised.half_width).abs() < 0.03,
                "{}: an interval is not as wide as planned",
                table.name
            );
        }
    }
    assert!((release.rho - planned.rho).abs() < 1e-12);
}
