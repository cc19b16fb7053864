//! Rows of cells in, rows of tables out: every rule about a single row is here, and the one about rows together
//! (a round of a count is whole, or none of its lines is used).
//!
//! # Privacy
//!
//! What identifies a person is read from the cells straight into a keyed hash. Nothing of it is kept, and no
//! error or quarantine line holds a value.

use std::collections::{BTreeMap, HashMap};

use arrow::compute::filter_record_batch;
use arrow::error::ArrowError;
use jiff::civil::Date;
use skjerm_warehouse::policy::{Policy, YearRange};
use skjerm_warehouse::rounds::{Grid, OBSERVATIONS};
use skjerm_warehouse::{Delivery, DeliveryLoad};
use zeroize::Zeroize;

use crate::error::FileProblem;
use crate::header::{Header, Search};
use crate::key::{LinkingKey, Pseudonym, Purpose};
use crate::mapping::{ColumnPlan, Compiled, FieldKind, PersonUse, TablePlan};
use crate::person::{self, LinkLevel};
use crate::quarantine::QuarantineLine;
use crate::read::Sink;
use crate::reason::Reason;
use crate::report::DeliveryReport;
use crate::table::{Builder, Event, Rows, Value};
use crate::values::{self, Cell, OLDEST};

/// The most spellings of one column that are remembered. A real column has a few dozen.
const REMEMBERED: usize = 4096;

/// What a row is refused for: the field (none: the whole line) and the reason.
type Refusal = (Option<usize>, Reason);

/// The rows of one file.
pub(crate) struct FileRows<'a> {
    mapping: &'a Compiled,
    key: &'a LinkingKey,
    years: YearRange,
    /// The first year that each table may still hold.
    oldest: Vec<Option<i32>>,
    /// The lines a form of a count must have.
    grid: Option<Grid>,
    today: Date,
    search: Search,
    header: Option<Header>,
    builders: Vec<Builder<'a>>,
    /// Field → text → code, as met in this file.
    met: Vec<HashMap<Box<str>, Option<u16>>>,
    values: Vec<Value>,
    read: u64,
    quarantined: Vec<(u64, Refusal)>,
}

/// A file that was read.
pub(crate) struct ReadFile {
    pub(crate) source: String,
    pub(crate) file: String,
    /// Rows read.
    pub(crate) read: u64,
    /// Rows that go to the warehouse, by table.
    pub(crate) delivery: Delivery,
    /// The others.
    pub(crate) quarantined: Vec<QuarantineLine>,
}

impl ReadFile {
    /// Rows that go to the warehouse.
    pub(crate) fn usable(&self) -> u64 {
        self.delivery.tables.values().map(|batch| batch.num_rows() as u64).sum()
    }

    /// The report, given what became of the usable rows.
    pub(crate) fn report(&self, load: DeliveryLoad) -> DeliveryReport {
        let mut reasons = BTreeMap::new();
        for line in &self.quarantined {
            *reasons.entry(line.reason.code().to_owned()).or_insert(0) += 1;
        }
        DeliveryReport {
            source: self.source.clone(),
            file: self.file.clone(),
            read: self.read,
            loaded: load.loaded,
            replaced: load.replaced,
            quarantined: self.quarantined.len() as u64,
            reasons,
        }
    }
}

impl<'a> FileRows<'a> {
    pub(crate) fn new(mapping: &'a Compiled, policy: &Policy, key: &'a LinkingKey, today: Date) -> Self {
        Self {
            mapping,
            key,
            years: policy.years,
            oldest: mapping
                .tables
                .iter()
                .map(|table| policy.table(&table.name).and_then(|table| table.oldest_kept(today)))
                .collect(),
            grid: Grid::new(policy),
            today,
            search: Search::default(),
            header: None,
            builders: mapping.tables.iter().map(Builder::new).collect(),
            met: mapping.fields.iter().map(|_| HashMap::new()).collect(),
            values: Vec::new(),
            read: 0,
            quarantined: Vec::new(),
        }
    }

    /// What was read, once the file is at its end.
    pub(crate) fn finish(mut self, file: &str) -> Result<ReadFile, FileProblem> {
        if self.header.is_none() {
            return Err(self.search.failed(self.mapping));
        }
        let failed = |error: ArrowError| FileProblem::Io(std::io::Error::other(error));
        let mut tables = BTreeMap::new();
        for builder in std::mem::take(&mut self.builders) {
            let Some(rows) = builder.finish().map_err(failed)? else { continue };
            let rows = self.whole_rounds(rows).map_err(failed)?;
            if rows.batch.num_rows() > 0 {
                tables.insert(rows.table, rows.batch);
            }
        }
        self.quarantined.sort_by_key(|(line, _)| *line);
        let mapping = self.mapping;
        let column =
            |field: Option<usize>| field.map(|f| mapping.fields[f].label.clone()).unwrap_or_default();
        let quarantined = self
            .quarantined
            .into_iter()
            .map(|(line, (field, reason))| QuarantineLine {
                file: file.to_owned(),
                line,
                column: column(field),
                reason,
            })
            .collect();
        let source = mapping.source.clone();
        let delivery = Delivery { source: source.clone(), file: file.to_owned(), tables };
        Ok(ReadFile { source, file: file.to_owned(), read: self.read, delivery, quarantined })
    }

    /// The lines of a count whose round is whole in this file; those of other rounds go to quarantine, each of them.
    fn whole_rounds(&mut self, rows: Rows) -> Result<Rows, ArrowError> {
        let grid = self.grid.as_ref().filter(|_| rows.table == OBSERVATIONS);
        let Some(whole) = grid.and_then(|grid| grid.in_whole_rounds(&rows.batch)) else { return Ok(rows) };
        let (kept, others): (Vec<_>, Vec<_>) =
            rows.lines.into_iter().zip(whole.values()).partition(|(_, whole)| *whole);
        let refusal = (None, Reason::IncompleteRound);
        self.quarantined.extend(others.into_iter().map(|(line, _)| (line, refusal)));
        let batch = filter_record_batch(&rows.batch, &whole)?;
        Ok(Rows { batch, lines: kept.into_iter().map(|(line, _)| line).collect(), ..rows })
    }
}

impl Sink for FileRows<'_> {
    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem> {
        let Some(header) = self.header.take() else {
            self.header = self.search.look(line, cells, self.mapping)?;
            return Ok(());
        };
        let outcome = Row { cells, header: &header, file: self }.take(line);
        self.header = Some(header);
        self.read += 1;
        if let Err(refusal) = outcome {
            self.quarantined.push((line, refusal));
        }
        Ok(())
    }

    fn broken(&mut self, line: u64, reason: Reason) {
        // Above the header there are no rows yet.
        if self.header.is_some() {
            self.read += 1;
            self.quarantined.push((line, (None, reason)));
        }
    }

    fn fits(&self, cells: usize) -> bool {
        self.header.as_ref().is_none_or(|h| (h.width.0..=h.width.1).contains(&cells))
    }
}

/// One row while it is looked at.
struct Row<'r, 'a> {
    cells: &'r [Cell<'r>],
    header: &'r Header,
    file: &'r mut FileRows<'a>,
}

impl Row<'_, '_> {
    fn take(mut self, line: u64) -> Result<(), Refusal> {
        let mapping = self.file.mapping;
        let at = self.table()?;
        let table = &mapping.tables[at];
        let date = self.event_date(table, self.file.oldest[at])?;
        let birth = match mapping.person.as_ref().and_then(|p| p.birth_date) {
            Some(field) => self.birth_date(field, date)?,
            None => None,
        };
        let person = match &mapping.person {
            Some(person) => Some(self.person(person, birth)?),
            None => None,
        };
        let mut values = std::mem::take(&mut self.file.values);
        values.clear();
        let filled = self.columns(table, date, birth, person.map(|p| p.1), &mut values);
        let done = filled.and_then(|()| {
            self.campaign(table, date)?;
            let record = self.record(table, date)?;
            let event = Event { person: person.map(|p| p.0), record, date, line };
            self.file.builders[at].push(&event, &values);
            Ok(())
        });
        self.file.values = values;
        done
    }

    /// The cell of a field; empty when the file has no such column or the cell counts as blank.
    fn cell(&self, field: usize) -> Cell<'_> {
        let cell = self.header.columns[field].and_then(|at| self.cells.get(at)).copied();
        match cell {
            Some(Cell::Text(text)) => {
                let text = text.trim();
                let nothing = self.file.mapping.blank.iter().any(|b| b.eq_ignore_ascii_case(text));
                if nothing { Cell::Text("") } else { Cell::Text(text) }
            }
            Some(cell) => cell,
            None => Cell::Text(""),
        }
    }

    /// The cell, refusing an empty one when it must be filled.
    fn filled(&self, field: usize) -> Result<Cell<'_>, Refusal> {
        let cell = self.cell(field);
        if self.file.mapping.fields[field].filled && cell.is_empty() {
            return Err((Some(field), Reason::MissingValue));
        }
        Ok(cell)
    }

    fn table(&self) -> Result<usize, Refusal> {
        let Some(route) = &self.file.mapping.route else { return Ok(0) };
        let cell = self.filled(route.field)?;
        let word = crate::spelling::fold(&cell.text());
        route.words.get(&word).copied().ok_or((Some(route.field), Reason::UnknownCode))
    }

    fn event_date(&self, table: &TablePlan, oldest: Option<i32>) -> Result<Date, Refusal> {
        let refuse = |reason| (Some(table.date), reason);
        let cell = self.cell(table.date);
        if cell.is_empty() {
            return Err(refuse(Reason::MissingValue));
        }
        let date = values::date(&cell, &self.file.mapping.dates).ok_or_else(|| refuse(Reason::BadDate))?;
        if date > self.file.today {
            return Err(refuse(Reason::FutureDate));
        }
        if !self.file.years.contains(i32::from(date.year())) {
            return Err(refuse(Reason::YearOutsidePolicy));
        }
        if oldest.is_some_and(|oldest| i32::from(date.year()) < oldest) {
            return Err(refuse(Reason::PastRetention));
        }
        Ok(date)
    }

    fn birth_date(&self, field: usize, event: Date) -> Result<Option<Date>, Refusal> {
        let refuse = |reason| (Some(field), reason);
        let cell = self.filled(field)?;
        if cell.is_empty() {
            return Ok(None);
        }
        let birth = values::date(&cell, &self.file.mapping.dates).ok_or_else(|| refuse(Reason::BadDate))?;
        if birth > event || birth > self.file.today {
            return Err(refuse(Reason::BirthDateInFuture));
        }
        if i32::from(event.year()) - i32::from(birth.year()) > OLDEST {
            return Err(refuse(Reason::BadDate));
        }
        Ok(Some(birth))
    }

    fn person(&self, person: &PersonUse, birth: Option<Date>) -> Result<(Pseudonym, LinkLevel), Refusal> {
        let key = self.file.key;
        if let Some(field) = person.national_id {
            let cell = self.filled(field)?;
            if !cell.is_empty() {
                let mut text = cell.text();
                let pseudonym = person::by_national_id(key, &text);
                if let std::borrow::Cow::Owned(digits) = &mut text {
                    digits.zeroize();
                }
                return Ok((pseudonym.map_err(|r| (Some(field), r))?, LinkLevel::NationalId));
            }
        }
        if let Some(birth) = birth {
            let mut parts = [""; 4];
            let mut filled = 0;
            let cells: [Cell<'_>; 4] = std::array::from_fn(|i| match person.name.get(i) {
                Some(&field) => self.cell(field),
                None => Cell::Text(""),
            });
            for cell in &cells {
                if let Cell::Text(text) = cell
                    && !text.is_empty()
                {
                    parts[filled] = text;
                    filled += 1;
                }
            }
            // With a name in several columns, each of them is needed: a first name alone does not tell people apart.
            let whole = filled == person.name.len().min(4) && filled > 0;
            if let Some(pseudonym) = whole.then(|| person::by_name(key, &parts[..filled], birth)).flatten() {
                return Ok((pseudonym, LinkLevel::NameBirth));
            }
        }
        if let Some(field) = person.client {
            let cell = self.filled(field)?;
            if !cell.is_empty() {
                let pseudonym = person::by_client(key, &self.file.mapping.source, &cell.text());
                return Ok((pseudonym, LinkLevel::Client));
            }
        }
        let field = person.national_id.or(person.client);
        Err((field, Reason::MissingPerson))
    }

    fn columns(
        &mut self,
        table: &TablePlan,
        date: Date,
        birth: Option<Date>,
        level: Option<LinkLevel>,
        values: &mut Vec<Value>,
    ) -> Result<(), Refusal> {
        for column in &table.columns {
            values.push(match column {
                ColumnPlan::Code { field, .. } => Value::Code(self.code(*field)?),
                ColumnPlan::Fixed { code, .. } => Value::Code(*code),
                ColumnPlan::AgeBand { bands, .. } => Value::Code(bands.at_end_of(date.year(), birth)),
                ColumnPlan::LinkLevel { levels, .. } => Value::Code(match level {
                    Some(LinkLevel::NationalId) => levels.national_id,
                    Some(LinkLevel::NameBirth) => levels.name_birth,
                    Some(LinkLevel::Client) | None => levels.client,
                }),
                ColumnPlan::Measure { field: None, .. } => Value::Whole(None),
                ColumnPlan::Measure { field: Some(field), bounds } => {
                    let cell = self.filled(*field)?;
                    if cell.is_empty() {
                        Value::Whole(None)
                    } else {
                        let number = values::whole(&cell).ok_or((Some(*field), Reason::BadNumber))?;
                        if !(bounds.min..=bounds.max).contains(&number) {
                            return Err((Some(*field), Reason::OutOfBounds));
                        }
                        Value::Whole(Some(number))
                    }
                }
                ColumnPlan::Person
                | ColumnPlan::Record
                | ColumnPlan::Year
                | ColumnPlan::Month
                | ColumnPlan::Date => Value::Derived,
            });
        }
        Ok(())
    }

    fn code(&mut self, field: usize) -> Result<u16, Refusal> {
        let mapping = self.file.mapping;
        let Some(list) = &mapping.fields[field].code else { return Err((Some(field), Reason::UnknownCode)) };
        // A cell as it stands is looked up first: a blank is an answer, too.
        let cell = self.header.columns[field].and_then(|at| self.cells.get(at)).copied();
        let cell = cell.unwrap_or(Cell::Text(""));
        let text = cell.text();
        let known = self.file.met[field].get(text.as_ref()).copied();
        let code = if let Some(code) = known {
            code
        } else {
            let code = match (self.cell(field).is_empty(), mapping.fields[field].filled) {
                (true, true) => return Err((Some(field), Reason::MissingValue)),
                (true, false) => Some(list.unknown),
                (false, _) => list.words.meaning(&text),
            };
            let met = &mut self.file.met[field];
            if met.len() < REMEMBERED && text.len() <= 200 {
                met.insert(text.into(), code);
            }
            code
        };
        code.ok_or((Some(field), Reason::UnknownCode))
    }

    /// Refuses a line of a count whose campaign was not held at the date.
    fn campaign(&mut self, table: &TablePlan, date: Date) -> Result<(), Refusal> {
        let Some(campaign) = &table.campaign else { return Ok(()) };
        let code = self.code(campaign.field)?;
        if campaign.may_have(code, date) {
            Ok(())
        } else {
            Err((Some(campaign.field), Reason::CampaignAndDateDiffer))
        }
    }

    /// The pseudonym of the record: of its source, table and the fields that identify it.
    fn record(&mut self, table: &TablePlan, date: Date) -> Result<Pseudonym, Refusal> {
        let mapping = self.file.mapping;
        let mut parts = zeroize::Zeroizing::new(Vec::<Vec<u8>>::with_capacity(table.record.len() + 2));
        parts.push(mapping.source.clone().into_bytes());
        parts.push(table.name.clone().into_bytes());
        for &field in &table.record {
            parts.push(match mapping.fields[field].kind {
                FieldKind::Code => {
                    let code = self.code(field)?;
                    let codes = mapping.fields[field].code.as_ref().map(|c| &c.codes);
                    codes.and_then(|c| c.get(usize::from(code))).cloned().unwrap_or_default().into_bytes()
                }
                FieldKind::Date => date.to_string().into_bytes(),
                _ => {
                    let cell = self.cell(field);
                    if cell.is_empty() {
                        return Err((Some(field), Reason::MissingValue));
                    }
                    person::normal_id(&cell.text()).as_bytes().to_vec()
                }
            });
        }
        let fields: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(self.file.key.pseudonym(Purpose::Record, &fields))
    }
}
