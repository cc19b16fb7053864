//! Reads and checks a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::raw::{RawAnalyst, RawBudget, RawCodeList, RawColumn, RawGroup, RawPolicy, RawTable};
use super::{
    Analyst, Budget, Code, CodeList, Column, ColumnRole, Grain, MUNICIPALITIES_FILE, Policy, PolicyError,
    PolicyProblem as Problem, Role, SHIPPED_MUNICIPALITIES, Table, TableKind, UNKNOWN,
};

/// The most questions at once: each may take all of `memory_mib`.
const MOST_AT_ONCE: f64 = 64.0;

/// Gives the content of a file of codes by its name.
type CodeFiles<'a> = dyn FnMut(&str) -> std::io::Result<Vec<u8>> + 'a;

/// The files of codes that come with the program.
pub(super) fn shipped(name: &str) -> std::io::Result<Vec<u8>> {
    if name == MUNICIPALITIES_FILE {
        Ok(SHIPPED_MUNICIPALITIES.as_bytes().to_vec())
    } else {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound))
    }
}

pub(super) fn load(path: &Path) -> Result<Policy, PolicyError> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| PolicyError::Read { file: shown.clone(), source })?;
    let text = text(bytes, &shown)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
    parse(&text, &shown, &mut |name| std::fs::read(folder.join(name)))
}

/// The text of a file, without the byte-order mark that some editors put before it.
fn text(bytes: Vec<u8>, file: &str) -> Result<String, PolicyError> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = Some(before.split(|byte| *byte == b'\n').count());
        PolicyError::Invalid { file: file.to_owned(), line, problem: Problem::NotUtf8.into() }
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

pub(super) fn parse(text: &str, file: &str, files: &mut CodeFiles<'_>) -> Result<Policy, PolicyError> {
    let source = Source { text, file };
    let raw: RawPolicy = toml::from_str(text).map_err(|error| PolicyError::Syntax {
        file: file.to_owned(),
        line: error.span().map(|span| source.line(&span)),
        // One sentence, also where the reader writes several lines.
        message: error.message().lines().map(str::trim).collect::<Vec<_>>().join(", "),
    })?;
    source.policy(raw, files)
}

/// The text being read, to tell the line of a mistake.
pub(super) struct Source<'a> {
    text: &'a str,
    file: &'a str,
}

impl Source<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
    }

    pub(super) fn wrong(&self, span: &Range<usize>, problem: Problem) -> PolicyError {
        PolicyError::Invalid {
            file: self.file.to_owned(),
            line: Some(self.line(span)),
            problem: problem.into(),
        }
    }

    fn policy(&self, raw: RawPolicy, files: &mut CodeFiles<'_>) -> Result<Policy, PolicyError> {
        let years = *raw.years.get_ref();
        if years.first > years.last || !(1900..=2199).contains(&years.first) || years.last > 2199 {
            let problem = Problem::Years { first: years.first, last: years.last };
            return Err(self.wrong(&raw.years.span(), problem));
        }
        let suppress_below = *raw.suppress_below.get_ref();
        if suppress_below < 0 {
            let problem = Problem::SuppressBelow { value: suppress_below };
            return Err(self.wrong(&raw.suppress_below.span(), problem));
        }
        let suppress_wider_than = self.width(raw.suppress_wider_than)?;
        let budget = raw
            .budget
            .into_iter()
            .map(|(family, budget)| Ok((family.clone(), self.budget(&family, budget)?)))
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let query = *raw.query.get_ref();
        self.positive(&raw.query.span(), "[query] default_rho", query.default_rho, None)?;
        // The default price must itself be allowed.
        self.positive(&raw.query.span(), "[query] min_rho", query.min_rho, Some(query.default_rho))?;
        let limits = [
            ("[query] max_cells", query.max_cells),
            ("[query] timeout_seconds", query.timeout_seconds),
            ("[query] answer_step_ms", query.answer_step_ms),
            ("[query] memory_mib", query.memory_mib),
        ];
        for (what, limit) in limits {
            self.positive(&raw.query.span(), what, limit as f64, None)?;
        }
        let concurrent = query.concurrent as f64;
        self.positive(&raw.query.span(), "[query] concurrent", concurrent, Some(MOST_AT_ONCE + 1.0))?;
        let codes = raw
            .codes
            .into_iter()
            .map(|(name, list)| Ok((name.get_ref().clone(), self.code_list(&name, list, files)?)))
            .collect::<Result<BTreeMap<_, _>, PolicyError>>()?;
        let regions = self.regions(raw.regions, &codes)?;
        let limits = self.limits(raw.limits, codes.get("district"))?;
        let analysts = self.analysts(raw.analyst, &budget)?;
        let groups = &raw.groups;
        let places: BTreeMap<String, Range<usize>> = raw
            .tables
            .iter()
            .map(|(name, table)| {
                let place = table.retention_years.as_ref().map_or_else(|| name.span(), Spanned::span);
                (name.get_ref().clone(), place)
            })
            .collect();
        let tables = raw
            .tables
            .into_iter()
            .map(|(name, table)| {
                let family = table.family.clone();
                let table = self.table(&name, table, groups, &codes)?;
                if table.kind == TableKind::Protected && !budget.contains_key(&table.family) {
                    let problem = Problem::NoBudget { table: table.name, family: table.family };
                    return Err(self.wrong(&family.span(), problem));
                }
                Ok((table.name.clone(), table))
            })
            .collect::<Result<BTreeMap<_, _>, PolicyError>>()?;
        if let Some(problem) = kept_too_long(&tables) {
            let place = places.get(problem.0).cloned().unwrap_or_default();
            return Err(self.wrong(&place, problem.1));
        }
        Ok(Policy {
            name: raw.name,
            version: raw.version,
            years,
            suppress_below,
            suppress_wider_than,
            budget,
            query,
            analysts,
            codes,
            regions,
            limits,
            tables,
        })
    }

    pub(super) fn positive(
        &self,
        span: &Range<usize>,
        what: &str,
        value: f64,
        below: Option<f64>,
    ) -> Result<(), PolicyError> {
        if value.is_finite() && value > 0.0 && below.is_none_or(|below| value < below) {
            return Ok(());
        }
        Err(self.wrong(span, Problem::NotPositive { what: what.to_owned(), value, below }))
    }

    fn budget(&self, family: &str, raw: Spanned<RawBudget>) -> Result<Budget, PolicyError> {
        let span = raw.span();
        let raw = raw.into_inner();
        self.positive(&span, &format!("[budget.{family}] rho"), raw.rho, None)?;
        self.positive(&span, &format!("[budget.{family}] delta"), raw.delta, Some(1.0))?;
        if !(0.0..raw.delta).contains(&raw.thresholds) {
            return Err(
                self.wrong(&span, Problem::Thresholds { family: family.to_owned(), value: raw.thresholds })
            );
        }
        let span = raw.shares.span();
        let shares = raw.shares.into_inner();
        for (share, part) in &shares {
            self.positive(&span, &format!("the share \"{share}\" of [budget.{family}]"), *part, None)?;
        }
        let sum: f64 = shares.values().sum();
        // Decimal parts do not add up exactly in binary; the ledger counts in whole nano-ρ.
        if sum > 1.0 + 1e-9 {
            return Err(self.wrong(&span, Problem::SharesAboveOne { family: family.to_owned(), sum }));
        }
        Ok(Budget { rho: raw.rho, delta: raw.delta, thresholds: raw.thresholds, shares })
    }

    fn analysts(
        &self,
        raw: Vec<RawAnalyst>,
        budget: &BTreeMap<String, Budget>,
    ) -> Result<Vec<Analyst>, PolicyError> {
        let mut names = BTreeSet::new();
        let mut analysts = Vec::with_capacity(raw.len());
        for analyst in raw {
            let span = analyst.name.span();
            let name = analyst.name.into_inner();
            if !names.insert(name.clone()) {
                return Err(self.wrong(&span, Problem::DuplicatedAnalyst { analyst: name }));
            }
            let (span, share) = (analyst.share.span(), analyst.share.into_inner());
            if !budget.values().any(|b| b.shares.contains_key(&share)) {
                return Err(self.wrong(&span, Problem::UnknownShare { analyst: name, share }));
            }
            let roles =
                analyst.roles.into_iter().map(|role| self.role(&name, &role)).collect::<Result<_, _>>()?;
            let limit = analyst.limit.map(|limit| (limit.span(), limit.into_inner()));
            if let Some((span, limit)) = &limit
                && !(*limit > 0.0 && *limit <= 1.0)
            {
                return Err(self.wrong(span, Problem::AnalystLimit { analyst: name, value: *limit }));
            }
            let limit = limit.map(|(_, limit)| limit);
            analysts.push(Analyst { name, label: analyst.label, share, limit, roles });
        }
        Ok(analysts)
    }

    fn role(&self, analyst: &str, role: &Spanned<String>) -> Result<Role, PolicyError> {
        let known = [Role::Query, Role::Scene, Role::Release, Role::Steward];
        known.into_iter().find(|r| r.as_str() == role.get_ref()).ok_or_else(|| {
            let problem = Problem::UnknownRole {
                role: role.get_ref().clone(),
                of: format!("analyst \"{analyst}\""),
                known: "query, scene, release, steward",
            };
            self.wrong(&role.span(), problem)
        })
    }

    fn code_list(
        &self,
        name: &Spanned<String>,
        raw: RawCodeList,
        files: &mut CodeFiles<'_>,
    ) -> Result<CodeList, PolicyError> {
        let list = name.get_ref().clone();
        self.name("a code list", name)?;
        let codes = match raw.file {
            Some(file) if raw.codes.is_empty() => self.code_file(&list, &file, files)?,
            None if !raw.codes.is_empty() => {
                let mut seen = BTreeSet::new();
                for code in &raw.codes {
                    let Code { code: word, .. } = code.get_ref();
                    if word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control()) {
                        let problem = Problem::Code { list, code: word.clone() };
                        return Err(self.wrong(&code.span(), problem));
                    }
                    if !seen.insert(word.clone()) {
                        let problem = Problem::DuplicatedCode { list, code: word.clone() };
                        return Err(self.wrong(&code.span(), problem));
                    }
                }
                raw.codes.into_iter().map(Spanned::into_inner).collect()
            }
            _ => return Err(self.wrong(&name.span(), Problem::CodesOrFile { list })),
        };
        if !codes.iter().any(|c| c.code == UNKNOWN) {
            return Err(self.wrong(&name.span(), Problem::NoUnknown { list }));
        }
        Ok(CodeList { name: list, label: raw.label, codes })
    }

    /// A file of codes: comment lines with `#`, a heading, then `code,name` with the name in both languages.
    /// "unknown" is added, since an official list does not have it.
    fn code_file(
        &self,
        list: &str,
        file: &Spanned<String>,
        files: &mut CodeFiles<'_>,
    ) -> Result<Vec<Code>, PolicyError> {
        let name = file.get_ref();
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':']) {
            let problem = Problem::CodesFileName { list: list.to_owned(), file: name.clone() };
            return Err(self.wrong(&file.span(), problem));
        }
        let bytes = files(name).map_err(|source| PolicyError::Read { file: name.clone(), source })?;
        let text = text(bytes, name)?;
        let mut seen = BTreeSet::from([UNKNOWN.to_owned()]);
        let mut codes = Vec::new();
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let wrong =
            |line, problem| PolicyError::Invalid { file: name.clone(), line, problem: Box::new(problem) };
        // A list without its heading would lose its first code.
        let heading = lines.next();
        if heading.is_none_or(|(_, line)| line != "code,name") {
            return Err(wrong(heading.map(|(line, _)| line), Problem::CodesHeading));
        }
        for (line, text) in lines {
            let wrong = |problem| wrong(Some(line), problem);
            let (code, label) = text.split_once(',').ok_or_else(|| wrong(Problem::CodesLine))?;
            let (code, label) = (code.trim(), label.trim());
            if code.is_empty() || label.is_empty() || label.contains([',', '"']) {
                return Err(wrong(Problem::CodesLine));
            }
            if !seen.insert(code.to_owned()) {
                return Err(wrong(Problem::DuplicatedCode { list: list.to_owned(), code: code.to_owned() }));
            }
            codes.push(Code { code: code.to_owned(), no: label.to_owned(), en: label.to_owned() });
        }
        codes.push(Code { code: UNKNOWN.to_owned(), no: "ukjent".to_owned(), en: "unknown".to_owned() });
        Ok(codes)
    }

    fn table(
        &self,
        name: &Spanned<String>,
        raw: RawTable,
        groups: &BTreeMap<String, RawGroup>,
        codes: &BTreeMap<String, CodeList>,
    ) -> Result<Table, PolicyError> {
        let table = name.get_ref().clone();
        self.name("a table", name)?;
        let kinds = [
            ("protected", TableKind::Protected),
            ("operational", TableKind::Operational),
            ("public", TableKind::Public),
        ];
        let kind = self.word(&table, "kind", &raw.kind, &kinds, "protected, operational, public")?;
        let grains = [("events", Grain::Events), ("person_year", Grain::PersonYear)];
        let grain = self.word(&table, "grain", &raw.grain, &grains, "events, person_year")?;
        if *raw.max_rows.get_ref() == 0 {
            return Err(self.wrong(&raw.max_rows.span(), Problem::MaxRows { table }));
        }
        if let Some(years) = raw.retention_years.as_ref().filter(|years| *years.get_ref() == 0) {
            return Err(self.wrong(&years.span(), Problem::RetentionYears { table }));
        }
        let mut columns: Vec<Column> = Vec::new();
        let mut add = |column: &RawColumn, of: &str| {
            let checked = self.column(column, of, codes)?;
            if columns.iter().any(|c| c.name == checked.name) {
                let problem = Problem::DuplicatedColumn { table: table.clone(), column: checked.name };
                return Err(self.wrong(&column.name.span(), problem));
            }
            columns.push(checked);
            Ok(())
        };
        for group in &raw.groups {
            let found = groups.get(group.get_ref()).ok_or_else(|| {
                let problem = Problem::UnknownGroup { table: table.clone(), group: group.get_ref().clone() };
                self.wrong(&group.span(), problem)
            })?;
            found.columns.iter().try_for_each(|c| add(c, &format!("group \"{}\"", group.get_ref())))?;
        }
        raw.columns.iter().try_for_each(|c| add(c, &format!("table \"{table}\"")))?;
        self.roles(name, grain, &columns)?;
        Ok(Table {
            name: table,
            kind,
            family: raw.family.into_inner(),
            grain,
            max_rows: raw.max_rows.into_inner(),
            retention_years: raw.retention_years.map(Spanned::into_inner),
            label: raw.label,
            columns,
        })
    }

    /// Every table has a year; rows of events have a record to be replaced by; a person-year has a person.
    fn roles(&self, name: &Spanned<String>, grain: Grain, columns: &[Column]) -> Result<(), PolicyError> {
        let table = || name.get_ref().clone();
        for column in columns {
            let fixed = column.role.fixed_name();
            if let Some(role) = fixed.filter(|role| *role != column.name) {
                let problem = Problem::RoleName { table: table(), role, name: column.name.clone() };
                return Err(self.wrong(&name.span(), problem));
            }
        }
        let key = match grain {
            Grain::Events => ("record", ", by which a corrected row replaces the old one"),
            Grain::PersonYear => ("person", ", since it has one row a person a year"),
        };
        for (role, because) in [("year", ""), key] {
            if !columns.iter().any(|c| c.role.fixed_name() == Some(role)) {
                return Err(self.wrong(&name.span(), Problem::RoleOnce { table: table(), role, because }));
            }
        }
        Ok(())
    }

    fn word<T: Copy>(
        &self,
        table: &str,
        key: &'static str,
        found: &Spanned<String>,
        words: &[(&str, T)],
        known: &'static str,
    ) -> Result<T, PolicyError> {
        words.iter().find(|(word, _)| word == found.get_ref()).map(|(_, value)| *value).ok_or_else(|| {
            let found_word = found.get_ref().clone();
            let problem = Problem::UnknownWord { table: table.to_owned(), key, found: found_word, known };
            self.wrong(&found.span(), problem)
        })
    }

    fn column(
        &self,
        raw: &RawColumn,
        of: &str,
        codes: &BTreeMap<String, CodeList>,
    ) -> Result<Column, PolicyError> {
        self.name("a column", &raw.name)?;
        let name = raw.name.get_ref().clone();
        let span = raw.role.span();
        let keys = |role, must| {
            self.wrong(&span, Problem::RoleKeys { column: name.clone(), of: of.to_owned(), role, must })
        };
        let bounds = (raw.min, raw.max);
        let plain = |role: ColumnRole| match (&raw.codes, bounds) {
            (None, (None, None)) => Ok(role),
            _ => Err(keys(role.fixed_name().unwrap_or_default(), "have neither `codes` nor `min` and `max`")),
        };
        let role = match raw.role.get_ref().as_str() {
            "person" => plain(ColumnRole::Person)?,
            "record" => plain(ColumnRole::Record)?,
            "year" => plain(ColumnRole::Year)?,
            "month" => plain(ColumnRole::Month)?,
            "date" => plain(ColumnRole::Date)?,
            "dimension" => match (&raw.codes, bounds) {
                (Some(list), (None, None)) if codes.contains_key(list.get_ref()) => {
                    ColumnRole::Dimension { codes: list.get_ref().clone() }
                }
                (Some(list), (None, None)) => {
                    let problem = Problem::UnknownCodeList {
                        column: name.clone(),
                        of: of.to_owned(),
                        codes: list.get_ref().clone(),
                    };
                    return Err(self.wrong(&list.span(), problem));
                }
                _ => return Err(keys("dimension", "have `codes`, and no `min` and `max`")),
            },
            "measure" => match (&raw.codes, bounds) {
                (None, (Some(min), Some(max))) if min <= max => ColumnRole::Measure { min, max },
                (None, (Some(min), Some(max))) => {
                    let problem = Problem::Bounds { column: name.clone(), of: of.to_owned(), min, max };
                    return Err(self.wrong(&span, problem));
                }
                _ => return Err(keys("measure", "have `min` and `max`, and no `codes`")),
            },
            other => {
                let problem = Problem::UnknownRole {
                    role: other.to_owned(),
                    of: format!("column \"{name}\" in {of}"),
                    known: "person, record, year, month, date, dimension, measure",
                };
                return Err(self.wrong(&span, problem));
            }
        };
        Ok(Column { name, role })
    }

    /// Names become folders and SQL names.
    pub(super) fn name(&self, what: &'static str, name: &Spanned<String>) -> Result<(), PolicyError> {
        let text = name.get_ref();
        let good = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if good {
            return Ok(());
        }
        Err(self.wrong(&name.span(), Problem::Name { what, name: text.clone() }))
    }
}

/// A table of person-years that would be kept longer than one it is made from.
fn kept_too_long(tables: &BTreeMap<String, Table>) -> Option<(&str, Problem)> {
    tables.values().filter(|table| table.grain == Grain::PersonYear).find_map(|table| {
        let sources = tables.values().filter(|source| {
            source.family == table.family
                && source.grain == Grain::Events
                && source.column_of(&ColumnRole::Person).is_some()
        });
        let shortest = sources.filter_map(|source| Some((source.retention_years?, &source.name))).min()?;
        let longer = table.retention_years.is_none_or(|years| years > shortest.0);
        longer.then(|| {
            let (years, source) = (shortest.0, shortest.1.clone());
            (
                table.name.as_str(),
                Problem::KeptTooLong { table: table.name.clone(), source_table: source, years },
            )
        })
    })
}
