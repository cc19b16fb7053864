//! `skjerm budget verify` and `skjerm budget adopt`.

use clap::Args;
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_figures::release::Store;
use skjerm_ledger::{Head, Problem, Verification};

use crate::args::Common;
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A head that was kept elsewhere, as this verb prints it; can be given several times.
    #[arg(long = "head", value_name = "NUMBER:HASH")]
    heads: Vec<Head>,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// What happened to the book; kept in it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A head that was kept elsewhere and is not in the book: the whole folder is an older copy.
    #[arg(long, value_name = "NUMBER:HASH")]
    head: Option<Head>,
    /// Who decides: an analyst of the policy with the role "steward".
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
    analyst: String,
}

pub(crate) fn verify(common: &Common, args: &VerifyArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    let ledger = Engine::inspect_ledger(&installation)?;
    let mut found = ledger.verify(&args.heads)?;
    // What was published is a witness of its own: a book that does not hold its measurement is an older one.
    for release in Store::open(&installation).list()? {
        let whole = Store::open(&installation).show(&release.id)?;
        if found.is_whole() && ledger.answer(&whole.answer)?.is_none() {
            let what = format!(
                "the release {} is published, but the book does not hold its measurement: it is an older copy",
                release.id
            );
            found.problems.push(Problem::new(None, what));
        }
    }
    for remark in &found.remarks {
        eprintln!("remark: {remark}");
    }
    if let Some(first) = found.problems.first() {
        for problem in found.problems.iter().skip(1).take(20) {
            eprintln!("problem: {}", sentence(problem.entry, &problem.what));
        }
        let first = sentence(first.entry, &first.what);
        return Err(Failure::fault(format!("the ledger is not as it was written: {first}"))
            .with_hint(
                "put back the latest whole copy, and find out who changed the book; ask nothing until then",
            )
            .with_details("verification", document(&found)));
    }
    let mut sheet = Sheet::new(&["what", "found"]);
    sheet.push(vec!["entries, each sealed and in its place".into(), found.entries.to_string()]);
    sheet.push(vec!["answers, each as it was given".into(), found.answers.to_string()]);
    sheet.push(vec!["heads kept elsewhere, each met".into(), args.heads.len().to_string()]);
    let head = found.head.map(|head| head.to_string()).unwrap_or_default();
    sheet.push(vec!["head: keep this elsewhere".into(), head]);
    output::print(common.format, &sheet, &document(&found))
}

fn sentence(entry: Option<u64>, what: &str) -> String {
    entry.map_or_else(|| what.to_owned(), |entry| format!("entry {entry}: {what}"))
}

fn document(found: &Verification) -> serde_json::Value {
    json!({
        "whole": found.is_whole(),
        "entries": found.entries,
        "answers": found.answers,
        "head": found.head,
        "problems": found.problems,
        "remarks": found.remarks,
    })
}

pub(crate) fn adopt(common: &Common, args: &AdoptArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    Engine::adopt_ledger(&installation, &args.analyst, &args.reason, args.head.as_ref())?;
    let mut sheet = Sheet::new(&["what"]);
    sheet.push(vec!["the ledger is in use; what was left of its budgets is given up".into()]);
    output::print(common.format, &sheet, &json!({"adopted": true}))
}
