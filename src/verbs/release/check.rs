//! `skjerm release check`.

use serde_json::json;
use skjerm_figures::release::Store;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::output::{self, Sheet};

/// Looks over every release, or one; fails when any is not as it was published.
pub(super) fn run(common: &Common, store: &Store, id: Option<&str>) -> Result<(), Failure> {
    let found = store.check(id)?;
    let mut sheet = Sheet::new(&["release", "whole", "problem"]);
    let mut releases = Vec::new();
    for (id, problem) in &found {
        let problem = problem.as_ref().map(ToString::to_string);
        let whole = if problem.is_none() { "yes" } else { "NO" };
        sheet.push(vec![id.clone(), whole.to_owned(), problem.clone().unwrap_or_default()]);
        releases.push(json!({"release": id, "whole": problem.is_none(), "problem": problem}));
    }
    let damaged = found.iter().filter(|(_, problem)| problem.is_some()).count();
    if damaged == 0 {
        return output::print(common.format, &sheet, &json!({"whole": true, "releases": releases}));
    }
    if common.format != Format::Json {
        output::print(common.format, &sheet, &())?;
    }
    let message = format!("{damaged} of {} releases are not as they were published", found.len());
    Err(Failure::fault(message)
        .with_hint("bring back the files that are named from a copy; `skjerm release publish` for the year makes a lost release anew, free")
        .with_details("releases", json!(releases)))
}
