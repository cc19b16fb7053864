//! What can be wrong with a policy. Everything in a policy is public, so messages quote it.

use thiserror::Error;

/// A policy that cannot be used, with the place where it says so.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// The file could not be read.
    #[error(
        "cannot read the policy file {file}: {source}; `skjerm init` writes the shipped one where there is none"
    )]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML of the right form.
    #[error("{file}{}: {message}", at(*.line))]
    Syntax {
        /// The file.
        file: String,
        /// Line, from 1.
        line: Option<usize>,
        /// What the reader says.
        message: String,
    },
    /// The file reads, but says something that cannot be.
    #[error("{file}{}: {problem}", at(*.line))]
    Invalid {
        /// The file.
        file: String,
        /// Line, from 1.
        line: Option<usize>,
        /// What cannot be.
        problem: Box<PolicyProblem>,
    },
}

fn at(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

/// What cannot be in a policy.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PolicyProblem {
    /// Last year before the first, or far off.
    #[error("years from {first} to {last} are no range of calendar years: `first` must not be after `last`")]
    Years {
        /// First year.
        first: i32,
        /// Last year.
        last: i32,
    },
    /// Bytes that are no UTF-8.
    #[error("the text is not UTF-8; save the file as UTF-8")]
    NotUtf8,
    /// A threshold that hides nothing.
    #[error("suppress_below is {value}; it must be 0 or more")]
    SuppressBelow {
        /// The threshold.
        value: i64,
    },
    /// A floor below zero, or none that can be compared with.
    #[error("suppress_wider_than has the floor {value}; it must be 0 or more")]
    WidthFloor {
        /// The floor.
        value: f64,
    },
    /// A number that must be positive and finite.
    #[error("{what} is {value}; it must be greater than 0{}", .below.map_or_else(String::new, |b| format!(" and below {b}")))]
    NotPositive {
        /// What the number is.
        what: String,
        /// Its value.
        value: f64,
        /// What it must stay below, if anything.
        below: Option<f64>,
    },
    /// Shares of a budget above 1.
    #[error("the shares of the budget \"{family}\" add up to {sum}, and may be 1 at most")]
    SharesAboveOne {
        /// The family.
        family: String,
        /// Their sum.
        sum: f64,
    },
    /// More δ for thresholds than there is.
    #[error("[budget.{family}] thresholds is {value}; it must be 0 or more and below delta")]
    Thresholds {
        /// The family.
        family: String,
        /// The amount.
        value: f64,
    },
    /// A limit that is no part of a budget.
    #[error(
        "the limit of analyst \"{analyst}\" is {value}; it is a part of each block's rho, above 0 and at most 1"
    )]
    AnalystLimit {
        /// The analyst.
        analyst: String,
        /// The limit.
        value: f64,
    },
    /// A role nobody has heard of.
    #[error("unknown role \"{role}\" of {of}; known are {known}")]
    UnknownRole {
        /// The word found.
        role: String,
        /// Of what.
        of: String,
        /// The words known.
        known: &'static str,
    },
    /// A word that is not one of the few allowed.
    #[error("table \"{table}\" says {key} = \"{found}\"; known are {known}")]
    UnknownWord {
        /// The table.
        table: String,
        /// The key.
        key: &'static str,
        /// The word found.
        found: String,
        /// The words known.
        known: &'static str,
    },
    /// A column with a code list that is not there.
    #[error(
        "column \"{column}\" of {of} has the code list \"{codes}\", which the policy does not declare under [codes]"
    )]
    UnknownCodeList {
        /// The column.
        column: String,
        /// Table or group.
        of: String,
        /// The code list.
        codes: String,
    },
    /// Keys that do not fit the column's role.
    #[error("column \"{column}\" of {of} has the role \"{role}\" and must {must}")]
    RoleKeys {
        /// The column.
        column: String,
        /// Table or group.
        of: String,
        /// The role.
        role: &'static str,
        /// What it must have or not have.
        must: &'static str,
    },
    /// Bounds the wrong way round.
    #[error("column \"{column}\" of {of} has min = {min} above max = {max}")]
    Bounds {
        /// The column.
        column: String,
        /// Table or group.
        of: String,
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// The same code twice in a list.
    #[error("code list \"{list}\" has the code \"{code}\" twice")]
    DuplicatedCode {
        /// The list.
        list: String,
        /// The code.
        code: String,
    },
    /// A code that nobody could write in a question.
    #[error("code list \"{list}\" has the code \"{code}\"; a code is not empty and has no spaces")]
    Code {
        /// The list.
        list: String,
        /// The code.
        code: String,
    },
    /// A list that is not closed against the unknown.
    #[error(
        "code list \"{list}\" has no code \"unknown\"; every list needs one, for a value the source does not know"
    )]
    NoUnknown {
        /// The list.
        list: String,
    },
    /// A list with both codes and a file, or neither.
    #[error("code list \"{list}\" must have either `codes` or `file`")]
    CodesOrFile {
        /// The list.
        list: String,
    },
    /// A file of codes outside the policy's folder.
    #[error("code list \"{list}\" names the file \"{file}\"; it must be a plain file name beside the policy")]
    CodesFileName {
        /// The list.
        list: String,
        /// The file named.
        file: String,
    },
    /// A file of codes without its heading.
    #[error("a file of codes must begin with the heading `code,name`, below any comments")]
    CodesHeading,
    /// A line of a file of codes that is not `code,name`.
    #[error("a line of codes must be `code,name`, both filled in")]
    CodesLine,
    /// A grouping of nothing.
    #[error("[regions.{grouping}] has no regions; give at least one, or remove it")]
    NoRegions {
        /// The grouping.
        grouping: String,
    },
    /// The same region twice.
    #[error("[regions.{grouping}] has the region \"{region}\" twice")]
    DuplicatedRegion {
        /// The grouping.
        grouping: String,
        /// The region.
        region: String,
    },
    /// A region of nothing.
    #[error(
        "the region \"{region}\" of [regions.{grouping}] has no districts; name them by code, or remove it"
    )]
    EmptyRegion {
        /// The grouping.
        grouping: String,
        /// The region.
        region: String,
    },
    /// A district that is none.
    #[error(
        "the region \"{region}\" of [regions.{grouping}] has the district \"{district}\", which is no code of [codes.district]"
    )]
    UnknownDistrict {
        /// The grouping.
        grouping: String,
        /// The region.
        region: String,
        /// The code.
        district: String,
    },
    /// A district that would count twice.
    #[error(
        "[regions.{grouping}] has the district \"{district}\" in \"{other}\" and again in \"{region}\"; it may be in one region only"
    )]
    DistrictTwice {
        /// The grouping.
        grouping: String,
        /// The region where it is named again.
        region: String,
        /// The region where it is.
        other: String,
        /// The code.
        district: String,
    },
    /// A limit that limits nothing, or all.
    #[error("[limits] {what} is {value}; it must be from 1 to {most}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        value: u32,
        /// The most there can be.
        most: u32,
    },
    /// A table with a group of columns that is not there.
    #[error(
        "table \"{table}\" has the column group \"{group}\", which the policy does not declare under [groups]"
    )]
    UnknownGroup {
        /// The table.
        table: String,
        /// The group.
        group: String,
    },
    /// A name that cannot be a folder and an SQL name.
    #[error(
        "{what} is named \"{name}\"; a name is lower-case letters a–z, digits and _, and begins with a letter"
    )]
    Name {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The same column twice.
    #[error("table \"{table}\" has the column \"{column}\" twice (count the columns of its groups, too)")]
    DuplicatedColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A role the table needs exactly once.
    #[error("table \"{table}\" must have exactly one column of the role \"{role}\"{because}")]
    RoleOnce {
        /// The table.
        table: String,
        /// The role.
        role: &'static str,
        /// Why, or nothing.
        because: &'static str,
    },
    /// A column whose name and role must agree.
    #[error("table \"{table}\": the column of the role \"{role}\" must be named \"{role}\", not \"{name}\"")]
    RoleName {
        /// The table.
        table: String,
        /// The role.
        role: &'static str,
        /// The name found.
        name: String,
    },
    /// A family of privacy units without a budget.
    #[error("protected table \"{table}\" is of the family \"{family}\", which has no [budget.{family}]")]
    NoBudget {
        /// The table.
        table: String,
        /// The family.
        family: String,
    },
    /// The bound on rows must allow a row.
    #[error("table \"{table}\" has max_rows = 0; nothing could ever be counted")]
    MaxRows {
        /// The table.
        table: String,
    },
    /// Rows that could not be kept for the year they are of.
    #[error("table \"{table}\" has retention_years = 0; leave it out to keep rows for ever")]
    RetentionYears {
        /// The table.
        table: String,
    },
    /// A derived table that outlives what it is made from.
    #[error(
        "table \"{table}\" is made from \"{source_table}\", which is kept for {years} years: its retention_years must be {years} or less"
    )]
    KeptTooLong {
        /// The derived table.
        table: String,
        /// The table that it is made from and that is kept for the shortest time.
        source_table: String,
        /// For how many years that is.
        years: u32,
    },
    /// An analyst paid from nowhere.
    #[error("analyst \"{analyst}\" has the share \"{share}\", which no budget declares")]
    UnknownShare {
        /// The analyst.
        analyst: String,
        /// The share.
        share: String,
    },
    /// The same analyst twice.
    #[error("analyst \"{analyst}\" is declared twice")]
    DuplicatedAnalyst {
        /// The analyst.
        analyst: String,
    },
}
