//! The counts of a release that are compared: rows of a table, or named figures.

use std::collections::BTreeMap;

use skjerm_privacy::marginals::LinearQuery;
use skjerm_warehouse::policy::Policy;

use super::chosen::Chosen;
use super::{Asked, Pair, sentences};
use crate::districts::Estimate;
use crate::error::FiguresError;
use crate::release::joint::{self, Cells, Joint};
use crate::release::{Matching, Release, Row, Table, ThemeMeasurement, shown};
use crate::text::{Display, Text};
use crate::workload::Figure;

/// What all rows in question are called together.
const TOTAL: &str = "total";

/// A union of cells of a theme.
#[derive(Debug, Clone)]
pub(super) struct Count {
    pub(super) name: String,
    pub(super) label: Text,
    pub(super) value: f64,
    pub(super) sd: f64,
    /// The codes that it is of, by dimension.
    pub(super) cells: Cells,
    pub(super) theme: String,
    query: LinearQuery,
    /// In the display table.
    number: i64,
    display: Display,
}

impl Count {
    pub(super) fn is_shown(&self) -> bool {
        self.display != Display::Suppressed
    }

    pub(super) fn estimate(&self) -> Estimate {
        let (low, high) = joint::counted(self.value, joint::interval(self.value, self.sd));
        Estimate { value: joint::rounded(self.value), low, high, display: self.display }
    }
}

/// The measurements of a release, combined as far as they are needed.
struct Themes<'a> {
    release: &'a Release,
    policy: &'a Policy,
    joints: BTreeMap<String, (Joint, &'a ThemeMeasurement)>,
}

impl<'a> Themes<'a> {
    fn new(release: &'a Release, policy: &'a Policy) -> Self {
        Self { release, policy, joints: BTreeMap::new() }
    }

    fn joint(&mut self, theme: &str) -> Result<&(Joint, &'a ThemeMeasurement), FiguresError> {
        if !self.joints.contains_key(theme) {
            self.joints.insert(theme.to_owned(), Joint::of_release(self.release, theme)?);
        }
        Ok(&self.joints[theme])
    }

    fn count(&mut self, theme: &str, name: String, label: Text, cells: Cells) -> Result<Count, FiguresError> {
        let policy = self.policy;
        let (joint, measurement) = self.joint(theme)?;
        let query = joint.query(&cells)?;
        let figure = joint.union(&cells, &measurement.display)?;
        Ok(Count {
            name,
            label,
            value: figure.value,
            sd: figure.sd,
            theme: theme.to_owned(),
            cells,
            query,
            number: figure.display,
            display: shown(policy, figure.value, figure.sd, figure.display),
        })
    }

    fn row(&mut self, table: &Table, row: &Row) -> Result<Count, FiguresError> {
        let cells = self.joint(&table.theme)?.0.row(&row.key);
        let codes: Vec<&str> = table.dimensions.iter().map(|name| row.key[name].as_str()).collect();
        let labels = table.dimensions.iter().filter_map(|name| {
            let info = self.release.dimensions.iter().find(|info| &info.name == name)?;
            info.codes.iter().find(|code| code.code == row.key[name]).map(|code| &code.label)
        });
        let labels: Vec<&Text> = labels.collect();
        let joined =
            |of: fn(&Text) -> &str| labels.iter().map(|label| of(label)).collect::<Vec<_>>().join(" · ");
        let (name, label) = if codes.is_empty() {
            ("all".to_owned(), table.label.clone())
        } else {
            (codes.join(" · "), Text::new(joined(|label| &label.no), joined(|label| &label.en)))
        };
        self.count(&table.theme, name, label, cells)
    }

    fn figure(&mut self, figure: &Figure) -> Result<Count, FiguresError> {
        let theme = figure.theme.as_ref().ok_or_else(|| FiguresError::Refused {
            message: format!("the figure \"{}\" is no number of persons", figure.name),
            hint: Some("`skjerm release diff` compares it with another release's".to_owned()),
        })?;
        let label = Text::new(
            format!("{}, {}", figure.label.no, figure.category.no),
            format!("{}, {}", figure.label.en, figure.category.en),
        );
        let cells = self.joint(theme)?.0.named(&figure.cells);
        self.count(theme, figure.name.clone(), label, cells)
    }
}

/// What is compared, and what it is held against.
pub(super) struct Counts<'a> {
    themes: Themes<'a>,
    /// The table, and its rows in question.
    table: Option<(&'a Table, Vec<&'a Row>)>,
    asked: Vec<Count>,
    base: Option<Count>,
}

impl<'a> Counts<'a> {
    pub(super) fn new(release: &'a Release, policy: &'a Policy, asked: &Asked) -> Result<Self, FiguresError> {
        let mut this =
            Self { themes: Themes::new(release, policy), table: None, asked: Vec::new(), base: None };
        match (&asked.table, asked.figures.is_empty()) {
            (Some(name), true) => this.rows(release, name, asked)?,
            (None, false) => this.figures(release, asked)?,
            _ => {
                return Err(FiguresError::Refused {
                    message: "a comparison is of a table or of named figures, and not of both".to_owned(),
                    hint: Some(format!("the release has the tables {}", tables(release))),
                });
            }
        }
        Ok(this)
    }

    fn rows(&mut self, release: &'a Release, name: &str, asked: &Asked) -> Result<(), FiguresError> {
        let found = release.tables.iter().find(|table| table.name == name);
        let table = found.ok_or_else(|| FiguresError::Refused {
            message: format!("the release {} has no table \"{name}\"", release.id),
            hint: Some(format!("it has {}", tables(release))),
        })?;
        let within = asked.within.as_deref().map(|text| Chosen::new(release, table, text)).transpose()?;
        let rows: Vec<&Row> =
            table.rows.iter().filter(|row| within.as_ref().is_none_or(|chosen| chosen.has(row))).collect();
        if rows.is_empty() {
            return Err(FiguresError::Refused {
                message: format!("no row of the table \"{name}\" has all of these codes"),
                hint: Some("name codes of several dimensions as age=under_18,belonging=oslo".to_owned()),
            });
        }
        for row in &rows {
            self.asked.push(self.themes.row(table, row)?);
        }
        self.base = match asked.against.as_deref() {
            None => None,
            Some(TOTAL) => Some(self.sum()?),
            Some(text) => {
                let chosen = Chosen::new(release, table, text)?;
                Some(self.themes.row(table, chosen.one(&rows, table)?)?)
            }
        };
        self.table = Some((table, rows));
        Ok(())
    }

    fn figures(&mut self, release: &'a Release, asked: &Asked) -> Result<(), FiguresError> {
        if asked.within.is_some() {
            return Err(FiguresError::Refused {
                message: "--where chooses rows of a table, and figures were named".to_owned(),
                hint: Some("name a table instead of --figure".to_owned()),
            });
        }
        for name in &asked.figures {
            self.asked.push(self.themes.figure(figure(release, name)?)?);
        }
        if let Some(name) = &asked.against {
            self.base = Some(self.themes.figure(figure(release, name)?)?);
        }
        Ok(())
    }

    pub(super) fn counts(&self) -> &[Count] {
        &self.asked
    }

    pub(super) fn base(&self) -> Option<&Count> {
        self.base.as_ref()
    }

    /// Two counts with their covariance; different themes have independent noise.
    pub(super) fn pair(&self, a: &Count, b: &Count) -> Result<Pair, FiguresError> {
        let covariance = match self.themes.joints.get(&a.theme) {
            Some((joint, _)) if a.theme == b.theme => joint.covariance(&a.query, &b.query)?,
            _ => 0.0,
        };
        Ok(Pair { a: a.value, b: b.value, variance_a: a.sd * a.sd, variance_b: b.sd * b.sd, covariance })
    }

    /// All of them together: refused where somebody may be in several of them.
    pub(super) fn sum(&self) -> Result<Count, FiguresError> {
        let twice = |why: String| {
            FiguresError::Refused {
            message: format!("these figures cannot be added up: {why}"),
            hint: Some("choose rows with --where that hold nobody twice, or hold them against one of them with --against".to_owned()),
        }
        };
        let Some(first) = self.asked.first() else {
            return Err(FiguresError::Fault("nothing was chosen to be added up".to_owned()));
        };
        let mut query: Option<LinearQuery> = None;
        for count in &self.asked {
            if count.theme != first.theme {
                return Err(twice("one person may be in several themes".to_owned()));
            }
            if let Some(per) = self.once_per(&count.theme)
                && (count.cells.get(per) != first.cells.get(per)
                    || count.cells.get(per).is_none_or(|codes| codes.len() > 1))
            {
                return Err(twice(format!("distinct persons are never summed over \"{per}\"")));
            }
            query = Some(query.map_or_else(|| count.query.clone(), |sum| sum.plus(1.0, &count.query)));
        }
        let query = query.ok_or_else(|| FiguresError::Fault("a sum of nothing".to_owned()))?;
        if query.coefficients().iter().any(|times| *times > 1.5) {
            return Err(twice("they hold the same persons twice".to_owned()));
        }
        let (joint, _) = &self.themes.joints[&first.theme];
        let (value, sd) = joint.estimate(&query)?;
        let number = self.asked.iter().map(|count| count.number).sum();
        Ok(Count {
            name: TOTAL.to_owned(),
            label: Text::new("i alt", "total"),
            value,
            sd,
            cells: Cells::new(),
            theme: first.theme.clone(),
            query,
            number,
            display: shown(self.themes.policy, value, sd, number),
        })
    }

    /// The dimension of a theme in which a person may be several times.
    fn once_per(&self, theme: &str) -> Option<&'a str> {
        let spec = self.themes.release.workload.themes.iter().find(|spec| spec.name == theme)?;
        spec.events.as_ref().map(|events| events.per.as_str())
    }

    /// Refuses a share of what holds not all of it.
    pub(super) fn check_part(part: &Count, whole: &Count) -> Result<(), FiguresError> {
        let left = whole.query.plus(-1.0, &part.query);
        if part.theme == whole.theme && left.coefficients().iter().all(|times| *times > -0.5) {
            return Ok(());
        }
        Err(FiguresError::Refused {
            message: format!("\"{}\" is no part of \"{}\": it has no share of it", part.name, whole.name),
            hint: Some("--ratio compares any two figures".to_owned()),
        })
    }

    /// Every count beside that of an earlier release, and what is in one of them alone.
    #[allow(clippy::type_complexity)] // pairs, and sentences
    pub(super) fn before(
        &self,
        earlier: &Release,
        asked: &Asked,
    ) -> Result<(Vec<(Count, Count)>, Vec<Text>), FiguresError> {
        let release = self.themes.release;
        if release.is_of(&earlier.period()) {
            return Err(FiguresError::Refused {
                message: format!(
                    "{} and {} are both about {}",
                    earlier.id,
                    release.id,
                    release.period().name()
                ),
                hint: Some("`skjerm release diff` compares two releases of one year or campaign".to_owned()),
            });
        }
        let matching = Matching::new(earlier, release);
        let mut themes = Themes::new(earlier, self.themes.policy);
        let mut pairs = Vec::new();
        let Some((table, rows)) = &self.table else {
            for (name, now) in asked.figures.iter().zip(&self.asked) {
                let (before, after) = (figure(earlier, name)?, figure(release, name)?);
                if !matching.specified_alike(before, after) {
                    return Err(sentences::not_alike("figure", name, earlier, release));
                }
                pairs.push((now.clone(), themes.figure(before)?));
            }
            return Ok((pairs, Vec::new()));
        };
        let both = matching.tables().into_iter().find(|(_, after)| after.name == table.name);
        let (before, after) =
            both.ok_or_else(|| sentences::not_alike("table", &table.name, earlier, release))?;
        let alike = matching.rows(before, after);
        for (row, now) in rows.iter().zip(&self.asked) {
            if let Some((then, _)) = alike.iter().find(|(then, _)| then.key == row.key) {
                pairs.push((now.clone(), themes.row(before, then)?));
            }
        }
        if pairs.is_empty() {
            return Err(sentences::not_alike("rows of the table", &table.name, earlier, release));
        }
        let of_table =
            |name: &str| name.split_once('=').is_some_and(|(of, _)| table.dimensions.iter().any(|d| d == of));
        let apart = matching.codes_apart().into_iter().filter(|code| of_table(&code.name));
        Ok((pairs, apart.map(|code| code.sentence).collect()))
    }
}

fn tables(release: &Release) -> String {
    release.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn figure<'a>(release: &'a Release, name: &str) -> Result<&'a Figure, FiguresError> {
    let found = release.workload.figures.iter().find(|figure| figure.name == name);
    found.ok_or_else(|| {
        let persons = release.workload.figures.iter().filter(|figure| figure.theme.is_some());
        let names: Vec<&str> = persons.map(|figure| figure.name.as_str()).collect();
        FiguresError::Refused {
            message: format!("the release {} has no figure of persons \"{name}\"", release.id),
            hint: Some(if names.is_empty() {
                format!("it has no figures of persons; its tables are {}", tables(release))
            } else {
                format!("it has {}", names.join(", "))
            }),
        }
    })
}
