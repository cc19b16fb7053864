//! How wide the interval of a computed column will be, where that follows from the noise alone.
//!
//! The factors of a sum of measured values are what comes out of the question's own plan when one of them is one and the others
//! are zero, less what comes out of zeros. Half-widths of independent noise add up as squares, factor by factor.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, RecordBatch};

use super::error::RunError;
use super::post::{Over, made_up, numbers, row_keys};
use super::session::{Limits, RunSession};
use crate::plan::{Measured, NoisedColumn, Plan, Public};

/// The factors of a column's measured values, by row.
pub(crate) type Factors = Vec<BTreeMap<Measured, f64>>;

/// By output column the factors of its rows, of those that are sums of measured values. Reads no data.
pub(crate) async fn factors(
    limits: &Limits,
    public: &Public,
    plan: &Plan,
) -> Result<Vec<Option<Factors>>, RunError> {
    let sums = plan.sums();
    let every: BTreeSet<Measured> = sums.iter().flatten().flatten().copied().collect();
    let answers = made_up(plan, 0.0);
    let session = RunSession::in_order(limits)?;
    let over = Over { session: &session, public, plan, answers: &answers };
    let ready = over.ready(&plan.post.unordered).await?;
    let with = async |one: Option<Measured>| -> Result<RecordBatch, RunError> {
        let value = |question: usize, vector: usize, zeros: &NoisedColumn| {
            let term = plan.questions.get(question).and_then(|q| q.query.vectors.get(vector)).map(|v| v.term);
            let is_one = one.is_some() && one == term.map(|term| (question, term));
            if is_one { vec![1.0; zeros.values.len()] } else { zeros.values.clone() }
        };
        ready.run(over.tables(&value)?).await
    };
    let none = with(None).await?;
    let keys = row_keys(&none, &plan.post)?;
    let mut found: Vec<Option<Factors>> =
        sums.iter().map(|sum| sum.as_ref().map(|_| vec![BTreeMap::new(); keys.len()])).collect();
    for measured in every {
        let one = with(Some(measured)).await?;
        let place: HashMap<String, usize> =
            row_keys(&one, &plan.post)?.into_iter().enumerate().map(|(row, key)| (key, row)).collect();
        for (at, (sum, found)) in sums.iter().zip(&mut found).enumerate() {
            let (Some(sum), Some(found)) = (sum, found) else { continue };
            if !sum.contains(&measured) {
                continue;
            }
            let (zeros, ones) = (numbers(none.column(at))?, numbers(one.column(at))?);
            for ((zero, key), found) in zeros.iter().zip(&keys).zip(found) {
                let one = place.get(key).filter(|row| ones.is_valid(**row)).map(|row| ones.value(*row));
                if let (Some(zero), Some(one)) = (zero, one) {
                    found.insert(measured, one - zero);
                }
            }
        }
    }
    Ok(found)
}
