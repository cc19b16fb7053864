//! The private query: what is read, how it is cut into cells, and how one person-year is bounded.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::logical_expr::Expr;
use serde::Serialize;
use skjerm_privacy::remainder::{FEW, Shape};
use skjerm_warehouse::policy::Policy;

use super::cells::Cells;
use super::condition::{self, Condition, CouldHold};
use super::field::{Fields, YEAR};
use super::filter;
use super::grid::{self, Grid};
use super::places::Places;
use super::refuse::{Refusal, refuse};
use super::relation::Relation;

/// Bits after the point of a scaled value.
pub(crate) const FIXED_BITS: u32 = 16;
/// One, in fixed point.
pub(crate) const ONE: i64 = 1 << FIXED_BITS;
/// Norms are chosen in sixteenths, finer than a row.
pub(crate) const NORM_UNIT: i64 = 16;
/// The largest norm of one person-year, so that fixed point and sums over all persons stay within 63 bits.
const MAX_NORM: u64 = 1 << 30;
/// The most aggregates of one question.
const MOST_TERMS: usize = 100;
/// The most values of rows that the sums of one question look up.
const MOST_LOOKED_UP: usize = 1 << 21;
/// What is not whole is added up in these parts of one.
const PARTS: f64 = 64.0;
/// The largest value of a row, in parts.
const MAX_VALUE: f64 = 1e9;

/// What is summed in each cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum What {
    /// `count(*)`
    Rows,
    /// `count(distinct person)`
    Persons,
    /// `sum(expression)`
    Sum(Value),
}

/// The value of a row, by the places of its fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Value {
    pub(crate) inputs: Vec<String>,
    pub(crate) sizes: Vec<usize>,
    /// Row-major; missing is 0.
    pub(crate) table: Vec<i64>,
    /// How many parts make one.
    pub(crate) parts: i64,
}

/// An aggregate: what is summed, and over which rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Term {
    pub(crate) what: What,
    /// `FILTER (WHERE …)`
    pub(crate) filter: Condition,
}

/// How one person-year's part in one vector is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Bounding {
    /// It is in one cell at most, with the value 1.
    One,
    /// Its value in each cell is clamped to `low..=high`, then its vector is scaled to an L2 norm: the one `given` by
    /// the caller, in [`NORM_UNIT`]s, or one chosen privately; `max_norm` at most.
    Norm {
        low: i64,
        high: i64,
        max_norm: u64,
        // Left out, a question is the one that it was before norms could be given.
        #[serde(skip_serializing_if = "Option::is_none")]
        given: Option<u64>,
    },
}

/// What is measured at once: one term over the cells of one grouping set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Vector {
    pub(crate) term: usize,
    pub(crate) set: usize,
    pub(crate) bounding: Bounding,
    /// Its weight beside the other vectors of the question, in lowest terms: see [`super::weights`].
    // Left out, a question is the one that it was before weights could be given.
    #[serde(skip_serializing_if = "is_one")]
    pub(crate) weight: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_one(weight: &u32) -> bool {
    *weight == 1
}

/// How long the vectors of persons are known to be together, before the noise is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// By the look at its own norms.
    Looked,
    /// One for each person whom the look of this other vector sees, which is of the same rows.
    As(usize),
    /// Nobody looks.
    Not,
}

/// A checked private query. It names no data: it was made from the text and the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrivateQuery {
    pub(crate) relation: Relation,
    pub(crate) condition: Condition,
    /// The fields that it names.
    pub(crate) fields: Fields,
    /// Every year that a passing row can have; each is read, bounded and charged by itself.
    pub(crate) years: BTreeSet<i32>,
    /// The cells of each grouping set.
    pub(crate) sets: Vec<Cells>,
    /// Sorted, no repetitions.
    pub(crate) terms: Vec<Term>,
    pub(crate) vectors: Vec<Vector>,
    /// The most rows of a person in one group that count.
    pub(crate) max_rows: u64,
}

/// The parts of a private query, before they are checked.
pub(super) struct Draft {
    pub(super) relation: Relation,
    pub(super) condition: Condition,
    pub(super) years: BTreeSet<i32>,
    pub(super) sets: Vec<Cells>,
    pub(super) terms: Vec<Term>,
    pub(super) single: bool,
    pub(super) max_rows: u64,
}

impl PrivateQuery {
    pub(super) fn new(fields: &Fields, draft: Draft) -> Result<Self, Refusal> {
        let Draft { mut relation, condition, years, sets, terms, single, max_rows } = draft;
        let tables: usize = terms
            .iter()
            .map(|term| if let What::Sum(value) = &term.what { value.table.len() } else { 0 })
            .sum();
        if tables > MOST_LOOKED_UP || terms.len() > MOST_TERMS {
            return Err(refuse(
                "the aggregates of one question are too many, or of too many columns together",
            )
            .hint("Ask in parts: every part has its own price."));
        }
        let mut vectors = Vec::new();
        for (term, of_term) in terms.iter().enumerate() {
            for (set, cells) in sets.iter().enumerate() {
                let bounding = bounding(of_term, cells, single, max_rows)?;
                vectors.push(Vector { term, set, bounding, weight: 1 });
            }
        }
        let mut named = BTreeSet::from([YEAR.to_owned()]);
        condition.fields(&mut named);
        named.extend(sets.iter().flat_map(|cells| &cells.axes).flat_map(|axis| axis.inputs.iter().cloned()));
        for term in &terms {
            term.filter.fields(&mut named);
            if let What::Sum(value) = &term.what {
                named.extend(value.inputs.iter().cloned());
            }
        }
        relation.without_unread(&mut named);
        let fields = named.into_iter().filter_map(|name| Some((name.clone(), fields.get(&name)?.clone())));
        Ok(Self { relation, condition, fields: fields.collect(), years, sets, terms, vectors, max_rows })
    }

    /// The most cells one person-year can be in, of any grouping set.
    pub(crate) fn max_groups(&self) -> u64 {
        let of = |vector: &Vector| match vector.bounding {
            Bounding::One => 1,
            Bounding::Norm { .. } => self.sets.get(vector.set).map_or(1, |cells| most_groups(cells, false)),
        };
        self.vectors.iter().map(of).max().unwrap_or(1)
    }

    /// How many parts of a term's values make one.
    pub(crate) fn parts_of(&self, term: usize) -> i64 {
        match self.terms.get(term).map(|term| &term.what) {
            Some(What::Sum(value)) => value.parts,
            Some(What::Rows | What::Persons) | None => 1,
        }
    }

    /// What is known of a vector whose remainder may be measured: one of not too few cells, which are never below 0, scaled to a
    /// norm that is chosen.
    pub(crate) fn shape(&self, vector: &Vector) -> Option<Shape> {
        let Bounding::Norm { low: 0, high, given: None, .. } = vector.bounding else { return None };
        let cells = self.sets.get(vector.set).map_or(0, Cells::len);
        let is_indicator = high == 1 && self.parts_of(vector.term) == 1;
        (cells >= FEW).then(|| Shape { cells, indicator: is_indicator.then_some(NORM_UNIT.unsigned_abs()) })
    }

    /// How the size of a vector is known, against which its error is held.
    ///
    /// A person-year that counts once needs no norm, and no look but to be counted: where it stands beside another column of the same
    /// grouping set, and no other look counts the same persons.
    pub(crate) fn known(&self, at: usize) -> Known {
        let Some(vector) = self.vectors.get(at) else { return Known::Not };
        let beside = |other: &Vector| {
            other.set == vector.set && !matches!(other.bounding, Bounding::Norm { given: Some(_), .. })
        };
        match vector.bounding {
            Bounding::Norm { given: Some(_), .. } => Known::Not,
            Bounding::Norm { given: None, .. } => Known::Looked,
            Bounding::One if self.vectors.iter().filter(|other| beside(other)).count() < 2 => Known::Not,
            Bounding::One => {
                let filter = |vector: &Vector| self.terms.get(vector.term).map(|term| &term.filter);
                let same = |other: &Vector| {
                    beside(other) && other.bounding != Bounding::One && filter(other) == filter(vector)
                };
                self.vectors.iter().position(same).map_or(Known::Looked, Known::As)
            }
        }
    }

    /// The rows that pass a vector's filter and have what it sums, if that is one column that may be missing: others add nothing to it.
    /// None also where how many persons there are may be known by all rows of its filter.
    pub(crate) fn rows_summed(&self, at: usize) -> Option<Condition> {
        let vector = self.vectors.get(at)?;
        let term = self.terms.get(vector.term)?;
        let What::Sum(Value { inputs, table, .. }) = &term.what else { return None };
        let [name] = &inputs[..] else { return None };
        let field = self.fields.get(name).filter(|field| field.nullable)?;
        let filter = |other: &Vector| self.terms.get(other.term).map(|term| &term.filter);
        let asks = |other: &Vector| {
            other.set == vector.set && other.bounding == Bounding::One && filter(other) == Some(&term.filter)
        };
        let is_asked = self.vectors.iter().any(asks);
        if is_asked || table.get(field.len()) != Some(&0) {
            return None;
        }
        let there = Places::where_true(field.places(), |place| place < field.len());
        let there = condition::one_of(&self.fields, name, there);
        Some(condition::all(&self.fields, vec![term.filter.clone(), there]))
    }

    /// The vectors that share what pays for their noise, once they were looked at: those of one grouping set that are known.
    pub(crate) fn sharing(&self) -> Vec<Vec<usize>> {
        let of_set = |set: usize| {
            let all = self.vectors.iter().enumerate();
            let known = all.filter(|(at, vector)| vector.set == set && self.known(*at) != Known::Not);
            known.map(|(at, _)| at).collect::<Vec<_>>()
        };
        (0..self.sets.len()).map(of_set).filter(|sharing| sharing.len() > 1).collect()
    }

    /// How many cells there are in all grouping sets together.
    pub(crate) fn cells(&self) -> usize {
        self.sets.iter().map(Cells::len).sum()
    }

    /// How many values it measures.
    pub(crate) fn measured(&self) -> usize {
        self.vectors.iter().map(|vector| self.sets.get(vector.set).map_or(0, Cells::len)).sum()
    }

    /// The tables that it reads.
    pub(crate) fn tables(&self) -> BTreeSet<String> {
        let mut tables = BTreeSet::new();
        self.relation.tables(&mut tables);
        tables
    }

    /// A hash that two spellings of the same question share. With the snapshot, the price and the bounds it is the
    /// key of the stored answer.
    pub(crate) fn canonical(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Canonical<'a> {
            relation: &'a Relation,
            condition: &'a Condition,
            fields: &'a Fields,
            years: &'a BTreeSet<i32>,
            sets: &'a [Cells],
            terms: &'a [Term],
            vectors: &'a [Vector],
            max_rows: u64,
            fixed_bits: u32,
        }
        let mut hasher = blake3::Hasher::new_derive_key("skjerm 2026 engine canonical question v2");
        serde_json::to_writer(
            &mut hasher,
            &Canonical {
                relation: &self.relation,
                condition: &self.condition,
                fields: &self.fields,
                years: &self.years,
                sets: &self.sets,
                terms: &self.terms,
                vectors: &self.vectors,
                max_rows: self.max_rows,
                fixed_bits: FIXED_BITS,
            },
        )?;
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// The value of each row that `sum` adds up.
pub(super) fn value(fields: &Fields, expr: &Expr) -> Result<Value, Refusal> {
    grid::check(expr)?;
    let grid = Grid::of(fields, &[expr])?;
    let values = grid.evaluate(fields, &[expr])?;
    let Some(values) = values.first() else { return Err(refuse("sum must be of a number")) };
    let whole = matches!(
        values.data_type(),
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
    );
    let parts = if whole { 1.0 } else { PARTS };
    let table: Option<Vec<i64>> = if whole {
        let cast =
            arrow::compute::cast(values, &DataType::Int64).map_err(|_| refuse("sum must be of a number"))?;
        Some(cast.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default).collect())
    } else {
        let number = matches!(values.data_type(), DataType::Float32 | DataType::Float64 | DataType::Null)
            || values.data_type().is_decimal();
        if !number {
            return Err(refuse("sum and avg must be of numbers")
                .hint("The measures of the tables are in the policy."));
        }
        let cast = arrow::compute::cast(values, &DataType::Float64)
            .map_err(|_| refuse("sum must be of a number"))?;
        cast.as_primitive::<Float64Type>().iter().map(|v| in_parts(v.unwrap_or_default())).collect()
    };
    let fits = |table: &Vec<i64>| table.iter().all(|v| (v.unsigned_abs() as f64) <= MAX_VALUE);
    let table = table.filter(fits).ok_or_else(|| {
        refuse("a row's value could be infinite or too large to be added up")
            .hint("Divide by less, or by nothing that can be 0.")
    })?;
    #[allow(clippy::cast_possible_truncation)] // a small whole number
    Ok(Value { inputs: grid.inputs, sizes: grid.sizes, table, parts: parts as i64 })
}

/// To the nearest part; nothing for what is too large.
fn in_parts(value: f64) -> Option<i64> {
    let parts = (value * PARTS).round();
    #[allow(clippy::cast_possible_truncation)] // checked to be small
    (parts.abs() <= MAX_VALUE).then_some(parts as i64)
}

/// The years whose rows could pass; refused where there are none.
pub(super) fn years(
    policy: &Policy,
    fields: &Fields,
    could_hold: &CouldHold<'_>,
) -> Result<BTreeSet<i32>, Refusal> {
    let years = filter::years(fields, could_hold);
    let years: BTreeSet<i32> = years.into_iter().filter_map(|year| i32::try_from(year).ok()).collect();
    if years.is_empty() {
        let range = policy.years;
        return Err(refuse("no row can pass the condition")
            .hint(format!("There are data for the years {} to {}.", range.first, range.last)));
    }
    Ok(years)
}

fn most_groups(cells: &Cells, single: bool) -> u64 {
    if single || cells.one_a_year() { 1 } else { cells.a_year() }
}

/// The bound of one vector.
///
/// # Privacy
/// From the relation, the GROUP BY and the policy alone, never from data. A person-year is in one cell at most where
/// the plan itself gives one row a person-year (the table is so by the policy, or rows were put together by person and
/// year), or where only the year is grouped by; [`Bounding::One`] is enforced for every unit, whatever the rows are.
fn bounding(term: &Term, cells: &Cells, single: bool, max_rows: u64) -> Result<Bounding, Refusal> {
    let rows = i64::try_from(max_rows).unwrap_or(i64::MAX);
    let (low, high, whole) = match &term.what {
        What::Persons => (0, 1, true),
        What::Rows => (0, rows, true),
        What::Sum(value) => {
            let least = value.table.iter().copied().min().unwrap_or(0).min(0);
            let most = value.table.iter().copied().max().unwrap_or(0).max(0);
            (rows.saturating_mul(least), rows.saturating_mul(most), value.parts == 1)
        }
    };
    let groups = most_groups(cells, single);
    if groups == 1 && whole && low == 0 && high == 1 {
        return Ok(Bounding::One);
    }
    let most = low.unsigned_abs().max(high.unsigned_abs()).max(1);
    // √groups, rounded up, by whole numbers.
    let root = groups.isqrt() + u64::from(groups.isqrt().pow(2) < groups);
    let max_norm = most.saturating_mul(root.max(1));
    if max_norm > MAX_NORM {
        return Err(refuse(format!(
            "one person-year could change an aggregate by {max_norm}, more than can be bounded"
        ))
        .hint("Ask for fewer cells, or let the steward set tighter bounds in the policy."));
    }
    Ok(Bounding::Norm { low, high, max_norm, given: None })
}
