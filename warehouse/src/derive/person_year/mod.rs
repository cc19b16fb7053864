//! `person_year`: one row a person a year.
//!
//! A person has a row for a year when any table of events has one of theirs that year. The row is made by these
//! rules, from that person's rows of that year alone:
//!
//! *Attributes* (`age_band`, `gender`, `belonging`, `home_municipality`, `home_district`, `link_level`: every
//! column that tables of events have, too): the most frequent value among the person's rows of the year, over
//! all tables, that is not "unknown". Of equally frequent ones the one with the latest date; of those on the
//! same date the first by its code. "unknown" when every row says so.
//!
//! *`primary_service`*: the service with the most of the person's contacts, by the same rules. Without a contact at a
//! known service, their follow-ups decide; then referrals, measures, missing reports, concern reports and
//! journeys home, in this order. "unknown" when there are none, as for those known from beds or agencies alone.
//!
//! *Flags*: "yes" when the person has such a row that year, else "no":
//!
//! | flag | a row of | with |
//! |---|---|---|
//! | `ute_contact` | `contact` | service `uteseksjonen` |
//! | `ute_first_contact` | `contact` | service `uteseksjonen`, `first_time` `yes` |
//! | `ute_follow_up` | `follow_up` | service `uteseksjonen` |
//! | `ute_concern_report` | `concern_report` | service `uteseksjonen` |
//! | `ute_missing_report` | `missing_report` | service `uteseksjonen` |
//! | `ute_journey_home` | `journey_home` | service `uteseksjonen` |
//! | `ute_treatment_referral` | `referral` | service `uteseksjonen`, `referred_to` `specialised_treatment` |
//! | `ute_psychologist` | `measure` | service `uteseksjonen`, `measure_kind` `psychologist` |
//! | `ute_cannabis_cessation` | `measure` | service `uteseksjonen`, `measure_kind` `cannabis_cessation` |
//! | `ute_reinforced_follow_up` | `measure` | service `uteseksjonen`, `measure_kind` `reinforced_follow_up` |
//! | `ute_employment` | `measure` | service `uteseksjonen`, `measure_kind` `employment` |
//! | `district_contact` | `contact` | a service that is a district's |
//! | `district_follow_up` | `follow_up` | a service that is a district's |
//! | `bed_stay` | `bed_stay` | any |
//! | `agency_contact` | `agency_contact` | any |
//!
//! *`ute_first_month`*: the month of the person's first contact with Uteseksjonen that year (the same rows as `ute_contact`),
//! `01` to `12`; `none` without one. Who was in contact by the end of a month is who has this month or an earlier one: each
//! person is in one cell, so the numbers of distinct persons of the year to date are prefix sums over it.
//! Norwegian: *måned for årets første kontakt med Uteseksjonen*.
//!
//! *`services_used`*: how many different services registered the person that year: `1`, `2`, `3`, `4+`; `unknown` when no row names
//! one. Norwegian: *antall ulike tjenester som registrerte personen i året*. One each are
//!
//! * every service that `contact`, `follow_up`, `referral`, `measure`, `missing_report`, `concern_report` or `journey_home` names:
//!   a district's own, and Uteseksjonen;
//! * the beds together, whatever the unit: they are one offer (*sengebaserte tjenester*);
//! * every agency that `agency_contact` names: the police, school, child welfare, NAV.
//!
//! Where a person was referred to is no service used: nobody has said that they came. Several in one year need not be at the
//! same time.
//!
//! # Privacy
//!
//! No rule looks at another person, another year, or anything that depends on either, so adding or removing
//! one person's rows of a year adds, removes or changes that one row alone: the unit of privacy of an answer
//! over `person_year` is exactly that of the tables below it. The first-time flag is taken from the year's own
//! rows and never worked out from other years.

mod build;
mod rules;
#[cfg(test)]
mod tests;

pub(super) use build::make;
pub(crate) use build::rows;
pub(crate) use rules::Rules;

/// Name of the table.
pub(crate) const TABLE: &str = "person_year";
