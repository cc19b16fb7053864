//! `/trend`: one figure over the years.

use super::{Page, figure::AmountView};
use crate::{
    chart::lines,
    model::{ChoiceGroup, Trend},
    text::Text,
};
use askama::Template;

#[derive(Template)]
#[template(path = "trend.html")]
struct View<'a> {
    page: &'a Page,
    text: &'static Text,
    label: String,
    definition: String,
    choices: Vec<GroupView>,
    wide: String,
    narrow: String,
    cut: bool,
    exact: bool,
    rows: Vec<RowView>,
    any_suppressed: bool,
}

struct GroupView {
    label: String,
    items: Vec<ChoiceView>,
}

struct ChoiceView {
    name: String,
    label: String,
    current: bool,
}

struct RowView {
    year: i32,
    href: String,
    figure: AmountView,
    change: String,
    release: String,
}

/// The trend of one figure, and the figures one can choose.
pub fn trend(page: &Page, choices: &[ChoiceGroup], trend: &Trend) -> askama::Result<String> {
    let (lang, text) = (page.lang, page.text());
    let label = lang.of(&trend.label).to_owned();
    let title = (text.trend.chart_title)(&label);
    let rows: Vec<RowView> = trend
        .points
        .iter()
        .map(|point| RowView {
            year: point.year,
            href: page.link_with("/", &[("year", &point.year.to_string())]),
            figure: AmountView::new(page, &point.amount),
            change: point.change.as_ref().map(|c| lang.of(c).to_owned()).unwrap_or_default(),
            release: point.release.id.clone(),
        })
        .collect();
    let description = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => {
            (text.trend.chart_desc)(first.year, first.figure.cell(), last.year, last.figure.cell())
        }
        _ => String::new(),
    };
    let frame = |id, narrow| lines::Frame { id, title: &title, description: &description, narrow };
    let wide = lines::chart(lang, &frame("trend", false), &trend.points);
    let narrow = lines::chart(lang, &frame("trend-narrow", true), &trend.points);
    let choices = choices
        .iter()
        .map(|group| GroupView {
            label: lang.of(&group.label).to_owned(),
            items: group
                .items
                .iter()
                .map(|choice| ChoiceView {
                    name: choice.name.clone(),
                    label: lang.of(&choice.label).to_owned(),
                    current: choice.name == trend.figure,
                })
                .collect(),
        })
        .collect();
    View {
        page,
        text,
        definition: lang.of(&trend.definition).to_owned(),
        choices,
        cut: wide.cut,
        wide: wide.svg,
        narrow: narrow.svg,
        exact: trend.points.iter().any(|p| p.amount.exact),
        any_suppressed: trend.points.iter().any(|p| p.amount.suppressed()),
        rows,
        label,
    }
    .render()
}
