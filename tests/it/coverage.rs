//! The published figures of 2023 lie within their 95 % intervals in about 95 of 100 releases.

use std::sync::Arc;

use skjerm_engine::Engine;
use skjerm_figures::{key_figures, release, workload::Workload};
use skjerm_warehouse::Installation;

use crate::support::{binomial_bounds, fresh_book};

const RELEASES: u64 = 100;

/// One figure a theme: themes are measured with noise of their own, so these figures are independent, and the
/// number of them covered in all releases is binomial. Figures of one theme share noise and would widen the bound.
const INDEPENDENT: [&str; 8] = [
    "contact_total",
    "contact_municipalities",
    "follow_up_total",
    "concern_report_total",
    "missing_report_total",
    "journey_home_total",
    "reinforced_follow_up_total",
    "employment_total",
];

/// False alarm: the binomial bounds leave under 1e-6 in both tails together, at a coverage of exactly 95 %. The exact
/// coverage of integer intervals lies a little above: the upper bound has its slack from the same 1e-6.
#[tokio::test(flavor = "multi_thread")]
async fn intervals_cover_the_published_figures_as_often_as_they_say() {
    let book = fresh_book();
    let installation = Installation::open(book.path()).unwrap();
    // A hundred releases need not wait for the times at which answers leave.
    let policy = std::fs::read_to_string(installation.policy_path()).unwrap();
    let hurried = policy.replace("answer_step_ms = 250", "answer_step_ms = 1");
    assert_ne!(policy, hurried);
    std::fs::write(installation.policy_path(), hurried).unwrap();
    let workload = Arc::new(Workload::key_figures());
    let (mut covered, mut trials) = (0_u64, 0_u64);
    let (mut all_covered, mut all_trials) = (0_u64, 0_u64);
    for _ in 0..RELEASES {
        for file in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.head"] {
            let _ = std::fs::remove_file(book.path().join(file));
        }
        let _ = std::fs::remove_dir_all(installation.releases_dir());
        crate::support::fresh_ledger(&installation);
        let engine = Engine::open(&installation).unwrap();
        let steward = engine.authenticate("steward").unwrap();
        let release = release::publish(
            &engine,
            &steward,
            &installation,
            &workload,
            &release::Wanted { period: &2023.into(), rho: None, within: None, reason: None },
        )
        .await
        .unwrap();
        for figure in key_figures::figures(&release, engine.policy()).unwrap() {
            // A figure with a note is one whose source does not add up: the city follows the total.
            let Some(truth) = figure.source_value.filter(|_| figure.note.is_none() && !figure.exact) else {
                continue;
            };
            let inside = figure.low <= truth && truth <= figure.high;
            all_covered += u64::from(inside);
            all_trials += 1;
            if INDEPENDENT.contains(&figure.name.as_str()) {
                covered += u64::from(inside);
                trials += 1;
            }
            if truth >= 1000.0 {
                let half = (figure.high - figure.low) / 2.0;
                assert!(half / truth < 0.02, "{}: ± {half} of {truth}", figure.name);
            }
        }
    }
    println!(
        "{all_covered} of {all_trials} published figures covered; {covered} of {trials} independent ones"
    );
    assert_eq!(trials, RELEASES * INDEPENDENT.len() as u64, "a figure has another name now: mend this test");
    let (low, high) = binomial_bounds(trials, 0.95);
    assert!((low..=high).contains(&covered), "{covered} of {trials} covered: not within {low}..={high}");
}
