//! Small bars beside numbers that say the same: decoration for the eye, hidden from screen readers.

use super::{Scale, palette, svg::Canvas};
use crate::model::Estimate;

const WIDTH: f64 = 200.0;

/// A bar of the estimate with its interval, on a scale of `0..=whole`.
pub fn estimate(estimate: Estimate, whole: f64) -> String {
    let x = Scale::new((0.0, whole.max(1.0)), (0.0, WIDTH - 2.0));
    let place = |value: f64| x.at(value).clamp(0.0, WIDTH - 1.0);
    let mut canvas = Canvas::new("", WIDTH, 18.0);
    canvas.rect((0.0, 3.0), (WIDTH, 12.0), palette::BEIGE);
    canvas.rect((0.0, 3.0), (place(estimate.value), 12.0), palette::BAND);
    canvas.rect((0.0, 3.0), (2.0, 12.0), palette::DARK_BLUE);
    let (from, to) = (place(estimate.low), place(estimate.high));
    canvas.line((from, 9.0), (to.max(from + 1.0), 9.0), palette::WARM_BLUE, 3.0);
    canvas.line((place(estimate.value), 1.0), (place(estimate.value), 17.0), palette::DARK_BLUE, 2.5);
    canvas.finish_decorative()
}

/// How much of a budget is spent; `share` is 0–1.
pub fn spent(share: f64) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
    let mut canvas = Canvas::new("", WIDTH, 18.0);
    canvas.rect((0.0, 0.0), (WIDTH, 18.0), palette::DARK_BLUE);
    canvas.rect((1.0, 1.0), (WIDTH - 2.0, 16.0), "#ffffff");
    canvas.rect((1.0, 1.0), ((WIDTH - 2.0) * share, 16.0), palette::WARM_BLUE);
    canvas.finish_decorative()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_on_their_canvas() {
        for (value, whole) in [(-5.0, 10.0), (50.0, 10.0), (3.0, 0.0)] {
            let svg = estimate(Estimate { value, low: value - 4.0, high: value + 4.0 }, whole);
            assert!(!svg.contains("NaN") && !svg.contains("=\"-"), "{svg}");
        }
        assert!(spent(f64::NAN).contains("198.0"));
        assert!(spent(0.5).contains("99.0"));
    }
}
