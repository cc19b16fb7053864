//! Questions that a release answers.

use skjerm_ledger::{Block, EntryState, HistoryFilter};
use skjerm_warehouse::Snapshot;

use crate::ask::part_read;
use crate::book::ledger_error;
use crate::caller::{Ask, Price};
use crate::engine::{Engine, PERSONS};
use crate::error::EngineError;
use crate::measure::{MarginalsMeasurement, span};
use crate::plan::{Bounding, NoisedTable, Question, half_widths};

/// The sort of entry and answer that a release's measurement is.
const KIND: &str = "release";
/// So many times as wide as the default price would make it, a free interval is taken for a paid one.
const FREE_MAY_BE_WIDER: f64 = 2.0;

impl Engine {
    /// The answer to a question as a release of the same data says it, and the id of its measurement: the sharpest there is,
    /// which a later release may make sharper. Nothing where none does, or none as sharply as the caller pays for; without a
    /// price named, twice as wide as the default price would make it is sharp enough.
    ///
    /// # Privacy
    /// It looks at the ledger's stored measurements, the question and the snapshot's id: post-processing of what is paid for.
    /// Which release there is, and what it is about, is public.
    pub(crate) fn released(
        &self,
        question: &Question,
        snapshot: &Snapshot,
        ask: &Ask,
    ) -> Result<Option<(String, NoisedTable)>, EngineError> {
        let mut years = question.query.years.iter();
        let (Some(year), None) = (years.next(), years.next()) else { return Ok(None) };
        if question.query.vectors.iter().any(|vector| vector.bounding != Bounding::One) {
            return Ok(None);
        }
        let filter = HistoryFilter {
            block: Some(Block::new(PERSONS, year.to_string())),
            state: Some(EntryState::Settled),
            ..HistoryFilter::default()
        };
        let part = part_read(question, snapshot);
        let mut best: Option<(String, NoisedTable)> = None;
        for entry in self.ledger.history(&filter).map_err(|error| ledger_error(&error))? {
            let of_release = entry.details.get("what").is_some_and(|what| what == KIND);
            let Some(id) = entry.answer.filter(|_| of_release) else { continue };
            let stored = self.ledger.answer(&id).map_err(|error| ledger_error(&error))?;
            let Some(stored) = stored.filter(|stored| stored.kind == KIND && stored.snapshot == part) else {
                continue;
            };
            let Ok(measured) = serde_json::from_str::<MarginalsMeasurement>(&stored.body) else {
                tracing::error!(answer = stored.id, "a stored measurement cannot be read");
                continue;
            };
            let table = span::read_off(&question.query, &stored.id, &measured);
            let Some(table) = table.filter(|table| serves(question, ask, table)) else { continue };
            if best.as_ref().is_none_or(|(_, best)| span::widest(&table) < span::widest(best)) {
                best = Some((stored.id, table));
            }
        }
        Ok(best)
    }
}

/// Whether a table is as sharp as what the caller asks for.
fn serves(question: &Question, ask: &Ask, table: &NoisedTable) -> bool {
    let expected = || {
        let vectors = question.query.vectors.iter().zip(&question.parts);
        let widths = vectors.filter_map(|(vector, part)| half_widths(vector.bounding, *part).ok());
        widths.map(|[_, expected, _]| expected).fold(f64::INFINITY, f64::min)
    };
    let wanted = match ask.price {
        None => FREE_MAY_BE_WIDER * expected(),
        Some(Price::Within(half_width)) => half_width,
        Some(Price::Rho(_) | Price::Epsilon(_)) => expected(),
    };
    span::widest(table) <= wanted
}
