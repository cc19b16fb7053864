//! Statements that nobody wrote: those of both corpora with words dropped, doubled, exchanged and cut. For the fuzzer's target
//! and for tests of the engine.

use std::sync::LazyLock;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// The statements of both corpora, in words.
pub(crate) static STATEMENTS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let texts = [
        include_str!("../../../tests/corpus/questions.sql"),
        include_str!("../../../tests/corpus/adversary.sql"),
    ];
    let blocks = texts.into_iter().flat_map(|text| text.split("\n\n"));
    let sql = blocks.map(|block| {
        let lines: Vec<&str> = block.lines().filter(|line| !line.starts_with("--")).collect();
        words(&lines.join("\n"))
    });
    sql.filter(|words| !words.is_empty() && words.len() < 400).collect()
});

/// Names and numbers in one piece, everything else letter by letter.
pub(crate) fn words(text: &str) -> Vec<String> {
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

/// A statement of the corpora, changed.
pub(crate) fn mutated(random: &mut ChaCha8Rng) -> String {
    let words = pick(random);
    changed(random, words)
}

/// One to four changes, with words of the corpora.
pub(crate) fn changed(random: &mut ChaCha8Rng, mut words: Vec<String>) -> String {
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

fn pick(random: &mut ChaCha8Rng) -> Vec<String> {
    STATEMENTS.choose(random).cloned().unwrap_or_default()
}
