//! `/about`: the promise, how to read an interval, and the budgets.

use super::Page;
use crate::{
    chart::bars,
    model::{Budget, ReleaseRef},
    text::{Text, number},
};
use askama::Template;

#[derive(Template)]
#[template(path = "about.html")]
struct View<'a> {
    page: &'a Page,
    text: &'static Text,
    families: Vec<FamilyView>,
    releases: Vec<ReleaseView>,
}

struct FamilyView {
    heading: &'static str,
    rows: Vec<BudgetView>,
    delta: String,
    sum: String,
}

struct BudgetView {
    label: String,
    bar: String,
    share: String,
    rho_spent: String,
    rho_left: String,
    rho_limit: String,
    epsilon_spent: String,
    epsilon_limit: String,
}

struct ReleaseView {
    year: i32,
    href: String,
    id: String,
    published: String,
    rho: String,
}

/// `sum` is what all years of the family "persons" have spent together, as ρ and ε.
pub fn about(
    page: &Page,
    budgets: &[Budget],
    sum: Option<(f64, f64)>,
    releases: &[ReleaseRef],
) -> askama::Result<String> {
    let (lang, text) = (page.lang, page.text());
    let mut families = Vec::new();
    for (family, heading) in ["persons", "scene"].into_iter().zip(text.about.families) {
        let of_family: Vec<&Budget> = budgets.iter().filter(|b| b.family == family).collect();
        let Some(first) = of_family.first() else { continue };
        let sum = match sum {
            Some((rho, epsilon)) if family == "persons" && of_family.len() > 1 => {
                (text.about.sum)(of_family.len(), &number::small(lang, rho), &number::small(lang, epsilon))
            }
            _ => String::new(),
        };
        families.push(FamilyView {
            heading,
            rows: of_family.iter().map(|b| budget(page, b)).collect(),
            delta: (text.about.delta)(&number::power(lang, first.delta)),
            sum,
        });
    }
    let releases = releases
        .iter()
        .map(|release| ReleaseView {
            year: release.year,
            href: page.link_with("/", &[("year", &release.year.to_string())]),
            id: release.id.clone(),
            published: release.published.as_deref().map(|d| number::date(lang, d)).unwrap_or_default(),
            rho: release.rho.map(|r| number::small(lang, r)).unwrap_or_default(),
        })
        .collect();
    View { page, text, families, releases }.render()
}

fn budget(page: &Page, budget: &Budget) -> BudgetView {
    let lang = page.lang;
    BudgetView {
        label: lang.of(&budget.label).to_owned(),
        bar: bars::spent(budget.share_spent()),
        share: number::percent(lang, budget.share_spent(), 0),
        rho_spent: number::small(lang, budget.rho_spent),
        rho_left: number::small(lang, budget.rho_left),
        rho_limit: number::small(lang, budget.rho_limit),
        epsilon_spent: number::small(lang, budget.epsilon_spent),
        epsilon_limit: number::small(lang, budget.epsilon_limit),
    }
}
