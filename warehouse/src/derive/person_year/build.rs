//! Makes the rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow::buffer::Buffer;
use arrow::datatypes::Date32Type;

use super::TABLE;
use super::rules::{Condition, Fill, MONTHS, NO_MONTH, NUMBERS, Provider, Rules, SERVICE_TABLES, Source};
use crate::WarehouseError;
use crate::load::accept::year_and_month;
use crate::load::{NewFiles, State, Workplace};
use crate::policy::{Table, UNKNOWN};
use crate::storage::{Cell, Pseudonym, TableFiles, of_cell, parquet, workers};

/// How often a person's rows said a code, and when last.
struct Tally {
    code: u32,
    count: u32,
    latest: i32,
}

/// What a person's rows of the year said.
#[derive(Default)]
struct PersonYear {
    attributes: Vec<Vec<Tally>>,
    services: [Vec<Tally>; SERVICE_TABLES.len()],
    flags: Vec<bool>,
    /// The day of the first contact that counts for `ute_first_month`.
    first: Option<i32>,
    /// The services met: whose, and the number of the code that names it.
    used: Vec<(Provider, Option<u32>)>,
}

/// Codes as numbers, in the order they are met.
#[derive(Default)]
struct Codes {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Codes {
    fn number(&mut self, code: &str) -> u32 {
        if let Some(number) = self.numbers.get(code) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(code.to_owned());
        self.numbers.insert(code.to_owned(), number);
        number
    }

    fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or(UNKNOWN, String::as_str)
    }
}

/// Makes the person-years of these cells. A person's rows of a year are all in the shard of the same number, so
/// a cell needs nothing but the same cell of each source.
pub(in crate::derive) fn make(
    place: &Workplace<'_>,
    rules: &Rules,
    table: &Table,
    state: &State,
    cells: BTreeSet<Cell>,
) -> Result<Vec<NewFiles>, WarehouseError> {
    workers::each(cells.into_iter().collect(), |cell: Cell| {
        let rows = rows(place, rules, table, state, cell)?;
        place.write(table, state.get(TABLE).unwrap_or(&TableFiles::new()), cell, &rows)
    })
}

/// The person-years of one cell.
pub(crate) fn rows(
    place: &Workplace<'_>,
    rules: &Rules,
    table: &Table,
    state: &State,
    cell: Cell,
) -> Result<RecordBatch, WarehouseError> {
    let mut year = Year { rules, codes: Codes::default(), persons: BTreeMap::new() };
    for source in &rules.sources {
        let (Some(files), Some(of)) = (state.get(&source.table), place.policy.table(&source.table)) else {
            continue;
        };
        let columns: Vec<&str> = source.columns.iter().map(String::as_str).collect();
        for (span, file) in of_cell(files, cell) {
            year.read(source, &place.columns(of, (cell.0, span), file, &columns)?);
        }
    }
    year.rows(table)
}

/// The persons of one cell.
struct Year<'a> {
    rules: &'a Rules,
    codes: Codes,
    persons: BTreeMap<Pseudonym, PersonYear>,
}

impl Year<'_> {
    /// Adds a source's rows.
    fn read(&mut self, source: &Source, rows: &RecordBatch) {
        let text = |name: &str| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
        let Some(persons) = parquet::pseudonyms(rows, "person") else { return };
        let Some(dates) = rows.column_by_name("date").and_then(|c| c.as_primitive_opt::<Date32Type>()) else {
            return;
        };
        let attributes: Vec<(usize, &StringArray)> = source
            .attributes
            .iter()
            .filter_map(|at| Some((*at, text(&self.rules.attributes[*at])?)))
            .collect();
        let service = source.service.and_then(|at| Some((at, text("service")?)));
        let flags: Vec<_> = source
            .flags
            .iter()
            .map(|at| {
                let conditions = self.rules.flags[*at].conditions.iter();
                (*at, conditions.filter_map(|c| Some((*c, text(c.column())?))).collect::<Vec<_>>())
            })
            .collect();
        let holds = |conditions: &[(Condition, &StringArray)], row| {
            conditions.iter().all(|(c, column)| c.holds(column.value(row)))
        };
        let first = source.first_month.map(|conditions| {
            conditions.iter().filter_map(|c| Some((*c, text(c.column())?))).collect::<Vec<_>>()
        });
        let provider = source.provider.map(|provider| (provider, provider.column().and_then(&text)));
        for row in 0..rows.num_rows() {
            let person = self.persons.entry(parquet::pseudonym(persons, row)).or_insert_with(|| PersonYear {
                attributes: (0..self.rules.attributes.len()).map(|_| Vec::new()).collect(),
                services: Default::default(),
                flags: vec![false; self.rules.flags.len()],
                ..PersonYear::default()
            });
            let date = dates.value(row);
            for (at, column) in &attributes {
                tally(&mut person.attributes[*at], &mut self.codes, column.value(row), date);
            }
            if let Some((at, column)) = &service {
                tally(&mut person.services[*at], &mut self.codes, column.value(row), date);
            }
            for (at, conditions) in &flags {
                person.flags[*at] |= holds(conditions, row);
            }
            if first.as_ref().is_some_and(|conditions| holds(conditions, row)) {
                person.first = Some(person.first.map_or(date, |first| first.min(date)));
            }
            if let Some((provider, column)) = &provider {
                let name = column.map(|column| column.value(row));
                if name != Some(UNKNOWN) {
                    let used = (*provider, name.map(|name| self.codes.number(name)));
                    if !person.used.contains(&used) {
                        person.used.push(used);
                    }
                }
            }
        }
    }

    /// The rows, sorted by person.
    fn rows(&self, table: &Table) -> Result<RecordBatch, WarehouseError> {
        let failed = WarehouseError::arrow(&table.name);
        let persons = self.persons.values();
        let columns = self.rules.fills.iter().map(|fill| -> Result<ArrayRef, WarehouseError> {
            Ok(match fill {
                Fill::Person => {
                    let bytes: Vec<u8> = self.persons.keys().flat_map(|p| p.to_be_bytes()).collect();
                    let array = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes), None);
                    Arc::new(array.map_err(&failed)?)
                }
                Fill::Attribute(at) => {
                    let values =
                        persons.clone().map(|p| self.prevailing(&p.attributes[*at]).unwrap_or(UNKNOWN));
                    Arc::new(StringArray::from_iter_values(values))
                }
                Fill::PrimaryService => {
                    let service = |p: &PersonYear| {
                        p.services.iter().find_map(|tallies| self.prevailing(tallies)).unwrap_or(UNKNOWN)
                    };
                    Arc::new(StringArray::from_iter_values(persons.clone().map(service)))
                }
                Fill::Flag(at) => {
                    let values = persons.clone().map(|p| if p.flags[*at] { "yes" } else { "no" });
                    Arc::new(StringArray::from_iter_values(values))
                }
                Fill::FirstMonth => {
                    Arc::new(StringArray::from_iter_values(persons.clone().map(|p| month(p.first))))
                }
                Fill::ServicesUsed => {
                    let number = |p: &PersonYear| match p.used.len() {
                        0 => UNKNOWN,
                        used => NUMBERS[used.min(NUMBERS.len()) - 1],
                    };
                    Arc::new(StringArray::from_iter_values(persons.clone().map(number)))
                }
            })
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(table.file_schema(), columns).map_err(&failed)
    }

    /// The most frequent code; of equals the latest, of those the first by code.
    fn prevailing(&self, tallies: &[Tally]) -> Option<&str> {
        let name = |t: &Tally| self.codes.name(t.code);
        let better = |a: &&Tally, b: &&Tally| {
            (a.count, a.latest).cmp(&(b.count, b.latest)).then_with(|| name(b).cmp(name(a)))
        };
        tallies.iter().max_by(better).map(name)
    }
}

/// The code of the month of a day.
fn month(day: Option<i32>) -> &'static str {
    let Some(day) = day else { return NO_MONTH };
    let month = year_and_month(day).and_then(|(_, month)| usize::try_from(month).ok());
    month.and_then(|month| MONTHS.get(month - 1)).copied().unwrap_or(UNKNOWN)
}

fn tally(tallies: &mut Vec<Tally>, codes: &mut Codes, code: &str, date: i32) {
    if code == UNKNOWN {
        return;
    }
    let code = codes.number(code);
    match tallies.iter_mut().find(|t| t.code == code) {
        Some(tally) => {
            tally.count += 1;
            tally.latest = tally.latest.max(date);
        }
        None => tallies.push(Tally { code, count: 1, latest: date }),
    }
}
