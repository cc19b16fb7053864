//! Entries of the book as rows of a table, and the links that choose among them.

use super::{
    Page, both,
    plain::{Words, visible},
};
use crate::{
    pages::{Link, Place},
    steward::model::{Account, Became, Entry, Wanted},
    text::{Lang, number},
};

pub(super) struct EntryView {
    pub(super) number: u64,
    pub(super) when: String,
    pub(super) who: Link,
    pub(super) kind: Link,
    pub(super) became: &'static str,
    pub(super) alarm: bool,
    pub(super) rho: String,
    pub(super) blocks: Vec<Link>,
    pub(super) what: Words,
    pub(super) reason: Words,
}

pub(super) struct FilterView {
    pub(super) kinds: Vec<Link>,
    /// Filters that are in force, each with the link that takes it away.
    pub(super) only: Vec<Link>,
    /// The command that says more.
    pub(super) command: &'static str,
}

/// What an address of the list is made of.
#[derive(Clone, Copy, Default)]
struct Choice<'a> {
    block: Option<&'a str>,
    who: Option<&'a str>,
    kind: Option<&'a str>,
}

impl Choice<'_> {
    fn href(self, page: &Page) -> String {
        let named = [("block", self.block), ("who", self.who), ("kind", self.kind)];
        let query: Vec<(&str, &str)> =
            named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        page.link_with(Place::Steward.path(), &query) + "#entries"
    }
}

pub(super) fn views<'a>(page: &Page, entries: impl Iterator<Item = &'a Entry>) -> Vec<EntryView> {
    entries.map(|entry| view(page, entry)).collect()
}

fn view(page: &Page, entry: &Entry) -> EntryView {
    let (lang, text) = (page.lang, &page.text().steward);
    let link = |choice: Choice<'_>, label: String| Link { href: choice.href(page), label, current: false };
    let [running, lost, settled, abandoned] = text.became;
    let mut prices: Vec<String> =
        entry.amounts.iter().map(|amount| number::exact(lang, amount.rho)).collect();
    // One price where it is the same for all.
    prices.dedup();
    EntryView {
        number: entry.number,
        when: number::moment(lang, &entry.when),
        who: link(Choice { who: Some(&entry.who), ..Choice::default() }, visible(&entry.who)),
        kind: link(Choice { kind: Some(&entry.kind), ..Choice::default() }, kind(lang, &entry.kind)),
        became: match entry.became {
            Some(Became::Running) => running,
            Some(Became::Lost) => lost,
            Some(Became::Settled) => settled,
            Some(Became::Abandoned) => abandoned,
            None => "",
        },
        alarm: entry.became == Some(Became::Lost),
        rho: prices.join(" "),
        blocks: entry
            .amounts
            .iter()
            .map(|amount| {
                let choice = Choice { block: Some(&amount.block), ..Choice::default() };
                link(choice, both(lang, &amount.label))
            })
            .collect(),
        what: Words::new(&entry.what),
        reason: Words::new(entry.reason.as_deref().unwrap_or_default()),
    }
}

/// A kind of entry in the page's language.
fn kind(lang: Lang, name: &str) -> String {
    let known = lang.text().steward.kinds.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| visible(name), |(_, label)| (*label).to_owned())
}

pub(super) fn filters(page: &Page, wanted: &Wanted, accounts: &[Account]) -> FilterView {
    let (lang, text) = (page.lang, &page.text().steward);
    let now =
        Choice { block: wanted.block.as_deref(), who: wanted.who.as_deref(), kind: wanted.kind.as_deref() };
    let of_kind = |name: Option<&'static str>, label: &str| Link {
        href: Choice { kind: name, ..now }.href(page),
        label: label.to_owned(),
        current: now.kind == name,
    };
    let all = of_kind(None, text.by_kind[1]);
    let kinds = text.kinds.iter().map(|(name, label)| of_kind(Some(name), label));
    let [_, _, who_column, _, _, of_column, ..] = text.columns;
    let only = |name: &str, value: &str, without: Choice<'_>| Link {
        href: without.href(page),
        label: (text.only)(&name.to_lowercase(), value),
        current: true,
    };
    let who = now.who.map(|who| only(who_column, &visible(who), Choice { who: None, ..now }));
    let block = now.block.map(|block| {
        let named = accounts.iter().map(|account| &account.budget);
        let named = named.filter(|budget| format!("{}/{}", budget.family, budget.block) == block);
        let label = named.map(|budget| both(lang, &budget.label)).next();
        only(of_column, &label.unwrap_or_else(|| visible(block)), Choice { block: None, ..now })
    });
    FilterView {
        kinds: std::iter::once(all).chain(kinds).collect(),
        only: who.into_iter().chain(block).collect(),
        command: "skjerm budget history --format csv",
    }
}
