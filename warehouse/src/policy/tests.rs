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
