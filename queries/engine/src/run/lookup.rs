//! Rows as places, cells and values: everything that a question computes from a row is looked up in its tables.

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

/// A grouping set.
enum SetLookup {
    /// The cell of each combination of places of all fields that it is of, where these are few.
    Flat { inputs: Combination, cells: Vec<u32> },
    /// The axes, and the cell of each combination of their classes.
    Axes { axes: Vec<AxisLookup>, cells: Vec<u32> },
}

struct AxisLookup {
    inputs: Combination,
    classes: Vec<u32>,
    count: u32,
}

/// Which fields, how many places each has, and by how much each of these counts.
struct Combination(Vec<Input>);

struct Input {
    field: usize,
    places: u32,
    stride: u32,
}

/// The most combinations of a [`SetLookup::Flat`]: what a core has close by.
const FLAT: usize = 1 << 14;

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

/// Rows, looked up.
#[derive(Default)]
pub(super) struct Found {
    /// For each grouping set the cell of each row, or [`NOWHERE`].
    cells: Vec<Vec<u32>>,
    terms: Vec<FoundTerm>,
    /// Room for what is found on the way.
    combinations: Vec<u32>,
}

#[derive(Default)]
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
    /// Gives the cells and values of these rows, of those that count, to `add`.
    pub(super) fn rows(&self, rows: Range<usize>, mut add: impl FnMut(u32, i64)) {
        let mut add = |cell: u32, value: i64| {
            if cell != NOWHERE {
                add(cell, value);
            }
        };
        let cells = &self.cells[rows.clone()];
        // One loop for each, in which nothing is asked that is the same for all rows.
        match (self.passing.map(|passing| &passing[rows.clone()]), self.values.map(|values| &values[rows])) {
            (None, None) => cells.iter().for_each(|cell| add(*cell, 1)),
            (None, Some(values)) => {
                cells.iter().zip(values).for_each(|(cell, value)| add(*cell, *value));
            }
            (Some(passing), None) => {
                let passing = cells.iter().zip(passing).filter(|(_, passes)| **passes);
                passing.for_each(|(cell, _)| add(*cell, 1));
            }
            (Some(passing), Some(values)) => {
                let passing = cells.iter().zip(values).zip(passing).filter(|(_, passes)| **passes);
                passing.for_each(|((cell, value), _)| add(*cell, *value));
            }
        }
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
                let whole = |number: usize| u32::try_from(number).map_err(|_| RunError::Layout);
                parts.push(Input { field: at(input)?, places: whole(*size)?, stride: whole(stride)? });
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
            sets.push(SetLookup::new(axes, numbers));
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
    pub(super) fn find(&self, places: &[Vec<u32>], rows: usize, found: &mut Found) {
        let Found { cells, terms, combinations } = found;
        let passing = self.condition.passing(places, rows);
        cells.resize_with(self.sets.len(), Vec::new);
        for (set, cells) in self.sets.iter().zip(cells) {
            set.find(places, rows, combinations, cells);
            for (cell, passes) in cells.iter_mut().zip(passing.iter().flatten()) {
                *cell = if *passes { *cell } else { NOWHERE };
            }
        }
        terms.resize_with(self.terms.len(), FoundTerm::default);
        for (term, found) in self.terms.iter().zip(terms) {
            found.passing = term.filter.passing(places, rows);
            if let Some((inputs, table)) = &term.value {
                let value = |at: &u32| table.get(*at as usize).copied().unwrap_or(0);
                let values = found.values.get_or_insert_default();
                values.clear();
                values.extend(inputs.at(places, rows, combinations).iter().map(value));
            }
        }
    }
}

impl SetLookup {
    fn new(axes: Vec<AxisLookup>, cells: Vec<u32>) -> Self {
        let of_axis = |axis: &AxisLookup| axis.inputs.0.iter().map(|input| input.places as usize).product();
        let sizes: Vec<usize> = axes.iter().map(of_axis).collect();
        let Some(number) = sizes.iter().try_fold(1_usize, |all, size| all.checked_mul(*size)) else {
            return Self::Axes { axes, cells };
        };
        if number > FLAT || axes.iter().zip(&sizes).any(|(axis, size)| axis.classes.len() != *size) {
            return Self::Axes { axes, cells };
        }
        // The last axis counts ones; each before it as many as those behind it have combinations.
        let (mut inputs, mut behind) = (Vec::new(), 1);
        for (axis, size) in axes.iter().zip(&sizes).rev() {
            let of_axis = axis.inputs.0.iter();
            inputs.extend(of_axis.map(|input| Input { stride: input.stride * behind, ..*input }));
            behind *= u32::try_from(*size).unwrap_or(u32::MAX);
        }
        let cell = |mut combination: usize| {
            let (mut class, mut stride) = (0, 1);
            for (axis, size) in axes.iter().zip(&sizes).rev() {
                let of_axis = axis.classes.get(combination % size).filter(|class| **class != NOWHERE)?;
                class += *of_axis as usize * stride;
                stride *= axis.count as usize;
                combination /= size;
            }
            cells.get(class).copied()
        };
        let cells = (0..number).map(|at| cell(at).unwrap_or(NOWHERE)).collect();
        Self::Flat { inputs: Combination(inputs), cells }
    }

    /// The cell of each row.
    fn find(&self, places: &[Vec<u32>], rows: usize, combinations: &mut Vec<u32>, found: &mut Vec<u32>) {
        found.clear();
        let (axes, cells) = match self {
            Self::Flat { inputs, cells } => {
                let cell = |at: &u32| cells.get(*at as usize).copied().unwrap_or(NOWHERE);
                found.extend(inputs.at(places, rows, combinations).iter().map(cell));
                return;
            }
            Self::Axes { axes, cells } => (axes, cells),
        };
        found.resize(rows, 0);
        for axis in axes {
            let of_axis = axis.inputs.at(places, rows, combinations);
            for (at, combination) in found.iter_mut().zip(of_axis) {
                let class = axis.classes.get(*combination as usize).copied().unwrap_or(NOWHERE);
                *at = if *at == NOWHERE || class == NOWHERE { NOWHERE } else { *at * axis.count + class };
            }
        }
        for at in found {
            *at = cells.get(*at as usize).copied().unwrap_or(NOWHERE);
        }
    }
}

impl Combination {
    /// The number of each row's combination of places; [`NOWHERE`] if one of them is.
    fn at<'p>(&self, places: &'p [Vec<u32>], rows: usize, room: &'p mut Vec<u32>) -> &'p [u32] {
        if let [Input { field, stride: 1, .. }] = self.0[..] {
            return &places[field];
        }
        room.clear();
        room.resize(rows, 0);
        for Input { field, places: number, stride } in &self.0 {
            for (at, place) in room.iter_mut().zip(&places[*field]) {
                // A place that is none must not be taken for another combination's.
                let is_none = *at == NOWHERE || *place >= *number;
                *at = if is_none { NOWHERE } else { *at + *place * stride };
            }
        }
        room
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An axis of one or two fields with so many places and classes.
    fn axis() -> impl Strategy<Value = (Vec<u32>, Vec<u32>, u32)> {
        (prop::collection::vec(1..5_u32, 1..3), 1..4_u32).prop_flat_map(|(sizes, count)| {
            let combinations = sizes.iter().product::<u32>() as usize;
            let class = prop_oneof![4 => 0..count, 1 => Just(NOWHERE)];
            (Just(sizes), prop::collection::vec(class, combinations), Just(count))
        })
    }

    proptest! {
        /// The cells are those that a look at each axis by itself gives, whichever way they are looked up.
        #[test]
        fn cells_are_those_of_the_axes(
            axes in prop::collection::vec(axis(), 0..4),
            draws in prop::collection::vec(any::<u32>(), 1..200),
        ) {
            let lookups = || {
                let mut field = 0;
                axes.iter().map(|(sizes, classes, count)| {
                    let mut stride: u32 = sizes.iter().product();
                    let inputs = sizes.iter().map(|places| {
                        stride /= places;
                        field += 1;
                        Input { field: field - 1, places: *places, stride }
                    });
                    AxisLookup { inputs: Combination(inputs.collect()), classes: classes.clone(), count: *count }
                }).collect::<Vec<_>>()
            };
            let sizes: Vec<u32> = axes.iter().flat_map(|(sizes, ..)| sizes.clone()).collect();
            // Some places are none.
            let place = |size: &u32, draw: &u32| if draw.is_multiple_of(7) { NOWHERE } else { draw / 7 % size };
            let column = |(at, size): (usize, &u32)| {
                draws.iter().map(|draw| place(size, &draw.rotate_left(5 * u32::try_from(at).unwrap_or(0)))).collect()
            };
            let places: Vec<Vec<u32>> = sizes.iter().enumerate().map(column).collect();
            let classes: u32 = axes.iter().map(|(.., count)| count).product();
            let cells: Vec<u32> = (0..classes).map(|at| if at % 5 == 4 { NOWHERE } else { 100 + at }).collect();
            let expected = (0..draws.len()).map(|row| {
                let (mut field, mut at) = (0, 0);
                for (sizes, of_places, count) in &axes {
                    let mut combination = 0;
                    for size in sizes {
                        let place = places[field][row];
                        field += 1;
                        if place == NOWHERE { return NOWHERE; }
                        combination = combination * size + place;
                    }
                    let class = of_places[combination as usize];
                    if class == NOWHERE { return NOWHERE; }
                    at = at * count + class;
                }
                cells[at as usize]
            });
            let expected: Vec<u32> = expected.collect();
            let flat = SetLookup::new(lookups(), cells.clone());
            let few: usize = sizes.iter().map(|size| *size as usize).product();
            prop_assert_eq!(matches!(flat, SetLookup::Flat { .. }), few <= FLAT);
            for set in [flat, SetLookup::Axes { axes: lookups(), cells: cells.clone() }] {
                let (mut room, mut found) = (vec![7], vec![7]);
                set.find(&places, draws.len(), &mut room, &mut found);
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
