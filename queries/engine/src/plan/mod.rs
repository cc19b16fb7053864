//! Planning: from SQL to a checked, priced, private query.
//!
//! # Privacy
//! Nothing in this module holds a handle to data. It depends on the question's text and the policy alone, so
//! that whatever it refuses, prices or predicts says nothing about anybody. (A test holds it to that by reading the
//! module's sources.)

mod catalog;
mod condition;
mod filter;
mod present;
mod price;
mod query;
mod refuse;
mod shape;
mod statement;
#[cfg(test)]
mod tests;

use skjerm_privacy::Rho;
use skjerm_warehouse::policy::{Grain, Policy};

pub(crate) use condition::{Condition, Slot, Value};
pub(crate) use present::{NoisedColumn, NoisedTable, Presentation};
pub(crate) use price::{CONFIDENCE, Part, checked_rho, half_widths};
pub(crate) use query::{Aggregate, Bounding, ONE, PrivateQuery};

use crate::error::EngineError;
use condition::Scope;
use refuse::refuse;

/// A planned question.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) query: PrivateQuery,
    pub(crate) shown: Presentation,
    /// Paid from each year read.
    pub(crate) rho: Rho,
    /// What each aggregate may spend, in the order of the query's aggregates.
    pub(crate) parts: Vec<Part>,
    canonical: String,
}

impl Plan {
    /// Plans a question.
    pub(crate) fn new(policy: &Policy, sql: &str, rho: Option<f64>) -> Result<Self, EngineError> {
        let logical = statement::resolve(policy, sql)?;
        let shape = shape::shape(policy, &logical)?;
        let scope = Scope { policy, table: shape.table };
        let query = PrivateQuery::new(scope, shape.condition, shape.keys.clone(), shape.aggregates)?;
        let mut shown = Presentation {
            keys: shape.keys,
            columns: shape.columns,
            order: shape.order,
            skip: shape.skip,
            fetch: shape.fetch,
        };
        if query.grain == Grain::PersonYear {
            shown.of_person_years();
        }
        let mut names: Vec<&str> = shown.columns.iter().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        if let Some([name, ..]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(refuse(format!("two output columns are named `{name}`"))
                .hint("Give them different names with AS.")
                .into());
        }
        let rho = checked_rho(policy, &scope.table.family, rho.unwrap_or(policy.query.default_rho))?;
        let parts = price::split(&query, rho)?;
        let canonical = query.canonical().map_err(|error| {
            tracing::error!(%error, "a question could not be written in canonical form");
            EngineError::fault("The question could not be written in canonical form.")
        })?;
        Ok(Self { query, shown, rho, parts, canonical })
    }

    /// The key of this question's stored answer: what is asked, of which data, how bounded, at which price.
    pub(crate) fn key(&self, snapshot: &str) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("skjerm 2026 engine question key v1");
        for part in [snapshot, self.canonical.as_str(), &self.rho.nano().to_string()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// How one person-year's part is bounded, column by column: for the ledger.
    pub(crate) fn bounds_in_words(&self) -> String {
        let words = |bounding: &Bounding| match bounding {
            Bounding::One => "1 in one cell".to_owned(),
            Bounding::Norm { low, high, max_norm } => format!(
                "{low} to {high} a cell, the vector scaled to an L2 norm chosen privately, {max_norm} at most"
            ),
        };
        let columns: Vec<String> =
            self.query.aggregates.iter().map(|(_, bounding)| words(bounding)).collect();
        format!("a person-year adds {}", columns.join("; "))
    }

    /// Mechanism and scale of the noise, column by column: for the ledger.
    pub(crate) fn noise_in_words(&self) -> Result<String, EngineError> {
        let words = |(bounding, part): (Bounding, &Part)| -> Result<String, EngineError> {
            Ok(match bounding {
                Bounding::One => format!("σ {:.4}", price::sigma(*part)?),
                Bounding::Norm { .. } => format!(
                    "σ {:.4} for each unit of the norm chosen, after a look at the norms for ρ {}",
                    price::sigma(*part)?,
                    part.look
                ),
            })
        };
        let bounds = self.query.aggregates.iter().map(|(_, bounding)| *bounding);
        let columns: Vec<String> = bounds.zip(&self.parts).map(words).collect::<Result<_, _>>()?;
        Ok(format!("discrete Gaussian, {}", columns.join("; ")))
    }

    /// For each key of GROUP BY its place in the canonical key.
    #[cfg(test)]
    pub(crate) fn shown_key_axes(&self) -> Vec<usize> {
        let axes = &self.query.cells.axes;
        self.shown.keys.iter().filter_map(|slot| axes.iter().position(|axis| axis.slot == *slot)).collect()
    }
}
