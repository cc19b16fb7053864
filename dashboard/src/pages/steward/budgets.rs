//! The budgets of the steward's page: by family and block, with shares, analysts and sums.

use super::{both, plain::visible};
use crate::{
    chart::bars,
    steward::model::{Account, Sum, Within},
    text::{Lang, number},
};

pub(super) struct FamilyView {
    pub(super) id: String,
    pub(super) heading: String,
    pub(super) rows: Vec<AccountView>,
    pub(super) sum: String,
}

pub(super) struct AccountView {
    pub(super) label: String,
    pub(super) spending: SpendingView,
    pub(super) epsilon_spent: String,
    pub(super) epsilon_limit: String,
    pub(super) heading: String,
    pub(super) within: Vec<WithinView>,
    pub(super) thresholds: String,
}

pub(super) struct WithinView {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) spending: SpendingView,
}

/// A budget as a bar and in numbers.
pub(super) struct SpendingView {
    pub(super) bar: String,
    pub(super) share: String,
    pub(super) spent: String,
    pub(super) left: String,
    pub(super) limit: String,
}

pub(super) fn families(lang: Lang, accounts: &[Account], sums: &[Sum]) -> Vec<FamilyView> {
    let mut families: Vec<FamilyView> = Vec::new();
    for account in accounts {
        let family = &account.budget.family;
        let row = view(lang, account);
        match families.last_mut() {
            Some(last) if last.id == *family => last.rows.push(row),
            _ => families.push(FamilyView {
                id: family.clone(),
                heading: heading(lang, family),
                rows: vec![row],
                sum: sums
                    .iter()
                    .find(|sum| sum.family == *family)
                    .map(|of| sum(lang, of))
                    .unwrap_or_default(),
            }),
        }
    }
    families
}

fn heading(lang: Lang, family: &str) -> String {
    let [persons, scene] = lang.text().about.families;
    match family {
        "persons" => persons.to_owned(),
        "scene" => scene.to_owned(),
        other => visible(other),
    }
}

fn sum(lang: Lang, sum: &Sum) -> String {
    let small = |value| number::small(lang, value);
    (lang.text().steward.sum)(
        sum.blocks,
        [
            &small(sum.rho_spent),
            &small(sum.rho_limit),
            &small(sum.epsilon_spent),
            &small(sum.epsilon_limit),
            &number::power(lang, sum.delta),
        ],
    )
}

fn view(lang: Lang, account: &Account) -> AccountView {
    let text = &lang.text().steward;
    let (budget, label) = (&account.budget, both(lang, &account.budget.label));
    let [share, analyst] = text.within_kinds;
    let shares = account.shares.iter().map(|of| (of, share));
    let analysts = account.analysts.iter().map(|of| (of, analyst));
    let power = |value| number::power(lang, value);
    AccountView {
        heading: (text.within)(&label),
        label,
        spending: spending(lang, budget.rho_spent, budget.rho_left, budget.rho_limit),
        epsilon_spent: number::small(lang, budget.epsilon_spent),
        epsilon_limit: number::small(lang, budget.epsilon_limit),
        within: shares.chain(analysts).map(|(of, kind)| within(lang, of, kind)).collect(),
        thresholds: account
            .thresholds
            .map(|(spent, limit)| (text.thresholds)(&power(spent), &power(limit)))
            .unwrap_or_default(),
    }
}

fn within(lang: Lang, of: &Within, kind: &'static str) -> WithinView {
    let spending = spending(lang, of.rho_spent, of.rho_left, of.rho_limit);
    WithinView { name: visible(&of.name), kind, spending }
}

fn spending(lang: Lang, spent: f64, left: f64, limit: f64) -> SpendingView {
    let share = if limit > 0.0 { (spent / limit).clamp(0.0, 1.0) } else { 1.0 };
    SpendingView {
        bar: bars::spent(share),
        share: number::percent(lang, share, 0),
        spent: number::small(lang, spent),
        left: number::small(lang, left),
        limit: number::small(lang, limit),
    }
}
