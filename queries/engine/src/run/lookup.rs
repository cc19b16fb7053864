//! Rows as cells and values: everything that a question computes from a row is looked up in its tables.

use std::sync::Arc;

use super::cells::{AxisLookup, CellLookup, Combination, Input, mask};
use super::columns::{Columns, NOWHERE};
use super::condition::{Test, test};
use super::error::RunError;
use crate::plan::{Field, PrivateQuery, Term, Value, What};

/// A query, ready to look rows up.
pub(super) struct Lookup {
    columns: Arc<Columns>,
    /// What rows must pass.
    condition: Test,
    groups: Vec<GroupLookup>,
}

/// Vectors of one group, as [`groups`] has them.
struct GroupLookup {
    cells: CellLookup,
    /// Whether the cells know the query's condition.
    knows_condition: bool,
    /// What rows must pass beside, that the cells do not know.
    filter: Test,
    /// By vector; 1 where there is none.
    values: Vec<Option<(Combination, Vec<i64>)>>,
}

/// Rows, looked up.
#[derive(Default)]
pub(super) struct Found {
    groups: Vec<FoundGroup>,
    /// Room for what is found on the way.
    combinations: Vec<u32>,
}

#[derive(Default)]
struct FoundGroup {
    /// The cell of each row, or [`NOWHERE`].
    cells: Vec<u32>,
    /// By vector which of its values each row has, where that is not the place of a single field.
    values: Vec<Vec<u32>>,
}

/// What rows add to the vectors of a group.
pub(super) struct Added<'f> {
    /// The cell of each row, or [`NOWHERE`].
    pub(super) cells: &'f [u32],
    /// By vector.
    pub(super) values: Vec<Values<'f>>,
}

/// The values of rows.
#[derive(Clone, Copy)]
pub(super) enum Values<'f> {
    One,
    /// Which of a table each row has; 0 where that is none of them.
    Of {
        at: &'f [u32],
        table: &'f [i64],
    },
}

/// Which vectors the same rows add to, and in the same cells, so that they are added up in one pass: two at most.
pub(super) fn groups(query: &PrivateQuery) -> Vec<Vec<usize>> {
    let of = |vector: usize| {
        let vector = query.vectors.get(vector)?;
        Some((vector.set, &query.terms.get(vector.term)?.filter))
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for vector in 0..query.vectors.len() {
        let same = groups.iter_mut().find(|group| group.len() == 1 && of(group[0]) == of(vector));
        match same {
            Some(group) => group.push(vector),
            None => groups.push(vec![vector]),
        }
    }
    groups
}

impl Lookup {
    /// For rows with these columns. Rows of a single table have still to pass the query's condition.
    pub(super) fn new(query: &PrivateQuery, has_column: impl Fn(&str) -> bool) -> Result<Self, RunError> {
        let fields = query.fields.iter().filter(|(name, _)| has_column(name));
        let columns = Arc::new(Columns::new(fields.map(|(name, field)| (name.as_str(), field))));
        let at = |name: &str| columns.at(name);
        let condition = if query.relation.is_table() {
            test(&query.condition, &query.fields, &at)?
        } else {
            Test::Always
        };
        let places: Vec<usize> =
            columns.names().map(|name| query.fields.get(name).map_or(0, Field::places)).collect();
        let group = |group: Vec<usize>| {
            let vectors = group.iter().map(|vector| query.vectors.get(*vector)).collect::<Option<Vec<_>>>();
            let vectors = vectors.ok_or(RunError::Layout)?;
            let terms = vectors.iter().map(|vector| query.terms.get(vector.term));
            let terms = terms.collect::<Option<Vec<&Term>>>().ok_or(RunError::Layout)?;
            let first = terms.first().zip(vectors.first());
            let (term, vector) = first.ok_or(RunError::Layout)?;
            let (axes, numbers) = axes(query, vector.set, &at)?;
            let filter = test(&term.filter, &query.fields, &at)?;
            let (cells, known) = CellLookup::new(axes, numbers, &[&condition, &filter], &places);
            let filter = if known > 1 { Test::Always } else { filter };
            let values = terms.iter().map(|term| match &term.what {
                What::Rows | What::Persons => Ok(None),
                What::Sum(Value { inputs, sizes, table, .. }) => {
                    Ok(Some((combination(inputs, sizes, &at)?, table.clone())))
                }
            });
            let values = values.collect::<Result<_, RunError>>()?;
            Ok(GroupLookup { cells, knows_condition: known > 0, filter, values })
        };
        let groups = groups(query).into_iter().map(group).collect::<Result<_, RunError>>()?;
        Ok(Self { columns, condition, groups })
    }

    /// The fields that rows are looked up by.
    pub(super) fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Looks so many rows up by the places of their fields, a column at a time. By group what they add.
    pub(super) fn find<'f>(
        &'f self,
        places: &'f [Vec<u32>],
        rows: usize,
        found: &'f mut Found,
    ) -> Vec<Added<'f>> {
        let Found { groups, combinations } = found;
        let is_left = self.groups.iter().any(|group| !group.knows_condition);
        let passing = if is_left { self.condition.passing(places, rows) } else { None };
        groups.resize_with(self.groups.len(), FoundGroup::default);
        let both = self.groups.iter().zip(groups);
        both.map(|(group, found)| group.find(places, rows, passing.as_deref(), combinations, found)).collect()
    }
}

impl GroupLookup {
    fn find<'f>(
        &'f self,
        places: &'f [Vec<u32>],
        rows: usize,
        passing: Option<&[bool]>,
        room: &mut Vec<u32>,
        found: &'f mut FoundGroup,
    ) -> Added<'f> {
        let FoundGroup { cells, values } = found;
        self.cells.find(places, rows, room, cells);
        if !self.knows_condition {
            mask(cells, passing);
        }
        mask(cells, self.filter.passing(places, rows).as_deref());
        values.resize_with(self.values.len(), Vec::new);
        let values = self.values.iter().zip(values).map(|(value, room)| match value {
            None => Values::One,
            Some((inputs, table)) => Values::Of { at: inputs.at(places, rows, room), table },
        });
        Added { cells, values: values.collect() }
    }
}

/// The axes of a grouping set, and the cell of each combination of their classes.
fn axes(
    query: &PrivateQuery,
    set: usize,
    at: &impl Fn(&str) -> Result<usize, RunError>,
) -> Result<(Vec<AxisLookup>, Vec<u32>), RunError> {
    let cells = query.sets.get(set).ok_or(RunError::Layout)?;
    let axes = cells.axes.iter().map(|axis| {
        Ok(AxisLookup {
            inputs: combination(&axis.inputs, &axis.sizes, at)?,
            classes: axis.classes.iter().map(|class| class.unwrap_or(NOWHERE)).collect(),
            count: u32::try_from(axis.count).map_err(|_| RunError::Layout)?,
        })
    });
    let combinations: usize = cells.axes.iter().map(|axis| axis.count).product();
    let numbers = (0..combinations).map(|at| cells.number_at(at).unwrap_or(NOWHERE)).collect();
    Ok((axes.collect::<Result<_, RunError>>()?, numbers))
}

/// Of fields with so many places each, the first counting most.
fn combination(
    inputs: &[String],
    sizes: &[usize],
    at: &impl Fn(&str) -> Result<usize, RunError>,
) -> Result<Combination, RunError> {
    let mut stride: usize = sizes.iter().product();
    let mut parts = Vec::new();
    for (input, size) in inputs.iter().zip(sizes) {
        stride = stride.checked_div(*size).ok_or(RunError::Layout)?;
        let whole = |number: usize| u32::try_from(number).map_err(|_| RunError::Layout);
        parts.push(Input { field: at(input)?, places: whole(*size)?, stride: whole(stride)? });
    }
    Ok(Combination(parts))
}
