//! `/releases`: every published release, and its files.

use super::Page;
use crate::{
    model::Publication,
    text::{Text, number},
};
use askama::Template;

#[derive(Template)]
#[template(path = "releases.html")]
struct View<'a> {
    page: &'a Page,
    text: &'static Text,
    groups: Vec<GroupView>,
}

struct GroupView {
    heading: String,
    rows: Vec<RowView>,
}

struct RowView {
    period: String,
    href: String,
    published: String,
    rho: String,
    status: String,
    files: Vec<(String, String)>,
    id: String,
}

/// Releases by what they are of, the newest first.
pub fn releases(page: &Page, publications: &[Publication]) -> askama::Result<String> {
    let (lang, text) = (page.lang, page.text());
    let mut groups: Vec<GroupView> = Vec::new();
    for publication in publications {
        let heading = lang.of(&publication.label).to_owned();
        let file = |name: &str| page.link(&format!("/releases/{}/{name}", publication.id));
        let row = RowView {
            period: super::capital(lang.of(&publication.period)),
            href: file("index.html"),
            published: number::date(lang, &publication.published),
            rho: number::small(lang, publication.rho),
            status: match &publication.superseded_by {
                None => text.releases.in_force.to_owned(),
                Some(later) => format!("{} {later}", text.releases.superseded),
            },
            files: text
                .releases
                .files
                .iter()
                .map(|(name, label)| (file(name), (*label).to_owned()))
                .collect(),
            id: publication.id.clone(),
        };
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.rows.push(row),
            None => groups.push(GroupView { heading, rows: vec![row] }),
        }
    }
    View { page, text, groups }.render()
}
