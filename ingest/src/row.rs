//! One row of cells into a row of a table: every rule about a single row.
//!
//! # Privacy
//!
//! What identifies a person is read from the cells straight into a keyed hash. Nothing of it is kept, and no refusal holds
//! a value.

use jiff::civil::Date;
use zeroize::Zeroize;

use crate::header::Header;
use crate::key::{Message, Pseudonym, Purpose};
use crate::mapping::{ColumnPlan, FieldKind, PersonUse, TablePlan};
use crate::person::{self, LinkLevel};
use crate::reason::Reason;
use crate::rows::{FileRows, Link};
use crate::table::{Event, Value};
use crate::values::{self, Cell, OLDEST};

/// The most spellings of one column that are remembered. A real column has a few dozen.
const REMEMBERED: usize = 4096;

/// What a row is refused for: the field (none: the whole line) and the reason.
pub(crate) type Refusal = (Option<usize>, Reason);

/// Who a row is about.
struct Who {
    pseudonym: Pseudonym,
    level: LinkLevel,
    /// Somebody known by number: the client number that the source has for them beside it.
    client: Option<Pseudonym>,
}

/// One row while it is looked at.
pub(crate) struct Row<'r, 'a> {
    pub(crate) cells: &'r [Cell<'r>],
    pub(crate) header: &'r Header,
    pub(crate) file: &'r mut FileRows<'a>,
}

impl Row<'_, '_> {
    pub(crate) fn take(mut self, line: u64) -> Result<(), Refusal> {
        let mapping = self.file.rules.mapping;
        let at = self.table()?;
        let table = &mapping.tables[at];
        if self.is_withdrawn()? {
            return self.withdraw(at, table);
        }
        let date = self.event_date(at, table)?;
        let birth = match mapping.person.as_ref().and_then(|p| p.birth_date) {
            Some(field) => self.birth_date(field, date)?,
            None => None,
        };
        let person = match &mapping.person {
            Some(person) => {
                let mut message = std::mem::take(&mut self.file.message);
                let who = self.person(person, birth, &mut message);
                self.file.message = message;
                Some(who?)
            }
            None => None,
        };
        let mut values = std::mem::take(&mut self.file.values);
        values.clear();
        let filled = self.columns(table, date, birth, person.as_ref().map(|p| p.level), &mut values);
        let done = filled.and_then(|()| {
            self.campaign(table, date)?;
            let record = self.record(table, Some(date))?;
            let event = Event { person: person.as_ref().map(|p| p.pseudonym), record, date, line };
            self.file.builders[at].push(&event, &values);
            Ok(())
        });
        self.file.values = values;
        done?;
        if let Some(Who { pseudonym, client: Some(client), .. }) = person {
            self.file.links.push(Link { client, person: pseudonym });
        }
        Ok(())
    }

    /// Whether the source took the row back.
    fn is_withdrawn(&self) -> Result<bool, Refusal> {
        let Some(withdrawn) = &self.file.rules.mapping.withdrawn else { return Ok(false) };
        let cell = self.cell(withdrawn.field);
        if cell.is_empty() {
            return Ok(false);
        }
        let word = crate::spelling::fold(&cell.text());
        withdrawn.words.get(&word).copied().ok_or((Some(withdrawn.field), Reason::UnknownCode))
    }

    /// Notes that the record goes. Nothing but what identifies it is looked at.
    fn withdraw(&mut self, at: usize, table: &TablePlan) -> Result<(), Refusal> {
        let fields = &self.file.rules.mapping.fields;
        let dated = table.record.iter().any(|field| fields[*field].kind == FieldKind::Date);
        let date = if dated { Some(self.event_date(at, table)?) } else { None };
        let record = self.record(table, date)?;
        self.file.withdrawn[at].push(record);
        Ok(())
    }

    /// The cell of a field; empty when the file has no such column or the cell counts as blank.
    fn cell(&self, field: usize) -> Cell<'_> {
        let cell = self.header.columns[field].and_then(|at| self.cells.get(at)).copied();
        match cell {
            Some(Cell::Text(text)) => {
                let text = values::trim(text);
                let nothing = self.file.rules.mapping.blank.iter().any(|b| b.eq_ignore_ascii_case(text));
                if nothing { Cell::Text("") } else { Cell::Text(text) }
            }
            Some(cell) => cell,
            None => Cell::Text(""),
        }
    }

    /// The cell, refusing an empty one when it must be filled.
    fn filled(&self, field: usize) -> Result<Cell<'_>, Refusal> {
        let cell = self.cell(field);
        if self.file.rules.mapping.fields[field].filled && cell.is_empty() {
            return Err((Some(field), Reason::MissingValue));
        }
        Ok(cell)
    }

    fn table(&mut self) -> Result<usize, Refusal> {
        let Some(route) = &self.file.rules.mapping.route else { return Ok(0) };
        let cell = self.filled(route.field)?;
        let text = cell.text();
        let refusal = (Some(route.field), Reason::UnknownCode);
        if let Some(known) = self.file.routes.get(text.as_ref()) {
            return known.ok_or(refusal);
        }
        let table = route.words.get(&crate::spelling::fold(&text)).copied();
        if self.file.routes.len() < REMEMBERED && text.len() <= 200 {
            let word = text.into();
            self.file.routes.insert(word, table);
        }
        table.ok_or(refusal)
    }

    fn event_date(&self, at: usize, table: &TablePlan) -> Result<Date, Refusal> {
        let oldest = self.file.rules.oldest[at];
        let refuse = |reason| (Some(table.date), reason);
        let cell = self.cell(table.date);
        if cell.is_empty() {
            return Err(refuse(Reason::MissingValue));
        }
        let date =
            values::date(&cell, &self.file.rules.mapping.dates).ok_or_else(|| refuse(Reason::BadDate))?;
        if date > self.file.rules.today {
            return Err(refuse(Reason::FutureDate));
        }
        if !self.file.rules.years.contains(i32::from(date.year())) {
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
        let birth =
            values::date(&cell, &self.file.rules.mapping.dates).ok_or_else(|| refuse(Reason::BadDate))?;
        if birth > event || birth > self.file.rules.today {
            return Err(refuse(Reason::BirthDateInFuture));
        }
        if i32::from(event.year()) - i32::from(birth.year()) > OLDEST {
            return Err(refuse(Reason::BadDate));
        }
        Ok(Some(birth))
    }

    fn person(&self, person: &PersonUse, birth: Option<Date>, message: &mut Message) -> Result<Who, Refusal> {
        let key = self.file.rules.key;
        if let Some(field) = person.national_id {
            let cell = self.filled(field)?;
            if !cell.is_empty() {
                let mut text = cell.text();
                let pseudonym = person::by_national_id(key, message, &text);
                if let std::borrow::Cow::Owned(digits) = &mut text {
                    digits.zeroize();
                }
                let pseudonym = pseudonym.map_err(|r| (Some(field), r))?;
                let client = self.client(person, message)?;
                return Ok(Who { pseudonym, level: LinkLevel::NationalId, client });
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
                return Ok(Who { pseudonym, level: LinkLevel::NameBirth, client: None });
            }
        }
        let nobody = (person.national_id.or(person.client), Reason::MissingPerson);
        let pseudonym = self.client(person, message)?.ok_or(nobody)?;
        Ok(Who { pseudonym, level: LinkLevel::Client, client: None })
    }

    /// The pseudonym of the source's client number, if it is there.
    fn client(&self, person: &PersonUse, message: &mut Message) -> Result<Option<Pseudonym>, Refusal> {
        let Some(field) = person.client else { return Ok(None) };
        let cell = self.filled(field)?;
        if cell.is_empty() {
            return Ok(None);
        }
        let source = &self.file.rules.mapping.source;
        Ok(Some(person::by_client(self.file.rules.key, message, source, &cell.text())))
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
        let mapping = self.file.rules.mapping;
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
    fn record(&mut self, table: &TablePlan, date: Option<Date>) -> Result<Pseudonym, Refusal> {
        let mut message = std::mem::take(&mut self.file.message);
        let whole = self.identify(table, date, &mut message);
        let record = whole.map(|()| self.file.rules.key.of_message(Purpose::Record, &message));
        self.file.message = message;
        record
    }

    fn identify(
        &mut self,
        table: &TablePlan,
        date: Option<Date>,
        message: &mut Message,
    ) -> Result<(), Refusal> {
        let mapping = self.file.rules.mapping;
        message.clear();
        message.push(mapping.source.as_bytes());
        message.push(table.name.as_bytes());
        for &field in &table.record {
            match mapping.fields[field].kind {
                FieldKind::Code => {
                    let code = self.code(field)?;
                    let codes = mapping.fields[field].code.as_ref().map(|c| &c.codes);
                    let code = codes.and_then(|c| c.get(usize::from(code)));
                    message.push(code.map_or(&[], |code| code.as_bytes()));
                }
                FieldKind::Date => match date {
                    Some(date) => message.push(date.to_string().as_bytes()),
                    None => return Err((Some(field), Reason::MissingValue)),
                },
                _ => {
                    let cell = self.cell(field);
                    if cell.is_empty() {
                        return Err((Some(field), Reason::MissingValue));
                    }
                    person::push_id(message, &cell.text());
                }
            }
        }
        Ok(())
    }
}
