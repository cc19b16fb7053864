//! The comparison, from two noised measurements.

use std::collections::BTreeSet;

use skjerm_engine::measure::SceneMeasurement;
use skjerm_privacy::interval::z;
use skjerm_warehouse::policy::{Policy, UNKNOWN};

use super::arithmetic::Noisy;
use super::{Campaign, Mean, SceneCell, SceneComparison, sentences};
use crate::error::FiguresError;
use crate::release::joint::CONFIDENCE;
use crate::text::Text;

/// Codes of the area list that the counts do not walk: leaving them out keeps their noise out of the sums.
const NOT_COUNTED: [&str; 2] = ["district", UNKNOWN];

/// Compares two measured campaigns.
pub fn build(
    policy: &Policy,
    first: &SceneMeasurement,
    second: &SceneMeasurement,
) -> Result<SceneComparison, FiguresError> {
    let names = Names { policy };
    let shifts: BTreeSet<&str> =
        [first, second].iter().flat_map(|one| one.shifts.iter()).map(|shift| shift.shift.as_str()).collect();
    let in_order = |list: &str, wanted: &dyn Fn(&str) -> bool| -> Result<Vec<String>, FiguresError> {
        let list = policy
            .code_list(list)
            .ok_or_else(|| FiguresError::Fault(format!("the policy has no code list \"{list}\"")))?;
        Ok(list.codes.iter().map(|code| code.code.clone()).filter(|code| wanted(code)).collect())
    };
    let shifts = in_order("shift", &|code| shifts.contains(code))?;
    let areas = in_order("area", &|code| !NOT_COUNTED.contains(&code))?;
    let builder = Builder { names: &names, first, second };
    let total = builder.cell(None, None, 1);
    let by_shift: Vec<SceneCell> =
        shifts.iter().map(|shift| builder.cell(None, Some(shift), shifts.len())).collect();
    let by_area: Vec<SceneCell> =
        areas.iter().map(|area| builder.cell(Some(area), None, areas.len())).collect();
    let many = areas.len() * shifts.len();
    let cells: Vec<SceneCell> = areas
        .iter()
        .flat_map(|area| shifts.iter().map(move |shift| (area, shift)))
        .map(|(area, shift)| builder.cell(Some(area), Some(shift), many))
        .collect();
    Ok(SceneComparison {
        a: names.campaign(first),
        b: names.campaign(second),
        summary: total.sentence.clone(),
        total,
        shifts: by_shift,
        areas: by_area,
        cells,
        notes: sentences::notes(),
    })
}

pub(super) struct Names<'a> {
    policy: &'a Policy,
}

impl Names<'_> {
    fn label(&self, list: &str, code: &str) -> Text {
        let found = self.policy.code_list(list).and_then(|list| list.label(code));
        found.map_or_else(|| Text::new(code, code), |code| Text::new(&code.no, &code.en))
    }

    fn campaign(&self, measurement: &SceneMeasurement) -> Campaign {
        Campaign {
            code: measurement.campaign.clone(),
            label: self.label("campaign", &measurement.campaign),
            answer: measurement.answer_id.clone(),
            rho: measurement.rho,
            rounds: measurement.shifts.iter().map(|shift| (shift.shift.clone(), shift.rounds)).collect(),
        }
    }

    fn cell(&self, area: Option<&str>, shift: Option<&str>) -> Text {
        let area =
            area.map_or_else(|| Text::new("Alle områder", "All areas"), |code| self.label("area", code));
        let shift =
            shift.map_or_else(|| Text::new("alle vakter", "all shifts"), |code| self.label("shift", code));
        Text::new(format!("{}, {}", area.no, shift.no), format!("{}, {}", area.en, shift.en))
    }
}

struct Builder<'a> {
    names: &'a Names<'a>,
    first: &'a SceneMeasurement,
    second: &'a SceneMeasurement,
}

impl Builder<'_> {
    /// One cell of a list of `together` cells that are read side by side: the intervals of its difference and ratio are widened for that.
    fn cell(&self, area: Option<&str>, shift: Option<&str>, together: usize) -> SceneCell {
        let (single, widened) = (z(CONFIDENCE), z(1.0 - (1.0 - CONFIDENCE) / together.max(1) as f64));
        let a = mean(self.first, area, shift);
        let b = mean(self.second, area, shift);
        let difference: Option<Mean> = a.zip(b).map(|(a, b)| b.less(a).interval(widened));
        let distinguishable =
            difference.is_some_and(|difference| difference.low > 0.0 || difference.high < 0.0);
        let label = self.names.cell(area, shift);
        let shown = [a, b].map(|mean| mean.map(|mean| mean.count_interval(single)));
        let campaigns = [self.first, self.second].map(|one| self.names.label("campaign", &one.campaign));
        SceneCell {
            area: area.map(str::to_owned),
            shift: shift.map(str::to_owned),
            sentence: sentences::cell(&label, &campaigns, shown, difference),
            label,
            a: shown[0],
            b: shown[1],
            difference,
            ratio: a.zip(b).and_then(|(a, b)| b.ratio(a, widened)),
            distinguishable,
        }
    }
}

/// Mean observed persons a count; `None` when no round was held.
fn mean(measurement: &SceneMeasurement, area: Option<&str>, shift: Option<&str>) -> Option<Noisy> {
    let shifts = || measurement.shifts.iter().filter(|one| shift.is_none_or(|shift| one.shift == shift));
    let rounds: u64 = shifts().map(|one| one.rounds).sum();
    if rounds == 0 {
        return None;
    }
    let totals = shifts().flat_map(|one| {
        let wanted = one.areas.iter().filter(|found| match area {
            Some(area) => found.area == area,
            None => !NOT_COUNTED.contains(&found.area.as_str()),
        });
        wanted.map(|found| Noisy { value: found.total as f64, sd: one.sigma_total })
    });
    Some(Noisy::sum(totals).over(rounds))
}
