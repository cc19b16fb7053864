//! `/scene`: stored comparisons of count campaigns. The page asks nothing and spends nothing.

use super::{Page, capital};
use crate::{
    model::{Estimate, Scene, SceneRow},
    text::{Lang, Text, number},
};
use askama::Template;

#[derive(Template)]
#[template(path = "scene.html")]
struct View<'a> {
    page: &'a Page,
    text: &'static Text,
    scenes: Vec<SceneView>,
}

struct SceneView {
    heading: String,
    summary: String,
    first: String,
    second: String,
    answers: Vec<String>,
    notes: Vec<String>,
    rows: Vec<RowView>,
}

struct RowView {
    label: String,
    total: bool,
    first: String,
    second: String,
    change: String,
    verdict: &'static str,
}

/// The comparisons that are stored; none gives the page that tells how to ask for one.
pub fn scene(page: &Page, scenes: &[Scene]) -> askama::Result<String> {
    let lang = page.lang;
    let scenes = scenes
        .iter()
        .map(|scene| SceneView {
            heading: capital(&(page.text().scene.compared)(lang.of(&scene.first), lang.of(&scene.second))),
            summary: lang.of(&scene.summary).to_owned(),
            first: lang.of(&scene.first).to_owned(),
            second: lang.of(&scene.second).to_owned(),
            answers: scene.answers.clone(),
            notes: scene.notes.iter().map(|n| lang.of(n).to_owned()).collect(),
            rows: scene.rows.iter().map(|r| row(lang, r)).collect(),
        })
        .collect();
    View { page, text: page.text(), scenes }.render()
}

fn row(lang: Lang, row: &SceneRow) -> RowView {
    let mean = |e: Option<Estimate>| e.map_or_else(|| "–".to_owned(), |e| number::estimate(lang, e, 1));
    let change = row.change.map_or_else(
        || "–".to_owned(),
        |e| format!("{} ({})", number::signed(lang, e.value, 1), number::range(lang, e.low, e.high, 1)),
    );
    let [rise, fall, same] = lang.text().scene.verdicts;
    let verdict = match (row.distinguishable, row.change) {
        (_, None) => "–",
        (true, Some(e)) if e.value > 0.0 => rise,
        (true, Some(_)) => fall,
        (false, Some(_)) => same,
    };
    RowView {
        label: lang.of(&row.label).to_owned(),
        total: row.total,
        first: mean(row.first),
        second: mean(row.second),
        change,
        verdict,
    }
}
