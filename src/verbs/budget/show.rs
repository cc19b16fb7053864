//! `skjerm budget show`.

use clap::Args;
use serde_json::{Value, json};
use skjerm_engine::Engine;
use skjerm_ledger::{BlockStatus, FamilySum, ShareStatus};

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Show the shares and the analysts of every block too.
    #[arg(long)]
    shares: bool,
}

pub(crate) fn run(common: &Common, args: &ShowArgs) -> Result<(), Failure> {
    let engine = Engine::open(&open::installation(common)?)?;
    let (blocks, sums) = (engine.budget()?, engine.budget_sums()?);
    let mut sheet =
        Sheet::new(&["family", "block", "of whom", "ρ limit", "ρ spent", "ρ left", "ε spent", "δ", ""]);
    if !args.shares {
        sheet.headers.remove(2);
    }
    for status in &blocks {
        block_rows(&mut sheet, status, args.shares, common.format);
    }
    // Sums are no blocks: a program that reads CSV adds up by itself.
    if common.format == Format::Table {
        for sum in &sums {
            sum_row(&mut sheet, sum, args.shares);
        }
    }
    let document = json!({
        "blocks": blocks.iter().map(block_document).collect::<Vec<_>>(),
        "sums": sums.iter().map(sum_document).collect::<Vec<_>>(),
    });
    output::print(common.format, &sheet, &document)
}

fn block_rows(sheet: &mut Sheet, status: &BlockStatus, shares: bool, format: Format) {
    let block = &status.block;
    let mut row = |whom: &str, limit: f64, spent: f64, left: f64, ends: [String; 2]| {
        let bar = if format == Format::Table { bar(spent / limit) } else { String::new() };
        let mut cells = vec![block.family.clone(), block.name.clone()];
        if shares {
            cells.push(whom.to_owned());
        }
        cells.extend([limit.to_string(), spent.to_string(), left.to_string()]);
        cells.extend(ends);
        cells.push(bar);
        sheet.push(cells);
    };
    let ends = [output::epsilon(status.epsilon_spent, 3), format!("{:e}", status.delta.as_f64())];
    row("all", status.limit.as_f64(), status.spent.as_f64(), status.left.as_f64(), ends);
    if shares {
        let within = status.shares.iter().map(|share| ("share", share));
        for (what, share) in within.chain(status.analysts.iter().map(|analyst| ("analyst", analyst))) {
            let whom = format!("{what} {}", share.name);
            let ends = [String::new(), String::new()];
            row(&whom, share.limit.as_f64(), share.spent.as_f64(), share.left.as_f64(), ends);
        }
    }
}

fn sum_row(sheet: &mut Sheet, sum: &FamilySum, shares: bool) {
    let mut cells = vec![sum.family.clone(), format!("all {}", sum.blocks)];
    if shares {
        cells.push("somebody in each".to_owned());
    }
    let left = sum.limit.saturating_sub(sum.spent);
    cells.extend([sum.limit.to_string(), sum.spent.to_string(), left.to_string()]);
    cells.extend([output::epsilon(sum.epsilon_spent, 3), format!("{:e}", sum.delta.as_f64()), String::new()]);
    sheet.push(cells);
}

fn block_document(status: &BlockStatus) -> Value {
    let within = |all: &[ShareStatus]| -> Vec<Value> {
        let one = |share: &ShareStatus| {
            json!({
                "name": share.name,
                "rho_limit": share.limit.as_f64(),
                "rho_spent": share.spent.as_f64(),
                "rho_left": share.left.as_f64(),
            })
        };
        all.iter().map(one).collect()
    };
    json!({
        "family": status.block.family,
        "block": status.block.name,
        "rho_limit": status.limit.as_f64(),
        "rho_spent": status.spent.as_f64(),
        "rho_left": status.left.as_f64(),
        "epsilon_limit": status.epsilon_limit,
        "epsilon_spent": status.epsilon_spent,
        "delta": status.delta.as_f64(),
        "delta_spent": status.delta_spent.as_f64(),
        "shares": within(&status.shares),
        "analysts": within(&status.analysts),
    })
}

fn sum_document(sum: &FamilySum) -> Value {
    json!({
        "family": sum.family,
        "blocks": sum.blocks,
        "rho_limit": sum.limit.as_f64(),
        "rho_spent": sum.spent.as_f64(),
        "epsilon_limit": sum.epsilon_limit,
        "epsilon_spent": sum.epsilon_spent,
        "delta": sum.delta.as_f64(),
    })
}

fn bar(share: f64) -> String {
    const WIDTH: usize = 20;
    let filled = (1..=WIDTH).filter(|step| *step as f64 <= (share * WIDTH as f64).ceil()).count();
    format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled))
}
