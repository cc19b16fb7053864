//! What an opponent would try: one unit more or less, whatever the attributes; and plans, strategies and measurements that do not fit.

use nalgebra::DMatrix;
use proptest::strategy::{Strategy as Made, ValueTree};

use super::optimum::{design, information, plan_sigmas, rows};
use super::*;
use crate::bounding;
use crate::marginals::{Attribute, Kind, strategy};

/// Sizes, kinds and what one unit counts for in several values; at most one attribute is of those.
fn attributes() -> impl Made<Value = Vec<Attribute>> {
    let plain = prop_oneof![
        (1..5_usize).prop_map(Attribute::nominal),
        (2..6_usize).prop_map(|size| Attribute::ranges(size).unwrap()),
        (1..6_usize).prop_map(|size| Attribute::prefixes(size).unwrap()),
    ];
    let several = (1..5_usize, 1..40_u64, 0..60_u64)
        .prop_map(|(size, unit, more)| Attribute::several(size, unit, unit + more).unwrap());
    (prop::collection::vec(plain, 0..3), prop::option::of(several), 0..3_usize).prop_map(
        |(mut all, several, at)| {
            if let Some(several) = several {
                all.insert(at.min(all.len()), several);
            }
            all
        },
    )
}

fn squared_length(values: &[i64]) -> u128 {
    values.iter().map(|value| u128::from(value.unsigned_abs()).pow(2)).sum()
}

/// A marginal that the domain lets be asked.
fn marginal(domain: &Domain, pick: u32) -> Marginal {
    let all = (1 << domain.sizes().len()) - 1;
    Marginal::from_mask(pick & all | domain.always())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the kinds, the form and the marginal, and wherever the others are: one unit changes what is measured by the declared
    /// norm at most. A unit of several values has any vector over them that was scaled to the norm, each entry at any values of
    /// the other attributes.
    #[test]
    fn one_unit_changes_no_measurement_by_more_than_its_price_is_for(
        attributes in attributes(),
        pick in 0..16_u32,
        apart in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let domain = Domain::of(attributes).unwrap();
        let marginal = marginal(&domain, pick);
        let form = if apart { Form::Apart } else { Form::Whole };
        let Ok(declared) = domain.sensitivity_squared(&marginal, form) else {
            // Nothing varies with an attribute of one value.
            prop_assert!(apart && marginal.attributes().iter().any(|a| domain.attributes()[*a] == Attribute::nominal(1)));
            return Ok(());
        };
        let others: Vec<i64> = (0..domain.cells()).map(|_| random.random_range(0..200)).collect();
        let several = domain.attributes().iter().position(|a| matches!(a.kind(), Kind::Several { .. }));
        for _ in 0..8 {
            let mut with = others.clone();
            let mut add = |with: &mut Vec<i64>, fixed: Option<(usize, usize)>, count: i64| {
                let cell = domain.sizes().iter().enumerate().fold(0, |cell, (at, size)| {
                    let own = fixed.filter(|(several, _)| *several == at).map(|(_, value)| value);
                    cell * size + own.unwrap_or_else(|| random.random_range(0..*size))
                });
                with[cell] += count;
            };
            match several {
                None => add(&mut with, None, 1),
                Some(at) => {
                    let Kind::Several { unit, norm } = domain.attributes()[at].kind() else { unreachable!() };
                    let mut parts = vec![i64::try_from(*unit).unwrap(); domain.sizes()[at]];
                    bounding::scale_to_norm(&mut parts, *norm);
                    for (value, part) in parts.into_iter().enumerate() {
                        add(&mut with, Some((at, value)), part);
                    }
                }
            }
            let measured = |table: &[i64]| domain.encode(&marginal, form, marginal_of(&domain, table, &marginal)).unwrap();
            let change: Vec<i64> = measured(&with).iter().zip(measured(&others)).map(|(a, b)| a - b).collect();
            prop_assert!(squared_length(&change) <= declared, "{} {declared}", squared_length(&change));
        }
    }

    /// Whatever the kinds, the weights and the objective: the plan costs no more than ρ by the norms that were just looked at, and its
    /// variances are those that dense least squares finds for what it measures.
    #[test]
    fn any_plan_says_what_dense_least_squares_finds(
        attributes in attributes(),
        picks in prop::collection::vec((0..16_u32, -6.0..6.0_f64), 1..5),
        largest in any::<bool>(),
    ) {
        let domain = Domain::of(attributes).unwrap();
        if domain.cells() > 150 { return Ok(()) }
        let tables = picks.iter().map(|(pick, weight)| (marginal(&domain, *pick), weight.exp())).collect();
        let workload = Workload::new(domain.clone(), tables).unwrap();
        let objective = if largest { Objective::Largest } else { Objective::Sum };
        let plan = plan(&workload, objective).unwrap();
        let noise = plan.noise(rho(0.31)).unwrap();
        prop_assert!(noise.iter().map(|(_, noise)| noise.rho()).sum::<Rho>() <= rho(0.31));
        for (marginal, gaussian) in &noise {
            let squared = domain.sensitivity_squared(marginal, plan.form()).unwrap() as f64;
            prop_assert!(gaussian.sigma() >= (squared / (2.0 * gaussian.rho().as_f64())).sqrt() * (1.0 - 1e-9));
        }
        let unit = domain.attributes().iter().find_map(|a| match a.kind() { Kind::Several { unit, .. } => Some(*unit as f64), _ => None });
        let information = information(&domain, &plan_sigmas(&plan)) * unit.unwrap_or(1.0).powi(2);
        let inverse = strategy::pseudo_inverse(&information);
        let mut worst = 0.0_f64;
        let mut sum = 0.0;
        for (table, weight) in workload.tables() {
            let asked = rows(&domain, table);
            let dense: Vec<f64> = (&asked * &inverse * asked.transpose()).diagonal().iter().copied().collect();
            let mean = dense.iter().sum::<f64>() / dense.len() as f64;
            let most = dense.iter().copied().fold(0.0, f64::max);
            let said = plan.variance(table, rho(1.0)).expect("a wanted table is determined");
            prop_assert!((said.mean / mean - 1.0).abs() < 1e-5, "{said:?} {mean}");
            prop_assert!((said.largest / most - 1.0).abs() < 1e-5, "{said:?} {most}");
            worst = worst.max(weight * most);
            sum += weight * mean;
        }
        let reached = if largest { worst } else { sum };
        prop_assert!((reached / plan.objective() - 1.0).abs() < 1e-4, "{reached} {}", plan.objective());
    }
}

/// A wanted table is measured or refused: what weighs next to nothing was left out once, and was missed only after the charge.
#[test]
fn no_wanted_table_is_left_out() {
    let domain = Domain::new(vec![3, 4]).unwrap();
    let weighed = |weight: f64, objective: Objective| {
        let tables = vec![(Marginal::new([0]), 1.0), (Marginal::new([1]), weight)];
        plan(&Workload::new(domain.clone(), tables).unwrap(), objective)
    };
    for objective in [Objective::Sum, Objective::Largest] {
        for weight in [1e-22, 1e22, 1e308, f64::MIN_POSITIVE] {
            let refused = weighed(weight, objective).unwrap_err().to_string();
            assert!(refused.contains("less than a billionth of ρ"), "{weight:e} {objective:?}: {refused}");
        }
        for weight in [1e-6, 1e6] {
            let plan = weighed(weight, objective).unwrap();
            assert!([[0], [1]].iter().all(|table| plan.variance(&Marginal::new(*table), rho(1.0)).is_some()));
        }
    }
    assert!(least_rho(&domain, &[(Marginal::new([0]), 1.0), (Marginal::new([1]), 1e12)]).is_err());
}

/// Strategies that measure less than they cost, or whose norm cannot be computed: as they might be read from a file.
#[test]
fn damaged_strategies_are_refused() {
    // Two columns of sixteen times ±2⁶²: their squares sum to 2¹²⁸, nothing in 128 bits, and the last row makes it one.
    let wrapping: Vec<Vec<i64>> = (0..17)
        .map(|row| (0..2).map(|at| if row == 16 { 1 } else { (1 - 2 * (row >> at & 1)) << 62 }).collect())
        .collect();
    for (size, kind, rows) in [
        (1, "ranges", "[[0]]".to_owned()),
        (1, "prefixes", "[[0]]".to_owned()),
        (2, "prefixes", "[[0,0],[0,0]]".to_owned()),
        (3, "ranges", "[[0,0,0],[0,0,0]]".to_owned()),
        (2, "ranges", format!("[[{0},{0}],[1,-1]]", i64::MAX)),
        (2, "prefixes", format!("{wrapping:?}")),
    ] {
        let text = format!(r#"{{"size":{size},"kind":{{"{kind}":{rows}}}}}"#);
        let refused = serde_json::from_str::<Attribute>(&text).unwrap_err().to_string();
        assert!(refused.contains("does not measure them all"), "{text}: {refused}");
    }
    let many = r#"{"size":2000000,"kind":{"several":{"unit":1,"norm":1}}}"#;
    assert!(serde_json::from_str::<Attribute>(many).unwrap_err().to_string().contains("group its codes"));
}

#[test]
fn measurements_that_no_plan_makes_are_refused() {
    let domain = Domain::of(vec![Attribute::ranges(4).unwrap(), Attribute::nominal(2)]).unwrap();
    for marginal in [Marginal::new([0]), Marginal::new([0, 1])] {
        let values = vec![1; domain.measured_values(&marginal)];
        let one = Measured { marginal, form: Form::Whole, sigma: 1.0, values };
        let refused = Reconstruction::new(domain.clone(), &[one]).unwrap_err().to_string();
        assert!(refused.contains("with ranges"), "{refused}");
    }
}

/// Either the plan is refused, or a million persons can be measured wherever they are: no error is left for after the charge.
#[test]
fn what_can_be_planned_can_be_measured() {
    let ordered =
        || [Attribute::ranges(5).unwrap(), Attribute::ranges(4).unwrap(), Attribute::prefixes(6).unwrap()];
    for (more, fits) in [(vec![], true), (vec![Attribute::nominal(15), Attribute::nominal(5)], false)] {
        let domain = Domain::of(ordered().into_iter().chain(more).collect()).unwrap();
        let all = Marginal::all(&domain);
        let workload = Workload::new(domain.clone(), vec![(all.clone(), 1.0)]).unwrap();
        let planned = plan(&workload, Objective::Sum);
        assert_eq!(planned.is_ok(), fits);
        if let Err(refused) = planned {
            assert!(refused.to_string().contains("too large for 64 bits"), "{refused}");
            continue;
        }
        for cell in 0..domain.cells() {
            let mut counts = vec![0; domain.cells()];
            counts[cell] = 1 << 20;
            assert!(domain.encode(&all, Form::Apart, counts).is_ok());
        }
    }
}

/// A share of less than a billionth of ρ, as a search for the least largest variance may leave one, does not make ρ too little; and
/// nothing more is spent for it.
#[test]
fn small_shares_are_paid_from_large_ones() {
    let domain = Domain::new(vec![3, 4]).unwrap();
    let tables = vec![(Marginal::new([0]), 1.0), (Marginal::new([1]), 1e-16)];
    let plan = plan(&Workload::new(domain, tables).unwrap(), Objective::Sum).unwrap();
    assert!(plan.measured().iter().any(|(_, share)| share * 0.01 < 1e-9), "{:?}", plan.measured());
    let noise = plan.noise(rho(0.01)).unwrap();
    assert_eq!(noise.len(), plan.measured().len());
    assert!(noise.iter().map(|(_, noise)| noise.rho()).sum::<Rho>() <= rho(0.01));
    assert!(plan.noise(Rho::from_nano(1)).is_err(), "a billionth cannot be divided");
}

/// Proportions that are no numbers give nobody all of it.
#[test]
fn what_cannot_be_divided_is_not_spent() {
    for objectives in [[f64::INFINITY, 1.0], [0.0, 0.0]] {
        for objective in [Objective::Sum, Objective::Largest] {
            let parts = split(&objectives, objective, rho(0.3));
            assert!(parts.iter().all(|part| part.is_zero()), "{objectives:?}: {parts:?}");
        }
    }
}

/// Every kind of attribute in one reconstruction, whatever was measured of it: values, variances and covariances are those of dense
/// least squares.
#[test]
fn any_measured_tables_combine_as_dense_least_squares_does() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for seed in 0..150 {
        let attributes = attributes().new_tree(&mut runner).unwrap().current();
        let domain = Domain::of(attributes).unwrap();
        let plain = !domain.attributes().iter().any(|a| matches!(a.kind(), Kind::Ranges(_)));
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut measured = Vec::new();
        for _ in 0..random.random_range(1..5) {
            let marginal = marginal(&domain, random.random_range(0..16));
            let form = if plain && random.random_bool(0.5) { Form::Whole } else { Form::Apart };
            if domain.sensitivity_squared(&marginal, form).is_err() {
                continue;
            }
            let values =
                (0..domain.measured_values(&marginal)).map(|_| random.random_range(-900..900)).collect();
            measured.push(Measured { marginal, form, sigma: random.random_range(1.0..9.0), values });
        }
        if measured.is_empty() || domain.cells() > 150 {
            continue;
        }
        let unit = domain
            .attributes()
            .iter()
            .find_map(|a| match a.kind() {
                Kind::Several { unit, .. } => Some(*unit as f64),
                _ => None,
            })
            .unwrap_or(1.0);
        // The largest entries differ by 10⁹ between strategies and counts: each measurement in its own scale.
        let mut normal_matrix = DMatrix::zeros(domain.cells(), domain.cells());
        let mut right = DMatrix::zeros(domain.cells(), 1);
        for one in &measured {
            let design = design(&domain, &one.marginal, one.form) * unit / one.sigma;
            let values = DMatrix::from_fn(one.values.len(), 1, |i, _| one.values[i] as f64 / one.sigma);
            normal_matrix += design.transpose() * &design;
            right += design.transpose() * values;
        }
        let found = Reconstruction::new(domain.clone(), &measured).unwrap();
        let inverse = strategy::pseudo_inverse(&normal_matrix);
        let eigen = normal_matrix.symmetric_eigenvalues();
        let spread = eigen.max()
            / eigen.iter().copied().filter(|v| *v > 1e-12 * eigen.max()).fold(f64::INFINITY, f64::min);
        if spread > 1e8 {
            continue;
        }
        let dense = &inverse * &right;
        // The cells of a table, and each of them as a question: the same, or neither is known.
        for pick in 0..16 {
            let table = marginal(&domain, pick);
            let single = |cell: usize| {
                let mut coefficients = vec![0.0; table.cells(&domain)];
                coefficients[cell] = 1.0;
                found.estimate(&LinearQuery::of(&domain, &table, coefficients).unwrap())
            };
            let alone: Option<Vec<Estimate>> = (0..table.cells(&domain)).map(single).collect();
            let together = found.marginal(&table);
            assert_eq!(alone.is_some(), together.is_some(), "{seed}");
            for (alone, together) in alone.into_iter().flatten().zip(together.into_iter().flatten()) {
                assert!((alone.value - together.value).abs() < 1e-7 * (1.0 + alone.value.abs()), "{seed}");
                assert!((alone.sd / together.sd - 1.0).abs() < 1e-7, "{seed}");
            }
        }
        for _ in 0..6 {
            let mut query = || {
                let one = &measured[random.random_range(0..measured.len())];
                let design = design(&domain, &one.marginal, one.form)
                    / design(&domain, &one.marginal, one.form).amax();
                let mixed = DMatrix::from_fn(1, design.nrows(), |_, _| random.random_range(-2.0..2.0));
                mixed * design
            };
            let (a, b) = (query(), query());
            let linear =
                |row: &DMatrix<f64>| LinearQuery::new(&domain, row.iter().copied().collect()).unwrap();
            let estimate = found.estimate(&linear(&a)).expect("within what was measured");
            let (value, variance) = ((&a * &dense)[0], (&a * &inverse * a.transpose())[0]);
            let covariance = (&a * &inverse * b.transpose())[0];
            let scale = (variance * (&b * &inverse * b.transpose())[0]).sqrt();
            assert!(
                (estimate.value - value).abs() < 1e-5 * (1e-3 + value.abs() + variance.sqrt()),
                "{seed}: {} {value}",
                estimate.value
            );
            assert!(
                (estimate.sd.powi(2) / variance - 1.0).abs() < 1e-5,
                "{seed}: {} {variance}",
                estimate.sd.powi(2)
            );
            assert!(
                (found.covariance(&linear(&a), &linear(&b)).unwrap() - covariance).abs() < 1e-5 * scale,
                "{seed}"
            );
        }
    }
}
