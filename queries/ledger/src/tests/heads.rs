//! What a chain cannot show by itself: that its end was cut off. The note beside the book does, or a head
//! that somebody kept.

use super::chain::small_book;
use super::forge::Forger;
use super::*;

/// The small book with a copy of every earlier state of it, `book1` … `book20`, and of the note, `head1` ….
fn with_every_state() -> Fixture {
    small_book(&mut |fixture| {
        let forger = Forger::of(&fixture.path());
        let seq = forger.rows(super::forge::ENTRY).len();
        forger.execute(&format!("VACUUM INTO '{}'", fixture.file(&format!("book{seq}")).display()));
        std::fs::copy(fixture.file("ledger.head"), fixture.file(&format!("head{seq}"))).unwrap();
    })
}

fn restore(fixture: &Fixture, name: &str, seq: u64) {
    std::fs::copy(
        fixture.file(&format!("{name}{seq}")),
        fixture.file(name.replace("book", "ledger.sqlite").as_str()),
    )
    .unwrap();
}

#[test]
fn every_cut_end_is_found_by_the_note_and_by_a_kept_head() {
    let fixture = with_every_state();
    let head = fixture.open().head().unwrap().unwrap();
    assert_eq!(head.seq, 20);
    for seq in (1..20).rev() {
        // Cut off with all consequences undone: the book of that time.
        restore(&fixture, "book", seq);
        let inspect = || Ledger::inspect(&fixture.path(), key()).unwrap();
        let noted = std::fs::read(fixture.file("head20")).unwrap();
        std::fs::write(fixture.file("ledger.head"), noted).unwrap();
        let error = Ledger::open(&fixture.path(), key()).unwrap_err();
        assert!(matches!(error, LedgerError::RolledBack { seen: 20, found } if found == seq), "{error}");
        let found = inspect().verify(&[]).unwrap();
        assert_eq!(found.problems.iter().map(|p| p.entry).collect::<Vec<_>>(), [Some(seq + 1)]);
        assert!(found.problems[0].what.contains("the head last seen here is entry 20"), "{found:?}");

        // With the note of that time nobody here can know,
        std::fs::copy(fixture.file(&format!("head{seq}")), fixture.file("ledger.head")).unwrap();
        let ledger = fixture.open();
        assert!(ledger.verify(&[]).unwrap().is_whole());
        // but who kept the head does.
        let found = ledger.verify(&[head]).unwrap();
        assert_eq!(found.problems.iter().map(|p| p.entry).collect::<Vec<_>>(), [Some(seq + 1)]);
        assert!(found.problems[0].what.contains("the kept head is entry 20"), "{found:?}");
        // Also when it went on since, under the right key.
        while ledger.head().unwrap().unwrap().seq < 20 {
            ledger
                .record("ola", EventKind::Login, &serde_json::json!({ "what": "another history" }))
                .unwrap();
        }
        assert!(ledger.verify(&[]).unwrap().is_whole());
        let found = ledger.verify(&[head]).unwrap();
        assert_eq!(found.problems.len(), 1);
        assert_eq!(found.problems[0].entry, Some(20));
        assert!(found.problems[0].what.contains("another book, or one that was written anew"), "{found:?}");
        drop(ledger);
        // And the note of the true end is not taken in by it.
        std::fs::copy(fixture.file("head20"), fixture.file("ledger.head")).unwrap();
        assert!(matches!(
            Ledger::open(&fixture.path(), key()),
            Err(LedgerError::RolledBack { seen: 20, found: 20 })
        ));
    }
}

#[test]
fn heads_of_every_moment_are_in_the_book_and_those_of_another_are_not() {
    let mut kept = Vec::new();
    let fixture = small_book(&mut |fixture| {
        kept.push(Ledger::inspect(&fixture.path(), key()).unwrap().head().unwrap().unwrap());
    });
    let ledger = fixture.open();
    assert_eq!(kept.iter().map(|head| head.seq).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    assert!(ledger.verify(&kept).unwrap().is_whole());
    // The same questions in another book: another time, so other hashes.
    let (_other, second) = declared();
    let foreign = second.head().unwrap().unwrap();
    let found = ledger.verify(&[kept[4], foreign, kept[9]]).unwrap();
    assert_eq!(found.problems.iter().map(|p| p.entry).collect::<Vec<_>>(), [Some(2)]);
    let beyond = Head { seq: 21, ..foreign };
    assert_eq!(ledger.verify(&[beyond]).unwrap().problems[0].entry, Some(21));
    let before = Head { seq: 0, ..foreign };
    assert!(!ledger.verify(&[before]).unwrap().is_whole());
}

#[test]
fn a_head_is_written_and_read_the_same() {
    let (_fixture, ledger) = declared();
    let head = ledger.head().unwrap().unwrap();
    let text = head.to_string();
    assert!(text.starts_with("2:") && text.len() == 2 + 64, "{text}");
    assert_eq!(text.parse::<Head>().unwrap(), head);
    assert_eq!(format!(" {text}\n").parse::<Head>().unwrap(), head, "as pasted from a note");
    let json = serde_json::to_string(&head).unwrap();
    assert_eq!(
        (json.as_str(), serde_json::from_str::<Head>(&json).unwrap()),
        (&*format!("\"{text}\""), head)
    );
    assert_eq!(ledger.verify(&[]).unwrap().head, Some(head));
    let short = &text[..text.len() - 1];
    for wrong in
        ["", "2", ":", "2:", "x:y", short, &format!("{short}g"), &format!("-{text}"), &format!("{text}0")]
    {
        let error = wrong.parse::<Head>().unwrap_err().to_string();
        assert_eq!(
            error,
            "a kept head is written NUMBER:HASH with 64 hexadecimal digits, as `budget verify` prints it",
            "{wrong}"
        );
    }
    assert!(serde_json::from_str::<Head>("\"2:ff\"").is_err());
}
