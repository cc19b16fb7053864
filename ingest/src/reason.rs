//! Why a row went to quarantine.

use serde::Serialize;

/// Why a row cannot be used. A row has one reason: the first found, in the order line, table, date, person, columns,
/// the round as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A word that is in no code list and in no recode of the mapping.
    UnknownCode,
    /// Not a date in any of the mapping's formats, or an impossible one.
    BadDate,
    /// The event lies after today.
    FutureDate,
    /// The birth date lies after today or after the event.
    BirthDateInFuture,
    /// The control digits of an identity number do not match.
    BadCheckDigit,
    /// Not a number, or not an identity number at all.
    BadNumber,
    /// Neither identity number, nor name and birth date, nor client number.
    MissingPerson,
    /// A cell that must be filled is empty.
    MissingValue,
    /// A measure outside the policy's bounds.
    OutOfBounds,
    /// The event's year is not one of the policy's.
    YearOutsidePolicy,
    /// The event's year is older than the policy lets its table be kept.
    PastRetention,
    /// More or fewer fields than the header has; also the last line of a cut file.
    WrongNumberOfFields,
    /// Bytes that are no text in the file's encoding.
    BadEncoding,
    /// A quote that is never closed.
    UnclosedQuote,
    /// A line of JSON lines that is no object, or holds a field twice.
    NotAnObject,
    /// The campaign of a count is of another year than the date.
    CampaignAndDateDiffer,
    /// The line is of a round of a count whose form lacks lines, or has some that cannot be used.
    IncompleteRound,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 17] = [
        Self::UnknownCode,
        Self::BadDate,
        Self::FutureDate,
        Self::BirthDateInFuture,
        Self::BadCheckDigit,
        Self::BadNumber,
        Self::MissingPerson,
        Self::MissingValue,
        Self::OutOfBounds,
        Self::YearOutsidePolicy,
        Self::PastRetention,
        Self::WrongNumberOfFields,
        Self::BadEncoding,
        Self::UnclosedQuote,
        Self::NotAnObject,
        Self::CampaignAndDateDiffer,
        Self::IncompleteRound,
    ];

    /// The code in reports and quarantine files.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownCode => "unknown_code",
            Self::BadDate => "bad_date",
            Self::FutureDate => "future_date",
            Self::BirthDateInFuture => "birth_date_in_future",
            Self::BadCheckDigit => "bad_check_digit",
            Self::BadNumber => "bad_number",
            Self::MissingPerson => "missing_person",
            Self::MissingValue => "missing_value",
            Self::OutOfBounds => "out_of_bounds",
            Self::YearOutsidePolicy => "year_outside_policy",
            Self::PastRetention => "past_retention",
            Self::WrongNumberOfFields => "wrong_number_of_fields",
            Self::BadEncoding => "bad_encoding",
            Self::UnclosedQuote => "unclosed_quote",
            Self::NotAnObject => "not_an_object",
            Self::CampaignAndDateDiffer => "campaign_and_date_differ",
            Self::IncompleteRound => "incomplete_round",
        }
    }

    /// The reason of a code.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// What is wrong and what to do, for people.
    pub fn advice(self) -> &'static str {
        match self {
            Self::UnknownCode => {
                "the word is in no code list: correct it in the source, or add it to the mapping's recodes"
            }
            Self::BadDate => {
                "this is no date the mapping knows: write it as dd.mm.yyyy or yyyy-mm-dd; where a spreadsheet shows ####, widen its column and export again"
            }
            Self::FutureDate => "the event lies in the future: correct the date",
            Self::BirthDateInFuture => "the birth date lies after today or after the event: correct it",
            Self::BadCheckDigit => {
                "the control digits do not match: correct the identity number, or leave it empty"
            }
            Self::BadNumber => {
                "this is no number of the kind the column holds: correct it, or leave it empty; where a spreadsheet made 1,81E+10 of it, export again with the column as text"
            }
            Self::MissingPerson => {
                "nobody is named: fill in an identity number, or name and birth date, or a client number"
            }
            Self::MissingValue => "the cell must not be empty: fill it in",
            Self::OutOfBounds => "the number is outside the policy's bounds: correct it",
            Self::YearOutsidePolicy => {
                "the year is not one of the policy's: leave the row out, or extend `years`"
            }
            Self::PastRetention => {
                "the year is older than the policy lets the table be kept: leave the row out"
            }
            Self::WrongNumberOfFields => {
                "the line has more or fewer fields than the header: export again (a cut file?), or quote the field that holds a delimiter"
            }
            Self::BadEncoding => "the line has bytes that are no text in this encoding: export again",
            Self::UnclosedQuote => {
                "a quote is opened and never closed: close it, or export again (a cut file?)"
            }
            Self::NotAnObject => {
                "the line is no JSON object, or names a field twice: export again (a cut file?)"
            }
            Self::CampaignAndDateDiffer => {
                "the date is neither in the campaign's year nor in the December before: correct the one or the other"
            }
            Self::IncompleteRound => {
                "the form lacks lines for some areas or groups: a form has a line for every area, age group and gender, also for 0; fill them in, correct those of its lines that are in quarantine for another reason, and deliver the whole round in one file"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_json_shows() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
            assert!(!reason.advice().is_empty());
            assert_eq!(Reason::of_code(reason.code()), Some(reason));
        }
    }
}
