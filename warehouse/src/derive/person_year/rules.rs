//! The rules, fitted to a policy's columns.

use crate::WarehouseError;
use crate::policy::{CodeList, ColumnRole, Grain, Policy, Table, TableKind, UNKNOWN};

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

/// The table whose rows decide the month of the first contact, and which of its rows.
const FIRST_MONTH: Flag = flag("ute_first_month", "contact", &[BY_UTE]);

/// Codes of `ute_first_month` by month, and of no contact.
pub(super) const MONTHS: [&str; 12] =
    ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"];
pub(super) const NO_MONTH: &str = "none";

/// Codes of `services_used` from one service on; the last is for that many and more.
pub(super) const NUMBERS: [&str; 4] = ["1", "2", "3", "4+"];

/// Whose service a row is of, for the number of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    /// The one that this column names; nobody's when it is unknown.
    Named(&'static str),
    /// All rows of these tables are of one.
    Beds,
}

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
    FirstMonth,
    ServicesUsed,
}

impl Fill {
    /// Whether a code list holds every code that this writes of its own accord.
    fn fits(self, list: &CodeList) -> bool {
        let all = |codes: &[&str]| codes.iter().all(|code| list.contains(code));
        match self {
            Self::Person | Self::Attribute(_) | Self::PrimaryService => true,
            Self::Flag(_) => all(&["yes", "no"]),
            Self::FirstMonth => all(&MONTHS) && list.contains(NO_MONTH),
            Self::ServicesUsed => all(&NUMBERS),
        }
    }
}

impl Provider {
    /// Whose service the rows of a table are of; nothing of a table that says nothing about services.
    fn of(table: &Table) -> Option<Self> {
        let provider = match table.name.as_str() {
            "bed_stay" => Self::Beds,
            "agency_contact" => Self::Named("agency"),
            name if SERVICE_TABLES.contains(&name) => Self::Named("service"),
            _ => return None,
        };
        provider.column().is_none_or(|column| table.column(column).is_some()).then_some(provider)
    }

    pub(super) fn column(self) -> Option<&'static str> {
        match self {
            Self::Named(column) => Some(column),
            Self::Beds => None,
        }
    }
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
    /// What its rows must say to decide the month of the first contact.
    pub(super) first_month: Option<&'static [Condition]>,
    /// Whose service its rows are of.
    pub(super) provider: Option<Provider>,
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
                ColumnRole::Dimension { codes } => {
                    let fill = rules.fill(&events, &column.name, &column.role);
                    fill.filter(|fill| policy.codes.get(codes).is_some_and(|list| fill.fits(list)))
                }
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
        if column == FIRST_MONTH.column {
            let source = events.iter().find(|t| t.name == FIRST_MONTH.table)?;
            let readable = FIRST_MONTH.conditions.iter().all(|c| source.column(c.column()).is_some());
            return readable.then_some(Fill::FirstMonth);
        }
        if column == "services_used" {
            return events.iter().any(|t| Provider::of(t).is_some()).then_some(Fill::ServicesUsed);
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
        let first_month = (self.fills.contains(&Fill::FirstMonth) && table.name == FIRST_MONTH.table)
            .then_some(FIRST_MONTH.conditions);
        let provider = Provider::of(table).filter(|_| self.fills.contains(&Fill::ServicesUsed));
        let mut columns = vec!["person".to_owned(), "date".to_owned()];
        columns.extend(attributes.iter().map(|at| self.attributes[*at].clone()));
        let read = flags.iter().flat_map(|at| self.flags[*at].conditions).map(|c| c.column());
        let named = provider.and_then(Provider::column);
        let of_first = first_month.into_iter().flatten().map(|c| c.column());
        for column in read.chain(service.map(|_| "service")).chain(named).chain(of_first) {
            if !columns.iter().any(|c| c == column) {
                columns.push(column.to_owned());
            }
        }
        Source { table: table.name.clone(), columns, attributes, service, flags, first_month, provider }
    }
}
