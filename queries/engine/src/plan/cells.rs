//! The cells of an answer: from the question's text and the policy alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::ArrayRef;
use arrow::row::{RowConverter, SortField};
use datafusion::logical_expr::Expr;
use serde::Serialize;

use super::condition::{Condition, CouldHold, Possible};
use super::field::{Domain, Fields, YEAR};
use super::filter::is_in_year;
use super::grid::Grid;
use super::refuse::{Refusal, refuse};

/// Combinations that are looked at one by one for whether the condition leaves them.
const FEW: usize = 1 << 16;

/// One axis of an answer: the combinations of some fields' places, put together into classes.
///
/// The labels of the classes are no part of it: two questions that cut alike are one question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Axis {
    pub(crate) inputs: Vec<String>,
    pub(crate) sizes: Vec<usize>,
    /// The class of each combination, row-major; `None` for those that no row can have.
    pub(crate) classes: Vec<Option<u32>>,
    /// How many classes there are.
    pub(crate) count: usize,
    /// The most classes of one calendar year.
    pub(crate) a_year: usize,
}

/// An axis with the labels that some expressions of GROUP BY give its classes.
pub(super) struct Labelled {
    pub(super) axis: Axis,
    /// Which expressions, and a value a class for each.
    pub(super) labels: Vec<(usize, ArrayRef)>,
    /// Whether all rows of a class are of one year.
    pub(super) of_one_year: bool,
}

/// A choice of one class on each axis; some may be left out by the filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cells {
    pub(crate) axes: Vec<Axis>,
    /// Row-major over the axes: the number of each cell, `None` for those left out.
    numbers: Vec<Option<u32>>,
    count: usize,
}

impl Cells {
    /// The cells of these axes that could hold rows.
    pub(super) fn new(
        fields: &Fields,
        axes: Vec<Axis>,
        could_hold: &CouldHold<'_>,
        limit: usize,
    ) -> Result<Self, Refusal> {
        let product = axes.iter().fold(1_usize, |product, axis| product.saturating_mul(axis.count));
        if product > limit {
            return Err(refuse(format!("the answer would have {product} cells, and {limit} are allowed"))
                .hint("Group by fewer columns, or name the codes you need in WHERE: every cell of the closed lists comes back."));
        }
        let mut cells = Self { axes, numbers: vec![None; product], count: 0 };
        let of_class: Vec<Vec<BTreeMap<&str, BTreeSet<usize>>>> =
            if product <= FEW { cells.axes.iter().map(places_of_classes).collect() } else { Vec::new() };
        let mut numbers = vec![None; product];
        for (at, number) in numbers.iter_mut().enumerate() {
            let classes = cells.classes(at);
            let chosen: Vec<&BTreeMap<&str, BTreeSet<usize>>> =
                of_class.iter().zip(&classes).filter_map(|(axis, class)| axis.get(*class)).collect();
            let years: Option<BTreeSet<i64>> =
                chosen.iter().fold(None, |so_far, axis| {
                    let here = years_of(fields, axis)?;
                    Some(so_far.map_or(here.clone(), |have: BTreeSet<i64>| {
                        have.intersection(&here).copied().collect()
                    }))
                });
            let possible = |name: &str, place: usize| {
                chosen.iter().all(|axis| axis.get(name).is_none_or(|places| places.contains(&place)))
                    && years
                        .as_ref()
                        .is_none_or(|years| years.iter().any(|y| is_in_year(fields, name, place, *y)))
            };
            if could_hold(&possible)
                && let Ok(next) = u32::try_from(cells.count)
            {
                *number = Some(next);
                cells.count += 1;
            }
        }
        cells.numbers = numbers;
        if cells.count == 0 {
            return Err(refuse("no row can pass the condition")
                .hint("Look at the codes, years and numbers that the conditions name."));
        }
        Ok(cells)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The number of the cell at a place in row-major order.
    pub(crate) fn number_at(&self, at: usize) -> Option<u32> {
        self.numbers.get(at).copied().flatten()
    }

    /// The number of the cell of these classes.
    pub(crate) fn number(&self, classes: impl IntoIterator<Item = usize>) -> Option<u32> {
        let mut at = 0;
        for (axis, class) in self.axes.iter().zip(classes) {
            at = at * axis.count + class;
        }
        self.number_at(at)
    }

    /// The number of the cell of a row whose fields are at these places.
    pub(crate) fn of_places(&self, places: &BTreeMap<&str, usize>) -> Option<u32> {
        let mut classes = Vec::with_capacity(self.axes.len());
        for axis in &self.axes {
            let mut at = 0;
            for (input, size) in axis.inputs.iter().zip(&axis.sizes) {
                at = at * size + places.get(input.as_str())?;
            }
            classes.push(axis.classes.get(at).copied().flatten()? as usize);
        }
        self.number(classes)
    }

    /// The classes at a place in row-major order.
    fn classes(&self, at: usize) -> Vec<usize> {
        let mut rest = at;
        let mut classes = vec![0; self.axes.len()];
        for (class, axis) in classes.iter_mut().zip(&self.axes).rev() {
            *class = rest % axis.count.max(1);
            rest /= axis.count.max(1);
        }
        classes
    }

    /// The most cells of one calendar year.
    pub(crate) fn a_year(&self) -> u64 {
        let most = self.axes.iter().fold(1_u64, |most, axis| most.saturating_mul(axis.a_year as u64));
        most.min(self.count as u64)
    }

    /// Whether rows of one person and year are in one cell at most: the year alone decides.
    pub(crate) fn one_a_year(&self) -> bool {
        self.axes.iter().all(|axis| axis.inputs.iter().all(|input| input == YEAR))
    }
}

/// The years in which the fields chosen of one axis can be.
fn years_of(fields: &Fields, chosen: &BTreeMap<&str, BTreeSet<usize>>) -> Option<BTreeSet<i64>> {
    let field = fields.get(YEAR)?;
    let all = (0..field.len()).filter_map(|place| field.number_at(place));
    let timed: Vec<_> = chosen
        .iter()
        .filter(|(name, _)| {
            **name == YEAR || fields.get(**name).is_some_and(|f| matches!(f.domain, Domain::Days { .. }))
        })
        .collect();
    if timed.is_empty() {
        return Some(all.collect());
    }
    let fits = |year: &i64| {
        timed.iter().all(|(name, places)| places.iter().any(|place| is_in_year(fields, name, *place, *year)))
    };
    Some(all.filter(fits).collect())
}

/// For each class the places that its combinations have of each input.
fn places_of_classes(axis: &Axis) -> Vec<BTreeMap<&str, BTreeSet<usize>>> {
    let grid = Grid { inputs: axis.inputs.clone(), sizes: axis.sizes.clone(), len: axis.classes.len() };
    let mut of_class: Vec<BTreeMap<&str, BTreeSet<usize>>> = vec![BTreeMap::new(); axis.count];
    for (at, class) in axis.classes.iter().enumerate() {
        let Some(of_class) = class.and_then(|class| of_class.get_mut(class as usize)) else { continue };
        for (input, place) in axis.inputs.iter().zip(grid.places(at)) {
            of_class.entry(input.as_str()).or_default().insert(place);
        }
    }
    of_class
}

/// The axes of expressions of GROUP BY. Those that share a field become one axis, so that no cell is asked for that
/// cannot be: `group by date_trunc('month', date), year` has a cell a month.
pub(super) fn axes(
    fields: &Fields,
    exprs: &[Expr],
    could_hold: &CouldHold<'_>,
) -> Result<Vec<Labelled>, Refusal> {
    let mut parts: Vec<(BTreeSet<String>, Vec<usize>)> = Vec::new();
    for (at, expr) in exprs.iter().enumerate() {
        let mut names: BTreeSet<String> = Grid::of(fields, &[expr])?.inputs.into_iter().collect();
        // A day says the year, and so is tied to it.
        if names.iter().any(|name| is_day(fields, name)) {
            names.insert(YEAR.to_owned());
        }
        let mut members = vec![at];
        let mut apart = Vec::new();
        for (other, of_other) in parts {
            if other.is_disjoint(&names) {
                apart.push((other, of_other));
            } else {
                names.extend(other);
                members.extend(of_other);
            }
        }
        apart.push((names, members));
        parts = apart;
    }
    let mut found = Vec::new();
    for (_, mut members) in parts {
        members.sort_unstable();
        let of_part: Vec<&Expr> = members.iter().filter_map(|at| exprs.get(*at)).collect();
        found.push(axis(fields, &members, &of_part, could_hold)?);
    }
    found.sort_by_key(|labelled| labelled.labels.first().map(|(at, _)| *at));
    Ok(found)
}

fn is_day(fields: &Fields, name: &str) -> bool {
    fields.get(name).is_some_and(|field| matches!(field.domain, Domain::Days { .. }))
}

fn axis(
    fields: &Fields,
    members: &[usize],
    exprs: &[&Expr],
    could_hold: &CouldHold<'_>,
) -> Result<Labelled, Refusal> {
    let grid = Grid::of(fields, exprs)?;
    let values = grid.evaluate(fields, exprs)?;
    let unshown = |_| refuse("GROUP BY gives values of a kind that cannot be shown");
    let sorts = values.iter().map(|array| SortField::new(array.data_type().clone())).collect();
    let rows =
        RowConverter::new(sorts).and_then(|converter| converter.convert_columns(&values)).map_err(unshown)?;
    let mut seen: HashMap<&[u8], u32> = HashMap::new();
    let mut first_at: Vec<u64> = Vec::new();
    let mut classes = Vec::with_capacity(grid.len);
    let mut by_year: BTreeMap<i64, BTreeSet<u32>> = BTreeMap::new();
    let mut year_of_class: BTreeMap<u32, Option<i64>> = BTreeMap::new();
    for at in 0..grid.len {
        let places = grid.places(at);
        let place_of = |name: &str| {
            grid.inputs.iter().position(|input| input == name).and_then(|i| places.get(i).copied())
        };
        let year = year_of(fields, &grid, &places);
        let possible = |name: &str, place: usize| {
            place_of(name).is_none_or(|here| here == place)
                && year.is_none_or(|year| is_in_year(fields, name, place, year))
                && grid.agrees(fields, &places, name, place)
        };
        if grid.len <= FEW && !could_hold(&possible) {
            classes.push(None);
            continue;
        }
        let next = u32::try_from(seen.len()).unwrap_or(u32::MAX);
        // Where nothing is grouped by, all rows are alike.
        let key = if values.is_empty() { &[][..] } else { rows.row(at).data() };
        let class = *seen.entry(key).or_insert(next);
        if class == next {
            first_at.push(at as u64);
        }
        classes.push(Some(class));
        by_year.entry(year.unwrap_or(0)).or_default().insert(class);
        let known = year_of_class.entry(class).or_insert(year);
        if *known != year {
            *known = None;
        }
    }
    let places = arrow::array::UInt64Array::from(first_at.clone());
    let mut labels = Vec::new();
    for (member, array) in members.iter().zip(&values) {
        let of_classes = arrow::compute::take(array, &places, None);
        labels.push((*member, of_classes.map_err(|_| refuse("GROUP BY gives values that cannot be shown"))?));
    }
    let a_year = by_year.values().map(BTreeSet::len).max().unwrap_or(1);
    let Grid { inputs, sizes, .. } = grid;
    let of_one_year = year_of_class.values().all(Option::is_some);
    Ok(Labelled { axis: Axis { inputs, sizes, classes, count: first_at.len(), a_year }, labels, of_one_year })
}

/// The year that a combination says, by its year or a day.
fn year_of(fields: &Fields, grid: &Grid, places: &[usize]) -> Option<i64> {
    grid.inputs.iter().zip(places).find_map(|(name, place)| {
        let field = fields.get(name)?;
        if name == YEAR { field.number_at(*place) } else { field.calendar(*place).map(|(year, _)| year) }
    })
}

/// What a condition and the rows below it could hold, together.
pub(super) fn together<'c>(
    conditions: &'c Condition,
    relation: &'c super::relation::Relation,
) -> impl Fn(&Possible<'_>) -> bool + 'c {
    move |possible| conditions.could_hold(possible) && relation.could_hold(possible)
}
