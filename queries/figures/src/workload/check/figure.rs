//! Named figures of a workload: unions of cells that a theme's tables determine, and that mean persons.

use super::{CheckedTheme, Checker, DimensionInfo, Figure, quoted};

impl Checker<'_> {
    pub(super) fn figure(&self, figure: &Figure, themes: &[CheckedTheme]) -> Result<(), String> {
        let place = format!("figure \"{}\"", figure.name);
        match (&figure.theme, &figure.distinct) {
            (Some(name), None) => {
                let position = self.workload.themes.iter().position(|theme| &theme.name == name);
                let position = position.ok_or_else(|| format!("{place}: there is no theme \"{name}\""))?;
                let (theme, checked) = (&self.workload.themes[position], &themes[position]);
                for (dimension, codes) in &figure.cells {
                    let info = checked.dims.iter().find(|info| &info.name == dimension).ok_or_else(|| {
                        format!("{place}: the theme \"{name}\" has no dimension \"{dimension}\"")
                    })?;
                    for code in codes {
                        if !info.codes.iter().any(|known| &known.code == code) {
                            return Err(format!(
                                "{place}: the dimension \"{dimension}\" has no code \"{code}\""
                            ));
                        }
                    }
                    if codes.is_empty() {
                        return Err(format!("{place}: no code of \"{dimension}\" is in the union"));
                    }
                }
                for (info, attribute) in checked.dims.iter().zip(checked.domain.attributes()) {
                    if attribute.is_always_in() {
                        names_one(figure, info, &place)?;
                    }
                }
                // A union over dimensions that no table has together would not be determined by what is measured.
                let answered = theme
                    .tables
                    .iter()
                    .any(|table| figure.cells.keys().all(|dimension| table.dims.contains(dimension)));
                if !answered {
                    let wanted: Vec<&str> = figure.cells.keys().map(String::as_str).collect();
                    return Err(format!(
                        "{place}: no table of the theme \"{name}\" has {} together",
                        quoted(&wanted)
                    ));
                }
                Ok(())
            }
            (None, Some(name)) => {
                if !figure.cells.is_empty() {
                    return Err(format!("{place}: a distinct figure has no cells"));
                }
                let found = self.workload.distinct.iter().any(|distinct| &distinct.name == name);
                if found { Ok(()) } else { Err(format!("{place}: there is no distinct figure \"{name}\"")) }
            }
            _ => Err(format!("{place} must name a theme or a distinct figure, and not both")),
        }
    }
}

/// Over a dimension that every table has, persons cannot be summed: they are in several of its codes, or a code means all up to it.
fn names_one(figure: &Figure, info: &DimensionInfo, place: &str) -> Result<(), String> {
    let said = figure.cells.get(&info.name).map_or(0, Vec::len);
    if said == 1 {
        return Ok(());
    }
    Err(format!(
        "{place}: it names {said} codes of \"{}\", over which distinct persons are never summed; name one, such as \"{}\"",
        info.name,
        info.codes.first().map_or("", |code| code.code.as_str())
    ))
}
