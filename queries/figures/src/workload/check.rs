//! Checks a workload against a policy. Every sentence says which part of the file is wrong and what would be right.

use std::collections::{BTreeMap, BTreeSet};

use skjerm_privacy::marginals::{Domain, Marginal};
use skjerm_warehouse::policy::{CodeList, ColumnRole, Policy, Table};

use super::{Dimension, Distinct, Figure, Theme, Workload};
use crate::error::FiguresError;
use crate::release::{CodeInfo, DimensionInfo};
use crate::text::Text;

/// The table a release measures.
const TABLE: &str = "person_year";

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

struct Checker<'a> {
    workload: &'a Workload,
    policy: &'a Policy,
}

impl Checker<'_> {
    fn run(&self) -> Result<Checked, String> {
        let table = self.policy.table(TABLE).ok_or_else(|| format!("the policy has no table {TABLE}"))?;
        let mut dimensions = BTreeMap::new();
        for (name, dimension) in &self.workload.dimensions {
            dimensions.insert(name.clone(), self.dimension(table, name, dimension)?);
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
        Ok(Checked { dimensions: dimensions.into_values().collect(), themes })
    }

    fn code_list(&self, table: &Table, column: &str, place: &str) -> Result<&CodeList, String> {
        let known = || {
            let names: Vec<&str> = table
                .columns
                .iter()
                .filter(|column| matches!(column.role, ColumnRole::Dimension { .. }))
                .map(|column| column.name.as_str())
                .collect();
            names.join(", ")
        };
        let found = table
            .column(column)
            .ok_or_else(|| format!("{place}: {TABLE} has no column \"{column}\"; it has {}", known()))?;
        let ColumnRole::Dimension { codes } = &found.role else {
            return Err(format!(
                "{place}: the column \"{column}\" has no code list; those that have one are {}",
                known()
            ));
        };
        self.policy
            .code_list(codes)
            .ok_or_else(|| format!("{place}: the policy has no code list \"{codes}\""))
    }

    fn dimension(&self, table: &Table, name: &str, dimension: &Dimension) -> Result<DimensionInfo, String> {
        let place = format!("dimension \"{name}\"");
        let list = self.code_list(table, &dimension.column, &place)?;
        let label = dimension.label.clone().unwrap_or_else(|| Text::new(&list.label.no, &list.label.en));
        if dimension.groups.is_empty() {
            let codes = list.codes.iter().map(|code| CodeInfo {
                code: code.code.clone(),
                label: Text::new(&code.no, &code.en),
                of: vec![code.code.clone()],
            });
            return Ok(DimensionInfo { name: name.to_owned(), label, codes: codes.collect() });
        }
        unique(&format!("group of {place}"), dimension.groups.iter().map(|group| &group.code))?;
        let mut held: BTreeMap<&str, &str> = BTreeMap::new();
        for group in &dimension.groups {
            if group.of.is_empty() {
                return Err(format!("{place}: the group \"{}\" holds no code", group.code));
            }
            for code in &group.of {
                known_code(list, code, &place)?;
                if let Some(other) = held.insert(code, &group.code) {
                    return Err(format!(
                        "{place}: the code \"{code}\" is in \"{other}\" and in \"{}\"; groups must not overlap",
                        group.code
                    ));
                }
            }
        }
        let missing: Vec<&str> = list
            .codes
            .iter()
            .map(|code| code.code.as_str())
            .filter(|code| !held.contains_key(code))
            .collect();
        if !missing.is_empty() {
            return Err(format!(
                "{place}: no group holds {}; together the groups must hold every code once",
                quoted(&missing)
            ));
        }
        let codes = dimension.groups.iter().map(|group| CodeInfo {
            code: group.code.clone(),
            label: Text::new(&group.no, &group.en),
            of: group.of.clone(),
        });
        Ok(DimensionInfo { name: name.to_owned(), label, codes: codes.collect() })
    }

    fn filter(
        &self,
        table: &Table,
        filter: &BTreeMap<String, Vec<String>>,
        place: &str,
    ) -> Result<(), String> {
        for (column, codes) in filter {
            let list = self.code_list(table, column, place)?;
            if codes.is_empty() {
                return Err(format!("{place}: the filter on \"{column}\" lets nobody through"));
            }
            for code in codes {
                known_code(list, code, place)?;
            }
        }
        Ok(())
    }

    fn theme(
        &self,
        table: &Table,
        theme: &Theme,
        dimensions: &BTreeMap<String, DimensionInfo>,
    ) -> Result<CheckedTheme, String> {
        let place = format!("theme \"{}\"", theme.name);
        self.filter(table, &theme.filter, &place)?;
        unique(&format!("dimension of {place}"), theme.dims.iter())?;
        let mut dims = Vec::new();
        let mut columns = Vec::new();
        for name in &theme.dims {
            let found = dimensions.get(name).ok_or_else(|| {
                let known: Vec<&str> = dimensions.keys().map(String::as_str).collect();
                format!("{place}: there is no dimension \"{name}\"; the workload has {}", quoted(&known))
            })?;
            dims.push(found.clone());
            columns.extend(self.workload.dimensions.get(name).map(|dimension| dimension.column.clone()));
        }
        let domain = Domain::new(dims.iter().map(|dimension| dimension.codes.len()).collect())
            .map_err(|error| format!("{place}: {error}"))?;
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
            tables.push(Marginal::new(positions));
        }
        Ok(CheckedTheme { dims, columns, domain, tables })
    }

    fn distinct(&self, table: &Table, distinct: &Distinct) -> Result<(), String> {
        let place = format!("distinct figure \"{}\"", distinct.name);
        let list = self.code_list(table, &distinct.column, &place)?;
        self.filter(table, &distinct.filter, &place)?;
        for code in &distinct.excluding {
            known_code(list, code, &place)?;
        }
        weight(distinct.weight, &place)
    }

    fn figure(&self, figure: &Figure, themes: &[CheckedTheme]) -> Result<(), String> {
        let place = format!("figure \"{}\"", figure.name);
        match (&figure.theme, &figure.distinct) {
            (Some(name), None) => {
                let position = self.workload.themes.iter().position(|theme| &theme.name == name);
                let position = position.ok_or_else(|| format!("{place}: there is no theme \"{name}\""))?;
                let (theme, checked) = (&self.workload.themes[position], &themes[position]);
                for (dimension, codes) in &figure.cells {
                    let info = checked.dims.iter().find(|info| &info.name == dimension).ok_or_else(|| {
                        format!("{place}: the theme \"{name}\" has no dimension \"{dimension}\"")
                    })?;
                    for code in codes {
                        if !info.codes.iter().any(|known| &known.code == code) {
                            return Err(format!(
                                "{place}: the dimension \"{dimension}\" has no code \"{code}\""
                            ));
                        }
                    }
                    if codes.is_empty() {
                        return Err(format!("{place}: no code of \"{dimension}\" is in the union"));
                    }
                }
                // A union over dimensions that no table has together would not be determined by what is measured.
                let answered = theme
                    .tables
                    .iter()
                    .any(|table| figure.cells.keys().all(|dimension| table.dims.contains(dimension)));
                if !answered {
                    let wanted: Vec<&str> = figure.cells.keys().map(String::as_str).collect();
                    return Err(format!(
                        "{place}: no table of the theme \"{name}\" has {} together",
                        quoted(&wanted)
                    ));
                }
                Ok(())
            }
            (None, Some(name)) => {
                if !figure.cells.is_empty() {
                    return Err(format!("{place}: a distinct figure has no cells"));
                }
                let found = self.workload.distinct.iter().any(|distinct| &distinct.name == name);
                if found { Ok(()) } else { Err(format!("{place}: there is no distinct figure \"{name}\"")) }
            }
            _ => Err(format!("{place} must name a theme or a distinct figure, and not both")),
        }
    }
}

fn known_code(list: &CodeList, code: &str, place: &str) -> Result<(), String> {
    if list.contains(code) {
        return Ok(());
    }
    let mut known: Vec<&str> = list.codes.iter().map(|code| code.code.as_str()).collect();
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
