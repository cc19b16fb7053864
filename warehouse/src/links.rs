//! Who a client number turned out to be.
//!
//! A source may know somebody by its own client number first, and learn the national identity number later. From the
//! delivery that says both, rows under the client number are that person's: those that are stored, and those still to come,
//! also when an older delivery is sent again. So the links are kept, as pairs of stored pseudonyms: `links/HASH.bin` beside the
//! tables, sorted, named by its content and by the pointer.
//!
//! # Privacy
//!
//! A link makes two units of privacy one: the rows of both numbers in a year are one person-year from then on. How a row's person
//! was known stays in its `link_level`. Pairs hold stored pseudonyms alone; a rotation hashes them like the rows', and an
//! erasure takes out every pair with the person.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, FixedSizeBinaryArray, Int64Array};
use arrow::buffer::Buffer;
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;

use crate::delivery::DeliveryLoad;
use crate::load::accept::Accepted;
use crate::load::{State, Workplace};
use crate::policy::{ColumnRole, Table};
use crate::storage::files::LoadLock;
use crate::storage::home::Home;
use crate::storage::{Pseudonym, parquet, workers};
use crate::{Delivery, Purpose, WarehouseError, WarehouseKey};

/// The folder.
pub(crate) const FOLDER: &str = "links";
/// Bytes of a pair.
const PAIR: usize = 32;

/// Client number → person, as stored pseudonyms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Links(BTreeMap<Pseudonym, Pseudonym>);

impl Links {
    /// The links that a pointer names.
    pub(crate) fn read(home: &Home, name: Option<&str>) -> Result<Self, WarehouseError> {
        let Some(name) = name else { return Ok(Self::default()) };
        let path = path(home, name);
        let content = home.read(&path).map_err(WarehouseError::io("read", &path))?;
        let damaged = |what| WarehouseError::damaged(&path, what);
        if name_of(&content) != name {
            return Err(damaged("its content is not the one it was written with"));
        }
        let number = |bytes: &[u8]| Some(Pseudonym::from_be_bytes(bytes.try_into().ok()?));
        let pair = |pair: &[u8]| Some((number(pair.get(..16)?)?, number(pair.get(16..)?)?));
        let pairs = content.chunks(PAIR).map(pair).collect::<Option<_>>();
        pairs.map(Self).ok_or_else(|| damaged("it is cut off"))
    }

    /// Writes them, durably, and gives their name; no links have none.
    pub(crate) fn write(&self, lock: &LoadLock) -> Result<Option<String>, WarehouseError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let pairs = self.0.iter().flat_map(|(client, person)| [client.to_be_bytes(), person.to_be_bytes()]);
        let content: Vec<u8> = pairs.flatten().collect();
        let name = name_of(&content);
        let path = path(lock.home(), &name);
        lock.write(&path, &content)?;
        lock.sync(&[path])?;
        Ok(Some(name))
    }

    /// Takes in what deliveries say, and counts it. Gives the clients whose person was not known before.
    ///
    /// A client number that is said to be two persons' is left as it was: which of them is meant can only the source tell.
    pub(crate) fn learn(
        &mut self,
        key: &WarehouseKey,
        deliveries: &[Delivery],
        loads: &mut [DeliveryLoad],
    ) -> BTreeSet<Pseudonym> {
        let mut said: BTreeMap<Pseudonym, BTreeSet<Pseudonym>> = BTreeMap::new();
        let stored = |first: &[u8; 16]| Pseudonym::from_be_bytes(key.pseudonym(Purpose::Person, first));
        let mut by: BTreeMap<Pseudonym, usize> = BTreeMap::new();
        for (at, delivery) in deliveries.iter().enumerate() {
            for (client, person) in &delivery.links {
                let (client, person) = (stored(client), stored(person));
                said.entry(client).or_default().insert(person);
                by.entry(client).or_insert(at);
            }
        }
        let mut new = BTreeSet::new();
        for (client, persons) in said {
            let Some(load) = by.get(&client).and_then(|at| loads.get_mut(*at)) else { continue };
            let known = self.0.get(&client);
            match (persons.len(), persons.first(), known) {
                (1, Some(person), None) => {
                    self.0.insert(client, *person);
                    new.insert(client);
                    load.linked += 1;
                }
                (1, person, known) if person == known => {}
                _ => load.contradicted += 1,
            }
        }
        new
    }

    /// The rows with linked clients as the persons they are; nothing when no row changes.
    pub(crate) fn apply(
        &self,
        table: &Table,
        rows: &RecordBatch,
    ) -> Result<Option<RecordBatch>, WarehouseError> {
        let Some(name) = table.column_of(&ColumnRole::Person) else { return Ok(None) };
        let (Some(persons), Ok(at)) = (parquet::pseudonyms(rows, name), rows.schema().index_of(name)) else {
            return Ok(None);
        };
        let of = |row| self.0.get(&parquet::pseudonym(persons, row));
        if self.0.is_empty() || !(0..rows.num_rows()).any(|row| of(row).is_some()) {
            return Ok(None);
        }
        let bytes: Vec<u8> = (0..rows.num_rows())
            .flat_map(|row| {
                of(row).copied().unwrap_or_else(|| parquet::pseudonym(persons, row)).to_be_bytes()
            })
            .collect();
        let failed = WarehouseError::arrow(&table.name);
        let mut columns = rows.columns().to_vec();
        let array = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes), None).map_err(&failed)?;
        columns[at] = Arc::new(array) as ArrayRef;
        RecordBatch::try_new(rows.schema(), columns).map(Some).map_err(&failed)
    }

    /// Stored rows of these clients as the persons they are: as if each were delivered anew.
    pub(crate) fn moved(
        &self,
        place: &Workplace<'_>,
        state: &State,
        new: &BTreeSet<Pseudonym>,
    ) -> Result<Vec<(String, Accepted)>, WarehouseError> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let mut jobs = Vec::new();
        for (name, files) in state {
            let Some(table) = place.policy.table(name) else { continue };
            let of_persons = table.column_of(&ColumnRole::Person).is_some();
            if of_persons && !place.derivation.derives(name) {
                jobs.extend(files.iter().map(|(of_file, file)| (table, *of_file, file)));
            }
        }
        let moved = workers::each(jobs, |(table, of_file, file)| {
            let person = table.column_of(&ColumnRole::Person).unwrap_or("person");
            let rows = place.glimpse(table, of_file, file, &[person])?;
            let Some(persons) = parquet::pseudonyms(&rows, person) else { return Ok(None) };
            let theirs: Vec<bool> =
                (0..persons.len()).map(|row| new.contains(&parquet::pseudonym(persons, row))).collect();
            if !theirs.contains(&true) {
                return Ok(None);
            }
            let schema = table.file_schema();
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let rows = place.columns(table, of_file, file, &names)?;
            let failed = WarehouseError::arrow(&table.name);
            let rows = filter_record_batch(&rows, &theirs.into()).map_err(&failed)?;
            let rows = with_year(table, &rows, of_file.0).map_err(&failed)?;
            let rows = self.apply(table, &rows)?.unwrap_or(rows);
            Ok(Some((table.name.clone(), Accepted { delivery: None, rows })))
        })?;
        Ok(moved.into_iter().flatten().collect())
    }

    /// Every pseudonym hashed again.
    #[must_use]
    pub(crate) fn hashed(&self, hash: impl Fn(&[u8; 16]) -> [u8; 16]) -> Self {
        let again = |stored: &Pseudonym| Pseudonym::from_be_bytes(hash(&stored.to_be_bytes()));
        Self(self.0.iter().map(|(client, person)| (again(client), again(person))).collect())
    }

    /// The pairs.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (Pseudonym, Pseudonym)> + '_ {
        self.0.iter().map(|(client, person)| (*client, *person))
    }

    /// Leaves out the pairs with a pseudonym of these.
    pub(crate) fn forget(&mut self, theirs: impl Fn(Pseudonym) -> bool) {
        self.0.retain(|client, person| !theirs(*client) && !theirs(*person));
    }
}

/// Rows of a file with the year that its folder says, in the order of the table's columns.
fn with_year(table: &Table, rows: &RecordBatch, year: i32) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = table.arrow_schema();
    let columns = schema.fields().iter().map(|field| match rows.column_by_name(field.name()) {
        Some(column) => Arc::clone(column),
        None => Arc::new(Int64Array::from(vec![i64::from(year); rows.num_rows()])) as ArrayRef,
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect())
}

fn path(home: &Home, name: &str) -> PathBuf {
    home.root().join(FOLDER).join(name)
}

fn name_of(content: &[u8]) -> String {
    format!("{}.bin", &blake3::hash(content).to_hex()[..32])
}

/// Whether a file in the folder is one the warehouse may have written.
pub(crate) fn is_our_name(name: &str) -> bool {
    let hash = name.strip_suffix(".bin");
    hash.is_some_and(|h| h.len() == 32 && h.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}
