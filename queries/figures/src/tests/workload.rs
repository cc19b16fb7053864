//! Workload files: the shipped one is good, and a wrong one is refused with a sentence that says where.

use skjerm_warehouse::policy::Policy;

use crate::workload::Workload;

const GOOD: &str = r#"
name = "small"
version = 1
label = { no = "Liten", en = "Small" }

[dimensions.age]
column = "age_band"
groups = [
  { code = "young", no = "unge", en = "young", of = ["0-12", "13-15", "16-17", "18-22", "23-24"] },
  { code = "rest", no = "andre", en = "others", of = ["25+", "unknown"] },
]

[dimensions.gender]
column = "gender"

[[theme]]
name = "met"
label = { no = "Møtt", en = "Met" }
filter = { ute_contact = ["yes"] }
dims = ["age", "gender"]
table = [
  { name = "met_by_age", label = { no = "a", en = "a" }, dims = ["age"], weight = 1.0 },
  { name = "met_by_gender", label = { no = "a", en = "a" }, dims = ["gender"], weight = 1.0 },
]

[[distinct]]
name = "homes"
label = { no = "h", en = "h" }
column = "home_municipality"
excluding = ["unknown"]
weight = 1.0

[[figure]]
name = "met_young"
label = { no = "m", en = "m" }
category = { no = "u", en = "y" }
definition = { no = "d", en = "d" }
theme = "met"
cells = { age = ["young"] }
"#;

fn problem(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "the test changes nothing: {from}");
    let text = GOOD.replacen(from, to, 1);
    match Workload::parse(&text, "small.toml").and_then(|workload| workload.check(&Policy::oslo())) {
        Ok(()) => panic!("accepted with {to}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_shipped_workload_and_the_small_one_are_good() {
    Workload::key_figures().check(&Policy::oslo()).unwrap();
    Workload::parse(GOOD, "small.toml").unwrap().check(&Policy::oslo()).unwrap();
}

const EVENTS: &str = r#"
name = "months"
version = 1
label = { no = "Måneder", en = "Months" }

[dimensions.month]
column = "month"

[dimensions.gender]
column = "gender"

[dimensions.sofar]
column = "ute_first_month"
order = "to_date"

[[theme]]
name = "met"
label = { no = "Møtt", en = "Met" }
events = { table = "contact", per = "month", norm = 2.0 }
filter = { service = ["uteseksjonen"] }
dims = ["month", "gender"]
table = [{ name = "met_by_month", label = { no = "a", en = "a" }, dims = ["month"] }]

[[theme]]
name = "to_date"
label = { no = "Hittil", en = "To date" }
dims = ["sofar", "gender"]
table = [{ name = "met_to_date", label = { no = "a", en = "a" }, dims = ["sofar"] }]
"#;

#[test]
fn every_mistake_about_events_and_orders_has_its_sentence() {
    Workload::parse(EVENTS, "months.toml").unwrap().check(&Policy::oslo()).unwrap();
    let cases = [
        (
            "table = \"contact\"",
            "table = \"patrol\"",
            "\"patrol\" is no table of events of persons; there are \"agency_contact\"",
        ),
        ("table = \"contact\"", "table = \"person_year\"", "person_year has no column \"month\""),
        ("per = \"month\"", "per = \"week\"", "counts persons once a \"week\", and has no such dimension"),
        ("norm = 2.0", "norm = 0.5", "the norm 0.5 must be a number from 1 to 1000"),
        ("norm = 2.0", "norm = nan", "the norm NaN must be"),
        (
            "dims = [\"month\"] }",
            "dims = [\"gender\"] }",
            "leaves out the dimension \"month\", over which its persons cannot be summed",
        ),
        ("dims = [\"sofar\"] }", "dims = [\"gender\"] }", "leaves out the dimension \"sofar\""),
        (
            "column = \"gender\"",
            "column = \"primary_service\"",
            "theme \"met\", dimension \"gender\": contact has no column",
        ),
        (
            "column = \"month\"",
            "column = \"month\"\norder = \"to_date\"",
            "has an order, and persons are counted once",
        ),
        (
            "dims = [\"month\"] }",
            "dims = [\"month\"], half_width = -1.0 }",
            "the wanted half-width must be a number above 0",
        ),
        ("column = \"ute_first_month\"", "column = \"home_municipality\"", "at most 64 can be planned"),
        ("order = \"to_date\"", "order = \"backwards\"", "unknown variant"),
    ];
    for (from, to, expected) in cases {
        assert!(EVENTS.contains(from), "the test changes nothing: {from}");
        let text = EVENTS.replacen(from, to, 1);
        let checked =
            Workload::parse(&text, "months.toml").and_then(|workload| workload.check(&Policy::oslo()));
        let message = checked.expect_err(to).to_string();
        assert!(message.contains(expected), "{to}: {message}");
    }
}

/// Codes that the theme's filter keeps out need no group; others do.
#[test]
fn a_filter_may_leave_codes_without_a_group() {
    let groups = "column = \"ute_first_month\"\ngroups = [{ code = \"01\", no = \"j\", en = \"J\", of = [\"01\"] }, { code = \"02\", no = \"f\", en = \"F\", of = [\"02\"] }]";
    let text = EVENTS.replacen("column = \"ute_first_month\"", groups, 1);
    let check = |text: &str| {
        Workload::parse(text, "months.toml").and_then(|workload| workload.check(&Policy::oslo()))
    };
    let message = check(&text).unwrap_err().to_string();
    assert!(
        message.contains("no group holds \"03\"")
            && message.contains("or the theme's filter must leave it out"),
        "{message}"
    );
    let filtered = text.replacen(
        "dims = [\"sofar\", \"gender\"]",
        "filter = { ute_first_month = [\"01\", \"02\"] }\ndims = [\"sofar\", \"gender\"]",
        1,
    );
    check(&filtered).unwrap();
}

#[test]
fn a_workload_is_named_or_a_file() {
    for name in ["key_figures", "monthly", "quarterly", "services", "beds", "scene"] {
        let workload = Workload::named(name).unwrap();
        assert_eq!(workload.name, name);
        workload.check(&Policy::oslo()).unwrap();
    }
    let scene = include_str!("../../workloads/scene.toml")
        .replace("per = \"shift\"", "per = \"shift\", rounds = { day = 3 }");
    assert!(Workload::parse(&scene, "x.toml").unwrap_err().to_string().contains("leave them out"));
    let error = Workload::named("weekly").unwrap_err();
    assert!(error.hint().unwrap().contains("shipped are key_figures, monthly"), "{error:?}");
    assert!(Workload::named("./no/such.toml").unwrap_err().to_string().contains("cannot read"));
}

#[test]
fn every_mistake_has_its_sentence() {
    let cases = [
        (
            "column = \"gender\"",
            "column = \"sex\"",
            "dimension \"gender\": person_year has no column \"sex\"; it has age_band",
        ),
        ("column = \"gender\"", "column = \"person\"", "has no code list"),
        (
            "\"25+\", \"unknown\"",
            "\"25+\"",
            "no group holds \"unknown\"; together the groups must hold every code once",
        ),
        (
            "\"25+\", \"unknown\"",
            "\"25+\", \"unknown\", \"0-12\"",
            "the code \"0-12\" is in \"young\" and in \"rest\"; groups must not overlap",
        ),
        ("\"25+\", \"unknown\"", "\"25+\", \"unknown\", \"60+\"", "has no code \"60+\"; it has \"0-12\""),
        (
            "dims = [\"gender\"]",
            "dims = [\"belonging\"]",
            "table \"met_by_gender\": its theme has no dimension \"belonging\"; it has \"age\", \"gender\"",
        ),
        (
            "dims = [\"age\", \"gender\"]",
            "dims = [\"age\", \"district\"]",
            "theme \"met\": there is no dimension \"district\"",
        ),
        ("ute_contact = [\"yes\"]", "ute_contact = [\"ja\"]", "has no code \"ja\""),
        ("ute_contact = [\"yes\"]", "ute_contact = []", "lets nobody through"),
        ("ute_contact = [\"yes\"]", "met = [\"yes\"]", "has no column \"met\""),
        ("name = \"met_by_gender\"", "name = \"met_by_age\"", "\"met_by_age\" is there twice"),
        ("weight = 1.0 },", "weight = -1.0 },", "the weight -1 must be a number above 0"),
        ("excluding = [\"unknown\"]", "excluding = [\"0000\"]", "has no code \"0000\""),
        (
            "cells = { age = [\"young\"] }",
            "cells = { age = [\"old\"] }",
            "figure \"met_young\": the dimension \"age\" has no code \"old\"",
        ),
        (
            "cells = { age = [\"young\"] }",
            "cells = { age = [\"young\"], gender = [\"male\"] }",
            "no table of the theme \"met\" has \"age\", \"gender\" together",
        ),
        ("theme = \"met\"", "theme = \"seen\"", "there is no theme \"seen\""),
        (
            "theme = \"met\"\ncells = { age = [\"young\"] }",
            "distinct = \"towns\"",
            "there is no distinct figure \"towns\"",
        ),
        ("theme = \"met\"\n", "", "must name a theme or a distinct figure, and not both"),
        ("version = 1", "version = 1\ncolour = \"red\"", "line 4: unknown field `colour`"),
        ("version = 1", "version = \"one\"", "line 3: invalid type"),
    ];
    for (from, to, expected) in cases {
        let said = problem(from, to);
        assert!(said.contains(expected), "{to}\n  said: {said}\n  expected: {expected}");
        assert!(said.starts_with("the workload \"small"), "{said}");
    }
}

#[test]
fn a_workload_survives_its_release() {
    let workload = Workload::key_figures();
    let text = serde_json::to_string(&workload).unwrap();
    assert_eq!(serde_json::from_str::<Workload>(&text).unwrap(), workload);
}
