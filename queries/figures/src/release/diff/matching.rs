//! What means the same in two releases, and what does not.

use std::collections::{BTreeMap, BTreeSet};

use super::Unmatched;
use super::sentences;
use crate::key_figures::KeyFigure;
use crate::release::document::{CodeInfo, Release, Row, Table};
use crate::workload::Figure;

/// Two releases.
pub(crate) struct Matching<'a> {
    a: &'a Release,
    b: &'a Release,
}

impl<'a> Matching<'a> {
    pub(crate) fn new(a: &'a Release, b: &'a Release) -> Self {
        Self { a, b }
    }

    /// The tables that count the same persons by the same dimensions.
    pub(crate) fn tables(&self) -> Vec<(&'a Table, &'a Table)> {
        let pairs = self.b.tables.iter().filter_map(|after| Some((named(self.a, &after.name)?, after)));
        pairs.filter(|(before, after)| self.alike(before, after)).collect()
    }

    pub(crate) fn tables_apart(&self) -> Vec<Unmatched> {
        let mut found = Vec::new();
        for (here, other) in [(self.a, self.b), (self.b, self.a)] {
            let alone = here.tables.iter().filter(|table| named(other, &table.name).is_none());
            found.extend(alone.map(|table| Unmatched {
                what: "table".to_owned(),
                name: table.name.clone(),
                only_in: Some(here.id.clone()),
                sentence: sentences::alone("tabellen", "table", &table.name, here),
            }));
        }
        let both = self.b.tables.iter().filter_map(|after| Some((named(self.a, &after.name)?, after)));
        found.extend(both.filter(|(before, after)| !self.alike(before, after)).map(|(_, after)| Unmatched {
            what: "table".to_owned(),
            name: after.name.clone(),
            only_in: None,
            sentence: sentences::otherwise("Tabellen", "table", &after.name),
        }));
        found
    }

    fn alike(&self, before: &Table, after: &Table) -> bool {
        let dimensions = |table: &Table| table.dimensions.iter().cloned().collect::<BTreeSet<_>>();
        dimensions(before) == dimensions(after)
            && after.dimensions.iter().all(|dimension| self.same_dimension(dimension))
            && before.theme == after.theme
            && self.same_persons(&before.theme)
    }

    /// Whether a theme counts the same persons in both. Means over different rounds are of the same: what a count sees.
    fn same_persons(&self, theme: &str) -> bool {
        let filter = |release: &'a Release| {
            let found = release.workload.themes.iter().find(|spec| spec.name == theme)?;
            let (mut filter, mut events) = (found.filter.clone(), found.events.clone());
            if let Some(events) = events.as_mut().filter(|events| !events.rounds.is_empty()) {
                let per = release.workload.dimensions.get(&events.per)?;
                filter.remove(&per.column);
                (events.rounds, events.norm) = (BTreeMap::new(), 0.0);
            }
            Some((filter, events))
        };
        filter(self.a) == filter(self.b)
    }

    /// Whether a dimension is of the same column, and its codes of the same sort: single ones, or sums to date.
    fn same_dimension(&self, name: &str) -> bool {
        let of = |release: &'a Release| {
            let info = release.dimensions.iter().find(|info| info.name == name);
            (release.workload.dimensions.get(name).map(|spec| &spec.column), info.map(|info| info.order))
        };
        of(self.a) == of(self.b)
    }

    /// The rows of a table that are in both, and mean the same.
    pub(crate) fn rows(&self, before: &'a Table, after: &'a Table) -> Vec<(&'a Row, &'a Row)> {
        let same = |row: &&Row| row.key.iter().all(|(dimension, code)| self.same_code(dimension, code));
        let rows = after.rows.iter().filter(same);
        rows.filter_map(|row| Some((before.rows.iter().find(|earlier| earlier.key == row.key)?, row)))
            .collect()
    }

    fn same_code(&self, dimension: &str, code: &str) -> bool {
        match (coded(self.a, dimension, code), coded(self.b, dimension, code)) {
            (Some(before), Some(after)) => {
                let of = |code: &CodeInfo| code.of.iter().cloned().collect::<BTreeSet<_>>();
                of(before) == of(after)
            }
            _ => false,
        }
    }

    /// Codes of the compared tables that are in one release alone, or hold other codes of the policy.
    pub(crate) fn codes_apart(&self) -> Vec<Unmatched> {
        let tables = self.tables();
        let dimensions: BTreeSet<&String> = tables.iter().flat_map(|(_, table)| &table.dimensions).collect();
        let mut found = Vec::new();
        for dimension in dimensions {
            let of = |release: &'a Release| release.dimensions.iter().find(|info| &info.name == dimension);
            let (Some(before), Some(after)) = (of(self.a), of(self.b)) else { continue };
            for (here, codes, other) in
                [(self.a, &before.codes, &after.codes), (self.b, &after.codes, &before.codes)]
            {
                let alone = codes.iter().filter(|code| !other.iter().any(|known| known.code == code.code));
                found.extend(alone.map(|code| {
                    let sides = tables.iter().map(|(a, b)| if std::ptr::eq(here, self.a) { *a } else { *b });
                    let has = |row: &&Row| row.key.get(dimension) == Some(&code.code);
                    let cells = sides.flat_map(|table| &table.rows).filter(has).count();
                    Unmatched {
                        what: "code".to_owned(),
                        name: format!("{dimension}={}", code.code),
                        only_in: Some(here.id.clone()),
                        sentence: sentences::code_alone(&after.label, code, here, cells),
                    }
                }));
            }
            let both = after.codes.iter().filter(|code| coded(self.a, dimension, &code.code).is_some());
            found.extend(both.filter(|code| !self.same_code(dimension, &code.code)).map(|code| Unmatched {
                what: "code".to_owned(),
                name: format!("{dimension}={}", code.code),
                only_in: None,
                sentence: sentences::code_otherwise(&after.label, code),
            }));
        }
        found
    }

    /// The figures that are defined alike.
    pub(crate) fn figures<'f>(
        &self,
        before: &'f [KeyFigure],
        after: &'f [KeyFigure],
    ) -> Vec<(&'f KeyFigure, &'f KeyFigure)> {
        let pairs = after.iter().filter_map(|figure| Some((same_name(before, &figure.name)?, figure)));
        pairs.filter(|(a, b)| self.defined_alike(a, b)).collect()
    }

    pub(crate) fn figures_apart(&self, before: &[KeyFigure], after: &[KeyFigure]) -> Vec<Unmatched> {
        let mut found = Vec::new();
        for (here, figures, other) in [(self.a, before, after), (self.b, after, before)] {
            let alone = figures.iter().filter(|figure| same_name(other, &figure.name).is_none());
            found.extend(alone.map(|figure| Unmatched {
                what: "figure".to_owned(),
                name: figure.name.clone(),
                only_in: Some(here.id.clone()),
                sentence: sentences::alone("tallet", "figure", &figure.name, here),
            }));
        }
        let both = after.iter().filter_map(|figure| Some((same_name(before, &figure.name)?, figure)));
        found.extend(both.filter(|(a, b)| !self.defined_alike(a, b)).map(|(_, figure)| Unmatched {
            what: "figure".to_owned(),
            name: figure.name.clone(),
            only_in: None,
            sentence: sentences::otherwise("Tallet", "figure", &figure.name),
        }));
        found
    }

    fn defined_alike(&self, a: &KeyFigure, b: &KeyFigure) -> bool {
        let spec = |release: &'a Release, figure: &KeyFigure| -> Option<&'a Figure> {
            release.workload.figures.iter().find(|spec| spec.name == figure.name)
        };
        let same_unit = a.unit == b.unit && a.exact == b.exact;
        match (spec(self.a, a), spec(self.b, b)) {
            (Some(before), Some(after)) => same_unit && self.specified_alike(before, after),
            // Figures about the service are no part of a workload.
            (None, None) => same_unit,
            _ => false,
        }
    }

    /// Whether two figures of the workloads are the same union of cells.
    pub(crate) fn specified_alike(&self, before: &Figure, after: &Figure) -> bool {
        let sets = |spec: &Figure| -> BTreeSet<(String, String)> {
            let codes = spec.cells.iter();
            codes
                .flat_map(|(dimension, codes)| codes.iter().map(|code| (dimension.clone(), code.clone())))
                .collect()
        };
        (&before.theme, &before.distinct) == (&after.theme, &after.distinct)
            && before.theme.as_ref().is_none_or(|theme| self.same_persons(theme))
            && self.same_distinct(before.distinct.as_deref())
            && sets(before) == sets(after)
            && sets(after)
                .iter()
                .all(|(dimension, code)| self.same_dimension(dimension) && self.same_code(dimension, code))
    }

    fn same_distinct(&self, name: Option<&str>) -> bool {
        let of = |release: &'a Release| {
            let found =
                release.workload.distinct.iter().find(|distinct| Some(distinct.name.as_str()) == name);
            found.map(|distinct| (&distinct.column, &distinct.filter, &distinct.excluding))
        };
        of(self.a) == of(self.b)
    }
}

fn named<'a>(release: &'a Release, name: &str) -> Option<&'a Table> {
    release.tables.iter().find(|table| table.name == name)
}

fn coded<'a>(release: &'a Release, dimension: &str, code: &str) -> Option<&'a CodeInfo> {
    let info = release.dimensions.iter().find(|info| info.name == dimension)?;
    info.codes.iter().find(|known| known.code == code)
}

fn same_name<'f>(figures: &'f [KeyFigure], name: &str) -> Option<&'f KeyFigure> {
    figures.iter().find(|figure| figure.name == name)
}
