//! What can be wrong with reference data. They are public, so messages quote them.

use std::path::PathBuf;

use thiserror::Error;

/// Reference data that cannot be used, with the place where it says so.
#[derive(Debug, Error)]
pub enum ReferenceError {
    /// A line of the data that come with the program does not read.
    #[error(
        "population.csv, line {line}: must be `bydel_code,year,age_band,population_1jan` with a known age band, each once"
    )]
    Shipped {
        /// Line, from 1.
        line: usize,
    },
    /// The file could not be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file reads, but is not to be believed. Nothing of it is used.
    #[error("{file}{place}: {problem}")]
    Wrong {
        /// The file.
        file: String,
        /// Where in it.
        place: Place,
        /// What is wrong.
        problem: Box<ReferenceProblem>,
    },
    /// The figures that were imported are not as they were written.
    #[error(
        "{0} is not as `skjerm warehouse reference import` wrote it; restore it from a copy, or remove it and import its files again"
    )]
    Damaged(PathBuf),
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    Whole,
    /// A line, from 1.
    Line(u64),
    /// A member of the `value` of a JSON-stat document, from 0 as in the document.
    Value(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line(line) => write!(f, ", line {line}"),
            Self::Value(at) => write!(f, ", value {at}"),
        }
    }
}

/// What is wrong with a table of residents.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReferenceProblem {
    /// Not text, or far too much of it.
    #[error(
        "is no JSON-stat 2 and no CSV of a statistics bank ({0}); save the table in one of the two forms"
    )]
    NoTable(&'static str),
    /// JSON that is not JSON-stat 2.
    #[error("is not JSON-stat 2: {0}; ask the statistics bank for `json-stat2`")]
    NotJsonStat(String),
    /// Another table.
    #[error("is table {found}; residents by district and age are SSB's table 10826")]
    OtherTable {
        /// Its number.
        found: String,
    },
    /// Figures of something else than persons.
    #[error("the figures are \"{0}\" and not persons; choose the number of persons and nothing else")]
    NotPersons(String),
    /// A dimension that is not there.
    #[error("has no {0}; residents are needed by district, age and year")]
    NoDimension(&'static str),
    /// A dimension more than residents have.
    #[error("has \"{0}\", by which residents are not counted here; take the table without it")]
    OtherDimension(String),
    /// A row of another length than the heading.
    #[error("has {found} fields where the heading has {wanted}; the file is cut or was changed")]
    Fields {
        /// Fields of the row.
        found: usize,
        /// Fields of the heading.
        wanted: usize,
    },
    /// The last line has no end.
    #[error("ends within a line, so its last figure may be cut; take the file from the statistics bank anew")]
    Cut,
    /// A region that is no district of Oslo.
    #[error(
        "\"{0}\" is neither Oslo nor a district of the policy; choose Oslo and its districts only (code and name must agree)"
    )]
    UnknownDistrict(String),
    /// Districts of the time before the present ones.
    #[error("is about {year}; before 2004 Oslo's districts had other borders, so take 2004 and later")]
    OldBorders {
        /// The year.
        year: i32,
    },
    /// No year.
    #[error("\"{0}\" is no year")]
    NoYear(String),
    /// No age.
    #[error("\"{0}\" is no age; ages are like \"17 år\", \"13-15 år\", \"25 år eller eldre\" or \"I alt\"")]
    NoAge(String),
    /// No sex.
    #[error("\"{0}\" is no sex; there are \"Menn\", \"Kvinner\" and \"Begge kjønn\"")]
    NoSex(String),
    /// No whole number of persons.
    #[error("\"{found}\" is no whole number of residents ({of})")]
    NoNumber {
        /// What stands there.
        found: String,
        /// District, year, ages.
        of: String,
    },
    /// The same cell twice.
    #[error("has the residents of {of} a second time")]
    Duplicated {
        /// District, year, ages.
        of: String,
    },
    /// A cell that others of its kind have.
    #[error("has no residents of {of}, which it has of others; take the table with all of them")]
    Missing {
        /// District, year, ages.
        of: String,
    },
    /// Only one sex.
    #[error("has only one of the sexes; take both, or leave sex out")]
    OneSex,
    /// A hole in the ages.
    #[error("the ages {0} are missing between others")]
    MissingAges(String),
    /// A total that is not the sum of its parts.
    #[error("the residents of {of} are {total}, but its parts make {parts}")]
    Total {
        /// District, year, ages.
        of: String,
        /// What the file says.
        total: i64,
        /// What its parts say.
        parts: i64,
    },
    /// The districts have more residents than the city.
    #[error(
        "the districts have {districts} residents of the ages {ages} in {year}, and the whole city {city}"
    )]
    City {
        /// The year.
        year: i32,
        /// The ages.
        ages: String,
        /// All districts together.
        districts: u64,
        /// The city.
        city: u64,
    },
    /// No band of ages follows from the file.
    #[error("gives none of the age bands {0} exactly; take the ages one by one")]
    NoBand(String),
    /// There is nothing in it.
    #[error("has no figures")]
    Empty,
}

/// A problem and where it is; the file is named by whoever knows it.
pub(super) type Found = (Place, ReferenceProblem);
