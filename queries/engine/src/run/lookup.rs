//! Rows as places, cells and values: everything that a question computes from a row is looked up in its tables.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::columns::{Columns, NOWHERE};
use super::error::RunError;
use crate::plan::{Condition, Field, Fields, PrivateQuery, Value, Vector, What};

/// A query, ready to look rows up.
pub(super) struct Lookup {
    columns: Arc<Columns>,
    /// What rows must pass.
    condition: Test,
    sets: Vec<SetLookup>,
    terms: Vec<TermLookup>,
}

/// The axes of a grouping set, and the cell of each combination of their classes.
struct SetLookup {
    axes: Vec<AxisLookup>,
    cells: Vec<u32>,
}

struct AxisLookup {
    inputs: Combination,
    classes: Vec<u32>,
    count: u32,
}

/// Which fields, and by how much each of their places counts.
struct Combination(Vec<(usize, u32)>);

struct TermLookup {
    filter: Test,
    value: Option<(Combination, Vec<i64>)>,
}

/// A condition on the places of some fields.
pub(super) enum Test {
    Always,
    Never,
    In(usize, Vec<bool>),
    All(Vec<Test>),
    Any(Vec<Test>),
}

/// The rows of a batch, looked up.
pub(super) struct Found {
    /// For each grouping set the cell of each row, or [`NOWHERE`].
    cells: Vec<Vec<u32>>,
    terms: Vec<FoundTerm>,
}

struct FoundTerm {
    /// Which rows pass the filter; all without one.
    passing: Option<Vec<bool>>,
    /// The value of each row; 1 without one.
    values: Option<Vec<i64>>,
}

/// What the rows of a batch add to a vector.
pub(super) struct Added<'f> {
    cells: &'f [u32],
    passing: Option<&'f [bool]>,
    values: Option<&'f [i64]>,
}

impl Found {
    /// The part of it that is in one vector.
    pub(super) fn of(&self, vector: &Vector) -> Option<Added<'_>> {
        let (cells, term) = (self.cells.get(vector.set)?, self.terms.get(vector.term)?);
        Some(Added { cells, passing: term.passing.as_deref(), values: term.values.as_deref() })
    }
}

impl Added<'_> {
    /// The cells and values of these rows, of those that count.
    pub(super) fn rows(&self, rows: Range<usize>) -> impl Iterator<Item = (u32, i64)> {
        rows.filter_map(move |row| {
            let cell = self.cells[row];
            let counts = cell != NOWHERE && self.passing.is_none_or(|passing| passing[row]);
            counts.then(|| (cell, self.values.map_or(1, |values| values[row])))
        })
    }
}

impl Lookup {
    /// For rows with these columns. Rows of a single table have still to pass the query's condition.
    pub(super) fn new(query: &PrivateQuery, has_column: impl Fn(&str) -> bool) -> Result<Self, RunError> {
        let fields = query.fields.iter().filter(|(name, _)| has_column(name));
        let columns = Arc::new(Columns::new(fields.map(|(name, field)| (name.as_str(), field))));
        let at = |name: &str| columns.at(name);
        let combination = |inputs: &[String], sizes: &[usize]| -> Result<Combination, RunError> {
            let mut stride: usize = sizes.iter().product();
            let mut parts = Vec::new();
            for (input, size) in inputs.iter().zip(sizes) {
                stride = stride.checked_div(*size).ok_or(RunError::Layout)?;
                parts.push((at(input)?, u32::try_from(stride).map_err(|_| RunError::Layout)?));
            }
            Ok(Combination(parts))
        };
        let mut sets = Vec::new();
        for cells in &query.sets {
            let axes = cells.axes.iter().map(|axis| {
                Ok(AxisLookup {
                    inputs: combination(&axis.inputs, &axis.sizes)?,
                    classes: axis.classes.iter().map(|class| class.unwrap_or(NOWHERE)).collect(),
                    count: u32::try_from(axis.count).map_err(|_| RunError::Layout)?,
                })
            });
            let axes = axes.collect::<Result<Vec<_>, RunError>>()?;
            let combinations: usize = cells.axes.iter().map(|axis| axis.count).product();
            let numbers = (0..combinations).map(|at| cells.number_at(at).unwrap_or(NOWHERE)).collect();
            sets.push(SetLookup { axes, cells: numbers });
        }
        let mut terms = Vec::new();
        for term in &query.terms {
            let value = match &term.what {
                What::Rows | What::Persons => None,
                What::Sum(Value { inputs, sizes, table, .. }) => {
                    Some((combination(inputs, sizes)?, table.clone()))
                }
            };
            terms.push(TermLookup { filter: test(&term.filter, &query.fields, &at)?, value });
        }
        let condition = if query.relation.is_table() {
            test(&query.condition, &query.fields, &at)?
        } else {
            Test::Always
        };
        Ok(Self { columns, condition, sets, terms })
    }

    /// The fields that rows are looked up by.
    pub(super) fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Looks so many rows up by the places of their fields, a column at a time.
    pub(super) fn find(&self, places: &[Vec<u32>], rows: usize) -> Found {
        let passing = self.condition.passing(places, rows);
        let cells = self.sets.iter().map(|set| set.cells(places, rows, passing.as_deref()));
        let terms = self.terms.iter().map(|term| FoundTerm {
            passing: term.filter.passing(places, rows),
            values: term.value.as_ref().map(|(inputs, table)| {
                let value = |at: &u32| table.get(*at as usize).copied().unwrap_or(0);
                inputs.at(places, rows).iter().map(value).collect()
            }),
        });
        Found { cells: cells.collect(), terms: terms.collect() }
    }
}

impl SetLookup {
    /// The cell of each row that passes.
    fn cells(&self, places: &[Vec<u32>], rows: usize, passing: Option<&[bool]>) -> Vec<u32> {
        let mut at = vec![0; rows];
        for axis in &self.axes {
            let combinations = axis.inputs.at(places, rows);
            for (at, combination) in at.iter_mut().zip(combinations.iter()) {
                let class = axis.classes.get(*combination as usize).copied().unwrap_or(NOWHERE);
                *at = if *at == NOWHERE || class == NOWHERE { NOWHERE } else { *at * axis.count + class };
            }
        }
        for at in &mut at {
            *at = self.cells.get(*at as usize).copied().unwrap_or(NOWHERE);
        }
        for (at, passes) in at.iter_mut().zip(passing.into_iter().flatten()) {
            *at = if *passes { *at } else { NOWHERE };
        }
        at
    }
}

impl Combination {
    /// The number of each row's combination of places; [`NOWHERE`] if one of them is.
    fn at<'p>(&self, places: &'p [Vec<u32>], rows: usize) -> Cow<'p, [u32]> {
        if let [(field, 1)] = self.0[..] {
            return Cow::Borrowed(&places[field]);
        }
        let mut at = vec![0; rows];
        for (field, stride) in &self.0 {
            for (at, place) in at.iter_mut().zip(&places[*field]) {
                *at = if *at == NOWHERE || *place == NOWHERE { NOWHERE } else { *at + *place * stride };
            }
        }
        Cow::Owned(at)
    }
}

impl Test {
    /// Whether a row passes.
    pub(super) fn holds(&self, places: &[Vec<u32>], row: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::In(field, holds) => holds.get(places[*field][row] as usize).copied().unwrap_or(false),
            Self::All(parts) => parts.iter().all(|part| part.holds(places, row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(places, row)),
        }
    }

    /// Which rows pass; nothing where all do.
    fn passing(&self, places: &[Vec<u32>], rows: usize) -> Option<Vec<bool>> {
        match self {
            Self::Always => None,
            Self::Never => Some(vec![false; rows]),
            Self::In(field, holds) => {
                let passes = |place: &u32| holds.get(*place as usize).copied().unwrap_or(false);
                Some(places[*field].iter().map(passes).collect())
            }
            Self::All(parts) => {
                let parts = parts.iter().filter_map(|part| part.passing(places, rows));
                parts.reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| a && b).collect())
            }
            Self::Any(parts) => {
                let parts = parts.iter().map(|part| part.passing(places, rows));
                let any = |a: Option<Vec<bool>>, b: Option<Vec<bool>>| {
                    Some(a?.into_iter().zip(b?).map(|(a, b)| a || b).collect())
                };
                parts.fold(Some(vec![false; rows]), any)
            }
        }
    }
}

/// A condition on fields that are at these places.
pub(super) fn test(
    condition: &Condition,
    fields: &Fields,
    at: &impl Fn(&str) -> Result<usize, RunError>,
) -> Result<Test, RunError> {
    Ok(match condition {
        Condition::Always => Test::Always,
        Condition::Never => Test::Never,
        Condition::In(name, places) => {
            let len = fields.get(name).map_or(0, Field::places);
            let holds = |place| u32::try_from(place).is_ok_and(|place| places.contains(place));
            Test::In(at(name)?, (0..len).map(holds).collect())
        }
        Condition::All(parts) => {
            Test::All(parts.iter().map(|part| test(part, fields, at)).collect::<Result<_, _>>()?)
        }
        Condition::Any(parts) => {
            Test::Any(parts.iter().map(|part| test(part, fields, at)).collect::<Result<_, _>>()?)
        }
    })
}
