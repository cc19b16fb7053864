//! Reference data as tables that answers can be joined with: anybody can look it up, and nothing of it is protected.
//!
//! | table | columns |
//! |---|---|
//! | `district` | `code`, `name_no`, `name_en` |
//! | `municipality` | `code`, `name` |
//! | `region` | `grouping`, `region`, `name_no`, `name_en`, `district`: a row a district of a region |
//! | `population` | `year`, `district`, `age_band`, `residents` on 1 January; the bands overlap (see the warehouse's reference data) |

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use skjerm_warehouse::Reference;
use skjerm_warehouse::policy::Policy;

use crate::plan::Public;

/// The public tables of an installation.
pub(crate) fn tables(policy: &Policy, reference: &Reference) -> Public {
    let mut tables = Public::new();
    let mut put = |name: &str, columns: Vec<(&str, ArrayRef)>| {
        if let Ok(rows) = RecordBatch::try_from_iter(columns) {
            tables.insert(name.to_owned(), rows);
        }
    };
    let codes = |name: &str| policy.code_list(name).map(|list| list.codes.as_slice()).unwrap_or_default();
    let texts = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let districts = codes("district");
    put(
        "district",
        vec![
            ("code", texts(districts.iter().map(|code| code.code.as_str()).collect())),
            ("name_no", texts(districts.iter().map(|code| code.no.as_str()).collect())),
            ("name_en", texts(districts.iter().map(|code| code.en.as_str()).collect())),
        ],
    );
    let municipalities = codes("municipality");
    put(
        "municipality",
        vec![
            ("code", texts(municipalities.iter().map(|code| code.code.as_str()).collect())),
            ("name", texts(municipalities.iter().map(|code| code.no.as_str()).collect())),
        ],
    );
    let regions = policy.region_table();
    let rows: Vec<[&str; 5]> =
        regions.map(|of| [of.grouping, of.region, &of.label.no, &of.label.en, of.district]).collect();
    let names = ["grouping", "region", "name_no", "name_en", "district"];
    let columns =
        names.iter().enumerate().map(|(at, name)| (*name, texts(rows.iter().map(|row| row[at]).collect())));
    put("region", columns.collect());
    let figures: Vec<(&str, i32, &str, u64)> = reference.population().collect();
    put(
        "population",
        vec![
            ("year", Arc::new(figures.iter().map(|f| Some(i64::from(f.1))).collect::<Int64Array>())),
            ("district", texts(figures.iter().map(|f| f.0).collect())),
            ("age_band", texts(figures.iter().map(|f| f.2).collect())),
            ("residents", Arc::new(figures.iter().map(|f| i64::try_from(f.3).ok()).collect::<Int64Array>())),
        ],
    );
    tables
}
