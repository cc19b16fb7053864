//! `skjerm release plan`: what a release would be worth, before anything is spent.

use serde_json::json;
use skjerm_engine::Engine;
use skjerm_figures::release::{self, Period, ReleasePlan};
use skjerm_figures::workload::Workload;
use skjerm_warehouse::Installation;

use super::Planned;
use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::output::{self, Sheet};

/// What is left of a year.
struct Left {
    year: f64,
    releases: f64,
}

pub(super) async fn run(
    common: &Common,
    installation: &Installation,
    planned: &Planned,
) -> Result<(), Failure> {
    // The ledger and the policy; of the warehouse nothing is read but the public list of count rounds, for a campaign.
    let engine = Engine::open(installation)?;
    let workload = Workload::named(&planned.workload)?;
    let period = planned.period(&engine).await?;
    let left = left(&engine, &period)?;
    let available = left.as_ref().map_or(0.0, |left| left.releases);
    let of_file = workload.half_widths();
    let within = planned.within.as_ref().or_else(|| Some(&of_file).filter(|widths| !widths.is_empty()));
    let plan = match (planned.rho, within) {
        (None, Some(within)) => release::plan_within(engine.policy(), &workload, &period, within, available)?,
        (rho, _) => {
            let rho = rho.or(workload.rho).unwrap_or(available);
            if planned.rho.is_none() && left.is_some() && rho <= 0.0 {
                return Err(Failure::refused(format!("nothing is left for releases of {}", period.name()))
                    .with_hint("name --rho to see what a release would have been worth"));
            }
            release::plan(engine.policy(), &workload, &period, rho)?
        }
    };
    print(common.format, &plan, &period, left.as_ref())
}

fn left(engine: &Engine, period: &Period) -> Result<Option<Left>, Failure> {
    let blocks = engine.budget()?;
    let block = period.block();
    let status = blocks.iter().find(|status| status.block == block);
    Ok(status.map(|status| Left {
        year: status.left.as_f64(),
        releases: status
            .shares
            .iter()
            .find(|share| share.name == "releases")
            .map_or(0.0, |share| share.left.as_f64()),
    }))
}

fn print(format: Format, plan: &ReleasePlan, period: &Period, left: Option<&Left>) -> Result<(), Failure> {
    let mut sheet =
        Sheet::new(&["table", "dimensions", "cells", "sd", "95 % ±", "wanted ±", "sd of an equal split"]);
    for table in &plan.tables {
        sheet.push(vec![
            table.name.clone(),
            table.dimensions.join(" × "),
            table.cells.to_string(),
            format!("{:.2}", table.sd),
            format!("{:.1}", table.half_width),
            table.wanted.map(|wanted| format!("{wanted:.1}")).unwrap_or_default(),
            format!("{:.2}", table.equal_split_sd),
        ]);
    }
    let mut document = serde_json::to_value(plan)
        .map_err(|error| Failure::fault(format!("the plan cannot be written: {error}")))?;
    if let Some(left) = left {
        document["left"] = json!({ "year": left.year, "releases": left.releases });
    }
    output::print(format, &sheet, &document)?;
    if format == Format::Table {
        let mut measured = Sheet::new(&["measured", "dimensions", "values", "σ", "ρ"]);
        for one in &plan.measurements {
            measured.push(vec![
                one.theme.clone(),
                if one.dimensions.is_empty() { "total".to_owned() } else { one.dimensions.join(" × ") },
                one.values.to_string(),
                format!("{:.2}", one.sigma),
                format!("{:.6}", one.rho),
            ]);
        }
        eprintln!();
        measured.print_table();
        eprintln!(
            "\nρ {:.6} (ε {} at δ {:e}); sd in the root mean {:.2} of an equal split",
            plan.rho,
            output::epsilon(plan.epsilon, 2),
            plan.delta,
            plan.of_equal_split
        );
        if let Some(left) = left {
            eprintln!(
                "{} has ρ {:.6} left, {:.6} of it for releases",
                period.name(),
                left.year,
                left.releases
            );
        }
    }
    Ok(())
}
