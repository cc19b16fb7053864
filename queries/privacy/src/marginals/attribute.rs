//! Attributes of a domain: how many values each has, and what is asked of them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::strategy::{self, Aim, Strategy};
use crate::PrivacyError;

/// The most values of an attribute with an order: its strategy is found by dense matrices.
pub const MAX_ORDERED: usize = 64;

/// The most values of which a unit may be in several: their bases are dense matrices, too.
const MAX_SEVERAL: usize = 512;

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Attribute {
    size: usize,
    kind: Kind,
}

/// What is asked of an attribute's values, and how they are measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Single values. A table without the attribute sums over it.
    Nominal,
    /// Sums over neighbouring values, single ones included. A table without the attribute sums over it.
    Ranges(Strategy),
    /// Sums from the first value on. Every table has the attribute.
    Prefixes(Strategy),
    /// A unit may be in several values, and counts `unit` in each until the L2 norm over them is `norm`. Every table has the
    /// attribute: distinct persons of several months are not the sum of the months'.
    Several {
        /// What one whole unit counts for.
        unit: u64,
        /// The L2 norm that no unit exceeds.
        norm: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Raw {
    size: usize,
    kind: Kind,
}

impl From<Attribute> for Raw {
    fn from(Attribute { size, kind }: Attribute) -> Self {
        Self { size, kind }
    }
}

impl TryFrom<Raw> for Attribute {
    type Error = PrivacyError;

    fn try_from(Raw { size, kind }: Raw) -> Result<Self, PrivacyError> {
        Self { size, kind }.checked()
    }
}

impl Attribute {
    /// Single values.
    pub fn nominal(size: usize) -> Self {
        Self { size, kind: Kind::Nominal }
    }

    /// Sums over ranges of values, as good on average as can be.
    pub fn ranges(size: usize) -> Result<Self, PrivacyError> {
        if size < 2 {
            return Ok(Self::nominal(size));
        }
        Self { size, kind: Kind::Ranges(cached(size, true)?) }.checked()
    }

    /// Sums from the first value on, the worst of them as good as can be.
    pub fn prefixes(size: usize) -> Result<Self, PrivacyError> {
        Self { size, kind: Kind::Prefixes(cached(size, false)?) }.checked()
    }

    /// A unit may be in several values; see [`Kind::Several`].
    pub fn several(size: usize, unit: u64, norm: u64) -> Result<Self, PrivacyError> {
        Self { size, kind: Kind::Several { unit, norm } }.checked()
    }

    /// The number of values.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What is asked of them.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether every table must have it.
    pub fn is_always_in(&self) -> bool {
        matches!(self.kind, Kind::Prefixes(_) | Kind::Several { .. })
    }

    /// What is asked, one a row; `None` for single values.
    pub(super) fn asked(&self) -> Option<DMatrix<f64>> {
        match self.kind {
            Kind::Nominal | Kind::Several { .. } => None,
            Kind::Ranges(_) => Some(strategy::ranges(self.size)),
            Kind::Prefixes(_) => Some(strategy::prefixes(self.size)),
        }
    }

    /// What one unit more can change the attribute's measured values by, squared, in the given form.
    pub(super) fn sensitivity_squared(&self, apart: bool) -> u128 {
        match &self.kind {
            // The rows of nI − J.
            Kind::Nominal if apart => self.size as u128 * (self.size as u128).saturating_sub(1),
            Kind::Nominal => 1,
            Kind::Ranges(strategy) | Kind::Prefixes(strategy) => strategy.sensitivity_squared(),
            Kind::Several { norm, .. } => u128::from(*norm).pow(2),
        }
    }

    fn checked(self) -> Result<Self, PrivacyError> {
        let refuse = |problem: String| Err(PrivacyError::Domain(problem));
        match &self.kind {
            Kind::Nominal => {}
            Kind::Ranges(strategy) | Kind::Prefixes(strategy) => {
                ordered(self.size)?;
                let apart = matches!(self.kind, Kind::Ranges(_));
                if !strategy.fits(self.size, apart) {
                    return refuse(format!(
                        "the strategy of an attribute with {} values does not measure them all",
                        self.size
                    ));
                }
            }
            Kind::Several { unit, norm } => {
                if self.size > MAX_SEVERAL {
                    return refuse(format!(
                        "a unit may be in several of {} values, and at most {MAX_SEVERAL} can be planned: group its codes",
                        self.size
                    ));
                }
                if *unit == 0 || norm < unit {
                    return refuse(format!(
                        "a unit that counts {unit} and has a norm of at most {norm} is never counted whole: the norm must be at least 1"
                    ));
                }
            }
        }
        Ok(self)
    }
}

fn ordered(size: usize) -> Result<(), PrivacyError> {
    if (1..=MAX_ORDERED).contains(&size) {
        Ok(())
    } else {
        Err(PrivacyError::Domain(format!(
            "an attribute with an order has {size} values, and at most {MAX_ORDERED} can be planned: group its codes"
        )))
    }
}

/// Finding a strategy takes a while, and the same few are asked for again and again.
fn cached(size: usize, ranges: bool) -> Result<Strategy, PrivacyError> {
    static FOUND: LazyLock<Mutex<HashMap<(usize, bool), Strategy>>> = LazyLock::new(Mutex::default);
    ordered(size)?;
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let strategy = found.entry((size, ranges)).or_insert_with(|| {
        if ranges {
            strategy::best(&strategy::ranges(size), true, Aim::Mean).strategy
        } else {
            strategy::best(&strategy::prefixes(size), false, Aim::Largest).strategy
        }
    });
    Ok(strategy.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn attributes_are_checked_also_when_read() {
        let months = Attribute::prefixes(12).unwrap();
        let text = serde_json::to_string(&months).unwrap();
        assert_eq!(serde_json::from_str::<Attribute>(&text).unwrap(), months);
        // A strategy that measures less than it says.
        let damaged = r#"{"size":2,"kind":{"prefixes":[[1,1],[2,2]]}}"#;
        assert!(
            serde_json::from_str::<Attribute>(damaged).unwrap_err().to_string().contains("does not measure")
        );
        assert!(serde_json::from_str::<Attribute>(r#"{"size":2,"kind":{"ranges":[[1,1],[0,1]]}}"#).is_err());
        assert!(Attribute::several(3, 1024, 1000).is_err() && Attribute::several(3, 0, 0).is_err());
        assert!(Attribute::prefixes(0).is_err() && Attribute::prefixes(65).is_err());
        assert_eq!(Attribute::ranges(1).unwrap().kind(), &Kind::Nominal);
    }

    #[test]
    fn sensitivities_are_those_of_the_measured_matrices() {
        let columns = |rows: &[Vec<i64>]| {
            (0..rows[0].len())
                .map(|j| rows.iter().map(|row| u128::from(row[j].unsigned_abs()).pow(2)).sum::<u128>())
                .max()
                .unwrap()
        };
        let Attribute { kind: Kind::Ranges(strategy), .. } = Attribute::ranges(5).unwrap() else {
            unreachable!()
        };
        assert_eq!(Attribute::ranges(5).unwrap().sensitivity_squared(true), columns(strategy.rows()));
        let residual: Vec<Vec<i64>> =
            (0..5).map(|i| (0..5).map(|j| if i == j { 4 } else { -1 }).collect()).collect();
        assert_eq!(Attribute::nominal(5).sensitivity_squared(true), columns(&residual));
        assert_eq!(Attribute::nominal(5).sensitivity_squared(false), 1);
        assert_eq!(Attribute::several(12, 1024, 2048).unwrap().sensitivity_squared(false), 2048 * 2048);
    }
}
