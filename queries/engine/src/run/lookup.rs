//! Rows as cells and values: everything that a question computes from a row is looked up in its tables.

use std::sync::Arc;

use super::cells::{AxisLookup, CellLookup, Combination, Input, mask};
use super::columns::{Columns, NOWHERE};
use super::condition::{Test, test};
use super::error::RunError;
use crate::plan::{Condition, Field, PrivateQuery, Term, Value, What};

/// A query, ready to look rows up.
pub(super) struct Lookup {
    columns: Arc<Columns>,
    /// What rows must pass.
    condition: Test,
    cells: Vec<FilteredCells>,
    /// By term; 1 where there is none.
    values: Vec<Option<(Combination, Table)>>,
    groups: Vec<Group>,
}

/// The cells of rows in a grouping set, of those that pass a filter.
struct FilteredCells {
    cells: CellLookup,
    /// Whether the cells know the query's condition.
    knows_condition: bool,
    /// What rows must pass beside, that the cells do not know.
    filter: Test,
}

struct Table {
    values: Vec<i64>,
    is_small: bool,
}

/// Vectors of one group, as [`groups`] has them.
struct Group {
    /// Which of the lookup's cells.
    cells: usize,
    /// By vector.
    terms: Vec<usize>,
}

/// Combinations that all tables of cells have together, 4 bytes each.
const ROOM: usize = 1 << 20;

/// Rows, looked up.
#[derive(Default)]
pub(super) struct Found {
    /// As the lookup has them the cell of each row, or [`NOWHERE`].
    cells: Vec<Vec<u32>>,
    /// By term which of its values each row has, where that is not the place of a single field.
    values: Vec<Vec<u32>>,
    /// Room for what is found on the way.
    combinations: Vec<u32>,
}

impl Found {
    /// Bytes held, to be counted with the run's memory.
    pub(super) fn bytes(&self) -> usize {
        let all = self.cells.iter().chain(&self.values).chain([&self.combinations]);
        all.map(|room| room.capacity() * size_of::<u32>()).sum()
    }
}

/// What rows add to the vectors of a group.
pub(super) struct Added<'f> {
    /// The cell of each, or [`NOWHERE`].
    pub(super) cells: &'f [u32],
    /// By vector.
    pub(super) values: Vec<Values<'f>>,
}

/// The values of rows.
#[derive(Clone, Copy)]
pub(super) enum Values<'f> {
    One,
    /// Which of a table each row has; 0 where that is none of them. Whether all are so small that no sum of a person's rows
    /// comes to the end of its numbers: below 2³¹.
    Of {
        at: &'f [u32],
        table: &'f [i64],
        is_small: bool,
    },
}

/// Vectors that the same rows add to, and in the same cells, so that they are added up in one pass: two at most.
pub(super) struct Together {
    pub(super) vectors: Vec<usize>,
    /// What rows must pass to add to them.
    filter: Condition,
}

/// All vectors of a query, in groups.
pub(super) fn groups(query: &PrivateQuery) -> Vec<Together> {
    let of = |vector: usize| {
        let vector = query.vectors.get(vector)?;
        Some((vector.set, &query.terms.get(vector.term)?.filter))
    };
    let mut groups: Vec<Together> = Vec::new();
    for at in 0..query.vectors.len() {
        let Some((set, own)) = of(at) else { continue };
        let there = query.rows_summed(at);
        // A mean counts where its column is there, and sums what is there.
        let is_counted = |filter: &Condition| {
            (0..query.vectors.len()).any(|other| other != at && of(other) == Some((set, filter)))
        };
        let filter = there.filter(is_counted).unwrap_or_else(|| own.clone());
        let is_same = |group: &&mut Together| {
            group.vectors.len() == 1
                && group.filter == filter
                && group.vectors.first().and_then(|first| of(*first)).is_some_and(|(of, _)| of == set)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.vectors.push(at),
            None => groups.push(Together { vectors: vec![at], filter }),
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
        let value = |term: &Term| match &term.what {
            What::Rows | What::Persons => Ok(None),
            What::Sum(Value { inputs, sizes, table, .. }) => {
                let is_small = table.iter().all(|value| value.unsigned_abs() < 1 << 31);
                let table = Table { values: table.clone(), is_small };
                Ok(Some((combination(inputs, sizes, &at)?, table)))
            }
        };
        let values = query.terms.iter().map(value).collect::<Result<_, RunError>>()?;
        let sets = (0..query.sets.len()).map(|set| axes(query, set, &at)).collect::<Result<Vec<_>, _>>()?;
        let (mut cells, mut known, mut room) = (Vec::new(), Vec::new(), ROOM);
        let mut all = Vec::new();
        for Together { vectors: group, filter } in groups(query) {
            let vectors = group.iter().map(|vector| query.vectors.get(*vector)).collect::<Option<Vec<_>>>();
            let vectors = vectors.ok_or(RunError::Layout)?;
            let first = vectors.first().ok_or(RunError::Layout)?;
            let of_group = known.iter().position(|(set, of)| *set == first.set && *of == filter);
            let of_group = if let Some(of_group) = of_group {
                of_group
            } else {
                let passes = test(&filter, &query.fields, &at)?;
                known.push((first.set, filter));
                let (axes, numbers) = sets.get(first.set).ok_or(RunError::Layout)?;
                let tests = [&condition, &passes];
                let (of_set, known) = CellLookup::new(axes, numbers, &tests, &places, &mut room);
                let filter = if known > 1 { Test::Always } else { passes };
                cells.push(FilteredCells { cells: of_set, knows_condition: known > 0, filter });
                cells.len() - 1
            };
            let terms = vectors.iter().map(|vector| vector.term).collect();
            all.push(Group { cells: of_group, terms });
        }
        Ok(Self { columns, condition, cells, values, groups: all })
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
    ) -> Result<Vec<Added<'f>>, RunError> {
        let Found { cells, values, combinations } = found;
        let is_left = self.cells.iter().any(|cells| !cells.knows_condition);
        let passing = if is_left { self.condition.passing(places, rows) } else { None };
        cells.resize_with(self.cells.len(), Vec::new);
        let cells = self.cells.iter().zip(cells);
        let cells: Vec<&[u32]> = cells
            .map(|(cells, found)| cells.find(places, rows, passing.as_deref(), combinations, found))
            .collect();
        values.resize_with(self.values.len(), Vec::new);
        let values = self.values.iter().zip(values).map(|(value, room)| match value {
            None => Values::One,
            Some((inputs, table)) => Values::Of {
                at: inputs.at(places, rows, room),
                table: &table.values,
                is_small: table.is_small,
            },
        });
        let values: Vec<Values<'_>> = values.collect();
        let added = |group: &Group| {
            let of_terms = group.terms.iter().map(|term| values.get(*term).copied());
            Some(Added { cells: cells.get(group.cells)?, values: of_terms.collect::<Option<_>>()? })
        };
        self.groups.iter().map(|group| added(group).ok_or(RunError::Layout)).collect()
    }
}

impl FilteredCells {
    fn find<'f>(
        &self,
        places: &[Vec<u32>],
        rows: usize,
        passing: Option<&[bool]>,
        room: &mut Vec<u32>,
        found: &'f mut Vec<u32>,
    ) -> &'f [u32] {
        let passing = passing.filter(|_| !self.knows_condition);
        let of_filter = self.filter.passing(places, rows);
        self.cells.find(places, rows, room, found);
        mask(found, passing);
        mask(found, of_filter.as_deref());
        found
    }
}

/// The axes of a grouping set, and the cell of each combination of their classes.
type Axes = (Arc<[AxisLookup]>, Arc<[u32]>);

fn axes(
    query: &PrivateQuery,
    set: usize,
    at: &impl Fn(&str) -> Result<usize, RunError>,
) -> Result<Axes, RunError> {
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

#[cfg(test)]
mod tests {
    use skjerm_warehouse::policy::Policy;

    use super::*;
    use crate::plan::{Plan, Public};

    /// A mean is summed and counted in one pass; and not where that would change who is counted.
    #[test]
    fn a_mean_goes_over_the_rows_once() {
        let groups_by = |key: &str, columns: &str| {
            let sql = format!("select {key}, {columns} from contact where year = 2024 group by {key}");
            let plan = Plan::new(&Policy::oslo(), &Public::default(), &sql, Some(0.1)).expect("a question");
            groups(&plan.questions[0].query).into_iter().map(|group| group.vectors).collect::<Vec<_>>()
        };
        let groups = |columns: &str| groups_by("shift", columns);
        assert_eq!(groups("avg(minutes)"), [[0, 1]]);
        assert_eq!(groups("avg(minutes) filter (where month = 3)"), [[0, 1]]);
        // Of the same rows as those that are counted, as before.
        assert_eq!(groups("sum(minutes), count(*)"), [[0, 1]]);
        // Persons are counted by the look at the sum, and not by that at the count.
        assert_eq!(groups_by("year", "count(distinct person), avg(minutes)"), [vec![0], vec![1, 2]]);
        // What is missing counts 5 here.
        assert_eq!(groups("sum(coalesce(minutes, 5)), count(minutes)"), [[0], [1]]);
        assert_eq!(groups("sum(minutes), count(minutes) filter (where month = 3)"), [[0], [1]]);
    }
}
