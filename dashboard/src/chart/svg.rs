//! Writing SVG: numbers with one decimal, escaped text, and the frame with title and description.

use super::palette;
use std::fmt::Write as _;

/// A canvas being drawn on.
pub(super) struct Canvas {
    width: f64,
    height: f64,
    id: String,
    body: String,
}

/// How a text is set.
#[derive(Clone, Copy)]
pub(super) struct Type<'a> {
    pub(super) size: f64,
    pub(super) fill: &'a str,
    pub(super) anchor: &'a str,
    pub(super) bold: bool,
}

impl Type<'_> {
    pub(super) const LABEL: Type<'static> =
        Type { size: 14.0, fill: palette::TEXT, anchor: "start", bold: false };
    pub(super) const TICK: Type<'static> =
        Type { size: 13.0, fill: palette::TEXT, anchor: "middle", bold: false };
}

impl Canvas {
    pub(super) fn new(id: &str, width: f64, height: f64) -> Self {
        Self { width, height, id: id.to_owned(), body: String::new() }
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let _ = write!(
            self.body,
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}" stroke-width="{width}"/>"#,
            from.0, from.1, to.0, to.1
        );
    }

    pub(super) fn rect(&mut self, corner: (f64, f64), size: (f64, f64), colour: &str) {
        let _ = write!(
            self.body,
            r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/>"#,
            corner.0,
            corner.1,
            size.0.max(0.0),
            size.1.max(0.0)
        );
    }

    /// A filled dot, or a ring when `hollow`.
    pub(super) fn dot(&mut self, at: (f64, f64), radius: f64, colour: &str, hollow: bool) {
        let fill = if hollow { "#ffffff" } else { colour };
        let _ = write!(
            self.body,
            r#"<circle cx="{:.1}" cy="{:.1}" r="{radius}" fill="{fill}" stroke="{colour}" stroke-width="2"/>"#,
            at.0, at.1
        );
    }

    /// A diamond, for the chosen mark.
    pub(super) fn diamond(&mut self, at: (f64, f64), radius: f64, colour: &str) {
        let _ = write!(
            self.body,
            r#"<path d="M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z" fill="{colour}"/>"#,
            at.0,
            at.1 - radius,
            at.0 + radius,
            at.1,
            at.0,
            at.1 + radius,
            at.0 - radius,
            at.1
        );
    }

    pub(super) fn polyline(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        let _ = write!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>"#,
            join(points)
        );
    }

    pub(super) fn polygon(&mut self, points: &[(f64, f64)], fill: &str) {
        let _ = write!(self.body, r#"<polygon points="{}" fill="{fill}"/>"#, join(points));
    }

    /// A text with a halo of the ground, so that a line behind it does not cut it.
    pub(super) fn text(&mut self, at: (f64, f64), text: &str, set: Type<'_>) {
        let weight = if set.bold { r#" font-weight="700""# } else { "" };
        let _ = write!(
            self.body,
            r#"<text x="{:.1}" y="{:.1}" font-size="{}" fill="{}" text-anchor="{}"{weight}>{}</text>"#,
            at.0,
            at.1,
            set.size,
            set.fill,
            set.anchor,
            escape(text)
        );
    }

    /// The whole picture, named for those who cannot see it.
    pub(super) fn finish(self, title: &str, description: &str) -> String {
        let Self { width, height, id, body } = self;
        format!(
            r#"<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-labelledby="{id}-t {id}-d" font-family="'Oslo Sans', Arial, Helvetica, sans-serif"><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>{body}</svg>"#,
            escape(title),
            escape(description)
        )
    }

    /// A small picture that only repeats the numbers beside it: hidden from screen readers.
    pub(super) fn finish_decorative(self) -> String {
        let Self { width, height, body, .. } = self;
        format!(
            r#"<svg class="micro" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" preserveAspectRatio="none" aria-hidden="true" focusable="false">{body}</svg>"#
        )
    }
}

fn join(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas::new("x", 10.0, 10.0);
        canvas.text((0.0, 0.0), "<script>&\"'", Type::LABEL);
        let svg = canvas.finish("a<b", "c&d");
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;&amp;&quot;&#39;"));
        assert!(svg.contains("a&lt;b") && svg.contains("c&amp;d"));
    }
}
