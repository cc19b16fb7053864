//! Whole rounds of a count: what the protocol says of its forms, and which rows keep to it.
//!
//! A round is a date, a campaign and a shift. Its form has a line for every area, age group and gender, with 0
//! where nobody was seen. A round is *whole* when its lines cover all of these; a round that is not whole is no
//! round. Lines beside them (`unknown`, or an area in a district) are welcome and make no round.
//!
//! # Privacy
//!
//! The list of rounds is public, and the number of rounds is the sensitivity of what is measured over them. So
//! neither may depend on whom a counter saw. If any line made a round, a form that lists only what was seen
//! would make one exactly when somebody was there: the round of a quiet night would tell of one individual. A
//! whole round has all its lines whatever is counted in them, and only the presence of the lines is looked at,
//! never their numbers: adding or removing an individual changes a number, and no line. What is left to those who
//! count is to fill in the lines of 0 whatever they see. One number does matter: a line above the policy's bound is
//! refused at ingest, and its round with it until the form is corrected; the bound is set so high that only a slip
//! of the pen passes it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::Date32Type;

use crate::policy::{ColumnRole, Policy, Table, UNKNOWN};

/// The table with the lines of the forms.
pub const OBSERVATIONS: &str = "scene_observation";

/// The code columns that, with the date, say which round a line is of.
pub(crate) const ROUND: [&str; 2] = ["campaign", "shift"];
/// The columns a form has a line for every combination of.
pub(crate) const GRID: [&str; 3] = ["area", "scene_age", "gender"];
/// An area that is none of the protocol's: anywhere in a district.
const DISTRICT: &str = "district";

/// The lines a form must have, from the policy's closed lists.
#[derive(Debug, Clone)]
pub struct Grid {
    lists: [BTreeSet<String>; 3],
}

impl Grid {
    /// The grid of a policy; none when its table of observations lacks one of the columns, or a list names nothing.
    pub fn new(policy: &Policy) -> Option<Self> {
        let table = policy.table(OBSERVATIONS)?;
        let [areas, ages, genders] = GRID.map(|column| codes(policy, table, column));
        let lists = [areas?, ages?, genders?];
        lists.iter().all(|list| !list.is_empty()).then_some(Self { lists })
    }

    /// How many lines a form has at least.
    fn lines(&self) -> usize {
        self.lists.iter().map(BTreeSet::len).product()
    }

    /// For each row, whether its round is whole among these rows. None when the rows are no observations.
    pub fn in_whole_rounds(&self, rows: &RecordBatch) -> Option<BooleanArray> {
        let dates = rows.column_by_name("date")?.as_primitive_opt::<Date32Type>()?;
        let text = |name| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
        let [campaigns, shifts] = ROUND.map(text);
        let [areas, ages, genders] = GRID.map(text);
        let (round, line) = ([campaigns?, shifts?], [areas?, ages?, genders?]);
        let round = |row| (dates.value(row), round.map(|column: &StringArray| column.value(row)));
        let mut covered: BTreeMap<_, BTreeSet<[&str; 3]>> = BTreeMap::new();
        for row in 0..rows.num_rows() {
            let codes = line.map(|column| column.value(row));
            if self.lists.iter().zip(codes).all(|(list, code)| list.contains(code)) {
                covered.entry(round(row)).or_default().insert(codes);
            }
        }
        let lines = self.lines();
        let whole = |row| covered.get(&round(row)).is_some_and(|found| found.len() == lines);
        Some((0..rows.num_rows()).map(|row| Some(whole(row))).collect())
    }
}

fn codes(policy: &Policy, table: &Table, column: &str) -> Option<BTreeSet<String>> {
    let ColumnRole::Dimension { codes } = &table.column(column)?.role else { return None };
    let codes = policy.code_list(codes)?.codes.iter().map(|code| code.code.clone());
    Some(codes.filter(|code| code != UNKNOWN && code != DISTRICT).collect())
}
