//! Tests over planning, reconstruction and display together.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
#![allow(clippy::needless_range_loop)] // matrices read better with indices

mod attack;
mod optimum;

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::Rho;

fn rho(value: f64) -> Rho {
    Rho::from_f64_up(value).unwrap()
}

/// All tables up to `ways` attributes with weight 1.
fn up_to(domain: &Domain, ways: u32) -> Workload {
    let masks = (0..1_u32 << domain.sizes().len()).filter(|mask| mask.count_ones() <= ways);
    Workload::new(domain.clone(), masks.map(|mask| (Marginal::from_mask(mask), 1.0)).collect()).unwrap()
}

fn planned(workload: &Workload) -> Plan {
    plan(workload, Objective::Sum).unwrap()
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random_range(0.0..1.0));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Rounded noise at σ ≥ 1: its variance is σ² + 1/12.
fn measure(
    domain: &Domain,
    truth: &[i64],
    marginal: &Marginal,
    sigma: f64,
    random: &mut ChaCha8Rng,
) -> Measured {
    noised(marginal, Form::Whole, &marginal_of(domain, truth, marginal), sigma, random)
}

fn noised(marginal: &Marginal, form: Form, exact: &[i64], sigma: f64, random: &mut ChaCha8Rng) -> Measured {
    let values = exact.iter().map(|v| v + (sigma * normal(random)).round() as i64).collect();
    Measured { marginal: marginal.clone(), form, sigma: (sigma * sigma + 1.0 / 12.0).sqrt(), values }
}

fn measure_plan(plan: &Plan, truth: &[i64], rho: Rho, random: &mut ChaCha8Rng) -> Reconstruction {
    let (domain, form) = (plan.domain(), plan.form());
    let measured: Vec<Measured> = plan
        .noise(rho)
        .unwrap()
        .iter()
        .map(|(marginal, noise)| {
            let exact = domain.encode(marginal, form, marginal_of(domain, truth, marginal)).unwrap();
            noised(marginal, form, &exact, noise.sigma(), random)
        })
        .collect();
    Reconstruction::new(domain.clone(), &measured).unwrap()
}

/// A skewed city: few big cells, many small ones.
fn city(domain: &Domain, persons: usize, random: &mut ChaCha8Rng) -> Vec<i64> {
    let mut truth = vec![0; domain.cells()];
    for _ in 0..persons {
        let cell = (random.random_range(0.0..1.0_f64).powi(3) * truth.len() as f64) as usize;
        truth[cell * 7919 % domain.cells()] += 1;
    }
    truth
}

#[test]
fn reference_values() {
    let domain = Domain::new(vec![15, 5, 2, 3]).unwrap();
    let budget = rho(0.31);
    for (ways, tables, equal, root_mean, worst) in [(3, 15, 4.92, 3.10, 3.15), (2, 11, 4.21, 2.93, 2.95)] {
        let workload = up_to(&domain, ways);
        assert_eq!(workload.tables().len(), tables);
        let split_equally = (tables as f64 / (2.0 * 0.31)).sqrt();
        assert!((split_equally - equal).abs() < 0.01);
        let plan = planned(&workload);
        let variances: Vec<f64> =
            workload.tables().iter().map(|(table, _)| plan.variance(table, budget).unwrap().mean).collect();
        let mean = (variances.iter().sum::<f64>() / tables as f64).sqrt();
        assert!((mean - root_mean).abs() < 0.006, "{ways}-way: {mean}");
        assert!((plan.objective() / 0.31 / tables as f64 - mean * mean).abs() < 1e-9);
        let highest = variances.iter().copied().fold(0.0, f64::max).sqrt();
        assert!(highest >= worst - 0.006, "{ways}-way: {highest}");
        // The plan made for the worst table.
        let even = super::plan(&workload, Objective::Largest).unwrap();
        let of = |table: &Marginal| even.variance(table, budget).unwrap().largest.sqrt();
        let highest = workload.tables().iter().map(|(table, _)| of(table)).fold(0.0, f64::max);
        assert!((highest - worst).abs() < 0.006, "{ways}-way: {highest}");
    }
    // 16 × 5 × 3 × 3, up to two ways, ρ = 0.02: equal split 16.58, optimum 12.07 (mean over tables).
    let workload = up_to(&Domain::new(vec![16, 5, 3, 3]).unwrap(), 2);
    let plan = planned(&workload);
    let sds = workload.tables().iter().map(|(table, _)| plan.variance(table, rho(0.02)).unwrap().mean.sqrt());
    let mean = sds.sum::<f64>() / 11.0;
    assert!((mean - 12.07).abs() < 0.01, "{mean}");
}

/// The closed form of the optimum over all Gaussian mechanisms is a lower bound, reached when no
/// precision had to be clipped.
#[test]
fn uniform_weights_reach_the_optimum_of_all_mechanisms() {
    for (sizes, ways) in
        [(vec![15, 5, 2, 3], 3), (vec![15, 5, 2, 3], 2), (vec![4, 4, 4], 1), (vec![6, 1, 2], 2)]
    {
        let domain = Domain::new(sizes).unwrap();
        let workload = up_to(&domain, ways);
        assert!((planned(&workload).objective() / bound(&workload) - 1.0).abs() < 1e-9);
    }
}

/// (Σ √(v d))² / 2, computed part by part from its definition with dense projections on unit tables.
fn bound(workload: &Workload) -> f64 {
    let domain = workload.domain();
    let parts = 1 << domain.sizes().len();
    let squares = |table: Vec<f64>| {
        let mut sums = vec![0.0; parts];
        // The component that varies with exactly these attributes, by averaging over the others and taking away what varies with fewer.
        for part in 0..parts {
            let mut component = table.clone();
            for (attribute, size) in domain.sizes().iter().enumerate() {
                let after: usize = domain.sizes()[attribute + 1..].iter().product();
                let averaged: Vec<f64> = (0..component.len())
                    .map(|cell| {
                        let first = cell - cell / after % size * after;
                        (0..*size).map(|value| component[first + value * after]).sum::<f64>() / *size as f64
                    })
                    .collect();
                for (own, mean) in component.iter_mut().zip(averaged) {
                    *own = if part >> attribute & 1 == 1 { *own - mean } else { mean };
                }
            }
            sums[part] = component.iter().map(|value| value * value).sum();
        }
        sums
    };
    let mut cell = vec![0.0; domain.cells()];
    cell[0] = 1.0;
    let prices = squares(cell);
    let mut weights = vec![0.0; parts];
    for (table, weight) in workload.tables() {
        let query = LinearQuery::cell(domain, table, &vec![0; table.attributes().len()]).unwrap();
        for (sum, square) in weights.iter_mut().zip(squares(
            query
                .plus(0.0, &LinearQuery::new(domain, vec![0.0; domain.cells()]).unwrap())
                .coefficients()
                .to_vec(),
        )) {
            *sum += weight * square;
        }
    }
    weights.iter().zip(&prices).map(|(v, d)| (v * d).sqrt()).sum::<f64>().powi(2) / 2.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever the workload: every wanted table is determined, the plan beats measuring each table
    /// with an equal split, is near the bound of all mechanisms, and costs what it says.
    #[test]
    fn plans_are_good(
        sizes in prop::collection::vec(1..6_usize, 1..5),
        picks in prop::collection::vec((0..16_u32, 0.1..10.0_f64), 1..8),
    ) {
        let domain = Domain::new(sizes).unwrap();
        let all = (1 << domain.sizes().len()) - 1;
        let tables: Vec<_> = picks.iter().map(|(mask, w)| (Marginal::from_mask(*mask & all), *w)).collect();
        let workload = Workload::new(domain, tables).unwrap();
        let plan = planned(&workload);
        let sum: f64 = workload.tables().iter().map(|(table, weight)| weight * plan.variance(table, rho(1.0)).unwrap().mean).sum();
        prop_assert!((sum / plan.objective() - 1.0).abs() < 1e-6, "what is measured reaches what was planned: {sum}");
        prop_assert!((plan.measured().iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
        let least = bound(&workload);
        prop_assert!((plan.objective() / least - 1.0).abs() < 1e-9, "{} {least}", plan.objective());
        let weights: f64 = picks.iter().map(|(_, w)| w).sum();
        prop_assert!(plan.objective() <= weights * picks.len() as f64 / 2.0 * (1.0 + 1e-9));
        let noise = plan.noise(rho(0.31)).unwrap();
        prop_assert!(noise.iter().map(|(_, noise)| noise.rho()).sum::<Rho>() <= rho(0.31));
        // The largest variance is the least that any plan has: no weights prove more, and none of the two plans beats the other.
        let even = super::plan(&workload, Objective::Largest).unwrap();
        let worst = |plan: &Plan| {
            let of = |(table, weight): &(Marginal, f64)| weight * plan.variance(table, rho(1.0)).unwrap().largest;
            workload.tables().iter().map(of).fold(0.0, f64::max)
        };
        prop_assert!((worst(&even) / even.objective() - 1.0).abs() < 1e-5);
        prop_assert!(worst(&even) <= worst(&plan) * (1.0 + 1e-6));
        prop_assert!(even.objective() >= least / picks.len() as f64 * (1.0 - 1e-6));
    }

    #[test]
    fn splits_never_exceed(objectives in prop::collection::vec(0.0..1e6_f64, 0..6), nano in 0..1_000_000_000_u64) {
        let whole = Rho::from_nano(nano);
        let parts = split(&objectives, Objective::Sum, whole);
        prop_assert_eq!(parts.len(), objectives.len());
        prop_assert!(parts.into_iter().sum::<Rho>() <= whole);
    }
}

#[test]
fn split_follows_the_roots() {
    assert_eq!(split(&[4.0, 1.0], Objective::Sum, rho(0.3)), [rho(0.2), rho(0.1)]);
    let halves = split(&[9.0, 16.0], Objective::Sum, rho(0.7));
    let cost = |first: f64| 9.0 / first + 16.0 / (0.7 - first);
    let least = cost(halves[0].as_f64());
    assert!(least <= cost(0.25) && least <= cost(0.35));
}

/// Least squares by elimination on the normal equations, sharing no code with the reconstruction.
#[test]
fn equals_a_dense_least_squares_solve() {
    let domain = Domain::new(vec![3, 2, 4]).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let truth = city(&domain, 500, &mut random);
    let measured: Vec<Measured> =
        [(vec![0, 1, 2], 9.0), (vec![0], 1.5), (vec![1, 2], 3.0), (vec![], 2.0), (vec![0], 4.0)]
            .into_iter()
            .map(|(attributes, sigma)| {
                measure(&domain, &truth, &Marginal::new(attributes), sigma, &mut random)
            })
            .collect();
    let n = domain.cells();
    // [normal matrix | right side | identity]
    let mut rows = vec![vec![0.0; 2 * n + 1]; n];
    for one in &measured {
        let kept = one.marginal.attributes();
        let digits = |cell: usize| [cell / 8, cell / 4 % 2, cell % 4];
        let sizes = [3, 2, 4];
        let index = |cell: usize| kept.iter().fold(0, |at, a| at * sizes[*a] + digits(cell)[*a]);
        for i in 0..n {
            for j in 0..n {
                if index(i) == index(j) {
                    rows[i][j] += 1.0 / (one.sigma * one.sigma);
                }
            }
            rows[i][n] += one.values[index(i)] as f64 / (one.sigma * one.sigma);
        }
    }
    for (i, row) in rows.iter_mut().enumerate() {
        row[n + 1 + i] = 1.0;
    }
    for pivot in 0..n {
        let lead = rows[pivot][pivot];
        rows[pivot].iter_mut().for_each(|v| *v /= lead);
        let source = rows[pivot].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != pivot) {
            let factor = row[pivot];
            row.iter_mut().zip(&source).for_each(|(v, s)| *v -= factor * s);
        }
    }
    let result = Reconstruction::new(domain.clone(), &measured).unwrap();
    let full = result.marginal(&Marginal::new([0, 1, 2])).unwrap();
    for i in 0..n {
        assert!((full[i].value - rows[i][n]).abs() < 1e-8);
        assert!((full[i].sd - rows[i][n + 1 + i].sqrt()).abs() < 1e-8);
    }
    // Any two queries: values and covariance through the inverse.
    for _ in 0..20 {
        let mut any = || (0..n).map(|_| random.random_range(-2.0..2.0_f64)).collect::<Vec<_>>();
        let (a, b) = (any(), any());
        let (left, right) =
            (LinearQuery::new(&domain, a.clone()).unwrap(), LinearQuery::new(&domain, b.clone()).unwrap());
        let value: f64 = (0..n).map(|i| a[i] * rows[i][n]).sum();
        let covariance: f64 =
            (0..n).map(|i| (0..n).map(|j| a[i] * rows[i][n + 1 + j] * b[j]).sum::<f64>()).sum();
        let estimate = result.estimate(&left).unwrap();
        assert!((estimate.value - value).abs() < 1e-7);
        assert!((result.covariance(&left, &right).unwrap() - covariance).abs() < 1e-8);
        assert!((result.covariance(&left, &left).unwrap().sqrt() - estimate.sd).abs() < 1e-10);
        // All errors together, from independent ones: the unit draws span the same covariance.
        let joint = result.joint(&[left, right]).unwrap();
        assert!((joint.estimates[0].value - value).abs() < 1e-7);
        let mut together = 0.0;
        for at in 0..joint.dimensions() {
            let mut unit = vec![0.0; joint.dimensions()];
            unit[at] = 1.0;
            let errors = joint.errors(&unit);
            together += errors[0] * errors[1];
        }
        assert!((together - covariance).abs() < 1e-8);
    }
}

#[test]
fn a_cell_as_a_query_and_in_its_marginal_agree() {
    let domain = Domain::new(vec![4, 3, 2]).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let truth = city(&domain, 300, &mut random);
    let result = measure_plan(&planned(&up_to(&domain, 2)), &truth, rho(0.1), &mut random);
    let table = Marginal::new([0, 2]);
    let cells = result.marginal(&table).unwrap();
    for (at, cell) in cells.iter().enumerate() {
        let query = LinearQuery::cell(&domain, &table, &[at / 2, at % 2]).unwrap();
        let estimate = result.estimate(&query).unwrap();
        assert!((estimate.value - cell.value).abs() < 1e-9 && (estimate.sd - cell.sd).abs() < 1e-9);
    }
    // Sums of unbiased tables agree, and a union's interval is not the sum of the cells'.
    let total = result.estimate(&LinearQuery::total()).unwrap();
    assert!((cells.iter().map(|c| c.value).sum::<f64>() - total.value).abs() < 1e-8);
    let union = LinearQuery::union(&domain, &[(0, vec![1, 3]), (2, vec![0])]).unwrap();
    let two = result.estimate(&union).unwrap();
    assert!((two.value - cells[2].value - cells[6].value).abs() < 1e-9);
    let difference = LinearQuery::cell(&domain, &table, &[1, 0])
        .unwrap()
        .plus(-1.0, &LinearQuery::cell(&domain, &table, &[3, 0]).unwrap());
    let gap = result.estimate(&difference).unwrap();
    assert!((two.sd.powi(2) + gap.sd.powi(2) - 4.0 * cells[0].sd.powi(2)).abs() < 1e-8, "parallelogram");
}

#[test]
fn what_was_not_measured_is_not_answered() {
    let domain = Domain::new(vec![3, 2, 2]).unwrap();
    let measured =
        Measured { marginal: Marginal::new([0, 1]), form: Form::Whole, sigma: 2.0, values: vec![5; 6] };
    let result = Reconstruction::new(domain.clone(), &[measured]).unwrap();
    assert!(result.marginal(&Marginal::new([0])).is_some());
    assert!(result.marginal(&Marginal::new([2])).is_none());
    assert!(result.marginal(&Marginal::new([7])).is_none());
    let hidden = LinearQuery::cell(&domain, &Marginal::new([2]), &[0]).unwrap();
    assert!(result.estimate(&hidden).is_none());
    assert!(result.covariance(&hidden, &LinearQuery::total()).is_none());
    assert_eq!(result.estimate(&LinearQuery::total()).unwrap().value.round() as i64, 30);
}

#[test]
fn wrong_inputs_are_refused() {
    let domain = Domain::new(vec![3, 2]).unwrap();
    let one = |attributes: Vec<usize>, sigma: f64, count: usize| {
        let measured = Measured {
            marginal: Marginal::new(attributes),
            form: Form::Whole,
            sigma,
            values: vec![0; count],
        };
        Reconstruction::new(domain.clone(), &[measured])
    };
    assert!(one(vec![0], 1.0, 3).is_ok());
    assert!(one(vec![0], 1.0, 2).unwrap_err().to_string().contains("3 cells"));
    assert!(one(vec![5], 1.0, 1).is_err());
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-200] {
        assert!(one(vec![0], sigma, 3).is_err(), "{sigma}");
    }
    assert!(Reconstruction::new(domain.clone(), &[]).is_err());
    assert!(LinearQuery::new(&domain, vec![1.0; 5]).is_err());
    assert!(LinearQuery::new(&domain, vec![f64::NAN; 6]).is_err());
    assert!(LinearQuery::cell(&domain, &Marginal::new([0]), &[3]).is_err());
    assert!(LinearQuery::cell(&domain, &Marginal::new([0]), &[1, 1]).is_err());
}

/// Simulated squared errors against the predicted variance, with a fixed seed: it either always
/// passes or always fails. The bounds are 6 standard errors, so another seed would fail with a chance
/// below 1e-6.
#[test]
fn simulated_errors_match_the_prediction() {
    let domain = Domain::new(vec![5, 3, 2]).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(2024);
    let truth = city(&domain, 400, &mut random);
    let workload = up_to(&domain, 2);
    let plan = planned(&workload);
    let budget = rho(0.02);
    let runs = 400;
    let mut squares = vec![0.0; workload.tables().len()];
    for _ in 0..runs {
        let result = measure_plan(&plan, &truth, budget, &mut random);
        for ((table, _), sum) in workload.tables().iter().zip(&mut squares) {
            let exact = marginal_of(&domain, &truth, table);
            // One cell a table: the draws are independent between runs.
            let cell = exact.len() / 2;
            *sum += (result.marginal(table).unwrap()[cell].value - exact[cell] as f64).powi(2);
        }
    }
    for ((table, _), sum) in workload.tables().iter().zip(squares) {
        let predicted = plan.variance(table, budget).unwrap().mean;
        let ratio = sum / f64::from(runs) / predicted;
        let error = (2.0 / f64::from(runs)).sqrt();
        // Rounding the simulated noise adds a little to what is predicted.
        assert!((ratio - 1.0).abs() < 6.0 * error + 0.01, "{:?}: {ratio}", table.attributes());
    }
}

#[test]
fn display_is_whole_non_negative_and_closer_than_clipping() {
    let domain = Domain::new(vec![15, 5, 2, 3]).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(99);
    let truth = city(&domain, 2_000, &mut random);
    let workload = up_to(&domain, 3);
    let plan = planned(&workload);
    let result = measure_plan(&plan, &truth, rho(0.0882), &mut random);
    let table = display(&result).unwrap();
    assert!(table.iter().all(|v| *v >= 0));
    assert_eq!(table, display(&result).unwrap(), "determined");
    let (mut shown, mut clipped, mut unbiased) = (0.0, 0.0, 0.0);
    for (marginal, _) in workload.tables().iter().filter(|(m, _)| m.attributes().len() == 3) {
        let exact = marginal_of(&domain, &truth, marginal);
        let display = marginal_of(&domain, &table, marginal);
        for ((e, d), u) in exact.iter().zip(display).zip(result.marginal(marginal).unwrap()) {
            shown += ((e - d) as f64).powi(2);
            clipped += (*e as f64 - u.value.max(0.0)).powi(2);
            unbiased += (*e as f64 - u.value).powi(2);
        }
    }
    assert!(shown < clipped && clipped < unbiased, "{shown} {clipped} {unbiased}");
    // Sums agree, whichever way they are taken.
    let by_district = marginal_of(&domain, &table, &Marginal::new([0]));
    assert_eq!(by_district.iter().sum::<i64>(), table.iter().sum::<i64>());
}

/// Without noise to speak of the display is the truth.
#[test]
fn display_of_precise_measurements_is_the_truth() {
    let domain = Domain::new(vec![6, 4, 2]).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let truth = city(&domain, 900, &mut random);
    let full = Marginal::new([0, 1, 2]);
    let measured = Measured { marginal: full.clone(), form: Form::Whole, sigma: 0.1, values: truth.clone() };
    let result = Reconstruction::new(domain, &[measured]).unwrap();
    assert_eq!(display(&result).unwrap(), truth);
}

#[test]
fn rounding_keeps_the_groups_sums() {
    // 30 cells of about 0.3 in each of 4 groups: all of one group rounded down would show 0 for 9.
    let domain = Domain::new(vec![4, 30]).unwrap();
    let result = Reconstruction::new(
        domain.clone(),
        &[
            Measured {
                marginal: Marginal::new([0]),
                form: Form::Whole,
                sigma: 1.0,
                values: vec![9, 9, 9, 8],
            },
            Measured { marginal: Marginal::new([1]), form: Form::Whole, sigma: 50.0, values: vec![1; 30] },
        ],
    )
    .unwrap();
    let table = display(&result).unwrap();
    let groups = marginal_of(&domain, &table, &Marginal::new([0]));
    assert!(groups.iter().zip([9, 9, 9, 8]).all(|(shown, fit)| (shown - fit).abs() <= 1), "{groups:?}");
}

#[test]
fn nothing_but_noise_below_zero_shows_nothing() {
    let domain = Domain::new(vec![3, 2]).unwrap();
    let measured =
        Measured { marginal: Marginal::new([0, 1]), form: Form::Whole, sigma: 4.0, values: vec![-3; 6] };
    assert_eq!(display(&Reconstruction::new(domain, &[measured]).unwrap()).unwrap(), [0; 6]);
}
