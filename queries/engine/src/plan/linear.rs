//! Which computed columns are sums of measured values, each with a factor that holds no noise: how wide their intervals will be follows
//! from the noise alone, and is known before anything is measured. Of others (ratios, minima, roundings) it depends
//! on the values.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, Operator};

use super::Plan;

/// A measured value: question and term.
pub(crate) type Measured = (usize, usize);

/// What a column is made of, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Made {
    /// No noised value is in it.
    Known,
    /// A sum of measured values of one row each, with factors. A value is named with the scan that it comes from.
    Sum(BTreeSet<(usize, Measured)>),
    /// Anything else.
    Other,
}

impl Plan {
    /// By output column, the measured values that it is a sum of, if it is one of values that differ in their noise.
    pub(crate) fn sums(&self) -> Vec<Option<BTreeSet<Measured>>> {
        let columns = columns(&self.post.unordered, &mut 0).into_iter().take(self.post.names.len());
        columns
            .map(|made| if let Made::Sum(of) = made { self.of_different_noise(&of) } else { None })
            .collect()
    }

    /// A table that is joined with itself, or a question asked twice, brings the same noise twice, or does not: which rows
    /// meet decides it.
    fn of_different_noise(&self, of: &BTreeSet<(usize, Measured)>) -> Option<BTreeSet<Measured>> {
        let mut seen: Vec<(String, usize, usize)> = Vec::new();
        for (scan, (question, _)) in of {
            let key = self.questions.get(*question)?.key("");
            if seen.iter().any(|(other, at, asked)| *other == key && (at, asked) != (scan, question)) {
                return None;
            }
            seen.push((key, *scan, *question));
        }
        Some(of.iter().map(|(_, measured)| *measured).collect())
    }
}

fn columns(plan: &LogicalPlan, scans: &mut usize) -> Vec<Made> {
    let len = plan.schema().fields().len();
    match plan {
        LogicalPlan::TableScan(scan) => {
            *scans += 1;
            let question = scan.table_name.table().strip_prefix("answer_").and_then(|at| at.parse().ok());
            let of = |name: &String| match (question, name.strip_prefix("measured_").map(str::parse)) {
                (Some(question), Some(Ok(term))) => Made::Sum(BTreeSet::from([(*scans, (question, term))])),
                _ => Made::Known,
            };
            scan.projected_schema.fields().iter().map(|field| of(field.name())).collect()
        }
        LogicalPlan::Projection(projection) => {
            let below = columns(&projection.input, scans);
            projection.expr.iter().map(|expr| made(expr, projection.input.schema(), &below)).collect()
        }
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_) => plan.inputs().first().map_or_else(Vec::new, |input| columns(input, scans)),
        LogicalPlan::Window(window) => {
            let mut all = columns(&window.input, scans);
            all.resize(len, Made::Other);
            all
        }
        LogicalPlan::Join(join)
            if matches!(
                join.join_type,
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full
            ) =>
        {
            let mut all = columns(&join.left, scans);
            all.extend(columns(&join.right, scans));
            all
        }
        LogicalPlan::Union(union) => {
            let all: Vec<Vec<Made>> = union.inputs.iter().map(|input| columns(input, scans)).collect();
            // A row comes from one of the inputs.
            let of = |at: usize| {
                all.iter().fold(Made::Known, |so_far, of_input| {
                    so_far.and(of_input.get(at).cloned().unwrap_or(Made::Other))
                })
            };
            (0..len).map(of).collect()
        }
        // Rows put together, and whatever else there may be.
        _ => vec![Made::Other; len],
    }
}

impl Made {
    /// Of both together, added up.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Known, one) | (one, Self::Known) => one,
            (Self::Sum(mut all), Self::Sum(more)) => {
                all.extend(more);
                Self::Sum(all)
            }
            _ => Self::Other,
        }
    }
}

fn made(expr: &Expr, schema: &DFSchema, below: &[Made]) -> Made {
    let of = |expr: &Expr| made(expr, schema, below);
    match expr {
        Expr::Alias(alias) => of(&alias.expr),
        Expr::Negative(inner) => of(inner),
        Expr::Cast(cast) if *cast.field.data_type() == DataType::Float64 => of(&cast.expr),
        Expr::Column(column) => {
            schema.maybe_index_of_column(column).and_then(|at| below.get(at).cloned()).unwrap_or(Made::Other)
        }
        Expr::BinaryExpr(binary) => match (binary.op, of(&binary.left), of(&binary.right)) {
            (_, Made::Known, Made::Known) => Made::Known,
            (Operator::Plus | Operator::Minus, left, right) => left.and(right),
            (Operator::Multiply | Operator::Divide, sum, Made::Known)
            | (Operator::Multiply, Made::Known, sum) => sum,
            _ => Made::Other,
        },
        other => {
            let known = |column| {
                schema.maybe_index_of_column(column).is_some_and(|at| below.get(at) == Some(&Made::Known))
            };
            let subquery = other.exists(|part| Ok(matches!(part, Expr::ScalarSubquery(_)))).unwrap_or(true);
            let known = !subquery && other.column_refs().into_iter().all(known);
            if known { Made::Known } else { Made::Other }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;
    use crate::plan::tests::{POLICY, PUBLIC};

    /// How many measured values each column is a sum of; -1 where it is none.
    fn sums(sql: &str) -> Vec<i64> {
        let plan = Plan::new(&POLICY, &PUBLIC, sql, None).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let of = plan.sums().into_iter().map(|of| of.map_or(-1, |of| i64::try_from(of.len()).expect("few")));
        of.collect()
    }

    #[test]
    fn sums_with_known_factors_are_told_from_what_depends_on_values() {
        const TWO: &str =
            "select gender, count(*) n, count(distinct person) p from contact where year = 2024 group by 1";
        for (columns, expected) in [
            ("n, n + p, n - 2 * p, -n / 12.0", vec![1, 2, 2, 1]),
            ("cast(n as double) * 1e3, n + 1 - n", vec![1, 1]),
            ("gender, n / p, n * n, 1 / n", vec![-1, -1, -1, -1]),
            ("round(n), greatest(n, p), case when n > 0 then n end, cast(n as int)", vec![-1; 4]),
            ("n / sum(n) over (), n - (select max(p) from t)", vec![-1, -1]),
            ("case when gender = 'male' then 2 else 1 end * n", vec![1]),
        ] {
            assert_eq!(sums(&format!("with t as ({TWO}) select {columns} from t")), expected, "{columns}");
        }
        // Rows of two questions; of one with itself, which may be the same row.
        let joined = |on: &str| {
            format!("with t as ({TWO}), u as (select gender, count(*) n from follow_up where year = 2024 group by 1)
                select a.n - b.n from t a join {on} b on a.gender = b.gender")
        };
        assert_eq!((sums(&joined("u")), sums(&joined("t"))), (vec![2], vec![-1]));
        let union =
            format!("select n from ({TWO}) t union all select count(*) from follow_up where year = 2024");
        assert_eq!(sums(&union), [2], "each row is one of both");
        assert_eq!(sums(&format!("select sum(n) from ({TWO}) t")), [-1], "rows put together");
        assert_eq!(sums("select avg(minutes) from contact where year = 2024"), [-1]);
        let rates = "select d.name_no, 1000.0 * c.n / r.residents from
            (select service, count(*) n from contact where year = 2024 group by 1) c join district d on d.code = c.service
            join population r on r.district = c.service and r.year = 2024 and r.age_band = '13-15'";
        assert_eq!(sums(rates), [-1, 1]);
    }
}
