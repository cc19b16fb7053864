//! What a column seems to hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::civil::Date;
use skjerm_warehouse::policy::Policy;

use crate::identity::NationalId;
use crate::mapping::{Field, FieldKind, Spelling};
use crate::spelling::Words;
use crate::values::{self, Cell, DateFormat};

/// How many of a hundred values must be of a kind.
const MOST: usize = 80;
/// Distinct words that a column of codes has at most.
const WORDS: usize = 400;

/// A column's kind, and for codes the list.
pub(super) struct Column {
    pub(super) kind: FieldKind,
    codes: Option<(String, Spelling)>,
    recode: BTreeMap<String, Vec<String>>,
    /// Of the distinct words, those that are in no list.
    strange: (usize, usize),
}

impl Column {
    /// A column that a shipped mapping knows.
    pub(super) fn known(policy: &Policy, field: &Field, cells: &[&str]) -> Self {
        let codes = field.codes.clone().map(|list| (list, field.spelling));
        let mut column = Self { kind: field.kind, codes, recode: field.recode.clone(), strange: (0, 0) };
        if let Some((list, spelling)) = &column.codes {
            column.strange = strange(policy, list, *spelling, &column.recode, cells);
        }
        column
    }

    /// A column that none knows, by its values; nothing when it seems to be text.
    pub(super) fn looked_at(policy: &Policy, header: &str, cells: &[&str]) -> Option<Self> {
        let of = |kind| Some(Self { kind, codes: None, recode: BTreeMap::new(), strange: (0, 0) });
        let most = |test: &dyn Fn(&str) -> bool| {
            let yes = cells.iter().filter(|cell| test(cell)).count();
            !cells.is_empty() && yes * 100 >= cells.len() * MOST
        };
        if most(&|cell| NationalId::parse(cell).is_ok()) {
            return of(FieldKind::NationalId);
        }
        if most(&|cell| day(cell).is_some()) {
            let born = header.contains("fod") || header.contains("born") || header.contains("birth");
            return of(if born { FieldKind::BirthDate } else { FieldKind::Date });
        }
        let distinct: BTreeSet<&str> = cells.iter().copied().collect();
        if most(&|cell| values::whole(&Cell::Text(cell)).is_some()) {
            return of(if distinct.len() == cells.len() { FieldKind::Id } else { FieldKind::Whole });
        }
        if distinct.len() > WORDS || cells.is_empty() {
            return None;
        }
        let rated = policy.codes.keys().flat_map(|list| {
            [Spelling::Plain, Spelling::District, Spelling::Municipality].map(|spelling| {
                let strange = strange(policy, list, spelling, &BTreeMap::new(), cells);
                (strange, list.clone(), spelling)
            })
        });
        let best = rated.min_by_key(|(strange, _, spelling)| (strange.0, *spelling != Spelling::Plain));
        let (strange, list, spelling) = best.filter(|((strange, all), ..)| strange * 2 < *all)?;
        Some(Self { kind: FieldKind::Code, codes: Some((list, spelling)), recode: BTreeMap::new(), strange })
    }

    /// How many of the words met are in no list.
    pub(super) fn strange(&self) -> usize {
        self.strange.0
    }

    /// The code list.
    pub(super) fn codes(&self) -> Option<&str> {
        self.codes.as_ref().map(|(list, _)| list.as_str())
    }

    /// A comment, where something is left to do.
    pub(super) fn note(&self) -> String {
        match self.strange {
            (0, _) => String::new(),
            (strange, all) => {
                format!("# {strange} of {all} words met are in no list: say under `recode` what they mean.\n")
            }
        }
    }

    /// The lines behind the headers.
    pub(super) fn text(&self) -> String {
        let kind = match self.kind {
            FieldKind::Id => "id",
            FieldKind::NationalId => "national_id",
            FieldKind::Name => "name",
            FieldKind::BirthDate => "birth_date",
            FieldKind::Date => "date",
            FieldKind::Code => "code",
            FieldKind::Whole => "whole",
            FieldKind::Route => "route",
            FieldKind::Status => "status",
        };
        let mut text = format!("kind = \"{kind}\"\n");
        let Some((list, spelling)) = &self.codes else { return text };
        let _ = writeln!(text, "codes = \"{list}\"");
        match spelling {
            Spelling::Plain => {}
            Spelling::District => text.push_str("spelling = \"district\"\n"),
            Spelling::Municipality => text.push_str("spelling = \"municipality\"\n"),
        }
        if !self.recode.is_empty() {
            let recode: toml::Table =
                self.recode.iter().map(|(code, words)| (code.clone(), words.clone().into())).collect();
            let _ = writeln!(text, "recode = {}", toml::Value::Table(recode));
        }
        text
    }
}

fn day(cell: &str) -> Option<Date> {
    let formats = ["dd.mm.yyyy", "yyyy-mm-dd", "dd/mm/yyyy"].map(DateFormat::parse);
    values::date(&Cell::Text(cell), &formats.into_iter().flatten().collect::<Vec<_>>())
}

/// Of the distinct words of a column, those that a list does not have.
fn strange(
    policy: &Policy,
    list: &str,
    spelling: Spelling,
    recode: &BTreeMap<String, Vec<String>>,
    cells: &[&str],
) -> (usize, usize) {
    let distinct: BTreeSet<&str> = cells.iter().copied().collect();
    let words = policy.code_list(list).and_then(|list| Words::new(list, recode, spelling).ok());
    let known = |word: &&&str| words.as_ref().is_some_and(|words| words.meaning(word).is_some());
    (distinct.len() - distinct.iter().filter(known).count(), distinct.len())
}
