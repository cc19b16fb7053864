//! The accountant held against others: figures that `vectors/generate.py` had from `dp-accounting` and
//! from `opendp` (it says how), and `opendp`'s own conversion, called here.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use std::ops::RangeInclusive;

use opendp::combinators::{ConcentratedMeasure, FixDeltaMeasure};
use opendp::measures::{Approximate, SmoothedMaxDivergence, ZeroConcentratedDivergence};
use proptest::prelude::*;

use crate::{Delta, Filter, Loss, Rho, epsilon, epsilon_of};

const CONVERSIONS: &str = include_str!("../vectors/zcdp.csv");
const COMPOSITIONS: &str = include_str!("../vectors/compositions.csv");

/// How far ours may lie from a figure that is rounded as carefully: both err by some 1e-15 and upwards.
const CLOSE: f64 = 1e-13;

/// The lines of a file, without its header, which must be the one expected.
fn lines<'a, const N: usize>(text: &'a str, header: &str) -> Vec<[&'a str; N]> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(header));
    lines.map(|line| line.split(',').collect::<Vec<_>>().try_into().unwrap()).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

/// ρ of a decimal in whole billionths.
fn rho(value: f64) -> Rho {
    let nano = value * 1e9;
    assert!((nano - nano.round()).abs() < 1e-3, "not in whole billionths: {value}");
    Rho::from_nano(nano.round() as u64)
}

fn delta(text: &str) -> Delta {
    let found = Delta::from_f64_up(number(text)).unwrap();
    assert_eq!(found, Delta::from_f64_down(number(text)).unwrap());
    found
}

/// Figures that round like ours: within [`CLOSE`] of `value`.
fn close(value: f64) -> RangeInclusive<f64> {
    value * (1.0 - CLOSE)..=value * (1.0 + CLOSE)
}

/// What `opendp` says of a loss at a total δ.
fn opendp(loss: Loss, total: f64) -> f64 {
    let known = (loss.rho.as_f64(), loss.delta.as_f64());
    let curve = Approximate::<ZeroConcentratedDivergence>::convert(known).unwrap();
    Approximate::<SmoothedMaxDivergence>::default().fix_delta(&curve, total).unwrap().0
}

#[test]
fn conversion_is_the_least_of_what_others_say_and_never_less_than_the_truth() {
    let rows = lines::<6>(CONVERSIONS, "rho,delta,exact,opendp,rdp,gaussian");
    assert_eq!(rows.len(), 27 * 11);
    for row in rows {
        let [value, chance, exact, by_opendp, rdp, gaussian] = row.map(number);
        let found = epsilon(rho(value), chance);
        // The minimum over α, known to 60 digits: never below, and hardly above.
        assert!(found >= exact && close(exact).contains(&found), "{row:?}: {found}");
        // A Gaussian of this ρ has no less than this ε.
        assert!(found >= gaussian && (exact.total_cmp(&0.0).is_eq() || found > gaussian), "{row:?}: {found}");
        // opendp rounds up too.
        assert!(by_opendp >= exact && close(by_opendp).contains(&found), "{row:?}: {found}");
        // The minimum over a grid of orders cannot be lower; the factor is for its own rounding.
        assert!(found <= rdp * (1.0 + 1e-9), "{row:?}: {found}");
        assert!(close(by_opendp).contains(&opendp(Loss::pure(rho(value)), chance)), "{row:?}");
    }
}

/// The losses of `3*gaussian:0.05 40*fail:1e-8`, each as often as it occurs.
fn losses(parts: &str) -> Vec<Loss> {
    let one = |part: &str| {
        let (count, rest) = part.split_once('*').unwrap();
        let (kind, amount) = rest.split_once(':').unwrap();
        let loss = match kind {
            "gaussian" => Loss::pure(rho(number(amount))),
            "laplace" => Loss::pure(rho(number(amount).powi(2) / 2.0)),
            "fail" => Loss { rho: Rho::ZERO, delta: delta(amount) },
            other => panic!("no such mechanism: {other}"),
        };
        vec![loss; count.parse().unwrap()]
    };
    parts.split(' ').flat_map(one).collect()
}

#[test]
fn compositions_cost_what_others_say_and_never_less_than_the_truth() {
    let rows = lines::<5>(COMPOSITIONS, "parts,delta,opendp,rdp,lower");
    assert_eq!(rows.len(), 13 * 3);
    for row in rows {
        let [parts, chance, figures @ ..] = row;
        let [by_opendp, rdp, lower] = figures.map(number);
        let losses = losses(parts);
        let together: Loss = losses.iter().copied().sum();
        let found = epsilon_of(together, delta(chance));
        // Whoever composes, adding floats or whole numbers, comes to the same.
        assert!(close(by_opendp).contains(&found), "{row:?}: {found}");
        assert!(close(by_opendp).contains(&opendp(together, number(chance))), "{row:?}");
        assert!(found <= rdp * (1.0 + 1e-9), "{row:?}: {found}");
        // No sound figure is below what the composed mechanism has: this is what a wrong rule for δ fails.
        assert!(found > lower, "{row:?}: {found}");
        // A filter of that limit lets exactly these through.
        let mut filter = Filter::new(together, Loss::ZERO);
        assert!(losses.iter().all(|loss| filter.admit(*loss).is_ok()));
        assert_eq!(filter.admit(Loss::pure(Rho::from_nano(1))), Err(Loss::ZERO));
    }
}

proptest! {
    // opendp searches within its search: some 30 ms a case.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Between the points of the grids.
    #[test]
    fn opendp_agrees_everywhere(nano in 0.0..27.6_f64, own in 0.0..1.0_f64, total in 1.0..17.0_f64) {
        let total = Delta::from_f64_down((-2.3 * total).exp()).unwrap();
        let own = Delta::from_f64_down(own * own * total.as_f64()).unwrap();
        let loss = Loss { rho: Rho::from_nano(nano.exp() as u64), delta: own };
        let (found, theirs) = (epsilon_of(loss, total), opendp(loss, total.as_f64()));
        // They subtract floats, so they may have lost the last digits of δ.
        prop_assert!((found - theirs).abs() <= 1e-9 * theirs, "{found} {theirs}");
    }
}
