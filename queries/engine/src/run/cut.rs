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

use skjerm_privacy::cut::{Cut, part_of_cell};
use skjerm_privacy::interval::z;
use skjerm_privacy::remainder::{ASTRAY, OVER_CELLS, Remainder};

use super::normal::Normal;
use crate::plan::{CONFIDENCE, Lost, NoisedColumn};

/// The intervals around a measured column's values: how far down and up they reach.
pub(super) struct Around {
    of_value: HashMap<u64, Both>,
    widest: Both,
    /// Whether it is known what was cut off.
    known: bool,
}

/// For the noise, and for noise and bound.
#[derive(Clone, Copy)]
struct Both {
    plain: f64,
    wide: [f64; 2],
}

impl Both {
    fn or_wider(self, other: Self) -> Self {
        let wide = [0, 1].map(|side| self.wide[side].max(other.wide[side]));
        Self { plain: self.plain.max(other.plain), wide }
    }
}

impl Around {
    /// Of one term's columns, one a grouping set.
    pub(super) fn new<'c>(columns: impl Iterator<Item = &'c NoisedColumn>) -> Self {
        let nothing = Both { plain: 0.0, wide: [0.0; 2] };
        let mut around = Self { of_value: HashMap::new(), widest: nothing, known: true };
        for column in columns {
            around.known &= column.lost != Lost::Unknown;
            let shown = column.shown();
            for (value, both) in shown.iter().zip(both(column, &shown)) {
                // A value is shown as it comes out of its answer, and so tells its cell.
                let of_value = around.of_value.entry(value.to_bits()).or_insert(both);
                *of_value = of_value.or_wider(both);
                around.widest = around.widest.or_wider(both);
            }
        }
        around
    }

    fn of(&self, value: f64) -> Both {
        self.of_value.get(&value.to_bits()).copied().unwrap_or(self.widest)
    }

    /// Down and up from this value, for the noise.
    pub(super) fn plain(&self, value: f64) -> [f64; 2] {
        [self.of(value).plain; 2]
    }

    /// Down and up from this value, for noise and bound: worth something where it is known what was cut off.
    pub(super) fn wide(&self, value: f64) -> [f64; 2] {
        self.of(value).wide
    }

    /// Whether it is known what was cut off.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }
}

fn both(column: &NoisedColumn, shown: &[f64]) -> Vec<Both> {
    let widths = column.half_widths();
    let of_cell = |((plain, part), astray): ((f64, f64), f64)| {
        let wide = match column.lost {
            Lost::Nothing | Lost::Unknown => [plain; 2],
            Lost::Estimated { cut, signed } => {
                let up = cut.reach(part, plain);
                [if signed { up } else { plain }, up]
            }
            Lost::Measured { beyond, .. } => {
                let down = plain.hypot(astray);
                [down, beyond.reach(part, down)]
            }
        };
        Both { plain, wide }
    };
    widths.iter().copied().zip(parts(column, shown)).zip(astray(column)).map(of_cell).collect()
}

/// 95 % half-widths of what should have been given back to other cells, or came to them. A cell's share may be higher by its
/// noise.
fn astray(column: &NoisedColumn) -> Vec<f64> {
    let Lost::Measured { remainder, .. } = column.lost else { return vec![0.0; column.values.len()] };
    let total: f64 = column.values.iter().map(|value| value.max(0.0)).sum();
    let of_share = |value: &f64| {
        let share = (value.max(0.0) + column.half_width) / total;
        ASTRAY * remainder.value().0.abs() * if total > 0.0 { share.min(1.0) } else { 1.0 }
    };
    column.values.iter().map(of_share).collect()
}

/// The part of what was cut off that each cell may have lost.
///
/// A sum of either sign says nothing of how much was added up in it, so that each cell may have lost all.
fn parts(column: &NoisedColumn, shown: &[f64]) -> Vec<f64> {
    let total =
        if matches!(column.lost, Lost::Estimated { signed: true, .. }) { 0.0 } else { shown.iter().sum() };
    let part = |(value, width): (&f64, f64)| part_of_cell(*value, width, total, column.values.len());
    shown.iter().zip(column.half_widths()).map(part).collect()
}

/// Draws what bounds may have cut off.
#[derive(Clone)]
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
        let (cut, signed) = match column.lost {
            Lost::Estimated { cut, signed } => (cut, signed),
            Lost::Measured { beyond, .. } => (beyond, false),
            Lost::Nothing | Lost::Unknown => return vec![0.0; column.values.len()],
        };
        let all = cut.at(self.random.next());
        let side = if signed && self.random.uniform() < 0.5 { -1.0 } else { 1.0 };
        let shown = column.shown();
        let mut of_cell = |(part, astray): (f64, f64)| {
            let share = match (self.everywhere, signed) {
                (true, _) => side,
                (false, true) => 2.0 * self.random.uniform() - 1.0,
                (false, false) => self.random.uniform(),
            };
            let astray = if astray == 0.0 { 0.0 } else { astray * self.random.next() };
            all * part * share + astray
        };
        let astray = astray(column).into_iter().map(|width| width / z(CONFIDENCE));
        parts(column, &shown).into_iter().zip(astray).map(&mut of_cell).collect()
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
        Lost::Measured { remainder, beyond } => return Some(given_back(name, column, remainder, beyond)),
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

/// What a column's bound did to it, where that was measured and given back.
fn given_back(name: &str, column: &NoisedColumn, remainder: Remainder, beyond: Cut) -> String {
    let (value, sd) = remainder.value();
    let shown: f64 = column.shown().iter().sum();
    if shown <= z(CONFIDENCE) * sd {
        return format!(
            "What share of `{name}` the bound cut off is lost in the noise; the interval with the bound holds both."
        );
    }
    let percent = |part: f64| 100.0 * part.max(0.0) / shown;
    let more = OVER_CELLS * beyond.at(1.645);
    format!(
        "About {:.0} % of `{name}` were cut off by the bound, and given back to the cells by their share; hardly more than {:.0} % are missing still. The interval with the bound holds the noise, that, and that the shares may differ.",
        percent(value),
        (100.0 * more / (shown + more)).ceil()
    )
}
