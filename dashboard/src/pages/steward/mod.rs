//! `/steward`: the proof of the book, the budgets in detail, the forecast, what went wrong, the records of releases and the last
//! entries. Not for publication.

mod budgets;
mod entries;
mod plain;
mod records;

use askama::Template;

use super::Page;
use crate::{
    model::Both,
    steward::{
        COUNTED, SHOWN,
        model::{Checked, Forecast, Overview, Part, PlannedState},
    },
    text::{Lang, Text, number},
};
use budgets::FamilyView;
use entries::{EntryView, FilterView};
use plain::visible;
use records::RecordView;

#[derive(Template)]
#[template(path = "steward.html")]
struct View<'a> {
    page: &'a Page,
    text: &'static Text,
    session: String,
    brief: Vec<BriefView>,
    book: Part<BookView>,
    families: Part<Vec<FamilyView>>,
    forecast: Part<ForecastView>,
    lost: Part<Vec<EntryView>>,
    lost_more: String,
    refused: Part<Vec<EntryView>>,
    refused_more: String,
    records: Part<Vec<RecordView>>,
    filters: FilterView,
    entries: Part<Vec<EntryView>>,
}

struct BriefView {
    href: &'static str,
    heading: &'static str,
    shown: String,
    alarm: bool,
}

struct BookView {
    whole: bool,
    checked: String,
    entries: String,
    answers: String,
    head: String,
    problems: Vec<(String, String)>,
    remarks: Vec<String>,
}

struct ForecastView {
    made: String,
    rows: Vec<PlannedView>,
}

struct PlannedView {
    year: i32,
    workload: String,
    state: &'static str,
    release: String,
    needs: String,
    half_width: String,
    left: String,
}

/// The steward's page.
pub fn steward(page: &Page, overview: &Overview) -> askama::Result<String> {
    let (lang, text) = (page.lang, page.text());
    let entries = |of: &Part<Vec<_>>| read(lang, of).map(|all| entries::views(page, all.iter().take(SHOWN)));
    let more = |of: &Part<Vec<_>>, command: &str| match of {
        Ok(all) if all.len() > SHOWN => (text.steward.latest)(SHOWN, command),
        _ => String::new(),
    };
    View {
        page,
        text,
        session: (text.steward.session)(&visible(&overview.who), &number::moment(lang, &overview.until)),
        brief: brief(lang, overview),
        book: read(lang, &overview.checked).map(|checked| book(lang, checked)),
        families: read(lang, &overview.accounts)
            .map(|accounts| budgets::families(lang, accounts, overview.sums.as_deref().unwrap_or_default())),
        forecast: read(lang, &overview.forecast).map(|of| forecast(lang, of)),
        lost: entries(&overview.lost),
        lost_more: more(&overview.lost, "skjerm budget history --state lost"),
        refused: entries(&overview.refused),
        refused_more: more(&overview.refused, "skjerm budget history --kind refused"),
        records: read(lang, &overview.records).map(|all| records::views(lang, all)),
        filters: entries::filters(page, &overview.wanted, overview.accounts.as_deref().unwrap_or_default()),
        entries: entries(&overview.entries),
    }
    .render()
}

/// The part, or the sentence that says that it could not be read.
fn read<T>(lang: Lang, part: &Part<T>) -> Part<&T> {
    part.as_ref().map_err(|why| (lang.text().steward.unread)(&visible(why)))
}

fn brief(lang: Lang, overview: &Overview) -> Vec<BriefView> {
    let text = &lang.text().steward;
    let unknown = || ("?".to_owned(), true);
    let count = |count: usize, alarm: bool| {
        let shown = number::whole(lang, count as f64);
        (if count >= COUNTED { format!("≥{shown}") } else { shown }, alarm)
    };
    let [whole, broken] = text.book_state;
    let book = overview.checked.as_ref().map_or_else(
        |_| unknown(),
        |checked| {
            let fine = checked.problems.is_empty();
            ((if fine { whole } else { broken }).to_owned(), !fine)
        },
    );
    let lost = overview.lost.as_ref().map_or_else(|_| unknown(), |lost| count(lost.len(), !lost.is_empty()));
    let refused = overview.refused.as_ref().map_or_else(|_| unknown(), |refused| count(refused.len(), false));
    let due = overview.forecast.as_ref().map_or_else(
        |_| unknown(),
        |forecast| {
            let due = |planned: &&crate::steward::model::Planned| planned.state == PlannedState::Due;
            count(forecast.planned.iter().filter(due).count(), false)
        },
    );
    let hrefs = ["#book", "#lost", "#refused", "#forecast"];
    let states = [book, lost, refused, due];
    hrefs
        .into_iter()
        .zip(text.brief)
        .zip(states)
        .map(|((href, heading), (shown, alarm))| BriefView { href, heading, shown, alarm })
        .collect()
}

fn book(lang: Lang, checked: &Checked) -> BookView {
    let text = &lang.text().steward;
    let problem = |(entry, what): &(Option<u64>, String)| {
        (entry.map_or_else(|| text.problem.to_owned(), text.problem_at), visible(what))
    };
    BookView {
        whole: checked.problems.is_empty(),
        checked: (text.checked)(&number::moment(lang, &checked.when)),
        entries: number::whole(lang, checked.entries as f64),
        answers: number::whole(lang, checked.answers as f64),
        // The head of a changed book is worth nothing.
        head: checked.head.clone().filter(|_| checked.problems.is_empty()).unwrap_or_default(),
        problems: checked.problems.iter().map(problem).collect(),
        remarks: checked.remarks.iter().map(|remark| visible(remark)).collect(),
    }
}

fn forecast(lang: Lang, forecast: &Forecast) -> ForecastView {
    let text = &lang.text().steward;
    let [published, outdated, due, unaffordable] = text.forecast_states;
    let dash = || "–".to_owned();
    let rows = forecast.planned.iter().map(|planned| PlannedView {
        year: planned.year,
        workload: visible(&planned.workload),
        state: match planned.state {
            PlannedState::Published => published,
            PlannedState::Outdated => outdated,
            PlannedState::Due => due,
            PlannedState::Unaffordable => unaffordable,
        },
        release: planned.release.as_deref().map(visible).unwrap_or_default(),
        needs: if planned.needs > 0.0 { number::small(lang, planned.needs) } else { dash() },
        half_width: planned.half_width.map_or_else(dash, |half| number::decimal(lang, half, 1)),
        left: number::small(lang, planned.left_for_questions),
    });
    ForecastView { made: (text.forecast_made)(&number::moment(lang, &forecast.when)), rows: rows.collect() }
}

/// A text in the page's language, fit to be read.
fn both(lang: Lang, text: &Both) -> String {
    visible(lang.of(text))
}
