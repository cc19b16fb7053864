#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::bounding::{bucket_of, buckets, choose_norm};

const ONE: u64 = 16;

fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (random.random_range(1e-12..1.0), random.random_range(0.0..1.0));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn rho(value: f64) -> Rho {
    Rho::from_f64_up(value).unwrap()
}

proptest! {
    #[test]
    fn what_is_spread_adds_up(
        values in prop::collection::vec(-50.0..1_000.0_f64, 1..40),
        m in -100.0..10_000.0_f64,
        half_width in 0.1..100.0_f64,
    ) {
        let remainder = Remainder::new(m, 10.0);
        let spread = remainder.spread(&values);
        let (before, after) = (values.iter().sum::<f64>(), spread.iter().sum::<f64>());
        prop_assert!((after - before - m).abs() < 1e-6 * (1.0 + before.abs() + m.abs()));
        // What has nothing gets nothing, unless nobody has anything.
        let some = values.iter().any(|value| *value > 0.0);
        for (before, after) in values.iter().zip(&spread) {
            prop_assert!(!some || *before > 0.0 || (before - after).abs() < 1e-9);
        }
        let widths = remainder.half_widths(&values, half_width);
        prop_assert!(widths.iter().all(|width| width.is_finite()));
        prop_assert!(widths.iter().all(|width| *width >= half_width - 1e-9));
    }

    #[test]
    fn bounds_are_within_what_can_be(
        hist in prop::collection::vec(-1e5..1e5_f64, 21),
        cells in 1..1_000_usize,
        indicator in any::<bool>(),
        nano in 0..1_000_000_000_u64,
    ) {
        let bounds = buckets(1 << 20);
        let shape = Shape { cells, indicator: indicator.then_some(ONE) };
        let price = Rho::from_nano(nano);
        let Some(choice) = choose(&hist, 30.0, &bounds, shape, price, ONE) else { return Ok(()) };
        let Choice::Scaled(norms) = choice else {
            prop_assert!(indicator);
            return Ok(());
        };
        prop_assert!((ONE..=1 << 20).contains(&norms.vector));
        // No vector loses more than all of it.
        let most = shape.sum(f64::from(1 << 20)).ceil() as u64;
        prop_assert!(norms.remainder.is_none_or(|r| (1..=most).contains(&r.norm)));
        // Something is left for the cells.
        prop_assert!(norms.remainder.is_none_or(|r| !r.price.is_zero() && r.price < price));
    }
}

fn scaled(choice: Option<Choice>) -> Norms {
    let Some(Choice::Scaled(norms)) = choice else { panic!("{choice:?}") };
    norms
}

#[test]
fn nothing_is_measured_where_nobody_is_to_be_seen_or_nobody_pays() {
    let bounds = buckets(1 << 12);
    let shape = Shape { cells: 16, indicator: None };
    let nobody = vec![0.0; bounds.len()];
    let price = rho(0.02);
    assert_eq!(choose(&nobody, 10.0, &bounds, shape, price, ONE), None);
    let mut some = nobody;
    some[5] = 500.0;
    some[6] = 300.0;
    some[7] = 100.0;
    assert!(scaled(choose(&some, 10.0, &bounds, shape, price, ONE)).remainder.is_some());
    let unpaid = scaled(choose(&some, 10.0, &bounds, shape, Rho::ZERO, ONE));
    assert_eq!(unpaid.remainder, None);
}

/// Zeros and ones of persons in most cells are measured without a bound; those of persons in few of many cells are scaled.
#[test]
fn persons_in_most_cells_are_not_scaled() {
    let (cells, price) = (17, rho(0.02));
    let bounds = buckets(5 * ONE);
    let choice = |at: usize, indicator| {
        let mut persons = vec![0.0; bounds.len()];
        persons[at] = 20_000.0;
        choose(&persons, 10.0, &bounds, Shape { cells, indicator }, price, ONE)
    };
    let widest = bounding::bucket_of(4 * ONE, &bounds);
    assert!(matches!(choice(widest, Some(ONE)), Some(Choice::Centred(_))));
    assert!(matches!(choice(widest, None), Some(Choice::Scaled(_))));
    assert_eq!(scaled(choice(bounding::bucket_of(ONE, &bounds), Some(ONE))).vector, ONE);
}

/// Over many cells and at a low price the least error would be where nearly all of everybody is cut: never below one row.
#[test]
fn no_bound_cuts_everybody() {
    let bounds = buckets(1 << 16);
    let shape = Shape { cells: 780, indicator: None };
    let mut persons = vec![0.0; bounds.len()];
    persons[4] = 600.0;
    persons[6] = 300.0;
    persons[8] = 100.0;
    let norms = scaled(choose(&persons, 20.0, &bounds, shape, rho(0.001), ONE));
    assert!((ONE..=16 * ONE).contains(&norms.vector), "{norms:?}");
}

#[test]
fn the_loss_of_zeros_and_ones_is_exact() {
    let shape = Shape { cells: 16, indicator: Some(ONE) };
    // Nine ones of norm 3 scaled to norm 2 keep two thirds.
    let lost = shape.loses(3.0 * ONE as f64, 2.0 * ONE as f64) / ONE as f64;
    assert!((lost - 3.0).abs() < 1e-9, "{lost}");
    assert!(shape.loses(20.0, 20.0).abs() < 1e-9);
}

/// Contacts of persons over services: most in few, a dozen with hundreds in many.
fn persons(random: &mut ChaCha8Rng, cells: usize, scale: f64) -> Vec<Vec<f64>> {
    let one = |random: &mut ChaCha8Rng| {
        let total = (scale * random.random_range(0.002..1.0_f64).powf(-0.75)).ceil() as usize;
        let places = (random.random_range(0.05..1.0_f64).powf(-0.8) as usize).clamp(1, cells);
        let mut vector = vec![0.0; cells];
        let at: Vec<usize> = (0..places)
            .map(|_| (random.random_range(0.0..1.0_f64).powi(2) * cells as f64) as usize)
            .collect();
        for row in 0..total.min(120) {
            vector[at[row % places].min(cells - 1)] += 1.0;
        }
        vector
    };
    (0..3_000).map(|_| one(random)).collect()
}

/// One run over persons: error and half-width of each cell, with the remainder and, from the same price, without.
fn run(
    vectors: &[Vec<f64>],
    shape: Shape,
    price: f64,
    random: &mut ChaCha8Rng,
) -> ([f64; 2], Vec<(f64, f64)>) {
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt() * ONE as f64;
    let bounds = buckets(120 * 4 * ONE);
    let (look, rest) = (rho(price * 0.1), rho(price * 0.9));
    let hist_sd = (1.0 / (2.0 * look.as_f64())).sqrt();
    let mut hist = vec![0.0; bounds.len()];
    for vector in vectors {
        hist[bucket_of(norm(vector).ceil() as u64, &bounds)] += 1.0;
    }
    for count in &mut hist {
        *count += hist_sd * normal(random);
    }
    let alone = choose_norm(&hist, hist_sd, &bounds, shape.cells, rest, ONE).unwrap();
    // What is measured without a bound has tests of its own.
    let norms = match choose(&hist, hist_sd, &bounds, shape, rest, ONE).unwrap() {
        Choice::Scaled(norms) => norms,
        Choice::Centred(_) => Norms { vector: alone, remainder: None },
    };
    let part = norms.remainder.map_or(Rho::ZERO, |bound| bound.price);
    let cells = shape.cells;
    let mut truth = vec![0.0; cells];
    let (mut kept, mut kept_alone) = (vec![0.0; cells], vec![0.0; cells]);
    let mut all_lost = 0.0;
    let scale = |n: f64, c: u64| (c as f64 / n).min(1.0);
    for vector in vectors {
        let n = norm(vector);
        let lost = vector.iter().sum::<f64>() * (1.0 - scale(n, norms.vector));
        all_lost += lost.min(norms.remainder.map_or(0, |bound| bound.norm) as f64 / ONE as f64);
        for cell in 0..cells {
            truth[cell] += vector[cell];
            kept[cell] += vector[cell] * scale(n, norms.vector);
            kept_alone[cell] += vector[cell] * scale(n, alone);
        }
    }
    let sd = |c: u64, rho: Rho| c as f64 / ONE as f64 / (2.0 * rho.as_f64()).sqrt();
    let of_noise = rest.saturating_sub(part);
    let half_width = interval::z(0.95) * sd(norms.vector, of_noise);
    let cell_sd = sd(norms.vector, of_noise);
    let values: Vec<f64> = kept.iter().map(|kept| kept + cell_sd * normal(random)).collect();
    let of_remainder = norms.remainder.map_or(0.0, |bound| sd(bound.norm, part));
    let exact = Remainder::new(all_lost, 0.0);
    let measured = Remainder::new(all_lost + of_remainder * normal(random), of_remainder);
    let shown = measured.spread(&values);
    let (bounded, widths) = (exact.spread(&kept), measured.half_widths(&values, half_width));
    let sd_alone = sd(alone, rest);
    let square = |errors: Vec<f64>| errors.iter().map(|e| e * e).sum::<f64>() / cells as f64;
    let with = square(shown.iter().zip(&truth).map(|(a, b)| a - b).collect());
    let without =
        square(kept_alone.iter().zip(&truth).map(|(a, b)| a - b + sd_alone * normal(random)).collect());
    let errors = shown.iter().zip(&bounded).map(|(a, b)| a - b).zip(widths).collect();
    ([with, without], errors)
}

/// The same price buys a smaller error with the remainder than without, over sums and indicators; and half-widths hold the
/// noise, around what would be shown under the same bounds without any, as often as they say. The seeds are fixed.
#[test]
fn the_remainder_pays_and_its_intervals_hold() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for (cells, scale, indicator, price, gain) in [
        (16, 2.0, false, 0.024, 0.85),
        (16, 2.0, true, 0.024, 1.1),
        (192, 6.0, true, 0.024, 0.9),
        (6, 2.0, false, 0.024, 1.1),
        (16, 2.0, false, 0.005, 0.95),
        (192, 6.0, true, 0.005, 1.0),
        (192, 6.0, false, 0.024, 0.8),
    ] {
        let mut vectors = persons(&mut random, cells, scale);
        if indicator {
            for value in vectors.iter_mut().flatten() {
                *value = value.min(1.0);
            }
        }
        let shape = Shape { cells, indicator: indicator.then_some(ONE) };
        let (mut with, mut without, mut inside, mut all) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..60 {
            let (squares, errors) = run(&vectors, shape, price, &mut random);
            with += squares[0];
            without += squares[1];
            inside += errors.iter().filter(|(error, width)| error.abs() <= *width).count() as f64;
            all += errors.len() as f64;
        }
        let ratio = (with / without).sqrt();
        let coverage = inside / all;
        eprintln!(
            "{cells} cells, indicator {indicator}, ρ {price}: {ratio:.2} of the error, {coverage:.3} inside"
        );
        assert!(ratio < gain, "{cells} cells, indicator {indicator}: {ratio}");
        assert!((0.92..0.98).contains(&coverage), "{cells} cells, indicator {indicator}: {coverage}");
    }
}
