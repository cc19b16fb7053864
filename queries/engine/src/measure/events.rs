//! Themes of events: how many persons in each of several months, or of several services.
//!
//! A person counts once for each value of one dimension that some event of the year has, with one value of every other dimension in
//! each of them. Who has few of them counts whole; who has many counts less in each, so that nobody weighs more than the norm.
//!
//! # Privacy
//! *Unit*: a person-year. The inner aggregation keeps one row a person and value (the least of each other column's values), which is
//! checked as the rows arrive. Where a person has k values, each counts `unit`, and the vector of k such entries is scaled to an L2
//! norm of at most `norm`, in whole numbers rounded towards zero ([`bounding::scale_to_norm`]). A marginal that has the dimension
//! keeps the entries in different cells, so the person changes it by that norm at most; marginals without it are refused
//! ([`skjerm_privacy::marginals::Domain::sensitivity_squared`]). The norm is the request's, never read off the data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::catalog::TableProvider;
use datafusion::functions_aggregate::min_max::min;
use datafusion::logical_expr::{LogicalPlan, col, lit};
use futures::StreamExt;
use skjerm_privacy::bounding;

use super::marginals::{cell, empty, groups};
use super::request::Theme;
use crate::run::{RunError, RunSession, units};

/// The column in which a person may have several values.
const SEVERAL: &str = "several";

/// One row a person and value, ordered by person and value.
pub(crate) fn private_plan(
    table: Arc<dyn TableProvider>,
    year: i32,
    theme: &Theme,
) -> Result<LogicalPlan, RunError> {
    let (several, _, _) = theme.several().ok_or(RunError::Layout)?;
    let mut rows = RunSession::scan("rows", table)?.filter(col("year").eq(lit(i64::from(year))))?;
    for (column, codes) in &theme.filter {
        rows =
            rows.filter(col(column).in_list(codes.iter().map(|code| lit(code.as_str())).collect(), false))?;
    }
    let others = theme.dims.iter().enumerate().filter(|(at, _)| *at != several);
    let kept: Vec<_> = others.map(|(at, dim)| min(col(&dim.column)).alias(kept(at))).collect();
    let key = || [col("year"), col("person"), col(SEVERAL)];
    let column = &theme.dims.get(several).ok_or(RunError::Layout)?.column;
    let mut columns = vec![col("year"), col("person"), col(column).alias(SEVERAL)];
    // Two dims may be of one column.
    let names: BTreeSet<&str> = theme
        .dims
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != several)
        .map(|(_, dim)| dim.column.as_str())
        .collect();
    columns.extend(names.into_iter().map(col));
    let ordered = key().map(|column| column.sort(true, false)).to_vec();
    Ok(rows.project(columns)?.aggregate(key().to_vec(), kept)?.sort(ordered)?.build()?)
}

fn kept(dim: usize) -> String {
    format!("kept_{dim}")
}

/// The counts of each measured marginal, in parts of a unit.
pub(crate) async fn read(
    session: &RunSession,
    table: Arc<dyn TableProvider>,
    year: i32,
    theme: &Theme,
) -> Result<Vec<Vec<i64>>, RunError> {
    let (several, unit, norm) = theme.several().ok_or(RunError::Layout)?;
    let groups = groups(theme);
    let mut tally = Tally { theme, counts: empty(theme), unit, norm, person: Vec::new() };
    let mut before = None;
    let mut stream = session.stream(private_plan(table, year, theme)?).await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let values = texts(&batch, SEVERAL)?;
        let mut others = BTreeMap::new();
        for dim in (0..theme.dims.len()).filter(|dim| *dim != several) {
            others.insert(dim, texts(&batch, &kept(dim))?);
        }
        for (row, person) in units(&batch)?.into_iter().enumerate() {
            let Some(value) = &values[row] else { continue };
            // The norm rests on it: that files are split and ordered is only declared to DataFusion.
            let here = (person, Sorted::of(value));
            match before.replace(here.clone()) {
                Some(last) if last >= here => return Err(RunError::Unordered),
                Some((last, _)) if last != person => tally.close()?,
                _ => {}
            }
            let place = |dim: usize| {
                let code = if dim == several { Some(value) } else { others.get(&dim)?[row].as_ref() };
                groups[dim].get(code?.as_str()).copied()
            };
            // A value that is in no group is nowhere to be counted, and several of one group count once: as the first of them.
            if let Some(group) =
                place(several).filter(|group| tally.person.iter().all(|(known, _)| known != group))
            {
                let cells = theme.measured.iter().map(|(dims, _)| cell(theme, dims, place)).collect();
                tally.person.push((group, cells));
            }
        }
    }
    tally.close()?;
    Ok(tally.counts)
}

/// Months in the order of numbers, codes in that of letters: as the rows are sorted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Sorted {
    Number(i64),
    Text(String),
}

impl Sorted {
    fn of(value: &Value) -> Self {
        match value {
            Value::Number(number, _) => Self::Number(*number),
            Value::Text(text) => Self::Text(text.clone()),
        }
    }
}

/// A code, or a number with its digits.
enum Value {
    Number(i64, String),
    Text(String),
}

impl Value {
    fn as_str(&self) -> &str {
        match self {
            Self::Number(_, digits) => digits,
            Self::Text(text) => text,
        }
    }
}

fn texts(batch: &RecordBatch, column: &str) -> Result<Vec<Option<Value>>, RunError> {
    let found = batch.column_by_name(column).ok_or(RunError::Layout)?;
    if let Some(numbers) = found.as_primitive_opt::<Int64Type>() {
        return Ok(numbers.iter().map(|n| n.map(|n| Value::Number(n, n.to_string()))).collect());
    }
    let texts = found.as_string_opt::<i32>().ok_or(RunError::Layout)?;
    Ok(texts.iter().map(|text| text.map(|text| Value::Text(text.to_owned()))).collect())
}

/// The counts so far, and the person whose rows are arriving.
struct Tally<'a> {
    theme: &'a Theme,
    counts: Vec<Vec<i64>>,
    unit: u64,
    norm: u64,
    /// For each group of values that the person has, the cell of each measured marginal.
    person: Vec<(usize, Vec<Option<usize>>)>,
}

impl Tally<'_> {
    /// All of a person's values are known: scale them together and count them.
    fn close(&mut self) -> Result<(), RunError> {
        let unit = i64::try_from(self.unit).map_err(|_| RunError::Overflow)?;
        let mut parts = vec![unit; self.person.len()];
        bounding::scale_to_norm(&mut parts, self.norm);
        for ((_, cells), part) in self.person.drain(..).zip(parts) {
            debug_assert_eq!(cells.len(), self.theme.measured.len());
            for (counts, cell) in self.counts.iter_mut().zip(cells) {
                if let Some(count) = cell.and_then(|cell| counts.get_mut(cell)) {
                    *count = count.checked_add(part).ok_or(RunError::Overflow)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use skjerm_privacy::marginals::{Attribute, Domain, Form, Marginal};
    use skjerm_warehouse::policy::Policy;

    use super::*;
    use crate::measure::Dim;
    use crate::run::Limits;
    use crate::run::testing::{self, Row};

    const UNIT: u64 = 100;

    /// Persons by month (or quarter) and gender.
    fn theme(groups: &[&[&str]], norm: u64) -> Theme {
        let several = Attribute::several(groups.len(), UNIT, norm).expect("a norm");
        let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        Theme {
            name: "by_month".into(),
            events: Some("contact".into()),
            filter: vec![("service".into(), codes(&["uteseksjonen"]))],
            dims: vec![
                Dim {
                    name: "gender".into(),
                    column: "gender".into(),
                    groups: ["female", "male", "unknown"]
                        .iter()
                        .map(|c| ((*c).to_owned(), codes(&[c])))
                        .collect(),
                    attribute: None,
                },
                Dim {
                    name: "month".into(),
                    column: "month".into(),
                    groups: groups.iter().map(|group| (group[0].to_owned(), codes(group))).collect(),
                    attribute: Some(several),
                },
            ],
            measured: vec![(vec![1], 1.0), (vec![0, 1], 1.0)],
            form: Form::Whole,
        }
    }

    fn counts(rows: &[Row], theme: &Theme) -> Vec<Vec<i64>> {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = Policy::oslo();
        let limits = Limits::new(&policy.query, folder.path().join("spill"));
        let table = testing::table(&policy, "contact", rows);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let session = RunSession::new(&limits).expect("a session");
            read(&session, table, 2024, theme).await.expect("counted")
        })
    }

    fn row(person: u8, month: i64, gender: &'static str, service: &'static str) -> Row {
        Row::new(person, 2024, month, &[("gender", gender), ("service", service)], Some(10))
    }

    const MONTHS: [&[&str]; 12] =
        [&["1"], &["2"], &["3"], &["4"], &["5"], &["6"], &["7"], &["8"], &["9"], &["10"], &["11"], &["12"]];

    #[test]
    fn persons_count_once_a_month_and_whole_within_the_norm() {
        let mut rows = vec![
            row(1, 1, "male", "uteseksjonen"),
            row(1, 1, "male", "uteseksjonen"),
            row(1, 10, "male", "uteseksjonen"),
            row(2, 10, "female", "uteseksjonen"),
            row(2, 11, "female", "030101"),
        ];
        rows.push(Row { year: 2023, ..row(3, 1, "male", "uteseksjonen") });
        let found = counts(&rows, &theme(&MONTHS, 200));
        let at = |month: usize, count: i64| (month, count * 100);
        let expected: Vec<i64> = (1..=12)
            .map(|month| [at(1, 1), at(10, 2)].iter().find(|(m, _)| *m == month).map_or(0, |(_, c)| *c))
            .collect();
        assert_eq!(found[0], expected);
        assert_eq!(found[1].iter().sum::<i64>(), 300);
        assert_eq!(
            (found[1][9], found[1][12], found[1][12 + 9]),
            (100, 100, 100),
            "gender by month, row-major"
        );
        // Two months and a norm of one unit: 100/√2 in each, rounded towards zero.
        let short = counts(&rows, &theme(&MONTHS, 100));
        assert_eq!((short[0][0], short[0][9]), (70, 70 + 100));
    }

    #[test]
    fn months_of_one_quarter_count_once() {
        let rows: Vec<Row> = [1, 2, 3, 4, 12].map(|month| row(7, month, "male", "uteseksjonen")).to_vec();
        let quarters: [&[&str]; 3] = [&["1", "2", "3"], &["4", "5", "6"], &["7", "8", "9"]];
        // December is in no group.
        assert_eq!(counts(&rows, &theme(&quarters, 200))[0], [100, 100, 0]);
    }

    /// Gender by itself and in two groups, and the month beside its quarter.
    #[test]
    fn two_dims_may_be_of_one_column() {
        let mut theme = theme(&[&["1", "2", "3"], &["4", "5", "6"]], 200);
        let groups = [("known", vec!["female", "male"]), ("unknown", vec!["unknown"])];
        let groups =
            groups.map(|(name, codes)| (name.to_owned(), codes.into_iter().map(str::to_owned).collect()));
        theme.dims.push(Dim {
            name: "known".into(),
            column: "gender".into(),
            groups: groups.to_vec(),
            attribute: None,
        });
        theme.dims.push(Dim {
            name: "month".into(),
            column: "month".into(),
            groups: (1..=12).map(|month: u32| (month.to_string(), vec![month.to_string()])).collect(),
            attribute: None,
        });
        theme.measured = vec![(vec![1, 2], 1.0), (vec![1, 3], 1.0)];
        let rows = [row(1, 2, "male", "uteseksjonen"), row(1, 5, "unknown", "uteseksjonen")];
        let found = counts(&rows, &theme);
        assert_eq!(found[0], [100, 0, 0, 100]);
        assert_eq!((found[1][1], found[1][12 + 4], found[1].iter().sum::<i64>()), (100, 100, 200));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever the rows, also with another gender in another month: without one person everything measured changes by
        /// the norm at most, and by no more than what the noise is made for.
        #[test]
        fn one_person_changes_what_is_measured_by_the_norm_at_most(
            rows in prop::collection::vec((0..5_u8, 1..13_i64, 0..3_usize), 1..60),
            norm in 100..400_u64,
        ) {
            let rows: Vec<Row> = rows
                .into_iter()
                .map(|(person, month, gender)| row(person, month, ["female", "male", "unknown"][gender], "uteseksjonen"))
                .collect();
            let theme = theme(&MONTHS, norm);
            let all = counts(&rows, &theme);
            let domain = Domain::of(theme.dims.iter().map(Dim::attribute).collect()).expect("a domain");
            for person in rows.iter().map(|row| row.person).collect::<BTreeSet<_>>() {
                let others: Vec<Row> = rows.iter().filter(|row| row.person != person).cloned().collect();
                for ((dims, _), (with, without)) in theme.measured.iter().zip(all.iter().zip(counts(&others, &theme))) {
                    for form in [Form::Whole, Form::Apart] {
                        let marginal = Marginal::new(dims.iter().copied());
                        let change: Vec<i64> = with.iter().zip(&without).map(|(a, b)| a - b).collect();
                        let measured = domain.encode(&marginal, form, change).expect("small numbers");
                        let squared: u128 = measured.iter().map(|v| u128::from(v.unsigned_abs()).pow(2)).sum();
                        prop_assert!(squared <= domain.sensitivity_squared(&marginal, form).expect("a norm"));
                    }
                }
            }
        }
    }
}
