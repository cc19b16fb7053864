//! `skjerm budget verify` and `skjerm budget adopt`.

use clap::Args;
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_figures::release::{Missing, Store, missing};
use skjerm_ledger::{Head, Problem, Verification};

use crate::args::{Common, reason};
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
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Begin a new book in the place of one that is damaged or gone and of which there is no copy. Its answers are lost.
    #[arg(long, conflicts_with = "head")]
    anew: bool,
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
    if found.is_whole() {
        for what in missing(&ledger, &Store::open(&installation))? {
            match what {
                Missing::OlderCopy(what) => found.problems.push(Problem::new(None, what)),
                Missing::GivenUp(what) => found.remarks.push(what),
            }
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

pub(crate) async fn adopt(common: &Common, args: &AdoptArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    if args.anew {
        let aside = Engine::begin_ledger_anew(&installation, &args.analyst, &args.reason).await?;
        let aside = aside.display().to_string();
        let mut sheet = Sheet::new(&["what", "where"]);
        sheet.push(vec![
            "a new ledger, with nothing left to spend".into(),
            installation.ledger_path().display().to_string(),
        ]);
        sheet.push(vec!["what was there of the old one: keep it".into(), aside.clone()]);
        return output::print(common.format, &sheet, &json!({"adopted": true, "aside": aside}));
    }
    Engine::adopt_ledger(&installation, &args.analyst, &args.reason, args.head.as_ref())?;
    let mut sheet = Sheet::new(&["what"]);
    sheet.push(vec!["the ledger is in use; what was left of its budgets is given up".into()]);
    output::print(common.format, &sheet, &json!({"adopted": true}))
}
