//! The shipped workload at the default budget.

use skjerm_warehouse::policy::Policy;

use super::city::RHO;
use std::collections::BTreeMap;

use crate::FiguresError;
use crate::release::{plan, plan_within};
use crate::workload::Workload;

fn default_plan() -> crate::release::ReleasePlan {
    plan(&Policy::oslo(), &Workload::key_figures(), 2023, RHO).unwrap()
}

/// A cell of 1,000 or more has a half-width under 2 %: 20 is the bar for every table that can hold a cell of that size.
#[test]
fn large_cells_are_within_two_per_cent() {
    let plan = default_plan();
    for table in &plan.tables {
        eprintln!(
            "{:<34} {:>4} cells  sd {:>6.2}  ±{:>6.2}  (equal split {:.2})",
            table.name, table.cells, table.sd, table.half_width, table.equal_split_sd
        );
    }
    for table in &plan.tables {
        let large = ["contact", "follow_up", "services"].iter().any(|theme| table.name.starts_with(theme))
            && table.name != "contact_municipalities";
        if large {
            assert!(table.half_width < 20.0, "{}: ± {}", table.name, table.half_width);
        }
    }
}

/// Of the figures: under 25 is a union of two groups of ages.
#[test]
fn large_key_figures_are_within_two_per_cent() {
    let city = super::city::City::new();
    let release = city.release(2023, 1);
    let figures = crate::key_figures::figures(&release, &city.policy).unwrap();
    let published: Vec<_> = figures
        .iter()
        .filter(|figure| !figure.exact && figure.source_value.is_some_and(|value| value >= 1000.0))
        .collect();
    let names: Vec<&str> = published.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names, ["contact_total", "contact_under_25", "contact_oslo", "follow_up_total"]);
    for figure in published {
        let share = (figure.high - figure.low) / 2.0 / figure.source_value.unwrap();
        assert!(share < 0.02, "{}: ± {share}", figure.name);
    }
}

#[test]
fn every_table_but_a_few_beats_an_equal_split() {
    let plan = default_plan();
    let mean = |of: &dyn Fn(&crate::release::PlannedTable) -> f64| {
        plan.tables.iter().map(of).sum::<f64>() / plan.tables.len() as f64
    };
    assert!(mean(&|table| table.sd) < 0.85 * mean(&|table| table.equal_split_sd));
    let squares = plan.tables.iter().map(|table| (table.sd / table.equal_split_sd).powi(2)).sum::<f64>();
    assert!((plan.of_equal_split.powi(2) * plan.tables.len() as f64 / squares - 1.0).abs() < 1e-9);
}

#[test]
fn the_plan_costs_no_more_than_asked() {
    let plan = default_plan();
    assert!(plan.rho <= RHO && plan.rho > RHO * (1.0 - 1e-4), "ρ = {}", plan.rho);
    assert!((2.0..3.0).contains(&plan.epsilon), "ε = {}", plan.epsilon);
}

#[test]
fn half_the_budget_doubles_the_variance() {
    let whole = default_plan();
    let half = plan(&Policy::oslo(), &Workload::key_figures(), 2023, RHO / 2.0).unwrap();
    for (whole, half) in whole.tables.iter().zip(&half.tables) {
        let ratio = (half.sd / whole.sd).powi(2);
        assert!((ratio - 2.0).abs() < 0.01, "{}: {ratio}", whole.name);
    }
}

#[test]
fn bad_questions_are_refused_with_a_sentence() {
    let (policy, workload) = (Policy::oslo(), Workload::key_figures());
    let message = |year, rho| plan(&policy, &workload, year, rho).unwrap_err().to_string();
    assert!(message(1999, RHO).contains("the year 1999 is outside the policy's years 2019–2025"));
    assert!(message(2023, 0.0).contains("above 0"));
    assert!(message(2023, f64::NAN).contains("above 0"));
    assert!(message(2023, 5.0).contains("more than the whole budget"));
    assert!(message(2023, 1e-12).contains("too small"));
}

#[test]
fn measurements_cost_what_the_plan_costs() {
    let plan = default_plan();
    let sum: f64 = plan.measurements.iter().map(|one| one.rho).sum();
    assert!((sum / plan.rho - 1.0).abs() < 1e-6, "{sum} {}", plan.rho);
    assert!(plan.measurements.iter().all(|one| one.sigma > 0.0 && one.values > 0));
}

fn within(wanted: &[(&str, f64)], available: f64) -> Result<crate::release::ReleasePlan, FiguresError> {
    let wanted = wanted.iter().map(|(name, width)| ((*name).to_owned(), *width)).collect::<BTreeMap<_, _>>();
    plan_within(&Policy::oslo(), &Workload::key_figures(), 2023, &wanted, available)
}

/// What is wanted is kept, at less than an equal split would need; nothing else is worse than by that split; and with 2 % less the
/// same is refused, with what could be had instead.
#[test]
fn wanted_half_widths_are_kept_at_the_least_price() {
    let wanted = [("services_by_service", 12.0), ("contact_municipalities", 15.0)];
    let plan = within(&wanted, 0.31).unwrap();
    let mut naive = f64::INFINITY;
    for table in &plan.tables {
        match wanted.iter().find(|(name, _)| *name == table.name) {
            Some((_, width)) => {
                assert!(table.half_width <= width * (1.0 + 1e-4), "{}: {}", table.name, table.half_width);
                assert_eq!(table.wanted, Some(*width));
            }
            None => assert!(
                table.half_width <= 1.96 * table.equal_split_sd * (1.0 + 1e-4),
                "{}: {} beside {}",
                table.name,
                table.half_width,
                table.equal_split_sd
            ),
        }
        naive = naive.min(table.equal_split_sd);
    }
    // An equal split of the same ρ would not keep the narrower one.
    assert!(1.96 * naive > 12.0 * 1.05, "{naive}");
    let refused = within(&wanted, plan.rho * 0.98).unwrap_err();
    let message = refused.to_string();
    assert!(message.contains("cannot be had") && message.contains("is left for releases"), "{message}");
    // What it says can be had can be had.
    let hint = refused.hint().unwrap();
    let instead: Vec<(&str, f64)> = wanted
        .iter()
        .map(|(name, _)| {
            let from = hint.find(&format!("{name}=")).unwrap() + name.len() + 1;
            let width: String =
                hint[from..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            (*name, width.parse().unwrap())
        })
        .collect();
    within(&instead, plan.rho * 0.98).unwrap();
}

#[test]
fn half_widths_that_are_none_are_refused() {
    let message = |wanted: &[(&str, f64)], available| within(wanted, available).unwrap_err().to_string();
    assert!(message(&[("contact_by_shoe", 9.0)], 0.1).contains("has no table \"contact_by_shoe\""));
    assert!(message(&[("contact_total", 0.0)], 0.1).contains("above 0"));
    assert!(message(&[("contact_total", f64::NAN)], 0.1).contains("above 0"));
    assert!(message(&[], 0.1).contains("no half-width is wanted"));
    assert!(message(&[("contact_total", 0.2)], 0.1).contains("cannot be had"));
    assert!(message(&[("contact_total", 0.001)], 0.1).contains("less than a billionth"));
    assert!(message(&[("contact_total", 9.0)], 0.0).contains("ρ = 0.0000 is left"));
}
