//! Statements that nobody wrote (`fuzz/words.rs`).
//!
//! Planning must end with a plan or a refusal in words of the question, whatever comes in: no panic, and nothing in a
//! message that only the program knows.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{POLICY, PUBLIC, Plan};
use crate::fuzz_words::{STATEMENTS, mutated};

/// How many are tried. The seed is fixed: a failure is found again.
const TRIED: usize = 6_000;

#[test]
fn mutated_statements_are_planned_or_refused_in_words_of_the_question() {
    assert!(STATEMENTS.len() > 1_000, "{}", STATEMENTS.len());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let (mut planned, mut refused) = (0, 0);
    for _ in 0..TRIED {
        let sql = mutated(&mut random);
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
