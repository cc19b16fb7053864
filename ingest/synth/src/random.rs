//! Random streams and draws. Every stream is named, so that no file's content depends on the order of the work.

use std::cmp::Ordering;

use rand::Rng as _;
use rand::SeedableRng as _;
pub(crate) use rand_chacha::ChaCha8Rng as Stream;

/// What a stream is for. The numbers are part of the seed: changing one changes the city.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    City = 1,
    Plan = 2,
    Slots = 3,
    Rows = 4,
    Beds = 5,
    Agency = 6,
    Patrol = 7,
    Scene = 8,
    Write = 9,
}

/// The stream of a seed for one purpose and two labels (such as year and service).
pub(crate) fn stream(seed: u64, purpose: Purpose, a: i32, b: usize) -> Stream {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..12].copy_from_slice(&(purpose as u32).to_le_bytes());
    key[12..16].copy_from_slice(&a.to_le_bytes());
    key[16..24].copy_from_slice(&(b as u64).to_le_bytes());
    key[24..].copy_from_slice(b"SYNTHTIC");
    Stream::from_seed(key)
}

/// Uniform in [0, 1).
pub(crate) fn unit(rng: &mut Stream) -> f64 {
    rng.random::<f64>()
}

/// True with this probability.
pub(crate) fn chance(rng: &mut Stream, p: f64) -> bool {
    unit(rng) < p
}

/// Uniform below `n`; 0 when `n` is 0.
pub(crate) fn below(rng: &mut Stream, n: usize) -> usize {
    if n == 0 { 0 } else { rng.random_range(0..n) }
}

/// Standard normal (Box–Muller).
pub(crate) fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(rng)).cos()
}

/// An index drawn by weight; 0 when no weight is positive.
pub(crate) fn weighted(rng: &mut Stream, weights: &[f64]) -> usize {
    let total: f64 = weights.iter().sum();
    let mut point = unit(rng) * total;
    for (i, w) in weights.iter().enumerate() {
        point -= w;
        if point < 0.0 {
            return i;
        }
    }
    weights.iter().rposition(|w| *w > 0.0).unwrap_or(0)
}

/// Poisson, by exponential gaps: for means up to some hundred.
pub(crate) fn poisson(rng: &mut Stream, mean: f64) -> u32 {
    let mut sum = 0.0;
    let mut n = 0;
    loop {
        sum -= (1.0 - unit(rng)).ln();
        if sum >= mean {
            return n;
        }
        n += 1;
    }
}

/// A whole number of at least 1, geometric with this mean.
pub(crate) fn geometric(rng: &mut Stream, mean: f64, most: u32) -> u32 {
    let mut n = 1;
    let again = 1.0 - 1.0 / mean.max(1.0);
    while n < most && chance(rng, again) {
        n += 1;
    }
    n
}

/// A non-negative whole number from a rounded float; the caller bounds it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped into u32 first
pub(crate) fn whole(x: f64) -> u32 {
    x.round().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// Fisher–Yates.
pub(crate) fn shuffle<T>(rng: &mut Stream, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(rng, i + 1));
    }
}

/// Draws up to `k` of the items without replacement, each by its weight (weight 0: never), in random order.
pub(crate) fn sample<T: Copy>(
    rng: &mut Stream,
    items: impl IntoIterator<Item = T>,
    k: usize,
    weight: impl Fn(T) -> f64,
) -> Vec<T> {
    let mut keyed: Vec<(f64, T)> = items
        .into_iter()
        .filter_map(|item| {
            let w = weight(item);
            let key = -(1.0 - unit(rng)).ln() / w;
            (w > 0.0).then_some((key, item))
        })
        .collect();
    // Keys are distinct but for ties of probability zero; the stable sort settles those by order.
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    keyed.truncate(k);
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// Whole shares of `total` near the weights, each within its bounds. Their sum is `total` whenever the bounds allow it.
pub(crate) fn apportion(total: usize, weights: &[f64], low: &[usize], high: &[usize]) -> Vec<usize> {
    let sum: f64 = weights.iter().sum();
    let ideal: Vec<f64> =
        weights.iter().map(|w| if sum > 0.0 { w / sum * total as f64 } else { 0.0 }).collect();
    let mut shares: Vec<usize> = ideal
        .iter()
        .zip(low.iter().zip(high))
        .map(|(x, (&lo, &hi))| (whole(x.floor()) as usize).clamp(lo.min(hi), hi))
        .collect();
    loop {
        let have: usize = shares.iter().sum();
        let step = match have.cmp(&total) {
            Ordering::Less => (0..shares.len())
                .filter(|&i| shares[i] < high[i])
                .max_by(|&a, &b| (ideal[a] - shares[a] as f64).total_cmp(&(ideal[b] - shares[b] as f64))),
            Ordering::Greater => (0..shares.len())
                .filter(|&i| shares[i] > low[i])
                .min_by(|&a, &b| (ideal[a] - shares[a] as f64).total_cmp(&(ideal[b] - shares[b] as f64))),
            Ordering::Equal => None,
        };
        match step {
            Some(i) if have < total => shares[i] += 1,
            Some(i) => shares[i] -= 1,
            None => return shares,
        }
    }
}
