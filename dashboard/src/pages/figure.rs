//! One figure as a page writes it.

use crate::{
    chart::bars,
    model::{Amount, Figure, Shown},
    pages::Page,
    text::number,
};

/// A figure in words and numbers.
pub(crate) struct FigureView {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) shown: String,
    pub(crate) unit: String,
    pub(crate) estimate: String,
    pub(crate) sentence: String,
    pub(crate) cell: String,
    pub(crate) exact: bool,
    pub(crate) suppressed: bool,
    pub(crate) bar: String,
    pub(crate) note: String,
    pub(crate) source: String,
    pub(crate) trend: String,
    pub(crate) trend_label: String,
}

impl FigureView {
    /// `whole` is what the bar is measured against; `heading` is what its trend is called.
    pub(crate) fn new(page: &Page, figure: &Figure, whole: f64, heading: &str) -> Self {
        let lang = page.lang;
        let text = page.text();
        let amount = AmountView::new(page, &figure.amount);
        let bar = if figure.amount.exact || figure.amount.suppressed() {
            String::new()
        } else {
            bars::estimate(figure.amount.estimate, whole)
        };
        // The source's own number stands beside ours where the data were made to match it, and nowhere else.
        let source = match figure.source_value {
            Some(value) if page.synthetic => {
                (text.figures.source)(&number::decimal(lang, value, decimals(value)))
            }
            _ => String::new(),
        };
        Self {
            name: figure.name.clone(),
            label: lang.of(&figure.label).to_owned(),
            cell: amount.cell().to_owned(),
            shown: amount.shown,
            unit: figure.unit.as_ref().map(|u| lang.of(u).to_owned()).unwrap_or_default(),
            estimate: amount.estimate,
            sentence: amount.sentence,
            exact: amount.exact,
            suppressed: amount.suppressed,
            bar,
            note: figure.note.as_ref().map(|n| lang.of(n).to_owned()).unwrap_or_default(),
            source,
            trend: page.link_with("/trend", &[("figure", &figure.name)]),
            trend_label: (text.figures.see_trend)(heading),
        }
    }
}

fn decimals(value: f64) -> usize {
    usize::from(value.fract().abs() > 1e-9)
}

/// A number in words: what is shown, the estimate with its interval, and the interval in plain words.
pub(crate) struct AmountView {
    pub(crate) shown: String,
    pub(crate) estimate: String,
    pub(crate) sentence: String,
    short: String,
    pub(crate) exact: bool,
    pub(crate) suppressed: bool,
}

impl AmountView {
    pub(crate) fn new(page: &Page, amount: &Amount) -> Self {
        let (lang, common) = (page.lang, &page.text().common);
        let digits = amount.digits();
        let high = number::decimal(lang, amount.estimate.high.max(0.0), digits);
        let low = number::decimal(lang, amount.estimate.low, digits);
        Self {
            shown: match amount.shown {
                Shown::Number(value, digits) => number::decimal(lang, value, digits),
                Shown::Suppressed => ":".to_owned(),
            },
            estimate: number::estimate(lang, amount.estimate, digits),
            sentence: if amount.suppressed() {
                (common.at_most)(&high)
            } else {
                (common.between)(&low, &high)
            },
            short: (common.at_most_short)(&high),
            exact: amount.exact,
            suppressed: amount.suppressed(),
        }
    }

    /// For a cell of a table: the estimate with its interval, or the upper end when it is too small to show.
    pub(crate) fn cell(&self) -> &str {
        match (self.exact, self.suppressed) {
            (true, _) => &self.shown,
            (_, true) => &self.short,
            _ => &self.estimate,
        }
    }
}
