//! Residents as JSON-stat 2, which statistics banks give through their API.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use super::ages::Ages;
use super::cells::{self, Cells, Dimension, Key, Sex, short};
use super::error::{Found, Place, ReferenceProblem as Problem};
use super::region::Regions;

#[derive(Deserialize)]
struct Document {
    version: String,
    class: String,
    #[serde(default)]
    label: String,
    updated: Option<String>,
    id: Vec<String>,
    size: Vec<usize>,
    dimension: BTreeMap<String, RawDimension>,
    value: Values,
    #[serde(default)]
    extension: Value,
}

#[derive(Deserialize)]
struct RawDimension {
    #[serde(default)]
    label: String,
    category: Category,
}

#[derive(Deserialize)]
struct Category {
    index: Option<Index>,
    #[serde(default)]
    label: BTreeMap<String, String>,
}

/// Codes in their order, or each with its position.
#[derive(Deserialize)]
#[serde(untagged)]
enum Index {
    List(Vec<String>),
    Positions(BTreeMap<String, usize>),
}

/// Values by position: an array says all of them, an object those that are there. An object may say a position twice,
/// so it is read as it stands.
struct Values {
    found: Vec<(usize, Option<Number>)>,
}

/// What was read, beside the cells.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) title: Option<String>,
    pub(super) updated: Option<String>,
}

/// The members of the dimensions, by position.
#[derive(Default)]
struct Members {
    region: Vec<String>,
    year: Vec<i32>,
    age: Vec<Ages>,
    /// Empty where sex is left out.
    sex: Vec<Sex>,
}

/// Reads a document into cells.
pub(super) fn read(text: &str, regions: &Regions) -> Result<(About, Cells), Found> {
    let whole = |problem| (Place::Whole, problem);
    let document: Document = serde_json::from_str(text).map_err(|error| {
        let line = u64::try_from(error.line()).unwrap_or(0);
        let said = error.to_string();
        let said = said.split(" at line").next().unwrap_or_default().to_owned();
        (Place::Line(line), Problem::NotJsonStat(said))
    })?;
    let (members, axes) = document.members(regions).map_err(whole)?;
    let cells = document.cells(&members, &axes)?;
    let title = Some(document.label).filter(|title| !title.trim().is_empty());
    Ok((About { title, updated: document.updated }, cells))
}

impl Document {
    /// The members of every dimension, and which dimension each axis is.
    fn members(&self, regions: &Regions) -> Result<(Members, Vec<Dimension>), Problem> {
        let not = |what: &str| Problem::NotJsonStat(what.to_owned());
        if self.version != "2.0" || self.class != "dataset" {
            return Err(not("it must have `version` \"2.0\" and `class` \"dataset\""));
        }
        cells::right_table(&self.label)?;
        if let Some(table) = self.extension["px"]["tableid"].as_str().filter(|_| self.of_ssb()) {
            cells::right_table(table)?;
        }
        if self.id.len() != self.size.len() {
            return Err(not("`id` and `size` must be equally long"));
        }
        let mut members = Members::default();
        let mut axes = Vec::new();
        for (id, size) in self.id.iter().zip(&self.size) {
            let raw =
                self.dimension.get(id).ok_or_else(|| not("a dimension of `id` is not in `dimension`"))?;
            let codes = raw.codes().filter(|codes| codes.len() == *size);
            let codes = codes.ok_or_else(|| {
                not(&format!("the dimension \"{}\" has not as many members as `size` says", short(id)))
            })?;
            let found = Dimension::named(id).or_else(|| Dimension::named(&raw.label));
            let dimension = found.ok_or_else(|| Problem::OtherDimension(short(id)))?;
            if axes.contains(&dimension) {
                return Err(Problem::OtherDimension(short(id)));
            }
            axes.push(dimension);
            let labelled =
                codes.iter().map(|code| (*code, raw.category.label.get(*code).map(String::as_str)));
            for (code, label) in labelled {
                members.add(dimension, code, label, regions)?;
            }
            if dimension == Dimension::Contents && *size != 1 {
                return Err(Problem::NotPersons(codes.join(", ")));
            }
        }
        for needed in [Dimension::Region, Dimension::Age, Dimension::Year] {
            if !axes.contains(&needed) {
                return Err(Problem::NoDimension(needed.name()));
            }
        }
        Ok((members, axes))
    }

    /// Other banks number their tables by themselves.
    fn of_ssb(&self) -> bool {
        !self.extension["px"]["tableid"]
            .as_str()
            .is_some_and(|table| table.bytes().any(|b| !b.is_ascii_digit()))
    }

    fn cells(&self, members: &Members, axes: &[Dimension]) -> Result<Cells, Found> {
        let all = self.size.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        let mut cells = Cells::default();
        for (at, number) in &self.value.found {
            let place = |problem| (Place::Value(*at), problem);
            if all.is_none_or(|all| *at >= all) {
                return Err(place(Problem::NotJsonStat("there are more values than `size` says".to_owned())));
            }
            let key = members.key(*at, &self.size, axes).ok_or_else(|| place(Problem::Empty))?;
            let Some(number) = number else { continue };
            let count = whole(number).ok_or_else(|| {
                place(Problem::NoNumber { found: short(&number.to_string()), of: key.to_string() })
            })?;
            cells.add(key, count).map_err(place)?;
        }
        // A value that is not there is a hole like any other, but the file as a whole may have hardly any.
        let there = self.value.found.iter().filter(|(_, number)| number.is_some()).count();
        if all == Some(there) {
            return Ok(cells);
        }
        let given: std::collections::BTreeSet<usize> =
            self.value.found.iter().filter(|(_, number)| number.is_some()).map(|(at, _)| *at).collect();
        let missing = (0..=given.len()).find(|at| !given.contains(at)).unwrap_or_default();
        let key = members.key(missing, &self.size, axes);
        let of = key.map_or_else(String::new, |key| key.to_string());
        Err((Place::Value(missing), Problem::Missing { of }))
    }
}

impl RawDimension {
    /// The codes in their order; `None` when positions are missing or doubled.
    fn codes(&self) -> Option<Vec<&str>> {
        match &self.category.index {
            Some(Index::List(codes)) => Some(codes.iter().map(String::as_str).collect()),
            Some(Index::Positions(positions)) => {
                let mut codes: Vec<(usize, &str)> =
                    positions.iter().map(|(code, at)| (*at, code.as_str())).collect();
                codes.sort_unstable();
                let in_order = codes.iter().enumerate().all(|(at, (position, _))| at == *position);
                in_order.then(|| codes.into_iter().map(|(_, code)| code).collect())
            }
            // A single member needs no index.
            None => Some(self.category.label.keys().map(String::as_str).collect())
                .filter(|codes: &Vec<_>| codes.len() == 1),
        }
    }
}

impl Members {
    /// A label says what is meant; a code may be a running number.
    fn add(
        &mut self,
        dimension: Dimension,
        code: &str,
        label: Option<&str>,
        regions: &Regions,
    ) -> Result<(), Problem> {
        let said = label.unwrap_or(code);
        match dimension {
            Dimension::Region => {
                let region = regions.member(code, label);
                let region =
                    region.ok_or_else(|| Problem::UnknownDistrict(short(&format!("{code} {said}"))))?;
                self.region.push(region.to_owned());
            }
            Dimension::Sex => self.sex.push(Sex::parse(said)?),
            Dimension::Age => self.age.push(cells::age(said)?),
            Dimension::Year => self.year.push(cells::year(said)?),
            Dimension::Contents => cells::persons(said)?,
        }
        Ok(())
    }

    /// What the value at a position counts: the last dimension varies first.
    fn key(&self, at: usize, size: &[usize], axes: &[Dimension]) -> Option<Key> {
        let (mut region, mut year, mut age, mut sex) = (None, None, None, Some(Sex::Both));
        let mut rest = at;
        for (dimension, size) in axes.iter().zip(size).rev() {
            let place = rest.checked_rem(*size)?;
            rest /= size;
            match dimension {
                Dimension::Region => region = self.region.get(place),
                Dimension::Year => year = self.year.get(place),
                Dimension::Age => age = self.age.get(place),
                Dimension::Sex => sex = self.sex.get(place).copied(),
                Dimension::Contents => {}
            }
        }
        Some(Key { district: region?.clone(), year: *year?, sex: sex?, ages: *age? })
    }
}

/// A whole number, also one written with a decimal point.
fn whole(number: &Number) -> Option<u64> {
    let text = number.to_string();
    cells::number(text.strip_suffix(".0").unwrap_or(&text))
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array or an object of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Values, A::Error> {
                let mut found = Vec::new();
                while let Some(value) = array.next_element()? {
                    found.push((found.len(), value));
                }
                Ok(Values { found })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Values, A::Error> {
                let mut found = Vec::new();
                while let Some((at, value)) = object.next_entry::<String, _>()? {
                    let at = at
                        .parse()
                        .map_err(|_| serde::de::Error::custom("the keys of `value` must be positions"))?;
                    found.push((at, value));
                }
                Ok(Values { found })
            }
        }
        deserializer.deserialize_any(Read)
    }
}
