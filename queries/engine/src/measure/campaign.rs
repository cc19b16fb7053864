//! Themes of a campaign of scene counts: how many persons a count saw on average, by shift, area, age group and gender.
//!
//! # Privacy
//! *Unit*: an individual in one campaign. The protocol sees an individual at most once a round, so over the R rounds of a shift it
//! adds R at most, spread over the cells in any way. A form's number counts `unit`/R for each person it has, and R divides `unit`, so
//! that of a shift an individual adds a vector of whole numbers, none below zero, of sum `unit` at most: a mixture of single cells
//! with `unit` in each and of nothing. What is measured is linear, and a mixture changes it by no more than the worst of what is
//! mixed: by `unit` times what a single cell does. The shifts are different values of one attribute, which every marginal has
//! ([`Kind::Several`]), so over k shifts the norm is √k·`unit` at most, and [`of_rounds`] asks for that much of it.
//!
//! Rounds are public. Of several forms of one round, area and group the greatest counts, and each number is clamped to the policy's
//! bounds: both change by one at most where one individual is added. That two forms of one round do not put the same individual in two
//! cells (two ages, two areas) rests on the protocol of the counts, as does that nobody is counted twice in a round.
//!
//! [`Kind::Several`]: skjerm_privacy::marginals::Kind::Several

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Int64Type};
use datafusion::catalog::TableProvider;
use datafusion::functions_aggregate::min_max::max;
use datafusion::logical_expr::{LogicalPlan, col, lit};
use futures::StreamExt;

use super::marginals::{cell, empty, groups};
use super::request::Theme;
use super::scene::Rounds;
use crate::run::{RunError, RunSession};

/// The table of the forms.
pub(crate) const OBSERVATIONS: &str = "scene_observation";
/// What a form says of where and whom: what a theme may tabulate.
pub(crate) const COLUMNS: [&str; 4] = [SHIFT, "area", "scene_age", "gender"];
const SHIFT: &str = "shift";

/// A campaign as it was counted.
#[derive(Debug, Clone)]
pub(crate) struct Campaign {
    pub(crate) code: String,
    pub(crate) rounds: Rounds,
    /// Bounds of one form's number of persons.
    pub(crate) bounds: (i64, i64),
}

/// Why a theme cannot be measured over these rounds; nothing where it can.
///
/// # Privacy
/// The declared sensitivity is the theme's `norm`: it must be that of the public rounds.
pub(crate) fn of_rounds(rounds: &Rounds, theme: &Theme) -> Result<(), String> {
    let Some((several, unit, norm)) = theme.several().filter(|(at, ..)| theme.dims[*at].column == SHIFT)
    else {
        return Err("an individual can be seen in several shifts: a theme of a campaign has a dimension of the column `shift` in which it is counted once a value.".into());
    };
    if let Some(dim) = theme.dims.iter().find(|dim| !COLUMNS.contains(&dim.column.as_str())) {
        return Err(format!("`{}` is not on a form: it has {}.", dim.column, COLUMNS.join(", ")));
    }
    if let Some((column, _)) = theme.filter.iter().find(|(column, _)| !COLUMNS.contains(&column.as_str())) {
        return Err(format!("`{column}` is not on a form: it has {}.", COLUMNS.join(", ")));
    }
    for (group, codes) in &theme.dims[several].groups {
        let [shift] = codes.as_slice() else {
            return Err(format!(
                "`{group}` holds several shifts, whose rounds are different ones: a group holds one."
            ));
        };
        let held = rounds.get(shift).map_or(0, BTreeSet::len) as u64;
        if held == 0 {
            return Err(format!("no round was held in the shift '{shift}'."));
        }
        if unit % held != 0 {
            return Err(format!(
                "a person counts {unit} parts, which cannot be split evenly over the {held} rounds of '{shift}'."
            ));
        }
    }
    let shifts = theme.dims[several].groups.len() as u128;
    let largest = u128::from(unit).checked_pow(2).and_then(|square| square.checked_mul(shifts));
    if largest.is_none_or(|largest| u128::from(norm).pow(2) < largest) {
        return Err(format!(
            "over {shifts} shifts an individual can have a norm of more than {norm} parts of {unit}."
        ));
    }
    Ok(())
}

/// One row a round, area and group.
pub(crate) fn private_plan(table: Arc<dyn TableProvider>, campaign: &str) -> Result<LogicalPlan, RunError> {
    let group = std::iter::once("date").chain(COLUMNS).map(col).collect::<Vec<_>>();
    Ok(RunSession::scan("forms", table)?
        .filter(col("campaign").eq(lit(campaign)))?
        .aggregate(group, vec![max(col("persons")).alias("seen")])?
        .build()?)
}

/// The counts of each measured marginal, in parts of a person a count.
pub(crate) async fn read(
    session: &RunSession,
    table: Arc<dyn TableProvider>,
    campaign: &Campaign,
    theme: &Theme,
) -> Result<Vec<Vec<i64>>, RunError> {
    let (_, unit, _) = theme.several().ok_or(RunError::Layout)?;
    let groups = groups(theme);
    let mut counts = empty(theme);
    let mut stream = session.stream(private_plan(table, &campaign.code)?).await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let dates = batch.column_by_name("date").and_then(|c| c.as_primitive_opt::<Date32Type>());
        let seen = batch.column_by_name("seen").and_then(|c| c.as_primitive_opt::<Int64Type>());
        let (Some(dates), Some(seen)) = (dates, seen) else { return Err(RunError::Layout) };
        let shifts = strings(&batch, SHIFT)?;
        let dims = theme.dims.iter().map(|dim| strings(&batch, &dim.column));
        let dims = dims.collect::<Result<Vec<_>, _>>()?;
        let filters = theme.filter.iter().map(|(column, codes)| Ok((strings(&batch, column)?, codes)));
        let filters = filters.collect::<Result<Vec<_>, RunError>>()?;
        for row in (0..batch.num_rows()).filter(|row| seen.is_valid(*row) && dates.is_valid(*row)) {
            let passes = |(values, codes): &(&StringArray, &Vec<String>)| {
                values.is_valid(row) && codes.iter().any(|code| code == values.value(row))
            };
            let held = campaign.rounds.get(shifts.value(row)).filter(|days| days.contains(&dates.value(row)));
            let Some(held) = held.filter(|_| filters.iter().all(passes)) else { continue };
            // Whole: `of_rounds` asked for it.
            let part = i64::try_from(unit / held.len() as u64).map_err(|_| RunError::Overflow)?;
            let seen = seen.value(row).clamp(campaign.bounds.0, campaign.bounds.1);
            let part = part.checked_mul(seen).ok_or(RunError::Overflow)?;
            let place = |dim: usize| groups[dim].get(dims[dim].value(row)).copied();
            for ((dims, _), counts) in theme.measured.iter().zip(&mut counts) {
                if let Some(count) = cell(theme, dims, place).and_then(|cell| counts.get_mut(cell)) {
                    *count = count.checked_add(part).ok_or(RunError::Overflow)?;
                }
            }
        }
    }
    Ok(counts)
}

fn strings<'b>(batch: &'b RecordBatch, column: &str) -> Result<&'b StringArray, RunError> {
    batch.column_by_name(column).and_then(|c| c.as_string_opt::<i32>()).ok_or(RunError::Layout)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use skjerm_privacy::marginals::{Attribute, Domain, Form, Marginal};
    use skjerm_warehouse::policy::Policy;

    use super::*;
    use crate::measure::Dim;
    use crate::run::Limits;
    use crate::run::testing::{self, Row};

    const CAMPAIGN: &str = "2024-summer";
    /// Three rounds by day (January to March) and two by night (January, February).
    const ROUNDS: [(&str, &[i64]); 2] = [("day", &[1, 2, 3]), ("night", &[1, 2])];
    const UNIT: u64 = 6;

    fn rounds() -> Rounds {
        let day = |month: &i64| {
            let date = jiff::civil::date(2024, i8::try_from(*month).expect("a month"), 10);
            date.since(jiff::civil::date(1970, 1, 1)).expect("a span").get_days()
        };
        ROUNDS.map(|(shift, months)| (shift.to_owned(), months.iter().map(day).collect())).into()
    }

    fn theme(measured: &[&[usize]], form: Form) -> Theme {
        let dim = |column: &str, codes: &[&str], attribute| Dim {
            name: column.to_owned(),
            column: column.to_owned(),
            groups: codes.iter().map(|code| ((*code).to_owned(), vec![(*code).to_owned()])).collect(),
            attribute,
        };
        let norm = 9; // at least √2 × 6
        Theme {
            name: "seen".into(),
            events: Some("scene_observation".into()),
            filter: vec![("shift".into(), vec!["day".into(), "night".into()])],
            dims: vec![
                dim("shift", &["day", "night"], Some(Attribute::several(2, UNIT, norm).expect("a norm"))),
                dim("area", &["oslo_s", "urtegata"], None),
                dim("gender", &["female", "male", "unknown"], None),
            ],
            measured: measured.iter().map(|dims| (dims.to_vec(), 1.0)).collect(),
            form,
        }
    }

    fn form(month: i64, shift: &'static str, area: &'static str, gender: &'static str, persons: i64) -> Row {
        let codes = [("campaign", CAMPAIGN), ("shift", shift), ("area", area), ("gender", gender)];
        Row::new(0, 2024, month, &codes, Some(persons))
    }

    fn counts(rows: &[Row], theme: &Theme) -> Vec<Vec<i64>> {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = Policy::oslo();
        let limits = Limits::new(&policy.query, folder.path().join("spill"));
        let table = testing::table(&policy, "scene_observation", rows);
        let campaign = Campaign { code: CAMPAIGN.into(), rounds: rounds(), bounds: (0, 200) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let session = RunSession::new(&limits).expect("a session");
            read(&session, table, &campaign, theme).await.expect("counted")
        })
    }

    #[test]
    fn a_count_of_a_shift_is_the_mean_over_its_rounds() {
        let rows = [
            form(1, "day", "oslo_s", "male", 4),
            // Two forms of one round, area and group: the greater counts.
            form(2, "day", "oslo_s", "male", 5),
            form(2, "day", "oslo_s", "male", 2),
            form(1, "night", "urtegata", "female", 3),
            // More than the policy lets a form say.
            form(2, "night", "urtegata", "unknown", 900),
            // No round was held then; the shift is another; the campaign is.
            form(4, "day", "oslo_s", "male", 50),
            form(1, "evening", "oslo_s", "male", 50),
            Row {
                codes: BTreeMap::from([("campaign", "2023-summer"), ("shift", "day"), ("area", "oslo_s")]),
                ..form(1, "day", "oslo_s", "male", 50)
            },
        ];
        let found = counts(&rows, &theme(&[&[0], &[0, 1, 2]], Form::Whole));
        assert_eq!(found[0], [9 * 2, 203 * 3], "parts of six: over three rounds and over two");
        assert_eq!(found[1], [0, 18, 0, 0, 0, 0, 0, 0, 0, 9, 0, 600]);
    }

    #[test]
    fn a_theme_that_the_rounds_do_not_bear_out_is_refused() {
        let fits = |change: &dyn Fn(&mut Theme)| {
            let mut theme = theme(&[&[0]], Form::Whole);
            change(&mut theme);
            of_rounds(&rounds(), &theme)
        };
        assert_eq!(fits(&|_| {}), Ok(()));
        let refused = |change: &dyn Fn(&mut Theme), words: &str| {
            let said = fits(change).expect_err(words);
            assert!(said.contains(words), "{said}");
        };
        let several = |unit, norm| Some(Attribute::several(2, unit, norm).expect("a norm"));
        refused(&|theme| theme.dims[0].attribute = None, "several shifts");
        refused(&|theme| theme.dims[0].column = "area".into(), "several shifts");
        refused(&|theme| theme.dims[1].column = "campaign".into(), "not on a form");
        refused(&|theme| theme.filter.push(("campaign".into(), vec![CAMPAIGN.into()])), "not on a form");
        refused(&|theme| theme.dims[0].groups[0].1.push("evening".into()), "a group holds one");
        refused(&|theme| theme.dims[0].groups[0].1 = vec!["evening".into()], "no round was held");
        refused(&|theme| theme.dims[0].attribute = several(4, 9), "cannot be split evenly");
        refused(&|theme| theme.dims[0].attribute = several(6, 8), "a norm of more than 8");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Whoever was seen wherever: one individual less, at most one a round, changes what is measured by no more than the noise is made for.
        #[test]
        fn an_individual_changes_what_is_measured_by_the_norm_at_most(
            others in prop::collection::vec((0..5_usize, 0..2_usize, 0..3_usize, 0..40_i64), 0..30),
            // For each of the five rounds, where the individual was seen, if anywhere.
            seen in prop::array::uniform5(prop::option::weighted(0.9, (0..2_usize, 0..3_usize))),
        ) {
            let (areas, genders) = (["oslo_s", "urtegata"], ["female", "male", "unknown"]);
            let held: Vec<(&str, i64)> =
                ROUNDS.iter().flat_map(|(shift, months)| months.iter().map(|month| (*shift, *month))).collect();
            // One form a round, area and gender.
            let mut forms: BTreeMap<(usize, usize, usize), i64> = BTreeMap::new();
            for (round, area, gender, persons) in others {
                forms.insert((round, area, gender), persons);
            }
            let rows = |forms: &BTreeMap<(usize, usize, usize), i64>| -> Vec<Row> {
                let row = |(&(round, area, gender), &persons): (&(usize, usize, usize), &i64)| {
                    form(held[round].1, held[round].0, areas[area], genders[gender], persons)
                };
                forms.iter().map(row).collect()
            };
            let without = rows(&forms);
            for (round, place) in seen.into_iter().enumerate() {
                if let Some((area, gender)) = place {
                    *forms.entry((round, area, gender)).or_default() += 1;
                }
            }
            let with = rows(&forms);
            for form in [Form::Whole, Form::Apart] {
                let theme = theme(&[&[0], &[0, 1], &[0, 2], &[0, 1, 2]], form);
                let domain = Domain::of(theme.dims.iter().map(Dim::attribute).collect()).expect("a domain");
                for ((dims, _), (a, b)) in
                    theme.measured.iter().zip(counts(&with, &theme).iter().zip(counts(&without, &theme)))
                {
                    let marginal = Marginal::new(dims.iter().copied());
                    let change = a.iter().zip(&b).map(|(a, b)| a - b).collect();
                    let measured = domain.encode(&marginal, form, change).expect("small numbers");
                    let squared: u128 = measured.iter().map(|v| u128::from(v.unsigned_abs()).pow(2)).sum();
                    prop_assert!(squared <= domain.sensitivity_squared(&marginal, form).expect("a norm"));
                }
            }
        }
    }
}
