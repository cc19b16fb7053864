//! `skjerm budget`: what is spent and left, what happened, and the proof that the book is whole.

mod forecast;
mod history;
mod proof;
mod show;

use clap::{Args, Subcommand};

use crate::args::Common;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct BudgetArgs {
    #[command(subcommand)]
    verb: BudgetVerb,
}

#[derive(Debug, Subcommand)]
enum BudgetVerb {
    /// Every block with its limit, what is spent and what is left.
    Show(show::ShowArgs),
    /// What happened, oldest first: charges, answers, refusals, policies, releases, keys, logins.
    History(history::HistoryArgs),
    /// Check the whole book: seals, budgets, answers, and that nothing was cut off or rolled back.
    Verify(proof::VerifyArgs),
    /// What the planned releases of each year still need.
    Forecast,
    /// The stored answers, or one of them with all that it says.
    Answers(history::AnswersArgs),
    /// Go on with an older copy of a lost book, or with a new one; all that is left of the budgets is given up.
    Adopt(proof::AdoptArgs),
}

pub(crate) async fn run(common: &Common, args: BudgetArgs) -> Result<(), Failure> {
    match args.verb {
        BudgetVerb::Show(args) => show::run(common, &args),
        BudgetVerb::History(args) => history::run(common, args),
        BudgetVerb::Verify(args) => proof::verify(common, &args),
        BudgetVerb::Forecast => forecast::run(common).await,
        BudgetVerb::Answers(args) => history::answers(common, &args),
        BudgetVerb::Adopt(args) => proof::adopt(common, &args).await,
    }
}
