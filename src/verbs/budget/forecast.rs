//! `skjerm budget forecast`.

use serde_json::json;
use skjerm_engine::Engine;
use skjerm_figures::forecast::{State, forecast};

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

pub(crate) async fn run(common: &Common) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    let engine = Engine::open(&installation)?;
    let years = forecast(&engine, &installation).await?;
    let mut sheet = Sheet::new(&[
        "year",
        "ρ limit",
        "ρ spent",
        "planned",
        "state",
        "release",
        "ρ needed",
        "widest ±",
        "ρ for questions",
    ]);
    for year in &years {
        for planned in &year.planned {
            let state = match (planned.state, planned.changed_since) {
                (State::Published, false) => "published",
                (State::Published, true) => "published; rows changed since",
                (State::Due, _) => "due",
                (State::Unaffordable, _) => "nothing left for it",
            };
            sheet.push(vec![
                year.year.to_string(),
                year.rho_limit.to_string(),
                year.rho_spent.to_string(),
                planned.workload.clone(),
                state.to_owned(),
                planned.release.clone().unwrap_or_default(),
                planned.needs.to_string(),
                planned.half_width.map(output::number).unwrap_or_default(),
                year.left_for_questions.to_string(),
            ]);
        }
    }
    output::print(common.format, &sheet, &json!({"years": years}))?;
    if common.format == Format::Table {
        eprintln!("A release takes what its share has left; the rest of the year stays for questions.");
    }
    Ok(())
}
