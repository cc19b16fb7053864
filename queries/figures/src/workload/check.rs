//! Checks a workload against a policy. Every sentence says which part of the file is wrong and what would be right.

mod figure;

use std::collections::{BTreeMap, BTreeSet};

use skjerm_privacy::marginals::{Attribute, Domain, Marginal};
use skjerm_warehouse::policy::{ColumnRole, Grain, Policy, Table, TableKind};

use super::{Dimension, Distinct, Events, Family, Figure, Order, Theme, Workload, rounds};
use crate::error::FiguresError;
use crate::release::{CodeInfo, DimensionInfo};
use crate::text::Text;

/// The table a release measures where a theme names no other.
pub(crate) const TABLE: &str = "person_year";
/// What one person counts for in a theme of events, so that less than one can be said in whole numbers.
const UNIT: u64 = 1 << 10;

/// A workload with every name resolved.
pub(crate) struct Checked {
    pub(crate) dimensions: Vec<DimensionInfo>,
    pub(crate) themes: Vec<CheckedTheme>,
}

/// A theme with its domain.
pub(crate) struct CheckedTheme {
    pub(crate) dims: Vec<DimensionInfo>,
    pub(crate) columns: Vec<String>,
    pub(crate) domain: Domain,
    pub(crate) tables: Vec<Marginal>,
}

impl Checked {
    pub(crate) fn new(workload: &Workload, policy: &Policy) -> Result<Self, FiguresError> {
        Checker { workload, policy }
            .run()
            .map_err(|problem| FiguresError::Workload { workload: workload.name.clone(), problem })
    }
}

/// A dimension, and the column's codes that no group holds.
struct Resolved {
    info: DimensionInfo,
    left_out: Vec<String>,
}

/// The codes that a column may have.
struct Codes {
    name: String,
    label: Text,
    all: Vec<CodeInfo>,
}

impl Codes {
    /// Of a measure.
    fn none(column: &str) -> Self {
        Self { name: column.to_owned(), label: Text::new(column, column), all: Vec::new() }
    }

    fn contains(&self, code: &str) -> bool {
        self.all.iter().any(|known| known.code == code)
    }
}

struct Checker<'a> {
    workload: &'a Workload,
    policy: &'a Policy,
}

impl Checker<'_> {
    fn run(&self) -> Result<Checked, String> {
        let table = self.policy.table(TABLE).ok_or_else(|| format!("the policy has no table {TABLE}"))?;
        if self.workload.family == Family::Scene {
            self.scene()?;
        }
        let mut dimensions = BTreeMap::new();
        for (name, dimension) in &self.workload.dimensions {
            let of = self.table_with(table, &dimension.column);
            dimensions.insert(name.clone(), self.dimension(of, name, dimension)?);
        }
        if self.workload.themes.is_empty() && self.workload.distinct.is_empty() {
            return Err("it has no theme and no distinct figure: there is nothing to measure".to_owned());
        }
        unique("theme", self.workload.themes.iter().map(|theme| &theme.name))?;
        let tables =
            self.workload.themes.iter().flat_map(|theme| theme.tables.iter().map(|table| &table.name));
        unique(
            "table or distinct figure",
            tables.chain(self.workload.distinct.iter().map(|distinct| &distinct.name)),
        )?;
        unique("figure", self.workload.figures.iter().map(|figure| &figure.name))?;
        let mut themes = Vec::new();
        for theme in &self.workload.themes {
            themes.push(self.theme(table, theme, &dimensions)?);
        }
        for distinct in &self.workload.distinct {
            self.distinct(table, distinct)?;
        }
        for figure in &self.workload.figures {
            self.figure(figure, &themes)?;
        }
        Ok(Checked { dimensions: dimensions.into_values().map(|resolved| resolved.info).collect(), themes })
    }

    /// `person_year`, or the table of events of a theme that alone has this column.
    fn table_with<'t>(&'t self, persons: &'t Table, column: &str) -> &'t Table {
        let events =
            self.workload.themes.iter().filter_map(|theme| self.policy.table(&theme.events.as_ref()?.table));
        let mut all = std::iter::once(persons).chain(events);
        all.find(|table| table.column(column).is_some()).unwrap_or(persons)
    }

    fn codes(&self, table: &Table, column: &str, place: &str) -> Result<Codes, String> {
        let known = || {
            let coded = |role: &ColumnRole| matches!(role, ColumnRole::Dimension { .. } | ColumnRole::Month);
            let names: Vec<&str> = table
                .columns
                .iter()
                .filter(|column| coded(&column.role))
                .map(|column| column.name.as_str())
                .collect();
            names.join(", ")
        };
        let found = table.column(column).ok_or_else(|| {
            format!("{place}: {} has no column \"{column}\"; it has {}", table.name, known())
        })?;
        match &found.role {
            ColumnRole::Month => Ok(months(column)),
            ColumnRole::Dimension { codes } => {
                let list = self
                    .policy
                    .code_list(codes)
                    .ok_or_else(|| format!("{place}: the policy has no code list \"{codes}\""))?;
                let codes = list.codes.iter().map(|code| CodeInfo {
                    code: code.code.clone(),
                    label: Text::new(&code.no, &code.en),
                    of: vec![code.code.clone()],
                });
                Ok(Codes {
                    name: list.name.clone(),
                    label: Text::new(&list.label.no, &list.label.en),
                    all: codes.collect(),
                })
            }
            // Added up: it has no codes, and `dimension` asks for one group of none.
            ColumnRole::Record => Ok(Codes::none(column)),
            ColumnRole::Measure { min, .. } if *min >= 0 => Ok(Codes::none(column)),
            _ => Err(format!(
                "{place}: the column \"{column}\" has no code list; those that have one are {}",
                known()
            )),
        }
    }

    fn dimension(&self, table: &Table, name: &str, dimension: &Dimension) -> Result<Resolved, String> {
        let place = format!("dimension \"{name}\"");
        let list = self.codes(table, &dimension.column, &place)?;
        let label = dimension.label.clone().unwrap_or_else(|| list.label.clone());
        let order = dimension.order;
        if list.all.is_empty() {
            return added_up(name, label, dimension);
        }
        if dimension.groups.is_empty() {
            let info = DimensionInfo { name: name.to_owned(), label, order, codes: list.all };
            return Ok(Resolved { info, left_out: Vec::new() });
        }
        unique(&format!("group of {place}"), dimension.groups.iter().map(|group| &group.code))?;
        let mut held: BTreeMap<&str, &str> = BTreeMap::new();
        for group in &dimension.groups {
            if group.of.is_empty() {
                return Err(format!("{place}: the group \"{}\" holds no code", group.code));
            }
            for code in &group.of {
                known_code(&list, code, &place)?;
                if let Some(other) = held.insert(code, &group.code) {
                    return Err(format!(
                        "{place}: the code \"{code}\" is in \"{other}\" and in \"{}\"; groups must not overlap",
                        group.code
                    ));
                }
            }
        }
        let codes = list.all.iter().map(|code| code.code.as_str());
        let left_out = codes.filter(|code| !held.contains_key(code)).map(ToOwned::to_owned).collect();
        let codes = dimension.groups.iter().map(|group| CodeInfo {
            code: group.code.clone(),
            label: Text::new(&group.no, &group.en),
            of: group.of.clone(),
        });
        let info = DimensionInfo { name: name.to_owned(), label, order, codes: codes.collect() };
        Ok(Resolved { info, left_out })
    }

    fn filter(
        &self,
        table: &Table,
        filter: &BTreeMap<String, Vec<String>>,
        place: &str,
    ) -> Result<(), String> {
        for (column, codes) in filter {
            let list = self.codes(table, column, place)?;
            if codes.is_empty() {
                return Err(format!("{place}: the filter on \"{column}\" lets nobody through"));
            }
            for code in codes {
                known_code(&list, code, place)?;
            }
        }
        Ok(())
    }

    fn theme(
        &self,
        persons: &Table,
        theme: &Theme,
        dimensions: &BTreeMap<String, Resolved>,
    ) -> Result<CheckedTheme, String> {
        let place = format!("theme \"{}\"", theme.name);
        let table = match &theme.events {
            None => persons,
            Some(events) => self.events(events, theme, &place)?,
        };
        self.filter(table, &theme.filter, &place)?;
        unique(&format!("dimension of {place}"), theme.dims.iter())?;
        let mut dims = Vec::new();
        let mut columns = Vec::new();
        let mut attributes = Vec::new();
        let mut always_in: Vec<&String> = Vec::new();
        for name in &theme.dims {
            let found = dimensions.get(name).ok_or_else(|| {
                let known: Vec<&str> = dimensions.keys().map(String::as_str).collect();
                format!("{place}: there is no dimension \"{name}\"; the workload has {}", quoted(&known))
            })?;
            let column = self.workload.dimensions.get(name).map(|dimension| dimension.column.clone());
            let column = column.unwrap_or_default();
            self.codes(table, &column, &format!("{place}, dimension \"{name}\""))?;
            let passes =
                |code: &String| theme.filter.get(&column).is_none_or(|passing| passing.contains(code));
            let missing: Vec<&str> =
                found.left_out.iter().filter(|code| passes(code)).map(String::as_str).collect();
            if !missing.is_empty() {
                return Err(format!(
                    "dimension \"{name}\": no group holds {}; together the groups must hold every code once, or the theme's filter must leave it out",
                    quoted(&missing)
                ));
            }
            let several = theme.events.as_ref().filter(|events| &events.per == name);
            if several.is_none() && found.info.codes.iter().any(|code| code.of.is_empty()) {
                return Err(format!(
                    "{place}: the dimension \"{name}\" is a measure that is added up: name it as `per` in its events"
                ));
            }
            let attribute = attribute(&found.info, several).map_err(|error| format!("{place}: {error}"))?;
            if several.is_none() && self.workload.added_up(&theme.name).is_some() {
                let of_person = persons.column(&column).map(|column| &column.role);
                if !matches!(of_person, Some(ColumnRole::Dimension { .. })) {
                    return Err(format!(
                        "{place}: \"{column}\" may differ between a person's events, and what is added up stands in one cell; split it by what {TABLE} says of a person"
                    ));
                }
            }
            always_in.extend(attribute.is_always_in().then_some(name));
            attributes.push(attribute);
            dims.push(found.info.clone());
            columns.push(column);
        }
        let domain = Domain::of(attributes).map_err(|error| format!("{place}: {error}"))?;
        if theme.tables.is_empty() {
            return Err(format!("{place} has no table"));
        }
        let mut tables = Vec::new();
        for spec in &theme.tables {
            weight(spec.weight, &format!("table \"{}\"", spec.name))?;
            let mut positions = BTreeSet::new();
            for name in &spec.dims {
                let position =
                    theme.dims.iter().position(|dimension| dimension == name).ok_or_else(|| {
                        let known: Vec<&str> = theme.dims.iter().map(String::as_str).collect();
                        format!(
                            "table \"{}\": its theme has no dimension \"{name}\"; it has {}",
                            spec.name,
                            quoted(&known)
                        )
                    })?;
                if !positions.insert(position) {
                    return Err(format!("table \"{}\" names the dimension \"{name}\" twice", spec.name));
                }
            }
            if let Some(name) = always_in.iter().find(|name| !spec.dims.contains(name)) {
                return Err(format!(
                    "table \"{}\" leaves out the dimension \"{name}\", over which its persons cannot be summed: every table of {place} must have it",
                    spec.name
                ));
            }
            if spec.half_width.is_some_and(|width| !(width.is_finite() && width > 0.0)) {
                return Err(format!(
                    "table \"{}\": the wanted half-width must be a number above 0",
                    spec.name
                ));
            }
            tables.push(Marginal::new(positions));
        }
        Ok(CheckedTheme { dims, columns, domain, tables })
    }

    /// Scene counts are forms about nobody in particular.
    fn scene(&self) -> Result<(), String> {
        let per = self.workload.themes.iter().filter_map(|theme| theme.events.as_ref());
        for events in per {
            if let Some(dimension) = self.workload.dimensions.get(&events.per)
                && dimension.groups.is_empty()
            {
                return Err(format!(
                    "dimension \"{}\": give each shift a group of its own, so that those without a round can be left out",
                    events.per
                ));
            }
        }
        if let Some(theme) = self.workload.themes.iter().find(|theme| theme.events.is_none()) {
            return Err(format!(
                "theme \"{}\": scene counts are counted on their forms: name them in `events`",
                theme.name
            ));
        }
        match self.workload.distinct.first() {
            Some(distinct) => Err(format!(
                "distinct figure \"{}\": scene counts tell nobody apart, so there are none",
                distinct.name
            )),
            None => Ok(()),
        }
    }

    fn events(&self, events: &Events, theme: &Theme, place: &str) -> Result<&Table, String> {
        let found = self.policy.table(&events.table);
        let of_persons = |table: &&Table| {
            table.kind == TableKind::Protected
                && table.grain == Grain::Events
                && table.family == self.workload.family.as_str()
        };
        let table = found.filter(of_persons).ok_or_else(|| {
            let names: Vec<&str> =
                self.policy.tables.values().filter(of_persons).map(|table| table.name.as_str()).collect();
            format!(
                "{place}: \"{}\" is no table of events of {}; there are {}",
                events.table,
                match self.workload.family {
                    Family::Persons => "persons",
                    Family::Scene => "scene counts",
                },
                quoted(&names)
            )
        })?;
        if !theme.dims.contains(&events.per) {
            return Err(format!(
                "{place}: it counts persons once a \"{}\", and has no such dimension",
                events.per
            ));
        }
        if self.workload.family == Family::Scene
            || events.norm.is_finite() && (1.0..=1000.0).contains(&events.norm)
        {
            Ok(table)
        } else {
            Err(format!("{place}: the norm {} must be a number from 1 to 1000", events.norm))
        }
    }

    fn distinct(&self, table: &Table, distinct: &Distinct) -> Result<(), String> {
        let place = format!("distinct figure \"{}\"", distinct.name);
        let list = self.codes(table, &distinct.column, &place)?;
        self.filter(table, &distinct.filter, &place)?;
        for code in &distinct.excluding {
            known_code(&list, code, &place)?;
        }
        weight(distinct.weight, &place)
    }
}

/// A measure that is added up: one group, of no code.
fn added_up(name: &str, label: Text, dimension: &Dimension) -> Result<Resolved, String> {
    match dimension.groups.as_slice() {
        [group] if group.of.is_empty() && dimension.order.is_none() => {
            let label_of = Text::new(&group.no, &group.en);
            let codes = vec![CodeInfo { code: group.code.clone(), label: label_of, of: Vec::new() }];
            let info = DimensionInfo { name: name.to_owned(), label, order: None, codes };
            Ok(Resolved { info, left_out: Vec::new() })
        }
        _ => Err(format!(
            "dimension \"{name}\": \"{}\" is a measure, which is added up: give it one group with `of = []` and no order",
            dimension.column
        )),
    }
}

fn attribute(info: &DimensionInfo, several: Option<&Events>) -> Result<Attribute, String> {
    let size = info.codes.len();
    let made = match (several, info.order) {
        (Some(_), Some(_)) => {
            return Err(format!(
                "the dimension \"{}\" has an order, and persons are counted once for each of its codes",
                info.name
            ));
        }
        // In units of the measure.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 1000
        (Some(events), None) if info.codes.iter().all(|code| code.of.is_empty()) => {
            Attribute::several(size, 1, events.norm.ceil() as u64)
        }
        // Rounded up to whole parts: a norm of √12 lets twelve months through whole.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 1000 units
        (Some(events), None) => {
            let unit = if events.rounds.is_empty() {
                UNIT
            } else {
                rounds::unit(&events.rounds).ok_or_else(|| {
                    format!(
                        "the rounds of the dimension \"{}\" are too many to be averaged in whole numbers",
                        info.name
                    )
                })?
            };
            Attribute::several(size, unit, (norm(events, size) * unit as f64).ceil() as u64)
        }
        (None, Some(Order::Ranges)) => Attribute::ranges(size),
        (None, Some(Order::ToDate)) => Attribute::prefixes(size),
        (None, None) => Ok(Attribute::nominal(size)),
    };
    made.map_err(|error| format!("the dimension \"{}\": {error}", info.name))
}

/// The norm over the values of a dimension; of scene counts, that of 1 in each.
fn norm(events: &Events, size: usize) -> f64 {
    if events.norm > 0.0 { events.norm } else { (size as f64).sqrt() }
}

fn months(column: &str) -> Codes {
    const NAMES: [(&str, &str); 12] = [
        ("januar", "January"),
        ("februar", "February"),
        ("mars", "March"),
        ("april", "April"),
        ("mai", "May"),
        ("juni", "June"),
        ("juli", "July"),
        ("august", "August"),
        ("september", "September"),
        ("oktober", "October"),
        ("november", "November"),
        ("desember", "December"),
    ];
    let codes = NAMES.iter().zip(1..).map(|((no, en), number)| CodeInfo {
        code: number.to_string(),
        label: Text::new(*no, *en),
        of: vec![number.to_string()],
    });
    Codes { name: column.to_owned(), label: Text::new("Måned", "Month"), all: codes.collect() }
}

fn known_code(list: &Codes, code: &str, place: &str) -> Result<(), String> {
    if list.contains(code) {
        return Ok(());
    }
    let mut known: Vec<&str> = list.all.iter().map(|code| code.code.as_str()).collect();
    let more = if known.len() > 20 { format!(" and {} more", known.len() - 20) } else { String::new() };
    known.truncate(20);
    Err(format!(
        "{place}: the code list \"{}\" has no code \"{code}\"; it has {}{more}",
        list.name,
        quoted(&known)
    ))
}

fn weight(weight: f64, place: &str) -> Result<(), String> {
    if weight.is_finite() && weight > 0.0 {
        Ok(())
    } else {
        Err(format!("{place}: the weight {weight} must be a number above 0"))
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            return Err(format!("a {what} has an empty name"));
        }
        if !seen.insert(name) {
            return Err(format!("the {what} \"{name}\" is there twice"));
        }
    }
    Ok(())
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}
