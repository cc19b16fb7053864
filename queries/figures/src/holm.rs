//! Many differences judged at once.

use skjerm_privacy::interval::z;

use crate::release::joint::CONFIDENCE;

/// Which differences can be told from none when all are judged together; `scores` says how far each is from none, in its standard
/// deviations.
///
/// Holm's procedure ("A simple sequentially rejective multiple test procedure", 1979): the chance that any difference is flagged that is
/// none is at most 5 %, however the noises go together, which those of the cells of one release do.
pub(crate) fn together(scores: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let mut flags = vec![false; scores.len()];
    for (rank, index) in order.into_iter().enumerate() {
        let left = (scores.len() - rank) as f64;
        if scores[index] <= z(1.0 - (1.0 - CONFIDENCE) / left) {
            break;
        }
        flags[index] = true;
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of four, the largest must be above 2.4977, the next above 2.3940, the next above 2.2414 and the last above 1.96.
    #[test]
    fn each_is_held_against_those_that_are_left() {
        assert_eq!(together(&[2.0, 2.6, 2.3, 2.4]), [true, true, true, true]);
        assert_eq!(
            together(&[2.0, 2.6, 2.3, 2.39]),
            [false, true, false, false],
            "what comes after the first failure fails"
        );
        assert_eq!(together(&[2.4, 2.4, 2.4, 2.4]), [false; 4]);
        assert_eq!(together(&[1.97]), [true]);
        assert!(together(&[]).is_empty());
    }
}
