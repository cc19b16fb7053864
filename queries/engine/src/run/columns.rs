//! Values of fields as places in their closed domains.

use std::collections::HashMap;

use datafusion::parquet::basic::Type;

use super::error::RunError;
use crate::plan::{Domain, Field};

/// The place of what is outside a field's closed list.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Some fields of rows, and the place of each value.
pub(super) struct Columns {
    fields: Vec<FieldLookup>,
}

struct FieldLookup {
    name: String,
    kind: Kind,
    /// The place of "missing".
    missing: u32,
}

enum Kind {
    Codes {
        short: HashMap<u128, u32>,
        long: HashMap<String, u32>,
    },
    Numbers {
        low: i64,
        high: i64,
        /// Whether a number outside is in no cell, as a year or month that there is not; a measure counts as the nearest bound.
        exact: bool,
    },
    Days {
        first: i32,
        last: i32,
    },
}

impl Columns {
    pub(super) fn new<'f>(fields: impl Iterator<Item = (&'f str, &'f Field)>) -> Self {
        Self { fields: fields.map(|(name, field)| FieldLookup::new(name, field)).collect() }
    }

    /// Where a field is among them.
    pub(super) fn at(&self, name: &str) -> Result<usize, RunError> {
        self.fields.iter().position(|field| field.name == name).ok_or(RunError::Layout)
    }

    /// The place of a number in a field.
    pub(super) fn place_of_number(&self, field: usize, number: i64) -> u32 {
        match self.fields.get(field).map(|field| &field.kind) {
            Some(Kind::Numbers { low, high, exact }) => place_of_number(number, *low, *high, *exact),
            Some(Kind::Days { first, last }) => {
                place_of_number(number, (*first).into(), (*last).into(), true)
            }
            Some(Kind::Codes { .. }) | None => NOWHERE,
        }
    }

    /// The names of the fields that are looked up.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// The place of "missing" in a field.
    pub(super) fn missing(&self, field: usize) -> u32 {
        self.fields.get(field).map_or(NOWHERE, |field| field.missing)
    }

    /// What gives the place of a field's value as Parquet stores it plainly, in a column of this type.
    pub(super) fn place_of(&self, field: usize, of: Type) -> Result<impl Fn(&[u8]) -> u32, RunError> {
        let kind = self.fields.get(field).map(|field| &field.kind).ok_or(RunError::Layout)?;
        match (kind, of) {
            (Kind::Codes { .. }, Type::BYTE_ARRAY)
            | (Kind::Numbers { .. }, Type::INT64)
            | (Kind::Days { .. }, Type::INT32) => Ok(|value: &[u8]| kind.place_of_plain(value)),
            _ => Err(RunError::Layout),
        }
    }
}

impl FieldLookup {
    fn new(name: &str, field: &Field) -> Self {
        let kind = match &field.domain {
            Domain::Codes(codes) => {
                let (mut short, mut long) = (HashMap::new(), HashMap::new());
                for (at, code) in codes.iter().enumerate() {
                    match packed(code.as_bytes()) {
                        Some(key) => drop(short.insert(key, place(at))),
                        None => drop(long.insert(code.clone(), place(at))),
                    }
                }
                Kind::Codes { short, long }
            }
            Domain::Numbers { low, high } => {
                let exact = name == crate::plan::YEAR || name.ends_with("_month");
                Kind::Numbers { low: *low, high: *high, exact }
            }
            Domain::Days { first, last } => Kind::Days { first: *first, last: *last },
        };
        let missing = if field.nullable { place(field.len()) } else { NOWHERE };
        Self { name: name.to_owned(), kind, missing }
    }
}

impl Kind {
    /// The place of a value as Parquet stores it plainly.
    fn place_of_plain(&self, value: &[u8]) -> u32 {
        match self {
            Self::Codes { short, long } => match packed(value) {
                Some(key) => short.get(&key).copied(),
                None => std::str::from_utf8(value).ok().and_then(|code| long.get(code).copied()),
            }
            .unwrap_or(NOWHERE),
            Self::Numbers { low, high, exact } => {
                let number = value.try_into().map(i64::from_le_bytes);
                number.map_or(NOWHERE, |number| place_of_number(number, *low, *high, *exact))
            }
            Self::Days { first, last } => {
                let day = value.try_into().map(i32::from_le_bytes);
                day.map_or(NOWHERE, |day| place_of_number(day.into(), (*first).into(), (*last).into(), true))
            }
        }
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NOWHERE)
}

fn place_of_number(number: i64, low: i64, high: i64, exact: bool) -> u32 {
    if exact && !(low..=high).contains(&number) {
        return NOWHERE;
    }
    u32::try_from(number.clamp(low, high) - low).unwrap_or(NOWHERE)
}

/// A short code as a number: its bytes, and how many.
fn packed(code: &[u8]) -> Option<u128> {
    if code.len() > 15 {
        return None;
    }
    let mut bytes = [0; 16];
    bytes[..code.len()].copy_from_slice(code);
    bytes[15] = u8::try_from(code.len()).ok()?;
    Some(u128::from_le_bytes(bytes))
}
