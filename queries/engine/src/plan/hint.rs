//! Hints: comments of the question's text that begin with `/*+`. `/*+ norm(2.0) */` names a norm, `/*+ weights(persons => 2) */`
//! weights of columns ([`super::weights`]). A comment holds one.
//!
//! # Privacy
//! The norm is a part of the question's text, chosen without the data; every person-year is scaled to it as to one that is
//! chosen privately. Nothing looks at the norms then, and all of the price pays for noise.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::measured::Question;
use super::query::{Bounding, NORM_UNIT, What};
use super::refuse::{Refusal, refuse};
use super::weights::{self, Weights};

/// What a text's hints say.
#[derive(Debug, Default)]
pub(super) struct Hints {
    pub(super) norm: Option<f64>,
    pub(super) weights: Option<Weights>,
}

/// The hints in a text that can be parsed.
pub(super) fn hints(sql: &str) -> Result<Hints, Refusal> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql)
        .tokenize()
        .map_err(|error| refuse(format!("the question was not understood: {error}")))?;
    let mut hints = Hints::default();
    for token in &tokens {
        let Token::Whitespace(Whitespace::MultiLineComment(comment)) = token else { continue };
        let Some(hint) = comment.strip_prefix('+') else { continue };
        if let Some(weights) = weights::read(hint)? {
            if hints.weights.as_ref().is_some_and(|before| *before != weights) {
                return Err(refuse("the question gives its columns weights twice, and not the same")
                    .hint("Give all of them in one hint: /*+ weights(persons => 2, minutes => 1) */"));
            }
            hints.weights = Some(weights);
            continue;
        }
        let norm = norm(hint).ok_or_else(|| {
            refuse("a hint (a comment that begins with /*+) was not understood").hint(
                "There are two: /*+ norm(2.0) */ names the norm that a person-year's vector is scaled to, and \
                 /*+ weights(persons => 2, minutes => 1) */ says which columns are to be sharper. Each is a comment of its own. \
                 Write other comments without the +.",
            )
        })?;
        // Compared as they are written, so to the bit.
        if hints.norm.is_some_and(|before| before.to_bits() != norm.to_bits()) {
            return Err(refuse("the question names two different norms").hint("Name one."));
        }
        hints.norm = Some(norm);
    }
    Ok(hints)
}

fn norm(hint: &str) -> Option<f64> {
    let rest = hint.trim();
    let (word, rest) = rest.split_at_checked("norm".len())?;
    let number = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
    word.eq_ignore_ascii_case("norm").then(|| number.trim().parse().ok()).flatten()
}

/// Bounds the questions to a norm, given in the unit of what they count.
pub(super) fn bound_to(norm: f64, questions: &mut [Question]) -> Result<(), Refusal> {
    let mut scaled: Vec<(&What, i64, &mut u64, &mut Option<u64>)> = Vec::new();
    for Question { query, .. } in questions {
        for vector in &mut query.vectors {
            let Some(term) = query.terms.get(vector.term) else { continue };
            let parts = if let What::Sum(value) = &term.what { value.parts } else { 1 };
            if let Bounding::Norm { max_norm, given, .. } = &mut vector.bounding {
                scaled.push((&term.what, parts, max_norm, given));
            }
        }
    }
    let Some((of, ..)) = scaled.first() else {
        return Err(refuse("a norm is named, and no column of the question is scaled to one")
            .hint("One person-year counts once in it; leave the norm out."));
    };
    let of = *of;
    if scaled.iter().any(|(what, ..)| *what != of) {
        return Err(refuse("one norm cannot be for columns that count different things")
            .hint("Ask for rows, persons and each sum by themselves; avg(x) is a sum and a count."));
    }
    let most =
        scaled.iter().map(|(_, parts, max_norm, _)| **max_norm as f64 / *parts as f64).fold(0.0, f64::max);
    let least = scaled.iter().map(|(_, parts, ..)| 1.0 / (NORM_UNIT * parts) as f64).fold(0.0, f64::max);
    // Also for NaN.
    if !(least..=most).contains(&norm) {
        return Err(refuse(format!(
            "the norm must be above 0, and for this question from {least} to {most}, which is all that a person-year can be"
        ))
        .hint("It is in the unit of the column: rows, persons, or what is added up."));
    }
    for (_, parts, max_norm, given) in scaled {
        let unit = NORM_UNIT.unsigned_abs();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be between the bounds
        let in_units = (norm * (NORM_UNIT * parts) as f64).floor() as u64;
        *given = Some(in_units.clamp(1, max_norm.saturating_mul(unit)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use skjerm_privacy::Rho;

    use crate::plan::tests::{POLICY, PUBLIC, plan};
    use crate::plan::{Bounding, Plan, half_widths};

    #[test]
    fn a_norm_that_is_named_is_a_part_of_the_question_and_takes_no_look() {
        let sql = "select gender, count(*) from contact where year = 2024 group by 1";
        let named = |norm: &str| plan(&format!("/*+ {norm} */ {sql}"));
        let (chosen, two) = (plan(sql), named("norm(2.0)"));
        assert_eq!(two.key(""), named("norm(2)").key(""), "the same norm");
        assert_eq!(
            two.key(""),
            plan("select gender, /*+ Norm( 2 ) */ count(*) from contact where year = 2024 group by 1")
                .key("")
        );
        assert_ne!(two.key(""), named("norm(3)").key(""), "two norms are two questions");
        assert_ne!(two.key(""), chosen.key(""));
        let (vector, part) = (two.query.vectors[0], two.parts[0]);
        assert_eq!(vector.bounding, Bounding::Norm { low: 0, high: 120, max_norm: 240, given: Some(32) });
        assert_eq!(part.look, Rho::ZERO);
        assert_eq!(
            part.noise.nano(),
            chosen.parts[0].noise.nano() + chosen.parts[0].look.nano(),
            "all of it pays for noise"
        );
        let [least, half_width, most] = half_widths(vector.bounding, part).expect("known");
        assert!(most - least < 1e-9 && half_width - least < 1e-9, "{least} {half_width} {most}");
        assert!(
            two.bounds_in_words().contains("norm 2 named")
                && !two.noise_in_words().expect("said").contains("look")
        );
        // Parts of one: minutes / 7 are added up in 64ths.
        let sum = plan("/*+ norm(5) */ select sum(minutes / 7.0) from contact where year = 2024");
        let Bounding::Norm { given, .. } = sum.query.vectors[0].bounding else {
            panic!("{:?}", sum.query.vectors)
        };
        assert_eq!(given, Some(5 * 64 * 16));
        // A text in quotes is no hint, and other comments are none.
        let quoted = "select count(*) as \"/*+ norm(2) */\" from contact where year = 2024 /* norm(2) */";
        let Bounding::Norm { given: None, .. } = plan(quoted).query.vectors[0].bounding else {
            panic!("{quoted}")
        };
    }

    #[test]
    fn norms_that_mean_nothing_are_refused() {
        let refused = |sql: &str| Plan::new(&POLICY, &PUBLIC, sql, Some(0.1)).expect_err(sql).message;
        let sql = "select gender, count(*) from contact where year = 2024 group by 1";
        for norm in ["0", "-1", "0.01", "240.1", "1e300", "nan", "inf"] {
            let said = refused(&format!("/*+ norm({norm}) */ {sql}"));
            assert!(said.contains("from 0.0625 to 240"), "{norm}: {said}");
        }
        for hint in
            ["norm()", "norm 2", "norm(2", "norm(two)", "norm(1) norm(2)", "parallel(4)", "", "norm(1,2)"]
        {
            assert!(refused(&format!("/*+ {hint} */ {sql}")).contains("not understood"), "{hint}");
        }
        assert!(refused(&format!("/*+ norm(2) */ /*+ norm(3) */ {sql}")).contains("two different"));
        let persons = "/*+ norm(2) */ select count(distinct person) from contact where year = 2024";
        assert!(refused(persons).contains("no column"));
        let mixed = "/*+ norm(2) */ select count(*), sum(minutes) from contact where year = 2024";
        assert!(refused(mixed).contains("different things"));
    }
}
