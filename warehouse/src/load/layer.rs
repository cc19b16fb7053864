//! Hashes the pseudonyms of rows once more.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, FixedSizeBinaryArray};
use arrow::buffer::Buffer;
use arrow::record_batch::RecordBatch;

use crate::policy::{ColumnRole, Table};
use crate::storage::parquet;
use crate::{Purpose, WarehouseError};

/// The columns of a table that hold pseudonyms.
pub(crate) fn columns(table: &Table) -> Vec<(&str, Purpose)> {
    let purposes = [(ColumnRole::Person, Purpose::Person), (ColumnRole::Record, Purpose::Record)];
    purposes.iter().filter_map(|(role, purpose)| Some((table.column_of(role)?, *purpose))).collect()
}

/// The rows with the pseudonyms in these columns hashed; the rest as it is.
pub(crate) fn hashed(
    table: &Table,
    columns: &[(&str, Purpose)],
    rows: &RecordBatch,
    hash: impl Fn(Purpose, &[u8; 16]) -> [u8; 16],
) -> Result<RecordBatch, WarehouseError> {
    let failed = WarehouseError::arrow(&table.name);
    let schema = rows.schema();
    let arrays = schema.fields().iter().zip(rows.columns()).map(|(field, array)| {
        let column = columns.iter().find(|(name, _)| name == field.name());
        let Some(((_, purpose), below)) = column.zip(parquet::pseudonyms(rows, field.name())) else {
            return Ok(array.clone());
        };
        let (mut hashed, mut before) = (Vec::with_capacity(below.len() * 16), None::<([u8; 16], [u8; 16])>);
        for row in 0..below.len() {
            let mut this = [0; 16];
            this.copy_from_slice(below.value(row));
            // Neighbouring rows are often the same person's.
            let pseudonym = match before {
                Some((of, pseudonym)) if of == this => pseudonym,
                _ => hash(*purpose, &this),
            };
            before = Some((this, pseudonym));
            hashed.extend_from_slice(&pseudonym);
        }
        let array = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(hashed), None).map_err(&failed)?;
        Ok(Arc::new(array) as ArrayRef)
    });
    let arrays = arrays.collect::<Result<Vec<_>, WarehouseError>>()?;
    RecordBatch::try_new(schema, arrays).map_err(&failed)
}
