//! Forms of the counts: a round is whole, or none of its lines is used.

use super::*;

const HEADER: &str = "Skjemanr;Telling;Dato;Vakt;Område;Aldersgruppe;Kjønn;Antall;Datasett";

/// The lines of a round: one for every area, age group and gender.
fn round(campaign: &str, day: &str, shift: &str, seen: u32) -> Vec<String> {
    let areas = [
        "Oslo S",
        "Storgata/Brugata",
        "Nedre Akerselva",
        "Vaterland/Grønland",
        "Urtegata",
        "Kvadraturen/Skippergata",
    ];
    let mut lines = Vec::new();
    for area in areas {
        for age in ["under 18", "18–25", "over 25"] {
            for gender in ["Mann", "Kvinne"] {
                lines.push(format!("1;{campaign};{day};{shift};{area};{age};{gender};{seen};SYNTETISK"));
            }
        }
    }
    lines
}

fn read(bench: &Bench, lines: &[String]) -> ReadFile {
    bench.read("scene", "scene.csv", format!("{HEADER}\n{}\n", lines.join("\n")).as_bytes()).unwrap()
}

#[test]
fn a_whole_round_is_read_also_when_nobody_was_seen() {
    let bench = Bench::new();
    for seen in [0, 3, 200] {
        let mut lines = round("2024-summer", "01.07.2024", "Dag", seen);
        for (line, word) in lines.iter_mut().zip(["sommeren 2024", "Summer 2024"]) {
            *line = line.replace("2024-summer", word);
        }
        // Lines beside the protocol's are welcome.
        lines.push("1;2024-summer;01.07.2024;Dag;Urtegata;Ukjent;Mann;1;SYNTETISK".to_owned());
        lines.push("1;2024-summer;01.07.2024;Dag;I bydel;over 25;Mann;1;SYNTETISK".to_owned());
        let file = read(&bench, &lines);
        assert_eq!(faults(&file), []);
        let rows = table(&file, "scene_observation");
        assert_eq!(rows.num_rows(), 38);
        assert_eq!(cells(rows, "campaign"), ["2024-summer"; 38]);
        assert_eq!(cells(rows, "persons")[..36], vec![seen.to_string(); 36]);
        assert_eq!(cells(rows, "scene_age")[..3], ["u18", "u18", "18-25"]);
        assert_eq!(std::collections::BTreeSet::from_iter(cells(rows, "record")).len(), 38);
    }
}

/// Whether the lines of a round are used says nothing of who was seen.
#[test]
fn every_line_of_an_incomplete_round_is_quarantined() {
    let bench = Bench::new();
    for seen in [0, 1, 200] {
        let mut lines = round("2024-summer", "01.07.2024", "Dag", seen);
        lines.pop();
        lines.extend(round("2024-summer", "01.07.2024", "Kveld", seen));
        lines.push(format!("7;2024-summer;02.07.2024;Dag;Urtegata;over 25;Mann;{seen};SYNTETISK"));
        let file = read(&bench, &lines);
        let expected: Vec<(u64, &str, &str)> =
            (2..37).chain([73]).map(|line| (line, "", "incomplete_round")).collect();
        assert_eq!(faults(&file), expected);
        assert_eq!((file.read, file.usable()), (72, 36));
        assert_eq!(cells(table(&file, "scene_observation"), "shift"), ["evening"; 36]);
        assert_eq!(file.report(DeliveryLoad::default()).reasons["incomplete_round"], 36);
    }
    let alone = read(&bench, &round("2024-summer", "01.07.2024", "Dag", 1)[..1]);
    assert!(alone.rows.tables.is_empty(), "no table without rows");
}

#[test]
fn a_line_that_cannot_be_used_takes_its_round_along() {
    let bench = Bench::new();
    let mut lines = round("2024-summer", "01.07.2024", "Dag", 0);
    lines[3] = lines[3].replace(";0;SYNTETISK", ";;SYNTETISK");
    let file = read(&bench, &lines);
    assert_eq!((file.read, file.usable()), (36, 0));
    let found = faults(&file);
    assert_eq!(found[3], (5, "Antall", "missing_value"));
    assert!(found.iter().enumerate().all(|(at, f)| at == 3 || f.2 == "incomplete_round"));
}

#[test]
fn campaign_and_date_must_agree() {
    let bench = Bench::new();
    let cases = [
        ("2024-winter", "01.12.2023", true),
        ("2024-winter", "31.12.2023", true),
        ("2024-winter", "01.01.2024", true),
        ("2024-summer", "31.12.2024", true),
        ("Ukjent", "01.07.2022", true),
        ("2024-winter", "30.11.2023", false),
        ("2024-summer", "01.07.2023", false),
        ("sommeren 2024", "01.07.2025", false),
        ("2024-winter", "01.01.2025", false),
    ];
    for (campaign, day, agree) in cases {
        let file = read(&bench, &round(campaign, day, "Dag", 0));
        assert_eq!(file.usable(), if agree { 36 } else { 0 }, "{campaign} {day}");
        let expected: Vec<(u64, &str, &str)> =
            (2..38).filter(|_| !agree).map(|line| (line, "Telling", "campaign_and_date_differ")).collect();
        assert_eq!(faults(&file), expected, "{campaign} {day}");
    }
}
