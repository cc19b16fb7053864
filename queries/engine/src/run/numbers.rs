//! Numbers of a person: counted, summed or looked for in the rows of one person-year.

use super::columns::{Columns, NOWHERE};
use super::condition::{Test, test};
use super::error::RunError;
use crate::plan::{Domain, Fields, NumberOf, PersonNumber};

/// A number over rows of a person, and its places in its own field.
pub(super) struct Number {
    filter: Test,
    of: What,
    /// The number's own field.
    field: Columns,
    seen: Vec<u32>,
}

enum What {
    Rows,
    Distinct(Values),
    Sum(Values),
    Least(Values),
    Greatest(Values),
}

/// A field whose values are numbers one after the other; codes are numbered.
struct Values {
    at: usize,
    first: i64,
    count: u32,
}

impl Number {
    /// The number of this name, over rows whose fields are where `at` says.
    pub(super) fn new(
        name: &str,
        number: &PersonNumber,
        fields: &Fields,
        at: impl Fn(&str) -> Result<usize, RunError>,
    ) -> Result<Self, RunError> {
        let values = |name: &String| {
            let field = fields.get(name).ok_or(RunError::Layout)?;
            let first = match field.domain {
                Domain::Codes(_) => 0,
                Domain::Numbers { low, .. } => low,
                Domain::Days { first, .. } => first.into(),
            };
            let count = u32::try_from(field.len()).map_err(|_| RunError::Layout)?;
            Ok::<_, RunError>(Values { at: at(name)?, first, count })
        };
        let of = match &number.of {
            NumberOf::Rows => What::Rows,
            NumberOf::Distinct(name) => What::Distinct(values(name)?),
            NumberOf::Sum(name) => What::Sum(values(name)?),
            NumberOf::Least(name) => What::Least(values(name)?),
            NumberOf::Greatest(name) => What::Greatest(values(name)?),
        };
        let field = fields.get(name).ok_or(RunError::Layout)?;
        Ok(Self {
            filter: test(&number.filter, fields, &at)?,
            of,
            field: Columns::new(std::iter::once((name, field))),
            seen: Vec::new(),
        })
    }

    /// The place of the number over these rows: that of "missing" where no value is there to sum or choose from.
    pub(super) fn of(&mut self, places: &[Vec<u32>], rows: &[usize]) -> u32 {
        let Self { filter, of, field, seen } = self;
        let passing = || rows.iter().filter(|row| filter.holds(places, **row));
        let number = match of {
            What::Rows => i64::try_from(passing().count()).ok(),
            What::Distinct(values) => {
                seen.clear();
                seen.extend(passing().filter_map(|row| values.place(places, *row)));
                seen.sort_unstable();
                seen.dedup();
                i64::try_from(seen.len()).ok()
            }
            What::Sum(values) => {
                passing().filter_map(|row| values.of(places, *row)).reduce(i64::saturating_add)
            }
            What::Least(values) => passing().filter_map(|row| values.of(places, *row)).min(),
            What::Greatest(values) => passing().filter_map(|row| values.of(places, *row)).max(),
        };
        number.map_or_else(|| field.missing(0), |number| field.place_of_number(0, number))
    }
}

impl Values {
    /// The place of a row's value, if it has one.
    fn place(&self, places: &[Vec<u32>], row: usize) -> Option<u32> {
        let place = places.get(self.at).and_then(|column| column.get(row)).copied().unwrap_or(NOWHERE);
        (place < self.count).then_some(place)
    }

    fn of(&self, places: &[Vec<u32>], row: usize) -> Option<i64> {
        self.place(places, row).map(|place| self.first.saturating_add(place.into()))
    }
}

#[cfg(test)]
mod tests {
    use skjerm_warehouse::policy::Policy;

    use crate::plan::{Plan, Public};
    use crate::run::lookup::Lookup;
    use crate::run::persons::PersonRows;
    use crate::run::relation::{self, Source, Sources};
    use crate::run::testing::{Row, table};

    /// Two persons with contacts of so many minutes in these months.
    #[tokio::test]
    async fn numbers_are_of_the_rows_that_pass_their_filter() {
        let policy = Policy::oslo();
        let contacts = [(1, 2, 10), (1, 3, 20), (1, 8, 40), (2, 9, 80)];
        let rows = contacts.map(|(person, month, minutes)| Row::new(person, 2024, month, &[], Some(minutes)));
        let sources = Sources::from([("contact".to_owned(), Source::Rows(table(&policy, "contact", &rows)))]);
        for (number, places) in [
            ("count(*) filter (where month < 7)", [2, 0]),
            ("count(*)", [3, 1]),
            ("sum(minutes) filter (where month > 2)", [60, 80]),
        ] {
            let sql = format!(
                "select count(*) filter (where n > 1) from (select person, year, {number} n from contact where year = 2024 group by person, year) t"
            );
            let mut plan = Plan::new(&policy, &Public::default(), &sql, Some(0.1)).expect("a plan");
            let query = plan.questions.remove(0).query;
            let named = relation::fields(&query);
            let lookup = Lookup::new(&query, |name| named.contains(name)).expect("a lookup");
            let rows = PersonRows::new(&sources, &query, lookup.columns()).expect("rows");
            let mut found = Vec::new();
            let read = rows.read(|made| {
                found.extend(made.places[0].iter().copied());
                Ok(())
            });
            read.await.expect("read");
            assert_eq!(found, places, "{number}");
        }
    }
}
