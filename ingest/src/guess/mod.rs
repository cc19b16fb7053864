//! Proposes a mapping for an export that none is known for: a beginning, which a steward finishes.
//!
//! A column whose header a shipped mapping knows is read as there. Another is looked at: identity numbers, dates, words of a
//! code list, numbers; whatever else is there is proposed to be dropped.
//!
//! # Privacy
//!
//! A proposal holds headers, and of values only how many there are. A file whose first row may be somebody's data has no header
//! for this, and is refused: a header's row has no digits, and some column below it has.

mod column;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufRead as _;
use std::path::Path;

use skjerm_warehouse::policy::{ColumnRole, Policy, Table, TableKind};
use zeroize::Zeroizing;

use crate::error::{FileError, FileProblem, IngestError};
use crate::mapping::{self, Compiled, Field, FieldKind};
use crate::read::{self, Blocks, Input, Sink, Spare};
use crate::reason::Reason;
use crate::spelling::fold;
use crate::values::Cell;

use self::column::Column;

/// Rows that are looked at.
const ROWS: usize = 2000;
/// Rows above the header that are put up with.
const ABOVE: usize = 30;

/// The text of a mapping file for an export; it is complete only when its first lines do not say otherwise.
pub fn guess(policy: &Policy, path: &Path) -> Result<String, IngestError> {
    let read = || -> Result<String, FileProblem> {
        read::size(path)?;
        let mut source = File::open(path).map_err(read::problem)?;
        let rows = sample(&mut source)?;
        let name = fold(&path.file_stem().unwrap_or_default().to_string_lossy());
        let name: String = name.chars().filter(char::is_ascii_alphabetic).collect();
        propose(policy, if name.is_empty() { "new" } else { &name }, &rows)
    };
    read().map_err(|problem| IngestError::Refused(vec![FileError::new(path, problem)]))
}

type Text = Zeroizing<String>;

/// The first rows of a file.
#[derive(Default)]
struct Sample {
    rows: Vec<Vec<Text>>,
}

impl Sink for Sample {
    fn row(&mut self, _line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem> {
        self.rows.push(cells.iter().map(|cell| Zeroizing::new(cell.text().into_owned())).collect());
        Ok(())
    }

    fn broken(&mut self, _line: u64, _reason: Reason) {
        // What cannot be split says nothing of its columns.
    }

    fn fits(&self, _cells: usize) -> bool {
        true
    }

    fn has_enough(&self) -> bool {
        self.rows.len() >= ROWS
    }
}

fn sample(source: &mut dyn Input) -> Result<Vec<Vec<Text>>, FileProblem> {
    let mut sample = Sample::default();
    if read::is_workbook(source)? {
        read::read_workbook(source, None, &mut sample)?;
        return Ok(sample.rows);
    }
    let survey = read::survey(source, None)?;
    let spare = Spare::of(&survey);
    let mut blocks = Blocks::open(source, &survey, &spare)?;
    let text = blocks.text(&|_| ())?;
    if survey.is_json {
        return Ok(objects(text));
    }
    let layout = survey.layout(None, text);
    read::read_rows(text, layout, 1, &mut sample)?;
    Ok(sample.rows)
}

/// Objects a line as rows below a header of their keys.
fn objects(text: &[u8]) -> Vec<Vec<Text>> {
    let parsed = text.lines().map_while(Result::ok).take(ROWS).map(Zeroizing::new);
    let parsed = parsed.filter_map(|line| serde_json::from_str::<serde_json::Map<_, _>>(&line).ok());
    let parsed: Vec<_> = parsed.collect();
    let mut keys: Vec<&String> = Vec::new();
    for key in parsed.iter().flat_map(serde_json::Map::keys) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let value = |value: Option<&serde_json::Value>| match value {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let header = keys.iter().map(|key| Zeroizing::new((*key).clone())).collect();
    let rows = parsed.iter().map(|row| keys.iter().map(|key| Zeroizing::new(value(row.get(*key)))).collect());
    std::iter::once(header).chain(rows).collect()
}

/// The row that is a header: words without digits, no two the same, above a column of digits.
fn header(rows: &[Vec<Text>]) -> Option<usize> {
    let filled = |row: &[Text]| row.iter().filter(|cell| !cell.is_empty()).count();
    let widest = rows.iter().map(|row| filled(row)).max()?;
    let digits = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    (0..rows.len().min(ABOVE)).find(|at| {
        let row = &rows[*at];
        let mut words: Vec<String> = row.iter().filter(|c| !c.is_empty()).map(|cell| fold(cell)).collect();
        let (number, below) = (words.len(), &rows[at + 1..]);
        words.sort_unstable();
        words.dedup();
        let counted = |column: usize| {
            let cells = below.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
            let (all, with) =
                cells.fold((0, 0), |(all, with), cell| (all + 1, with + usize::from(digits(cell))));
            all > 0 && with * 10 >= all * 8
        };
        number >= 2
            && number * 10 >= widest * 6
            && words.len() == number
            && !row.iter().any(|cell| digits(cell))
            && (0..row.len()).any(|column| !row[column].is_empty() && counted(column))
    })
}

/// A field of the proposal.
struct Proposed {
    name: String,
    header: String,
    field: Column,
}

fn propose(policy: &Policy, source: &str, rows: &[Vec<Text>]) -> Result<String, FileProblem> {
    let none = || FileProblem::NoGuess { searched: rows.len().min(ABOVE) };
    let at = header(rows).ok_or_else(none)?;
    let known = known();
    let (mut fields, mut dropped) = (Vec::<Proposed>::new(), Vec::new());
    for (column, header) in rows[at].iter().enumerate().filter(|(_, header)| !header.is_empty()) {
        let cells = rows[at + 1..].iter().filter_map(|row| row.get(column)).map(|cell| cell.trim());
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        let found = match known.get(&fold(header)) {
            // Sources may call different things the same: the words met decide.
            Some(meanings) => meanings
                .iter()
                .map(|(name, field)| (name.clone(), Column::known(policy, field, &cells)))
                .min_by_key(|(_, column)| column.strange()),
            None => Column::looked_at(policy, &fold(header), &cells).map(|found| (fold(header), found)),
        };
        match found {
            Some((name, field)) if !fields.iter().any(|other| other.name == name) => {
                fields.push(Proposed { name, header: header.to_string(), field });
            }
            _ => dropped.push(header.to_string()),
        }
    }
    let text = written(policy, source, &fields, &dropped);
    let complete = mapping::parse(&text, "the proposal")
        .map_err(|error| error.to_string())
        .and_then(|mapping| Compiled::new(&mapping, policy).map(drop).map_err(|error| error.to_string()));
    Ok(match complete {
        Ok(()) => format!("# A proposal: look through it before it is used.\n\n{text}"),
        Err(problem) => {
            let problem = problem.replace('\n', "\n# ");
            format!("# A proposal, which is NOT COMPLETE:\n# {problem}\n\n{text}")
        }
    })
}

/// Headers of the shipped mappings, folded, with the fields they mean.
fn known() -> HashMap<String, Vec<(String, Field)>> {
    let mut known = HashMap::<String, Vec<(String, Field)>>::new();
    for mapping in mapping::shipped().into_iter().flatten() {
        for (name, field) in &mapping.fields {
            for header in &field.headers {
                known.entry(fold(header)).or_default().push((name.clone(), field.clone()));
            }
        }
    }
    known
}

fn written(policy: &Policy, source: &str, fields: &[Proposed], dropped: &[String]) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let list = |all: &[String]| all.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    let of = |kind: FieldKind| fields.iter().find(|f| f.field.kind == kind).map(|f| f.name.as_str());
    let table = best_table(policy, fields);
    let record = of(FieldKind::Id).unwrap_or("record");
    let date = of(FieldKind::Date).unwrap_or("date");
    let mut text = String::new();
    let dates = "dates = [\"dd.mm.yyyy\", \"yyyy-mm-dd\", \"dd/mm/yyyy\"]\nblank = [\"-\", \"ukjent\"]";
    let _ = writeln!(text, "source = {}\n{dates}\ndrop = [{}]", quoted(source), list(dropped));
    for Proposed { name, header, field } in fields {
        let required = name == record || name == date;
        let _ = write!(text, "\n{}[fields.{}]\n", field.note(), quoted(name));
        let _ = write!(text, "headers = [{}]\n{}", quoted(header), field.text());
        text.push_str(if required { "required = true\nfilled = true\n" } else { "" });
    }
    let mut person: Vec<(&str, String)> = Vec::new();
    person.extend(of(FieldKind::NationalId).map(|name| ("national_id", quoted(name))));
    let names: Vec<String> =
        fields.iter().filter(|f| f.field.kind == FieldKind::Name).map(|f| f.name.clone()).collect();
    person.extend((!names.is_empty()).then(|| ("name", format!("[{}]", list(&names)))));
    person.extend(of(FieldKind::BirthDate).map(|name| ("birth_date", quoted(name))));
    let client = fields.iter().filter(|f| f.field.kind == FieldKind::Id).find(|f| f.name == "client");
    person.extend(client.map(|field| ("client", quoted(&field.name))));
    if !person.is_empty() {
        text.push_str("\n[person]\n");
        for (what, name) in &person {
            let _ = writeln!(text, "{what} = {name}");
        }
    }
    let columns = columns(table, fields);
    let columns: Vec<String> =
        columns.iter().map(|(c, f)| format!("{} = {}", quoted(c), quoted(f))).collect();
    let _ = writeln!(
        text,
        "\n# Rows go to one table; with several, say which go where under `route`.\n[tables.{}]\nrecord = [{}]\ndate = {}\ncolumns = {{ {} }}",
        table.map_or("contact", |table| table.name.as_str()),
        quoted(record),
        quoted(date),
        columns.join(", ")
    );
    text
}

/// The table of the policy that most of the fields are columns of.
fn best_table<'p>(policy: &'p Policy, fields: &[Proposed]) -> Option<&'p Table> {
    let takes = |table: &&Table| {
        let derived = ["person_year", "count_round"].contains(&table.name.as_str());
        table.kind != TableKind::Public && !derived && table.column_of(&ColumnRole::Date).is_some()
    };
    // A contact, when others fit as well.
    let rated = policy.tables.values().filter(takes).map(|table| (columns(Some(table), fields).len(), table));
    rated.max_by_key(|(rating, table)| (*rating, table.name == "contact")).map(|(_, table)| table)
}

/// Columns of a table and the field that fits each: by name, else by code list.
fn columns(table: Option<&Table>, fields: &[Proposed]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for column in table.into_iter().flat_map(|table| &table.columns) {
        let fits = |field: &&Proposed| match &column.role {
            ColumnRole::Dimension { codes } => field.field.codes() == Some(codes.as_str()),
            ColumnRole::Measure { .. } => field.field.kind == FieldKind::Whole && field.name == column.name,
            _ => false,
        };
        let named = fields.iter().filter(fits).find(|field| field.name == column.name);
        if let Some(field) = named.or_else(|| fields.iter().find(fits)) {
            found.insert(column.name.clone(), field.name.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests;
