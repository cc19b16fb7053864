//! Every word the pages say, in one place a language.
//!
//! A typed table and not Fluent files: two languages, hardly any plural forms, and a missing text is then a
//! compile error and not a hole in a page. Labels of codes come from the policy, those of figures from the figures.

mod en;
mod no;
pub mod number;

use crate::model::Both;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Bokmål.
    #[default]
    No,
    /// English.
    En,
}

impl Lang {
    /// The language a request asks for; Norwegian unless it asks for English.
    pub fn from_query(value: Option<&str>) -> Self {
        if value.is_some_and(|v| v.eq_ignore_ascii_case("en")) { Self::En } else { Self::No }
    }

    /// The code for the `lang` attribute.
    pub fn code(self) -> &'static str {
        self.pick("nb", "en")
    }

    /// The first in Norwegian, the second in English.
    pub fn pick<T>(self, no: T, en: T) -> T {
        match self {
            Self::No => no,
            Self::En => en,
        }
    }

    /// A text that is there in both.
    pub fn of(self, both: &Both) -> &str {
        self.pick(&both.no, &both.en)
    }

    /// All words in this language.
    pub fn text(self) -> &'static Text {
        self.pick(&no::TEXT, &en::TEXT)
    }
}

/// A heading and its paragraphs.
pub struct Section {
    /// Anchor.
    pub id: &'static str,
    /// Heading.
    pub heading: &'static str,
    /// Paragraphs.
    pub paragraphs: &'static [&'static str],
}

/// The words of the frame round every page.
pub struct Frame {
    /// Under the name.
    pub tagline: &'static str,
    /// Skip link.
    pub skip: &'static str,
    /// Name of the main menu.
    pub menu: &'static str,
    /// The other language, in that language.
    pub other_language: &'static str,
    /// Banner of synthetic data: the words.
    pub synthetic: &'static str,
    /// And what they mean.
    pub synthetic_meaning: &'static str,
    /// Foot.
    pub foot: &'static str,
    /// Data as JSON.
    pub as_json: &'static str,
}

/// Words that several pages use.
pub struct Common {
    /// Year.
    pub year: &'static str,
    /// Name of the switch of years.
    pub choose_year: &'static str,
    /// Shown number.
    pub shown: &'static str,
    /// Estimate with interval.
    pub estimate_interval: &'static str,
    /// Estimate.
    pub estimate: &'static str,
    /// 95 % interval.
    pub interval: &'static str,
    /// Release.
    pub release: &'static str,
    /// Published on.
    pub published: &'static str,
    /// Exact.
    pub exact: &'static str,
    /// What exact means.
    pub exact_meaning: &'static str,
    /// What `:` means; with the threshold.
    pub suppressed_meaning: &'static str,
    /// Heading over the table beside a chart.
    pub as_table: &'static str,
    /// Submit.
    pub show: &'static str,
    /// The interval in plain words: ends.
    pub between: fn(&str, &str) -> String,
    /// The upper end alone, for a suppressed number.
    pub at_most: fn(&str) -> String,
    /// The same in a cell of a table.
    pub at_most_short: fn(&str) -> String,
    /// Nothing published yet.
    pub nothing_yet: &'static str,
    /// What to do about it.
    pub nothing_yet_how: &'static str,
}

/// Words of the key figures.
pub struct Figures {
    /// Menu.
    pub nav: &'static str,
    /// Heading: year.
    pub title: fn(i32) -> String,
    /// First sentences.
    pub lead: &'static str,
    /// How to read, heading.
    pub how: &'static str,
    /// How to read: the large number.
    pub how_shown: &'static str,
    /// How to read: the estimate.
    pub how_estimate: &'static str,
    /// Read more.
    pub how_more: &'static str,
    /// Meaning.
    pub meaning: &'static str,
    /// Link to the trend.
    pub see_trend: fn(&str) -> String,
    /// Heading over figures without parts.
    pub more: &'static str,
    /// In brief.
    pub summary: &'static str,
    /// Name of the column of bars.
    pub share_bar: &'static str,
    /// What the source published.
    pub source: fn(&str) -> String,
}

/// Words of the comparison.
pub struct Districts {
    /// Menu.
    pub nav: &'static str,
    /// Heading: year.
    pub title: fn(i32) -> String,
    /// First sentences.
    pub lead: &'static str,
    /// Heading of the switch.
    pub measure: &'static str,
    /// Persons.
    pub by_count: &'static str,
    /// Rate.
    pub by_rate: &'static str,
    /// District.
    pub district: &'static str,
    /// Persons aged 13–24.
    pub young: &'static str,
    /// Residents.
    pub residents: &'static str,
    /// Why there is no rate.
    pub no_rate: &'static str,
    /// Choose a district.
    pub choose: &'static str,
    /// No district chosen.
    pub choose_none: &'static str,
    /// Heading of the sentences: district.
    pub compared: fn(&str) -> String,
    /// Cannot be told apart: chosen, list.
    pub same: fn(&str, &str) -> String,
    /// None is alike: chosen.
    pub same_none: fn(&str) -> String,
    /// Higher: chosen, list of those that are higher.
    pub higher: fn(&str, &str) -> String,
    /// Lower: chosen, list of those that are lower.
    pub lower: fn(&str, &str) -> String,
    /// What it does not mean.
    pub caution: &'static str,
    /// Chart title for counts and for rates: year.
    pub chart_title: fn(bool, i32) -> String,
    /// Chart description: districts, highest name and its number, lowest name and its number.
    pub chart_desc: fn(usize, &str, &str) -> String,
    /// Axis of counts.
    pub axis_count: &'static str,
    /// Axis of rates.
    pub axis_rate: &'static str,
    /// Legend: the chosen one.
    pub legend_chosen: &'static str,
    /// Legend: differs.
    pub legend_differs: &'static str,
    /// Legend: does not.
    pub legend_same: &'static str,
    /// Legend: no choice.
    pub legend_plain: &'static str,
    /// Column of the relation.
    pub relation: &'static str,
    /// Relation words: chosen, higher, lower, same.
    pub relations: [&'static str; 4],
}

/// Words of the trend.
pub struct Trend {
    /// Menu.
    pub nav: &'static str,
    /// Heading.
    pub title: &'static str,
    /// First sentences.
    pub lead: &'static str,
    /// Choose a figure.
    pub choose: &'static str,
    /// Chart title: figure.
    pub chart_title: fn(&str) -> String,
    /// Chart description: first year, its number, last year, its number.
    pub chart_desc: fn(i32, &str, i32, &str) -> String,
    /// The axis does not begin at zero.
    pub axis_cut: &'static str,
    /// Legend.
    pub legend_line: &'static str,
    /// Legend.
    pub legend_band: &'static str,
    /// Legend for exact figures.
    pub legend_exact: &'static str,
    /// Column of changes.
    pub change: &'static str,
    /// Only one year so far.
    pub one_year: &'static str,
}

/// Words of the list of releases.
pub struct Releases {
    /// Menu.
    pub nav: &'static str,
    /// Heading.
    pub title: &'static str,
    /// First sentences.
    pub lead: &'static str,
    /// Year or campaign.
    pub period: &'static str,
    /// Whether it is in force.
    pub status: &'static str,
    /// It is.
    pub in_force: &'static str,
    /// By which it is not.
    pub superseded: &'static str,
    /// Files to fetch.
    pub downloads: &'static str,
    /// Their names, and what they are.
    pub files: [(&'static str, &'static str); 5],
}

/// Words of the scene counts.
pub struct Scene {
    /// Menu.
    pub nav: &'static str,
    /// Heading.
    pub title: &'static str,
    /// First sentences.
    pub lead: &'static str,
    /// No comparison stored.
    pub none: &'static str,
    /// How to ask for one.
    pub none_how: &'static str,
    /// Why the page does not.
    pub none_why: &'static str,
    /// Heading of a comparison.
    pub compared: fn(&str, &str) -> String,
    /// Shift and area.
    pub shift_area: &'static str,
    /// Change.
    pub change: &'static str,
    /// Answers.
    pub answers: &'static str,
    /// What is counted.
    pub caution: &'static str,
    /// Caption of the table.
    pub caption: &'static str,
    /// Verdict column.
    pub verdict: &'static str,
    /// Rise, fall, not distinguishable.
    pub verdicts: [&'static str; 3],
}

/// Words of the page on the promise.
pub struct About {
    /// Menu.
    pub nav: &'static str,
    /// Heading.
    pub title: &'static str,
    /// First sentences.
    pub lead: &'static str,
    /// Sections before the budget.
    pub sections: &'static [Section],
    /// Heading.
    pub budget: &'static str,
    /// First sentences.
    pub budget_lead: &'static str,
    /// Persons a year, scene a campaign.
    pub families: [&'static str; 2],
    /// Block.
    pub block: &'static str,
    /// Spent.
    pub spent: &'static str,
    /// Left.
    pub left: &'static str,
    /// Whole budget.
    pub limit: &'static str,
    /// Name of a bar: share spent.
    pub bar: fn(&str) -> String,
    /// Beneath the table: δ.
    pub delta: fn(&str) -> String,
    /// Column of the day of publication.
    pub published: &'static str,
    /// Heading of the releases.
    pub releases: &'static str,
    /// Sentence of the sum over years: years, ε or ρ.
    pub sum: fn(usize, &str, &str) -> String,
}

/// Words of the steward's page.
pub struct Steward {
    /// Menu.
    pub nav: &'static str,
    /// Heading.
    pub title: &'static str,
    /// First sentences.
    pub lead: &'static str,
    /// Mark: for whom.
    pub private: &'static str,
    /// And what that means.
    pub private_meaning: &'static str,
    /// Who is in, and until when.
    pub session: fn(&str, &str) -> String,
    /// A part of the page could not be read: why.
    pub unread: fn(&str) -> String,
    /// In brief: heading of the book, lost charges, refusals, releases that are due.
    pub brief: [&'static str; 4],
    /// In brief: the book is whole, or it is not.
    pub book_state: [&'static str; 2],
    /// Heading of the proof.
    pub book: &'static str,
    /// It is whole.
    pub whole: &'static str,
    /// It is not, and what to do.
    pub broken: &'static str,
    /// When it was checked.
    pub checked: fn(&str) -> String,
    /// Number of entries, of answers, the head: terms.
    pub book_terms: [&'static str; 3],
    /// What the head is for.
    pub head_how: &'static str,
    /// One problem: at which entry.
    pub problem_at: fn(u64) -> String,
    /// One problem that is at no entry.
    pub problem: &'static str,
    /// Heading of the remarks.
    pub remarks: &'static str,
    /// Heading of the budgets.
    pub budgets: &'static str,
    /// First sentence.
    pub budgets_lead: &'static str,
    /// Shares and analysts of a block.
    pub within: fn(&str) -> String,
    /// Columns: name, what it is, what it may spend.
    pub within_columns: [&'static str; 3],
    /// A share, an analyst.
    pub within_kinds: [&'static str; 2],
    /// δ that thresholds used, and may use.
    pub thresholds: fn(&str, &str) -> String,
    /// The sum over a family: blocks, ρ spent and its limit, ε spent and its limit, δ.
    pub sum: fn(usize, [&str; 5]) -> String,
    /// Heading of the forecast.
    pub forecast: &'static str,
    /// First sentence.
    pub forecast_lead: &'static str,
    /// When it was made.
    pub forecast_made: fn(&str) -> String,
    /// Columns: planned, state, needed ρ, half-width, left for questions.
    pub forecast_columns: [&'static str; 5],
    /// Published; published, but the rows changed since; due; nothing left.
    pub forecast_states: [&'static str; 4],
    /// Heading of the lost charges, what they are, and that there are none.
    pub lost: [&'static str; 3],
    /// Heading of the refusals, what they are, and that there are none.
    pub refused: [&'static str; 3],
    /// Heading of the records, what they are, and that there are none.
    pub records: [&'static str; 3],
    /// Summary of a record: year, revision, day, by whom.
    pub record: fn(i32, u32, &str, &str) -> String,
    /// All checks passed, or not.
    pub record_status: [&'static str; 2],
    /// Terms: what, why, by whom, entry, measurement, snapshot, size, price, of the year, of all years.
    pub record_terms: [&'static str; 10],
    /// No reason was given.
    pub no_reason: &'static str,
    /// Tables, cells, suppressed ones.
    pub record_size: fn(usize, usize, usize) -> String,
    /// Headings of the risk and of the checks.
    pub record_parts: [&'static str; 2],
    /// A check passed, or not.
    pub check: [&'static str; 2],
    /// The entry is there and cannot be read as a record.
    pub record_unread: fn(u64) -> String,
    /// Heading of the last entries, and what they are.
    pub entries: [&'static str; 2],
    /// No entry fits.
    pub entries_none: &'static str,
    /// Older ones are printed by this command.
    pub entries_more: &'static str,
    /// Name of the links by kind; no kind chosen.
    pub by_kind: [&'static str; 2],
    /// A filter in force: name and value; its link away.
    pub only: fn(&str, &str) -> String,
    /// Takes a filter away.
    pub without: &'static str,
    /// Columns: entry, when, who, kind, became, of, what, reason.
    pub columns: [&'static str; 8],
    /// Kinds of entries by their names in the book.
    pub kinds: &'static [(&'static str, &'static str)],
    /// What became of a charge: running, lost, answered, given up.
    pub became: [&'static str; 4],
    /// The latest of more.
    pub latest: fn(usize, &str) -> String,
}

/// Words of what went wrong.
pub struct Errors {
    /// 404 heading.
    pub missing: &'static str,
    /// 404 text.
    pub missing_text: &'static str,
    /// 404 for a year that has no release.
    pub no_year: fn(&str) -> String,
    /// 404 for a figure that does not exist.
    pub no_figure: &'static str,
    /// 404 for a district that does not exist.
    pub no_district: &'static str,
    /// 404 for a filter that names nothing.
    pub no_filter: &'static str,
    /// 403 heading.
    pub shut: &'static str,
    /// 403 text.
    pub shut_text: &'static str,
    /// 500 text: a login that could not be entered in the book.
    pub no_entry: &'static str,
    /// 405.
    pub method: &'static str,
    /// 500 heading.
    pub fault: &'static str,
    /// 500 text.
    pub fault_text: &'static str,
    /// Back.
    pub home: &'static str,
}

/// All words of one language.
pub struct Text {
    /// Frame.
    pub frame: Frame,
    /// Common.
    pub common: Common,
    /// Key figures.
    pub figures: Figures,
    /// Districts.
    pub districts: Districts,
    /// Trend.
    pub trend: Trend,
    /// Scene.
    pub scene: Scene,
    /// Releases.
    pub releases: Releases,
    /// About.
    pub about: About,
    /// Steward.
    pub steward: Steward,
    /// Errors.
    pub errors: Errors,
}
