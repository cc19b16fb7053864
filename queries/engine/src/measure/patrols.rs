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
            let week = week(dates.value(row), year).ok_or(RunError::Layout)?;
            let staff = staff.is_valid(row).then(|| staff.value(row));
            let own = counts.by_service.entry(services.value(row).to_owned()).or_default();
            for tally in [&mut counts.all, own] {
                add(tally, shifts.value(row), week, staff, joint.value(row) == "yes");
            }
        }
    }
    Ok(counts)
}

fn add(tally: &mut PatrolTally, shift: &str, week: u32, staff: Option<i64>, joint: bool) {
    tally.patrols += 1;
    if let Some(staff) = staff {
        tally.staffed += 1;
        tally.staff += u64::try_from(staff).unwrap_or_default();
        tally.below_two_staff += u64::from(staff < STAFF);
    }
    tally.joint += u64::from(joint);
    *tally.by_shift.entry(shift.to_owned()).or_default() += 1;
    *tally.by_week.entry(week).or_default() += 1;
}

/// ISO week of a day since 1970, within a calendar year: 0 and 53 for days of its neighbours' weeks.
fn week(days: i32, year: i32) -> Option<u32> {
    let epoch = jiff::civil::Date::new(1970, 1, 1).ok()?;
    let week = epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?.iso_week_date();
    match i32::from(week.year()).cmp(&year) {
        std::cmp::Ordering::Less => Some(0),
        std::cmp::Ordering::Equal => u32::try_from(week.week()).ok(),
        std::cmp::Ordering::Greater => Some(53),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 January 2023 is a Sunday of 2022's last week, 31 December 2024 a Tuesday of 2025's first.
    #[test]
    fn a_day_of_a_neighbours_week_is_not_put_into_a_week_of_the_year() {
        let day = |year, month, day| {
            let date = jiff::civil::date(year, month, day);
            date.since(jiff::civil::date(1970, 1, 1)).expect("a span").get_days()
        };
        assert_eq!(week(day(2023, 1, 1), 2023), Some(0));
        assert_eq!(week(day(2023, 1, 2), 2023), Some(1));
        assert_eq!(week(day(2023, 12, 31), 2023), Some(52));
        assert_eq!(week(day(2024, 12, 29), 2024), Some(52));
        assert_eq!(week(day(2024, 12, 30), 2024), Some(53));
        assert_eq!(week(day(2020, 12, 31), 2020), Some(53));
        assert_eq!(week(day(2021, 1, 3), 2021), Some(0));
    }

    #[test]
    fn a_patrol_of_unknown_staff_is_in_no_figure_on_staff() {
        let mut tally = PatrolTally::default();
        add(&mut tally, "day", 1, Some(1), false);
        add(&mut tally, "day", 1, None, true);
        add(&mut tally, "night", 2, Some(3), false);
        assert_eq!((tally.patrols, tally.staffed, tally.staff, tally.below_two_staff), (3, 2, 4, 1));
        assert_eq!(tally.joint, 1);
    }
}
