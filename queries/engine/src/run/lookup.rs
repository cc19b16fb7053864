//! Rows as places, cells and values: everything that a question computes from a row is looked up in its tables.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type};

use super::error::RunError;
use crate::plan::{Condition, Domain, Field, PrivateQuery, Value, What};

/// The place of what is outside a field's closed list.
const NOWHERE: u32 = u32::MAX;

/// A query, ready to look rows up.
pub(super) struct Lookup {
    fields: Vec<FieldLookup>,
    sets: Vec<Vec<AxisLookup>>,
    terms: Vec<TermLookup>,
}

struct FieldLookup {
    name: String,
    kind: Kind,
    /// The place of "missing".
    missing: u32,
}

enum Kind {
    Codes { short: HashMap<u128, u32>, long: HashMap<String, u32> },
    Numbers { low: i64, high: i64 },
    Days { first: i32, last: i32 },
}

struct AxisLookup {
    inputs: Combination,
    classes: Vec<u32>,
    count: usize,
}

/// Which fields, and by how much each of their places counts.
struct Combination(Vec<(usize, usize)>);

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
    /// For each grouping set the cell of each row.
    pub(super) cells: Vec<Vec<Option<u32>>>,
    /// For each term the value of each row; nothing where its filter leaves the row out.
    pub(super) values: Vec<Vec<Option<i64>>>,
}

impl Lookup {
    /// For rows with these columns.
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
                parts.push((at(input)?, stride));
            }
            Ok(Combination(parts))
        };
        let mut sets = Vec::new();
        for cells in &query.sets {
            let axes = cells.axes.iter().map(|axis| {
                Ok(AxisLookup {
                    inputs: combination(&axis.inputs, &axis.sizes)?,
                    classes: axis.classes.iter().map(|class| class.unwrap_or(NOWHERE)).collect(),
                    count: axis.count,
                })
            });
            sets.push(axes.collect::<Result<Vec<_>, RunError>>()?);
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
        Ok(Self { fields, sets, terms })
    }

    /// Looks the rows of a batch up.
    pub(super) fn find(&self, query: &PrivateQuery, batch: &RecordBatch) -> Result<Found, RunError> {
        let rows = batch.num_rows();
        let mut places = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let column = batch.column_by_name(&field.name).ok_or(RunError::Layout)?;
            places.push(field.places(column)?);
        }
        let mut cells = Vec::with_capacity(self.sets.len());
        for (axes, of_set) in self.sets.iter().zip(&query.sets) {
            let mut at: Vec<usize> = vec![0; rows];
            let mut nowhere = vec![false; rows];
            for axis in axes {
                for row in 0..rows {
                    let class = axis.inputs.at(&places, row).and_then(|at| axis.classes.get(at).copied());
                    match class {
                        Some(class) if class != NOWHERE => at[row] = at[row] * axis.count + class as usize,
                        _ => nowhere[row] = true,
                    }
                }
            }
            let cell = |row: usize| if nowhere[row] { None } else { of_set.number_at(at[row]) };
            cells.push((0..rows).map(cell).collect());
        }
        let values = self.terms.iter().map(|term| {
            let value = |row: usize| match &term.value {
                None => 1,
                Some((inputs, table)) => {
                    inputs.at(&places, row).and_then(|at| table.get(at).copied()).unwrap_or(0)
                }
            };
            (0..rows).map(|row| term.filter.holds(&places, row).then(|| value(row))).collect()
        });
        Ok(Found { cells, values: values.collect() })
    }
}

impl Combination {
    fn at(&self, places: &[Vec<u32>], row: usize) -> Option<usize> {
        let mut at = 0;
        for (field, stride) in &self.0 {
            let place = places[*field][row];
            if place == NOWHERE {
                return None;
            }
            at += place as usize * stride;
        }
        Some(at)
    }
}

impl Test {
    fn holds(&self, places: &[Vec<u32>], row: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::In(field, holds) => holds.get(places[*field][row] as usize).copied().unwrap_or(false),
            Self::All(parts) => parts.iter().all(|part| part.holds(places, row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(places, row)),
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
        let place = |at: usize| u32::try_from(at).unwrap_or(NOWHERE);
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
            Domain::Numbers { low, high } => Kind::Numbers { low: *low, high: *high },
            Domain::Days { first, last } => Kind::Days { first: *first, last: *last },
        };
        let missing = if field.nullable { place(field.len()) } else { NOWHERE };
        Self { name: name.to_owned(), kind, missing }
    }

    fn places(&self, column: &ArrayRef) -> Result<Vec<u32>, RunError> {
        let place = |at: i64| u32::try_from(at).unwrap_or(NOWHERE);
        match &self.kind {
            Kind::Codes { short, long } => {
                let codes = column.as_string_opt::<i32>().ok_or(RunError::Layout)?;
                // Neighbouring rows often agree.
                let (mut before, mut there) = (None, NOWHERE);
                let find = |row: usize| {
                    if codes.is_null(row) {
                        return self.missing;
                    }
                    let code = codes.value(row);
                    match packed(code.as_bytes()) {
                        Some(key) if before == Some(key) => there,
                        Some(key) => {
                            (before, there) = (Some(key), short.get(&key).copied().unwrap_or(NOWHERE));
                            there
                        }
                        None => long.get(code).copied().unwrap_or(NOWHERE),
                    }
                };
                Ok((0..codes.len()).map(find).collect())
            }
            Kind::Numbers { low, high } => {
                let numbers = column.as_primitive_opt::<Int64Type>().ok_or(RunError::Layout)?;
                let exact = self.name == crate::plan::YEAR || self.name.ends_with("_month");
                let find = |number: Option<i64>| match number {
                    None => self.missing,
                    // A year or month that there is not is in no cell; a measure counts as the nearest bound.
                    Some(n) if exact && !(*low..=*high).contains(&n) => NOWHERE,
                    Some(n) => place(n.clamp(*low, *high) - low),
                };
                Ok(numbers.iter().map(find).collect())
            }
            Kind::Days { first, last } => {
                let days = column.as_primitive_opt::<Date32Type>().ok_or(RunError::Layout)?;
                let find = |day: Option<i32>| match day {
                    None => self.missing,
                    Some(day) if !(*first..=*last).contains(&day) => NOWHERE,
                    Some(day) => place(i64::from(day) - i64::from(*first)),
                };
                Ok(days.iter().map(find).collect())
            }
        }
    }
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
