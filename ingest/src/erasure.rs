//! The list of persons to be taken out, as an office writes it.
//!
//! Text with `;`, `,` or tabs between fields and a header, in Norwegian or English: the identity number
//! (`Fødselsnummer`, `National identity number`), the name (`Navn`, or `Fornavn` and `Etternavn`) with the birth date
//! (`Fødselsdato`), the source (`Kilde`) with its client number (`Klientnummer`). Any of the three that identifies is
//! enough; a line gives the pseudonyms of all that it has, and lines that share one are about the same person. Another column refuses the list: what it says might be what
//! somebody is known by, and nobody would look for it.
//!
//! # Privacy
//!
//! Everything is read by the very functions that read deliveries, so the pseudonyms come out the same. A half-filled
//! line refuses the whole list: somebody who is looked for by half of what they are known by would be left behind, and
//! called taken out. Messages name the line and never what it says.

use std::io::Read as _;
use std::path::Path;

use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::{Installation, Sought, WarehouseKey};
use zeroize::{Zeroize, Zeroizing};

use crate::custody::Custody;
use crate::delivery;
use crate::error::{FileError, FileProblem, IngestError, ListProblem};
use crate::key::{LinkingKey, Message};
use crate::person;
use crate::read::{self, Sink};
use crate::reason::Reason;
use crate::run::Ingest;
use crate::spelling::fold;
use crate::values::{self, Cell, DateFormat};

/// What a column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Number,
    Name,
    Given,
    Family,
    Birth,
    Source,
    Client,
}

/// Every spelling of a header, folded.
const HEADERS: [(Column, &[&str]); 7] = [
    (
        Column::Number,
        &[
            "fodselsnummer",
            "fodselsnr",
            "fnr",
            "personnr",
            "personnummer",
            "identitetsnummer",
            "dnummer",
            "nationalidentitynumber",
            "nationalid",
            "identitynumber",
            "number",
        ],
    ),
    (Column::Name, &["navn", "fulltnavn", "name", "fullname"]),
    (Column::Given, &["fornavn", "givenname", "firstname"]),
    (Column::Family, &["etternavn", "familyname", "lastname", "surname"]),
    (Column::Birth, &["fodselsdato", "fodt", "fodselsdag", "birthdate", "dateofbirth", "born"]),
    (Column::Source, &["kilde", "system", "source"]),
    (Column::Client, &["klientnummer", "klientnr", "klientid", "clientnumber", "clientid", "client"]),
];

/// Formats of birth dates.
const DATES: [DateFormat; 5] = [
    DateFormat::Parts { sign: b'.', year_first: false },
    DateFormat::Parts { sign: b'-', year_first: true },
    DateFormat::Parts { sign: b'/', year_first: false },
    DateFormat::Parts { sign: b'-', year_first: false },
    DateFormat::Parts { sign: b'.', year_first: true },
];

/// Reads the list of persons to be taken out; `-` is standard input. Refuses keys that the warehouse was not written
/// with: nobody would be found by them.
pub fn persons_to_erase(
    installation: &Installation,
    policy: &Policy,
    linking: &LinkingKey,
    warehouse_key: &WarehouseKey,
    list: &Path,
) -> Result<Vec<Sought>, IngestError> {
    Custody::check(installation, linking.id(), warehouse_key)?;
    delivery::remove_leftovers(installation.root()).map_err(IngestError::leftovers(installation.root()))?;
    let refused = |problem| IngestError::List(FileError::new(list, problem));
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if list == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        read::size(list).map_err(refused)?;
        std::fs::File::open(list).and_then(|mut file| file.read_to_end(&mut bytes)).map(drop)
    };
    read.map_err(|error| refused(FileProblem::Io(error)))?;
    of_bytes(&bytes, linking, &Ingest::open(installation, policy)?.sources()).map_err(refused)
}

fn of_bytes(bytes: &[u8], key: &LinkingKey, sources: &[String]) -> Result<Vec<Sought>, FileProblem> {
    let mut list = List { key, sources, columns: None, found: Vec::new(), broken: None };
    read::text_of(bytes, &mut list)?;
    match list {
        List { broken: Some((line, problem)), .. } => Err(FileProblem::List { line, problem }),
        List { columns: None, .. } => Err(FileProblem::List { line: 1, problem: ListProblem::Header }),
        List { found, .. } if found.is_empty() => {
            Err(FileProblem::List { line: 1, problem: ListProblem::Nobody })
        }
        List { found, .. } => Ok(Sought::joined(found)),
    }
}

struct List<'a> {
    key: &'a LinkingKey,
    sources: &'a [String],
    columns: Option<Vec<Option<Column>>>,
    found: Vec<Sought>,
    /// The first line that cannot be used.
    broken: Option<(u64, ListProblem)>,
}

impl Sink for List<'_> {
    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem> {
        let Some(columns) = self.columns.take() else {
            self.columns = Some(header(cells).map_err(|problem| FileProblem::List { line, problem })?);
            return Ok(());
        };
        match (Line { cells, columns: &columns, list: self }).person() {
            Ok(sought) => self.found.push(sought.on_line(line)),
            Err(problem) => drop(self.broken.get_or_insert((line, problem))),
        }
        self.columns = Some(columns);
        Ok(())
    }

    fn broken(&mut self, line: u64, _reason: Reason) {
        self.broken.get_or_insert((line, ListProblem::Line));
    }

    fn fits(&self, cells: usize) -> bool {
        self.columns.as_ref().is_none_or(|columns| columns.len() == cells)
    }
}

/// The columns by their headers, in the first line.
fn header(cells: &[Cell<'_>]) -> Result<Vec<Option<Column>>, ListProblem> {
    let of = |cell: &Cell<'_>| {
        let text = fold(&cell.text());
        HEADERS.iter().find(|(_, words)| words.contains(&text.as_str())).map(|(column, _)| *column)
    };
    let columns: Vec<Option<Column>> = cells.iter().map(of).collect();
    let times = |column| columns.iter().filter(|c| **c == Some(column)).count();
    if HEADERS.iter().any(|(column, _)| times(*column) > 1) {
        return Err(ListProblem::Twice);
    }
    let has = |all: &[Column]| all.iter().all(|column| times(*column) == 1);
    let named = has(&[Column::Name]) || has(&[Column::Given, Column::Family]);
    if !(has(&[Column::Number]) || (named && has(&[Column::Birth])) || has(&[Column::Source, Column::Client]))
    {
        return Err(ListProblem::Header);
    }
    let is_unread =
        |(cell, column): (&Cell<'_>, &Option<Column>)| column.is_none() && !cell.text().trim().is_empty();
    if let Some(at) = cells.iter().zip(&columns).position(is_unread) {
        return Err(ListProblem::Unread { column: at + 1 });
    }
    Ok(columns)
}

/// One line while it is looked at.
struct Line<'l> {
    cells: &'l [Cell<'l>],
    columns: &'l [Option<Column>],
    list: &'l List<'l>,
}

impl Line<'_> {
    fn person(&self) -> Result<Sought, ListProblem> {
        let key = self.list.key;
        let mut pseudonyms = Vec::new();
        if let Some(number) = self.cell(Column::Number) {
            let pseudonym = person::by_national_id(key, &mut Message::default(), number).map_err(
                |reason| match reason {
                    Reason::BadCheckDigit => ListProblem::CheckDigit,
                    _ => ListProblem::Number,
                },
            )?;
            pseudonyms.push(pseudonym);
        }
        let names = [Column::Name, Column::Given, Column::Family].map(|column| self.cell(column));
        match (names, self.cell(Column::Birth)) {
            ([None, None, None], None) => {}
            ([None, None, None], _) | (_, None) => return Err(ListProblem::NameOrBirth),
            (names, Some(birth)) => {
                let birth = values::date(&Cell::Text(birth), &DATES).ok_or(ListProblem::Birth)?;
                // A whole name, and one in two parts, are two ways in which a source may know somebody.
                let [whole, given, family] = names;
                let halves = given.zip(family);
                if halves.is_none() && (given.is_some() || family.is_some()) {
                    return Err(ListProblem::Name);
                }
                let ways = [whole.map(|name| vec![name]), halves.map(|(given, family)| vec![given, family])];
                for parts in ways.into_iter().flatten() {
                    pseudonyms.push(person::by_name(key, &parts, birth).ok_or(ListProblem::Name)?);
                }
            }
        }
        match (self.cell(Column::Source), self.cell(Column::Client)) {
            (None, None) => {}
            (Some(source), Some(client)) => {
                let source = self.list.sources.iter().find(|known| known.eq_ignore_ascii_case(source));
                let source =
                    source.ok_or_else(|| ListProblem::Source { known: self.list.sources.to_vec() })?;
                pseudonyms.push(person::by_client(key, &mut Message::default(), source, client));
            }
            _ => return Err(ListProblem::SourceOrClient),
        }
        if pseudonyms.is_empty() {
            return Err(ListProblem::Person);
        }
        let sought = Sought::new(pseudonyms.clone());
        pseudonyms.zeroize();
        Ok(sought)
    }

    /// A cell; nothing when it is empty or a dash.
    fn cell(&self, column: Column) -> Option<&str> {
        let at = self.columns.iter().position(|c| *c == Some(column))?;
        match self.cells.get(at)? {
            Cell::Text(text) => Some(text.trim()).filter(|text| !matches!(*text, "" | "-")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
