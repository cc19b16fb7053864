//! What the pages show: published figures and public budgets, with nothing left to compute.
//!
//! The pages and charts know these types only. [`crate::source`] makes them from the releases, the ledger and the
//! policy, so that a change in how a figure is made does not reach the pages.

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Both {
    /// Bokmål.
    pub no: String,
    /// English.
    pub en: String,
}

impl Both {
    /// A text in both languages.
    pub fn new(no: impl Into<String>, en: impl Into<String>) -> Self {
        Self { no: no.into(), en: en.into() }
    }
}

/// An unbiased value with its 95 % interval. The interval belongs to this value and to no other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The unbiased value; it may be negative when the count is small.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The number a reader is shown first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// A number with so many decimals; of protected data it is whole, and fitted so that tables add up.
    Number(f64, usize),
    /// Below the policy's threshold: ":".
    Suppressed,
}

/// The number of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount {
    /// The unbiased value with its interval; of an exact figure all three are the number itself.
    pub estimate: Estimate,
    /// What is shown large. The interval does not belong to it.
    pub shown: Shown,
    /// Operational: exact, published as it is.
    pub exact: bool,
}

impl Amount {
    /// Whether the number is too small or too uncertain to be shown.
    pub fn suppressed(&self) -> bool {
        self.shown == Shown::Suppressed
    }

    /// Decimals its numbers are written with.
    pub fn digits(&self) -> usize {
        match self.shown {
            Shown::Number(_, digits) => digits,
            Shown::Suppressed => 0,
        }
    }
}

/// Which publication a figure is from.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRef {
    /// The release's id.
    pub id: String,
    /// The year it is about.
    pub year: i32,
    /// The day it was published, as `yyyy-mm-dd`, when the release says so.
    pub published: Option<String>,
    /// ρ it was charged.
    pub rho: Option<f64>,
}

/// A published release, of whatever workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// Its id.
    pub id: String,
    /// What it is of.
    pub label: Both,
    /// The year or campaign it is about.
    pub period: Both,
    /// The day it was published, as `yyyy-mm-dd`.
    pub published: String,
    /// ρ it was charged.
    pub rho: f64,
    /// The release that took its place.
    pub superseded_by: Option<String>,
}

/// One figure of one year.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Stable name, as in the address of its trend.
    pub name: String,
    /// What it is called.
    pub label: Both,
    /// Its number.
    pub amount: Amount,
    /// What it counts, when that is not persons.
    pub unit: Option<Both>,
    /// What the source published for that year.
    pub source_value: Option<f64>,
    /// A remark.
    pub note: Option<Both>,
}

/// Figures that split one total in parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown {
    /// By what.
    pub label: Both,
    /// The parts.
    pub figures: Vec<Figure>,
}

/// A figure, what it means, and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// The total.
    pub total: Figure,
    /// What is counted.
    pub definition: Both,
    /// Its parts; may be empty.
    pub breakdowns: Vec<Breakdown>,
}

/// The key figures of one year.
#[derive(Debug, Clone, PartialEq)]
pub struct YearFigures {
    /// The year.
    pub year: i32,
    /// Where they come from.
    pub release: ReleaseRef,
    /// The figures.
    pub topics: Vec<Topic>,
}

/// How another district compares with the chosen one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is the chosen one.
    Chosen,
    /// Higher than the chosen one, beyond what chance explains.
    Higher,
    /// Lower than the chosen one, beyond what chance explains.
    Lower,
    /// The figures cannot tell the two apart.
    Same,
}

/// One district in the comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct DistrictRow {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: Both,
    /// Persons of all ages.
    pub persons: Amount,
    /// Persons aged 13–24.
    pub young: Amount,
    /// Residents aged 13–24.
    pub residents: Option<u64>,
    /// Persons aged 13–24 per 1,000 residents of that age; `None` where a rate means nothing.
    pub rate: Option<Amount>,
}

/// Whether the rates of two districts can be told apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Code of the one.
    pub a: String,
    /// Code of the other.
    pub b: String,
    /// Rate of `a` less rate of `b`.
    pub difference: f64,
    /// The interval of the difference does not hold zero.
    pub distinguishable: bool,
}

/// The districts of one year, side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The year.
    pub year: i32,
    /// Where it comes from.
    pub release: ReleaseRef,
    /// What is counted.
    pub definition: Both,
    /// One sentence on the whole.
    pub summary: Both,
    /// What to keep in mind.
    pub notes: Vec<Both>,
    /// The districts, in the order of their codes.
    pub districts: Vec<DistrictRow>,
    /// Every pair of them.
    pub pairs: Vec<Pair>,
}

impl Comparison {
    /// How the rate of `code` compares with that of `chosen`; `None` when they were not compared.
    pub fn relation(&self, chosen: &str, code: &str) -> Option<Relation> {
        if chosen == code {
            return Some(Relation::Chosen);
        }
        let pair =
            self.pairs.iter().find(|p| (p.a == chosen && p.b == code) || (p.a == code && p.b == chosen))?;
        let above = if pair.a == code { pair.difference } else { -pair.difference };
        Some(match pair.distinguishable {
            false => Relation::Same,
            true if above > 0.0 => Relation::Higher,
            true => Relation::Lower,
        })
    }
}

/// One year of a trend.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendPoint {
    /// The year.
    pub year: i32,
    /// The number.
    pub amount: Amount,
    /// Where it comes from.
    pub release: ReleaseRef,
    /// One sentence on the change from the published year before.
    pub change: Option<Both>,
}

/// A figure over the years.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// The figure's name.
    pub figure: String,
    /// What it is called.
    pub label: Both,
    /// What is counted.
    pub definition: Both,
    /// The years that have a release, in order.
    pub points: Vec<TrendPoint>,
}

/// Figures of one theme that one can ask the trend of.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoiceGroup {
    /// The theme.
    pub label: Both,
    /// Its figures.
    pub items: Vec<Choice>,
}

/// A figure one can ask the trend of.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Its name.
    pub name: String,
    /// What it is called.
    pub label: Both,
}

/// Mean observed persons a count, of one shift and area, in two campaigns.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneRow {
    /// Shift and area.
    pub label: Both,
    /// Whether this row is a total.
    pub total: bool,
    /// The first campaign; `None` when no round was held.
    pub first: Option<Estimate>,
    /// The second campaign.
    pub second: Option<Estimate>,
    /// Second less first.
    pub change: Option<Estimate>,
    /// Whether the two can be told apart.
    pub distinguishable: bool,
}

/// Two count campaigns side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The first campaign.
    pub first: Both,
    /// The second campaign.
    pub second: Both,
    /// The answers it rests on.
    pub answers: Vec<String>,
    /// One sentence on the whole.
    pub summary: Both,
    /// What to keep in mind.
    pub notes: Vec<Both>,
    /// The rows.
    pub rows: Vec<SceneRow>,
}

/// The privacy budget of one block: a calendar year, or a count campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// `persons` or `scene`.
    pub family: String,
    /// The year or the campaign.
    pub block: String,
    /// What the block is called.
    pub label: Both,
    /// The whole budget, ρ.
    pub rho_limit: f64,
    /// Spent, ρ.
    pub rho_spent: f64,
    /// Left, ρ.
    pub rho_left: f64,
    /// ε that the whole budget comes to at δ.
    pub epsilon_limit: f64,
    /// ε that what is spent comes to at δ.
    pub epsilon_spent: f64,
    /// δ.
    pub delta: f64,
}

impl Budget {
    /// The share spent, 0–1.
    pub fn share_spent(&self) -> f64 {
        if self.rho_limit > 0.0 { (self.rho_spent / self.rho_limit).clamp(0.0, 1.0) } else { 1.0 }
    }
}
