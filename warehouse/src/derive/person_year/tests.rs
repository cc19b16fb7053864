use crate::Purpose;
use crate::policy::Policy;
use crate::tests::world::{Row, Stored, World, hex, layer_one, row};

async fn person(world: &World, number: u64) -> Stored {
    let person = hex(&world.key.pseudonym(Purpose::Person, &layer_one("person", number)));
    let rows = world.rows("person_year").await;
    let mut found = rows.into_iter().filter(|r| r["person"] == person);
    let row = found.next().expect("a person-year");
    assert!(found.next().is_none(), "one row a person a year");
    row
}

fn person_in<'a>(rows: &'a [Stored], world: &World, number: u64, year: &str) -> &'a Stored {
    let person = hex(&world.key.pseudonym(Purpose::Person, &layer_one("person", number)));
    rows.iter().find(|r| r["person"] == person && r["year"] == year).expect("a person-year")
}

#[tokio::test]
async fn an_attribute_is_the_most_frequent_known_value_over_all_tables() {
    let world = World::new();
    let contacts = [
        row(1, 1, "2023-01-01").with("gender", "female").with("home_district", "030101"),
        row(1, 2, "2023-12-01").with("gender", "male"),
        row(1, 3, "2023-12-02"),
        row(1, 4, "2023-12-03"),
    ];
    let beds = [row(1, 5, "2023-06-01").with("gender", "female")];
    world.load(&[("contact", &contacts), ("bed_stay", &beds)]).await;
    let person = person(&world, 1).await;
    assert_eq!(person["gender"], "female", "two against one, in two tables");
    assert_eq!(person["home_district"], "030101", "unknown is no vote");
    assert_eq!(person["age_band"], "unknown", "when every row says so");
}

#[tokio::test]
async fn ties_go_to_the_latest_date_then_to_the_first_code() {
    let world = World::new();
    let contacts = [
        row(1, 1, "2023-03-01").with("gender", "male").with("belonging", "other"),
        row(1, 2, "2023-02-01").with("gender", "female").with("belonging", "oslo"),
        row(2, 3, "2023-02-01").with("gender", "male"),
        row(2, 4, "2023-02-01").with("gender", "female"),
    ];
    world.load(&[("contact", &contacts)]).await;
    let first = person(&world, 1).await;
    assert_eq!((first["gender"].as_str(), first["belonging"].as_str()), ("male", "other"));
    assert_eq!(person(&world, 2).await["gender"], "female");
}

#[tokio::test]
async fn the_primary_service_has_the_most_contacts() {
    let world = World::new();
    let contacts = [
        row(1, 1, "2023-01-01").with("service", "030101"),
        row(1, 2, "2023-01-02").with("service", "030101"),
        row(1, 3, "2023-09-01").ute(),
        row(2, 4, "2023-01-01").with("service", "030101"),
        row(2, 5, "2023-01-02").with("service", "030102"),
        row(3, 6, "2023-01-02"),
    ];
    let follow_ups: Vec<Row> = (10..15).map(|n| row(1, n, "2023-05-05").ute()).collect();
    let more = [row(3, 20, "2023-02-02").ute(), row(4, 21, "2023-02-02").with("service", "030103")];
    let beds = [row(5, 30, "2023-03-03").with("unit", "ila")];
    world
        .load(&[("contact", &contacts), ("follow_up", &follow_ups), ("measure", &more), ("bed_stay", &beds)])
        .await;
    let service = async |n| person(&world, n).await["primary_service"].clone();
    assert_eq!(service(1).await, "030101", "follow-ups do not count beside contacts");
    assert_eq!(service(2).await, "030102", "the latest of two");
    assert_eq!(service(3).await, "uteseksjonen", "a contact at no known service decides nothing");
    assert_eq!(service(4).await, "030103");
    assert_eq!(service(5).await, "unknown");
}

#[tokio::test]
async fn flags_are_raised_by_their_own_rows_alone() {
    let world = World::new();
    let day = "2023-01-01";
    let of = |n: u64, record: u64| row(n, record, day);
    let contacts = [
        of(1, 1).ute().with("first_time", "yes"),
        of(2, 2).ute().with("first_time", "no"),
        of(3, 3).with("service", "030104").with("first_time", "yes"),
        of(4, 4).with("first_time", "yes"),
    ];
    let follow_ups = [of(1, 10).with("service", "030101"), of(2, 11).ute()];
    let referrals = [
        of(1, 20).ute().with("referred_to", "specialised_treatment"),
        of(2, 21).ute().with("referred_to", "nav"),
        of(3, 22).with("service", "030101").with("referred_to", "specialised_treatment"),
    ];
    let measures = [
        of(1, 30).ute().with("measure_kind", "psychologist"),
        of(2, 31).ute().with("measure_kind", "employment"),
        of(3, 32).with("service", "030101").with("measure_kind", "psychologist"),
        of(4, 33).ute().with("measure_kind", "cannabis_cessation"),
        of(4, 34).ute().with("measure_kind", "reinforced_follow_up"),
    ];
    let (missing, concern, home) = ([of(1, 40).ute()], [of(2, 41).ute()], [of(3, 42).ute()]);
    let (beds, agencies) = ([of(4, 50).with("unit", "ila")], [of(1, 51).with("agency", "nav")]);
    let tables: [(&str, &[Row]); 9] = [
        ("contact", &contacts),
        ("follow_up", &follow_ups),
        ("referral", &referrals),
        ("measure", &measures),
        ("missing_report", &missing),
        ("concern_report", &concern),
        ("journey_home", &home),
        ("bed_stay", &beds),
        ("agency_contact", &agencies),
    ];
    world.load(&tables).await;
    let raised = async |n| {
        let all = person(&world, n).await;
        all.into_iter().filter(|(_, v)| v == "yes").map(|(k, _)| k).collect::<Vec<_>>()
    };
    assert_eq!(
        raised(1).await,
        [
            "agency_contact",
            "district_follow_up",
            "ute_contact",
            "ute_first_contact",
            "ute_missing_report",
            "ute_psychologist",
            "ute_treatment_referral"
        ]
    );
    assert_eq!(raised(2).await, ["ute_concern_report", "ute_contact", "ute_employment", "ute_follow_up"]);
    assert_eq!(raised(3).await, ["district_contact", "ute_journey_home"]);
    assert_eq!(raised(4).await, ["bed_stay", "ute_cannabis_cessation", "ute_reinforced_follow_up"]);
}

#[tokio::test]
async fn the_first_month_is_of_the_first_contact_with_uteseksjonen() {
    let world = World::new();
    let contacts = [
        row(1, 1, "2023-11-30").ute(),
        row(1, 2, "2023-03-31").ute(),
        row(1, 3, "2023-04-01").ute(),
        row(1, 4, "2023-01-05").with("service", "030101"),
        row(1, 5, "2022-02-02").ute(),
        row(2, 6, "2023-12-31").ute(),
        row(3, 7, "2023-01-01").ute(),
        row(4, 8, "2023-06-06").with("service", "030101"),
        row(5, 9, "2023-06-06"),
    ];
    let follow_ups = [row(2, 20, "2023-02-02").ute(), row(4, 21, "2023-02-02").ute()];
    world.load(&[("contact", &contacts), ("follow_up", &follow_ups)]).await;
    let rows = world.rows("person_year").await;
    let month = |n| person_in(&rows, &world, n, "2023")["ute_first_month"].as_str();
    assert_eq!(month(1), "03", "the earliest of that year, at Uteseksjonen");
    assert_eq!(month(2), "12", "a follow-up is no contact");
    assert_eq!(month(3), "01");
    assert_eq!(month(4), "none");
    assert_eq!(month(5), "none", "a contact at no known service is not Uteseksjonen's");
    assert_eq!(person_in(&rows, &world, 1, "2022")["ute_first_month"], "02");
    // The prefix sums count who the flag counts.
    assert!(rows.iter().all(|r| (r["ute_contact"] == "yes") == (r["ute_first_month"] != "none")));
}

#[tokio::test]
async fn services_used_are_different_services_beds_as_one_and_agencies_each() {
    let world = World::new();
    let day = "2023-01-01";
    let of = |n: u64, record: u64| row(n, record, day);
    let contacts = [
        of(1, 1).ute(),
        of(1, 2).ute(),
        of(2, 3).ute(),
        of(3, 4).with("service", "030101"),
        of(5, 5),
        of(6, 6).ute(),
    ];
    let follow_ups =
        [of(1, 10).ute(), of(2, 11).with("service", "030102"), of(6, 12).with("service", "030101")];
    let referrals = [of(1, 20).ute().with("referred_to", "nav"), of(6, 21).with("service", "030102")];
    let homes = [of(6, 30).with("service", "030103")];
    let beds = [
        of(3, 40).with("unit", "ila"),
        of(3, 41).with("unit", "exit"),
        of(4, 42),
        of(6, 43).with("unit", "ila"),
    ];
    let agencies = [
        of(3, 50).with("agency", "nav"),
        of(3, 51).with("agency", "nav"),
        of(4, 52).with("agency", "police"),
        of(4, 53).with("agency", "school"),
        of(7, 54),
    ];
    let other_year = [row(1, 60, "2022-01-01").with("service", "030104")];
    world
        .load(&[
            ("contact", &contacts),
            ("follow_up", &follow_ups),
            ("referral", &referrals),
            ("journey_home", &homes),
            ("bed_stay", &beds),
            ("agency_contact", &agencies),
            ("measure", &other_year),
        ])
        .await;
    let rows = world.rows("person_year").await;
    let used = |n| person_in(&rows, &world, n, "2023")["services_used"].as_str();
    assert_eq!(used(1), "1", "one service in three tables; where somebody is referred to is none");
    assert_eq!(used(2), "2", "two services in two tables");
    assert_eq!(used(3), "3", "a district, the beds once, NAV once");
    assert_eq!(used(4), "3", "the beds, also of an unknown unit, and two agencies");
    assert_eq!(used(5), "unknown", "a contact at no known service");
    assert_eq!(used(6), "4+", "four outreach services and the beds");
    assert_eq!(used(7), "unknown", "an unknown agency is none");
}

/// A code list that misses a code the rule writes would make rows that no answer has a cell for.
#[test]
fn a_code_list_without_a_code_that_a_rule_writes_is_said_when_the_warehouse_opens() {
    let lines = [
        (
            "  { code = \"none\", no = \"ingen kontakt i året\", en = \"no contact that year\" },\n",
            "ute_first_month",
        ),
        (
            "  { code = \"4+\", no = \"fire eller flere tjenester\", en = \"four or more services\" },\n",
            "services_used",
        ),
    ];
    for (line, column) in lines {
        let text = crate::policy::SHIPPED_POLICY.replacen(line, "", 1);
        assert_ne!(text, crate::policy::SHIPPED_POLICY, "the line is in the policy");
        let error = opened_under(text).expect_err("underivable");
        assert!(error.to_string().contains(column), "{error}");
    }
}

#[tokio::test]
async fn a_person_year_depends_on_nothing_but_its_own_rows() {
    let world = World::new();
    let own: Vec<Row> = (0..5).map(|n| row(1, n, "2023-04-04").ute().with("gender", "male")).collect();
    world.load(&[("contact", &own)]).await;
    let alone = person(&world, 1).await;
    let others: Vec<Row> = (10..200).map(|n| row(n, n, "2023-05-05").with("gender", "female")).collect();
    let own_before = [row(1, 900, "2022-05-05").with("gender", "female")];
    world.load(&[("contact", &others)]).await;
    world.load(&[("contact", &own_before)]).await;
    let rows = world.rows("person_year").await;
    assert!(rows.contains(&alone));
    assert_eq!(rows.len(), 1 + 190 + 1);
}

#[test]
fn a_column_no_rule_fills_is_said_when_the_warehouse_opens() {
    let text = crate::policy::SHIPPED_POLICY.replace(
        "{ name = \"ute_contact\", role = \"dimension\", codes = \"yes_no\" },",
        "{ name = \"ute_shoe_size\", role = \"dimension\", codes = \"yes_no\" },",
    );
    let error = opened_under(text).expect_err("underivable");
    assert!(error.to_string().contains("ute_shoe_size"), "{error}");
}

fn opened_under(policy: String) -> Result<crate::Warehouse, crate::WarehouseError> {
    let folder = tempfile::tempdir().expect("a folder");
    let installation = crate::Installation::init(folder.path()).expect("an installation");
    std::fs::write(installation.policy_path(), policy).expect("written");
    let policy = Policy::load(&installation.policy_path()).expect("a policy");
    crate::Warehouse::open(&installation, policy.into())
}
