use super::*;

#[test]
fn the_shipped_policy_reads() {
    let policy = Policy::oslo();
    assert_eq!(policy.name, "oslo");
    assert_eq!(policy.years, YearRange { first: 2019, last: 2025 });
    assert_eq!(policy.tables.len(), 13);
    let contact = policy.table("contact").expect("contact");
    let names: Vec<_> = contact.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "person",
            "record",
            "year",
            "month",
            "date",
            "age_band",
            "gender",
            "belonging",
            "home_municipality",
            "home_district",
            "link_level",
            "service",
            "area",
            "shift",
            "first_time",
            "minutes"
        ]
    );
    assert_eq!(policy.code_list("municipality").map(CodeList::len), Some(358));
}

#[test]
fn codes_and_roles_are_found() {
    let policy = Policy::oslo();
    let ages = policy.code_list("age_band").expect("age bands");
    assert_eq!(ages.position("18-22"), Some(3));
    assert_eq!(ages.label("0-12").map(|c| c.en.as_str()), Some("under 13"));
    assert!(!ages.contains("18-24") && !ages.is_empty());
    let municipalities = policy.code_list("municipality").expect("municipalities");
    assert!(municipalities.contains("3301") && municipalities.contains(UNKNOWN));
    assert!(!municipalities.contains("3005"), "numbers of before 2024 are not in use");
    assert_eq!(municipalities.label("1818").map(|c| c.no.as_str()), Some("Herøy (Nordland)"));
    let names: std::collections::BTreeSet<_> = municipalities.codes.iter().map(|c| &c.no).collect();
    assert_eq!(names.len(), municipalities.len(), "names are unique");
    let planner = policy.analyst("planner").expect("planner");
    assert!(planner.may(Role::Scene) && !planner.may(Role::Steward));
    let table = policy.table("scene_observation").expect("scene");
    assert_eq!(table.column_of(&ColumnRole::Person), None);
    assert_eq!(table.column("persons").map(|c| &c.role), Some(&ColumnRole::Measure { min: 0, max: 200 }));
    assert!(table.arrow_schema().column_with_name("year").is_some());
    assert!(table.file_schema().column_with_name("year").is_none());
    for list in policy.codes.values() {
        assert!(list.contains(UNKNOWN), "{}", list.name);
    }
}

#[test]
fn the_fingerprint_is_of_the_meaning() {
    let policy = Policy::oslo();
    let commented = format!("# A comment.\n{SHIPPED_POLICY}");
    let same = read::parse(&commented, "p", &mut read::shipped).expect("a policy");
    assert_eq!(same.fingerprint(), policy.fingerprint());
    let other = SHIPPED_POLICY.replace("rho = 0.31", "rho = 0.32");
    let other = read::parse(&other, "p", &mut read::shipped).expect("a policy");
    assert_ne!(other.fingerprint(), policy.fingerprint());
}

/// What the shipped policy, changed so, is refused with.
fn refused(from: &str, to: &str) -> String {
    assert!(SHIPPED_POLICY.contains(from), "{from}");
    let text = SHIPPED_POLICY.replacen(from, to, 1);
    let error = read::parse(&text, "policy.toml", &mut read::shipped).expect_err("refused");
    error.to_string()
}

#[test]
fn a_mistake_is_said_with_file_and_line() {
    let line = |of: &str| SHIPPED_POLICY[..SHIPPED_POLICY.find(of).expect("there")].matches('\n').count() + 1;
    let gender = "{ name = \"gender\", role = \"dimension\", codes = \"gender\" }";
    assert_eq!(
        refused(gender, "{ name = \"gender\", role = \"dimention\", codes = \"gender\" }"),
        format!(
            "policy.toml, line {}: unknown role \"dimention\" of column \"gender\" in group \"about\"; known are \
             person, record, year, month, date, dimension, measure",
            line(gender)
        )
    );
    assert_eq!(
        refused(gender, "{ name = \"gender\", role = \"dimension\", codes = \"sex\" }"),
        format!(
            "policy.toml, line {}: column \"gender\" of group \"about\" has the code list \"sex\", which the \
             policy does not declare under [codes]",
            line(gender)
        )
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let cases = [
        (
            "years = { first = 2019, last = 2025 }",
            "years = { first = 2025, last = 2019 }",
            "from 2025 to 2019",
        ),
        ("rho = 0.31", "rho = -1.0", "[budget.persons] rho is -1; it must be greater than 0"),
        ("rho = 0.31", "rho = nan", "[budget.persons] rho is NaN"),
        ("delta = 1e-6", "delta = 1.0", "delta is 1; it must be greater than 0 and below 1"),
        (
            "delta = 1e-6\nshares = { rel",
            "delta = 1e-6\nthresholds = 1e-6\nshares = { rel",
            "[budget.persons] thresholds is 0.000001",
        ),
        (
            "share = \"researchers\"\n",
            "share = \"researchers\"\nlimit = 1.5\n",
            "limit of analyst \"researcher\" is 1.5",
        ),
        ("releases = 0.5", "releases = 0.6", "shares of the budget \"persons\" add up to 1.1"),
        ("releases = 0.5", "releases = 0.0", "the share \"releases\""),
        ("default_rho = 0.005", "default_rho = 0.0", "default_rho is 0"),
        ("min_rho = 1e-5", "min_rho = 0.0", "min_rho is 0"),
        ("answer_step_ms = 250", "answer_step_ms = 0", "answer_step_ms is 0"),
        ("concurrent = 2", "concurrent = 0", "concurrent is 0; it must be greater than 0 and below 65"),
        ("concurrent = 2", "concurrent = 65", "concurrent is 65"),
        ("min_rho = 1e-5", "min_rho = 0.5", "min_rho is 0.5; it must be greater than 0 and below 0.005"),
        ("max_cells = 20000", "max_cells = 0", "max_cells is 0"),
        ("share = \"researchers\"", "share = \"resaerchers\"", "\"resaerchers\", which no budget declares"),
        ("roles = [\"query\"]", "roles = [\"qurey\"]", "unknown role \"qurey\" of analyst \"researcher\""),
        ("name = \"district\"", "name = \"researcher\"", "analyst \"researcher\" is declared twice"),
        ("{ code = \"male\"", "{ code = \"female\"", "code list \"gender\" has the code \"female\" twice"),
        (
            "{ code = \"unknown\", no = \"ukjent\", en = \"unknown\" },\n]\n\n[codes.belonging]",
            "]\n\n[codes.belonging]",
            "code list \"gender\" has no code \"unknown\"",
        ),
        ("file = \"municipalities.csv\"", "file = \"../municipalities.csv\"", "plain file name"),
        ("file = \"municipalities.csv\"", "file = \"other.csv\"", "cannot read the policy file other.csv"),
        ("file = \"municipalities.csv\"", "", "must have either `codes` or `file`"),
        ("kind = \"protected\"", "kind = \"secret\"", "table \"contact\" says kind = \"secret\""),
        ("grain = \"events\"", "grain = \"event\"", "says grain = \"event\""),
        ("max_rows = 120", "max_rows = 0", "max_rows = 0"),
        ("groups = [\"event\", \"about\"]", "groups = [\"event\", \"abuot\"]", "column group \"abuot\""),
        (
            "groups = [\"event\", \"about\"]",
            "groups = [\"about\"]",
            "exactly one column of the role \"year\"",
        ),
        ("{ name = \"area\", role", "{ name = \"gender\", role", "column \"gender\" twice"),
        ("{ name = \"area\", role", "{ name = \"Area\", role", "named \"Area\"; a name is lower-case"),
        ("min = 0, max = 240", "min = 241, max = 240", "min = 241 above max = 240"),
        ("min = 0, max = 240", "min = 0", "role \"measure\" and must have `min` and `max`"),
        ("role = \"month\"", "role = \"month\", min = 1, max = 12", "have neither `codes`"),
        (
            "{ name = \"month\", role = \"month\" }",
            "{ name = \"maaned\", role = \"month\" }",
            "must be named \"month\"",
        ),
        ("family = \"persons\"", "family = \"personer\"", "no [budget.personer]"),
        ("suppress_below = 5", "suppress_below = 5\nsupress = 6", "unknown field `supress`"),
        ("suppress_below = 5", "suppress_below = -5", "line 9: suppress_below is -5; it must be 0 or more"),
        ("{ code = \"male\"", "{ code = \"\"", "code list \"gender\" has the code \"\"; a code is not empty"),
        (
            "{ code = \"male\"",
            "{ code = \"male \"",
            "has the code \"male \"; a code is not empty and has no spaces",
        ),
        ("[query]", "[query", "policy.toml, line 29"),
    ];
    for (from, to, said) in cases {
        let message = refused(from, to);
        assert!(message.contains(said), "{from:?} → {to:?}: {message}");
        assert!(message.starts_with("policy.toml") || message.starts_with("cannot read"), "{message}");
    }
}

#[test]
fn a_file_of_codes_is_checked_line_by_line() {
    let with = |csv: &'static str| {
        let mut files = |_: &str| Ok(csv.as_bytes().to_vec());
        read::parse(SHIPPED_POLICY, "policy.toml", &mut files).map(|p| p.codes["municipality"].len())
    };
    assert_eq!(with("# Comment\ncode,name\n0301,Oslo\n").expect("a policy"), 2);
    assert_eq!(with("\u{feff}code,name\r\n0301,Oslo\r\n").expect("a byte-order mark"), 2);
    for (csv, said) in [
        (
            "code,name\n0301,Oslo\n0301,Oslo\n",
            "municipalities.csv, line 3: code list \"municipality\" has the code \"0301\" twice",
        ),
        (
            "# c\n\n0301,Oslo\n1101,Eigersund\n",
            "municipalities.csv, line 3: a file of codes must begin with the heading",
        ),
        ("# nothing\n", "municipalities.csv: a file of codes must begin with the heading `code,name`"),
        ("code,name\n0301\n", "municipalities.csv, line 2"),
        ("code,name\n0301,\n", "municipalities.csv, line 2"),
        ("code,name\nunknown,Ukjent\n", "has the code \"unknown\" twice"),
    ] {
        let message = with(csv).expect_err("refused").to_string();
        assert!(message.contains(said), "{message}");
    }
}

/// Mistakes in how a value is written: the reader's own words, one sentence with file and line.
#[test]
fn a_typo_is_said_in_one_sentence() {
    let line = |of: &str| SHIPPED_POLICY[..SHIPPED_POLICY.find(of).expect("there")].matches('\n').count() + 1;
    for (from, to, said) in [
        ("max_rows = 120", "max_rows = \"120\"", "invalid type: string \"120\", expected u32"),
        ("max_rows = 120", "max_rows = -1", "invalid value: integer `-1`, expected u32"),
        ("max_rows = 120", "max_row = 120", "unknown field `max_row`"),
        ("rho = 0.31", "rho = 0,31", "expected newline"),
        ("rho = 0.31", "rho = \"0.31\"", "invalid type: string \"0.31\", expected f64"),
        ("version = 1", "version = 1\nversion = 2", "duplicate key"),
        ("version = 1", "", "missing field `version`"),
        ("years = { first = 2019, last = 2025 }", "years = { first = 2019 }", "missing field `last`"),
        ("years = { first = 2019, last = 2025 }", "years = 2019", "invalid type: integer `2019`"),
        ("[budget.persons]", "[budgets.persons]", "unknown field `budgets`"),
        ("[tables.contact]", "[tables.contact", "unclosed table"),
        ("label = { no = \"Bydel\", en = \"District\" }", "label = { no = \"Bydel\" }", "missing field `en`"),
        ("districts = 3", "distrikter = 3", "unknown field `distrikter`"),
    ] {
        let message = refused(from, to);
        assert!(message.contains(said) && !message.contains('\n'), "{from:?} → {to:?}: {message}");
        // What is missing or doubled may be said of the line after, or of the file's first.
        let (at, named) = (line(from), message.strip_prefix("policy.toml, line ").expect("a line"));
        let named: usize = named.split(':').next().and_then(|n| n.parse().ok()).expect("a number");
        assert!(
            named == at || named == at + 1 || (said.starts_with("missing") && named == 1),
            "{at}: {message}"
        );
    }
}

#[test]
fn a_family_without_a_budget_is_said_with_its_line() {
    let family = SHIPPED_POLICY.find("family = \"persons\"").expect("there");
    let line = SHIPPED_POLICY[..family].matches('\n').count() + 1;
    let message = refused("family = \"persons\"", "family = \"personer\"");
    assert!(
        message.starts_with(&format!("policy.toml, line {line}: protected table \"contact\"")),
        "{message}"
    );
}

#[test]
fn files_that_are_missing_or_no_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(POLICY_FILE);
    let failed = || Policy::load(&path).expect_err("refused").to_string();
    assert!(
        failed().contains("policy.toml: ") && failed().contains("`skjerm init` writes the shipped one"),
        "{}",
        failed()
    );
    std::fs::write(&path, SHIPPED_POLICY).expect("a file");
    assert!(failed().starts_with("cannot read the policy file municipalities.csv: "), "{}", failed());
    // As Windows-1252, whose first letter beyond ASCII is in the comment of line 25.
    let one_byte =
        |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect::<Vec<u8>>();
    let list = folder.path().join(MUNICIPALITIES_FILE);
    std::fs::write(&list, one_byte("code,name\n0301,Oslo\n1111,Sokndal\n1119,H\u{e5}\n")).expect("a file");
    assert_eq!(failed(), "municipalities.csv, line 4: the text is not UTF-8; save the file as UTF-8");
    std::fs::write(&list, SHIPPED_MUNICIPALITIES).expect("a file");
    assert_eq!(Policy::load(&path).expect("a policy"), Policy::oslo());
    std::fs::write(&path, format!("\u{feff}{SHIPPED_POLICY}")).expect("a file");
    assert_eq!(Policy::load(&path).expect("with a byte-order mark"), Policy::oslo());
    let broken = SHIPPED_POLICY.find("Gr\u{fc}nerl").expect("there");
    let line = SHIPPED_POLICY[..broken].matches('\n').count() + 1;
    let mut bytes = SHIPPED_POLICY.as_bytes().to_vec();
    bytes[broken + 2] = 0xfc;
    std::fs::write(&path, bytes).expect("a file");
    assert!(
        failed()
            .ends_with(&format!("policy.toml, line {line}: the text is not UTF-8; save the file as UTF-8"))
    );
}

#[test]
fn regions_are_districts_put_together() {
    let policy = Policy::oslo();
    let rows: Vec<_> = policy.region_table().collect();
    assert_eq!(rows.len(), 15);
    assert_eq!((rows[0].grouping, rows[0].region, rows[0].district), ("example", "inner", "030101"));
    assert!(rows[0].label.no.contains("Indre"));
    let inner = "districts = [\"030101\", \"030102\",";
    for (from, to, said) in [
        (
            inner,
            "districts = [\"030199\", \"030102\",",
            "\"inner\" of [regions.example] has the district \"030199\", which is no code",
        ),
        (inner, "districts = [\"unknown\", \"030102\",", "has the district \"unknown\", which is no code"),
        (
            inner,
            "districts = [\"030102\", \"030102\",",
            "has the district \"030102\" in \"inner\" and again in \"inner\"",
        ),
        (
            "\"030106\", \"030107\",",
            "\"030101\", \"030107\",",
            "has the district \"030101\" in \"inner\" and again in \"outer\"",
        ),
        ("code = \"outer\"", "code = \"inner\"", "[regions.example] has the region \"inner\" twice"),
        ("code = \"outer\"", "code = \"Ytre by\"", "a region is named \"Ytre by\""),
        ("[regions.example]", "[regions.SaLTo]", "a grouping of regions is named \"SaLTo\""),
    ] {
        let message = refused(from, to);
        assert!(message.starts_with("policy.toml, line ") && message.contains(said), "{to}: {message}");
    }
    let start = SHIPPED_POLICY.find("districts = [\"030101\"").expect("there");
    let end = start + SHIPPED_POLICY[start..].find(']').expect("an end") + 1;
    let message = refused(&SHIPPED_POLICY[start..end], "districts = []");
    assert!(message.contains("the region \"inner\" of [regions.example] has no districts"), "{message}");
    let start = SHIPPED_POLICY.find("regions = [\n").expect("there");
    let end = start + SHIPPED_POLICY[start..].find("\n]").expect("an end") + 2;
    assert!(
        refused(&SHIPPED_POLICY[start..end], "regions = []").contains("[regions.example] has no regions")
    );
}

#[test]
fn limits_are_checked() {
    assert_eq!(Policy::oslo().limits, Limits { districts: Some(3), months: Some(12) });
    for (from, to, said) in [
        ("districts = 3", "districts = 0", "[limits] districts is 0; it must be from 1 to 18"),
        ("districts = 3", "districts = 19", "[limits] districts is 19; it must be from 1 to 18"),
        ("months = 12", "months = 13", "[limits] months is 13; it must be from 1 to 12"),
    ] {
        let message = refused(from, to);
        assert!(message.starts_with("policy.toml, line ") && message.contains(said), "{message}");
    }
    // A policy of before there were limits and regions means what it meant.
    let without = |text: &str, from: &str, to: &str| {
        let (start, end) = (text.find(from).expect("there"), text.find(to).expect("there"));
        [&text[..start], &text[end..]].concat()
    };
    let text = without(SHIPPED_POLICY, "[limits]", "# Who may ask");
    let text = without(&text, "[regions.example]", "# --- column groups");
    let policy = read::parse(&text, "p", &mut read::shipped).expect("a policy");
    assert!(policy.limits.is_none() && policy.regions.is_empty());
    let form = serde_json::to_string(&policy).expect("JSON");
    assert!(!form.contains("limits") && !form.contains("regions"), "its fingerprint stays");
}

#[test]
fn a_policy_of_before_takes_the_shipped_limits() {
    let shipped = include_str!("../../policy/oslo.toml");
    for line in ["min_rho = 1e-5\n", "answer_step_ms = 250\n", "concurrent = 2\n"] {
        assert!(shipped.contains(line), "{line}");
        let before = shipped.replace(line, "");
        let policy = super::read::parse(&before, "oslo.toml", &mut super::read::shipped).expect(line);
        assert_eq!(policy.query, Policy::oslo().query, "{line}");
    }
}
