//! A mapping checked against the policy and made ready for reading.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use encoding_rs::Encoding;
use jiff::civil::Date;
use skjerm_warehouse::policy::{CodeList, ColumnRole, Policy, Table};

use super::MappingError;
use super::model::{Field, FieldKind, Mapping, Spelling, TableMapping};
use crate::spelling::{Words, fold};
use crate::values::{AgeBands, DateFormat};

/// The code every closed list has for what is not known.
const UNKNOWN: &str = "unknown";
/// The column with the campaign of a count.
const CAMPAIGN: &str = "campaign";

/// A mapping ready for reading.
pub(crate) struct Compiled {
    pub(crate) source: String,
    pub(crate) encoding: Option<&'static Encoding>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) sheet: Option<String>,
    pub(crate) fields: Vec<FieldUse>,
    /// Folded header → field, or none for a column that is known and never read.
    pub(crate) headers: HashMap<String, Option<usize>>,
    pub(crate) dates: Vec<DateFormat>,
    pub(crate) blank: Vec<String>,
    pub(crate) person: Option<PersonUse>,
    pub(crate) route: Option<RouteUse>,
    pub(crate) withdrawn: Option<WithdrawnUse>,
    pub(crate) tables: Vec<TablePlan>,
}

/// A field ready for reading.
pub(crate) struct FieldUse {
    /// Its header as the mapping spells it first: what messages and quarantine files call it.
    pub(crate) label: String,
    pub(crate) kind: FieldKind,
    pub(crate) required: bool,
    pub(crate) filled: bool,
    pub(crate) code: Option<CodeField>,
}

/// A field of a code list.
pub(crate) struct CodeField {
    pub(crate) words: Words,
    /// What an empty cell means.
    pub(crate) unknown: u16,
    pub(crate) codes: Codes,
}

/// The codes of a list, by position.
pub(crate) type Codes = Arc<[String]>;

/// Fields that say who it is.
pub(crate) struct PersonUse {
    pub(crate) national_id: Option<usize>,
    pub(crate) name: Vec<usize>,
    pub(crate) birth_date: Option<usize>,
    pub(crate) client: Option<usize>,
}

pub(crate) struct RouteUse {
    pub(crate) field: usize,
    /// Folded word → table.
    pub(crate) words: HashMap<String, usize>,
}

pub(crate) struct WithdrawnUse {
    pub(crate) field: usize,
    /// Folded word → whether the row was taken back.
    pub(crate) words: HashMap<String, bool>,
}

/// How a row of a table is made.
pub(crate) struct TablePlan {
    pub(crate) name: String,
    pub(crate) schema: SchemaRef,
    pub(crate) record: Vec<usize>,
    pub(crate) date: usize,
    pub(crate) columns: Vec<ColumnPlan>,
    /// The campaign of a count, when the table has one.
    pub(crate) campaign: Option<CampaignUse>,
}

/// The field with the campaign of a count.
pub(crate) struct CampaignUse {
    pub(crate) field: usize,
    /// Code → the year its name begins with.
    years: Vec<Option<i16>>,
}

impl CampaignUse {
    /// Whether a round of the campaign may be held on the date: in the campaign's year, or in the December before,
    /// when a winter count may begin. A campaign without a year in its code is held at any time.
    pub(crate) fn may_have(&self, code: u16, date: Date) -> bool {
        let Some(year) = self.years.get(usize::from(code)).copied().flatten() else { return true };
        date.year() == year || (date.month() == 12 && date.year() + 1 == year)
    }
}

/// Where a column's value comes from.
pub(crate) enum ColumnPlan {
    Person,
    Record,
    Year,
    Month,
    Date,
    Code {
        field: usize,
        codes: Codes,
    },
    /// A code that is the same in every row: `unknown` of a dimension the source does not have.
    Fixed {
        code: u16,
        codes: Codes,
    },
    AgeBand {
        bands: AgeBands,
        codes: Codes,
    },
    LinkLevel {
        levels: LinkLevels,
        codes: Codes,
    },
    Measure {
        field: Option<usize>,
        bounds: Number,
    },
}

/// Bounds of a measure.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) min: i64,
    pub(crate) max: i64,
}

/// Positions of the link levels in their code list.
#[derive(Clone, Copy)]
pub(crate) struct LinkLevels {
    pub(crate) national_id: u16,
    pub(crate) name_birth: u16,
    pub(crate) client: u16,
}

impl Compiled {
    pub(crate) fn new(mapping: &Mapping, policy: &Policy) -> Result<Self, MappingError> {
        let wrong = |problem: String| MappingError::Meaning { source_name: mapping.source.clone(), problem };
        Compiler { mapping, policy, names: mapping.fields.keys().map(String::as_str).collect() }
            .compile()
            .map_err(wrong)
    }

    /// Labels of the required fields.
    pub(crate) fn required(&self) -> Vec<String> {
        self.fields.iter().filter(|f| f.required).map(|f| f.label.clone()).collect()
    }
}

struct Compiler<'a> {
    mapping: &'a Mapping,
    policy: &'a Policy,
    names: Vec<&'a str>,
}

impl Compiler<'_> {
    fn compile(&self) -> Result<Compiled, String> {
        let m = self.mapping;
        let encoding = m.encoding.as_deref().map(|label| {
            Encoding::for_label(label.as_bytes()).ok_or_else(|| format!("no encoding is called `{label}`"))
        });
        let delimiter = m.delimiter.map(|c| {
            u8::try_from(c).ok().filter(u8::is_ascii).ok_or_else(|| "the delimiter must be ASCII".to_owned())
        });
        let dates = m.dates.iter().map(|f| DateFormat::parse(f)).collect::<Result<Vec<_>, _>>()?;
        let fields = m
            .fields
            .iter()
            .map(|(name, f)| self.field(f).map_err(|e| format!("field `{name}`: {e}")))
            .collect::<Result<Vec<_>, _>>()?;
        if m.tables.is_empty() {
            return Err("it names no table".into());
        }
        let tables = m
            .tables
            .iter()
            .map(|(name, t)| self.table(name, t, &fields).map_err(|e| format!("table `{name}`: {e}")))
            .collect::<Result<Vec<_>, _>>()?;
        let route = self.route(&fields)?;
        if route.is_none() && tables.len() > 1 {
            return Err("with several tables it must say which rows go where, under `route`".into());
        }
        Ok(Compiled {
            source: m.source.clone(),
            encoding: encoding.transpose()?,
            delimiter: delimiter.transpose()?,
            sheet: m.sheet.clone(),
            headers: self.headers()?,
            dates,
            blank: m.blank.iter().map(|b| b.trim().to_owned()).collect(),
            person: self.person(&fields)?,
            withdrawn: self.withdrawn(&fields)?,
            route,
            tables,
            fields,
        })
    }

    fn field_index(&self, name: &str) -> Result<usize, String> {
        self.names.iter().position(|n| *n == name).ok_or_else(|| format!("there is no field `{name}`"))
    }

    fn field_of(&self, name: &str, kind: FieldKind, fields: &[FieldUse]) -> Result<usize, String> {
        let at = self.field_index(name)?;
        if fields[at].kind == kind { Ok(at) } else { Err(format!("field `{name}` must have kind {kind:?}")) }
    }

    fn headers(&self) -> Result<HashMap<String, Option<usize>>, String> {
        let mut headers = HashMap::new();
        for (at, (name, field)) in self.mapping.fields.iter().enumerate() {
            for header in &field.headers {
                let before = headers.insert(fold(header), Some(at));
                if before.is_some_and(|b| b != Some(at)) {
                    return Err(format!(
                        "the header `{header}` of field `{name}` belongs to another field, too"
                    ));
                }
            }
        }
        for header in &self.mapping.drop {
            if headers.insert(fold(header), None).flatten().is_some() {
                return Err(format!("the header `{header}` is both dropped and read"));
            }
        }
        Ok(headers)
    }

    fn field(&self, field: &Field) -> Result<FieldUse, String> {
        let label = field.headers.first().ok_or("it has no header")?.clone();
        let code = match (field.kind, &field.codes) {
            (FieldKind::Code, Some(list)) => Some(self.code_field(field, list)?),
            (FieldKind::Code, None) => {
                return Err("kind `code` needs `codes`, a code list of the policy".into());
            }
            (_, Some(_)) => return Err("`codes` is for kind `code` only".into()),
            (_, None) => None,
        };
        if code.is_none() && !(field.recode.is_empty() && field.spelling == Spelling::Plain) {
            return Err("`recode` and `spelling` are for kind `code` only".into());
        }
        Ok(FieldUse { label, kind: field.kind, required: field.required, filled: field.filled, code })
    }

    fn code_field(&self, field: &Field, list: &str) -> Result<CodeField, String> {
        let list = self.list(list)?;
        let words = Words::new(list, &field.recode, field.spelling)?;
        Ok(CodeField { words, unknown: position(list, UNKNOWN)?, codes: codes(list) })
    }

    fn list(&self, name: &str) -> Result<&CodeList, String> {
        self.policy.code_list(name).ok_or_else(|| format!("the policy has no code list `{name}`"))
    }

    fn person(&self, fields: &[FieldUse]) -> Result<Option<PersonUse>, String> {
        let Some(person) = &self.mapping.person else { return Ok(None) };
        let of =
            |name: &Option<String>, kind| name.as_deref().map(|n| self.field_of(n, kind, fields)).transpose();
        let used = PersonUse {
            national_id: of(&person.national_id, FieldKind::NationalId)?,
            name: person
                .name
                .iter()
                .map(|n| self.field_of(n, FieldKind::Name, fields))
                .collect::<Result<_, _>>()?,
            birth_date: of(&person.birth_date, FieldKind::BirthDate)?,
            client: of(&person.client, FieldKind::Id)?,
        };
        let by_name = !used.name.is_empty() && used.birth_date.is_some();
        if used.national_id.is_none() && !by_name && used.client.is_none() {
            return Err("`person` names nothing that says who it is".into());
        }
        Ok(Some(used))
    }

    fn route(&self, fields: &[FieldUse]) -> Result<Option<RouteUse>, String> {
        let Some(route) = &self.mapping.route else { return Ok(None) };
        let field = self.field_of(&route.field, FieldKind::Route, fields)?;
        let mut words = HashMap::new();
        for (table, spellings) in &route.tables {
            let at = self.mapping.tables.keys().position(|t| t == table);
            let at = at.ok_or_else(|| {
                format!("`route` leads to table `{table}`, which the mapping does not have")
            })?;
            for word in spellings {
                if words.insert(fold(word), at).is_some_and(|before| before != at) {
                    return Err(format!("`route` leads the word `{word}` to two tables"));
                }
            }
        }
        Ok(Some(RouteUse { field, words }))
    }

    fn withdrawn(&self, fields: &[FieldUse]) -> Result<Option<WithdrawnUse>, String> {
        let Some(withdrawn) = &self.mapping.withdrawn else { return Ok(None) };
        let field = self.field_of(&withdrawn.field, FieldKind::Status, fields)?;
        let mut words = HashMap::new();
        for (spellings, taken_back) in [(&withdrawn.words, true), (&withdrawn.otherwise, false)] {
            for word in spellings {
                if words.insert(fold(word), taken_back).is_some_and(|before| before != taken_back) {
                    return Err(format!("`withdrawn` gives the word `{word}` two meanings"));
                }
            }
        }
        Ok(Some(WithdrawnUse { field, words }))
    }

    fn table(&self, name: &str, mapping: &TableMapping, fields: &[FieldUse]) -> Result<TablePlan, String> {
        let table = self.policy.table(name).ok_or("the policy has no such table")?;
        if mapping.record.is_empty() {
            return Err("`record` names no field".into());
        }
        let mut record = Vec::new();
        for field in &mapping.record {
            let at = self.field_index(field)?;
            if !matches!(fields[at].kind, FieldKind::Id | FieldKind::Code | FieldKind::Date) {
                return Err(format!("`record` may hold ids, codes and dates, not field `{field}`"));
            }
            record.push(at);
        }
        for column in mapping.columns.keys() {
            if table.column(column).is_none() {
                return Err(format!("the policy's table has no column `{column}`"));
            }
        }
        let columns = table
            .columns
            .iter()
            .map(|c| self.column(table, &c.name, &c.role, &mapping.columns, fields))
            .collect::<Result<_, _>>()?;
        let campaign = mapping.columns.get(CAMPAIGN).map(|field| self.campaign(field, fields)).transpose()?;
        Ok(TablePlan {
            campaign,
            name: name.to_owned(),
            schema: table.arrow_schema(),
            record,
            date: self.field_of(&mapping.date, FieldKind::Date, fields)?,
            columns,
        })
    }

    fn campaign(&self, field: &str, fields: &[FieldUse]) -> Result<CampaignUse, String> {
        let field = self.field_of(field, FieldKind::Code, fields)?;
        let codes = fields[field].code.iter().flat_map(|code| code.codes.iter());
        Ok(CampaignUse { field, years: codes.map(|code| year_of(code)).collect() })
    }

    fn column(
        &self,
        table: &Table,
        name: &str,
        role: &ColumnRole,
        given: &BTreeMap<String, String>,
        fields: &[FieldUse],
    ) -> Result<ColumnPlan, String> {
        let field = given.get(name).map(String::as_str);
        let derived = |plan| match field {
            None => Ok(plan),
            Some(_) => Err(format!("column `{name}` is made by the program: leave it out of `columns`")),
        };
        match role {
            ColumnRole::Person if self.mapping.person.is_none() => {
                Err(format!("table `{}` is about persons, so the mapping needs `person`", table.name))
            }
            ColumnRole::Person => derived(ColumnPlan::Person),
            ColumnRole::Record => derived(ColumnPlan::Record),
            ColumnRole::Year => derived(ColumnPlan::Year),
            ColumnRole::Month => derived(ColumnPlan::Month),
            ColumnRole::Date => derived(ColumnPlan::Date),
            ColumnRole::Measure { min, max } => {
                let field = field.map(|f| self.field_of(f, FieldKind::Whole, fields)).transpose()?;
                Ok(ColumnPlan::Measure { field, bounds: Number { min: *min, max: *max } })
            }
            ColumnRole::Dimension { codes: list } => {
                let (list_name, list) = (list, self.list(list)?);
                let codes = codes(list);
                match (field, list_name.as_str()) {
                    (Some(f), _) => {
                        let at = self.field_of(f, FieldKind::Code, fields)?;
                        let same = fields[at].code.as_ref().is_some_and(|c| c.codes == codes);
                        if !same {
                            return Err(format!(
                                "column `{name}` has the code list `{list_name}`, field `{f}` another"
                            ));
                        }
                        Ok(ColumnPlan::Code { field: at, codes })
                    }
                    (None, "age_band") if self.mapping.person.is_some() => {
                        Ok(ColumnPlan::AgeBand { bands: AgeBands::new(list)?, codes })
                    }
                    (None, "link_level") if self.mapping.person.is_some() => {
                        let levels = LinkLevels {
                            national_id: position(list, "national_id")?,
                            name_birth: position(list, "name_birth")?,
                            client: position(list, "client")?,
                        };
                        Ok(ColumnPlan::LinkLevel { levels, codes })
                    }
                    (None, _) => Ok(ColumnPlan::Fixed { code: position(list, UNKNOWN)?, codes }),
                }
            }
        }
    }
}

/// The year a campaign's code begins with, as in `2024-summer`.
fn year_of(code: &str) -> Option<i16> {
    let (year, _) = code.split_once('-')?;
    let digits = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| year.parse().ok()).flatten()
}

fn codes(list: &CodeList) -> Codes {
    list.codes.iter().map(|c| c.code.clone()).collect()
}

pub(crate) fn position(list: &CodeList, code: &str) -> Result<u16, String> {
    list.position(code)
        .and_then(|at| u16::try_from(at).ok())
        .ok_or_else(|| format!("the policy's code list `{}` has no code `{code}`", list.name))
}
