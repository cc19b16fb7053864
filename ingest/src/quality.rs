//! How good the rows of a file are, in numbers.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, DictionaryArray, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, UInt16Type};
use jiff::civil::Date;

/// The code every closed list has for what is not known.
const UNKNOWN: &str = "unknown";
/// The column that says how a person was known.
const LINK_LEVEL: &str = "link_level";

/// Counts over rows that can be used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Rows about persons by how the person was known.
    pub(crate) link_levels: BTreeMap<String, u64>,
    /// Rows by the column whose code is unknown.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// The first and the last day, since 1970.
    days: Option<(i32, i32)>,
}

impl Tally {
    pub(crate) fn add(&mut self, rows: &RecordBatch) {
        for (field, array) in rows.schema().fields().iter().zip(rows.columns()) {
            if let Some(codes) = array.as_any_dictionary_opt().and_then(|_| array.as_dictionary_opt()) {
                self.add_codes(field.name(), codes);
            } else if let Some(days) = array.as_primitive_opt::<Date32Type>() {
                let bounds = [arrow::compute::min(days), arrow::compute::max(days)];
                let [Some(first), Some(last)] = bounds else { continue };
                let (before, after) = self.days.unwrap_or((first, last));
                self.days = Some((first.min(before), last.max(after)));
            }
        }
    }

    fn add_codes(&mut self, column: &str, codes: &DictionaryArray<UInt16Type>) {
        let Some(list) = codes.values().as_any().downcast_ref::<StringArray>() else { return };
        let count = |place: usize| {
            let keys = codes.keys().values().iter();
            u64::try_from(keys.filter(|key| usize::from(**key) == place).count()).unwrap_or_default()
        };
        let all = column == LINK_LEVEL;
        let (counts, named) =
            if all { (&mut self.link_levels, None) } else { (&mut self.unknown, Some(column)) };
        for (place, code) in list.iter().enumerate() {
            let Some(code) = code.filter(|code| all || *code == UNKNOWN) else { continue };
            let n = count(place);
            if n > 0 {
                *counts.entry(named.unwrap_or(code).to_owned()).or_default() += n;
            }
        }
    }

    /// The first and the last day of the rows.
    pub(crate) fn period(&self) -> Option<(Date, Date)> {
        let day = |days: i32| {
            let days = jiff::Span::new().try_days(days).ok()?;
            Date::constant(1970, 1, 1).checked_add(days).ok()
        };
        let (first, last) = self.days?;
        Some((day(first)?, day(last)?))
    }
}
