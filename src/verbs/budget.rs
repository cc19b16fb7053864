//! `skjerm budget`: what has been spent and what is left.

use clap::{Args, Subcommand};
use serde_json::json;
use skjerm_engine::Engine;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct BudgetArgs {
    #[command(subcommand)]
    verb: BudgetVerb,
}

#[derive(Debug, Subcommand)]
enum BudgetVerb {
    /// Every block with its limit, what is spent and what is left.
    Show,
}

pub(crate) fn run(common: &Common, args: &BudgetArgs) -> Result<(), Failure> {
    let BudgetVerb::Show = args.verb;
    let engine = Engine::open(&open::installation(common)?)?;
    let mut sheet = Sheet::new(&["family", "block", "ρ limit", "ρ spent", "ρ left", "ε spent", "δ", ""]);
    let mut blocks = Vec::new();
    for status in engine.budget()? {
        let (limit, spent, left) = (status.limit.as_f64(), status.spent.as_f64(), status.left.as_f64());
        let bar = if common.format == Format::Table { bar(spent / limit) } else { String::new() };
        sheet.push(vec![
            status.block.family.clone(),
            status.block.name.clone(),
            format!("{limit}"),
            format!("{spent}"),
            format!("{left}"),
            format!("{:.3}", status.epsilon_spent),
            format!("{:e}", status.delta),
            bar,
        ]);
        blocks.push(json!({
            "family": status.block.family,
            "block": status.block.name,
            "rho_limit": limit,
            "rho_spent": spent,
            "rho_left": left,
            "epsilon_spent": status.epsilon_spent,
            "delta": status.delta,
        }));
    }
    output::print(common.format, &sheet, &json!({"blocks": blocks}))
}

fn bar(share: f64) -> String {
    const WIDTH: usize = 20;
    let filled = (1..=WIDTH).filter(|step| *step as f64 <= (share * WIDTH as f64).ceil()).count();
    format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled))
}
