//! The rows of a relation, person-year by person-year.
//!
//! Tables are read side by side, each in the order of year and person that its files have. Of one person-year after the other the
//! rows of all tables are there at once, and joins, semi-joins and numbers of a person are made of them: no rows are
//! spread, hashed or sorted, and what is held is a stretch of each table.
//!
//! # Privacy
//! When a row is made, no other person-year's rows can be seen: adding or removing a person-year adds or removes the rows made of it and
//! changes no other. That each table's person-years rise is checked here, and that those of the rows made do, by whoever takes them
//! (`vectors.rs`); a person-year whose rows came apart would end the run as a fault.
//!
//! *Time.* Where rows of a person meet other rows of theirs, their number grows as a product, and so does the time: somebody with very many
//! would end a question at its deadline, which tells that they are there. So of a person-year no more than [`TIMES`] as many rows of a table
//! go on there as the policy lets count in a group. Which ones depends on that person-year's rows of one table alone, so
//! the sensitivity is that of the vector as ever.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::columns::Columns;
use super::condition::{Test, test};
use super::error::RunError;
use super::numbers::Number;
use super::relation::{self, Source, Sources};
use super::runs::Runs;
use super::scan::{STRETCH, Scan, Stretch};
use super::vectors::Unit;
use crate::plan::{Condition, PrivateQuery, Relation, TIMES, YEAR};

/// Rows made of a query's relation, those that pass its condition.
pub(super) struct PersonRows {
    tables: Vec<Table>,
    root: Node,
    /// By field that is taken, where it is in the rows made.
    fields: Vec<usize>,
}

/// Some of the rows made, in the order of their units.
#[derive(Default)]
pub(super) struct Made {
    pub(super) units: Runs<Unit>,
    /// By field.
    pub(super) places: Vec<Vec<u32>>,
}

/// A table being read, at one person-year.
struct Table {
    source: Reading,
    rows: Stretch,
    /// The first person of the stretch whose rows were not looked at yet.
    next: usize,
    /// The current person-year's rows.
    current: Range<usize>,
    /// The person-year before.
    last: Option<Unit>,
}

enum Reading {
    Files(Box<Scan>),
    #[cfg(test)]
    Rows(super::in_memory::InMemory),
}

/// A part of a relation, with the rows that it has of the current person-year.
struct Node {
    kind: Kind,
    /// The names of its fields.
    names: Vec<String>,
    places: Vec<Vec<u32>>,
    rows: usize,
}

enum Kind {
    Table {
        at: usize,
        most: usize,
    },
    Filter {
        input: Box<Node>,
        test: Test,
    },
    /// The right side gives these of its fields.
    Join {
        left: Box<Node>,
        right: Box<Node>,
        of_right: Vec<usize>,
    },
    Semi {
        left: Box<Node>,
        right: Box<Node>,
        anti: bool,
    },
    PerPerson {
        input: Box<Node>,
        keys: Vec<usize>,
        numbers: Vec<Number>,
        order: Vec<usize>,
    },
}

impl PersonRows {
    /// Of a query over these tables, with the fields that are taken, in the order of `taken`.
    pub(super) fn new(sources: &Sources, query: &PrivateQuery, taken: &Columns) -> Result<Self, RunError> {
        let mut needed: BTreeSet<String> = taken.names().map(str::to_owned).collect();
        query.relation.fields(&mut needed);
        query.condition.fields(&mut needed);
        let mut build = Build { sources, query, needed, tables: Vec::new() };
        let root = build.relation(&query.relation, false)?;
        let root = build.filtered(root, &query.condition)?;
        let fields = taken.names().map(|name| root.at(name)).collect::<Result<_, _>>()?;
        let mut tables = Vec::with_capacity(build.tables.len());
        for (name, instance, columns) in build.tables {
            let columns = Arc::new(columns);
            let of_table = relation::columns_of(instance, columns.names());
            let source = match sources.get(name).ok_or(RunError::Layout)? {
                Source::Files(files) => Reading::Files(Box::new(Scan::new(files, &columns, &of_table)?)),
                #[cfg(test)]
                Source::Rows(rows) => {
                    Reading::Rows(super::in_memory::InMemory::new(rows, &query.years, &columns, &of_table))
                }
            };
            tables.push(Table { source, rows: Stretch::default(), next: 0, current: 0..0, last: None });
        }
        Ok(Self { tables, root, fields })
    }

    /// Gives all rows to `take`, some thousand at a time.
    pub(super) async fn read(
        mut self,
        mut take: impl FnMut(&Made) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let mut made = Made { units: Runs::default(), places: vec![Vec::new(); self.fields.len()] };
        let mut since = 0;
        while let Some(unit) = self.next().await? {
            since += 1 + self.root.make(&self.tables)?;
            // In stretches also where one person-year has very many.
            for first in (0..self.root.rows).step_by(STRETCH) {
                let rows = first..self.root.rows.min(first + STRETCH);
                made.units.push(unit, rows.len());
                for (all, of_root) in made.places.iter_mut().zip(&self.fields) {
                    all.extend_from_slice(&self.root.places[*of_root][rows.clone()]);
                }
                if made.units.rows() >= STRETCH {
                    take(&made)?;
                    made.units.clear();
                    made.places.iter_mut().for_each(Vec::clear);
                }
            }
            // By what was made on the way, and not by what came of it: a join of a person's many rows with themselves would not
            // end at the deadline.
            if since >= STRETCH {
                since = 0;
                tokio::task::yield_now().await;
            }
        }
        if made.units.rows() == 0 { Ok(()) } else { take(&made) }
    }

    /// Has all tables at the next person-year that one of them has.
    async fn next(&mut self) -> Result<Option<Unit>, RunError> {
        let mut least: Option<Unit> = None;
        for table in &mut self.tables {
            if table.head().is_none() {
                table.read_on().await?;
            }
            let head = table.head();
            least = match (least, head) {
                (Some(least), Some(head)) => Some(least.min(head)),
                (least, head) => least.or(head),
            };
        }
        if let Some(unit) = least {
            self.tables.iter_mut().try_for_each(|table| table.open(unit))?;
        }
        Ok(least)
    }
}

impl Table {
    async fn read_on(&mut self) -> Result<(), RunError> {
        self.next = 0;
        match &mut self.source {
            Reading::Files(scan) => drop(scan.next(&mut self.rows).await?),
            #[cfg(test)]
            Reading::Rows(rows) => self.rows = rows.next().await,
        }
        Ok(())
    }

    /// The person-year of the next row.
    fn head(&self) -> Option<Unit> {
        self.rows.persons.get(self.next).map(|(person, _)| (self.rows.year, *person))
    }

    /// Has the rows of this person-year as the current ones, if they are next.
    fn open(&mut self, unit: Unit) -> Result<(), RunError> {
        self.current = 0..0;
        let Some((_, rows)) = self.rows.persons.get(self.next).filter(|_| self.head() == Some(unit)) else {
            return Ok(());
        };
        if self.last.is_some_and(|last| last >= unit) {
            return Err(RunError::Unordered);
        }
        self.last = Some(unit);
        self.current = rows;
        self.next += 1;
        Ok(())
    }
}

impl Node {
    fn new(names: Vec<String>, kind: Kind) -> Self {
        Self { kind, places: vec![Vec::new(); names.len()], names, rows: 0 }
    }

    fn at(&self, name: &str) -> Result<usize, RunError> {
        self.names.iter().position(|known| known == name).ok_or(RunError::Layout)
    }

    /// Makes the current person-year's rows, and says how many rows that took, those on the way to it with them.
    fn make(&mut self, tables: &[Table]) -> Result<usize, RunError> {
        let Self { kind, places, rows, .. } = self;
        places.iter_mut().for_each(Vec::clear);
        *rows = 0;
        let mut work = 0;
        match kind {
            Kind::Table { at, most } => {
                let table = tables.get(*at).ok_or(RunError::Layout)?;
                let Range { start, end } = table.current;
                let taken = start..end.min(start.saturating_add(*most));
                *rows = taken.len();
                for (column, of_table) in places.iter_mut().zip(&table.rows.places) {
                    column.extend_from_slice(of_table.get(taken.clone()).ok_or(RunError::Layout)?);
                }
            }
            Kind::Filter { input, test } => {
                work += input.make(tables)?;
                for row in (0..input.rows).filter(|row| test.holds(&input.places, *row)) {
                    *rows += 1;
                    for (column, from) in places.iter_mut().zip(&input.places) {
                        column.push(from[row]);
                    }
                }
            }
            Kind::Join { left, right, of_right } => {
                work += left.make(tables)?;
                if left.rows == 0 {
                    return Ok(work);
                }
                work += right.make(tables)?;
                *rows = left.rows * right.rows;
                let (of_left, others) = places.split_at_mut(left.places.len());
                for (column, from) in of_left.iter_mut().zip(&left.places) {
                    column.extend(from.iter().flat_map(|place| std::iter::repeat_n(*place, right.rows)));
                }
                for (column, from) in others.iter_mut().zip(of_right) {
                    (0..left.rows).for_each(|_| column.extend_from_slice(&right.places[*from]));
                }
            }
            Kind::Semi { left, right, anti } => {
                work += left.make(tables)?;
                if left.rows > 0 {
                    work += right.make(tables)?;
                    if (right.rows == 0) == *anti {
                        *rows = left.rows;
                        std::mem::swap(places, &mut left.places);
                    }
                }
            }
            Kind::PerPerson { input, keys, numbers, order } => {
                work += input.make(tables)?;
                order.clear();
                order.extend(0..input.rows);
                let keys: Vec<&[u32]> = keys.iter().map(|at| input.places[*at].as_slice()).collect();
                if !keys.is_empty() {
                    order.sort_unstable_by(|a, b| key(&keys, *a).cmp(key(&keys, *b)));
                }
                for group in order.chunk_by(|a, b| key(&keys, *a).eq(key(&keys, *b))) {
                    *rows += 1;
                    let of_keys = key(&keys, group[0]);
                    let of_numbers = numbers.iter_mut().map(|number| number.of(&input.places, group));
                    for (column, place) in places.iter_mut().zip(of_keys.chain(of_numbers)) {
                        column.push(place);
                    }
                }
            }
        }
        Ok(work + *rows)
    }
}

/// A row's places in these columns.
fn key(columns: &[&[u32]], row: usize) -> impl Iterator<Item = u32> {
    columns.iter().map(move |column| column[row])
}

struct Build<'a> {
    sources: &'a Sources,
    query: &'a PrivateQuery,
    needed: BTreeSet<String>,
    /// Each with its instance and the fields that are read of it.
    tables: Vec<(&'a str, &'a str, Columns)>,
}

impl<'a> Build<'a> {
    /// `is_cut`: whether a join above lets rows of a person grow as a product.
    fn relation(&mut self, relation: &'a Relation, is_cut: bool) -> Result<Node, RunError> {
        match relation {
            Relation::Table { instance, table } => Ok(self.table(instance, table, is_cut)),
            Relation::Filter { input, condition } => {
                let input = self.relation(input, is_cut)?;
                self.filtered(input, condition)
            }
            Relation::Join { left, right } => {
                let is_cut = is_cut || relation.multiplies(&|table| self.max_rows(table).is_some());
                let left = self.relation(left, is_cut)?;
                let right = self.relation(right, is_cut)?;
                let mut names = left.names.clone();
                let new = |(_, name): &(usize, &String)| !left.names.contains(name);
                let of_right: Vec<(usize, &String)> = right.names.iter().enumerate().filter(new).collect();
                names.extend(of_right.iter().map(|(_, name)| (*name).clone()));
                let of_right = of_right.into_iter().map(|(at, _)| at).collect();
                Ok(Node::new(names, Kind::Join { left: left.into(), right: right.into(), of_right }))
            }
            Relation::Semi { left, right, anti, .. } => {
                let left = self.relation(left, is_cut)?;
                // Nothing grows by it, and a row behind the cut is one all the same.
                let right = self.relation(right, false)?;
                let names = left.names.clone();
                Ok(Node::new(names, Kind::Semi { left: left.into(), right: right.into(), anti: *anti }))
            }
            Relation::PerPerson { input, keys, numbers } => {
                // What comes out is as many rows as there are combinations of keys.
                let input = self.relation(input, false)?;
                let mut names: Vec<String> =
                    self.needed.contains(YEAR).then(|| YEAR.to_owned()).into_iter().collect();
                names.extend(keys.iter().filter(|key| *key != YEAR).cloned());
                let keys = names.iter().map(|name| input.at(name)).collect::<Result<_, _>>()?;
                let fields = &self.query.fields;
                let made =
                    numbers.iter().map(|(name, number)| Number::new(name, number, fields, |n| input.at(n)));
                let made = made.collect::<Result<_, _>>()?;
                names.extend(numbers.iter().map(|(name, _)| name.clone()));
                let kind = Kind::PerPerson { input: input.into(), keys, numbers: made, order: Vec::new() };
                Ok(Node::new(names, kind))
            }
        }
    }

    fn filtered(&self, input: Node, condition: &Condition) -> Result<Node, RunError> {
        if matches!(condition, Condition::Always) {
            return Ok(input);
        }
        let test = test(condition, &self.query.fields, &|name| input.at(name))?;
        Ok(Node::new(input.names.clone(), Kind::Filter { input: input.into(), test }))
    }

    fn table(&mut self, instance: &'a str, table: &'a str, is_cut: bool) -> Node {
        let prefix = format!("{instance}_");
        let is_read = |name: &str| name == YEAR || name.starts_with(&prefix);
        let fields = self.query.fields.iter().map(|(name, field)| (name.as_str(), field));
        let fields = fields.filter(|(name, _)| is_read(name) && self.needed.contains(*name));
        let columns = Columns::new(fields);
        let most =
            self.max_rows(table).filter(|_| is_cut).map_or(u64::MAX, |most| most.saturating_mul(TIMES));
        let kind = Kind::Table { at: self.tables.len(), most: usize::try_from(most).unwrap_or(usize::MAX) };
        let names = columns.names().map(str::to_owned).collect();
        self.tables.push((table, instance, columns));
        Node::new(names, kind)
    }

    /// The most rows of a person in a year that count, where there can be several.
    fn max_rows(&self, table: &str) -> Option<u64> {
        match self.sources.get(table)? {
            Source::Files(files) => files.max_rows(),
            #[cfg(test)]
            Source::Rows(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use skjerm_warehouse::policy::Policy;

    use super::*;
    use crate::plan::{Plan, Public};
    use crate::run::testing::{Row, table};

    /// Rows that are always there, as a join of a person's rows with themselves has them, must not be read on past a deadline; nor
    /// rows of which none comes through.
    #[tokio::test]
    async fn reading_gives_way_after_each_persons_many_rows() {
        let policy = Policy::oslo();
        let rows = (1..=3).flat_map(|person| std::iter::repeat_n(Row::new(person, 2024, 1, &[], None), 200));
        let rows: Vec<Row> = rows.collect();
        let joined = "select count(*) from contact c join contact d using (person, year) where c.year = 2024";
        let within = "select count(*) from person_year p where p.year = 2024 and exists (select 1 from contact c join contact d using (person, year) where c.person = p.person and c.year = p.year)";
        for (sql, rows_made) in [(joined, 3 * 200 * 200), (within, 3)] {
            let mut plan = Plan::new(&policy, &Public::default(), sql, Some(0.1)).expect("a plan");
            let query = plan.questions.remove(0).query;
            let of = |name: String| {
                let rows = if name == "contact" {
                    rows.clone()
                } else {
                    rows.iter().step_by(200).cloned().collect()
                };
                (name.clone(), Source::Rows(table(&policy, &name, &rows)))
            };
            let sources: Sources = query.tables().into_iter().map(of).collect();
            let none = Columns::new(std::iter::empty());
            let rows = PersonRows::new(&sources, &query, &none).expect("rows");
            let made = Cell::new(0);
            let mut reading = pin!(rows.read(|some| {
                made.set(made.get() + some.units.rows());
                Ok(())
            }));
            let mut polls = 0;
            while reading.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                polls += 1;
            }
            assert_eq!((polls, made.get()), (3, rows_made), "{sql}");
        }
    }

    /// Also where no row of it is handed on, as on the right of an `EXISTS`, a person-year that comes twice is a fault.
    #[test]
    fn a_person_year_that_comes_twice_is_a_fault() {
        let policy = Policy::oslo();
        let none = Arc::new(Columns::new(std::iter::empty()));
        let rows = table(&policy, "contact", &[]);
        let made = super::super::in_memory::InMemory::new(
            &(rows as Arc<dyn datafusion::catalog::TableProvider>),
            &BTreeSet::new(),
            &none,
            &std::collections::BTreeMap::new(),
        );
        let mut rows = Stretch { year: 2024, ..Stretch::default() };
        for person in [1, 2, 2, 1] {
            rows.persons.push([person; 16], 1);
        }
        let mut table = Table { source: Reading::Rows(made), rows, next: 0, current: 0..0, last: None };
        for (person, rows) in [(1, 0..1), (2, 1..3)] {
            table.open((2024, [person; 16])).expect("in order");
            assert_eq!(table.current, rows);
        }
        assert!(matches!(table.open((2024, [1; 16])), Err(RunError::Unordered)));
    }
}
