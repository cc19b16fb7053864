//! `/districts`: the districts side by side.

use super::{Link, Page, Release, figure::AmountView};
use crate::{
    chart::dots::{self, Dot},
    model::{Comparison, DistrictRow, Relation},
    text::{Lang, Text, number},
};
use askama::Template;

#[derive(Template)]
#[template(path = "districts.html")]
#[allow(clippy::struct_excessive_bools)] // each shows or hides one part of the page
struct View<'a> {
    page: &'a Page,
    text: &'static Text,
    heading: String,
    year: i32,
    release: Release,
    years: Vec<Link>,
    rate: bool,
    chosen: Option<ChosenView>,
    summary: String,
    definition: String,
    notes: Vec<String>,
    chart_title: String,
    legend_relations: bool,
    wide: String,
    narrow: String,
    rows: Vec<RowView>,
    rate_missing: bool,
    any_suppressed: bool,
}

struct ChosenView {
    heading: String,
    sentences: Vec<String>,
}

struct RowView {
    code: String,
    name: String,
    href: String,
    comparable: bool,
    chosen: bool,
    persons: AmountView,
    young: AmountView,
    residents: String,
    rate: String,
    relation: String,
}

/// What the reader asked to see.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Rates and not counts.
    pub rate: bool,
    /// Code of a district of the comparison that has a rate.
    pub compare: Option<String>,
}

/// The comparison of one year; `years` are those with a release.
pub fn districts(
    page: &Page,
    years: &[i32],
    comparison: &Comparison,
    choice: &Choice,
) -> askama::Result<String> {
    let (lang, text) = (page.lang, page.text());
    let chosen =
        choice.compare.as_deref().and_then(|code| comparison.districts.iter().find(|d| d.code == code));
    let mut kept = Vec::new();
    if choice.rate {
        kept.push(("rate", "1"));
    }
    if let Some(chosen) = chosen {
        kept.push(("compare", chosen.code.as_str()));
    }
    let dots = rows_of_chart(page, comparison, choice, chosen);
    let chart_title = (text.districts.chart_title)(choice.rate, comparison.year);
    let (wide, narrow) = draw(lang, &chart_title, &dots, choice.rate);
    View {
        page,
        text,
        heading: (text.districts.title)(comparison.year),
        year: comparison.year,
        release: Release::new(lang, &comparison.release),
        years: page.years(years, comparison.year, &kept),
        rate: choice.rate,
        chosen: chosen.map(|c| sentences(lang, comparison, c)),
        summary: lang.of(&comparison.summary).to_owned(),
        definition: lang.of(&comparison.definition).to_owned(),
        notes: comparison.notes.iter().map(|n| lang.of(n).to_owned()).collect(),
        chart_title,
        legend_relations: choice.rate && chosen.is_some(),
        wide,
        narrow,
        rows: comparison.districts.iter().map(|d| row(page, comparison, d, chosen)).collect(),
        rate_missing: comparison.districts.iter().any(|d| d.rate.is_none()),
        any_suppressed: comparison.districts.iter().any(|d| d.persons.suppressed() || d.young.suppressed()),
    }
    .render()
}

fn row(
    page: &Page,
    comparison: &Comparison,
    district: &DistrictRow,
    chosen: Option<&DistrictRow>,
) -> RowView {
    let (lang, text) = (page.lang, page.text());
    let year = comparison.year.to_string();
    let relation = chosen.and_then(|c| comparison.relation(&c.code, &district.code));
    RowView {
        code: district.code.clone(),
        name: lang.of(&district.name).to_owned(),
        href: page.link_with("/districts", &[("year", &year), ("rate", "1"), ("compare", &district.code)]),
        comparable: district.rate.is_some(),
        chosen: relation == Some(Relation::Chosen),
        persons: AmountView::new(page, &district.persons),
        young: AmountView::new(page, &district.young),
        residents: district.residents.map_or_else(|| "–".to_owned(), |n| number::whole(lang, n as f64)),
        rate: match &district.rate {
            Some(rate) if rate.suppressed() => ":".to_owned(),
            Some(rate) => number::estimate(lang, rate.estimate, 1),
            None => "–".to_owned(),
        },
        relation: match relation {
            Some(Relation::Chosen) => text.districts.relations[0],
            Some(Relation::Higher) => text.districts.relations[1],
            Some(Relation::Lower) => text.districts.relations[2],
            Some(Relation::Same) => text.districts.relations[3],
            None => "–",
        }
        .to_owned(),
    }
}

/// The rows of the chart in the order of the code list: sorted by value they would read as a ranking, which intervals that
/// overlap do not support.
fn rows_of_chart(
    page: &Page,
    comparison: &Comparison,
    choice: &Choice,
    chosen: Option<&DistrictRow>,
) -> Vec<Dot> {
    let (lang, text) = (page.lang, page.text());
    comparison
        .districts
        .iter()
        .map(|district| {
            let amount = if choice.rate { district.rate } else { Some(district.persons) };
            // Only rates are compared pair by pair: counts of districts of unlike size say nothing on their own.
            let relation = chosen
                .and_then(|c| comparison.relation(&c.code, &district.code))
                .filter(|r| choice.rate || *r == Relation::Chosen);
            Dot {
                label: lang.of(&district.name).to_owned(),
                estimate: amount.filter(|a| !a.suppressed()).map(|a| a.estimate),
                note: if amount.is_some() { ":".to_owned() } else { text.districts.no_rate.to_owned() },
                relation,
            }
        })
        .collect()
}

fn draw(lang: Lang, title: &str, dots: &[Dot], rate: bool) -> (String, String) {
    let text = &lang.text().districts;
    let digits = usize::from(rate);
    let mut with_number: Vec<_> = dots.iter().filter_map(|d| d.estimate.map(|e| (d, e))).collect();
    with_number.sort_by(|(_, a), (_, b)| b.value.total_cmp(&a.value));
    let name = |at: Option<&(&Dot, crate::model::Estimate)>| {
        at.map(|(d, e)| format!("{}, {}", d.label, number::estimate(lang, *e, digits))).unwrap_or_default()
    };
    let description =
        (text.chart_desc)(with_number.len(), &name(with_number.first()), &name(with_number.last()));
    let axis = if rate { text.axis_rate } else { text.axis_count };
    let frame = |id, narrow| dots::Frame { id, title, description: &description, axis, digits, narrow };
    (
        dots::chart(lang, &frame("districts", false), dots),
        dots::chart(lang, &frame("districts-narrow", true), dots),
    )
}

fn sentences(lang: Lang, comparison: &Comparison, chosen: &DistrictRow) -> ChosenView {
    let text = &lang.text().districts;
    let name = lang.of(&chosen.name);
    let of = |wanted: Relation| -> Vec<String> {
        let is = |d: &&DistrictRow| comparison.relation(&chosen.code, &d.code) == Some(wanted);
        comparison.districts.iter().filter(is).map(|d| lang.of(&d.name).to_owned()).collect()
    };
    let mut sentences = Vec::new();
    let same = of(Relation::Same);
    sentences.push(if same.is_empty() {
        (text.same_none)(name)
    } else {
        (text.same)(name, &number::list(lang, &same))
    });
    for (wanted, say) in [(Relation::Higher, text.higher), (Relation::Lower, text.lower)] {
        let others = of(wanted);
        if !others.is_empty() {
            sentences.push(say(name, &number::list(lang, &others)));
        }
    }
    ChosenView { heading: (text.compared)(name), sentences }
}
