//! A line with its interval band over the years.

use super::{
    Axis, Scale, palette,
    svg::{Canvas, Type},
};
use crate::{
    model::{Estimate, TrendPoint},
    text::{Lang, number},
};

/// What the chart is called and how wide it is.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// Unique on the page.
    pub id: &'a str,
    /// Title for screen readers.
    pub title: &'a str,
    /// Description for screen readers.
    pub description: &'a str,
    /// For a narrow screen.
    pub narrow: bool,
}

/// A drawn chart, and whether its axis begins above zero (the page says so).
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The picture.
    pub svg: String,
    /// The axis does not begin at zero.
    pub cut: bool,
}

/// Draws the chart; points of suppressed numbers are left out and the line is broken there.
pub fn chart(lang: Lang, frame: &Frame<'_>, points: &[TrendPoint]) -> Drawn {
    let drawn: Vec<(i32, Option<Estimate>, bool)> =
        points.iter().map(|p| (p.year, number_of(p), p.amount.exact)).collect();
    let low = drawn.iter().filter_map(|(_, e, _)| e.map(|e| e.low)).fold(f64::INFINITY, f64::min);
    let high = drawn.iter().filter_map(|(_, e, _)| e.map(|e| e.high)).fold(f64::NEG_INFINITY, f64::max);
    // From zero unless everything that moves would be squeezed into the upper part.
    let cut = low.is_finite() && low > 0.0 && high - low < 0.35 * high;
    let axis = if cut {
        Axis::covering(low - (high - low) * 0.3, high, 5)
    } else {
        Axis::covering(low.min(0.0), high.max(1.0), 5)
    };
    let cut = cut && axis.min > 0.0;

    let (width, height) = if frame.narrow { (340.0, 300.0) } else { (960.0, 400.0) };
    let (left, right, top, bottom) =
        if frame.narrow { (52.0, 328.0, 24.0, 262.0) } else { (72.0, 936.0, 28.0, 358.0) };
    let y = axis.scale(bottom, top);
    let first = drawn.first().map_or(0, |d| d.0);
    let last = drawn.last().map_or(0, |d| d.0);
    let pad = if frame.narrow { 20.0 } else { 44.0 };
    let x = Scale::new((f64::from(first), f64::from(last)), (left + pad, right - pad));

    let mut canvas = Canvas::new(frame.id, width, height);
    for tick in &axis.ticks {
        let at = y.at(*tick);
        canvas.line((left, at), (right, at), palette::GRID, 1.0);
        let text = number::decimal(lang, *tick, axis.digits);
        canvas.text((left - 8.0, at + 4.5), &text, Type { anchor: "end", ..Type::TICK });
    }
    canvas.line((left, bottom), (right, bottom), palette::DARK_BLUE, 1.0);
    for (year, _, _) in &drawn {
        let at = x.at(f64::from(*year));
        canvas.line((at, bottom), (at, bottom + 5.0), palette::DARK_BLUE, 1.0);
        let text = if frame.narrow && drawn.len() > 5 {
            format!("’{:02}", year.rem_euclid(100))
        } else {
            year.to_string()
        };
        canvas.text((at, bottom + 22.0), &text, Type::TICK);
    }
    for run in runs(&drawn) {
        let place = |value: f64, year: i32| (x.at(f64::from(year)), y.at(value));
        if run.iter().any(|(_, _, exact)| !exact) && run.len() > 1 {
            let upper: Vec<_> = run.iter().map(|(year, e, _)| place(e.high, *year)).collect();
            let lower: Vec<_> = run.iter().map(|(year, e, _)| place(e.low, *year)).collect();
            let mut around = upper.clone();
            around.extend(lower.iter().rev());
            canvas.polygon(&around, palette::BAND);
            canvas.polyline(&upper, palette::WARM_BLUE, 1.0);
            canvas.polyline(&lower, palette::WARM_BLUE, 1.0);
        }
        let line: Vec<_> = run.iter().map(|(year, e, _)| place(e.value, *year)).collect();
        canvas.polyline(&line, if run[0].2 { palette::DARK_GREEN } else { palette::WARM_BLUE }, 3.0);
        for (year, e, exact) in &run {
            let at = place(e.value, *year);
            if *exact {
                canvas.rect((at.0 - 5.0, at.1 - 5.0), (10.0, 10.0), palette::DARK_GREEN);
            } else {
                let (from, to) = (place(e.low, *year), place(e.high, *year));
                canvas.line(from, to, palette::WARM_BLUE, 2.0);
                for end in [from, to] {
                    canvas.line((end.0 - 6.0, end.1), (end.0 + 6.0, end.1), palette::WARM_BLUE, 2.0);
                }
                canvas.dot(at, 5.0, palette::WARM_BLUE, false);
            }
            if !frame.narrow {
                let above = place(e.high, *year).1 - 10.0;
                let text = number::whole(lang, e.value);
                canvas.text((at.0, above.max(14.0)), &text, Type { size: 14.0, bold: true, ..Type::TICK });
            }
        }
    }
    Drawn { svg: canvas.finish(frame.title, frame.description), cut }
}

fn number_of(point: &TrendPoint) -> Option<Estimate> {
    (!point.amount.suppressed()).then_some(point.amount.estimate)
}

/// Neighbouring years that have a number; a missing year or a suppressed one parts them.
fn runs(points: &[(i32, Option<Estimate>, bool)]) -> Vec<Vec<(i32, Estimate, bool)>> {
    let mut out: Vec<Vec<(i32, Estimate, bool)>> = Vec::new();
    for (year, estimate, exact) in points {
        let Some(estimate) = *estimate else { continue };
        match out.last_mut() {
            Some(run) if run.last().is_some_and(|(before, _, _)| before + 1 == *year) => {
                run.push((*year, estimate, *exact));
            }
            _ => out.push(vec![(*year, estimate, *exact)]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, ReleaseRef, Shown};

    fn point(year: i32, value: f64, half: f64, display: Option<i64>) -> TrendPoint {
        let estimate = Estimate { value, low: value - half, high: value + half };
        TrendPoint {
            year,
            amount: Amount {
                estimate,
                shown: display.map_or(Shown::Suppressed, |d| Shown::Number(d as f64, 0)),
                exact: false,
            },
            release: ReleaseRef { id: "r".into(), year, published: None, rho: None },
            change: None,
        }
    }

    fn draw(points: &[TrendPoint], narrow: bool) -> Drawn {
        chart(Lang::No, &Frame { id: "l", title: "T", description: "D", narrow }, points)
    }

    #[test]
    fn a_band_and_a_dot_a_year() {
        for narrow in [true, false] {
            let points: Vec<_> =
                (2019..=2025).map(|y| point(y, 100.0 + f64::from(y - 2019) * 80.0, 17.0, Some(1))).collect();
            let drawn = draw(&points, narrow);
            assert_eq!(drawn.svg.matches("<circle").count(), 7);
            assert_eq!(drawn.svg.matches("<polygon").count(), 1);
            assert!(!drawn.cut && !drawn.svg.contains("NaN"));
        }
    }

    #[test]
    fn the_band_encloses_the_line() {
        let points = [point(2022, 100.0, 30.0, Some(100)), point(2023, 140.0, 30.0, Some(140))];
        let svg = draw(&points, false).svg;
        let ys = |part: &str| -> Vec<f64> {
            let list = part.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
            list.split(' ').map(|p| p.split_once(',').unwrap().1.parse().unwrap()).collect()
        };
        let band = ys(svg.split("<polygon").nth(1).unwrap());
        let line = ys(svg.split("<polyline").nth(3).unwrap());
        assert!(band[0] < line[0] && line[0] < band[3], "{band:?} {line:?}");
        assert!(band[1] < line[1] && line[1] < band[2]);
    }

    #[test]
    fn a_cut_axis_is_told() {
        let points = [point(2022, 1950.0, 17.0, Some(1)), point(2023, 1977.0, 17.0, Some(1))];
        assert!(draw(&points, false).cut);
    }

    #[test]
    fn a_suppressed_or_missing_year_parts_the_line() {
        let points = [
            point(2019, 30.0, 5.0, Some(30)),
            point(2020, 2.0, 5.0, None),
            point(2021, 30.0, 5.0, Some(30)),
            point(2023, 30.0, 5.0, Some(30)),
        ];
        let drawn = draw(&points, false);
        assert_eq!(drawn.svg.matches("<circle").count(), 3);
        assert_eq!(drawn.svg.matches("<polygon").count(), 0);
    }

    #[test]
    fn one_year_or_none_is_still_a_picture() {
        for points in [vec![], vec![point(2023, 5.0, 1.0, Some(5))]] {
            let drawn = draw(&points, true);
            assert!(
                drawn.svg.ends_with("</svg>") && !drawn.svg.contains("NaN") && !drawn.svg.contains("inf")
            );
        }
    }
}
