//! Charts as SVG, built here: no script, no outside resource, readable by a screen reader and on paper.
//!
//! Colours are presentation attributes and not classes, so that a chart saved from the page keeps them. Marks
//! differ by shape as well as by colour. Every chart has a title and a description, and a table beside it on the page.

pub mod bars;
pub mod dots;
pub mod lines;
pub mod palette;
mod svg;

/// A straight mapping from numbers to places on the canvas.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// `domain` is mapped on `range`; an empty domain maps to the middle.
    pub fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        Self { domain, range }
    }

    /// Where `value` is drawn.
    pub fn at(&self, value: f64) -> f64 {
        let width = self.domain.1 - self.domain.0;
        if width.abs() < f64::EPSILON {
            return f64::midpoint(self.range.0, self.range.1);
        }
        self.range.0 + (value - self.domain.0) / width * (self.range.1 - self.range.0)
    }
}

/// An axis: where it begins and ends, and its ticks, at 1, 2 or 5 times a power of ten.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// First tick.
    pub min: f64,
    /// Last tick.
    pub max: f64,
    /// All ticks.
    pub ticks: Vec<f64>,
    /// Decimals that the ticks need.
    pub digits: usize,
}

impl Axis {
    /// An axis that covers `low..=high` with about `wanted` ticks.
    pub fn covering(low: f64, high: f64, wanted: usize) -> Self {
        let (low, high) =
            if low.is_finite() && high.is_finite() && low <= high { (low, high) } else { (0.0, 1.0) };
        let span = if high - low > 0.0 { high - low } else { high.abs().max(1.0) };
        let rough = span / wanted.max(2) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|m| m * power)
            .find(|s| *s >= rough * 0.999)
            .unwrap_or(10.0 * power);
        let min = (low / step + 1e-9).floor() * step;
        let mut max = (high / step - 1e-9).ceil() * step;
        if max <= min {
            max = min + step;
        }
        let mut ticks = Vec::new();
        let mut index = 0u32;
        loop {
            let tick = min + f64::from(index) * step;
            if tick > max + step * 0.01 || index > 100 {
                break;
            }
            ticks.push(if tick.abs() < step * 1e-6 { 0.0 } else { tick });
            index += 1;
        }
        let digits = if step >= 1.0 {
            0
        } else if step >= 0.1 {
            1
        } else {
            2
        };
        Self { min, max, ticks, digits }
    }

    /// The axis on a canvas.
    pub fn scale(&self, from: f64, to: f64) -> Scale {
        Scale::new((self.min, self.max), (from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_covers_its_numbers_with_round_ticks() {
        let axis = Axis::covering(0.0, 1_992.0, 5);
        assert_eq!(axis.ticks, vec![0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        let axis = Axis::covering(-3.0, 12.0, 5);
        assert!(axis.min <= -3.0 && axis.max >= 12.0);
        assert!(axis.ticks.contains(&0.0), "{axis:?}");
        let axis = Axis::covering(0.0, 0.4, 5);
        assert!(axis.digits > 0 && axis.max >= 0.4);
    }

    #[test]
    fn odd_input_still_gives_an_axis() {
        for (low, high) in [(5.0, 5.0), (0.0, 0.0), (f64::NAN, 1.0), (9.0, 1.0), (0.0, f64::INFINITY)] {
            let axis = Axis::covering(low, high, 5);
            assert!(axis.max > axis.min && axis.ticks.len() >= 2, "{low} {high} {axis:?}");
            assert!(axis.ticks.iter().all(|t| t.is_finite()));
        }
    }

    #[test]
    fn a_scale_maps_ends_to_ends() {
        let scale = Scale::new((0.0, 10.0), (100.0, 300.0));
        assert!((scale.at(0.0) - 100.0).abs() < 1e-9 && (scale.at(10.0) - 300.0).abs() < 1e-9);
        assert!((Scale::new((4.0, 4.0), (0.0, 10.0)).at(4.0) - 5.0).abs() < 1e-9);
    }
}
