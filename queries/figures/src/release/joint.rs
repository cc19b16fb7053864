//! Everything a theme's measurements say together: unbiased values with their joint covariance, and the display table.

use std::collections::BTreeMap;

use skjerm_privacy::interval::z;
use skjerm_privacy::marginals::{
    self, Domain, Kind, LinearQuery, Marginal, Reconstruction, Variance, marginal_of,
};

use super::document::{DimensionInfo, Measured, Release, ThemeMeasurement};
use crate::error::FiguresError;
use crate::workload::Order;

/// The confidence of every published interval.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// A value, its standard deviation and its display value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) sd: f64,
    pub(crate) display: i64,
}

/// The measurements of one theme, combined.
pub(crate) struct Joint {
    domain: Domain,
    dims: Vec<DimensionInfo>,
    reconstruction: Reconstruction,
}

/// The sets of codes that make a union of cells, by dimension.
pub(crate) type Cells = BTreeMap<String, Vec<String>>;

impl Joint {
    pub(crate) fn new(
        domain: Domain,
        dims: Vec<DimensionInfo>,
        measured: &[Measured],
    ) -> Result<Self, FiguresError> {
        let measured: Vec<marginals::Measured> = measured
            .iter()
            .map(|one| marginals::Measured {
                marginal: Marginal::new(one.dims.iter().copied()),
                form: one.form,
                sigma: one.sigma,
                values: one.values.clone(),
            })
            .collect();
        let reconstruction = Reconstruction::new(domain.clone(), &measured)?;
        Ok(Self { domain, dims, reconstruction })
    }

    /// The theme of that name in a release.
    pub(crate) fn of_release<'a>(
        release: &'a Release,
        theme: &str,
    ) -> Result<(Self, &'a ThemeMeasurement), FiguresError> {
        let measurement = release.themes.iter().find(|measured| measured.name == theme).ok_or_else(|| {
            FiguresError::Refused {
                message: format!("the release {} has no theme \"{theme}\"", release.id),
                hint: Some(format!(
                    "it was made from the workload \"{}\" version {}",
                    release.workload.name, release.workload.version
                )),
            }
        })?;
        let dims = measurement
            .dimensions
            .iter()
            .map(|name| {
                let found = release.dimensions.iter().find(|dimension| &dimension.name == name).cloned();
                found.ok_or_else(|| {
                    FiguresError::Fault(format!(
                        "the release {} does not describe its dimension \"{name}\"",
                        release.id
                    ))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let domain = if measurement.attributes.is_empty() {
            Domain::new(measurement.sizes.clone())?
        } else {
            Domain::of(measurement.attributes.clone())?
        };
        Ok((Self::new(domain, dims, &measurement.measured)?, measurement))
    }

    pub(crate) fn dims(&self) -> &[DimensionInfo] {
        &self.dims
    }

    /// Non-negative and whole, over all cells.
    pub(crate) fn display_table(&self) -> Result<Vec<i64>, FiguresError> {
        Ok(marginals::display(&self.reconstruction)?)
    }

    /// A table: value, standard deviation and display value of each row, row-major. Along a dimension to date a row is the sum
    /// from the first code to its own.
    pub(crate) fn marginal(&self, marginal: &Marginal, display: &[i64]) -> Result<Vec<Figure>, FiguresError> {
        let estimates = self.reconstruction.marginal(marginal).ok_or_else(undetermined)?;
        let mut shown = marginal_of(&self.domain, display, marginal);
        let to_date =
            |attribute: &usize| matches!(self.domain.attributes()[*attribute].kind(), Kind::Prefixes(_));
        if !marginal.attributes().iter().any(to_date) {
            let figures = estimates.iter().zip(shown);
            return Ok(figures
                .map(|(estimate, display)| Figure { value: estimate.value, sd: estimate.sd, display })
                .collect());
        }
        let sizes: Vec<usize> = marginal.attributes().iter().map(|a| self.domain.sizes()[*a]).collect();
        for (at, _) in marginal.attributes().iter().enumerate().filter(|(_, attribute)| to_date(attribute)) {
            let stride: usize = sizes[at + 1..].iter().product();
            for cell in 0..shown.len() {
                if !(cell / stride).is_multiple_of(sizes[at]) {
                    shown[cell] += shown[cell - stride];
                }
            }
        }
        let figure = |(index, display): (usize, i64)| {
            let places = positions_of(index, &sizes);
            let sets: Vec<(usize, Vec<usize>)> = marginal
                .attributes()
                .iter()
                .zip(places)
                .map(|(attribute, place)| {
                    (*attribute, if to_date(attribute) { (0..=place).collect() } else { vec![place] })
                })
                .collect();
            let (value, sd) = self.estimate(&LinearQuery::union(&self.domain, &sets)?)?;
            Ok(Figure { value, sd, display })
        };
        shown.into_iter().enumerate().map(figure).collect()
    }

    /// The mean and the largest variance of what is asked of a table.
    pub(crate) fn variance(&self, marginal: &Marginal) -> Result<Variance, FiguresError> {
        self.reconstruction.variance(marginal).ok_or_else(undetermined)
    }

    /// The sum over the cells whose codes lie in the given sets.
    pub(crate) fn query(&self, cells: &Cells) -> Result<LinearQuery, FiguresError> {
        Ok(LinearQuery::union(&self.domain, &self.positions(cells)?)?)
    }

    fn positions(&self, cells: &Cells) -> Result<Vec<(usize, Vec<usize>)>, FiguresError> {
        let mut sets = Vec::new();
        for (dimension, codes) in cells {
            let position = self.dims.iter().position(|info| &info.name == dimension);
            let position = position
                .ok_or_else(|| FiguresError::Fault(format!("no dimension \"{dimension}\" in this theme")))?;
            let mut values = Vec::new();
            for code in codes {
                let value = self.dims[position].codes.iter().position(|info| &info.code == code);
                values.push(
                    value.ok_or_else(|| {
                        FiguresError::Fault(format!("no code \"{code}\" in \"{dimension}\""))
                    })?,
                );
            }
            sets.push((position, values));
        }
        Ok(sets)
    }

    /// Value and standard deviation of any combination of cells.
    pub(crate) fn estimate(&self, query: &LinearQuery) -> Result<(f64, f64), FiguresError> {
        let estimate = self.reconstruction.estimate(query).ok_or_else(undetermined)?;
        Ok((estimate.value, estimate.sd))
    }

    /// The covariance of two combinations of cells.
    pub(crate) fn covariance(&self, a: &LinearQuery, b: &LinearQuery) -> Result<f64, FiguresError> {
        self.reconstruction.covariance(a, b).ok_or_else(undetermined)
    }

    /// The cells of a row of a table.
    pub(crate) fn row(&self, key: &BTreeMap<String, String>) -> Cells {
        self.named(&key.iter().map(|(dimension, code)| (dimension.clone(), vec![code.clone()])).collect())
    }

    /// The cells that are meant by these codes: along a dimension to date all from the first code to the one that is named.
    pub(crate) fn named(&self, cells: &Cells) -> Cells {
        let codes = |(dimension, codes): (&String, &Vec<String>)| {
            let info = self.dims.iter().find(|info| &info.name == dimension);
            let to_date = info.filter(|info| info.order == Some(Order::ToDate));
            let last =
                |info: &DimensionInfo| info.codes.iter().rposition(|known| codes.contains(&known.code));
            let place = to_date.and_then(last);
            let held = match (to_date, place) {
                (Some(info), Some(place)) => {
                    info.codes[..=place].iter().map(|known| known.code.clone()).collect()
                }
                _ => codes.clone(),
            };
            (dimension.clone(), held)
        };
        cells.iter().map(codes).collect()
    }

    /// A union of cells, with its display value.
    pub(crate) fn union(&self, cells: &Cells, display: &[i64]) -> Result<Figure, FiguresError> {
        let (value, sd) = self.estimate(&self.query(cells)?)?;
        let sets = self.positions(cells)?;
        let marginal = Marginal::new(sets.iter().map(|(position, _)| *position));
        let sizes: Vec<usize> =
            marginal.attributes().iter().map(|attribute| self.domain.sizes()[*attribute]).collect();
        let shown = marginal_of(&self.domain, display, &marginal);
        let inside = shown.iter().enumerate().filter(|(index, _)| {
            let key = positions_of(*index, &sizes);
            marginal.attributes().iter().zip(key).all(|(attribute, value)| {
                sets.iter()
                    .filter(|(position, _)| position == attribute)
                    .all(|(_, values)| values.contains(&value))
            })
        });
        Ok(Figure { value, sd, display: inside.map(|(_, count)| count).sum() })
    }
}

/// The position in each dimension of a row-major index.
pub(crate) fn positions_of(mut index: usize, sizes: &[usize]) -> Vec<usize> {
    let mut positions = vec![0; sizes.len()];
    for (position, size) in positions.iter_mut().zip(sizes).rev() {
        *position = index % size;
        index /= size;
    }
    positions
}

fn undetermined() -> FiguresError {
    FiguresError::Fault("what was measured does not determine this figure".to_owned())
}

/// The 95 % interval, rounded outwards to two decimals.
pub(crate) fn interval(value: f64, sd: f64) -> (f64, f64) {
    widened(value, sd, z(CONFIDENCE))
}

/// An interval of `quantile` standard deviations, rounded outwards to two decimals.
pub(crate) fn widened(value: f64, sd: f64, quantile: f64) -> (f64, f64) {
    let low = ((value - quantile * sd) * 100.0).floor() / 100.0;
    let high = ((value + quantile * sd) * 100.0).ceil() / 100.0;
    (low, high)
}

/// Two decimals.
pub(crate) fn rounded(value: f64) -> f64 {
    // Adding zero turns a minus zero into zero.
    (value * 100.0).round() / 100.0 + 0.0
}

/// The interval of a count that cannot be negative: the part of it below both zero and the (published, rounded) value says nothing.
pub(crate) fn counted(value: f64, (low, high): (f64, f64)) -> (f64, f64) {
    (low.max(rounded(value).min(0.0)), high)
}
