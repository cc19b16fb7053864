//! Rows as places, cells and values: everything that a question computes from a row is looked up in its tables.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type};
use datafusion::parquet::basic::Type;

use super::error::RunError;
use crate::plan::{Condition, Domain, Field, PrivateQuery, Value, Vector, What};

/// The place of what is outside a field's closed list.
const NOWHERE: u32 = u32::MAX;

/// A query, ready to look rows up.
pub(super) struct Lookup {
    fields: Vec<FieldLookup>,
    /// What rows must pass.
    condition: Test,
    sets: Vec<SetLookup>,
    terms: Vec<TermLookup>,
}

struct FieldLookup {
    name: String,
    kind: Kind,
    /// The place of "missing".
    missing: u32,
}

enum Kind {
    Codes {
        short: HashMap<u128, u32>,
        long: HashMap<String, u32>,
    },
    Numbers {
        low: i64,
        high: i64,
        /// Whether a number outside is in no cell, as a year or month that there is not; a measure counts as the nearest bound.
        exact: bool,
    },
    Days {
        first: i32,
        last: i32,
    },
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

enum Test {
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
        let fields: Vec<FieldLookup> = query
            .fields
            .iter()
            .filter(|(name, _)| has_column(name))
            .map(|(name, field)| FieldLookup::new(name, field))
            .collect();
        let at = |name: &str| fields.iter().position(|field| field.name == name).ok_or(RunError::Layout);
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
            terms.push(TermLookup { filter: test(&term.filter, query, &at)?, value });
        }
        let condition =
            if query.relation.is_table() { test(&query.condition, query, &at)? } else { Test::Always };
        Ok(Self { fields, condition, sets, terms })
    }

    /// The names of the fields that are looked up.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// The place of "missing" in a field.
    pub(super) fn missing(&self, field: usize) -> u32 {
        self.fields.get(field).map_or(NOWHERE, |field| field.missing)
    }

    /// What gives the place of a field's value as Parquet stores it plainly, in a column of this type.
    pub(super) fn place_of(&self, field: usize, of: Type) -> Result<impl Fn(&[u8]) -> u32, RunError> {
        let kind = self.fields.get(field).map(|field| &field.kind).ok_or(RunError::Layout)?;
        match (kind, of) {
            (Kind::Codes { .. }, Type::BYTE_ARRAY)
            | (Kind::Numbers { .. }, Type::INT64)
            | (Kind::Days { .. }, Type::INT32) => Ok(|value: &[u8]| kind.place_of_plain(value)),
            _ => Err(RunError::Layout),
        }
    }

    /// The place of a year, in the field of years.
    pub(super) fn place_of_year(&self, field: usize, year: i64) -> u32 {
        self.fields.get(field).map_or(NOWHERE, |field| field.kind.place_of_plain(&year.to_le_bytes()))
    }

    /// The places of a batch's rows, by field.
    pub(super) fn places(&self, batch: &RecordBatch) -> Result<Vec<Vec<u32>>, RunError> {
        let of_field =
            |field: &FieldLookup| field.places(batch.column_by_name(&field.name).ok_or(RunError::Layout)?);
        self.fields.iter().map(of_field).collect()
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

fn test(
    condition: &Condition,
    query: &PrivateQuery,
    at: &impl Fn(&str) -> Result<usize, RunError>,
) -> Result<Test, RunError> {
    Ok(match condition {
        Condition::Always => Test::Always,
        Condition::Never => Test::Never,
        Condition::In(name, places) => {
            let len = query.fields.get(name).map_or(0, Field::places);
            let holds = |place| u32::try_from(place).is_ok_and(|place| places.contains(place));
            Test::In(at(name)?, (0..len).map(holds).collect())
        }
        Condition::All(parts) => {
            Test::All(parts.iter().map(|part| test(part, query, at)).collect::<Result<_, _>>()?)
        }
        Condition::Any(parts) => {
            Test::Any(parts.iter().map(|part| test(part, query, at)).collect::<Result<_, _>>()?)
        }
    })
}

impl FieldLookup {
    fn new(name: &str, field: &Field) -> Self {
        let kind = match &field.domain {
            Domain::Codes(codes) => {
                let (mut short, mut long) = (HashMap::new(), HashMap::new());
                for (at, code) in codes.iter().enumerate() {
                    match packed(code.as_bytes()) {
                        Some(key) => drop(short.insert(key, place(at))),
                        None => drop(long.insert(code.clone(), place(at))),
                    }
                }
                Kind::Codes { short, long }
            }
            Domain::Numbers { low, high } => {
                let exact = name == crate::plan::YEAR || name.ends_with("_month");
                Kind::Numbers { low: *low, high: *high, exact }
            }
            Domain::Days { first, last } => Kind::Days { first: *first, last: *last },
        };
        let missing = if field.nullable { place(field.len()) } else { NOWHERE };
        Self { name: name.to_owned(), kind, missing }
    }

    fn places(&self, column: &ArrayRef) -> Result<Vec<u32>, RunError> {
        let places = match &self.kind {
            Kind::Codes { .. } => {
                let codes = column.as_string_opt::<i32>().ok_or(RunError::Layout)?;
                // Neighbouring rows often agree.
                let (mut before, mut there) = (None, self.missing);
                let mut places = Vec::with_capacity(codes.len());
                for code in codes {
                    if code != before {
                        there = code.map_or(self.missing, |code| self.kind.place_of_plain(code.as_bytes()));
                        before = code;
                    }
                    places.push(there);
                }
                places
            }
            Kind::Numbers { low, high, exact } => {
                let numbers = column.as_primitive_opt::<Int64Type>().ok_or(RunError::Layout)?;
                let find = |n| place_of_number(n, *low, *high, *exact);
                numbers.iter().map(|number| number.map_or(self.missing, find)).collect()
            }
            Kind::Days { first, last } => {
                let days = column.as_primitive_opt::<Date32Type>().ok_or(RunError::Layout)?;
                let find = |day: i32| place_of_number(day.into(), (*first).into(), (*last).into(), true);
                days.iter().map(|day| day.map_or(self.missing, find)).collect()
            }
        };
        Ok(places)
    }
}

impl Kind {
    /// The place of a value as Parquet stores it plainly.
    fn place_of_plain(&self, value: &[u8]) -> u32 {
        match self {
            Self::Codes { short, long } => match packed(value) {
                Some(key) => short.get(&key).copied(),
                None => std::str::from_utf8(value).ok().and_then(|code| long.get(code).copied()),
            }
            .unwrap_or(NOWHERE),
            Self::Numbers { low, high, exact } => {
                let number = value.try_into().map(i64::from_le_bytes);
                number.map_or(NOWHERE, |number| place_of_number(number, *low, *high, *exact))
            }
            Self::Days { first, last } => {
                let day = value.try_into().map(i32::from_le_bytes);
                day.map_or(NOWHERE, |day| place_of_number(day.into(), (*first).into(), (*last).into(), true))
            }
        }
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NOWHERE)
}

fn place_of_number(number: i64, low: i64, high: i64, exact: bool) -> u32 {
    if exact && !(low..=high).contains(&number) {
        return NOWHERE;
    }
    u32::try_from(number.clamp(low, high) - low).unwrap_or(NOWHERE)
}

/// A short code as a number: its bytes, and how many.
fn packed(code: &[u8]) -> Option<u128> {
    if code.len() > 15 {
        return None;
    }
    let mut bytes = [0; 16];
    bytes[..code.len()].copy_from_slice(code);
    bytes[15] = u8::try_from(code.len()).ok()?;
    Some(u128::from_le_bytes(bytes))
}
