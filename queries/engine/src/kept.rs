//! Texts as the ledger keeps them: somebody's number or name may have been pasted into a question or a reason.
//!
//! # Privacy
//! The book is never edited, so what must not stand in it has to be left out when it is written. Of a question that
//! was answered, every word was resolved against the policy, but for comments and the names of columns; numbers are
//! blotted out if they are long. Of a refused one only words of SQL and of the policy are kept: any other may be a name.

/// Digits from which on a number may be somebody's.
const DIGITS: usize = 6;
/// The most that is kept of a text, in characters.
const MOST: usize = 4_000;
/// What stands for a word that is left out.
const LEFT_OUT: &str = "…";
/// After these words a refusal quotes the question.
const NOT_UNDERSTOOD: &str = "not understood";

/// A reason or a name: long numbers are blotted out, however they are grouped.
pub(crate) fn without_numbers(text: &str) -> String {
    numbers(text, &|_| false)
}

/// A question that was answered: its codes, dates and patterns are kept, and words of SQL and of the policy. Other texts,
/// comments and the names that it gives to columns and subqueries may say anything.
pub(crate) fn answered(sql: &str, is_code: &dyn Fn(&str) -> bool, is_known: &dyn Fn(&str) -> bool) -> String {
    let text = cut(sql, &['"', '-', '/'], '\'');
    let parts = text.split('\'').enumerate().map(|(at, part)| match at % 2 {
        0 => words(part, is_known),
        _ if is_code(part) || is_plain(part) => part.to_owned(),
        _ => LEFT_OUT.to_owned(),
    });
    numbers(&parts.collect::<Vec<_>>().join("'"), is_code)
}

/// Whether a literal can name nobody: a part of a date, or a pattern without letters.
fn is_plain(text: &str) -> bool {
    let parts = ["year", "quarter", "month", "week", "day", "dow", "doy", "isodow"];
    parts.contains(&text.to_lowercase().as_str())
        || text.chars().all(|c| c.is_ascii_digit() || matches!(c, '%' | '_' | '-' | '.' | ' '))
}

/// A refused question: whatever is no word of SQL or of the policy may be anybody's name.
pub(crate) fn refused(text: &str, is_known: &dyn Fn(&str) -> bool) -> String {
    without_numbers(&words(&cut(text, &['\'', '"', '-', '/'], '\0'), is_known))
}

/// Why it was refused, in our words: names that it quotes are treated as the question is.
pub(crate) fn refused_for(reason: &str, is_known: &dyn Fn(&str) -> bool) -> String {
    // What the parser says quotes the question.
    let ours = reason.find(NOT_UNDERSTOOD).map_or(reason, |at| &reason[..at + NOT_UNDERSTOOD.len()]);
    let parts = ours.split('`').enumerate();
    let parts = parts.map(|(at, part)| if at % 2 == 1 { words(part, is_known) } else { part.to_owned() });
    let named = parts.collect::<Vec<_>>().join("`");
    without_numbers(&cut(&named, &['\'', '"'], '\0'))
}

/// Blots out runs of digits of any script that are too long, also in groups. Years, ranges of years, dates and codes
/// are kept.
fn numbers(text: &str, is_code: &dyn Fn(&str) -> bool) -> String {
    let shown: Vec<char> = text.chars().take(MOST).collect();
    let mut kept = String::new();
    let mut at = 0;
    while at < shown.len() {
        if !shown[at].is_numeric() {
            kept.push(shown[at]);
            at += 1;
            continue;
        }
        let end = end_of_number(&shown, at);
        let number: String = shown[at..end].iter().collect();
        let digits = number.chars().filter(|c| c.is_numeric()).count();
        let plain = digits < DIGITS || is_code(&number) || is_date(&number) || is_range(&number);
        kept.push_str(if plain { &number } else { "#" });
        at = end;
    }
    if shown.len() < text.chars().count() {
        kept.push('…');
    }
    kept
}

/// Where the number that begins at `start` ends, with the groups after it.
fn end_of_number(text: &[char], start: usize) -> usize {
    let mut end = start;
    loop {
        while text.get(end).is_some_and(|c| c.is_numeric()) {
            end += 1;
        }
        let separated = text
            .get(end)
            .is_some_and(|c| matches!(c, '.' | '-' | '/' | '_' | '–' | '‑') || c.is_whitespace());
        if !separated || !text.get(end + 1).is_some_and(|c| c.is_numeric()) {
            return end;
        }
        end += 1;
    }
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && text.parse::<u16>().is_ok_and(|year| (1900..2100).contains(&year))
}

fn is_date(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, _)| is_year(year)) && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_range(text: &str) -> bool {
    text.split_once(['-', '–']).is_some_and(|(from, to)| is_year(from) && is_year(to))
}

/// Leaves out words that are neither SQL nor known.
fn words(text: &str, is_known: &dyn Fn(&str) -> bool) -> String {
    let mut kept = String::new();
    let mut rest = text;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(start) = rest.find(is_word) {
        let (between, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_word(c)).unwrap_or(from.len()));
        kept.push_str(between);
        let number = word.chars().all(char::is_numeric);
        let lower = word.to_lowercase();
        let plain = number || SQL.contains(&lower.as_str()) || is_known(&lower);
        kept.push_str(if plain { word } else { LEFT_OUT });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Words of SQL that a question may hold.
const SQL: &[&str] = &[
    "abs",
    "all",
    "alter",
    "and",
    "any",
    "approx_median",
    "approx_percentile_cont",
    "as",
    "asc",
    "avg",
    "between",
    "bigint",
    "by",
    "case",
    "cast",
    "ceil",
    "coalesce",
    "copy",
    "count",
    "create",
    "cross",
    "cube",
    "current",
    "current_date",
    "date",
    "date_part",
    "date_trunc",
    "day",
    "delete",
    "dense_rank",
    "desc",
    "describe",
    "distinct",
    "double",
    "dow",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "exp",
    "explain",
    "extract",
    "false",
    "filter",
    "first",
    "floor",
    "following",
    "for",
    "from",
    "full",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "inner",
    "insert",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "lag",
    "last",
    "lead",
    "least",
    "left",
    "like",
    "limit",
    "ln",
    "max",
    "median",
    "min",
    "natural",
    "not",
    "now",
    "null",
    "nullif",
    "nulls",
    "numeric",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "percentile_cont",
    "pow",
    "power",
    "preceding",
    "precision",
    "quantile_cont",
    "quarter",
    "range",
    "rank",
    "recursive",
    "right",
    "rollup",
    "round",
    "row",
    "row_number",
    "rows",
    "select",
    "set",
    "sets",
    "show",
    "similar",
    "sqrt",
    "stddev",
    "sum",
    "table",
    "text",
    "then",
    "to",
    "true",
    "try_cast",
    "unbounded",
    "union",
    "update",
    "using",
    "values",
    "var",
    "varchar",
    "week",
    "when",
    "where",
    "window",
    "with",
    "within",
];

/// Cuts what begins with one of `starts`, and leaves what stands between two `kept` as it is.
fn cut(text: &str, starts: &[char], kept_quote: char) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c| c == kept_quote || starts.contains(&c)) {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let closing = |quote: char| from[1..].find(quote).map_or(from.len(), |end| end + 2);
        let (shown, end) = if from.starts_with("--") {
            ("--…", from.find('\n').unwrap_or(from.len()))
        } else if from.starts_with("/*") {
            ("/*…*/", from.find("*/").map_or(from.len(), |end| end + 2))
        } else if from.starts_with(kept_quote) {
            (&from[..closing(kept_quote)], closing(kept_quote))
        } else if let Some(quote @ ('\'' | '"')) = from.chars().next() {
            ("'…'", closing(quote))
        } else {
            (&from[..1], 1)
        };
        kept.push_str(shown);
        rest = &from[end..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_blotted_out_however_they_are_written() {
        for (text, kept) in [
            ("select 1 where year = 2023", "select 1 where year = 2023"),
            ("where person = 01810750126", "where person = #"),
            ("about 018107 50126 asked", "about # asked"),
            ("about 018107-50126", "about #"),
            ("018.107.501.26, 01 81 07 50 126", "#, #"),
            ("０１８１０７５０１２６ or ٠١٨١٠٧٥٠١٢٦", "# or #"),
            ("018107\u{a0}50126", "#"),
            ("in (2019, 2020, 2021)", "in (2019, 2020, 2021)"),
            ("trend 2019-2023, 2019–2023", "trend 2019-2023, 2019–2023"),
            ("2019-50126", "#"),
            ("date >= '2024-01-01'", "date >= '2024-01-01'"),
            ("0.05 and 12.5", "0.05 and 12.5"),
        ] {
            assert_eq!(without_numbers(text), kept);
        }
        assert_eq!(without_numbers(&"x".repeat(MOST + 1)).chars().count(), MOST + 1);
    }

    #[test]
    fn an_answered_question_keeps_its_codes_and_no_remarks() {
        let is_code = |digits: &str| digits == "030101" || digits == "female";
        let is_known = |word: &str| ["contact", "district", "gender"].contains(&word);
        for (text, kept) in [
            ("district = '030101' or 030102", "district = '030101' or #"),
            ("select 1 as \"Kari\" -- for Kari\nfrom contact", "select 1 as '…' --…\nfrom contact"),
            ("gender = '--' and gender = 2 /* Kari */", "gender = '--' and gender = 2 /*…*/"),
            (
                "case when gender = 'female' then 'Kari' end as kari",
                "case when gender = 'female' then '…' end as …",
            ),
            (
                "date >= '2024-01-01' and district like '0301%'",
                "date >= '2024-01-01' and district like '0301%'",
            ),
            ("date_trunc('month', date) <> '01810750126'", "date_trunc('month', date) <> '#'"),
            (
                "with kari as (select 1 from contact) select 'it''s Kari'",
                "with … as (select 1 from contact) select '…''…'",
            ),
        ] {
            assert_eq!(answered(text, &is_code, &is_known), kept);
        }
    }

    #[test]
    fn a_refused_question_keeps_words_of_sql_and_of_the_policy_only() {
        let is_known = |word: &str| ["contact", "gender", "name"].contains(&word);
        for (text, kept) in [
            ("where name = 'Kari Nordmann' and gender = 1", "where name = '…' and gender = 1"),
            (
                "SELECT count(*) from Contact where gender = Kari Nordmann",
                "SELECT count(*) from Contact where gender = … …",
            ),
            ("select \"Kari\" -- about Kari\n from contact", "select '…' --…\n from contact"),
            ("select 1 /* Kari */ - 2 / 3", "select 1 /*…*/ - 2 / 3"),
            ("where name = 'Kari", "where name = '…'"),
            ("name = 'æøå", "name = '…'"),
            ("Kåre_Nordmann8 01810750126", "… #"),
        ] {
            assert_eq!(refused(text, &is_known), kept);
        }
        for (reason, kept) in [
            ("there is no column `kari nordmann` in `contact`", "there is no column `… …` in `contact`"),
            ("'Kari' is no code of `gender`", "'…' is no code of `gender`"),
            ("The question was not understood: found Kari", "The question was not understood"),
        ] {
            assert_eq!(refused_for(reason, &is_known), kept);
        }
    }
}
