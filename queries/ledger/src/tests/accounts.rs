//! Declared budgets, and what is read of them: status, sums, history.

use super::*;

#[test]
fn limits_never_change_silently() {
    let (_fixture, ledger) = declared();
    let same = limit("2023", 1_000, &[("releases", 600), ("researchers", 600)]);
    let before = ledger.head().unwrap();
    ledger.declare(std::slice::from_ref(&same)).unwrap();
    assert_eq!(ledger.head().unwrap(), before, "nothing new is no entry");
    let with_delta =
        |limit: BlockLimit| BlockLimit { limit: Loss { delta: Delta::from_atto(5), ..limit.limit }, ..limit };
    for (changed, what) in [
        (
            limit("2023", 1_001, &[("releases", 600)]),
            "ρ of persons/2023: 0.000001 in the ledger, 0.000001001 in the policy",
        ),
        (limit("2023", 999, &[]), "ρ of persons/2023: 0.000001 in the ledger, 0.000000999 in the policy"),
        (limit("2023", 1_000, &[("releases", 601)]), "ρ of persons/2023 (share `releases`)"),
        (
            with_delta(same.clone()),
            "δ for thresholds of persons/2023: 0e0 in the ledger, 5e-18 in the policy",
        ),
        (BlockLimit { delta: Delta::from_f64_down(1e-5).unwrap(), ..same }, "(δ of persons/2023"),
    ] {
        // All or none: the new block before it is not kept either.
        let error = ledger.declare(&[limit("2024", 5, &[]), changed]).unwrap_err();
        assert!(matches!(error, LedgerError::LimitDiffers { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(ledger.status().unwrap().len(), 2);
    }
    let mut more = limit("2023", 1_000, &[("planners", 10)]);
    more.analysts = [("kari".to_owned(), nano(7))].into();
    ledger.declare(&[more]).unwrap();
    assert_eq!(ledger.remaining(&year("2023"), "planners", "ola").unwrap().nano(), 10);
    assert_eq!(ledger.remaining(&year("2023"), "planners", "kari").unwrap().nano(), 7);
    assert!(ledger.verify(&[]).unwrap().is_whole());
}

#[test]
fn limits_that_promise_nothing_are_refused() {
    let (_fixture, ledger) = declared();
    let fine = || limit("2030", 10, &[]);
    let of = |rho, atto| Loss { rho: Rho::from_nano(rho), delta: Delta::from_atto(atto) };
    for nonsense in [
        limit("", 10, &[]),
        BlockLimit { block: Block::new("", "2030"), ..fine() },
        BlockLimit { delta: Delta::ZERO, ..fine() },
        BlockLimit { delta: Delta::ONE, ..fine() },
        // Thresholds may not use up all the δ.
        BlockLimit { limit: of(10, 7), delta: Delta::from_atto(7), ..fine() },
        limit("2030", 10, &[("a", 11)]),
        BlockLimit { analysts: [("kari".to_owned(), of(11, 0))].into(), ..fine() },
        BlockLimit { analysts: [("kari".to_owned(), of(1, 1))].into(), ..fine() },
    ] {
        let error = ledger.declare(&[fine(), nonsense]).unwrap_err();
        assert!(matches!(error, LedgerError::Invalid(_)), "{error}");
    }
    assert_eq!(ledger.status().unwrap().len(), 2);
}

#[test]
fn losses_of_a_family_add_up() {
    let (_fixture, ledger) = declared();
    let other = BlockLimit { block: Block::new("events", "2023"), ..limit("", 50, &[]) };
    ledger.declare(&[other]).unwrap();
    drop(reserve(&ledger, &request("q", "researchers", &[("2022", 100), ("2023", 200)])));
    let (sums, status) = (ledger.sums().unwrap(), ledger.status().unwrap());
    let persons = &sums[1];
    assert_eq!((sums.len(), sums[0].family.as_str(), sums[0].blocks), (2, "events", 1));
    assert_eq!((persons.blocks, persons.spent.nano(), persons.limit.nano()), (2, 300, 2_000));
    assert!(
        status
            .iter()
            .all(|block| block.epsilon_limit < persons.epsilon_limit || block.block.family == "events")
    );
}

#[test]
fn history_is_filtered() {
    let (_fixture, ledger) = declared();
    for (key, who, block) in [("a", "kari", "2022"), ("b", "ola", "2023"), ("c", "kari", "2023")] {
        let wish = Request { who: who.to_owned(), ..request(key, "researchers", &[(block, 10)]) };
        let reservation = reserve(&ledger, &wish);
        if key != "c" {
            ledger.settle(reservation, "1").unwrap();
        }
    }
    let of = |filter: HistoryFilter| -> Vec<String> {
        ledger.history(&filter).unwrap().into_iter().map(|entry| entry.what).collect()
    };
    let charges = || HistoryFilter { kind: Some("charge".to_owned()), ..Default::default() };
    let (a, b, c) = ("sql: question a", "sql: question b", "sql: question c");
    assert_eq!(of(charges()), [a, b, c]);
    assert_eq!(of(HistoryFilter { block: Some(year("2023")), ..Default::default() }), [b, c]);
    assert_eq!(of(HistoryFilter { who: Some("kari".into()), ..charges() }), [a, c]);
    assert_eq!(of(HistoryFilter { state: Some(EntryState::Settled), ..Default::default() }), [a, b]);
    assert_eq!(of(HistoryFilter { state: Some(EntryState::Running), ..Default::default() }), [c]);
    assert!(of(HistoryFilter { state: Some(EntryState::Lost), ..Default::default() }).is_empty());
    assert_eq!(of(HistoryFilter { limit: Some(2), ..charges() }), [b, c]);
    assert_eq!(
        of(HistoryFilter { state: Some(EntryState::Running), limit: Some(1), ..Default::default() }),
        [c]
    );
    assert_eq!(of(HistoryFilter { limit: Some(0), ..Default::default() }), [""; 0]);
}

#[test]
fn history_is_cut_at_moments_and_days() {
    let (_fixture, mut ledger) = declared();
    ledger.clock = set_clock;
    let mut seqs = Vec::new();
    for second in [0, 1, 86_400] {
        move_clock(second);
        let details = serde_json::json!({ "what": second.to_string(), "reason": "test" });
        seqs.push(ledger.record("kari", EventKind::Login, &details).unwrap());
    }
    let of = |since: Option<&str>, until: Option<&str>| -> Vec<u64> {
        let (since, until) = (since.map(str::to_owned), until.map(str::to_owned));
        let filter = HistoryFilter { since, until, kind: Some("login".to_owned()), ..Default::default() };
        ledger.history(&filter).unwrap().into_iter().map(|entry| entry.id).collect()
    };
    // The clock of these tests stands at half a second past midnight.
    assert_eq!(of(None, None), seqs);
    assert_eq!(of(Some("2030-01-01T00:00:00Z"), None), seqs);
    assert_eq!(of(Some("2030-01-01T00:00:01Z"), None), seqs[1..]);
    assert_eq!(of(Some("2030-01-01T01:00:01+01:00"), None), seqs[1..]);
    assert_eq!(of(Some("2030-01-02"), None), seqs[2..]);
    assert_eq!(of(None, Some("2030-01-02")), seqs[..2]);
    assert_eq!(of(None, Some("2030-01-01T00:00:00.500Z")), seqs[..0]);
    assert_eq!(of(None, Some("2030-01-01T00:00:01Z")), seqs[..1]);
}

#[test]
fn events_and_refusals_before_a_price_are_entries() {
    let (_fixture, ledger) = declared();
    let before = ledger.status().unwrap();
    let details = serde_json::json!({ "what": "keys rotated", "reason": "yearly", "count": 3 });
    let event = ledger.record("ola", EventKind::Keys, &details).unwrap();
    let refusal = ledger.record_refusal("kari", "sql", "SELECT 1", "it names no table").unwrap();
    let history =
        ledger.history(&HistoryFilter { since: None, limit: Some(2), ..Default::default() }).unwrap();
    assert_eq!((history[0].id, history[1].id), (event, refusal));
    assert_eq!((history[0].kind.as_str(), history[0].what.as_str()), ("keys", "keys rotated"));
    assert_eq!((history[0].reason.as_deref(), &history[0].details), (Some("yearly"), &details));
    assert_eq!((history[1].what.as_str(), history[1].who.as_str()), ("sql: SELECT 1", "kari"));
    assert_eq!(history[1].reason.as_deref(), Some("it names no table"));
    assert_eq!(ledger.status().unwrap(), before);
    assert!(history.iter().all(|entry| KINDS.contains(&entry.kind.as_str())));
}

/// Details are free: what they call "charges" must not be taken for amounts, nor stop the history.
#[test]
fn details_of_events_do_not_disturb_the_history_of_a_block() {
    let (_fixture, ledger) = declared();
    drop(reserve(&ledger, &request("q", "researchers", &[("2023", 10)])));
    for charges in [
        serde_json::json!(["persons/2023", 7, null]),
        serde_json::json!("none"),
        serde_json::json!({ "family": "persons", "block": "2023" }),
    ] {
        ledger.record("ola", EventKind::Release, &serde_json::json!({ "charges": charges })).unwrap();
    }
    let filter = HistoryFilter { block: Some(year("2023")), ..Default::default() };
    let found: Vec<String> = ledger.history(&filter).unwrap().into_iter().map(|e| e.kind).collect();
    assert_eq!(found, ["charge"]);
}

#[test]
fn other_limits_come_into_force_by_name_and_never_below_what_is_spent() {
    let (fixture, ledger) = declared();
    drop(reserve(&ledger, &request("q", "researchers", &[("2023", 300)])));
    let wanted = [
        limit("2022", 2_000, &[("releases", 600), ("researchers", 700)]),
        limit("2023", 200, &[("releases", 100), ("researchers", 100)]),
        limit("2024", 50, &[("researchers", 50)]),
    ];
    let changes = ledger.changes(&wanted).unwrap();
    assert_eq!(changes.iter().filter(|change| change.loosens).count(), 1, "{changes:?}");
    ledger.relimit("ola", "decided", &wanted).unwrap();
    let check = |ledger: &Ledger| {
        let left = |name| ledger.remaining(&year(name), "researchers", "ola").unwrap().nano();
        assert_eq!((left("2022"), left("2023"), left("2024")), (700, 0, 50));
        let status = ledger.status().unwrap();
        assert_eq!((status[1].spent.nano(), status[1].limit.nano()), (300, 300), "what is spent stays");
        assert!(ledger.verify(&[]).unwrap().is_whole());
    };
    check(&ledger);
    let head = ledger.head().unwrap();
    ledger.relimit("ola", "again", &wanted).unwrap();
    assert_eq!(ledger.head().unwrap(), head, "the same again is no entry");
    drop(ledger);
    check(&fixture.open());
}
