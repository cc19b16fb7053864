//! Ten attributes, a million cells, all tables over one, two and three of them: how long planning, measuring and putting together
//! take, and how much memory. `cargo bench -p skjerm-privacy --bench wide`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use skjerm_privacy::Rho;
use skjerm_privacy::marginals::{
    Domain, Marginal, Measured, Objective, Reconstruction, Workload, display, marginal_of, plan,
};

const SIZES: [usize; 10] = [5, 5, 5, 5, 5, 5, 4, 4, 2, 2];
const PERSONS: usize = 20_000;

fn main() {
    let domain = Domain::new(SIZES.to_vec()).unwrap();
    let masks = (1_u32..1 << SIZES.len()).filter(|mask| mask.count_ones() <= 3);
    let of = |mask: u32| Marginal::new((0..SIZES.len()).filter(|i| mask >> i & 1 == 1));
    let tables: Vec<(Marginal, f64)> = masks.map(|mask| (of(mask), 1.0)).collect();
    let workload = Workload::new(domain.clone(), tables).unwrap();
    println!("{} cells, {} tables", domain.cells(), workload.tables().len());
    let rho = Rho::from_f64_up(0.31).unwrap();

    for objective in [Objective::Sum, Objective::Largest] {
        let start = Instant::now();
        let plan = plan(&workload, objective).unwrap();
        println!("planned ({objective:?}): {:.2?}, {} measured", start.elapsed(), plan.measured().len());
    }
    let plan = plan(&workload, Objective::Sum).unwrap();

    // A skewed city, every attribute by itself.
    let mut random = ChaCha8Rng::seed_from_u64(10);
    let mut truth = vec![0_i64; domain.cells()];
    for _ in 0..PERSONS {
        let cell = SIZES.iter().fold(0, |cell, size| {
            let value = (random.random_range(0.0..1.0_f64).powi(3) * *size as f64) as usize;
            cell * size + value.min(size - 1)
        });
        truth[cell] += 1;
    }
    let start = Instant::now();
    let measured: Vec<Measured> = plan
        .noise(rho)
        .unwrap()
        .into_iter()
        .map(|(marginal, noise)| {
            let mut values =
                domain.encode(&marginal, plan.form(), marginal_of(&domain, &truth, &marginal)).unwrap();
            noise.add_noise(&mut values).unwrap();
            Measured { marginal, form: plan.form(), sigma: noise.sigma(), values }
        })
        .collect();
    println!("measured: {:.2?}", start.elapsed());
    let start = Instant::now();
    let found = Reconstruction::new(domain.clone(), &measured).unwrap();
    let estimates: Vec<_> =
        workload.tables().iter().map(|(table, _)| found.marginal(table).unwrap()).collect();
    println!("put together, with all intervals: {:.2?}", start.elapsed());
    let start = Instant::now();
    let shown = display(&found).unwrap();
    println!("displayed: {:.2?}", start.elapsed());
    for ways in 1..=3 {
        let (mut count, mut unbiased, mut whole, mut planned) = (0.0, 0.0, 0.0, 0.0);
        let tables = workload.tables().iter().zip(&estimates);
        for ((table, _), estimates) in tables.filter(|((table, _), _)| table.attributes().len() == ways) {
            let exact = marginal_of(&domain, &truth, table);
            for ((exact, estimate), shown) in
                exact.iter().zip(estimates).zip(marginal_of(&domain, &shown, table))
            {
                count += 1.0;
                unbiased += (estimate.value - *exact as f64).powi(2);
                whole += ((shown - exact) as f64).powi(2);
                planned += plan.variance(table, rho).unwrap().mean;
            }
        }
        let root = |sum: f64| (sum / count).sqrt();
        println!(
            "{ways}-way tables: planned {:.2}, error {:.2}, of the display {:.2}",
            root(planned),
            root(unbiased),
            root(whole)
        );
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("memory: unknown"));
}
