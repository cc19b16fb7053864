//! The tables that a relation is read from, and which of their columns.

use std::collections::{BTreeMap, BTreeSet};
#[cfg(test)]
use std::sync::Arc;

#[cfg(test)]
use datafusion::catalog::TableProvider;

use super::error::RunError;
use super::source::SnapshotTable;
use crate::plan::{PrivateQuery, Relation, What};

/// A table to read.
#[derive(Clone)]
pub(crate) enum Source {
    /// The files of a snapshot, of the years that are asked for.
    Files(SnapshotTable),
    /// Rows in any order.
    #[cfg(test)]
    Rows(Arc<dyn TableProvider>),
}

/// Tables by name.
pub(crate) type Sources = BTreeMap<String, Source>;

/// The same tables, a year and shard at a time, in the order of year and person.
///
/// All rows of a person-year are in one part of each table, and nothing that a question does with rows looks beyond their
/// person-year: joined, or aggregated by person, the parts give the rows that the whole would give.
pub(super) fn parts(sources: &Sources) -> Vec<Sources> {
    let mut cells = BTreeSet::new();
    for source in sources.values() {
        match source {
            Source::Files(files) => cells.extend(files.cells()),
            #[cfg(test)]
            Source::Rows(_) => return vec![sources.clone()],
        }
    }
    let part = |cell| {
        sources.iter().map(move |(name, source)| {
            let part = match source {
                Source::Files(files) => Source::Files(files.of_cell(cell)),
                #[cfg(test)]
                Source::Rows(rows) => Source::Rows(Arc::clone(rows)),
            };
            (name.clone(), part)
        })
    };
    cells.into_iter().map(|cell| part(cell).collect()).collect()
}

/// A table, and by field the column that it is of.
pub(super) type Alone<'q> = (SnapshotTable, BTreeMap<&'q str, &'q str>);

/// The table whose rows a query is made of, if that is all there is to it, and the columns that its fields are of.
pub(super) fn alone<'q>(sources: &Sources, query: &'q PrivateQuery) -> Result<Option<Alone<'q>>, RunError> {
    let Relation::Table { instance, table } = &query.relation else { return Ok(None) };
    let files = match sources.get(table).ok_or(RunError::Layout)? {
        Source::Files(files) => files.clone(),
        #[cfg(test)]
        Source::Rows(_) => return Ok(None),
    };
    Ok(Some((files, columns_of(instance, fields(query).into_iter()))))
}

/// The fields that a query's cells and terms are looked up by; of a single table also those of its condition.
pub(super) fn fields(query: &PrivateQuery) -> BTreeSet<&str> {
    let mut named = BTreeSet::new();
    if query.relation.is_table() {
        query.condition.fields(&mut named);
    }
    named
        .extend(query.sets.iter().flat_map(|cells| &cells.axes).flat_map(|axis| axis.inputs.iter().cloned()));
    for term in &query.terms {
        term.filter.fields(&mut named);
        if let What::Sum(value) = &term.what {
            named.extend(value.inputs.iter().cloned());
        }
    }
    query.fields.keys().filter(|name| named.contains(*name)).map(String::as_str).collect()
}

/// By field of an instance of a table the column that it is of.
pub(super) fn columns_of<'n>(
    instance: &str,
    names: impl Iterator<Item = &'n str>,
) -> BTreeMap<&'n str, &'n str> {
    let prefix = format!("{instance}_");
    names.filter_map(|name| Some((name, name.strip_prefix(&prefix)?))).collect()
}
