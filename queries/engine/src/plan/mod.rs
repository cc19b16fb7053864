//! Planning: from SQL to a checked, priced, private query.
//!
//! # Privacy
//! Nothing in this module holds a handle to data. It depends on the question's text and the policy alone, so
//! that whatever it refuses, prices or predicts says nothing about anybody. (A test holds it to that by reading the
//! module's sources.)

mod aggregate;
mod catalog;
mod cells;
mod condition;
mod field;
mod filter;
mod grid;
mod hint;
mod linear;
mod linked;
mod measured;
mod output;
mod per_person;
mod places;
mod post;
mod present;
mod price;
mod quantile;
mod query;
mod refuse;
mod relation;
mod rows;
mod statement;
#[cfg(test)]
pub(crate) mod tests;
mod weights;

use std::collections::{BTreeMap, BTreeSet};

use skjerm_privacy::Rho;
use skjerm_warehouse::policy::Policy;

pub(crate) use catalog::Public;
pub(crate) use cells::Cells;
pub(crate) use condition::Condition;
pub(crate) use field::{Domain, Field, Fields, YEAR};
pub(crate) use linear::Measured;
#[cfg(test)]
pub(crate) use measured::Column;
pub(crate) use measured::{Shown, json};
pub(crate) use post::{Origin, Post, is_noised};
pub(crate) use present::{Lost, NoisedColumn, NoisedTable, ReadOff};
pub(crate) use price::{CONFIDENCE, Part, checked_rho, half_widths, norms};
#[cfg(test)]
pub(crate) use query::Vector;
pub(crate) use query::{Bounding, Known, NORM_UNIT, ONE, PrivateQuery, Term, Value, What};
pub(crate) use relation::{NumberOf, PersonNumber, Relation};
pub(crate) use rows::TIMES;

use crate::error::EngineError;
use refuse::refuse;

/// The most noised values of a statement.
const MOST_MEASURED: usize = 100_000;

/// A planned statement: the questions that it asks of protected rows, and what it does with the answers.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) questions: Vec<Question>,
    pub(crate) post: Post,
    /// Paid from each year read, by all questions together.
    pub(crate) rho: Rho,
}

/// A planned question.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) query: PrivateQuery,
    pub(crate) shown: Shown,
    /// Paid from each year that this question reads.
    pub(crate) rho: Rho,
    /// What each vector may spend, in the order of the query's vectors.
    pub(crate) parts: Vec<Part>,
    canonical: String,
}

impl Plan {
    /// Plans a statement.
    pub(crate) fn new(
        policy: &Policy,
        public: &Public,
        sql: &str,
        rho: Option<f64>,
    ) -> Result<Self, EngineError> {
        let logical = statement::resolve(policy, public, sql)?;
        let (mut asked, post) = post::split(policy, public, &logical)?;
        let hints = hint::hints(sql)?;
        if let Some(norm) = hints.norm {
            hint::bound_to(norm, &mut asked)?;
        }
        let weighs = weights::apply(hints.weights.as_ref(), &post, &mut asked)?;
        let mut names: Vec<&str> = post.names.iter().map(String::as_str).collect();
        names.sort_unstable();
        if let Some([name, ..]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(refuse(format!("two output columns are named `{name}`"))
                .hint("Give them different names with AS.")
                .into());
        }
        let rho = checked_rho(policy, "persons", rho.unwrap_or(policy.query.default_rho))?;
        let measured: usize = asked.iter().map(|question| question.query.measured()).sum();
        if measured > MOST_MEASURED {
            return Err(refuse(format!(
                "the statement asks for {measured} values, and {MOST_MEASURED} are allowed"
            ))
            .hint("Ask for fewer columns or cells at once.")
            .into());
        }
        let mut questions = Vec::new();
        for (measured::Question { query, shown }, weighs) in asked.into_iter().zip(weighs) {
            let canonical = query.canonical().map_err(|error| {
                tracing::error!(%error, "a question could not be written in canonical form");
                EngineError::fault("The question could not be written in canonical form.")
            })?;
            questions.push((query, shown, canonical, weighs));
        }
        let prices = prices(rho, &questions);
        let questions = questions.into_iter().zip(prices).map(|((query, shown, canonical, _), rho)| {
            let parts = price::split(&query, rho)?;
            Ok(Question { query, shown, rho, parts, canonical })
        });
        Ok(Self { questions: questions.collect::<Result<_, EngineError>>()?, post, rho })
    }

    /// Every year that is read.
    pub(crate) fn years(&self) -> BTreeSet<i32> {
        self.questions.iter().flat_map(|question| question.query.years.iter().copied()).collect()
    }
}

/// What each question pays from each year that it reads, in proportion to what it weighs, so that no year pays more than `rho`: the
/// questions that read it share its price. The same question, shown twice, is one.
fn prices(rho: Rho, questions: &[(PrivateQuery, Shown, String, u128)]) -> Vec<Rho> {
    let mut weighs: BTreeMap<&str, u128> = BTreeMap::new();
    for (_, _, canonical, weight) in questions {
        let most = weighs.entry(canonical).or_default();
        *most = (*most).max(*weight);
    }
    let mut readers: BTreeMap<i32, BTreeSet<&str>> = BTreeMap::new();
    for (query, _, canonical, _) in questions {
        for year in &query.years {
            readers.entry(*year).or_default().insert(canonical);
        }
    }
    let of = |canonical: &str| weighs.get(canonical).copied().unwrap_or_default();
    let of_year = |readers: &BTreeSet<&str>| readers.iter().map(|canonical| of(canonical)).sum::<u128>();
    let most = readers.values().map(of_year).max().unwrap_or_default().max(1);
    let price = |canonical: &str| u128::from(rho.nano()) * of(canonical) / most;
    questions
        .iter()
        .map(|(_, _, canonical, _)| Rho::from_nano(u64::try_from(price(canonical)).unwrap_or(0)))
        .collect()
}

impl Question {
    /// The key of this question's stored answer: what is asked, of which data, how bounded, at which price.
    pub(crate) fn key(&self, snapshot: &str) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("skjerm 2026 engine question key v2");
        for part in [snapshot, self.canonical.as_str(), &self.rho.nano().to_string()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// How one person-year's part is bounded, vector by vector: for the ledger.
    pub(crate) fn bounds_in_words(&self) -> String {
        let words = |bounding: Bounding| match bounding {
            Bounding::One => "1 in one cell".to_owned(),
            Bounding::Norm { low, high, max_norm, given: None } => format!(
                "{low} to {high} a cell, the vector scaled to an L2 norm chosen privately, {max_norm} at most"
            ),
            Bounding::Norm { low, high, given: Some(given), .. } => format!(
                "{low} to {high} a cell, the vector scaled to the L2 norm {} named by the caller",
                given as f64 / NORM_UNIT as f64
            ),
        };
        let columns: Vec<String> = self.query.vectors.iter().map(|vector| words(vector.bounding)).collect();
        format!("a person-year adds {}", columns.join("; "))
    }

    /// Mechanism and scale of the noise, vector by vector: for the ledger.
    pub(crate) fn noise_in_words(&self) -> Result<String, EngineError> {
        let words = |(bounding, part): (Bounding, &Part)| -> Result<String, EngineError> {
            let [sigma, most] = price::sigmas(*part)?;
            let look = part.look;
            Ok(match bounding {
                Bounding::One if look.is_zero() => format!("σ {sigma:.4}"),
                Bounding::One => format!("σ {sigma:.4}, after a look at how many there are for ρ {look}"),
                Bounding::Norm { given: Some(_), .. } => {
                    format!("σ {sigma:.4} for each unit of the norm named")
                }
                Bounding::Norm { given: None, .. } => {
                    let (to, of_remainder) = if part.remainder.is_zero() {
                        (String::new(), String::new())
                    } else {
                        let of = format!(
                            ", and what that cuts off measured for ρ {} of it at most",
                            part.remainder
                        );
                        (format!(" to {most:.4}"), of)
                    };
                    format!(
                        "σ {sigma:.4}{to} for each unit of the norm chosen, after a look at the norms for ρ {look}{of_remainder}"
                    )
                }
            })
        };
        let bounds = self.query.vectors.iter().map(|vector| vector.bounding);
        let columns: Vec<String> = bounds.zip(&self.parts).map(words).collect::<Result<_, _>>()?;
        let shared = if self.query.sharing().is_empty() {
            String::new()
        } else {
            "; after the looks the columns share together what pays for this noise, so that their relative errors are even"
                .to_owned()
        };
        let weights: Vec<String> =
            self.query.vectors.iter().map(|vector| vector.weight.to_string()).collect();
        let weighed = if self.query.vectors.iter().all(|vector| vector.weight == 1) {
            String::new()
        } else {
            format!(", by weights {}", weights.join(", "))
        };
        Ok(format!("discrete Gaussian, {}{shared}{weighed}", columns.join("; ")))
    }

    /// The vector and cell of each row shown of a measured column.
    pub(crate) fn places(&self, term: usize) -> impl Iterator<Item = Option<(usize, u32)>> + '_ {
        let of_set = move |set: usize| {
            self.query.vectors.iter().position(|vector| vector.term == term && vector.set == set)
        };
        self.shown.rows.iter().map(move |(set, cell)| Some((of_set(*set)?, *cell)))
    }
}
