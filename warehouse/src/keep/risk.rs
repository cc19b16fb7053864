//! How far the rows of `person_year` would tell persons apart if somebody saw them.
//!
//! *k-anonymity* (Sweeney 2002, "k-anonymity: a model for protecting privacy"): persons who look alike to somebody
//! who knows them from outside form a class. They look alike when their quasi-identifiers are equal: age band, gender,
//! belonging, home municipality, home district, primary service. k is the size of the smallest class.
//!
//! *Distinct l-diversity* (Machanavajjhala et al. 2007, "l-diversity: privacy beyond k-anonymity"): the number of
//! different sensitive values in a class; l is the least of all classes. The sensitive value is what services somebody
//! used, all flags and their number together; when they first came is not of it, and would make classes look more diverse. In a class with l = 1, who knows somebody to be in it knows what they used.
//!
//! # Privacy
//!
//! Exact counts of protected data, for the steward, who decides who may come near the files. No figure of a release
//! rests on them: what leaves is protected by noise, whatever the classes are.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array, AsArray};
use arrow::record_batch::RecordBatch;
use serde::Serialize;

use crate::policy::{ColumnRole, Table};

/// What somebody may know of a person from outside.
const QUASI_IDENTIFIERS: [&str; 6] =
    ["age_band", "gender", "belonging", "home_municipality", "home_district", "primary_service"];
const LINK_LEVEL: &str = "link_level";
const FIRST_MONTH: &str = "ute_first_month";

/// The classes of one year's persons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct YearRisk {
    /// The year.
    pub year: i32,
    /// Persons with a row.
    pub persons: u64,
    /// Classes of persons who look alike.
    pub classes: u64,
    /// k: persons in the smallest class.
    pub smallest_class: u64,
    /// Persons alone in their class.
    pub unique: u64,
    /// Persons in classes of fewer than 3.
    pub in_classes_below_3: u64,
    /// Persons in classes of fewer than 5.
    pub in_classes_below_5: u64,
    /// l: the fewest different uses of services in a class.
    pub least_diversity: u64,
    /// Persons in classes of two or more where all used the same.
    pub in_uniform_classes: u64,
    /// Persons by how they are known.
    pub link_levels: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Class {
    persons: u64,
    uses: HashSet<String>,
}

/// By what is known of the persons from outside.
type Classes = HashMap<String, Class>;

/// Classes by year; each file's rows with their year.
pub(super) fn by_year(table: &Table, files: &[(i32, RecordBatch)]) -> Vec<YearRisk> {
    let dimensions = table.columns.iter().filter(|c| matches!(c.role, ColumnRole::Dimension { .. }));
    let names: Vec<&str> = dimensions.map(|column| column.name.as_str()).collect();
    let (known, others): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|n| QUASI_IDENTIFIERS.contains(n));
    let flags: Vec<&str> =
        others.into_iter().filter(|name| ![LINK_LEVEL, FIRST_MONTH].contains(name)).collect();
    let mut years: BTreeMap<i32, (Classes, BTreeMap<String, u64>)> = BTreeMap::new();
    for (year, rows) in files {
        let (classes, levels) = years.entry(*year).or_default();
        let (known, uses) = (text(rows, &known), text(rows, &flags));
        for (known, uses) in known.into_iter().zip(uses) {
            let class = classes.entry(known).or_default();
            class.persons += 1;
            class.uses.insert(uses);
        }
        let column = rows.column_by_name(LINK_LEVEL).and_then(|c| c.as_string_opt::<i32>());
        for level in column.into_iter().flat_map(|column| column.iter().flatten()) {
            *levels.entry(level.to_owned()).or_default() += 1;
        }
    }
    years.into_iter().map(|(year, (classes, levels))| of_year(year, &classes, levels)).collect()
}

fn of_year(year: i32, classes: &Classes, link_levels: BTreeMap<String, u64>) -> YearRisk {
    let sum = |which: &dyn Fn(&&Class) -> bool| classes.values().filter(which).map(|c| c.persons).sum();
    YearRisk {
        year,
        persons: sum(&|_| true),
        classes: classes.len() as u64,
        smallest_class: classes.values().map(|c| c.persons).min().unwrap_or_default(),
        unique: sum(&|c| c.persons == 1),
        in_classes_below_3: sum(&|c| c.persons < 3),
        in_classes_below_5: sum(&|c| c.persons < 5),
        least_diversity: classes.values().map(|c| c.uses.len() as u64).min().unwrap_or_default(),
        in_uniform_classes: sum(&|c| c.persons > 1 && c.uses.len() == 1),
        link_levels,
    }
}

/// The codes of each row's columns, one text a row.
fn text(rows: &RecordBatch, columns: &[&str]) -> Vec<String> {
    let mut texts = vec![String::new(); rows.num_rows()];
    for column in columns.iter().filter_map(|name| rows.column_by_name(name)?.as_string_opt::<i32>()) {
        for (row, text) in texts.iter_mut().enumerate().take(column.len()) {
            text.push_str(column.value(row));
            text.push('\n');
        }
    }
    texts
}
