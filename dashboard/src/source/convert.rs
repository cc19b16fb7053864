//! From the documents of the figures and the ledger to what pages show.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skjerm_figures::{
    Display, Text,
    districts::{self, DistrictComparison},
    key_figures::{KeyFigure, Unit},
    release::{Release, ReleaseSummary},
    scene::{Mean, SceneCell, SceneComparison},
    trend::TrendPoint,
    workload,
};
use skjerm_ledger::{Block, BlockStatus};
use skjerm_warehouse::policy::Policy;

use crate::{
    model::{
        self, Amount, Both, Breakdown, Budget, Choice, ChoiceGroup, Comparison, DistrictRow, Estimate,
        Figure, Pair, Publication, ReleaseRef, Scene, SceneRow, Shown, Topic, Trend,
    },
    pages::capital,
};

fn both(text: &Text) -> Both {
    Both::new(text.no.as_str(), text.en.as_str())
}

pub(super) fn release(release: &Release) -> ReleaseRef {
    ReleaseRef {
        id: release.id.clone(),
        year: release.year,
        published: Some(release.published.clone()),
        rho: Some(release.rho),
    }
}

pub(super) fn publication(summary: &ReleaseSummary) -> Publication {
    let year = summary.year.to_string();
    Publication {
        id: summary.id.clone(),
        label: both(&summary.label),
        period: summary.campaign.as_ref().map_or_else(|| Both::new(&year, &year), |of| both(&of.label)),
        published: summary.published.clone(),
        rho: summary.rho,
        superseded_by: summary.superseded_by.clone(),
    }
}

fn amount((value, low, high): (f64, f64, f64), display: Display, exact: bool) -> Amount {
    let shown = match display {
        Display::Count(count) => Shown::Number(count as f64, 0),
        Display::Decimal(value) => Shown::Number(value, 1),
        Display::Suppressed => Shown::Suppressed,
    };
    Amount { estimate: Estimate { value, low, high }, shown, exact }
}

/// The figures by theme: a total with its parts. What counts something else than its theme's total, and what is exact,
/// stands by itself.
pub(super) fn topics(release: &Release, figures: &[KeyFigure]) -> Vec<Topic> {
    let mut topics: Vec<Topic> = Vec::new();
    let mut at = 0;
    while let Some(first) = figures.get(at) {
        let end = figures[at..].iter().position(|f| f.theme != first.theme).map_or(figures.len(), |n| at + n);
        let theme = &figures[at..end];
        at = end;
        let mut total = topic(first, both(&first.theme));
        let mut alone = Vec::new();
        for part in &theme[1..] {
            if part.exact {
                let label = |theme: &str, category: &str| format!("{theme} {category}");
                let label = Both::new(
                    label(&part.theme.no, &part.category.no),
                    label(&part.theme.en, &part.category.en),
                );
                alone.push(topic(part, label));
            } else if part.unit != first.unit {
                alone.push(topic(part, Both::new(capital(&part.category.no), capital(&part.category.en))));
            } else {
                let label = breakdown_label(release, &first.name, &part.name);
                let figure = figure(part, both(&part.category));
                match total.breakdowns.iter_mut().find(|b| b.label == label) {
                    Some(breakdown) => breakdown.figures.push(figure),
                    None => total.breakdowns.push(Breakdown { label, figures: vec![figure] }),
                }
            }
        }
        topics.push(total);
        topics.extend(alone);
    }
    topics
}

fn topic(key: &KeyFigure, label: Both) -> Topic {
    Topic { total: figure(key, label), definition: both(&key.definition), breakdowns: Vec::new() }
}

fn figure(key: &KeyFigure, label: Both) -> Figure {
    Figure {
        name: key.name.clone(),
        label,
        amount: amount((key.value, key.low, key.high), key.display, key.exact),
        unit: (key.unit == Unit::Percent).then(|| Both::new("%", "%")),
        source_value: key.source_value,
        note: key.note.as_ref().map(both),
    }
}

/// By what a part differs from its total: the names of the dimensions that only the part's cells name.
fn breakdown_label(release: &Release, total: &str, part: &str) -> Both {
    let cells = |name: &str| -> Option<&workload::Figure> {
        release.workload.figures.iter().find(|f| f.name == name)
    };
    let of_total: BTreeSet<&String> = cells(total).map(|f| f.cells.keys().collect()).unwrap_or_default();
    let of_part = cells(part)
        .map(|f| f.cells.keys().filter(|d| !of_total.contains(d)).collect::<Vec<_>>())
        .unwrap_or_default();
    let labels: Vec<&Text> = of_part
        .iter()
        .filter_map(|name| release.dimensions.iter().find(|d| d.name == **name))
        .map(|d| &d.label)
        .collect();
    if labels.is_empty() {
        return Both::new("Av disse", "Of these");
    }
    let join = |of: fn(&Text) -> &str| labels.iter().map(|l| of(l)).collect::<Vec<_>>().join(" × ");
    Both::new(join(|l| &l.no), join(|l| &l.en))
}

pub(super) fn choices(figures: &[KeyFigure]) -> Vec<ChoiceGroup> {
    let mut groups: Vec<ChoiceGroup> = Vec::new();
    for figure in figures {
        let label = both(&figure.theme);
        let choice = Choice { name: figure.name.clone(), label: name(figure) };
        match groups.last_mut() {
            Some(group) if group.label == label => group.items.push(choice),
            _ => groups.push(ChoiceGroup { label, items: vec![choice] }),
        }
    }
    groups
}

/// `Kontakt, under 25 år`.
fn name(figure: &KeyFigure) -> Both {
    Both::new(
        format!("{}, {}", figure.theme.no, figure.category.no),
        format!("{}, {}", figure.theme.en, figure.category.en),
    )
}

pub(super) fn trend(latest: &KeyFigure, points: &[TrendPoint], releases: &[Release]) -> Trend {
    let points = points
        .iter()
        .filter_map(|point| {
            let of = releases.iter().find(|r| r.id == point.release)?;
            Some(model::TrendPoint {
                year: point.year,
                amount: amount((point.value, point.low, point.high), point.display, latest.exact),
                release: release(of),
                change: point.change.as_ref().map(|c| both(&c.sentence)),
            })
        })
        .collect();
    Trend { figure: latest.name.clone(), label: name(latest), definition: both(&latest.definition), points }
}

pub(super) fn comparison(comparison: &DistrictComparison, release: ReleaseRef) -> Comparison {
    let of = |e: &districts::Estimate| amount((e.value, e.low, e.high), e.display, false);
    Comparison {
        year: comparison.year,
        release,
        definition: both(&comparison.definition),
        summary: both(&comparison.summary),
        notes: comparison.notes.iter().map(both).collect(),
        districts: comparison
            .districts
            .iter()
            .map(|district| DistrictRow {
                code: district.code.clone(),
                name: both(&district.label),
                persons: of(&district.persons),
                young: of(&district.persons_13_24),
                residents: district.residents_13_24,
                rate: district.rate.as_ref().map(of),
            })
            .collect(),
        pairs: comparison
            .pairs
            .iter()
            .map(|pair| Pair {
                a: pair.a.clone(),
                b: pair.b.clone(),
                difference: pair.difference,
                distinguishable: pair.distinguishable,
            })
            .collect(),
    }
}

pub(super) fn scene(comparison: &SceneComparison) -> Scene {
    let mean = |m: Mean| Estimate { value: m.value, low: m.low, high: m.high };
    let row = |cell: &SceneCell, total: bool| SceneRow {
        label: both(&cell.label),
        total,
        first: cell.a.map(mean),
        second: cell.b.map(mean),
        change: cell.difference.map(mean),
        distinguishable: cell.distinguishable,
    };
    let mut rows = vec![row(&comparison.total, true)];
    rows.extend(comparison.shifts.iter().map(|c| row(c, true)));
    rows.extend(comparison.areas.iter().chain(&comparison.cells).map(|c| row(c, false)));
    Scene {
        first: both(&comparison.a.label),
        second: both(&comparison.b.label),
        answers: vec![comparison.a.answer.clone(), comparison.b.answer.clone()],
        summary: both(&comparison.summary),
        notes: comparison.notes.iter().map(both).collect(),
        rows,
    }
}

/// What a block is called: a campaign has a name in the policy; a year is its own name.
pub(crate) fn block_label(block: &Block, policy: &Policy) -> Both {
    let named = policy.code_list("campaign").and_then(|list| list.label(&block.name));
    named.map_or_else(
        || Both::new(block.name.as_str(), block.name.as_str()),
        |code| Both::new(code.no.as_str(), code.en.as_str()),
    )
}

pub(crate) fn budget(status: &BlockStatus, policy: &Policy) -> Budget {
    let label = block_label(&status.block, policy);
    Budget {
        family: status.block.family.clone(),
        block: status.block.name.clone(),
        label,
        rho_limit: status.limit.as_f64(),
        rho_spent: status.spent.as_f64(),
        rho_left: status.left.as_f64(),
        epsilon_limit: status.epsilon_limit,
        epsilon_spent: status.epsilon_spent,
        delta: status.delta.as_f64(),
    }
}

/// As `skjerm budget show --format json` prints it.
pub(super) fn budget_document(status: &[BlockStatus]) -> Value {
    let blocks: Vec<Value> = status
        .iter()
        .map(|s| {
            json!({
                "family": s.block.family,
                "block": s.block.name,
                "rho_limit": s.limit.as_f64(),
                "rho_spent": s.spent.as_f64(),
                "rho_left": s.left.as_f64(),
                "epsilon_spent": s.epsilon_spent,
                "delta": s.delta.as_f64(),
            })
        })
        .collect();
    json!({"blocks": blocks})
}
