//! `/`: the key figures of a year.

use super::{Link, Page, Release, figure::FigureView};
use crate::{
    model::{Figure, Topic, YearFigures},
    text::Text,
};
use askama::Template;

/// How many figures stand at the top.
const BRIEF: usize = 4;

#[derive(Template)]
#[template(path = "figures.html")]
struct View<'a> {
    page: &'a Page,
    text: &'static Text,
    heading: String,
    release: Release,
    years: Vec<Link>,
    brief: Vec<FigureView>,
    topics: Vec<TopicView>,
    cards: Vec<TopicView>,
    any_suppressed: bool,
}

struct TopicView {
    total: FigureView,
    definition: String,
    breakdowns: Vec<BreakdownView>,
}

struct BreakdownView {
    label: String,
    figures: Vec<FigureView>,
}

/// The key figures of one year; `years` are those with a release.
pub fn figures(page: &Page, years: &[i32], figures: &YearFigures) -> askama::Result<String> {
    let text = page.text();
    // The brief shows what the field asks for first: persons met, and what the service did; exact figures may be among them.
    let mut first: Vec<&Topic> =
        figures.topics.iter().filter(|t| !t.breakdowns.is_empty()).take(BRIEF - 1).collect();
    first.extend(figures.topics.iter().filter(|t| t.total.amount.exact).take(BRIEF - first.len()));
    let (cards, topics): (Vec<_>, Vec<_>) = figures.topics.iter().partition(|t| t.breakdowns.is_empty());
    let all =
        || figures.topics.iter().flat_map(|t| t.breakdowns.iter().flat_map(|b| &b.figures).chain([&t.total]));
    View {
        page,
        text,
        heading: (text.figures.title)(figures.year),
        release: Release::new(page.lang, &figures.release),
        years: page.years(years, figures.year, &[]),
        brief: first.into_iter().map(|t| view(page, &t.total, &t.total)).collect(),
        topics: topics.into_iter().map(|t| topic(page, t)).collect(),
        cards: cards.into_iter().map(|t| topic(page, t)).collect(),
        any_suppressed: all().any(|f| f.amount.suppressed()),
    }
    .render()
}

fn topic(page: &Page, topic: &Topic) -> TopicView {
    let breakdown = |b: &crate::model::Breakdown| BreakdownView {
        label: page.lang.of(&b.label).to_owned(),
        figures: b.figures.iter().map(|f| view(page, f, &topic.total)).collect(),
    };
    TopicView {
        total: view(page, &topic.total, &topic.total),
        definition: page.lang.of(&topic.definition).to_owned(),
        breakdowns: topic.breakdowns.iter().map(breakdown).collect(),
    }
}

fn view(page: &Page, figure: &Figure, total: &Figure) -> FigureView {
    let whole = total.amount.estimate.high.max(figure.amount.estimate.high);
    FigureView::new(page, figure, whole, page.lang.of(&total.label))
}
