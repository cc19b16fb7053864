//! Dots with intervals, one row a district.

use super::{
    Axis, palette,
    svg::{Canvas, Type},
};
use crate::{
    model::{Estimate, Relation},
    text::{Lang, number},
};

/// One row.
#[derive(Debug, Clone)]
pub struct Dot {
    /// Its name.
    pub label: String,
    /// Its number; none is drawn as an empty row with `note`.
    pub estimate: Option<Estimate>,
    /// Why there is no number.
    pub note: String,
    /// How it stands against the chosen row.
    pub relation: Option<Relation>,
}

/// What the chart is called and how wide it is.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// Unique on the page.
    pub id: &'a str,
    /// Title for screen readers.
    pub title: &'a str,
    /// Description for screen readers.
    pub description: &'a str,
    /// Under the axis.
    pub axis: &'a str,
    /// Decimals of the numbers.
    pub digits: usize,
    /// For a narrow screen.
    pub narrow: bool,
}

/// Draws the chart.
pub fn chart(lang: Lang, frame: &Frame<'_>, dots: &[Dot]) -> String {
    let geometry = Geometry::new(frame.narrow, dots.len());
    let ends = || dots.iter().filter_map(|d| d.estimate);
    let low = ends().map(|e| e.low.min(e.value)).fold(0.0, f64::min);
    let high = ends().map(|e| e.high.max(e.value)).fold(0.0, f64::max);
    let axis = Axis::covering(low, high, if frame.narrow { 3 } else { 6 });
    let x = axis.scale(geometry.left, geometry.right);

    let mut canvas = Canvas::new(frame.id, geometry.width, geometry.height);
    for tick in &axis.ticks {
        let at = x.at(*tick);
        for (from, to) in geometry.strips(dots.len()) {
            canvas.line((at, from), (at, to), palette::GRID, 1.0);
        }
        canvas.text((at, geometry.bottom + 18.0), &number::decimal(lang, *tick, axis.digits), Type::TICK);
    }
    for (from, to) in geometry.strips(dots.len()) {
        canvas.line((x.at(0.0), from), (x.at(0.0), to), palette::DARK_BLUE, 1.0);
    }
    let middle = f64::midpoint(geometry.left, geometry.right);
    canvas.text((middle, geometry.bottom + 38.0), frame.axis, Type::TICK);

    for (index, dot) in dots.iter().enumerate() {
        let row = geometry.row(index);
        let chosen = dot.relation == Some(Relation::Chosen);
        if chosen {
            canvas.rect((0.0, row.top), (geometry.width, geometry.step), palette::BEIGE);
        }
        canvas.text(row.label, &dot.label, Type { bold: chosen, ..Type::LABEL });
        let Some(estimate) = dot.estimate else {
            let at = if frame.narrow { row.value } else { (geometry.left + 8.0, row.label.1) };
            let anchor = if frame.narrow { "end" } else { "start" };
            canvas.text(at, &dot.note, Type { size: 12.5, anchor, ..Type::LABEL });
            continue;
        };
        let colour = if chosen { palette::CHOSEN } else { palette::WARM_BLUE };
        let (from, to, at) = (x.at(estimate.low), x.at(estimate.high), x.at(estimate.value));
        canvas.line((from, row.mark), (to, row.mark), colour, 3.0);
        for end in [from, to] {
            canvas.line((end, row.mark - 5.0), (end, row.mark + 5.0), colour, 2.0);
        }
        if chosen {
            canvas.diamond((at, row.mark), 8.0, colour);
        } else {
            canvas.dot((at, row.mark), 5.0, colour, dot.relation == Some(Relation::Same));
        }
        let value = number::estimate(lang, estimate, frame.digits);
        canvas.text(row.value, &value, Type { size: 13.0, anchor: "end", bold: chosen, ..Type::LABEL });
    }
    canvas.finish(frame.title, frame.description)
}

struct Geometry {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    step: f64,
    narrow: bool,
}

struct Row {
    top: f64,
    label: (f64, f64),
    mark: f64,
    value: (f64, f64),
}

impl Geometry {
    fn new(narrow: bool, rows: usize) -> Self {
        let (width, left, right, step) =
            if narrow { (340.0, 14.0, 326.0, 46.0) } else { (960.0, 180.0, 790.0, 32.0) };
        let top = 6.0;
        let bottom = top + step * rows as f64 + 4.0;
        Self { width, height: bottom + 46.0, left, right, top, bottom, step, narrow }
    }

    /// Where lines of the grid run: all the way down, or beside the marks alone where names stand above them.
    fn strips(&self, rows: usize) -> Vec<(f64, f64)> {
        if !self.narrow {
            return vec![(self.top, self.bottom)];
        }
        (0..rows).map(|index| self.row(index).mark).map(|mark| (mark - 10.0, mark + 10.0)).collect()
    }

    /// Wide: name, mark and number on one line. Narrow: name and number above the mark.
    fn row(&self, index: usize) -> Row {
        let top = self.top + self.step * index as f64;
        if self.narrow {
            Row { top, label: (6.0, top + 17.0), mark: top + 33.0, value: (self.width - 6.0, top + 17.0) }
        } else {
            let middle = top + self.step / 2.0;
            Row { top, label: (10.0, middle + 5.0), mark: middle, value: (self.width - 10.0, middle + 5.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dots() -> Vec<Dot> {
        let dot = |label: &str, value: f64, relation| Dot {
            label: label.into(),
            estimate: Some(Estimate { value, low: value - 10.0, high: value + 10.0 }),
            note: String::new(),
            relation: Some(relation),
        };
        vec![
            dot("Alna", 120.0, Relation::Chosen),
            dot("Bjerke", 118.0, Relation::Same),
            dot("Ullern", 4.0, Relation::Lower),
            Dot { label: "Marka".into(), estimate: None, note: "for få".into(), relation: None },
        ]
    }

    fn frame(narrow: bool) -> Frame<'static> {
        Frame { id: "d", title: "Tittel", description: "Beskrivelse", axis: "Personer", digits: 0, narrow }
    }

    #[test]
    fn every_row_has_its_number_and_marks_differ_by_shape() {
        for narrow in [false, true] {
            let svg = chart(Lang::No, &frame(narrow), &dots());
            assert!(
                svg.contains("120 (110–130)")
                    && svg.contains("4 (\u{2212}6 til 14)")
                    && svg.contains("for få")
            );
            assert_eq!(svg.matches("<path").count(), 1, "one diamond");
            assert_eq!(svg.matches("<circle").count(), 2);
            assert_eq!(svg.matches(r##"fill="#ffffff""##).count(), 1, "one ring");
            assert!(svg.contains("<title id=\"d-t\">Tittel</title>") && !svg.contains("NaN"));
        }
    }

    #[test]
    fn marks_stay_inside_the_plot() {
        for narrow in [false, true] {
            let geometry = Geometry::new(narrow, 4);
            let svg = chart(Lang::No, &frame(narrow), &dots());
            for part in svg.split("cx=\"").skip(1) {
                let x: f64 = part.split('"').next().unwrap().parse().unwrap();
                assert!(x >= geometry.left && x <= geometry.right, "{x}");
            }
        }
    }

    #[test]
    fn no_rows_is_still_a_picture() {
        let svg = chart(Lang::En, &frame(false), &[]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("NaN"));
    }
}
