//! From the noised table to the answer as the query wants to see it: order, limit, names. All of it is
//! post-processing of what was already released.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value as Json};

use super::condition::{Slot, Value};
use super::query::{Aggregate, PrivateQuery};
use super::shape::{Order, Shown, Source};

/// A noised table: what the ledger stores of an answer. Independent of names, order and limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoisedTable {
    /// One column an aggregate, in canonical order.
    pub(crate) columns: Vec<NoisedColumn>,
    /// Ids and sentences that came with the measurement.
    pub(crate) notes: Vec<String>,
}

/// One noised column, a value a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoisedColumn {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
    /// Half of the 95 % interval, the same for every cell.
    pub(crate) half_width: f64,
    /// Whether the values are whole.
    pub(crate) whole: bool,
}

/// What is shown of a noised table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Presentation {
    pub(super) keys: Vec<Slot>,
    pub(super) columns: Vec<Shown>,
    pub(super) order: Vec<Order>,
    pub(super) skip: usize,
    pub(super) fetch: Option<usize>,
}

/// The shown table.
pub(crate) struct Presented {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Json>>,
    pub(crate) intervals: BTreeMap<String, Vec<[f64; 2]>>,
}

impl Presentation {
    /// Shows rows where persons are asked for: see [`Aggregate::of_person_years`].
    pub(super) fn of_person_years(&mut self) {
        let columns = self.columns.iter_mut().map(|shown| &mut shown.source);
        for source in columns.chain(self.order.iter_mut().map(|order| &mut order.source)) {
            if let Source::Aggregate(aggregate) = source {
                *aggregate = aggregate.clone().of_person_years();
            }
        }
    }

    /// Names of the noised output columns and the aggregates they show.
    pub(crate) fn noised(&self) -> impl Iterator<Item = (&str, &Aggregate)> {
        self.columns.iter().filter_map(|shown| match &shown.source {
            Source::Aggregate(aggregate) => Some((shown.name.as_str(), aggregate)),
            Source::Key(_) => None,
        })
    }

    /// The answer's rows. `None` when the stored table does not fit the query: that is a fault.
    pub(crate) fn present(&self, query: &PrivateQuery, table: &NoisedTable) -> Option<Presented> {
        let keys = query.cells.keys();
        let axis = |slot: &Slot| query.cells.axes.iter().position(|axis| axis.slot == *slot);
        let column = |wanted: &Aggregate| {
            let at = query.aggregates.iter().position(|(aggregate, _)| aggregate == wanted)?;
            table.columns.get(at).filter(|column| column.values.len() == keys.len())
        };
        for (_, aggregate) in self.noised() {
            column(aggregate)?;
        }
        let rounded = |c: &NoisedColumn, cell: usize| round(c, c.values.get(cell).copied().unwrap_or(0.0));
        let compare = |source: &Source, a: usize, b: usize| match source {
            Source::Key(slot) => match axis(slot) {
                Some(axis) => keys[a].get(axis).cmp(&keys[b].get(axis)),
                None => Ordering::Equal,
            },
            Source::Aggregate(aggregate) => match column(aggregate) {
                Some(c) => rounded(c, a).total_cmp(&rounded(c, b)),
                None => Ordering::Equal,
            },
        };
        // Unless the query orders, cells come in the order of GROUP BY and of the closed lists.
        let place = |slot: &Slot, cell: usize| {
            let axis = axis(slot)?;
            query.cells.axes[axis].values.iter().position(|v| keys[cell].get(axis) == Some(v))
        };
        let mut cells: Vec<usize> = (0..keys.len()).collect();
        cells.sort_by_cached_key(|cell| self.keys.iter().map(|slot| place(slot, *cell)).collect::<Vec<_>>());
        cells.sort_by(|a, b| {
            self.order.iter().fold(Ordering::Equal, |so_far, order| {
                let next = compare(&order.source, *a, *b);
                so_far.then(if order.ascending { next } else { next.reverse() })
            })
        });
        let cells: Vec<usize> =
            cells.into_iter().skip(self.skip).take(self.fetch.unwrap_or(usize::MAX)).collect();

        let mut rows = vec![Vec::with_capacity(self.columns.len()); cells.len()];
        let mut intervals = BTreeMap::new();
        for shown in &self.columns {
            match &shown.source {
                Source::Key(slot) => {
                    let axis = axis(slot)?;
                    for (row, cell) in rows.iter_mut().zip(&cells) {
                        row.push(match keys[*cell].get(axis)? {
                            Value::Number(n) => Json::from(*n),
                            Value::Code(code) => Json::from(code.as_str()),
                        });
                    }
                }
                Source::Aggregate(aggregate) => {
                    let column = column(aggregate)?;
                    let mut pairs = Vec::with_capacity(cells.len());
                    for (row, cell) in rows.iter_mut().zip(&cells) {
                        let value = *column.values.get(*cell)?;
                        row.push(number(column, value));
                        pairs.push(interval(column, value));
                    }
                    intervals.insert(shown.name.clone(), pairs);
                }
            }
        }
        Some(Presented {
            columns: self.columns.iter().map(|shown| shown.name.clone()).collect(),
            rows,
            intervals,
        })
    }
}

fn round(column: &NoisedColumn, value: f64) -> f64 {
    let rounded = if column.whole { value.round() } else { (value * 10.0).round() / 10.0 };
    rounded + 0.0 // no negative zero
}

fn number(column: &NoisedColumn, value: f64) -> Json {
    let rounded = round(column, value);
    #[allow(clippy::cast_possible_truncation)] // whole and far below 2^53, else shown as a float
    if column.whole && rounded.abs() < 9e15 {
        return Json::from(rounded as i64);
    }
    Number::from_f64(rounded).map_or(Json::Null, Json::Number)
}

/// The interval, rounded outward as the value is rounded.
fn interval(column: &NoisedColumn, value: f64) -> [f64; 2] {
    let (low, high) = (value - column.half_width, value + column.half_width);
    if column.whole {
        [low.ceil() + 0.0, high.floor() + 0.0]
    } else {
        [(low * 10.0).floor() / 10.0 + 0.0, (high * 10.0).ceil() / 10.0 + 0.0]
    }
}
