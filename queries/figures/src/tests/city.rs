//! A made-up city: true counts, seeded noise, and the release made of them. SYNTHETIC.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use skjerm_engine::measure::{
    MarginalsMeasurement, MeasuredDistinct, MeasuredMarginal, MeasuredTheme, PatrolCounts, PatrolTally,
};
use skjerm_privacy::Rho;
use skjerm_privacy::marginals::marginal_of;
use skjerm_warehouse::policy::Policy;

use crate::release::Release;
use crate::release::assemble::{Imprint, assemble};
use crate::release::joint::positions_of;
use crate::release::noise::NoisePlan;
use crate::workload::{Checked, Workload};

/// ρ of the default releases share of a year.
pub(crate) const RHO: f64 = 0.155;

/// True counts of every theme, over all its cells.
pub(crate) struct City {
    pub(crate) policy: Policy,
    pub(crate) workload: Workload,
    pub(crate) checked: Checked,
    pub(crate) noise: NoisePlan,
    pub(crate) truth: Vec<Vec<i64>>,
    pub(crate) municipalities: i64,
}

impl City {
    pub(crate) fn new() -> Self {
        let policy = Policy::oslo();
        let workload = Workload::key_figures();
        let checked = Checked::new(&workload, &policy).unwrap();
        let noise = NoisePlan::new(&workload, &checked, Rho::from_f64_down(RHO).unwrap()).unwrap();
        let totals = BTreeMap::from([
            ("contact", 1977.0),
            ("follow_up", 1443.0),
            ("missing_report", 456.0),
            ("concern_report", 35.0),
            ("journey_home", 108.0),
            ("psychologist", 72.0),
            ("treatment_referral", 19.0),
            ("cannabis_cessation", 42.0),
            ("reinforced_follow_up", 59.0),
            ("employment", 123.0),
            ("bed_stay", 164.0),
            ("services", 6000.0),
        ]);
        let truth = workload
            .themes
            .iter()
            .zip(&checked.themes)
            .map(|(theme, checked)| {
                let sizes = checked.domain.sizes();
                // Skewed: the first codes of each dimension hold most, so that many cells are empty.
                let shares: Vec<f64> = (0..checked.domain.cells())
                    .map(|index| {
                        positions_of(index, sizes)
                            .iter()
                            .zip(sizes)
                            .map(|(at, size)| share(*at, *size))
                            .product()
                    })
                    .collect();
                shares.iter().map(|share| (share * totals[theme.name.as_str()]).round() as i64).collect()
            })
            .collect();
        Self { policy, workload, checked, noise, truth, municipalities: 115 }
    }

    /// One noised measurement.
    pub(crate) fn measure(&self, year: i32, random: &mut ChaCha8Rng) -> MarginalsMeasurement {
        let themes =
            self.workload.themes.iter().zip(&self.checked.themes).zip(&self.noise.themes).zip(&self.truth);
        let themes = themes.map(|(((theme, checked), measured), truth)| MeasuredTheme {
            name: theme.name.clone(),
            form: measured.form,
            measured: measured
                .sigmas
                .iter()
                .map(|(marginal, sigma)| MeasuredMarginal {
                    dims: marginal.attributes().to_vec(),
                    sigma: *sigma,
                    values: checked
                        .domain
                        .encode(marginal, measured.form, marginal_of(&checked.domain, truth, marginal))
                        .unwrap()
                        .iter()
                        .map(|count| count + draw(*sigma, random))
                        .collect(),
                })
                .collect(),
        });
        let distinct = self.workload.distinct.iter().zip(&self.noise.distinct);
        MarginalsMeasurement {
            answer_id: "a1".to_owned(),
            snapshot: "s1".to_owned(),
            year,
            rho: self.noise.rho.as_f64(),
            themes: themes.collect(),
            distinct: distinct
                .map(|(distinct, sigma)| MeasuredDistinct {
                    name: distinct.name.clone(),
                    sigma: *sigma,
                    value: self.municipalities + draw(*sigma, random),
                })
                .collect(),
            request: None,
        }
    }

    /// One release of it.
    pub(crate) fn release(&self, year: i32, seed: u64) -> Release {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let measurement = self.measure(year, &mut random);
        let imprint = Imprint {
            campaign: None,
            of_same_data: Vec::new(),
            revision: 1,
            supersedes: None,
            published: format!("{}-02-01", year + 1),
            synthetic: true,
        };
        let mut release =
            assemble(&self.policy, &self.workload, &measurement, Some(&patrols(year)), imprint).unwrap();
        release.id = format!("{year}-0123456789abcdef");
        release
    }
}

fn share(position: usize, size: usize) -> f64 {
    let weight = |at: usize| 0.55_f64.powi(i32::try_from(at).unwrap());
    weight(position) / (0..size).map(weight).sum::<f64>()
}

pub(crate) fn patrols(year: i32) -> PatrolCounts {
    let tally = PatrolTally {
        patrols: 1951,
        below_two_staff: 39,
        staffed: 1950,
        staff: 4095,
        joint: 195,
        by_shift: BTreeMap::from([("day".to_owned(), 1000), ("evening".to_owned(), 951)]),
        // 37 a week, 34 in the first ten; none in week 29.
        by_week: (0..=52)
            .filter(|week| *week != 29)
            .map(|week| (week, if (1..=10).contains(&week) { 34 } else { 37 }))
            .collect(),
    };
    PatrolCounts {
        year,
        all: tally.clone(),
        by_service: BTreeMap::from([("uteseksjonen".to_owned(), tally)]),
    }
}

/// Discrete Gaussian noise by inversion of its distribution function. Seeded: for simulations only.
pub(crate) fn draw(sigma: f64, random: &mut ChaCha8Rng) -> i64 {
    let reach = (10.0 * sigma).ceil() as i64;
    let weight = |at: i64| (-(at as f64).powi(2) / (2.0 * sigma * sigma)).exp();
    // Rejection from the uniform on ±10σ: exact up to the cut-off at 1e-22.
    loop {
        let at = random.random_range(-reach..=reach);
        if random.random::<f64>() < weight(at) {
            return at;
        }
    }
}
