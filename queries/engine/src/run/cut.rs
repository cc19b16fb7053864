//! The second, wider interval: for the noise and for what the bound cut off.
//!
//! How much that may be of a column and of a cell is argued in [`skjerm_privacy::cut`]. A measured value reaches as far as
//! is said there. For a computed value the noise is drawn again ([`super::post`]) together with the cut: L around its
//! estimate, and of each cell's part of it all (in every other draw, which is what moves totals) or some, each cell for
//! itself (which is what moves shares and differences). The wider interval holds both what comes out so and the plain one.
//!
//! # Privacy
//! All of it is post-processing: it reads noised values and an estimate made from a noised histogram.

use std::collections::HashMap;

use skjerm_privacy::cut::part_of_cell;

use super::normal::Normal;
use crate::plan::{Lost, NoisedColumn};

/// How far below and above the values of a measured column the truth may be.
pub(super) struct Reach {
    of_value: HashMap<u64, [f64; 2]>,
    widest: [f64; 2],
}

impl Reach {
    /// Of one term's columns, one a grouping set, whose plain interval has this half-width. Nothing where it is not known
    /// what was cut off.
    pub(super) fn new<'c>(columns: impl Iterator<Item = &'c NoisedColumn>, half_width: f64) -> Option<Self> {
        let mut reach = Self { of_value: HashMap::new(), widest: [half_width; 2] };
        for column in columns {
            let (cut, signed) = match column.lost {
                Lost::Nothing => continue,
                Lost::Estimated { cut, signed } => (cut, signed),
                Lost::Unknown => return None,
            };
            for (value, part) in column.values.iter().zip(parts(column)) {
                let up = cut.reach(part, half_width);
                let both = [if signed { up } else { half_width }, up];
                // A value is shown as it was measured, and so tells its cell.
                let of_value = reach.of_value.entry(value.to_bits()).or_insert([half_width; 2]);
                *of_value = wider(*of_value, both);
                reach.widest = wider(reach.widest, both);
            }
        }
        Some(reach)
    }

    /// Down and up from this value.
    pub(super) fn of(&self, value: f64) -> [f64; 2] {
        self.of_value.get(&value.to_bits()).copied().unwrap_or(self.widest)
    }
}

fn wider(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0].max(b[0]), a[1].max(b[1])]
}

/// The part of what was cut off that each cell may have lost.
///
/// A sum of either sign says nothing of how much was added up in it, so that each cell may have lost all.
fn parts(column: &NoisedColumn) -> Vec<f64> {
    let total = if matches!(column.lost, Lost::Estimated { signed: true, .. }) {
        0.0
    } else {
        column.values.iter().sum()
    };
    let part = |value: &f64| part_of_cell(*value, column.half_width, total, column.values.len());
    column.values.iter().map(part).collect()
}

/// Draws what bounds may have cut off.
pub(super) struct Cuts {
    random: Normal,
    everywhere: bool,
}

impl Cuts {
    pub(super) fn new(seed: &str) -> Self {
        Self { random: Normal::new(&format!("{seed} cut")), everywhere: false }
    }

    /// Begins another draw.
    pub(super) fn again(&mut self) {
        self.everywhere = !self.everywhere;
    }

    /// For each cell of a column what has to be added.
    pub(super) fn of(&mut self, column: &NoisedColumn) -> Vec<f64> {
        let Lost::Estimated { cut, signed } = column.lost else {
            return vec![0.0; column.values.len()];
        };
        let all = cut.at(self.random.next());
        let side = if signed && self.random.uniform() < 0.5 { -1.0 } else { 1.0 };
        let mut of_cell = |part: f64| {
            let share = match (self.everywhere, signed) {
                (true, _) => side,
                (false, true) => 2.0 * self.random.uniform() - 1.0,
                (false, false) => self.random.uniform(),
            };
            all * part * share
        };
        parts(column).into_iter().map(&mut of_cell).collect()
    }
}

/// The smallest interval that holds two.
pub(super) fn hull(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    // Where nothing is known of one, nothing is of both.
    if a.iter().chain(&b).any(|end| end.is_nan()) { a } else { [a[0].min(b[0]), a[1].max(b[1])] }
}

/// What a column's bound did to it, in a sentence; `name` is what the column is called in the answer.
pub(super) fn said(name: &str, column: &NoisedColumn) -> Option<String> {
    let (cut, signed) = match column.lost {
        Lost::Nothing => return None,
        Lost::Estimated { cut, signed } => (cut, signed),
        Lost::Unknown => {
            return Some(format!(
                "What the norm that you named cut off from `{name}` is not known, since no part of the price paid for a look; there is no interval with the bound."
            ));
        }
    };
    if signed {
        return Some(format!(
            "What the bound cut off from `{name}` can have either sign; the interval with the bound holds the noise and that."
        ));
    }
    let total: f64 = column.values.iter().sum();
    // Of several cells a person loses more in all than the norm does, by some √2.
    let in_all = if column.values.len() > 1 { std::f64::consts::SQRT_2 } else { 1.0 };
    let share = |deviations: f64| {
        let lost = in_all * cut.at(deviations);
        100.0 * lost / (total + lost)
    };
    if total <= column.half_width * (column.values.len() as f64).sqrt() {
        return Some(format!(
            "What share of `{name}` the bound cut off is lost in the noise; the interval with the bound holds both."
        ));
    }
    Some(format!(
        "About {:.0} % of `{name}` were cut off by the bound, and hardly more than {:.0} %, by the look that chose it; the interval with the bound holds the noise and that.",
        share(0.0),
        share(1.645).ceil()
    ))
}
