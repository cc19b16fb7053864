//! Season and trend of noised series. All series are made up.

use std::f64::consts::TAU;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::city::draw;
use crate::season::{FALSE_ALARM, LONGEST, Part, Point, Smoother, decompose, independent};

type Of = fn(&Point) -> Part;

/// The kinds of parts, with their names.
const PARTS: [(&str, Of); 5] = [
    ("value", |p| p.value),
    ("trend", |p| p.trend),
    ("season", |p| p.season),
    ("remainder", |p| p.remainder),
    ("adjusted", |p| p.adjusted),
];

/// Growth, a summer and a bend that is neither.
fn months(length: usize) -> Vec<f64> {
    let at = |i: usize| {
        let year = i as f64 / 12.0;
        300.0 + 40.0 * year + 80.0 * (TAU * (year - 0.5)).cos() + if i.is_multiple_of(7) { 25.0 } else { 0.0 }
    };
    (0..length).map(at).collect()
}

fn noised(values: &[f64], sigma: f64, random: &mut ChaCha8Rng) -> Vec<f64> {
    values.iter().map(|value| value + draw(sigma, random) as f64).collect()
}

#[test]
fn an_exact_series_is_taken_apart_into_what_it_was_made_of() {
    for (length, period) in [(24, 12), (53, 12), (84, 12), (8, 4), (27, 4)] {
        let wave: Vec<f64> = (0..length).map(|i| 100.0 * (TAU * i as f64 / period as f64).cos()).collect();
        let line: Vec<f64> = (0..length).map(|i| 50.0 + 9.0 * i as f64).collect();
        let values: Vec<f64> = wave.iter().zip(&line).map(|(a, b)| a + b).collect();
        let parts = decompose(&values, &independent(&vec![0.0; length]), period).unwrap();
        assert!(parts.season.is_none(), "without noise nothing needs telling from it");
        for (i, point) in parts.points.iter().enumerate() {
            // Where the series ends within a year, the last months' means hold one year more of the line.
            let tolerance = if length.is_multiple_of(period) { 0.05 } else { 1.0 };
            assert!((point.season.value - wave[i]).abs() < tolerance, "{length} {i}: {}", point.season.value);
            assert!(
                (point.trend.value - line[i]).abs() < 3.0 * tolerance,
                "{length} {i}: {}",
                point.trend.value
            );
            let whole = point.trend.value + point.season.value + point.remainder.value;
            assert!((whole - values[i]).abs() < 1e-9 && (point.value.value - values[i]).abs() < 1e-12);
            assert!((point.adjusted.value - (values[i] - point.season.value)).abs() < 1e-9);
            assert!(PARTS.iter().all(|(_, of)| of(point).sd == 0.0 && of(point).low == of(point).high));
        }
    }
}

/// The matrix says what the library says of any series.
#[test]
fn components_are_those_of_the_library() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let values = noised(&months(50), 200.0, &mut random);
    let parts = decompose(&values, &independent(&[1.0; 50]), 12).unwrap();
    let mut settings = stlrs::Stl::params();
    settings.seasonal_length(501).seasonal_degree(0).inner_loops(30);
    settings.seasonal_jump(1).trend_jump(1).low_pass_jump(1);
    let library = settings.fit(&values, 12).unwrap();
    for (i, point) in parts.points.iter().enumerate() {
        assert!((point.trend.value - library.trend()[i]).abs() < 1e-7);
        assert!((point.season.value - library.seasonal()[i]).abs() < 1e-7);
        assert!((point.remainder.value - library.remainder()[i]).abs() < 1e-7);
    }
}

/// Over 2,500 series, each part at each of five points: 95 % of the intervals hold what the series without noise shows (within 6
/// binomial standard deviations, ±2.6 %), and the squared error over the variance is 1 on average (within 6 of its own, ±0.17). Of
/// 50 checks at 2e-9 each, a false alarm comes with a probability below 1e-6.
#[test]
fn intervals_hold_what_the_series_shows_without_noise() {
    let (length, runs) = (36, 2500);
    let truth = months(length);
    // Months have noise of their own, as quarters of a budget would.
    let sigmas: Vec<f64> = (0..length).map(|i| if i % 12 < 6 { 12.0 } else { 20.0 }).collect();
    let covariance = independent(&sigmas.iter().map(|s| s * s).collect::<Vec<_>>());
    let smoother = Smoother::new(length, 12).unwrap();
    let exact = smoother.decompose(&truth, &covariance).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let at = [0, 7, 18, 29, 35];
    let mut held = [[0_u32; 5]; 5];
    let mut squares = [[0.0_f64; 5]; 5];
    for _ in 0..runs {
        let values: Vec<f64> = truth
            .iter()
            .zip(&sigmas)
            .map(|(value, sigma)| value + draw(*sigma, &mut random) as f64)
            .collect();
        let parts = smoother.decompose(&values, &covariance).unwrap();
        for (p, (_, of)) in PARTS.iter().enumerate() {
            for (i, point) in at.iter().enumerate() {
                let (found, true_value) = (of(&parts.points[*point]), of(&exact.points[*point]).value);
                held[p][i] += u32::from(found.low <= true_value && true_value <= found.high);
                squares[p][i] += ((found.value - true_value) / found.sd).powi(2);
            }
        }
    }
    for (p, (name, _)) in PARTS.iter().enumerate() {
        for i in 0..at.len() {
            let share = f64::from(held[p][i]) / f64::from(runs);
            assert!((share - 0.95).abs() < 0.026, "{name} at {}: {share}", at[i]);
            let square = squares[p][i] / f64::from(runs);
            assert!((square - 1.0).abs() < 0.17, "{name} at {}: {square}", at[i]);
        }
    }
}

/// Noise that all values share moves the trend as a whole and says nothing about the season.
#[test]
fn shared_noise_is_in_the_trend_and_not_in_the_season() {
    let length = 24;
    let own = independent(&vec![100.0; length]);
    let shared: Vec<f64> = own.iter().map(|number| number + 400.0).collect();
    let values = months(length);
    let (alone, together) = (decompose(&values, &own, 12).unwrap(), decompose(&values, &shared, 12).unwrap());
    for (alone, together) in alone.points.iter().zip(&together.points) {
        assert!((together.season.sd - alone.season.sd).abs() < 1e-6);
        assert!((together.remainder.sd - alone.remainder.sd).abs() < 1e-6);
        assert!((together.trend.sd.powi(2) - alone.trend.sd.powi(2) - 400.0).abs() < 1e-6);
        assert!((together.value.sd - 500.0_f64.sqrt()).abs() < 1e-9);
    }
    let statistic = |of: &crate::season::Decomposition| of.season.as_ref().unwrap().statistic;
    assert!((statistic(&alone) - statistic(&together)).abs() < 1e-6 * statistic(&alone));
}

/// A series that grows and has no season is said to have one in 1 % of 10,000 runs: 100, of which 6 binomial standard deviations are
/// 60 (2e-9).
#[test]
fn growth_alone_is_seldom_called_a_season() {
    let truth: Vec<f64> = (0..36).map(|i| 200.0 + 5.0 * f64::from(i)).collect();
    let covariance = independent(&[225.0; 36]);
    let smoother = Smoother::new(36, 12).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut called = 0;
    for _ in 0..10_000 {
        let season = smoother.test_of(&noised(&truth, 15.0, &mut random), &covariance).unwrap().unwrap();
        assert_eq!((season.degrees, season.distinguishable), (11, season.p_value < FALSE_ALARM));
        called += u32::from(season.distinguishable);
    }
    assert!((40..=160).contains(&called), "{called} of 10000");
}

#[test]
fn a_clear_season_is_told_and_a_drowned_one_is_not() {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let truth = months(36);
    let season = |sigma: f64, random: &mut ChaCha8Rng| {
        let values = noised(&truth, sigma, random);
        decompose(&values, &independent(&[sigma * sigma; 36]), 12).unwrap().season.unwrap()
    };
    // Amplitude 80 against 10: a distance of 80²·36/2/10² = 1,152 in squares, where 24.7 is asked. Noise has no such tail.
    let clear = season(10.0, &mut random);
    assert!(clear.distinguishable && clear.statistic > 500.0, "{clear:?}");
    assert!(clear.sentence.en.contains("can be told"));
    // Against 800 the distance is a fifth of one: as rare as without any season. Seeded.
    let drowned = season(800.0, &mut random);
    assert!(!drowned.distinguishable, "{drowned:?}");
    assert!(drowned.sentence.no.contains("Ingen sesong kan skilles fra støyen"));
    assert!(drowned.sentence.en.contains("No season can be told from the noise"));
}

#[test]
fn what_cannot_be_taken_apart_is_refused_with_a_sentence() {
    let said = |values: &[f64], covariance: &[f64], period: usize| {
        let error = decompose(values, covariance, period).unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    };
    let values = months(24);
    let good = independent(&[4.0; 24]);
    let with = |at: usize, number: f64| {
        let mut other = good.clone();
        other[at] = number;
        other
    };
    assert!(said(&values[..23], &independent(&[4.0; 23]), 12).contains("24 values, and the series has 23"));
    assert!(said(&[], &[], 12).contains("has 0"));
    assert!(said(&values, &good, 1).contains("at least two values a year"));
    assert!(said(&values, &good, usize::MAX).contains("two whole years"));
    assert!(said(&vec![0.0; LONGEST + 1], &[], 12).contains("at most 1000"));
    let mut gap = values.clone();
    gap[3] = f64::NAN;
    assert!(said(&gap, &good, 12).contains("value 4 of the series is no number"));
    assert!(said(&values, &good[1..], 12).contains("575 numbers, and 24 times 24"));
    assert!(said(&values, &with(0, -1.0), 12).contains("a variance is negative"));
    assert!(said(&values, &with(0, f64::INFINITY), 12).contains("no number"));
    assert!(said(&values, &with(1, 3.0), 12).contains("rows 1 and 2 do not mirror"));
    let mut apart = with(1, 5.0);
    apart[24] = 5.0;
    assert!(said(&values, &apart, 12).contains("values 1 and 2 vary more together than alone"));
    // Every pair is possible, and all three together are not.
    let mut three = good.clone();
    for (row, column) in [(0, 1), (0, 2), (1, 2)] {
        three[row * 24 + column] = -3.6;
        three[column * 24 + row] = -3.6;
    }
    assert!(said(&values, &three, 12).contains("some sum of the values"));
    // Only one month has noise: eleven contrasts of it cannot be judged.
    let mut few = vec![0.0; 24];
    few[0] = 1.0;
    assert!(said(&values, &independent(&few), 12).contains("too many of these values is zero"));
    let smoother = Smoother::new(24, 12).unwrap();
    let error = smoother.decompose(&months(25), &good).unwrap_err().to_string();
    assert!(error.contains("25 values, and the smoother is for 24"), "{error}");
}
