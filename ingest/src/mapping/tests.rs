use skjerm_warehouse::policy::Policy;

use super::*;

fn compiled(text: &str) -> Result<Compiled, String> {
    let mapping = parse(text, "test.toml").map_err(|e| e.to_string())?;
    Compiled::new(&mapping, &Policy::oslo()).map_err(|e| e.to_string())
}

#[test]
fn the_shipped_mappings_fit_the_shipped_policy() {
    let names = sources();
    assert_eq!(names, ["soma", "kontakt", "beds", "patrol", "scene", "agency"]);
    for (mapping, name) in all(Path::new("/nonexistent")).unwrap().iter().zip(names) {
        assert_eq!(mapping.source, name);
        Compiled::new(mapping, &Policy::oslo()).unwrap();
    }
}

/// The worked example of the module documentation.
fn example() -> String {
    let docs = include_str!("mod.rs");
    let lines =
        docs.lines().skip_while(|l| !l.contains("```toml")).skip(1).take_while(|l| !l.contains("```"));
    lines.map(|l| format!("{}\n", l.trim_start_matches("//!").trim_start_matches(' '))).collect()
}

#[test]
fn the_worked_example_is_a_mapping() {
    let compiled = compiled(&example()).unwrap();
    assert_eq!(compiled.source, "talks");
    assert_eq!(compiled.tables[0].name, "contact");
}

#[test]
fn mistakes_are_refused_with_their_place() {
    let example = example();
    for (from, to, message) in [
        ("kind = \"id\"", "kind = \"id\"\ncolour = 1", "unknown field `colour`"),
        ("dates = [\"dd.mm.yyyy\"", "dates = [\"mm/dd/yy\"", "no date format is called `mm/dd/yy`"),
        ("codes = \"service\"", "codes = \"services\"", "the policy has no code list `services`"),
        ("uteseksjonen = [", "utesektionen = [", "has no code `utesektionen`"),
        ("columns = { service =", "columns = { gender =", "column `gender` has the code list `gender`"),
        ("columns = { service =", "columns = { servise =", "no column `servise`"),
        ("record = [\"record\", \"service\"]", "record = [\"records\"]", "there is no field `records`"),
        ("date = \"date\"", "date = \"client\"", "must have kind Date"),
        ("client = \"client\"", "", "names nothing that says who it is"),
        ("[tables.contact]", "[tables.contacts]", "no such table"),
        ("headers = [\"Klient\"]", "headers = [\"Dato\"]", "belongs to another field"),
        ("drop = [\"Merknad\"", "drop = [\"KLIENT\"", "both dropped and read"),
    ] {
        assert!(example.contains(from), "{from}");
        let error = compiled(&example.replacen(from, to, 1)).err().unwrap_or_default();
        assert!(error.contains(message), "{message}: {error}");
    }
}

#[test]
fn a_folder_adds_mappings_and_replaces_shipped_ones() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("talks.toml"), example()).unwrap();
    std::fs::write(dir.path().join("x.toml"), example().replace("\"talks\"", "\"beds\"")).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "not a mapping").unwrap();
    let found: Vec<String> = all(dir.path()).unwrap().into_iter().map(|m| m.source).collect();
    assert_eq!(found, ["soma", "kontakt", "patrol", "scene", "agency", "talks", "beds"]);
}
