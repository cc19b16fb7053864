//! The private query: what is read, how it is cut into cells, and how one person-year is bounded.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skjerm_warehouse::policy::{ColumnRole, Grain};

use super::condition::{Condition, Scope, Slot, Value};
use super::refuse::{Refusal, refuse};

/// Bits after the point of a scaled value.
pub(crate) const FIXED_BITS: u32 = 16;
/// One, in fixed point.
pub(crate) const ONE: i64 = 1 << FIXED_BITS;
/// The largest norm of one person-year, so that fixed point and sums over all persons stay within 63 bits.
const MAX_NORM: u64 = 1 << 30;

/// What is summed in each cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Aggregate {
    /// `count(*)`
    Rows,
    /// `count(distinct person)`
    Persons,
    /// `count(measure)`: rows where the measure is present.
    Present(String),
    /// `sum(measure)`
    Sum(String),
}

impl Aggregate {
    /// The same number where a person-year has one row.
    pub(super) fn of_person_years(self) -> Self {
        if self == Self::Persons { Self::Rows } else { self }
    }

    /// As SQL writes it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Rows => "count(*)".to_owned(),
            Self::Persons => "count(distinct person)".to_owned(),
            Self::Present(column) => format!("count({column})"),
            Self::Sum(column) => format!("sum({column})"),
        }
    }
}

/// How one person-year's part in one aggregate is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Bounding {
    /// It is in one cell at most, with the value 1.
    One,
    /// Its value in each cell is clamped to `low..=high`, then its vector is scaled to an L2 norm chosen
    /// privately, `max_norm` at most.
    Norm { low: i64, high: i64, max_norm: u64 },
}

/// One axis of the answer: a slot and the places of its closed list that the filter leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) slot: Slot,
    pub(crate) values: Vec<Value>,
}

/// The cells of an answer, from the question's text and the policy alone.
///
/// A cell is a choice of one value on each axis; some combinations may be left out by the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) axes: Vec<Axis>,
    /// Row-major over the axes: the number of each cell, `None` for those left out.
    numbers: Vec<Option<u32>>,
    count: usize,
}

impl Cells {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The number of the cell at these places on the axes.
    pub(crate) fn number(&self, places: impl IntoIterator<Item = usize>) -> Option<u32> {
        let mut at = 0;
        for (axis, place) in self.axes.iter().zip(places) {
            at = at * axis.values.len() + place;
        }
        self.numbers.get(at).copied().flatten()
    }

    /// The values of each cell, in order of their numbers.
    pub(crate) fn keys(&self) -> Vec<Vec<Value>> {
        let mut keys = Vec::with_capacity(self.count);
        for (at, _) in self.numbers.iter().enumerate().filter(|(_, number)| number.is_some()) {
            keys.push(
                self.places(at).zip(&self.axes).filter_map(|(p, axis)| axis.values.get(p).cloned()).collect(),
            );
        }
        keys
    }

    fn places(&self, at: usize) -> impl Iterator<Item = usize> {
        let mut rest = at;
        let mut places: Vec<usize> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            places.push(rest % axis.values.len().max(1));
            rest /= axis.values.len().max(1);
        }
        places.into_iter().rev()
    }
}

/// A checked private query. It names no data: it was made from the text and the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrivateQuery {
    pub(crate) table: String,
    pub(crate) grain: Grain,
    pub(crate) condition: Condition,
    /// The closed lists that the condition's places refer to.
    pub(crate) lists: BTreeMap<Slot, Vec<Value>>,
    /// Every year that a passing row can have; each is read, bounded and charged by itself.
    pub(crate) years: BTreeSet<i32>,
    pub(crate) cells: Cells,
    /// Sorted, no repetitions.
    pub(crate) aggregates: Vec<(Aggregate, Bounding)>,
    pub(crate) max_rows: u32,
    /// The most cells one person-year can be in.
    pub(crate) max_groups: u64,
}

impl PrivateQuery {
    /// Checks a question's private part against the policy.
    pub(super) fn new(
        scope: Scope<'_>,
        condition: Condition,
        mut keys: Vec<Slot>,
        mut aggregates: Vec<Aggregate>,
    ) -> Result<Self, Refusal> {
        keys.sort();
        keys.dedup();
        aggregates.sort();
        aggregates.dedup();
        let years = years(scope, &condition)?;
        if aggregates.contains(&Aggregate::Persons) && years.len() > 1 && !keys.contains(&Slot::Year) {
            return Err(refuse("count(distinct person) over several years would count a person once a year")
                .hint("Group by year, or name one year: `where year = 2024`."));
        }
        if scope.table.grain == Grain::PersonYear {
            // One row a person-year: rows and persons are the same number, and the same question.
            for aggregate in &mut aggregates {
                *aggregate = aggregate.clone().of_person_years();
            }
            aggregates.sort();
            aggregates.dedup();
        }
        let cells = cells(scope, &condition, &keys)?;
        let by_year = keys.contains(&Slot::Year);
        let max_groups = most_cells_a_year(&cells, by_year);
        let one_cell = scope.table.grain == Grain::PersonYear || keys.iter().all(|key| *key == Slot::Year);
        let aggregates = aggregates
            .into_iter()
            .map(|aggregate| {
                bounding(scope, &aggregate, one_cell, max_groups).map(|bound| (aggregate, bound))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            table: scope.table.name.clone(),
            grain: scope.table.grain,
            lists: lists(scope, &condition),
            condition,
            years,
            cells,
            aggregates,
            max_rows: scope.table.max_rows,
            max_groups: if one_cell { 1 } else { max_groups },
        })
    }

    /// The names of the columns it reads beside person and year, sorted.
    pub(crate) fn columns(&self) -> BTreeSet<String> {
        let mut columns = self.condition.columns();
        columns.extend(self.cells.axes.iter().map(|axis| axis.slot.column().to_owned()));
        for (aggregate, _) in &self.aggregates {
            match aggregate {
                Aggregate::Present(column) | Aggregate::Sum(column) => {
                    columns.insert(column.clone());
                }
                Aggregate::Rows | Aggregate::Persons => {}
            }
        }
        columns.remove("year");
        columns
    }

    /// The text that two spellings of the same question share. With the snapshot, the price and the bounds it
    /// is the key of the stored answer.
    pub(crate) fn canonical(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Canonical<'a> {
            table: &'a str,
            condition: &'a Condition,
            lists: BTreeMap<&'a str, &'a [Value]>,
            years: &'a BTreeSet<i32>,
            axes: Vec<(&'a Slot, &'a [Value])>,
            aggregates: &'a [(Aggregate, Bounding)],
            max_rows: u32,
            fixed_bits: u32,
        }
        serde_json::to_string(&Canonical {
            table: &self.table,
            condition: &self.condition,
            lists: self.lists.iter().map(|(slot, values)| (slot.column(), values.as_slice())).collect(),
            years: &self.years,
            axes: self.cells.axes.iter().map(|axis| (&axis.slot, axis.values.as_slice())).collect(),
            aggregates: &self.aggregates,
            max_rows: self.max_rows,
            fixed_bits: FIXED_BITS,
        })
    }
}

fn lists(scope: Scope<'_>, condition: &Condition) -> BTreeMap<Slot, Vec<Value>> {
    let mut slots = BTreeSet::new();
    slots_of(condition, &mut slots);
    slots.into_iter().map(|slot| (slot.clone(), scope.values(slot))).collect()
}

fn slots_of<'c>(condition: &'c Condition, slots: &mut BTreeSet<&'c Slot>) {
    match condition {
        Condition::OneOf(slot, _) => {
            slots.insert(slot);
        }
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                slots_of(part, slots);
            }
        }
        Condition::Always | Condition::Never | Condition::Within(..) | Condition::Missing(_) => {}
    }
}

/// The years whose rows could pass, by three-valued evaluation with the year fixed and all else unknown.
fn years(scope: Scope<'_>, condition: &Condition) -> Result<BTreeSet<i32>, Refusal> {
    let range = scope.policy.years;
    let years: BTreeSet<i32> = (range.first..=range.last)
        .enumerate()
        .filter(|(place, _)| condition.could_hold(&|slot| (*slot == Slot::Year).then_some(*place)))
        .map(|(_, year)| year)
        .collect();
    if years.is_empty() {
        return Err(refuse("no row can pass the condition")
            .hint(format!("There are data for the years {} to {}.", range.first, range.last)));
    }
    Ok(years)
}

fn cells(scope: Scope<'_>, condition: &Condition, keys: &[Slot]) -> Result<Cells, Refusal> {
    let limit = usize::try_from(scope.policy.query.max_cells).unwrap_or(usize::MAX);
    let mut axes = Vec::new();
    // For each axis the places, in the closed list, of its values.
    let mut lists: Vec<Vec<usize>> = Vec::new();
    let mut product: usize = 1;
    for key in keys {
        let values = scope.values(key);
        let places: Vec<usize> = (0..values.len())
            .filter(|place| condition.could_hold(&|slot| (slot == key).then_some(*place)))
            .collect();
        product = product.saturating_mul(places.len());
        axes.push(Axis {
            slot: key.clone(),
            values: places.iter().filter_map(|place| values.get(*place).cloned()).collect(),
        });
        lists.push(places);
    }
    if product > limit {
        return Err(refuse(format!("the answer would have {product} cells, and {limit} are allowed"))
            .hint("Group by fewer columns, or name the codes you need in WHERE: every cell of the closed lists comes back."));
    }
    let mut cells = Cells { axes, numbers: vec![None; product], count: 0 };
    for at in 0..product {
        let chosen: Vec<(&Slot, usize)> = keys
            .iter()
            .zip(cells.places(at).zip(&lists))
            .filter_map(|(key, (place, list))| list.get(place).map(|p| (key, *p)))
            .collect();
        let possible = condition
            .could_hold(&|slot| chosen.iter().find(|(key, _)| *key == slot).map(|(_, place)| *place));
        if possible && let Ok(number) = u32::try_from(cells.count) {
            cells.numbers[at] = Some(number);
            cells.count += 1;
        }
    }
    if cells.count == 0 {
        return Err(refuse("no row can pass the condition"));
    }
    Ok(cells)
}

/// The most cells of one calendar year.
fn most_cells_a_year(cells: &Cells, by_year: bool) -> u64 {
    if !by_year {
        return cells.len() as u64;
    }
    let mut a_year: BTreeMap<Value, u64> = BTreeMap::new();
    let year = cells.axes.iter().position(|axis| axis.slot == Slot::Year).unwrap_or(0);
    for key in cells.keys() {
        if let Some(value) = key.get(year) {
            *a_year.entry(value.clone()).or_default() += 1;
        }
    }
    a_year.into_values().max().unwrap_or(1)
}

/// The bound of one aggregate.
///
/// # Privacy
/// From the table's grain, the GROUP BY and the policy alone, never from data. `one_cell` holds when the plan
/// itself puts a person-year in one cell at most: the table is reduced to one row a person-year, or the only
/// key is the year.
fn bounding(
    scope: Scope<'_>,
    aggregate: &Aggregate,
    one_cell: bool,
    groups: u64,
) -> Result<Bounding, Refusal> {
    let table = scope.table;
    let rows = i64::from(table.max_rows);
    let (low, high) = match aggregate {
        Aggregate::Persons => (0, 1),
        Aggregate::Rows | Aggregate::Present(_) => (0, rows),
        Aggregate::Sum(column) => match table.column(column).map(|c| &c.role) {
            Some(ColumnRole::Measure { min, max }) => {
                (rows.saturating_mul((*min).min(0)), rows.saturating_mul((*max).max(0)))
            }
            _ => return Err(refuse(format!("`{column}` is no measure of `{}`", table.name))),
        },
    };
    if one_cell && low == 0 && high == 1 {
        return Ok(Bounding::One);
    }
    let most = low.unsigned_abs().max(high.unsigned_abs()).max(1);
    // √groups, rounded up, by whole numbers.
    let root = groups.isqrt() + u64::from(groups.isqrt().pow(2) < groups);
    let max_norm = most.saturating_mul(if one_cell { 1 } else { root.max(1) });
    if max_norm > MAX_NORM {
        return Err(refuse(format!(
            "one person-year could change {name} by {max_norm}, more than this version can bound",
            name = aggregate.name()
        ))
        .hint("Ask for fewer cells, or let the steward set tighter bounds in the policy."));
    }
    Ok(Bounding::Norm { low, high, max_norm })
}
