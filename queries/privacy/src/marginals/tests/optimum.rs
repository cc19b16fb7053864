//! Plans against a solver that knows nothing of parts: dense matrices and the singular value bound.

use nalgebra::DMatrix;

use super::*;
use crate::marginals::{Attribute, Kind, strategy};

/// The rows that a table asks, over all cells of the domain.
pub(super) fn rows(domain: &Domain, table: &Marginal) -> DMatrix<f64> {
    let per_attribute = |attribute: usize| {
        let size = domain.sizes()[attribute];
        if !table.attributes().contains(&attribute) {
            return DMatrix::from_element(1, size, 1.0);
        }
        match domain.attributes()[attribute].kind() {
            Kind::Nominal | Kind::Several { .. } => DMatrix::identity(size, size),
            Kind::Ranges(_) => strategy::ranges(size),
            Kind::Prefixes(_) => strategy::prefixes(size),
        }
    };
    (0..domain.sizes().len())
        .fold(DMatrix::identity(1, 1), |all, attribute| all.kronecker(&per_attribute(attribute)))
}

/// (tr √(WᵀW))²/N / 2ρ: no mechanism of this kind does better (Li, Miklau, "Optimal error of query sets under the
/// differentially-private matrix mechanism", ICDT 2013). It is reached where the root has a constant diagonal, as it has for
/// marginals of single values.
fn singular_value_bound(workload: &Workload) -> f64 {
    let domain = workload.domain();
    let cells = domain.cells();
    let mut squared = DMatrix::zeros(cells, cells);
    for (table, weight) in workload.tables() {
        let asked = rows(domain, table);
        squared += asked.transpose() * &asked * (weight / asked.nrows() as f64);
    }
    let trace: f64 = squared.symmetric_eigenvalues().iter().map(|value| value.max(0.0).sqrt()).sum();
    trace * trace / cells as f64 / 2.0
}

/// The mean variances, weighted, of a plan's own measurements, by dense least squares over what `encode` really measures.
fn dense_objective(plan: &Plan, workload: &Workload) -> f64 {
    let domain = plan.domain();
    let inverse = strategy::pseudo_inverse(&information(domain, &plan_sigmas(plan)));
    let of = |(table, weight): &(Marginal, f64)| {
        let asked = rows(domain, table);
        weight * (&asked * &inverse * asked.transpose()).trace() / asked.nrows() as f64
    };
    workload.tables().iter().map(of).sum()
}

/// σ of each measurement at ρ = 1, in plain numbers.
pub(super) fn plan_sigmas(plan: &Plan) -> Vec<(Marginal, Form, f64)> {
    let sigma = |(marginal, share): &(Marginal, f64)| {
        let squared = plan.domain().sensitivity_squared(marginal, plan.form()).unwrap() as f64;
        (marginal.clone(), plan.form(), (squared / (2.0 * share)).sqrt())
    };
    plan.measured().iter().map(sigma).collect()
}

/// What is measured, a column a cell of the domain: as the code that measures does it, one unit at a time.
pub(super) fn design(domain: &Domain, marginal: &Marginal, form: Form) -> DMatrix<f64> {
    let columns: Vec<Vec<i64>> = (0..domain.cells())
        .map(|cell| {
            let mut unit = vec![0; domain.cells()];
            unit[cell] = 1;
            domain.encode(marginal, form, marginal_of(domain, &unit, marginal)).unwrap()
        })
        .collect();
    DMatrix::from_fn(columns[0].len(), columns.len(), |i, j| columns[j][i] as f64)
}

pub(super) fn information(domain: &Domain, measured: &[(Marginal, Form, f64)]) -> DMatrix<f64> {
    let mut information = DMatrix::zeros(domain.cells(), domain.cells());
    for (marginal, form, sigma) in measured {
        let design = design(domain, marginal, *form);
        information += design.transpose() * &design / (sigma * sigma);
    }
    information
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the sizes and the weights: the plan reaches the least that any Gaussian mechanism can do, by dense matrices alone.
    #[test]
    fn plans_reach_the_bound_on_all_mechanisms(
        sizes in prop::collection::vec(1..5_usize, 1..4),
        picks in prop::collection::vec((0..8_u32, 0.1..10.0_f64), 1..7),
    ) {
        let domain = Domain::new(sizes).unwrap();
        let all = (1 << domain.sizes().len()) - 1;
        let tables = picks.iter().map(|(mask, weight)| (Marginal::from_mask(*mask & all), *weight)).collect();
        let workload = Workload::new(domain, tables).unwrap();
        let plan = planned(&workload);
        prop_assert!((plan.objective() / singular_value_bound(&workload) - 1.0).abs() < 1e-6);
        prop_assert!((dense_objective(&plan, &workload) / plan.objective() - 1.0).abs() < 1e-6);
    }
}

/// Attributes with an order: what is planned is what dense least squares finds, near the bound on all mechanisms, and better than
/// taking the single values and adding them up.
#[test]
fn orders_are_used() {
    let two_way = |attributes: Vec<Attribute>| {
        let domain = Domain::of(attributes).unwrap();
        let masks = (0..1_u32 << domain.sizes().len()).filter(|mask| domain.always() & !mask == 0);
        Workload::new(domain.clone(), masks.map(|mask| (Marginal::from_mask(mask), 1.0)).collect()).unwrap()
    };
    for (attributes, above) in [
        (vec![Attribute::ranges(8).unwrap()], 1.1),
        (vec![Attribute::nominal(3), Attribute::ranges(6).unwrap()], 1.1),
        (vec![Attribute::ranges(3).unwrap(), Attribute::ranges(4).unwrap(), Attribute::nominal(2)], 1.1),
        (vec![Attribute::prefixes(12).unwrap()], 1.15),
        (vec![Attribute::nominal(3), Attribute::prefixes(6).unwrap(), Attribute::nominal(2)], 1.15),
    ] {
        let workload = two_way(attributes);
        let plan = planned(&workload);
        let (dense, bound) = (dense_objective(&plan, &workload), singular_value_bound(&workload));
        assert!((dense / plan.objective() - 1.0).abs() < 1e-3, "{dense} {}", plan.objective());
        assert!(dense >= bound * (1.0 - 1e-9) && dense < bound * above, "{} of the bound", dense / bound);
        // The same tables of single values.
        let single = Domain::new(workload.domain().sizes().to_vec()).unwrap();
        let simple =
            plan_sigmas(&planned(&Workload::new(single.clone(), workload.tables().to_vec()).unwrap()));
        let inverse = strategy::pseudo_inverse(&information(&single, &simple));
        let of = |(table, weight): &(Marginal, f64)| {
            let asked = rows(workload.domain(), table);
            weight * (&asked * &inverse * asked.transpose()).trace() / asked.nrows() as f64
        };
        let added_up: f64 = workload.tables().iter().map(of).sum();
        assert!(dense < added_up, "{dense} {added_up}");
    }
}

/// Everything that can be measured, in one reconstruction, against the pseudo-inverse: values, variances and covariances.
#[test]
fn any_measurements_combine_as_dense_least_squares_does() {
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let cases = [
        (
            vec![Attribute::nominal(3), Attribute::ranges(4).unwrap(), Attribute::nominal(1)],
            vec![
                (vec![0], Form::Whole),
                (vec![], Form::Whole),
                (vec![1], Form::Apart),
                (vec![0, 1], Form::Apart),
                (vec![0], Form::Apart),
            ],
        ),
        (
            vec![Attribute::prefixes(4).unwrap(), Attribute::nominal(2), Attribute::nominal(3)],
            vec![
                (vec![0, 1], Form::Whole),
                (vec![0, 2], Form::Apart),
                (vec![0, 1, 2], Form::Whole),
                (vec![0], Form::Apart),
            ],
        ),
        (
            vec![Attribute::several(3, 8, 13).unwrap(), Attribute::nominal(3)],
            vec![(vec![0], Form::Whole), (vec![0, 1], Form::Whole), (vec![0, 1], Form::Apart)],
        ),
    ];
    for (attributes, measurements) in cases {
        let domain = Domain::of(attributes).unwrap();
        let parts_of_a_unit = domain.attributes().iter().find_map(|attribute| match attribute.kind() {
            Kind::Several { unit, .. } => Some(*unit as f64),
            _ => None,
        });
        let unit = parts_of_a_unit.unwrap_or(1.0);
        let measured: Vec<Measured> = measurements
            .iter()
            .map(|(attributes, form)| {
                let marginal = Marginal::new(attributes.iter().copied());
                let count = domain.measured_values(&marginal);
                let values = (0..count).map(|_| random.random_range(-900..900)).collect();
                Measured { marginal, form: *form, sigma: random.random_range(1.0..9.0), values }
            })
            .collect();
        let sigmas: Vec<_> = measured.iter().map(|one| (one.marginal.clone(), one.form, one.sigma)).collect();
        // What is measured of whole units, in parts of them.
        let inverse = strategy::pseudo_inverse(&(information(&domain, &sigmas) * unit * unit));
        let mut right = DMatrix::zeros(domain.cells(), 1);
        for one in &measured {
            let values = DMatrix::from_fn(one.values.len(), 1, |i, _| one.values[i] as f64);
            right += design(&domain, &one.marginal, one.form).transpose() * values * unit
                / (one.sigma * one.sigma);
        }
        let found = Reconstruction::new(domain.clone(), &measured).unwrap();
        let dense = &inverse * right;
        let query = |random: &mut ChaCha8Rng| {
            // Within what is measured: rows of what was measured, mixed.
            let one = &measured[random.random_range(0..measured.len())];
            let design = design(&domain, &one.marginal, one.form);
            let mixed: Vec<f64> = (0..design.nrows()).map(|_| random.random_range(-2.0..2.0)).collect();
            (DMatrix::from_row_slice(1, design.nrows(), &mixed) * design)
                .iter()
                .copied()
                .collect::<Vec<f64>>()
        };
        for _ in 0..20 {
            let (a, b) = (query(&mut random), query(&mut random));
            let row = |values: &[f64]| DMatrix::from_row_slice(1, values.len(), values);
            let (left, other) = (
                LinearQuery::new(&domain, a.clone()).unwrap(),
                LinearQuery::new(&domain, b.clone()).unwrap(),
            );
            let estimate = found.estimate(&left).expect("within what was measured");
            let (value, variance) = ((row(&a) * &dense)[0], (row(&a) * &inverse * row(&a).transpose())[0]);
            // The dense matrix has a condition number of 10¹⁰.
            assert!(
                (estimate.value - value).abs() < 1e-5 * (1.0 + value.abs()),
                "{} {value}",
                estimate.value
            );
            assert!((estimate.sd.powi(2) / variance - 1.0).abs() < 1e-5);
            let covariance = (row(&a) * &inverse * row(&b).transpose())[0];
            assert!((found.covariance(&left, &other).unwrap() - covariance).abs() < 1e-5 * variance.max(1.0));
        }
    }
}

/// Nobody can plan a smaller ρ for these half-widths: the bound is proved by the weights that the search ended with, and halving
/// any limit needs more.
#[test]
fn the_least_price_of_wanted_variances() {
    let domain = Domain::new(vec![15, 5, 2]).unwrap();
    let limits = vec![(Marginal::new([0]), 9.0), (Marginal::new([0, 1]), 25.0), (Marginal::new([2]), 4.0)];
    let (plan, needed) = least_rho(&domain, &limits).unwrap();
    let at = rho(needed);
    for (table, limit) in &limits {
        assert!(plan.variance(table, at).unwrap().largest <= limit * (1.0 + 1e-6));
    }
    // No table by itself can be had for more than all of them together.
    for one in &limits {
        assert!(least_rho(&domain, std::slice::from_ref(one)).unwrap().1 <= needed * (1.0 + 1e-6));
    }
    let mut tighter = limits.clone();
    tighter[0].1 = 4.5;
    assert!(least_rho(&domain, &tighter).unwrap().1 > needed * 1.01);
    // One table: its own noise, 1/(2ρ).
    let (_, alone) = least_rho(&domain, &[(Marginal::new([0]), 9.0)]).unwrap();
    assert!((alone - 1.0 / 18.0).abs() < 1e-6, "{alone}");
}

/// 1,977 persons, as Uteseksjonen met in 2023, with shares like the published ones: 52, 36 and 12 % by belonging, 60 % under 25,
/// two thirds men, and districts as uneven as they are. Made up.
fn uneven_city(random: &mut ChaCha8Rng) -> Vec<i64> {
    let shares: [&[f64]; 4] = [
        &[14.0, 13.0, 6.0, 5.0, 5.0, 3.0, 2.0, 2.0, 7.0, 7.0, 7.0, 9.0, 6.0, 6.0, 8.0],
        &[1.0, 24.0, 35.0, 36.0, 4.0],
        &[67.0, 33.0],
        &[52.0, 36.0, 12.0],
    ];
    let mut truth = vec![0; 450];
    for _ in 0..1_977 {
        let cell = shares.iter().fold(0, |cell, shares| {
            let mut left = random.random_range(0.0..shares.iter().sum::<f64>());
            let value = shares.iter().position(|share| {
                left -= share;
                left < 0.0
            });
            cell * shares.len() + value.unwrap_or(0)
        });
        truth[cell] += 1;
    }
    truth
}

/// Four attributes, 15 × 5 × 2 × 3, all tables up to three ways at ρ = 0.31: what the product promises beside equal split.
#[test]
fn against_equal_split_in_the_same_run() {
    let domain = Domain::new(vec![15, 5, 2, 3]).unwrap();
    let workload = up_to(&domain, 3);
    let budget = rho(0.31);
    let plan = planned(&workload);
    let mut random = ChaCha8Rng::seed_from_u64(31);
    let (mut equal, mut unbiased, mut shown, mut count) = (0.0, 0.0, 0.0, 0.0);
    let each = (workload.tables().len() as f64 / (2.0 * 0.31)).sqrt();
    for _ in 0..8 {
        let truth = uneven_city(&mut random);
        let found = measure_plan(&plan, &truth, budget, &mut random);
        let display = display(&found).unwrap();
        for (table, _) in workload.tables() {
            let exact = marginal_of(&domain, &truth, table);
            let estimates = found.marginal(table).unwrap();
            let display = marginal_of(&domain, &display, table);
            for ((exact, estimate), display) in exact.iter().zip(estimates).zip(display) {
                equal += (each * normal(&mut random)).powi(2);
                unbiased += (estimate.value - *exact as f64).powi(2);
                shown += ((display - exact) as f64).powi(2);
            }
            count += exact.len() as f64;
        }
    }
    let root = |sum: f64| (sum / count).sqrt();
    println!("equal split {:.3}, optimum {:.3}, display {:.3}", root(equal), root(unbiased), root(shown));
    assert!(root(unbiased) <= 0.65 * root(equal));
    assert!(root(shown) <= 0.55 * root(equal));
}

/// Ten thousand runs: the mean squared error over the workload is what was planned, to 2 %; over about 10,000 × 80 cells that are
/// partly dependent its standard error is below 0.3 %. Every table by itself is within six of its own standard errors.
#[test]
fn ten_thousand_runs_have_the_planned_error() {
    let domain = Domain::new(vec![4, 3, 3, 2]).unwrap();
    let workload = up_to(&domain, 2);
    let (plan, budget, runs) = (planned(&workload), rho(0.02), 10_000);
    let mut random = ChaCha8Rng::seed_from_u64(10_000);
    let truth = city(&domain, 900, &mut random);
    let exact: Vec<Vec<i64>> =
        workload.tables().iter().map(|(table, _)| marginal_of(&domain, &truth, table)).collect();
    let mut squares = vec![0.0; workload.tables().len()];
    for _ in 0..runs {
        let found = measure_plan(&plan, &truth, budget, &mut random);
        for (((table, _), exact), sum) in workload.tables().iter().zip(&exact).zip(&mut squares) {
            let errors = found.marginal(table).unwrap().into_iter().zip(exact);
            *sum += errors.map(|(e, x)| (e.value - *x as f64).powi(2)).sum::<f64>() / exact.len() as f64;
        }
    }
    let mut all = (0.0, 0.0);
    for ((table, _), sum) in workload.tables().iter().zip(squares) {
        let (seen, predicted) = (sum / f64::from(runs), plan.variance(table, budget).unwrap().mean);
        assert!(
            (seen / predicted - 1.0).abs() < 6.0 * (2.0 / f64::from(runs)).sqrt(),
            "{:?}",
            table.attributes()
        );
        all = (all.0 + seen, all.1 + predicted);
    }
    assert!((all.0 / all.1 - 1.0).abs() < 0.02, "{all:?}");
}

/// More cells than are fitted one by one: whole, not negative, the same every time, and nearer than the unbiased values.
#[test]
fn large_tables_are_displayed_by_made_up_units() {
    let domain = Domain::new(vec![12, 8, 6, 5, 4]).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(12);
    let truth = city(&domain, 1_500, &mut random);
    let workload = up_to(&domain, 2);
    let plan = planned(&workload);
    let found = measure_plan(&plan, &truth, rho(0.1), &mut random);
    let table = display(&found).unwrap();
    assert_eq!(table, display(&found).unwrap());
    assert!(table.iter().all(|value| *value >= 0));
    let total = found.estimate(&LinearQuery::total()).unwrap().value;
    assert_eq!(table.iter().sum::<i64>(), total.round() as i64);
    let (mut shown, mut unbiased) = (0.0, 0.0);
    for (marginal, _) in workload.tables() {
        let exact = marginal_of(&domain, &truth, marginal);
        let estimates = found.marginal(marginal).unwrap();
        for ((exact, shown_value), estimate) in
            exact.iter().zip(marginal_of(&domain, &table, marginal)).zip(estimates)
        {
            shown += ((shown_value - exact) as f64).powi(2);
            unbiased += (estimate.value - *exact as f64).powi(2);
        }
    }
    assert!(shown < unbiased, "{shown} {unbiased}");
    // Nobody: nothing to show.
    let nobody =
        Measured { marginal: Marginal::new([0, 1]), form: Form::Whole, sigma: 4.0, values: vec![-3; 96] };
    assert!(
        display(&Reconstruction::new(domain, &[nobody]).unwrap()).unwrap().iter().all(|value| *value == 0)
    );
}
