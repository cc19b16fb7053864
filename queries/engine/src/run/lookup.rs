//! Rows as places, cells and values: everything that a question computes from a row is looked up in its tables.

use std::borrow::Cow;
use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Int32Type, Int64Type};

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
    Codes { short: HashMap<u128, u32>, long: HashMap<String, u32> },
    Numbers { low: i64, high: i64 },
    Days { first: i32, last: i32 },
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

impl Found {
    /// The cell and the value of a row in a vector, if it counts there.
    pub(super) fn at(&self, vector: &Vector, row: usize) -> Option<(u32, i64)> {
        let (cell, term) = (self.cells[vector.set][row], &self.terms[vector.term]);
        let counts = cell != NOWHERE && term.passing.as_ref().is_none_or(|passing| passing[row]);
        counts.then(|| (cell, term.values.as_ref().map_or(1, |values| values[row])))
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

    /// Looks the rows of a batch up, a column at a time.
    pub(super) fn find(&self, batch: &RecordBatch) -> Result<Found, RunError> {
        let rows = batch.num_rows();
        let mut places = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let column = batch.column_by_name(&field.name).ok_or(RunError::Layout)?;
            places.push(field.places(column)?);
        }
        let passing = self.condition.passing(&places, rows);
        let cells = self.sets.iter().map(|set| set.cells(&places, rows, passing.as_deref()));
        let terms = self.terms.iter().map(|term| FoundTerm {
            passing: term.filter.passing(&places, rows),
            values: term.value.as_ref().map(|(inputs, table)| {
                let value = |at: &u32| table.get(*at as usize).copied().unwrap_or(0);
                inputs.at(&places, rows).iter().map(value).collect()
            }),
        });
        Ok(Found { cells: cells.collect(), terms: terms.collect() })
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
                // Each code of the dictionary once, if there is one.
                let Some(coded) = column.as_dictionary_opt::<Int32Type>() else {
                    let texts = column.as_string_opt::<i32>().ok_or(RunError::Layout)?;
                    return Ok(self.places_of_codes(texts, short, long));
                };
                let texts = coded.values().as_string_opt::<i32>().ok_or(RunError::Layout)?;
                let of_codes = self.places_of_codes(texts, short, long);
                let entry = |at: i32| usize::try_from(at).ok().and_then(|at| of_codes.get(at).copied());
                if coded.null_count() == 0 {
                    return Ok(coded
                        .keys()
                        .values()
                        .iter()
                        .map(|at| entry(*at).unwrap_or(NOWHERE))
                        .collect());
                }
                let find = |at: Option<i32>| at.map_or(self.missing, |at| entry(at).unwrap_or(NOWHERE));
                Ok(coded.keys().iter().map(find).collect())
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
                if numbers.null_count() == 0 {
                    return Ok(numbers.values().iter().map(|number| find(Some(*number))).collect());
                }
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

    fn places_of_codes(
        &self,
        codes: &StringArray,
        short: &HashMap<u128, u32>,
        long: &HashMap<String, u32>,
    ) -> Vec<u32> {
        // Neighbouring rows often agree.
        let (mut before, mut there) = (None, NOWHERE);
        let find = |code: Option<&str>| {
            let Some(code) = code else { return self.missing };
            match packed(code.as_bytes()) {
                Some(key) if before == Some(key) => there,
                Some(key) => {
                    (before, there) = (Some(key), short.get(&key).copied().unwrap_or(NOWHERE));
                    there
                }
                None => long.get(code).copied().unwrap_or(NOWHERE),
            }
        };
        codes.iter().map(find).collect()
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
