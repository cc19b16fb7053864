//! The Arrow form of a table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Column, ColumnRole, Table};

/// Bytes of a pseudonym.
const PSEUDONYM_BYTES: i32 = 16;

impl ColumnRole {
    /// The Arrow type of a column of this role.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Person | Self::Record => DataType::FixedSizeBinary(PSEUDONYM_BYTES),
            Self::Year | Self::Month | Self::Measure { .. } => DataType::Int64,
            Self::Date => DataType::Date32,
            Self::Dimension { .. } => DataType::Utf8,
        }
    }

    /// Only measures may be null.
    pub fn nullable(&self) -> bool {
        matches!(self, Self::Measure { .. })
    }
}

impl Column {
    fn field(&self) -> Field {
        Field::new(&self.name, self.role.data_type(), self.role.nullable())
    }
}

impl Table {
    /// Every declared column in order, the partition column `year` among them: the schema of a
    /// [`crate::Delivery`] and of the table in SQL.
    ///
    /// `person` and `record` are `FixedSizeBinary(16)`, `year`, `month` and measures `Int64`, `date` `Date32`,
    /// dimensions `Utf8`. The Parquet files hold exactly these Arrow types (pseudonyms as
    /// `FIXED_LEN_BYTE_ARRAY(16)`), without the column `year`, which is in the folder name and the log: see
    /// [`Table::file_schema`]. The Delta log says `binary` for pseudonyms, since Delta has no type of fixed size.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }

    /// The schema of the data files: [`Table::arrow_schema`] without the partition column `year`.
    pub fn file_schema(&self) -> SchemaRef {
        let stored = self.columns.iter().filter(|c| c.role != ColumnRole::Year);
        Arc::new(Schema::new(stored.map(Column::field).collect::<Vec<_>>()))
    }
}
