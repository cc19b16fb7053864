//! How releases are printed.

use serde_json::json;
use skjerm_figures::release::{Record, Release, ReleaseSummary, Table};
use skjerm_figures::{Language, key_figures};
use skjerm_warehouse::policy::Policy;

use crate::args::Format;
use crate::failure::Failure;
use crate::output::{self, Sheet};

/// What left, why, by whom, at which risk.
pub(super) fn record(format: Format, record: &Record) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["", "record"]);
    let mut line = |name: &str, value: String| sheet.push(vec![name.to_owned(), value]);
    line("what", record.what.clone());
    line("why", record.reason.clone().unwrap_or_else(|| "not said".to_owned()));
    line("by whom", format!("{}, {}", record.by, record.published));
    line(
        "how much",
        format!(
            "{} tables, {} cells, {} of them shown as \":\"",
            record.tables, record.cells, record.suppressed
        ),
    );
    line("of what", format!("snapshot {}, answer {}", record.snapshot, record.answer));
    line(
        "price",
        format!("ρ {} (ε {} at δ {:e})", record.rho, output::epsilon(record.epsilon, 2), record.delta),
    );
    line(
        "year so far",
        format!(
            "ε {}; over all years ε {}",
            output::epsilon(record.epsilon_year, 2),
            output::epsilon(record.epsilon_all_years, 2)
        ),
    );
    for risk in &record.risk {
        line("risk", risk.en.clone());
    }
    for check in &record.checks {
        line(if check.passed { "passed" } else { "FAILED" }, check.what.en.clone());
    }
    line("status", record.status.clone());
    output::print(format, &sheet, record)
}

/// The tables one below the other, with the unbiased value, its interval and the display value beside each other; then the exact
/// figures about the service, and each of its weeks.
pub(super) fn release(format: Format, release: &Release, policy: &Policy) -> Result<(), Failure> {
    let mut sheet = sheet(&release.tables);
    let (operational, weeks) =
        (key_figures::operational(release, policy), key_figures::patrol_weeks(release));
    for figure in &operational {
        let cell = format!("{}, {}", figure.theme.en.to_lowercase(), figure.category.en);
        let shown = figure.display.text(Language::En);
        sheet.push(vec![figure.name.clone(), cell, shown, output::number(figure.value), "exact".to_owned()]);
    }
    for week in &weeks {
        let (patrols, cell) = (week.patrols.to_string(), format!("week {}", week.week));
        let against = if week.below_target { "exact, under the target" } else { "exact" };
        sheet.push(vec!["patrol_by_week".to_owned(), cell, patrols.clone(), patrols, against.to_owned()]);
    }
    let mut document = serde_json::to_value(release)
        .map_err(|error| Failure::fault(format!("the release cannot be written: {error}")))?;
    document["operational_figures"] = json!(operational);
    document["patrol_weeks"] = json!(weeks);
    output::print(format, &sheet, &document)?;
    if format == Format::Table {
        explain(release);
    }
    Ok(())
}

/// One of the tables.
pub(super) fn table(format: Format, mut release: Release, name: &str) -> Result<(), Failure> {
    let names: Vec<String> = release.tables.iter().map(|table| table.name.clone()).collect();
    release.tables.retain(|table| table.name == name);
    if release.tables.is_empty() {
        return Err(Failure::refused(format!("the release {} has no table \"{name}\"", release.id))
            .with_hint(format!("it has {}", names.join(", "))));
    }
    let document = json!({"id": release.id, "year": release.year, "campaign": release.campaign, "tables": release.tables});
    output::print(format, &sheet(&release.tables), &document)?;
    if format == Format::Table {
        explain(&release);
    }
    Ok(())
}

fn sheet(tables: &[Table]) -> Sheet {
    let mut sheet = Sheet::new(&["table", "cell", "display", "unbiased", "95 % interval"]);
    for table in tables {
        for row in &table.rows {
            let key: Vec<String> = table
                .dimensions
                .iter()
                .map(|dimension| row.key.get(dimension).cloned().unwrap_or_default())
                .collect();
            sheet.push(vec![
                table.name.clone(),
                if key.is_empty() { "all".to_owned() } else { key.join(" · ") },
                row.display.text(Language::En),
                output::number(row.value),
                output::interval(row.low, row.high),
            ]);
        }
    }
    sheet
}

fn explain(release: &Release) {
    eprintln!(
        "\nrelease {}: ρ {} (ε {} at δ {:e})",
        release.id,
        release.rho,
        output::epsilon(release.epsilon, 2),
        release.delta
    );
    eprintln!("The interval belongs to the unbiased value; the display values add up over all tables.");
}

/// Every release, and which supersedes which.
pub(super) fn list(format: Format, releases: &[ReleaseSummary]) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&[
        "id",
        "workload",
        "year",
        "revision",
        "published",
        "ρ",
        "tables",
        "supersedes",
        "status",
    ]);
    for release in releases {
        let status = release.superseded_by.as_ref();
        sheet.push(vec![
            release.id.clone(),
            release.workload.clone(),
            release
                .campaign
                .as_ref()
                .map_or_else(|| release.year.to_string(), |campaign| campaign.code.clone()),
            release.revision.to_string(),
            release.published.clone(),
            release.rho.to_string(),
            release.tables.to_string(),
            release.supersedes.clone().unwrap_or_default(),
            status.map_or_else(|| "in force".to_owned(), |later| format!("superseded by {later}")),
        ]);
    }
    output::print(format, &sheet, &json!({"releases": releases}))
}
