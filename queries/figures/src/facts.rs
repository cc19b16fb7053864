//! The figures that the services themselves have published: shown beside ours where a year has one.

use crate::workload::SourceRef;

const FACTS: &str = include_str!("../facts/key_figures.csv");

/// A published figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Published {
    pub(crate) value: f64,
    pub(crate) source: String,
}

/// The figure of that year, if the service has published one.
pub(crate) fn published(year: i32, reference: &SourceRef) -> Option<Published> {
    let year = year.to_string();
    FACTS.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.splitn(9, ',').collect();
        let [at, "Uteseksjonen", measure, unit, breakdown, category, value, source, note] = fields[..] else {
            return None;
        };
        let fits = at == year
            && measure == reference.measure
            && unit == reference.unit
            && breakdown == reference.breakdown
            && category == reference.category;
        if !fits {
            return None;
        }
        let value = if reference.from_note.is_empty() {
            value.parse().ok()?
        } else {
            let value = *reference.from_note.get(&year)?;
            // The note must say it: a number that the source does not have is not shown as the source's.
            let said = note.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
            said.filter_map(|word| word.trim_matches('.').parse::<f64>().ok())
                .find(|number| (number - value).abs() < 1e-9)?
        };
        Some(Published { value, source: source.to_owned() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(measure: &str, breakdown: &str, category: &str) -> SourceRef {
        SourceRef {
            measure: measure.to_owned(),
            unit: "distinct persons".to_owned(),
            breakdown: breakdown.to_owned(),
            category: category.to_owned(),
            from_note: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn finds_the_published_value_of_the_year_only() {
        let total = reference("contact", "total", "all");
        assert_eq!(published(2023, &total).map(|found| found.value), Some(1977.0));
        assert_eq!(published(2022, &total), None);
        assert_eq!(published(2023, &reference("contact", "total", "none")), None);
    }

    #[test]
    fn a_number_from_a_note_must_be_in_the_note() {
        let mut men = reference("reinforced follow-up", "total", "all");
        men.from_note.insert("2023".to_owned(), 50.0);
        assert_eq!(published(2023, &men).map(|found| found.value), Some(50.0));
        men.from_note.insert("2023".to_owned(), 51.0);
        assert_eq!(published(2023, &men), None);
    }
}
