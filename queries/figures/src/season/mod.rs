//! Season and trend of noised series: values by month or quarter, taken apart, with intervals that know the noise.
//!
//! A series is taken apart by STL (Cleveland and others 1990, "STL: a seasonal-trend decomposition procedure
//! based on Loess", Journal of Official Statistics 6(1), 3–33): value = trend + season + remainder. Settings are fixed: the season is the
//! same every year (their "periodic": each month's mean), the trend window is the one they give for it, no robustness, and
//! [`LOOPS`] inner loops.
//!
//! Without robustness every step is a weighted mean with weights that look at places and never at values, so each component is a fixed
//! matrix times the series. With y = x + noise, the noise having the known covariance Σ, the component A·y has the mean A·x and the
//! covariance A·Σ·Aᵀ: nothing is approximated but that sums of discrete Gaussians are normal.
//!
//! # What the intervals say
//!
//! They hold, 95 times in 100 and at each point by itself, what the same computation would show of the series without noise. How a
//! service's months vary by nature, whether next year will be like these, and what smoothing bends is no part of them.
//!
//! # Privacy
//!
//! *Unit, sensitivity, mechanism, cost*: none of its own. It works on values that have left already, with the noise they left
//! with, and is free.

mod matrix;
mod of_releases;

use serde::{Deserialize, Serialize};
use skjerm_privacy::interval::{chi_squared_above, z};

use crate::error::FiguresError;
use crate::release::joint::CONFIDENCE;
use crate::text::Text;
use matrix::Matrix;
pub use of_releases::{Series, of_releases};

/// How often a series without any season is said to have one.
pub const FALSE_ALARM: f64 = 0.01;

/// The authors' two loops leave up to a sixth of a year's linear growth in the season of a series of two years; after twenty loops it is
/// gone to three digits.
const LOOPS: usize = 30;

/// The longest series: a matrix of its square is worked with.
pub const LONGEST: usize = 1000;

/// A series taken apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decomposition {
    /// Values a year: 12 for months, 4 for quarters.
    pub period: usize,
    /// One a value of the series, in its order.
    pub points: Vec<Point>,
    /// Whether there is a season at all; nothing where the series has no noise.
    pub season: Option<SeasonTest>,
}

/// One value of the series, taken apart: trend + season + remainder.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The value as given.
    pub value: Part,
    /// Its trend.
    pub trend: Part,
    /// What the time of year adds.
    pub season: Part,
    /// What neither says.
    pub remainder: Part,
    /// The value without the season. Where the season cannot be told from the noise, show `value` instead.
    pub adjusted: Part,
}

/// A component at one point, in the unit of the series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Unbiased for the same component of the series without noise.
    pub value: f64,
    /// Standard deviation of the noise in it.
    pub sd: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// Whether the season can be told from the noise: the χ² test that all times of the year are alike in the series without noise, by
/// the covariance that noise gives the season. Says nothing about whether it comes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeasonTest {
    /// The season's squared distance from none, in units of the noise.
    pub statistic: f64,
    /// Degrees of freedom: one less than the period.
    pub degrees: usize,
    /// How likely noise alone is to give as much.
    pub p_value: f64,
    /// `p_value` is below [`FALSE_ALARM`].
    pub distinguishable: bool,
    /// One plain sentence.
    pub sentence: Text,
}

/// The covariance of independent noise with these variances, as [`decompose`] takes it.
pub fn independent(variances: &[f64]) -> Vec<f64> {
    let n = variances.len();
    let mut covariance = vec![0.0; n * n];
    for (at, variance) in variances.iter().enumerate() {
        covariance[at * n + at] = *variance;
    }
    covariance
}

/// Takes one series apart; see [`Smoother`] for many of one length.
///
/// `values`: one for each month or quarter without a gap, at least two whole years. `covariance`: of the noise in them, row-major, as
/// many rows and columns as values; zero for exact figures. `period`: values a year.
///
/// # Errors
/// Refuses, with what to do: fewer than two years, a period below 2, a value that is no number, and a matrix that is no covariance.
pub fn decompose(values: &[f64], covariance: &[f64], period: usize) -> Result<Decomposition, FiguresError> {
    Smoother::new(values.len(), period)?.decompose(values, covariance)
}

/// Takes series of one length and period apart.
#[derive(Debug, Clone)]
pub struct Smoother {
    period: usize,
    trend: Matrix,
    season: Matrix,
}

impl Smoother {
    /// For series of so many values, so many a year.
    ///
    /// # Errors
    /// As for [`decompose`].
    pub fn new(length: usize, period: usize) -> Result<Self, FiguresError> {
        if period < 2 {
            return Err(refused(
                format!("a season needs at least two values a year, and this series has {period}"),
                "give months (12) or quarters (4)",
            ));
        }
        if length / 2 < period {
            return Err(refused(
                format!(
                    "a season needs two whole years, which are {} values, and the series has {length}",
                    period.saturating_mul(2)
                ),
                "show the values unadjusted until there are two years of them",
            ));
        }
        if length > LONGEST {
            return Err(refused(
                format!("the series has {length} values, and at most {LONGEST} are taken apart"),
                "give its last years",
            ));
        }
        let mut settings = stlrs::Stl::params();
        // Every jump is 1: fitted at each point, nothing in between.
        settings.seasonal_length(10 * length + 1).seasonal_degree(0).inner_loops(LOOPS);
        settings.seasonal_jump(1).trend_jump(1).low_pass_jump(1);
        let (mut trend, mut season) = (Matrix::zero(length, length), Matrix::zero(length, length));
        // Linear: what it makes of each unit vector says what it makes of every series.
        for at in 0..length {
            let mut unit = vec![0.0_f64; length];
            unit[at] = 1.0;
            let parts = settings
                .fit(&unit, period)
                .map_err(|error| FiguresError::Fault(format!("the series was not taken apart: {error}")))?;
            trend.set_column(at, parts.trend());
            season.set_column(at, parts.seasonal());
        }
        Ok(Self { period, trend, season })
    }

    /// Takes one series apart.
    ///
    /// # Errors
    /// As for [`decompose`]; another length than the smoother's is a fault of the caller and refused too.
    pub fn decompose(&self, values: &[f64], covariance: &[f64]) -> Result<Decomposition, FiguresError> {
        let n = self.trend.rows();
        let noise = checked(n, values, covariance)?;
        let identity = Matrix::identity(n);
        let adjusted = identity.less(&self.season);
        let parts = |of: &Matrix| -> Vec<Part> {
            let parts = of.times(values).into_iter().zip(of.variances(&noise));
            parts.map(|(value, variance)| part(value, variance)).collect()
        };
        let (value, trend, season) = (parts(&identity), parts(&self.trend), parts(&self.season));
        let (remainder, without) = (parts(&adjusted.less(&self.trend)), parts(&adjusted));
        let points = (0..n).map(|at| Point {
            value: value[at],
            trend: trend[at],
            season: season[at],
            remainder: remainder[at],
            adjusted: without[at],
        });
        Ok(Decomposition {
            period: self.period,
            points: points.collect(),
            season: self.test(values, &noise)?,
        })
    }

    /// The test of a series alone.
    #[cfg(test)]
    pub(crate) fn test_of(
        &self,
        values: &[f64],
        covariance: &[f64],
    ) -> Result<Option<SeasonTest>, FiguresError> {
        self.test(values, &checked(self.trend.rows(), values, covariance)?)
    }

    /// The season of each time of the year against their mean, without the last, which follows from the others.
    fn test(&self, values: &[f64], noise: &Matrix) -> Result<Option<SeasonTest>, FiguresError> {
        if noise.diagonal().all(|variance| variance == 0.0) {
            return Ok(None);
        }
        let (n, degrees) = (self.trend.rows(), self.period - 1);
        let mut contrasts = Matrix::zero(degrees, n);
        for phase in 0..self.period {
            let years = (phase..n).step_by(self.period).count() as f64;
            for at in (phase..n).step_by(self.period) {
                for row in 0..degrees {
                    let own = if row == phase { 1.0 } else { 0.0 };
                    contrasts.set(row, at, (own - 1.0 / self.period as f64) / years);
                }
            }
        }
        let of_values = contrasts.product(&self.season);
        let covariance = of_values.product(noise).product(&of_values.transposed());
        let Some(statistic) = covariance.squared_length(&of_values.times(values)) else {
            return Err(refused(
                "the noise of too many of these values is zero to tell a season from it".to_owned(),
                "give a series whose values all have noise, or one without any",
            ));
        };
        let p_value = chi_squared_above(statistic, degrees as f64);
        let distinguishable = p_value < FALSE_ALARM;
        let sentence = if distinguishable {
            Text::new("Sesongen kan skilles fra støyen.", "The season can be told from the noise.")
        } else {
            Text::new(
                "Ingen sesong kan skilles fra støyen; tallene bør vises ujustert.",
                "No season can be told from the noise; the values should be shown unadjusted.",
            )
        };
        Ok(Some(SeasonTest { statistic, degrees, p_value, distinguishable, sentence }))
    }
}

fn part(value: f64, variance: f64) -> Part {
    // A variance of zero may come out a hair below it.
    let sd = variance.max(0.0).sqrt();
    let reach = z(CONFIDENCE) * sd;
    Part { value, sd, low: value - reach, high: value + reach }
}

/// The covariance as a matrix, if it can be one.
fn checked(n: usize, values: &[f64], covariance: &[f64]) -> Result<Matrix, FiguresError> {
    if values.len() != n {
        return Err(refused(
            format!("the series has {} values, and the smoother is for {n}", values.len()),
            "make a smoother for this length",
        ));
    }
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(refused(
            format!("value {} of the series is no number", at + 1),
            "a month that was not measured cannot be taken apart: begin the series after it",
        ));
    }
    let Some(noise) = Matrix::new(n, n, covariance.to_vec()) else {
        return Err(no_covariance(&format!(
            "it has {} numbers, and {n} times {n} are needed",
            covariance.len()
        )));
    };
    if covariance.iter().any(|number| !number.is_finite()) {
        return Err(no_covariance("it holds something that is no number"));
    }
    let variances: Vec<f64> = noise.diagonal().collect();
    if variances.iter().any(|variance| *variance < 0.0) {
        return Err(no_covariance("a variance is negative"));
    }
    for row in 0..n {
        for column in 0..row {
            let (one, other) = (noise.at(row, column), noise.at(column, row));
            let most = (variances[row] * variances[column]).sqrt();
            if (one - other).abs() > 1e-9 * most {
                return Err(no_covariance(&format!(
                    "rows {} and {} do not mirror each other",
                    column + 1,
                    row + 1
                )));
            }
            if one.abs() > most * (1.0 + 1e-9) {
                return Err(no_covariance(&format!(
                    "values {} and {} vary more together than alone",
                    column + 1,
                    row + 1
                )));
            }
        }
    }
    if !noise.is_semidefinite() {
        return Err(no_covariance("some sum of the values would have a negative variance"));
    }
    Ok(noise)
}

fn no_covariance(what: &str) -> FiguresError {
    refused(
        format!("the matrix is no covariance of the series' noise: {what}"),
        "give one row and one column a value; `independent` makes it of variances",
    )
}

fn refused(message: String, hint: &str) -> FiguresError {
    FiguresError::Refused { message, hint: Some(hint.to_owned()) }
}
