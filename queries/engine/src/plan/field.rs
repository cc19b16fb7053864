//! Fields: what a question can test, group by and add up, each with the closed domain that the policy gives it.
//!
//! A *place* is the number of a value in its domain; a field that can be missing has one place more, the last, for
//! "missing". Whatever a question computes from fields is computed here, on the domain and before any data are read:
//! see [`super::grid`].

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray};
use serde::Serialize;
use skjerm_warehouse::policy::{ColumnRole, Policy};

/// Name of the field that all tables of a question share: years are joined on.
pub(crate) const YEAR: &str = "year";

/// The values of a field, in the order answers show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Domain {
    /// Codes of a closed list.
    Codes(Vec<String>),
    /// Whole numbers, both ends included. What lies outside counts as the nearest end.
    Numbers { low: i64, high: i64 },
    /// Days since 1970, both ends included.
    Days { first: i32, last: i32 },
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Field {
    pub(crate) domain: Domain,
    /// Whether it can be missing.
    pub(crate) nullable: bool,
    /// Whether SQL sees the numbers as floats, as it sees every count and sum.
    pub(crate) float: bool,
    /// What people call the codes, for hints.
    #[serde(skip)]
    pub(crate) labels: Vec<[String; 2]>,
}

/// Fields by their names in the private query.
pub(crate) type Fields = BTreeMap<String, Field>;

impl Field {
    /// The field of a declared column; `None` for person and record, which are none.
    pub(crate) fn of_column(policy: &Policy, role: &ColumnRole) -> Option<Self> {
        let mut labels = Vec::new();
        let (domain, nullable) = match role {
            ColumnRole::Person | ColumnRole::Record => return None,
            ColumnRole::Year => (Self::years(policy).domain, false),
            ColumnRole::Month => (Domain::Numbers { low: 1, high: 12 }, false),
            ColumnRole::Date => {
                let day = |year, month, day| days(i16::try_from(year).ok()?, month, day);
                let first = day(policy.years.first, 1, 1)?;
                (Domain::Days { first, last: day(policy.years.last, 12, 31)? }, false)
            }
            ColumnRole::Dimension { codes } => {
                let list = policy.code_list(codes)?;
                labels = list.codes.iter().map(|code| [code.no.clone(), code.en.clone()]).collect();
                (Domain::Codes(list.codes.iter().map(|code| code.code.clone()).collect()), false)
            }
            ColumnRole::Measure { min, max } => (Domain::Numbers { low: *min, high: *max }, true),
        };
        Some(Self { domain, nullable, float: false, labels })
    }

    /// The field of the years.
    pub(crate) fn years(policy: &Policy) -> Self {
        let (low, high) = (i64::from(policy.years.first), i64::from(policy.years.last));
        Self { domain: Domain::Numbers { low, high }, nullable: false, float: false, labels: Vec::new() }
    }

    /// How many values it has.
    pub(crate) fn len(&self) -> usize {
        match &self.domain {
            Domain::Codes(codes) => codes.len(),
            Domain::Numbers { low, high } => count(*low, *high),
            Domain::Days { first, last } => count((*first).into(), (*last).into()),
        }
    }

    /// How many places it has: its values, and "missing" where it can be.
    pub(crate) fn places(&self) -> usize {
        self.len().saturating_add(usize::from(self.nullable))
    }

    /// The values at these places.
    pub(crate) fn values(&self, places: impl Iterator<Item = usize>) -> ArrayRef {
        let len = self.len();
        let there = |place: usize| (place < len).then_some(place);
        match &self.domain {
            Domain::Codes(codes) => Arc::new(
                places
                    .map(|p| there(p).and_then(|p| codes.get(p)).map(String::as_str))
                    .collect::<StringArray>(),
            ),
            Domain::Numbers { low, .. } if self.float => {
                Arc::new(places.map(|p| there(p).map(|p| number(*low, p) as f64)).collect::<Float64Array>())
            }
            Domain::Numbers { low, .. } => {
                Arc::new(places.map(|p| there(p).map(|p| number(*low, p))).collect::<Int64Array>())
            }
            Domain::Days { first, .. } => {
                let day = |p| i32::try_from(number((*first).into(), p)).unwrap_or(i32::MAX);
                Arc::new(places.map(|p| there(p).map(day)).collect::<Date32Array>())
            }
        }
    }

    /// The number at a place; nothing for "missing", codes and days.
    pub(crate) fn number_at(&self, place: usize) -> Option<i64> {
        match &self.domain {
            Domain::Numbers { low, .. } if place < self.len() => Some(number(*low, place)),
            _ => None,
        }
    }

    /// The place of a number; nothing for codes, days and what is not in the domain.
    pub(crate) fn place_of_number(&self, number: i64) -> Option<usize> {
        match &self.domain {
            Domain::Numbers { low, high } if (*low..=*high).contains(&number) => {
                usize::try_from(number - low).ok()
            }
            _ => None,
        }
    }

    /// Calendar year and month of the day at a place; nothing for what are no days.
    pub(crate) fn calendar(&self, place: usize) -> Option<(i64, i64)> {
        let Domain::Days { first, .. } = &self.domain else { return None };
        let day = i64::from(*first) + i64::try_from(place).ok()?;
        let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(day).ok()?).ok()?;
        Some((date.year().into(), date.month().into()))
    }
}

fn count(low: i64, high: i64) -> usize {
    usize::try_from(i128::from(high) - i128::from(low) + 1).unwrap_or(0)
}

fn number(low: i64, place: usize) -> i64 {
    low.saturating_add(i64::try_from(place).unwrap_or(i64::MAX))
}

fn days(year: i16, month: i8, day: i8) -> Option<i32> {
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    date.since(jiff::civil::date(1970, 1, 1)).ok().map(|span| span.get_days())
}
