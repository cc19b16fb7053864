//! Patrols: operational, exact. About the service and its staffing; the table holds no client data.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Int64Type};
use datafusion::catalog::TableProvider;
use datafusion::logical_expr::{col, lit};
use futures::StreamExt;

use super::request::{PatrolCounts, PatrolTally};
use crate::run::{Limits, RunError, RunSession};

/// The Oslo standard: at least two staff a patrol.
const STAFF: i64 = 2;

/// Tallies the patrols of a year.
pub(crate) async fn read(
    limits: &Limits,
    table: Arc<dyn TableProvider>,
    year: i32,
) -> Result<PatrolCounts, RunError> {
    let plan = RunSession::scan("patrols", table)?
        .filter(col("year").eq(lit(i64::from(year))))?
        .project(["date", "service", "shift", "joint", "staff"].map(col))?
        .build()?;
    let mut counts = PatrolCounts { year, ..PatrolCounts::default() };
    let mut stream = RunSession::new(limits)?.stream(plan).await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let text = |name: &str| {
            batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>()).ok_or(RunError::Layout)
        };
        let (services, shifts, joint) = (text("service")?, text("shift")?, text("joint")?);
        let dates = batch.column_by_name("date").and_then(|c| c.as_primitive_opt::<Date32Type>());
        let staff = batch.column_by_name("staff").and_then(|c| c.as_primitive_opt::<Int64Type>());
        let (Some(dates), Some(staff)) = (dates, staff) else { return Err(RunError::Layout) };
        for row in 0..batch.num_rows() {
            let week = week(dates.value(row)).ok_or(RunError::Layout)?;
            let below = staff.is_valid(row) && staff.value(row) < STAFF;
            let own = counts.by_service.entry(services.value(row).to_owned()).or_default();
            for tally in [&mut counts.all, own] {
                add(tally, shifts.value(row), week, below, joint.value(row) == "yes");
            }
        }
    }
    Ok(counts)
}

fn add(tally: &mut PatrolTally, shift: &str, week: u32, below: bool, joint: bool) {
    tally.patrols += 1;
    tally.below_two_staff += u64::from(below);
    tally.joint += u64::from(joint);
    *tally.by_shift.entry(shift.to_owned()).or_default() += 1;
    *tally.by_week.entry(week).or_default() += 1;
}

/// ISO week of a day since 1970.
fn week(days: i32) -> Option<u32> {
    let epoch = jiff::civil::Date::new(1970, 1, 1).ok()?;
    let date = epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    u32::try_from(date.iso_week_date().week()).ok()
}
