//! How the columns of a question share its price once the looks were taken: so that their relative errors stand in inverse proportion
//! to their weights, and are even where none are given.
//!
//! *Relative to what.* To the size of a column: the norms of its person-years' vectors added up, as its private look sees them.
//! Vectors of one grouping set have the same cells, so that sizes are to each other about as the columns' totals are (they are the totals
//! where a person-year is in one cell; of sums of negative values they are what could cancel out). A person-year that counts once has
//! a norm of 1: the size is the number of persons, seen by another column's look at the same rows or by a look of its own.
//!
//! *The rule.* A column of size T, scaled to a norm C, with ρ for its noise, has a relative error of C/(T·√(2ρ)). Its part is in
//! proportion to (w·C/T)². C is chosen for the ρ that pays for it, so the parts are found by going round a few times, and of all rounds
//! those are taken with which the largest of the weighed relative errors is expected to be the least: never a larger one than with the
//! parts that were planned. No column is left with less than [`Part::range`] says. A column of which nobody is to be seen, and one
//! scaled to a norm that the caller named, keeps what it was planned to have. Grouping sets do not share with each other: a cell of a
//! finer one is smaller, and would take all that a total has.
//!
//! # Privacy
//! *Unit, sensitivity, mechanisms*: those of [`super::bounded`]. *Cost*: the parts depend on the noised looks, the plan and the policy
//! alone: post-processing. For every outcome of the looks, what is paid for noise and remainders together is at most what it was planned to
//! be (whole nano-ρ, taken from one sum), so that the step after the looks satisfies the same zCDP whatever they saw, and the whole
//! question does by adaptive composition. *Source*: Bun and Steinke 2016, lemma 2.3.

use skjerm_privacy::Rho;

use super::bounded::{Look, error_of_one};
use super::error::RunError;
use crate::plan::{Bounding, Known, Part, PrivateQuery};

/// How often the parts are found again for the norms that the parts before would choose.
const ROUNDS: usize = 16;

/// A column that shares.
struct Sharer {
    at: usize,
    /// Its weight, and its size in units of norms.
    weight: f64,
    size: f64,
    /// What it was planned to have for noise and remainder, what it keeps at least, and what it has.
    planned: Part,
    now: u64,
}

/// The parts of a question's vectors after the looks. They cost together what they did before, or less.
pub(super) fn shared(
    query: &PrivateQuery,
    planned: &[Part],
    looks: &[Option<Look>],
) -> Result<Vec<Part>, RunError> {
    let mut parts = planned.to_vec();
    for set in query.sharing() {
        let sharer = |at: usize| {
            let (planned, vector) = (*planned.get(at)?, query.vectors.get(at)?);
            let size = size(query, looks, at)?;
            let weight = f64::from(vector.weight);
            Some(Sharer { at, weight, size, planned, now: planned.pool() })
        };
        let mut sharers: Vec<Sharer> = set.into_iter().filter_map(sharer).collect();
        if sharers.len() < 2 {
            continue;
        }
        let mut best: Option<(f64, Vec<u64>)> = None;
        for _ in 0..ROUNDS {
            let mut wants = Vec::new();
            let mut worst = 0.0_f64;
            for sharer in &sharers {
                let relative = sharer.weight * error(query, looks, sharer)? / sharer.size;
                // (C/T)² would be what it has times the square of its error; half of the way there, since C follows in steps.
                wants.push(sharer.now as f64 * relative);
                worst = worst.max(relative);
            }
            if best.as_ref().is_none_or(|(least, _)| worst < *least) {
                best = Some((worst, sharers.iter().map(|sharer| sharer.now).collect()));
            }
            share_out(&mut sharers, &wants);
        }
        for (sharer, now) in sharers.iter_mut().zip(best.into_iter().flat_map(|(_, parts)| parts)) {
            sharer.now = now;
        }
        for sharer in sharers {
            if let Some(part) = parts.get_mut(sharer.at) {
                *part = sharer.planned.with_pool(sharer.now);
            }
        }
    }
    let cost = |parts: &[Part]| {
        let of = |part: &Part| u128::from(part.look.nano()) + u128::from(part.pool());
        parts.iter().map(of).sum::<u128>()
    };
    // The argument above, looked at once more.
    if parts.len() != planned.len() || cost(&parts) > cost(planned) {
        return Err(RunError::Layout);
    }
    Ok(parts)
}

/// The size of a vector, in units of norms.
fn size(query: &PrivateQuery, looks: &[Option<Look>], at: usize) -> Option<f64> {
    let look = |at: usize| looks.get(at)?.as_ref()?.size();
    match query.known(at) {
        Known::Looked => look(at).map(|size| size.length),
        Known::As(other) => look(other).map(|size| size.persons * crate::plan::NORM_UNIT as f64),
        Known::Not => None,
    }
    .filter(|size| size.is_finite() && *size > 0.0)
}

/// The error of a sharer's cells with what it has, up to a factor.
fn error(query: &PrivateQuery, looks: &[Option<Look>], sharer: &Sharer) -> Result<f64, RunError> {
    let vector = query.vectors.get(sharer.at).ok_or(RunError::Layout)?;
    let part = sharer.planned.with_pool(sharer.now);
    match (vector.bounding, looks.get(sharer.at)) {
        (Bounding::One, _) => Ok(error_of_one(part)),
        (bound, Some(Some(look))) => {
            let cells = query.sets.get(vector.set).map_or(0, crate::plan::Cells::len);
            look.error(bound, part, query.shape(vector), cells)
        }
        (_, Some(None) | None) => Err(RunError::Layout),
    }
}

/// Gives the sharers parts of what they have together, in proportion to what they want; whoever would get less than the least
/// gets that, and the others share the rest.
fn share_out(sharers: &mut [Sharer], wants: &[f64]) {
    // Sizes are above 0 and finite, and so are errors; if they were not, all keep what they have.
    if !wants.iter().all(|want| want.is_normal() && *want > 0.0) {
        return;
    }
    let all: u64 = sharers.iter().map(|sharer| sharer.planned.pool()).sum();
    let least = |sharer: &Sharer| sharer.planned.range[0].nano();
    let mut kept = vec![false; sharers.len()];
    loop {
        let (mut left, mut wanted) = (all, 0.0);
        for ((sharer, want), kept) in sharers.iter().zip(wants).zip(&kept) {
            if *kept {
                left = left.saturating_sub(least(sharer));
            } else {
                wanted += want;
            }
        }
        let mut changed = false;
        let mut rest = left;
        for ((sharer, want), kept) in sharers.iter_mut().zip(wants).zip(&mut kept) {
            if *kept {
                sharer.now = least(sharer);
                continue;
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a part of what is left
            let part = (left as f64 * (want / wanted)) as u64;
            if part < least(sharer) {
                (*kept, changed) = (true, true);
                continue;
            }
            sharer.now = part.min(rest);
            rest -= sharer.now;
        }
        if !changed {
            return;
        }
    }
}

/// What each vector may spend on noise, of the whole price: for the notes of an answer.
pub(super) fn in_words(
    query: &PrivateQuery,
    planned: &[Part],
    parts: &[Part],
    names: &[&str],
) -> Option<String> {
    if query.sharing().is_empty() {
        return None;
    }
    let rho = |part: &Part| Rho::from_nano(part.pool()).to_string();
    let columns: Vec<String> =
        names.iter().zip(parts).map(|(name, part)| format!("{name} {}", rho(part))).collect();
    // Of several grouping sets the names alone would not tell which is which.
    let columns = if query.sets.len() == 1 { format!(": {}", columns.join(", ")) } else { String::new() };
    let by = if query.vectors.iter().all(|vector| vector.weight == 1) {
        "relative errors are even"
    } else {
        "relative errors stand in inverse proportion to the weights given"
    };
    let how = if parts == planned {
        "as planned, since the private looks see too little".to_owned()
    } else {
        format!("so that {by}, as far as the private looks can tell")
    };
    Some(format!("The columns share ρ {how}{columns}."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use skjerm_privacy::bounding;

    use super::*;
    use crate::plan::NORM_UNIT;
    use crate::plan::tests::plan;

    const TEXTS: &[&str] = &[
        "select service, count(distinct person) p, count(*) n, sum(minutes) m from contact where year = 2024 group by 1",
        "/*+ weights(m => 3, p => 0.7) */ select count(distinct person) p, count(*) n, sum(minutes - 50) m from contact where year = 2024",
        "/*+ weights(n => 10) */ select gender, count(*) n, sum(minutes) m from contact where year = 2024 group by rollup (gender)",
        "select age_band, count(*) filter (where gender = 'male') a, count(*) filter (where gender = 'female') b, count(*) c from person_year where year = 2024 group by 1",
    ];

    /// Looks of a query's vectors that saw these counts, from the shortest norms up.
    fn looks(query: &PrivateQuery, parts: &[Part], saw: &[Vec<f64>]) -> Vec<Option<Look>> {
        let one = NORM_UNIT.unsigned_abs();
        let look = |((vector, part), saw): ((&crate::plan::Vector, &Part), &Vec<f64>)| {
            let buckets = match vector.bounding {
                Bounding::One => vec![one],
                Bounding::Norm { max_norm, .. } => bounding::buckets(max_norm * one),
            };
            let noised = (0..buckets.len()).map(|at| saw.get(at).copied().unwrap_or(0.0)).collect();
            (!part.look.is_zero()).then(|| Look::saw(noised, (0.5 / part.look.as_f64()).sqrt(), buckets))
        };
        query.vectors.iter().zip(parts).zip(saw.iter().cycle()).map(look).collect()
    }

    /// The largest of the weighed relative errors of a grouping set's columns.
    fn worst(query: &PrivateQuery, looks: &[Option<Look>], set: &[usize], parts: &[Part]) -> f64 {
        let relative = |at: &usize| {
            let (size, planned) = (size(query, looks, *at)?, parts[*at]);
            let weight = f64::from(query.vectors[*at].weight);
            let sharer = Sharer { at: *at, weight, size, planned, now: planned.pool() };
            Some(weight * error(query, looks, &sharer).expect("an error") / size)
        };
        set.iter().filter_map(relative).fold(0.0, f64::max)
    }

    proptest! {
        /// Whatever the looks saw: the parts cost no more together, stay in their ranges, leave the looks' price alone, and the largest
        /// relative error is not expected to be larger.
        #[test]
        fn parts_cost_no_more_whatever_the_looks_saw(
            which in 0..TEXTS.len(),
            saw in prop::collection::vec(prop::collection::vec(-500.0..20_000.0_f64, 0..24), 1..6),
        ) {
            let question = plan(TEXTS[which]);
            let (query, planned) = (&question.query, &question.parts);
            let looks = looks(query, planned, &saw);
            let parts = shared(query, planned, &looks).expect("shared");
            let cost = |parts: &[Part]| parts.iter().map(|part| part.look.nano() + part.pool()).sum::<u64>();
            prop_assert!(cost(&parts) <= cost(planned) && cost(planned) <= question.rho.nano());
            for (part, planned) in parts.iter().zip(planned) {
                prop_assert!(planned.range[0].nano() <= part.pool() && part.pool() <= planned.range[1].nano());
                prop_assert_eq!(part.look, planned.look);
            }
            for set in query.sharing() {
                let [after, before] = [&parts, planned].map(|parts| worst(query, &looks, &set, parts));
                prop_assert!(after <= before * (1.0 + 1e-9), "{} after {}", after, before);
            }
        }
    }

    #[test]
    fn parts_of_what_counts_once_stand_as_weights_and_sizes_say() {
        let question = plan(&TEXTS[3].replace("select age_band", "/*+ weights(a => 2) */ select age_band"));
        let (query, planned) = (&question.query, &question.parts);
        // No column's look counts the persons of another.
        assert!((0..3).all(|at| query.known(at) == Known::Looked));
        let saw: Vec<Vec<f64>> = (0..3).map(|at| vec![f64::from(1_000 * (at + 1))]).collect();
        let parts = shared(query, planned, &looks(query, planned, &saw)).expect("shared");
        let relative = query
            .vectors
            .iter()
            .zip(&parts)
            .zip([1.0, 2.0, 3.0])
            .map(|((vector, part), size)| f64::from(vector.weight) / size / (part.pool() as f64).sqrt());
        let relative: Vec<f64> = relative.collect();
        assert!(relative.iter().all(|error| (error / relative[0] - 1.0).abs() < 1e-3), "{relative:?}");
        // Nobody is to be seen of one: it keeps its part, and the others share theirs.
        let nobody =
            shared(query, planned, &looks(query, planned, &[vec![0.0], vec![1_000.0], vec![2_000.0]]));
        let nobody = nobody.expect("shared");
        assert_eq!(nobody[0], planned[0]);
        assert!(nobody[1].pool() > planned[1].pool().min(nobody[2].pool()) && nobody[1] != planned[1]);
        // Where nobody is seen at all, or nothing is shared, all is as planned.
        assert_eq!(shared(query, planned, &looks(query, planned, &[vec![0.0]])).expect("shared"), *planned);
        let alone = plan(
            "/*+ norm(3) */ select gender, count(*), count(*) filter (where month = 1) j from contact where year = 2024 group by 1",
        );
        assert!(alone.query.sharing().is_empty());
        assert!(alone.parts.iter().all(|part| part.look.is_zero() && part.range == [part.noise; 2]));
        // Persons are counted by the look at their rows, which is paid for anyway.
        let total = plan(TEXTS[1]);
        let once =
            total.query.vectors.iter().position(|vector| vector.bounding == Bounding::One).expect("persons");
        assert!(matches!(total.query.known(once), Known::As(_)) && total.parts[once].look.is_zero());
    }
}
