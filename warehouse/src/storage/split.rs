//! How the rows of a table and year are split into files: by the first bits of the person's pseudonym.
//!
//! A file holds the rows of a [`Span`] of pseudonyms. A shard (two bits) is one file where it has no more rows than
//! [`most`]; otherwise its two halves are looked at in the same way, and so on, until the rows of each are few enough,
//! or are one person's. So the same rows are always split the same, whatever was in the files before, a person is in one
//! file, and taking rows out touches the files of those persons and no other; but for two neighbours that are now few
//! enough to be one.
//!
//! # Privacy
//! A file is, byte for byte, what its rows make: no gap, no short file and no other name tells that somebody was there.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::{Place, Pseudonym, SHARDS};
use crate::policy::{ColumnRole, Table};

/// The name in the logs of this rule and of how columns are encoded: files made otherwise are not what the same rows make, and would be
/// found damaged.
pub(crate) const RULE: &str = "files 5";

/// The most rows of a file of events, but for those of one person. Measured with `tests/scale.rs` (100 of 700,000 persons go from ten
/// million contacts), beside files of twice as many rows: an erasure took 0.12 to 0.14 of a full rewrite's work, and not 0.22, since
/// half as many rows were made anew; a scan of five columns takes a quarter more. Since files are edited ([`super::edit`]) it takes 0.09.
const MOST: usize = 4 * 1024;
/// The same where a row is all there is of a person, as in `person_year`.
const MOST_OF_PERSONS: usize = 1024;

/// Bits of a pseudonym.
const BITS: u8 = 128;
/// Bits that are common to a shard.
const OF_SHARD: u8 = 2;
const _: () = assert!(SHARDS == 1 << OF_SHARD);

/// The most rows of a file of this table, but for those of one person.
pub(crate) fn most(table: &Table) -> usize {
    let most = if table.column_of(&ColumnRole::Record).is_some() { MOST } else { MOST_OF_PERSONS };
    #[cfg(test)]
    let most = most / SMALLER.load(std::sync::atomic::Ordering::Relaxed);
    most
}

/// By how much files are smaller in this crate's tests, where a few dozen rows are to be split, and joined again.
#[cfg(test)]
pub(crate) static SMALLER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(64);

/// All pseudonyms that begin with some bits: at least two, those of the shard. Spans that have nothing in common are
/// in the order of their pseudonyms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    least: Pseudonym,
    bits: u8,
}

impl Span {
    /// A whole shard.
    pub fn of_shard(shard: u8) -> Self {
        Self { least: Pseudonym::from(shard % SHARDS) << (BITS - OF_SHARD), bits: OF_SHARD }
    }

    /// The shard that it is a part of.
    pub fn shard(self) -> u8 {
        super::shard(self.least)
    }

    /// The least pseudonym of it.
    pub fn least(self) -> [u8; 16] {
        self.least.to_be_bytes()
    }

    /// The greatest pseudonym of it.
    pub fn greatest(self) -> [u8; 16] {
        self.last().to_be_bytes()
    }

    pub(crate) fn first(self) -> Pseudonym {
        self.least
    }

    pub(crate) fn last(self) -> Pseudonym {
        self.least | below(self.bits)
    }

    pub(crate) fn holds(self, pseudonym: Pseudonym) -> bool {
        (self.least..=self.last()).contains(&pseudonym)
    }

    /// The span of twice the size that it is a half of; none of a shard.
    pub(crate) fn parent(self) -> Option<Self> {
        let bits = self.bits.checked_sub(1).filter(|bits| *bits >= OF_SHARD)?;
        Some(Self { least: self.least & !below(bits), bits })
    }

    /// Its two halves; none where there is but one pseudonym.
    fn halves(self) -> Option<[Self; 2]> {
        let bits = self.bits + 1;
        let second = self.least | 1 << BITS.checked_sub(bits)?;
        Some([Self { bits, ..self }, Self { least: second, bits }])
    }
}

/// All bits below the first ones.
fn below(bits: u8) -> Pseudonym {
    Pseudonym::MAX.checked_shr(bits.into()).unwrap_or(0)
}

/// The bits, as zeros and ones: so it stands in the names of files.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, first) = (usize::from(self.bits), self.least >> (BITS - self.bits));
        write!(f, "{first:0bits$b}")
    }
}

impl FromStr for Span {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bits = u8::try_from(text.len()).map_err(drop)?;
        if !(OF_SHARD..=BITS).contains(&bits) || text.bytes().any(|digit| !matches!(digit, b'0' | b'1')) {
            return Err(());
        }
        let first = Pseudonym::from_str_radix(text, 2).map_err(drop)?;
        Ok(Self { least: first << (BITS - bits), bits })
    }
}

/// The files of a shard, as their spans and the rows of each: of rows with these pseudonyms, which rise.
pub(crate) fn spans(shard: u8, pseudonyms: &[Pseudonym], most: usize) -> Vec<(Span, Range<usize>)> {
    let mut found = Vec::new();
    let mut open = vec![(Span::of_shard(shard), 0..pseudonyms.len())];
    while let Some((span, rows)) = open.pop() {
        let of_span = &pseudonyms[rows.clone()];
        let (Some(first), Some(last)) = (of_span.first(), of_span.last()) else { continue };
        match span.halves() {
            Some([low, high]) if of_span.len() > most && first != last => {
                let middle = rows.start + of_span.partition_point(|pseudonym| *pseudonym < high.first());
                open.extend([(high, middle..rows.end), (low, rows.start..middle)]);
            }
            _ => found.push((span, rows)),
        }
    }
    found
}

/// The files that would be one with those beside them, by the rows of each.
pub(crate) fn split_too_far(files: &BTreeMap<Place, usize>, most: usize) -> Vec<Place> {
    let too_far = |(year, span): &&Place| {
        let Some(parent) = span.parent() else { return false };
        let within = files.range((*year, parent)..);
        let within = within.take_while(|((of, part), _)| of == year && parent.holds(part.first()));
        let (mut rows, mut parts) = (0, 0);
        for (_, here) in within {
            (rows, parts) = (rows + here, parts + 1);
            if rows > most && parts > 1 {
                return false;
            }
        }
        true
    };
    files.keys().filter(too_far).copied().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_span_is_its_first_bits() {
        for shard in 0..SHARDS {
            let span = Span::of_shard(shard);
            assert_eq!((span.shard(), span.parent()), (shard, None));
            let [low, high] = span.halves().expect("halves");
            assert_eq!((low.parent(), high.parent()), (Some(span), Some(span)));
            assert_eq!((low.first(), high.last()), (span.first(), span.last()));
            assert_eq!(low.last() + 1, high.first());
            assert!(low < high && high < Span::of_shard(shard + 1) || shard + 1 == SHARDS);
        }
        let span: Span = "1010".parse().expect("a span");
        assert_eq!((span.to_string().as_str(), span.first() >> 124, span.shard()), ("1010", 10, 2));
        assert!(span.holds(span.last()) && !span.holds(span.last() + 1) && !span.holds(span.first() - 1));
        let (one, many) = ("0".repeat(128), "0".repeat(129));
        assert_eq!(one.parse::<Span>().expect("a pseudonym").halves(), None);
        for wrong in ["", "1", "012", "+11", many.as_str()] {
            assert_eq!(wrong.parse::<Span>(), Err(()), "{wrong}");
        }
    }

    /// Rows of some persons, many of whom begin with the same bits.
    fn rows() -> impl Strategy<Value = Vec<Pseudonym>> {
        let person = (0..8_u128, 0..4_u128, any::<u8>())
            .prop_map(|(first, second, last)| 1 << 126 | first << 122 | second << 90 | u128::from(last));
        prop::collection::vec((person, 1..9_usize), 0..60).prop_map(|persons| {
            let persons: BTreeMap<Pseudonym, usize> = persons.into_iter().collect();
            persons.into_iter().flat_map(|(person, rows)| std::iter::repeat_n(person, rows)).collect()
        })
    }

    proptest! {
        /// Every row is in one span, whose files are as large as they may be, and no larger.
        #[test]
        fn rows_are_split_in_one_way(rows in rows(), most in 1..20_usize) {
            let found = spans(1, &rows, most);
            let mut next = 0;
            for (span, of_span) in &found {
                prop_assert_eq!(of_span.start, next);
                prop_assert!(!of_span.is_empty());
                next = of_span.end;
                let theirs = &rows[of_span.clone()];
                prop_assert!(theirs.iter().all(|row| span.holds(*row)));
                prop_assert!(theirs.len() <= most || theirs.first() == theirs.last());
                if let Some(parent) = span.parent() {
                    let all: Vec<_> = rows.iter().filter(|row| parent.holds(**row)).collect();
                    prop_assert!(all.len() > most && all.first() != all.last());
                }
            }
            prop_assert_eq!(next, rows.len());
            let sizes = found.iter().map(|(span, of_span)| ((2023, *span), of_span.len())).collect();
            prop_assert_eq!(split_too_far(&sizes, most), []);
            prop_assert!(found.windows(2).all(|two| two[0].0.last() < two[1].0.first()));
        }
    }
}
