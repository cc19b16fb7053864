//! Statements that nobody wrote: those of both corpora with words dropped, doubled, exchanged and cut.
//!
//! Planning must end with a plan or a refusal in words of the question, whatever comes in: no panic, and nothing in a
//! message that only the program knows.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{POLICY, PUBLIC, Plan};

/// How many are tried. The seed is fixed: a failure is found again.
const TRIED: usize = 6_000;

/// The statements of both corpora, in words.
pub(crate) fn statements() -> Vec<Vec<String>> {
    let texts = [
        include_str!("../../../../../tests/corpus/questions.sql"),
        include_str!("../../../../../tests/corpus/adversary.sql"),
    ];
    let blocks = texts.into_iter().flat_map(|text| text.split("\n\n"));
    let sql = blocks.map(|block| {
        let lines: Vec<&str> = block.lines().filter(|line| !line.starts_with("--")).collect();
        words(&lines.join("\n"))
    });
    sql.filter(|words| !words.is_empty() && words.len() < 400).collect()
}

/// Names and numbers in one piece, everything else letter by letter.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for letter in text.chars() {
        let in_word = letter.is_alphanumeric() || letter == '_';
        match words.last_mut().filter(|_| open && in_word) {
            Some(word) => word.push(letter),
            None => words.push(letter.to_string()),
        }
        open = in_word;
    }
    words
}

/// One to four changes.
pub(crate) fn mutated(random: &mut ChaCha8Rng, all: &[Vec<String>]) -> String {
    let pick = |random: &mut ChaCha8Rng| all.choose(random).cloned().unwrap_or_default();
    let mut words = pick(random);
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=words.len());
        let other = pick(random);
        match random.random_range(0..7) {
            0 if at < words.len() => drop(words.remove(at)),
            1 if at < words.len() => words.insert(at, words[at].clone()),
            2 if at < words.len() => words[at] = other.choose(random).cloned().unwrap_or_default(),
            3 => {
                let from = random.random_range(0..other.len());
                let len = random.random_range(1..=12.min(other.len() - from));
                words.splice(at..at, other[from..from + len].iter().cloned());
            }
            4 => words.truncate(at.max(1)),
            5 if at < words.len() => {
                let with = random.random_range(0..words.len());
                words.swap(at, with);
            }
            _ => {
                let odd = [
                    "0",
                    "-1",
                    "9223372036854775807",
                    "null",
                    "''",
                    "'",
                    "(",
                    ")",
                    "\u{0}",
                    "😀",
                    "1e309",
                    "/*",
                    "\\",
                ];
                words.insert(at, odd.choose(random).copied().unwrap_or_default().to_owned());
            }
        }
    }
    words.concat()
}

#[test]
fn mutated_statements_are_planned_or_refused_in_words_of_the_question() {
    let all = statements();
    assert!(all.len() > 1_000, "{}", all.len());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let (mut planned, mut refused) = (0, 0);
    for _ in 0..TRIED {
        let sql = mutated(&mut random, &all);
        match Plan::new(&POLICY, &PUBLIC, &sql, None) {
            Ok(plan) => {
                planned += 1;
                assert!(!plan.questions.is_empty() && !plan.post.names.is_empty(), "{sql}");
            }
            Err(error) => {
                refused += 1;
                crate::fuzz_body::refused(&error, &sql);
            }
        }
    }
    // Both ways are tried in earnest.
    assert!(planned > TRIED / 50 && refused > TRIED / 10, "{planned} planned, {refused} refused");
}
