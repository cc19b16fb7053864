//! From wish to answer: what is charged, what is free, and what is refused.

use super::*;

#[test]
fn a_question_from_wish_to_answer() {
    let (_fixture, ledger) = declared();
    assert_eq!(ledger.lookup("q").unwrap(), None);
    let mut wish = request("q", "researchers", &[("2022", 100), ("2023", 200)]);
    wish.reason = Some("the yearly report".to_owned());
    let reservation = reserve(&ledger, &wish);
    // Charged before there is an answer.
    assert_eq!((left(&ledger, "2022"), left(&ledger, "2023")), (500, 400));
    let charge = reservation.id();
    assert_eq!(reservation.key(), "q");
    let stored = ledger.settle(reservation, r#"{"rows":[[1]]}"#).unwrap();
    assert_eq!(ledger.lookup("q").unwrap().as_ref(), Some(&stored));
    assert_eq!(ledger.answer(&stored.id).unwrap().as_ref(), Some(&stored));
    assert_eq!((stored.body.as_str(), stored.charge), (r#"{"rows":[[1]]}"#, charge));
    assert_eq!((stored.question.as_str(), stored.kind.as_str()), ("question q", "sql"));
    assert_eq!((stored.who.as_str(), stored.snapshot.as_str()), ("kari", "s1"));
    assert_eq!((stored.bounds.as_str(), stored.noise.as_str()), ("10 rows a person", "Gaussian"));
    let paid = |name: &str, price| Charged { block: year(name), loss: nano(price) };
    assert_eq!(stored.charges, [paid("2022", 100), paid("2023", 200)]);
    assert!(stored.when.parse::<Timestamp>().is_ok());

    let status = ledger.status().unwrap();
    assert_eq!(
        status.iter().map(|b| (b.block.name.as_str(), b.spent.nano(), b.left.nano())).collect::<Vec<_>>(),
        [("2022", 100, 900), ("2023", 200, 800)]
    );
    let researchers = status[1].shares.iter().find(|share| share.name == "researchers").unwrap();
    assert_eq!((researchers.spent.nano(), researchers.left.nano()), (200, 400));
    assert!(status[1].epsilon_spent > status[0].epsilon_spent && status[0].epsilon_spent > 0.0);
    assert!(ledger.verify(&[]).unwrap().is_whole());
}

#[test]
fn a_known_question_is_free_for_everybody() {
    let (fixture, ledger) = declared();
    let stored = ask(&ledger, &request("q", "releases", &[("2023", 600)]), "1");
    let other = fixture.open();
    // Nothing would be left to pay it a second time.
    let wish = Request { who: "ola".to_owned(), ..request("q", "releases", &[("2023", 600)]) };
    let before = other.head().unwrap();
    let Begin::Stored(again) = other.begin(&wish).unwrap() else { panic!("it is answered") };
    assert_eq!(again, stored);
    assert_eq!(other.head().unwrap(), before, "no entry either");
    assert!(matches!(
        other.begin(&request("r", "releases", &[("2023", 1)])),
        Err(LedgerError::Exhausted { .. })
    ));
}

#[test]
fn a_question_about_two_years_is_charged_to_both_or_neither() {
    let (_fixture, ledger) = declared();
    let before = ledger.status().unwrap();
    let error = ledger.begin(&request("q", "researchers", &[("2022", 1), ("2023", 601)])).unwrap_err();
    assert!(matches!(&error, LedgerError::Exhausted { block, .. } if *block == year("2023")), "{error}");
    assert_eq!(ledger.status().unwrap(), before);
    drop(reserve(&ledger, &request("q", "researchers", &[("2022", 1), ("2023", 600)])));
    assert_eq!((left(&ledger, "2022"), left(&ledger, "2023")), (599, 0));
}

#[test]
fn a_refusal_names_whose_budget_is_short_and_what_is_left() {
    let (_fixture, ledger) = declared();
    let mut own = limit("2023", 1_000, &[]);
    own.analysts = [("kari".to_owned(), nano(50))].into();
    ledger.declare(&[own]).unwrap();
    drop(reserve(&ledger, &request("a", "researchers", &[("2023", 20)])));
    let refusal = |request: &Request| ledger.begin(request).unwrap_err().to_string();
    let of_kari = "the budget of persons/2023 (analyst `kari`) has ρ 0.00000003 left, and the question costs ρ 0.000000031: \
                   nothing was charged; ask at a lower ρ, or use a published release, which is free";
    let wish = request("b", "researchers", &[("2023", 31)]);
    assert_eq!(refusal(&wish), of_kari);
    assert_eq!(refusal(&wish), of_kari, "asking again changes nothing");
    // Where several do not suffice, the one that has least.
    let dear = refusal(&request("b", "researchers", &[("2023", 981)]));
    assert!(dear.contains("(analyst `kari`) has ρ 0.00000003 left"), "{dear}");
    let by_ola =
        |key, share, price| Request { who: "ola".to_owned(), ..request(key, share, &[("2023", price)]) };
    assert!(
        refusal(&by_ola("b", "researchers", 581))
            .contains("persons/2023 (share `researchers`) has ρ 0.00000058 left")
    );
    drop(reserve(&ledger, &by_ola("c", "releases", 600)));
    // The shares sum to more than the block: the block rules.
    assert!(refusal(&by_ola("b", "researchers", 381)).contains("persons/2023 has ρ 0.00000038 left"));
    assert_eq!(ledger.remaining(&year("2023"), "researchers", "ola").unwrap().nano(), 380);
    assert_eq!(ledger.remaining(&year("2023"), "researchers", "kari").unwrap().nano(), 30);
    drop(reserve(&ledger, &by_ola("d", "researchers", 380)));
    assert!(ledger.remaining(&year("2023"), "researchers", "kari").unwrap().is_zero());

    let refused =
        ledger.history(&HistoryFilter { kind: Some("refused".to_owned()), ..Default::default() }).unwrap();
    assert_eq!(refused.len(), 5, "each refusal is an entry");
    assert_eq!(refused[0].reason.as_deref(), Some(of_kari));
    assert_eq!(refused[0].charges, [Charged { block: year("2023"), loss: nano(31) }]);
    assert!(ledger.verify(&[]).unwrap().is_whole());
}

#[test]
fn delta_is_a_budget_of_its_own() {
    let (_fixture, ledger) = declared();
    let most = Loss { rho: Rho::from_nano(100), delta: Delta::from_atto(10) };
    let shares = [("researchers".to_owned(), most)].into();
    ledger.declare(&[BlockLimit { limit: most, shares, ..limit("2024", 0, &[]) }]).unwrap();
    let wish = |key: &str, atto| {
        let loss = Loss { rho: Rho::from_nano(1), delta: Delta::from_atto(atto) };
        Request { charges: vec![(year("2024"), loss)], ..request(key, "researchers", &[]) }
    };
    drop(reserve(&ledger, &wish("a", 7)));
    let error = ledger.begin(&wish("b", 4)).unwrap_err();
    assert!(error.to_string().contains("ρ 0.000000099 and δ 3e-18 left"), "{error}");
    drop(reserve(&ledger, &wish("b", 3)));
    drop(reserve(&ledger, &wish("c", 0)));
    let status = &ledger.status().unwrap()[2];
    assert_eq!((status.spent.nano(), status.delta_spent.atto(), status.delta_limit.atto()), (3, 10, 10));
}

#[test]
fn the_first_answer_stays() {
    let (_fixture, ledger) = declared();
    let quick = Request { may_take: Duration::ZERO, ..request("q", "researchers", &[("2023", 100)]) };
    // The first counts as lost at once, so the second may begin.
    let (first, second) = (reserve(&ledger, &quick), reserve(&ledger, &quick));
    let charges = (first.id(), second.id());
    let given = ledger.settle(second, "2").unwrap();
    assert_eq!(ledger.settle(first, "1").unwrap(), given);
    assert_eq!((given.body.as_str(), given.charge), ("2", charges.1));
    assert_eq!(left(&ledger, "2023"), 400, "both read the data");
    let mut all = Vec::new();
    let mut each = |answer| {
        all.push(answer);
        Ok(())
    };
    ledger.answers(&mut each).unwrap();
    assert_eq!(all, [given]);
    assert!(ledger.verify(&[]).unwrap().is_whole());
}

#[test]
fn abandoned_and_lost_charges_stay() {
    let (fixture, ledger) = declared();
    let reservation = reserve(&ledger, &request("q", "researchers", &[("2023", 100)]));
    ledger.abandon(reservation, "timeout").unwrap();
    drop(reserve(&ledger, &request("r", "researchers", &[("2023", 50)])));
    let charges = |ledger: &Ledger| {
        ledger.history(&HistoryFilter { kind: Some("charge".to_owned()), ..Default::default() }).unwrap()
    };
    let states = |ledger: &Ledger| charges(ledger).iter().map(|e| e.state.unwrap()).collect::<Vec<_>>();
    assert_eq!(states(&ledger), [EntryState::Abandoned, EntryState::Running]);
    drop(ledger);
    let ledger = fixture.open();
    assert_eq!(left(&ledger, "2023"), 450);
    assert_eq!(states(&ledger), [EntryState::Abandoned, EntryState::Lost]);
    assert_eq!(charges(&ledger)[0].charges, [Charged { block: year("2023"), loss: nano(100) }]);
    let ended =
        ledger.history(&HistoryFilter { kind: Some("abandoned".to_owned()), ..Default::default() }).unwrap();
    assert_eq!(ended[0].reason.as_deref(), Some("timeout"));
}

#[test]
fn a_reservation_ends_once() {
    let (_fixture, ledger) = declared();
    let reservation = reserve(&ledger, &request("q", "researchers", &[("2023", 100)]));
    let copy = || Reservation { id: reservation.id, key: "q".to_owned() };
    ledger.settle(copy(), "1").unwrap();
    assert!(matches!(ledger.settle(copy(), "2"), Err(LedgerError::NotOpen { .. })));
    assert!(matches!(ledger.abandon(copy(), "late"), Err(LedgerError::NotOpen { .. })));
    let foreign = || Reservation { id: 77, key: "x".to_owned() };
    assert!(matches!(ledger.settle(foreign(), "1"), Err(LedgerError::NotOpen { id: 77 })));
    assert!(matches!(ledger.abandon(foreign(), ""), Err(LedgerError::NotOpen { id: 77 })));
    // Nor is an answer put under another question than the one that was charged.
    let open = reserve(&ledger, &request("r", "researchers", &[("2023", 100)]));
    let other = Reservation { id: open.id, key: "x".to_owned() };
    assert!(matches!(ledger.settle(other, "1"), Err(LedgerError::NotOpen { .. })));
    assert_eq!(ledger.lookup("q").unwrap().unwrap().body, "1");
    assert_eq!((ledger.lookup("r").unwrap(), ledger.lookup("x").unwrap()), (None, None));
}

#[test]
fn nonsense_is_refused() {
    let (_fixture, ledger) = declared();
    let before = ledger.head().unwrap();
    for wish in [
        request("", "researchers", &[("2023", 1)]),
        request("q", "researchers", &[]),
        request("q", "researchers", &[("2023", 0)]),
        request("q", "researchers", &[("2023", 1), ("2023", 1)]),
        with_id("", request("q", "researchers", &[("2023", 1)])),
        with_id(&"x".repeat(201), request("q", "researchers", &[("2023", 1)])),
    ] {
        assert!(matches!(ledger.begin(&wish), Err(LedgerError::Invalid(_))), "{wish:?}");
    }
    let unknown = ledger.begin(&request("q", "researchers", &[("1999", 1)])).unwrap_err();
    assert!(unknown.to_string().contains("persons/1999"), "{unknown}");
    let unknown = ledger.begin(&request("q", "press", &[("2023", 1)])).unwrap_err();
    assert!(matches!(unknown, LedgerError::UnknownShare { .. }), "{unknown}");
    let unknown = ledger.remaining(&year("1999"), "press", "kari").unwrap_err();
    assert!(matches!(unknown, LedgerError::UnknownBlock { .. }), "{unknown}");
    assert_eq!(ledger.head().unwrap(), before);
    let reservation = reserve(&ledger, &request("q", "researchers", &[("2023", 1)]));
    assert!(matches!(ledger.settle(reservation, "not JSON"), Err(LedgerError::Invalid(_))));
    assert_eq!(ledger.lookup("q").unwrap(), None);
}

#[test]
fn names_of_answers_follow_the_question() {
    let (_fixture, ledger) = declared();
    let (_other, second) = declared();
    let settle = |ledger: &Ledger, key: &str| ask(ledger, &request(key, "releases", &[("2023", 1)]), "1").id;
    let id = settle(&ledger, "q");
    assert_eq!(id, settle(&second, "q"));
    assert_ne!(id, settle(&ledger, "r"));
    assert!(id.len() == 17 && id.starts_with('a'), "{id}");
}

#[test]
fn a_ledger_is_shared_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Ledger>();
}
