//! What is not to be believed is refused as a whole, with the place and a way out.

use proptest::prelude::*;

use super::*;

fn refused(name: &str, content: &[u8]) -> String {
    let place = Place::new();
    let error = place.import(name, content).expect_err("refused").to_string();
    assert!(!place.installation.reference_dir().exists(), "something was written");
    error
}

/// What a sample, changed so, is refused with.
fn changed(name: &str, from: &str, to: &str) -> String {
    let text = match std::str::from_utf8(sample(name)) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode(sample(name)).0.into_owned(),
    };
    assert!(text.contains(from), "{name}: {from}");
    refused(name, text.replacen(from, to, 1).as_bytes())
}

#[test]
fn a_csv_that_is_wrong() {
    let ssb = "ssb_10826.csv";
    for (from, to, said) in [
        ("10826:", "07459:", "line 1: is table 07459; residents by district and age are SSB's"),
        ("\"region\"", "\"næring\"", "no heading names a district"),
        ("\"alder\"", "\"landbakgrunn\"", "line 3: \"landbakgrunn\" is no year"),
        ("Personer 2025", "Prosent 2025", "line 3: the figures are \"Prosent 2025\" and not persons"),
        (
            "Personer 2025",
            "Personer 2024",
            "line 4: has the residents of 030102 in 2024, ages 0 a second time",
        ),
        ("Personer 2025", "Personer", "line 3: \"Personer\" is no year"),
        (
            "030102 Grünerløkka",
            "030118 Atlantis",
            "line 4: \"030118 Atlantis\" is neither Oslo nor a district",
        ),
        ("030102 Grünerløkka", "030101 Grünerløkka", "(code and name must agree)"),
        ("\"17 år\"", "\"sytten år\"", "line 21: \"sytten år\" is no age"),
        ("\"17 år\"", "\"18 år\"", "line 22: has the residents of 030102 in 2024, ages 18 a second time"),
    ] {
        let message = changed(ssb, from, to);
        assert!(message.starts_with("ssb_10826.csv") && message.contains(said), "{from}: {message}");
    }
}

#[test]
fn figures_that_are_none() {
    let text = encoding_rs::WINDOWS_1252.decode(sample("ssb_10826.csv")).0.into_owned();
    let line = text.lines().nth(3).expect("a line");
    let (start, last) = line.rsplit_once(';').expect("cells");
    for wrong in ["-5", "12,5", "12.0", ":", "..", "", "1e3", "99999999999"] {
        let message = refused("t.csv", text.replacen(line, &format!("{start};{wrong}"), 1).as_bytes());
        let said =
            format!("t.csv, line 4: \"{wrong}\" is no whole number of residents (030102 in 2025, ages 0)");
        assert_eq!(message, said);
    }
    let next = text.lines().nth(4).expect("a line");
    let message =
        refused("t.csv", text.replacen(next, next.rsplit_once(';').expect("cells").0, 1).as_bytes());
    assert!(message.contains("t.csv, line 5: has 3 fields where the heading has 4"), "{message}");
    // Thousands may stand apart.
    let spaced = text.replacen(
        line,
        &format!("{start};\u{a0}{}", last.replacen(&last[..1], &format!("{}\u{202f}", &last[..1]), 1)),
        1,
    );
    let report = Place::new().import("t.csv", spaced.as_bytes()).expect("spaces");
    assert_eq!(report.compared.different, 0);
}

#[test]
fn what_is_missing_is_named() {
    let text = encoding_rs::WINDOWS_1252.decode(sample("ssb_10826.csv")).0.into_owned();
    let without = |keep: &dyn Fn(&str) -> bool| -> String {
        text.lines().filter(|line| keep(line)).flat_map(|line| [line, "\n"]).collect()
    };
    let one = without(&|line| !(line.contains("030113") && line.contains("\"17 år\"")));
    let message = refused("t.csv", one.as_bytes());
    assert_eq!(
        message,
        "t.csv: has no residents of 030113 in 2024, ages 17, which it has of others; take the table with all of them"
    );
    let everywhere = without(&|line| !line.contains("\"17 år\""));
    assert_eq!(refused("t.csv", everywhere.as_bytes()), "t.csv: the ages 17 are missing between others");
    let children = without(&|line| !line.contains(" år") || line.contains("\"3 år\""));
    assert!(
        refused("t.csv", children.as_bytes()).contains("gives none of the age bands 0-12, 13-15"),
        "no band"
    );
    // A year that one district lacks.
    let long = "region;alder;år;Personer\n030101;I alt;2024;5\n030101;I alt;2025;5\n030102;I alt;2025;5\n";
    assert!(refused("t.csv", long.as_bytes()).contains("has no residents of 030102 in 2024, all ages"));
}

#[test]
fn json_that_is_wrong() {
    let groups = "ssb_10826_groups.json";
    for (from, to, said) in [
        ("\"2.0\"", "\"1.0\"", "is not JSON-stat 2: it must have `version` \"2.0\""),
        ("\"id\":", "\"ids\":", "line 1: is not JSON-stat 2: missing field `id`"),
        ("10826:", "07459:", "is table 07459"),
        (
            "\"Alder\",\"ContentsCode\",\"Tid\"]",
            "\"Landbakgrunn\",\"ContentsCode\",\"Tid\"]",
            "not in `dimension`",
        ),
        ("[19,7,1,1]", "[19,8,1,1]", "the dimension \"Alder\" has not as many members as `size` says"),
        ("\"030105a\",", "\"460105a\",", "\"460105a 460105a\" is neither Oslo nor a district"),
        ("\"030105a\":\"Frogner\"", "\"030105a\":\"Sagene\"", "\"030105a Sagene\" is neither Oslo nor"),
        (
            "\"Personer\":\"Personer\"",
            "\"Personer\":\"Prosent\"",
            "the figures are \"Prosent\" and not persons",
        ),
        ("\"2025\":\"2025\"", "\"2025\":\"1. kvartal\"", "\"1. kvartal\" is no year"),
        ("\"2025\":\"2025\"", "\"2025\":\"2003\"", "before 2004 Oslo's districts had other borders"),
        ("\"132\":", "\"133\":", "value 133: is not JSON-stat 2: there are more values than `size` says"),
        ("\"132\":", "\"131\":", "value 131: has the residents of 030199 in 2025, ages 20–24 a second time"),
        ("\"7\":", "\"seven\":", "must be positions"),
    ] {
        let message = changed(groups, from, to);
        assert!(message.starts_with(groups) && message.contains(said), "{from} → {to}: {message}");
    }
    let text = std::str::from_utf8(sample(groups)).expect("UTF-8");
    let at = text.find("\"8\":").expect("a value");
    let end = at + text[at..].find(',').expect("more");
    for (to, said) in [
        ("\"8\":-3", "value 8: \"-3\" is no whole number of residents (030101 in 2025, ages 0–12)"),
        ("\"8\":3.5", "value 8: \"3.5\" is no whole number of residents"),
        ("\"8\":null", "value 8: has no residents of 030101 in 2025, ages 0–12, which it has of others"),
        ("\"8\":\"3\"", "is not JSON-stat 2: invalid type: string"),
    ] {
        let message = refused(groups, [&text[..at], to, &text[end..]].concat().as_bytes());
        assert!(message.contains(said), "{message}");
    }
    // An object that leaves a value out.
    let message = refused(groups, [&text[..at], &text[end + 1..]].concat().as_bytes());
    assert!(message.contains("value 8: has no residents of 030101 in 2025, ages 0–12"), "{message}");
}

#[test]
fn totals_that_are_not_the_sum_of_their_parts() {
    let text = std::str::from_utf8(sample("ssb_10826_groups.json")).expect("UTF-8");
    let more_by = |position: usize, by: i64| {
        let at = text.find(&format!("\"{position}\":")).expect("a value");
        let (start, rest) = (at + format!("\"{position}\":").len(), &text[at..]);
        let end = at + rest.find([',', '}']).expect("an end");
        let number: i64 = text[start..end].parse().expect("a number");
        [&text[..start], &(number + by).to_string(), &text[end..]].concat()
    };
    // All ages of Gamle Oslo.
    let message = refused("t.json", more_by(7, 1).as_bytes());
    assert!(
        message.contains("the residents of 030101 in 2025, all ages are ")
            && message.contains("but its parts make"),
        "{message}"
    );
    // All ages and one band of Gamle Oslo: the districts no longer make the city.
    let once = more_by(7, 1);
    let text = once.as_str();
    let at = text.find("\"9\":").expect("a value") + 4;
    let end = at + text[at..].find(',').expect("more");
    let number: i64 = text[at..end].parse().expect("a number");
    let both = [&text[..at], &(number + 1).to_string(), &text[end..]].concat();
    let message = refused("t.json", both.as_bytes());
    assert!(message.contains("residents of the ages 13-15 in 2025, and the whole city"), "{message}");
    // Without those registered nowhere, the city may have more than its districts, and not fewer; with them, neither.
    let city = |city: u64, nowhere: Option<u64>| {
        let rows: Vec<String> = (1..=17).map(|n| format!("0301{n:02};25+;2025;2\n")).collect();
        let rows = rows.concat();
        let nowhere = nowhere.map_or(String::new(), |n| format!("030199;25+;2025;{n}\n"));
        let text = format!("region;alder;år;Personer\n0301;25+;2025;{city}\n{rows}{nowhere}");
        Place::new().import("t.csv", text.as_bytes()).map_err(|error| error.to_string())
    };
    for (whole, nowhere, good) in [
        (34, None, true),
        (40, None, true),
        (33, None, false),
        (36, Some(2), true),
        (37, Some(2), false),
        (35, Some(2), false),
    ] {
        let report = city(whole, nowhere);
        assert_eq!(report.is_ok(), good, "{whole} {nowhere:?}: {report:?}");
    }
    // Sexes.
    let sexes = "region;kjønn;alder;år;Personer\n03;Menn;I alt;2025;2\n".replace("03;", "030101;");
    assert!(refused("t.csv", sexes.as_bytes()).contains("only one of the sexes"));
    let sexes = sexes + "030101;Kvinner;I alt;2025;3\n030101;Begge kjønn;I alt;2025;6\n";
    assert!(refused("t.csv", sexes.as_bytes()).contains("all ages are 6, but its parts make 5"));
}

#[test]
fn what_is_no_table() {
    for (content, said) in [
        (&b""[..], "it is empty"),
        (b"PK\x03\x04rest", "it is a workbook"),
        (b"r\0e\0g\0i\0o\0n\0", "it is no text"),
        (b"hello\nworld\n", "no heading names a district"),
        (b"<html></html>\n", "no heading names a district"),
        (b"[1, 2]", "is not JSON-stat 2"),
        (b"region;alder;2025\n030101;I alt;5", "ends within a line"),
    ] {
        let message = refused("t.csv", content);
        assert!(message.starts_with("t.csv") && message.contains(said), "{message}");
    }
    let place = Place::new();
    let missing = place.folder.path().join("borte.csv");
    let error =
        import(&place.installation, &place.districts, &missing, false).expect_err("no file").to_string();
    assert!(error.starts_with("cannot read borte.csv: "), "{error}");
}

/// A file that was cut anywhere is refused, or gives fewer figures and no wrong one.
#[test]
fn a_cut_file_gives_no_wrong_figure() {
    let policy = Policy::oslo();
    let regions = region::Regions::new(policy.code_list("district").expect("districts"));
    for (name, content) in SAMPLES {
        let text = encoding_rs::WINDOWS_1252.decode(content).0;
        let text = std::str::from_utf8(content).unwrap_or(&text);
        let json = name == "ssb_10826_ages.json" || name == "ssb_10826_groups.json";
        let read = |text: &str| {
            if json {
                json_stat::read(text, &regions)
            } else {
                csv::read(text.trim_start_matches('\u{feff}'), &regions)
            }
        };
        let whole = read(text).expect(name).1.figures(&regions).expect(name);
        for (end, _) in text.char_indices() {
            let Ok((_, cells)) = read(&text[..end]) else { continue };
            let Ok(part) = cells.figures(&regions) else { continue };
            assert!(!json || end == text.trim_end().len(), "{name}, {end}");
            for (key, bands) in part {
                let known = bands.iter().zip(whole[&key]).filter(|(band, _)| band.is_some());
                assert!(known.into_iter().all(|(band, whole)| *band == whole), "{name}, {end}: {key:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever bytes come: an answer, never a panic.
    #[test]
    fn mutated_files_are_answered(which in 0_usize..4, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut content = SAMPLES[which].1.to_vec();
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        let place = Place::new();
        if let Err(error) = place.import("t", &content) {
            prop_assert!(error.to_string().starts_with('t'), "{error}");
        }
    }
}
