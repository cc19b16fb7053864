//! Weights of columns: `/*+ weights(persons => 2, minutes => 1) */` in the question's text, by the names of its output columns.
//!
//! What they mean: beside the totals of their columns, standard errors stand in inverse proportion to the weights. With weights 2 and 1
//! the first column's *relative* error is half of the second's. Columns that are not named weigh 1, so that without a hint the relative
//! errors are even; only the ratios of weights matter.
//!
//! How: at a given scale a variance is in inverse proportion to its part of ρ, so that parts are in proportion to the *squares* of the
//! weights. Planning knows no scale and takes all columns as alike ([`super::price::split`]); after the private looks the columns of a
//! grouping set share anew what pays for noise, by weights and by the sizes that the looks see (`run/shares.rs`). Several
//! aggregations of a statement share its price by the mean squares of their columns' weights. Weights of the error and not of ρ, since
//! errors are what an answer is read by: whoever writes 2 sees half the error, without knowing of squares.
//!
//! # Privacy
//! Weights are a part of the question's text, and of the key of its answer: two weightings are two questions, in lowest terms, so
//! that (2, 2) is (1, 1) and none at all. Parts of ρ are rounded down, and add up to at most the price.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::measured::Question;
use super::post::{Origin, Post};
use super::refuse::{Refusal, refuse};

/// The largest ratio of two weights: at ten to one the lighter column has a hundredth of the price.
const MOST_RATIO: u32 = 10;
/// Weights are kept in thousandths.
const THOUSAND: u32 = 1_000;
/// The largest weight.
const MOST: f64 = 1_000.0;

const EXAMPLE: &str = "Write them by output columns, with AS names where there are none: /*+ weights(persons => 2, minutes => 1) */";

/// Weights by the names of output columns, in thousandths, as they are written.
pub(super) type Weights = Vec<(String, u32)>;

/// The weights in a hint; nothing where it is another hint.
pub(super) fn read(hint: &str) -> Result<Option<Weights>, Refusal> {
    let Some((word, rest)) = hint.trim().split_at_checked("weights".len()) else { return Ok(None) };
    if !word.eq_ignore_ascii_case("weights") || !rest.trim_start().starts_with('(') {
        return Ok(None);
    }
    let cannot = || refuse("the weights were not understood").hint(EXAMPLE);
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, rest).tokenize().map_err(|_| cannot())?;
    let tokens: Vec<Token> =
        tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let [Token::LParen, inner @ .., Token::RParen] = tokens.as_slice() else { return Err(cannot()) };
    let mut weights = Weights::new();
    for part in inner.split(|token| *token == Token::Comma) {
        let [Token::Word(name), Token::RArrow | Token::Eq, number @ ..] = part else { return Err(cannot()) };
        let number = number.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        // Names are written as in the question itself: without quotes in small letters.
        let name = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
        if weights.iter().any(|(other, _)| *other == name) {
            return Err(refuse(format!("`{name}` is given two weights")).hint("Give it one."));
        }
        let weight = thousandths(&number).ok_or_else(|| {
            refuse(format!("the weight of `{name}` must be a number above 0, with three decimals at most, and at most {MOST}"))
                .hint("A column of weight 2 has half the relative error of one of weight 1.")
        })?;
        weights.push((name, weight));
    }
    Ok(Some(weights))
}

/// The most letters of a weight: as many as 1000.000 has, and some for a sign and zeros.
const MOST_LETTERS: usize = 12;

fn thousandths(number: &str) -> Option<u32> {
    // Else what is below all that is kept would be read over.
    if number.len() > MOST_LETTERS {
        return None;
    }
    let thousandths = number.parse::<f64>().ok()? * f64::from(THOUSAND);
    let whole = thousandths.round();
    // Also for NaN.
    let fits = (1.0..=MOST * f64::from(THOUSAND)).contains(&whole) && (thousandths - whole).abs() < 1e-6;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be between the bounds
    fits.then_some(whole as u32)
}

/// Gives the vectors of the questions their weights. What comes back is how much each question weighs beside the others.
pub(super) fn apply(
    weights: Option<&Weights>,
    post: &Post,
    questions: &mut [Question],
) -> Result<Vec<u128>, Refusal> {
    let mut of_terms: Vec<Vec<Option<u32>>> =
        questions.iter().map(|question| vec![None; question.query.terms.len()]).collect();
    for (name, weight) in weights.into_iter().flatten() {
        let (question, term) = measured(name, post)?;
        let Some(of_term) = of_terms.get_mut(question).and_then(|of| of.get_mut(term)) else {
            return Err(refuse(format!("`{name}` cannot be given a weight")).hint(EXAMPLE));
        };
        if of_term.is_some_and(|before| before != *weight) {
            return Err(refuse(format!("`{name}` is another name of a column that has another weight"))
                .hint("What is measured once has one weight; give it to one of the names."));
        }
        *of_term = Some(*weight);
    }
    let of = |term: &Option<u32>| term.unwrap_or(THOUSAND);
    let all = || of_terms.iter().flatten().map(of);
    if let (Some(least), Some(most)) = (all().min(), all().max())
        && most > least.saturating_mul(MOST_RATIO)
    {
        return Err(refuse(format!(
            "weights may be in a ratio of at most {MOST_RATIO} to 1, and columns that are not named weigh 1"
        ))
        .hint("Leave out the column that matters so little, or ask for it by itself."));
    }
    let mut weigh = Vec::new();
    for (question, of_terms) in questions.iter_mut().zip(&of_terms) {
        let vectors = &mut question.query.vectors;
        let weight = |term: usize| of_terms.get(term).map_or(THOUSAND, of);
        let squares: u128 = vectors.iter().map(|vector| u128::from(weight(vector.term)).pow(2)).sum();
        let common = vectors.iter().map(|vector| weight(vector.term)).fold(0, divisor).max(1);
        for vector in vectors.iter_mut() {
            vector.weight = weight(vector.term) / common;
        }
        weigh.push(squares / (vectors.len().max(1) as u128));
    }
    Ok(weigh)
}

/// What an output column measures.
fn measured(name: &str, post: &Post) -> Result<(usize, usize), Refusal> {
    let names = || post.names.iter().zip(&post.origins);
    match names().find(|(other, _)| *other == name) {
        Some((_, Origin::Measured { question, term })) => return Ok((*question, *term)),
        Some((_, Origin::Derived)) => Err(refuse(format!(
            "`{name}` is computed from what is measured, and has no noise of its own to weigh"
        ))),
        Some((_, Origin::Key)) => Err(refuse(format!("`{name}` is not measured, and has no noise to weigh"))),
        None => Err(refuse(format!("there is no output column `{name}` to weigh"))),
    }
    .map_err(|refusal| {
        let measured = names().filter(|(_, origin)| matches!(origin, Origin::Measured { .. }));
        let measured: Vec<String> = measured.map(|(name, _)| format!("`{name}`")).collect();
        refusal.hint(if measured.is_empty() {
            "No output column is measured as it is: ask for the aggregates themselves, with AS names."
                .to_owned()
        } else {
            format!("Columns that are measured: {}.", measured.join(", "))
        })
    })
}

/// The greatest common divisor.
fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use crate::plan::tests::{POLICY, PUBLIC, plan};
    use crate::plan::{Plan, Question, half_widths};

    const SQL: &str = "select service, count(distinct person) as persons, sum(minutes) as minutes, count(*) as n from contact where year = 2024 group by 1";

    fn weighed(weights: &str) -> Question {
        plan(&format!("/*+ weights({weights}) */ {SQL}"))
    }

    #[test]
    fn weights_are_a_part_of_the_question_in_lowest_terms() {
        let (none, two) = (plan(SQL), weighed("persons => 2"));
        for same in [
            "persons => 2.0",
            "PERSONS=2, n=>1",
            "persons => 4, n => 2, minutes => 2",
            "\"persons\" => 1, n => 0.5, minutes=.5",
        ] {
            assert_eq!(weighed(same).key(""), two.key(""), "{same}");
        }
        for same in ["n => 1", "persons => 2, minutes => 2, n => 2", "persons => .3, minutes => .3, n => 0.3"]
        {
            assert_eq!(weighed(same).key(""), none.key(""), "{same}");
        }
        for other in
            ["n => 2", "persons => 2.001", "persons => 1, minutes => 2, n => 2", "persons => 2, n => 2"]
        {
            assert_ne!(weighed(other).key(""), two.key(""), "{other}");
            assert_ne!(weighed(other).key(""), none.key(""), "{other}");
        }
        // Also beside a norm, and for columns under their default names.
        let both = plan(
            "/*+ norm(3) */ /*+ weights(\"count(*)\" => 3) */ select gender, count(*), count(*) filter (where month = 1) as january from contact where year = 2024 group by 1",
        );
        assert_eq!(both.query.vectors.iter().map(|vector| vector.weight).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn parts_stand_as_the_squares_of_the_weights_and_cost_no_more() {
        let (none, weighed) = (plan(SQL), weighed("persons => 3, minutes => 1.5"));
        let weights: Vec<u32> = weighed.query.vectors.iter().map(|vector| vector.weight).collect();
        assert_eq!(weights, [2, 6, 3], "rows, persons, sum");
        let total =
            |question: &Question| question.parts.iter().map(|p| p.look.nano() + p.pool()).sum::<u64>();
        assert!(total(&weighed) <= none.rho.nano() && total(&weighed) + 3 >= none.rho.nano());
        let least = weighed.parts[0];
        for (part, weight) in weighed.parts.iter().zip(weights) {
            let ratio = part.pool() as f64 / least.pool() as f64;
            assert!((ratio / (f64::from(weight) / 2.0).powi(2) - 1.0).abs() < 1e-4, "{ratio}");
            // What one gets at most is what the others can do without.
            let others =
                weighed.parts.iter().map(|other| other.range[0].nano()).sum::<u64>() - part.range[0].nano();
            let all = weighed.parts.iter().map(crate::plan::Part::pool).sum::<u64>();
            assert_eq!(part.range[1].nano() + others, all);
        }
        // What is expected follows: the same norms, with half of the noise for twice the weight.
        for (vector, part) in weighed.query.vectors.iter().zip(&weighed.parts) {
            let alike =
                none.query.vectors.iter().zip(&none.parts).find(|(other, _)| other.term == vector.term);
            let (other, even) = alike.expect("the same vectors");
            let [ours, theirs] = [half_widths(vector.bounding, *part), half_widths(other.bounding, *even)];
            let ([low, ours, high], [_, theirs, _]) = (ours.expect("known"), theirs.expect("known"));
            let expected = (49.0_f64 / 3.0).sqrt() / f64::from(vector.weight);
            assert!((ours / theirs / expected - 1.0).abs() < 1e-3, "{ours} and {theirs}");
            assert!(low < ours && ours < high);
        }
    }

    #[test]
    fn aggregations_of_a_statement_share_its_price_by_their_weights() {
        let sql = "select 'a' as which, count(*) as n, 0 as m from contact where year = 2024 union all select 'b', 0, count(*) from follow_up where year = 2024";
        let two = "select a.gender, n, m from (select gender, count(*) n from contact where year = 2024 group by 1) a join (select gender, count(*) m from follow_up where year = 2024 group by 1) b on a.gender = b.gender";
        let prices = |sql: &str| {
            let plan = Plan::new(&POLICY, &PUBLIC, sql, Some(0.1)).expect(sql);
            plan.questions.iter().map(|question| (question.rho.nano(), question.key(""))).collect::<Vec<_>>()
        };
        let (even, weighed) = (prices(two), prices(&format!("/*+ weights(n => 3) */ {two}")));
        assert_eq!(even.iter().map(|(rho, _)| *rho).collect::<Vec<_>>(), [50_000_000; 2]);
        assert_eq!(weighed.iter().map(|(rho, _)| *rho).collect::<Vec<_>>(), [90_000_000, 10_000_000]);
        assert_eq!(prices(&format!("/*+ weights(n => 3, m => 3) */ {two}")), even);
        // Of different years each pays all of its price.
        let years = two.replace("from follow_up where year = 2024", "from follow_up where year = 2023");
        let years = prices(&format!("/*+ weights(n => 3) */ {years}"));
        assert_eq!(years.iter().map(|(rho, _)| *rho).collect::<Vec<_>>(), [100_000_000, 11_111_111]);
        // What is several columns at once has no weight.
        assert!(Plan::new(&POLICY, &PUBLIC, &format!("/*+ weights(n => 2) */ {sql}"), None).is_err());
    }

    #[test]
    fn weights_that_mean_nothing_are_refused() {
        let refused = |sql: &str| Plan::new(&POLICY, &PUBLIC, sql, None).expect_err(sql);
        let sql = "select service, count(*) as n, count(*) as same, sum(minutes) as m, avg(minutes) as mean, 2 * count(*) as twice from contact where year = 2024 group by 1";
        for (weights, said) in [
            ("persons => 2", "There is no output column `persons` to weigh."),
            ("service => 2", "`service` is not measured, and has no noise to weigh."),
            ("mean => 2", "`mean` is computed from what is measured, and has no noise of its own to weigh."),
            (
                "twice => 2",
                "`twice` is computed from what is measured, and has no noise of its own to weigh.",
            ),
            ("n => 2, n => 2", "`n` is given two weights."),
            ("n => 2, same => 3", "`same` is another name of a column that has another weight."),
            (
                "n => 11",
                "Weights may be in a ratio of at most 10 to 1, and columns that are not named weigh 1.",
            ),
            (
                "n => 0.09",
                "Weights may be in a ratio of at most 10 to 1, and columns that are not named weigh 1.",
            ),
            (
                "n => 100, m => 9, mean => 1",
                "`mean` is computed from what is measured, and has no noise of its own to weigh.",
            ),
            ("N => 2, \"N\" => 3", "There is no output column `N` to weigh."),
        ] {
            let error = refused(&format!("/*+ weights({weights}) */ {sql}"));
            assert_eq!(error.message, said, "{weights}");
            assert!(error.hint.is_some());
        }
        for number in ["0", "-1", "nan", "inf", "1e300", "0.0001", "1.2345", "1000.1", "two", "", "1 2"] {
            let error = refused(&format!("/*+ weights(n => {number}) */ {sql}"));
            assert!(
                error.message.contains("the weight of `n` must be")
                    || error.message.contains("The weight of `n` must be"),
                "{number}: {error}"
            );
        }
        for hint in [
            "weights()",
            "weights(n)",
            "weights(n => 1,)",
            "weights(n => 1",
            "weights(n 2)",
            "weights(count(*) => 2)",
            "weights(n => 1) x",
            "weights('n' => 2)",
        ] {
            assert_eq!(
                refused(&format!("/*+ {hint} */ {sql}")).message,
                "The weights were not understood.",
                "{hint}"
            );
        }
        assert!(refused(&format!("/*+ weights n */ {sql}")).message.contains("not understood"));
        let twice = refused(&format!("/*+ weights(n => 2) */ /*+ weights(n => 3) */ {sql}"));
        assert!(twice.message.contains("twice, and not the same"), "{twice}");
    }
}
