//! The rules, fitted to a policy's columns.

use crate::WarehouseError;
use crate::policy::{ColumnRole, Grain, Policy, Table, TableKind, UNKNOWN};

const UTE: &str = "uteseksjonen";

/// What a column of a flagged row must say.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    /// This code.
    Is(&'static str, &'static str),
    /// A code of a district's own service: known, and not Uteseksjonen.
    DistrictService(&'static str),
}

/// A flag and the rows that raise it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    pub(super) column: &'static str,
    pub(super) table: &'static str,
    pub(super) conditions: &'static [Condition],
}

const BY_UTE: Condition = Condition::Is("service", UTE);
const BY_DISTRICT: Condition = Condition::DistrictService("service");

/// The flags; see the module's table.
const FLAGS: [Flag; 15] = [
    flag("ute_contact", "contact", &[BY_UTE]),
    flag("ute_first_contact", "contact", &[BY_UTE, Condition::Is("first_time", "yes")]),
    flag("ute_follow_up", "follow_up", &[BY_UTE]),
    flag("ute_concern_report", "concern_report", &[BY_UTE]),
    flag("ute_missing_report", "missing_report", &[BY_UTE]),
    flag("ute_journey_home", "journey_home", &[BY_UTE]),
    flag(
        "ute_treatment_referral",
        "referral",
        &[BY_UTE, Condition::Is("referred_to", "specialised_treatment")],
    ),
    flag("ute_psychologist", "measure", &[BY_UTE, Condition::Is("measure_kind", "psychologist")]),
    flag("ute_cannabis_cessation", "measure", &[BY_UTE, Condition::Is("measure_kind", "cannabis_cessation")]),
    flag(
        "ute_reinforced_follow_up",
        "measure",
        &[BY_UTE, Condition::Is("measure_kind", "reinforced_follow_up")],
    ),
    flag("ute_employment", "measure", &[BY_UTE, Condition::Is("measure_kind", "employment")]),
    flag("district_contact", "contact", &[BY_DISTRICT]),
    flag("district_follow_up", "follow_up", &[BY_DISTRICT]),
    flag("bed_stay", "bed_stay", &[]),
    flag("agency_contact", "agency_contact", &[]),
];

/// The tables that decide the primary service, the first that can.
pub(super) const SERVICE_TABLES: [&str; 7] =
    ["contact", "follow_up", "referral", "measure", "missing_report", "concern_report", "journey_home"];

const fn flag(column: &'static str, table: &'static str, conditions: &'static [Condition]) -> Flag {
    Flag { column, table, conditions }
}

impl Condition {
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Is(column, _) | Self::DistrictService(column) => column,
        }
    }

    pub(super) fn holds(self, code: &str) -> bool {
        match self {
            Self::Is(_, wanted) => code == wanted,
            Self::DistrictService(_) => code != UTE && code != UNKNOWN,
        }
    }
}

/// How a column of `person_year` is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Person,
    /// The attribute at this place in [`Rules::attributes`].
    Attribute(usize),
    PrimaryService,
    /// The flag at this place in [`Rules::flags`].
    Flag(usize),
}

/// A table of events and what is read of it.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) table: String,
    /// Every column that is read.
    pub(super) columns: Vec<String>,
    /// Attributes (places in [`Rules::attributes`]) the table has.
    pub(super) attributes: Vec<usize>,
    /// Place in [`SERVICE_TABLES`].
    pub(super) service: Option<usize>,
    /// Flags (places in [`Rules::flags`]) its rows may raise.
    pub(super) flags: Vec<usize>,
}

/// The rules for a policy.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(super) attributes: Vec<String>,
    pub(super) flags: Vec<Flag>,
    /// For each column of the stored table.
    pub(super) fills: Vec<Fill>,
    pub(super) sources: Vec<Source>,
}

impl Rules {
    /// Fits the rules to a policy; an error when a column cannot be filled.
    pub(crate) fn new(policy: &Policy, table: &Table) -> Result<Self, WarehouseError> {
        let events: Vec<&Table> = policy
            .tables
            .values()
            .filter(|t| {
                t.kind == TableKind::Protected && t.grain == Grain::Events && t.family == table.family
            })
            .filter(|t| {
                t.column_of(&ColumnRole::Person).is_some() && t.column_of(&ColumnRole::Date).is_some()
            })
            .collect();
        let mut rules =
            Self { attributes: Vec::new(), flags: Vec::new(), fills: Vec::new(), sources: Vec::new() };
        for column in &table.columns {
            let fill = match &column.role {
                ColumnRole::Year => continue,
                ColumnRole::Person => Some(Fill::Person),
                ColumnRole::Dimension { .. } => rules.fill(&events, &column.name, &column.role),
                _ => None,
            };
            rules.fills.push(fill.ok_or_else(|| WarehouseError::Underivable {
                table: table.name.clone(),
                column: column.name.clone(),
            })?);
        }
        rules.sources = events.into_iter().map(|events| rules.source(events)).collect();
        Ok(rules)
    }

    /// Whether a table's rows make person-years.
    pub(crate) fn reads(&self, table: &str) -> bool {
        self.sources.iter().any(|s| s.table == table)
    }

    fn fill(&mut self, events: &[&Table], column: &str, role: &ColumnRole) -> Option<Fill> {
        if let Some(flag) = FLAGS.iter().find(|f| f.column == column) {
            let source = events.iter().find(|t| t.name == flag.table)?;
            let readable = flag.conditions.iter().all(|c| source.column(c.column()).is_some());
            self.flags.push(*flag);
            return readable.then_some(Fill::Flag(self.flags.len() - 1));
        }
        let of = if column == "primary_service" { "service" } else { column };
        // A code must mean the same in every table it is counted in.
        let mut found = events.iter().filter_map(|t| t.column(of)).peekable();
        found.peek()?;
        if found.any(|c| c.role != *role) {
            return None;
        }
        if of != column {
            return Some(Fill::PrimaryService);
        }
        self.attributes.push(column.to_owned());
        Some(Fill::Attribute(self.attributes.len() - 1))
    }

    fn source(&self, table: &Table) -> Source {
        let places = |names: &mut dyn Iterator<Item = bool>| {
            names.enumerate().filter_map(|(at, has)| has.then_some(at)).collect::<Vec<_>>()
        };
        let attributes = places(&mut self.attributes.iter().map(|a| table.column(a).is_some()));
        let flags = places(&mut self.flags.iter().map(|f| f.table == table.name));
        let service = SERVICE_TABLES.iter().position(|name| *name == table.name);
        let service = service.filter(|_| table.column("service").is_some());
        let mut columns = vec!["person".to_owned(), "date".to_owned()];
        columns.extend(attributes.iter().map(|at| self.attributes[*at].clone()));
        let read = flags.iter().flat_map(|at| self.flags[*at].conditions).map(|c| c.column());
        for column in read.chain(service.map(|_| "service")) {
            if !columns.iter().any(|c| c == column) {
                columns.push(column.to_owned());
            }
        }
        Source { table: table.name.clone(), columns, attributes, service, flags }
    }
}
