//! A question's run: the rows of its relation, looked up, bounded by person-year, summed and noised.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use skjerm_privacy::Gaussian;

use super::bounded::{Bounded, Form, Look, bounded, look};
use super::error::RunError;
use super::gather::Gather;
use super::lookup::{Found, Lookup};
use super::persons::{Made, PersonRows};
use super::relation::{self, Sources};
use super::scan::{Scan, Stretch};
use super::session::{Limits, RunSession};
use super::shares;
use super::source::SnapshotTable;
use super::vectors::{PersonYears, Unit};
use crate::plan::{Bounding, Lost, NORM_UNIT, NoisedColumn, NoisedTable, ONE, Part, PrivateQuery, What};

/// Reads a question's person-years. The result is exact: see [`PersonYears`].
///
/// # Privacy
/// The rows of a person-year must come together, from one part. Each part checks that its units rise, and so
/// is checked here of the parts among each other: else the run ends as a fault. A part is read by itself, so that the rows
/// of a person-year depend on no other's.
pub(crate) async fn read(
    limits: &Limits,
    sources: &Sources,
    query: &Arc<PrivateQuery>,
) -> Result<Vec<PersonYears>, RunError> {
    let session = RunSession::of_parts(limits)?;
    let memory = session.reserve("person-years");
    let named = relation::fields(query);
    let lookup = Arc::new(Lookup::new(query, |name| named.contains(name))?);
    // In tasks of their own, so that the machine's cores share the parts.
    let mut work: Vec<BoxFuture<'static, Result<Gather, RunError>>> = Vec::new();
    for part in relation::parts(sources) {
        let (query, lookup, memory) = (Arc::clone(query), Arc::clone(&lookup), memory.new_empty());
        let read = async move {
            match relation::alone(&part, &query)? {
                Some((table, columns)) => gather_alone(&table, &columns, &query, &lookup, memory).await,
                None => gather(&part, &query, &lookup, memory).await,
            }
        };
        work.push(Box::pin(async move {
            let mut task = AbortOnDrop(tokio::spawn(read));
            (&mut task.0).await.map_err(|_| RunError::Task)?
        }));
    }
    // One more than there are cores, which is begun while the first is waited for.
    let at_once = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let mut parts = futures::stream::iter(work).buffered(at_once);
    let mut all: Option<Gather> = None;
    while let Some(part) = parts.try_next().await? {
        all = Some(match all {
            None => part,
            Some(mut before) => {
                before.append(part)?;
                before
            }
        });
    }
    Ok(all.unwrap_or_else(|| Gather::new(query)).finish())
}

/// Makes ready what a question would be read with, over tables of which nothing is read: what cannot be made ready has to be known before
/// anything is charged.
pub(crate) fn check(sources: &Sources, query: &PrivateQuery) -> Result<(), RunError> {
    let named = relation::fields(query);
    let lookup = Lookup::new(query, |name| named.contains(name))?;
    if relation::alone(sources, query)?.is_none() {
        PersonRows::new(sources, query, lookup.columns())?;
    }
    Ok(())
}

/// A task that ends with whoever waits for it: at the deadline nobody reads on.
struct AbortOnDrop(tokio::task::JoinHandle<Result<Gather, RunError>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Gathers the rows made of several tables, or of a person's.
async fn gather(
    part: &Sources,
    query: &PrivateQuery,
    lookup: &Lookup,
    memory: MemoryReservation,
) -> Result<Gather, RunError> {
    let mut gather = Gather::new(query);
    let rows = PersonRows::new(part, query, lookup.columns())?;
    let mut found = Found::default();
    let take = |made: &Made| {
        let added = lookup.find(&made.places, made.units.rows(), &mut found)?;
        gather.add(&added, &made.units, |unit| *unit)?;
        count(&gather, &found, &memory)
    };
    rows.read(take).await?;
    gather.close();
    gather.hold(memory);
    Ok(gather)
}

/// Gathers the rows of a single table.
async fn gather_alone(
    table: &SnapshotTable,
    columns: &BTreeMap<&str, &str>,
    query: &PrivateQuery,
    lookup: &Lookup,
    memory: MemoryReservation,
) -> Result<Gather, RunError> {
    let mut gather = Gather::new(query);
    let mut scan = Scan::new(table, lookup.columns(), columns)?;
    let (mut stretch, mut found) = (Stretch::default(), Found::default());
    while scan.next(&mut stretch).await? {
        let added = lookup.find(&stretch.places, stretch.persons.rows(), &mut found)?;
        gather.add(&added, &stretch.persons, |person| (stretch.year, *person))?;
        count(&gather, &found, &memory)?;
        // What was fetched ahead is always there, and reading would not end at the deadline.
        tokio::task::yield_now().await;
    }
    gather.close();
    gather.hold(memory);
    Ok(gather)
}

/// Counts what was gathered with the run's memory, and the room it took.
fn count(gather: &Gather, found: &Found, memory: &MemoryReservation) -> Result<(), RunError> {
    let held = gather.bytes() + found.bytes();
    if held > memory.size() {
        memory.try_grow(held - memory.size())?;
    }
    Ok(())
}

fn unit_columns(
    batch: &RecordBatch,
) -> Result<(&arrow::array::FixedSizeBinaryArray, &arrow::array::Int64Array), RunError> {
    let persons = batch.column_by_name("person").and_then(|c| c.as_fixed_size_binary_opt());
    let years = batch.column_by_name("year").and_then(|c| c.as_primitive_opt::<Int64Type>());
    let (Some(persons), Some(years)) = (persons, years) else { return Err(RunError::Layout) };
    if persons.null_count() + years.null_count() > 0 {
        return Err(RunError::Layout);
    }
    Ok((persons, years))
}

/// The unit of each row.
pub(crate) fn units(batch: &RecordBatch) -> Result<Vec<Unit>, RunError> {
    let (persons, years) = unit_columns(batch)?;
    let person = |row| <[u8; 16]>::try_from(persons.value(row)).map_err(|_| RunError::Layout);
    (0..batch.num_rows()).map(|row| Ok((years.value(row), person(row)?))).collect()
}

/// Looks at all vectors, shares out what pays for noise, and bounds each. The parts that they got come with them. Blocking: noise is drawn
/// here, once, after the charge.
///
/// # Privacy
/// All looks are taken before anything else: what comes after may depend on them ([`shares`]).
pub(super) fn all_bounded(
    query: &PrivateQuery,
    planned: &[Part],
    person_years: Vec<PersonYears>,
) -> Result<(Vec<Bounded>, Vec<Part>), RunError> {
    if planned.len() != query.vectors.len() || person_years.len() != planned.len() {
        return Err(RunError::Layout);
    }
    let looks = person_years.iter().zip(planned).map(|(exact, part)| look(exact, *part));
    let looks: Vec<Option<Look>> = looks.collect::<Result<_, _>>()?;
    let parts = shares::shared(query, planned, &looks)?;
    let vectors = person_years.into_iter().zip(&looks).zip(&parts).zip(&query.vectors);
    let all = vectors
        .map(|(((exact, look), part), vector)| bounded(exact, look.as_ref(), *part, query.shape(vector)));
    Ok((all.collect::<Result<_, _>>()?, parts))
}

/// From person-years to the noised table. Blocking: noise is drawn here, once, after the charge.
pub(crate) fn noised(
    query: &PrivateQuery,
    parts: &[Part],
    person_years: Vec<PersonYears>,
) -> Result<NoisedTable, RunError> {
    let mut columns = Vec::new();
    let mut notes = Vec::new();
    let mut names = Vec::new();
    let (all, paid) = all_bounded(query, parts, person_years)?;
    for (vector, Bounded { cells, form, noise, norm, lost }) in query.vectors.iter().zip(all) {
        let what = query.terms.get(vector.term).map(|term| &term.what).ok_or(RunError::Layout)?;
        let (name, in_one) = match what {
            What::Rows => ("count", 1),
            What::Persons => ("count of persons", 1),
            What::Sum(value) => ("sum", value.parts),
        };
        names.push(name);
        let gaussian = Gaussian::for_rho(cells.l2(), noise)?;
        let whole = vector.bounding == Bounding::One;
        let unit = if whole { 1.0 } else { (ONE * in_one) as f64 };
        let [half_width, shared] = form.half_widths(&gaussian, unit);
        let values = form.values(&cells.into_noised(&gaussian)?, unit);
        let lost = lost.into_noised()?.in_units(in_one as f64);
        columns.push(NoisedColumn {
            name: name.to_owned(),
            values,
            half_width,
            shared,
            whole,
            lost,
            widths: Vec::new(),
        });
        let said = match form {
            Form::Single => note(name, vector.bounding, query, norm, &lost, in_one),
            Form::Centred(_) => format!(
                "{name}: a person-year counts once in a cell, and nothing is cut: the cells were measured around each person-year's mean over them, and the interval holds all of the error. All cells share a part of it, so that their sum is less certain than independent ones would be."
            ),
        };
        if !notes.contains(&said) {
            notes.push(said);
        }
    }
    if columns.len() != query.vectors.len() {
        return Err(RunError::Layout);
    }
    notes.extend(shares::in_words(query, parts, &paid, &names));
    Ok(NoisedTable { columns, notes, read_off: None })
}

fn note(name: &str, bounding: Bounding, query: &PrivateQuery, c: u64, lost: &Lost, in_one: i64) -> String {
    match bounding {
        Bounding::One => {
            format!(
                "{name}: one person-year counts once, in one cell; nothing is cut, and the interval holds all of the error."
            )
        }
        Bounding::Norm { low, high, max_norm, given } => {
            let (low, high) = (low / in_one, high / in_one);
            let clamp = if low == 0 { format!("at most {high}") } else { format!("{low} to {high}") };
            let (c, most) = (c as f64 / (NORM_UNIT * in_one) as f64, max_norm as f64 / in_one as f64);
            let scaled = if c >= most {
                "no person-year was scaled down".to_owned()
            } else {
                let chosen =
                    if given.is_some() { "the length that you named" } else { "a length chosen privately" };
                format!("person-years whose vector is longer than {c} were scaled down to it ({chosen})")
            };
            let holds = match lost {
                Lost::Measured { .. } => {
                    "What that cut off was measured as one number and given back to the cells, each its share of what was measured in all of them. The interval holds the noise of both, not where exactly it was cut off."
                }
                Lost::Nothing | Lost::Estimated { .. } | Lost::Unknown => {
                    "The interval holds the noise, not what the bound cuts off."
                }
            };
            format!(
                "{name}: a person-year counts {clamp} in a cell ({} rows at most); {scaled}. {holds}",
                query.max_rows
            )
        }
    }
}
