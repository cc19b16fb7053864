//! Releases of a campaign of scene counts: means over the rounds held. SYNTHETIC.

use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::reference::Reference;

use super::shipped::release_of;
use crate::compare::{Asked, How, compare};
use crate::release::{CampaignInfo, Period, Release, diff, plan};
use crate::text::Text;
use crate::workload::Workload;

const RHO: f64 = 0.05;

fn campaign(code: &str, year: i32, rounds: &[(&str, u64)]) -> Period {
    let rounds = rounds.iter().map(|(shift, held)| ((*shift).to_owned(), *held)).collect();
    Period { year, campaign: Some(CampaignInfo { code: code.into(), label: Text::new(code, code), rounds }) }
}

fn scene() -> Workload {
    Workload::named("scene").unwrap()
}

fn two_summers() -> [Release; 2] {
    let first = campaign("2024-summer", 2024, &[("day", 6), ("evening", 4), ("night", 0)]);
    let second = campaign("2025-summer", 2025, &[("day", 9), ("evening", 9)]);
    [first, second].map(|period| release_of(&period, &scene(), RHO, 7, Vec::new()).0)
}

/// A shift without a round is no cell; and a mean is as exact over ten rounds as over two, since an individual weighs 1 in it.
#[test]
fn what_is_planned_follows_from_the_shifts_held() {
    let policy = Policy::oslo();
    let plan_of =
        |rounds: &[(&str, u64)]| plan(&policy, &scene(), campaign("2024-summer", 2024, rounds), RHO).unwrap();
    let sd = |rounds: &[(&str, u64)]| plan_of(rounds).tables.iter().map(|table| table.sd).collect::<Vec<_>>();
    let two = plan_of(&[("day", 6), ("evening", 4), ("night", 0)]);
    assert_eq!(two.tables[0].cells, 2);
    assert!(two.rho <= RHO && two.rho > RHO * 0.999_999);
    for (few, many) in sd(&[("day", 2), ("evening", 1)]).iter().zip(sd(&[("day", 10), ("evening", 35)])) {
        assert!((few / many - 1.0).abs() < 2e-3, "{few} {many}");
    }
    // Three shifts in which an individual may be seen, instead of two: √(3/2) the noise.
    for (two, three) in
        sd(&[("day", 2), ("evening", 2)]).iter().zip(sd(&[("day", 2), ("evening", 2), ("night", 2)]))
    {
        assert!((three / two - 1.5_f64.sqrt()).abs() < 5e-3, "{three} {two}");
    }
}

#[test]
fn a_campaign_and_a_year_are_not_mistaken_for_each_other() {
    let policy = Policy::oslo();
    let summer = || campaign("2024-summer", 2024, &[("day", 6)]);
    let said = |workload: &str, period: Period| {
        plan(&policy, &Workload::named(workload).unwrap(), period, RHO).unwrap_err().to_string()
    };
    assert!(said("scene", 2024.into()).contains("a year was named"));
    assert!(said("monthly", summer()).contains("the campaign 2024-summer was named"));
    assert!(
        said("scene", campaign("2024-summer", 2024, &[("day", u64::MAX), ("night", 3)])).contains("rounds")
    );
    // A file may leave a shift out that was held.
    let mut by_day = scene();
    by_day.themes[0].filter.insert("shift".into(), vec!["day".into()]);
    let held = campaign("2024-summer", 2024, &[("day", 6), ("evening", 4)]);
    assert_eq!(plan(&policy, &by_day, held, RHO).unwrap().tables[0].cells, 1);
    let refused = |change: &dyn Fn(&mut Workload)| {
        let mut workload = scene();
        change(&mut workload);
        plan(&policy, &workload, summer(), RHO).unwrap_err().to_string()
    };
    assert!(
        refused(&|workload| workload.dimensions.get_mut("shift").unwrap().groups.clear())
            .contains("a group of its own")
    );
    assert!(refused(&|workload| workload.themes[0].events = None).contains("on their forms"));
    assert!(
        refused(&|workload| {
            let theme = &mut workload.themes[0];
            theme.events.as_mut().unwrap().table = "contact".into();
            theme.dims.truncate(2);
            theme.tables.truncate(2);
            workload.dimensions.retain(|name, _| ["shift", "area"].contains(&name.as_str()));
        })
        .contains("no table of events of scene counts")
    );
    assert!(
        refused(&|workload| workload.distinct = Workload::key_figures().distinct)
            .contains("tell nobody apart")
    );
}

#[test]
fn figures_are_means_with_honest_intervals_and_say_what_they_are() {
    let period = campaign("2024-summer", 2024, &[("day", 6), ("evening", 4), ("night", 0)]);
    for seed in 0..5 {
        let (release, truth) = release_of(&period, &scene(), RHO, seed, Vec::new());
        let day: i64 = truth[0][..truth[0].len() / 2].iter().sum();
        let total = &release.tables[0].rows[0];
        // Six standard deviations of five releases: a false alarm of 1e-8.
        assert!((total.value - day as f64).abs() < 6.0 * release.tables[0].sd, "{total:?} {day}");
        assert!(release.tables.iter().flat_map(|table| &table.rows).all(|row| row.key["shift"] != "night"));
        assert!(release.operational.is_none());
        assert!(release.unit.en.contains("in one campaign"));
        assert!(!release.known_limits.iter().any(|limit| limit.en.contains("pseudonyms")));
        assert_eq!(release.workload.themes[0].events.as_ref().unwrap().rounds["evening"], 4);
    }
}

/// Another number of rounds is another plan of the same figures.
#[test]
fn campaigns_are_compared_whatever_their_rounds() {
    let policy = Policy::oslo();
    let [first, second] = two_summers();
    let found = diff(&first, &second, &policy).unwrap();
    assert_eq!(found.tables.len(), 5, "{:?}", found.unmatched);
    assert!(found.notes.iter().any(|note| note.en.contains("different counts")));
    let asked = |within: &str| Asked {
        table: Some("observed_by_gender".into()),
        within: Some(within.into()),
        ..Asked::default()
    };
    // Of those whom a count saw by day, how many were men.
    let shares = compare(&first, &policy, &asked("shift=day"), How::Share).unwrap();
    let men = shares.rows.iter().find(|row| row.a.name.contains("male") && !row.a.name.contains("female"));
    let men = &men.unwrap().result;
    assert!(men.low.unwrap() < men.value.unwrap() && men.value.unwrap() < men.high.unwrap());
    let both = Asked { within: None, ..asked("") };
    assert!(compare(&first, &policy, &both, How::Share).unwrap_err().to_string().contains("summed"));
    assert!(
        compare(&first, &policy, &asked("shift=day"), How::Rate(&Reference::shipped().unwrap())).is_err()
    );
    let since = compare(&second, &policy, &asked("shift=day"), How::Since(&first)).unwrap();
    assert_eq!(since.rows.len(), 3);
}
