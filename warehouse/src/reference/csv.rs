//! Residents as CSV, which the pages of statistics banks save: lines of a title, a heading, a row for each of some
//! dimensions, and notes below. Years are a column or stand in the headings of the figures; so do ages.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::ages::Ages;
use super::cells::{self, Cells, Dimension, Key, Sex, short};
use super::error::{Found, Place, ReferenceProblem as Problem};
use super::json_stat::About;
use super::region::Regions;

/// The heading is among so many first rows.
const LOOK_AT: usize = 20;

/// A column of the table.
enum Column {
    /// Says what the row is about.
    Says(Dimension),
    /// Has figures, of what its heading says.
    Figures { year: Option<i32>, ages: Option<Ages>, sex: Option<Sex> },
}

/// Reads a file into cells.
pub(super) fn read(text: &str, regions: &Regions) -> Result<(About, Cells), Found> {
    let found = [b';', b'\t', b','].into_iter().find_map(|delimiter| {
        let rows = rows(text, delimiter);
        heading(&rows).map(|at| (rows, at))
    });
    if !text.ends_with('\n') {
        return Err((Place::Whole, Problem::Cut));
    }
    let none = || (Place::Whole, Problem::NoTable("no heading names a district and an age or a year"));
    let (rows, at) = found.ok_or_else(none)?;
    let title: Vec<&str> =
        rows[..at].iter().flat_map(|(_, row)| row.iter()).filter(|cell| !cell.is_empty()).collect();
    let title = Some(title.join(", ")).filter(|title| !title.is_empty());
    let (line, head) = &rows[at];
    if let Some(title) = &title {
        cells::right_table(title).map_err(|problem| (Place::Line(rows[0].0), problem))?;
    }
    let columns = columns(head).map_err(|problem| (Place::Line(*line), problem))?;
    let body = &rows[at + 1..];
    let data = body.iter().take_while(|(_, row)| row.len() > 1).count();
    let mut cells = Cells::default();
    for (line, row) in &body[..data] {
        self::row(row, &columns, regions, &mut cells).map_err(|problem| (Place::Line(*line), problem))?;
    }
    // Below the notes there is nothing more.
    let notes = &body[data..];
    if let Some((line, row)) = notes.iter().find(|(_, row)| row.len() == head.len()) {
        return Err((Place::Line(*line), Problem::Fields { found: row.len(), wanted: 1 }));
    }
    Ok((About { title, updated: updated(notes) }, cells))
}

/// The rows with their lines, without empty ones.
fn rows(text: &str, delimiter: u8) -> Vec<(u64, StringRecord)> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    // Text that is UTF-8 in memory: no row of it can fail.
    let rows = reader.records().filter_map(Result::ok);
    let (mut line, mut counted) = (1, 0);
    let rows = rows.map(|row| {
        // The reader's own count of lines is behind where empty ones come before a row.
        let start = row.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
        let between = text.as_bytes()[start..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let start = start + between;
        line += text[counted..start].matches('\n').count() as u64;
        counted = start;
        (line, row)
    });
    rows.filter(|(_, row)| row.iter().any(|cell| !cell.is_empty())).collect()
}

/// The first row that names a region, and of which the next row has as many fields.
fn heading(rows: &[(u64, StringRecord)]) -> Option<usize> {
    let names = |row: &StringRecord| row.iter().any(|cell| Dimension::named(cell) == Some(Dimension::Region));
    let pairs = rows.windows(2).take(LOOK_AT);
    pairs
        .enumerate()
        .find(|(_, pair)| names(&pair[0].1) && pair[0].1.len() == pair[1].1.len())
        .map(|(at, _)| at)
}

fn columns(head: &StringRecord) -> Result<Vec<Column>, Problem> {
    let said: Vec<Dimension> = head.iter().filter_map(Dimension::named).collect();
    let mut columns = Vec::new();
    for heading in head {
        match Dimension::named(heading) {
            Some(dimension) if said.iter().filter(|other| **other == dimension).count() > 1 => {
                return Err(Problem::OtherDimension(short(heading)));
            }
            Some(dimension) => columns.push(Column::Says(dimension)),
            None => columns.push(figures(heading, &said)?),
        }
    }
    let figures = columns.len() - said.len();
    let has = |dimension| said.contains(&dimension);
    let (mut year, mut ages) = (has(Dimension::Year), has(Dimension::Age));
    for column in &columns {
        if let Column::Figures { year: y, ages: a, .. } = column {
            (year, ages) = (year || y.is_some(), ages || a.is_some());
        }
    }
    for (there, needed) in [(year, Dimension::Year), (ages, Dimension::Age)] {
        if !there || figures == 0 {
            return Err(Problem::NoDimension(needed.name()));
        }
    }
    // Where every dimension is a column, two columns of figures cannot both be the residents.
    if figures > 1 && has(Dimension::Year) && has(Dimension::Age) && has(Dimension::Sex) {
        let more = head.iter().filter(|heading| Dimension::named(heading).is_none()).nth(1);
        return Err(Problem::OtherDimension(short(more.unwrap_or_default())));
    }
    Ok(columns)
}

/// What a heading of figures says of the dimensions that have no column.
fn figures(heading: &str, said: &[Dimension]) -> Result<Column, Problem> {
    let has = |dimension| said.contains(&dimension);
    let four = |word: &str| cells::year(word).ok();
    let years: Vec<i32> = heading.split_whitespace().filter_map(four).collect();
    let year = match (has(Dimension::Year), &years[..]) {
        (true, _) => None,
        (false, [year]) => Some(*year),
        (false, _) => return Err(Problem::NoYear(short(heading))),
    };
    let contents = ["personer", "persons", "folkemengde", "befolkning", "innbyggere", "population", "antall"];
    let rest: Vec<&str> = heading
        .split_whitespace()
        .filter(|word| year.is_none_or(|year| four(word) != Some(year)))
        .filter(|word| !contents.contains(&word.to_lowercase().as_str()))
        .collect();
    let mut rest = rest.join(" ");
    let mut sex = None;
    if !has(Dimension::Sex) {
        for word in ["Begge kjønn", "Both sexes", "Menn", "Kvinner", "Males", "Females"] {
            if let Some(without) = rest.strip_prefix(word).or_else(|| rest.strip_suffix(word)) {
                sex = Some(Sex::parse(word)?);
                rest = without.trim().to_owned();
                break;
            }
        }
    }
    let ages = if has(Dimension::Age) { None } else { Some(cells::age(&rest)?) };
    // All dimensions are said: what is left must be the table's title, its number, or a word for persons.
    let title = has(Dimension::Year) && !rest.is_empty();
    if has(Dimension::Age) && title {
        cells::right_table(&rest)?;
        let plain = rest == "10826" || rest == "value" || rest == "verdi";
        if !plain {
            cells::persons(&rest)?;
        }
    } else if has(Dimension::Age) && !rest.is_empty() {
        return Err(Problem::NotPersons(short(heading)));
    }
    Ok(Column::Figures { year, ages, sex })
}

fn row(row: &StringRecord, columns: &[Column], regions: &Regions, cells: &mut Cells) -> Result<(), Problem> {
    if row.len() != columns.len() {
        return Err(Problem::Fields { found: row.len(), wanted: columns.len() });
    }
    let (mut district, mut of_year, mut of_age, mut of_sex) = (None, None, None, None);
    for (column, cell) in columns.iter().zip(row) {
        match column {
            Column::Says(Dimension::Region) => {
                let code = regions.code(cell).ok_or_else(|| Problem::UnknownDistrict(short(cell)))?;
                district = Some(code.to_owned());
            }
            Column::Says(Dimension::Year) => of_year = Some(cells::year(cell)?),
            Column::Says(Dimension::Age) => of_age = Some(cells::age(cell)?),
            Column::Says(Dimension::Sex) => of_sex = Some(Sex::parse(cell)?),
            Column::Says(Dimension::Contents) => cells::persons(cell)?,
            Column::Figures { .. } => {}
        }
    }
    for (column, cell) in columns.iter().zip(row) {
        let Column::Figures { year, ages, sex } = column else { continue };
        let (Some(district), Some(year), Some(ages)) = (&district, of_year.or(*year), of_age.or(*ages))
        else {
            return Err(Problem::NoDimension(Dimension::Region.name()));
        };
        let sex = of_sex.or(*sex).unwrap_or(Sex::Both);
        let key = Key { district: district.clone(), year, sex, ages };
        let number = cells::number(cell);
        let count = number.ok_or_else(|| Problem::NoNumber { found: short(cell), of: key.to_string() })?;
        cells.add(key, count)?;
    }
    Ok(())
}

/// When the notes say the table was updated.
fn updated(notes: &[(u64, StringRecord)]) -> Option<String> {
    let mut cells = notes.iter().flat_map(|(_, row)| row.iter());
    let said = cells.find(|cell| {
        ["oppdater", "updated", "sist endret"].iter().any(|word| cell.to_lowercase().contains(word))
    })?;
    let after = said.split_once(':').map_or("", |(_, after)| after.trim());
    // PxWeb puts the time on the line below.
    let text = if after.is_empty() { cells.next()? } else { after };
    Some(short(text))
}
