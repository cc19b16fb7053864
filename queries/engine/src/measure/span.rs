//! Questions that lie in the span of a release, read off it.
//!
//! A release measured marginals of a theme: persons of a year who pass its filter, counted over its dimensions, whose groups hold
//! every code once. Whatever counts persons of `person_year` by unions of those cells follows from them, by the same least
//! squares that made the release's own tables, with the same variance ([`skjerm_privacy::marginals`]).
//!
//! *When a question lies in the span.* Every value of it is a number for each combination of the codes that it looks at: 1 where the
//! combination is counted, else 0. The theme can say it when that is 0 outside the theme's filter and the same for all
//! combinations in one cell of the theme; then it is a linear query over the theme's cells, and the measurements must determine it.
//!
//! # Privacy
//! It reads the question, the policy and noised measurements that were paid for: post-processing.

use std::collections::BTreeMap;

use skjerm_privacy::interval;
use skjerm_privacy::marginals::{Joint, LinearQuery, Marginal, Measured, Reconstruction};

use super::marginals::TABLE;
use super::request::{MarginalsMeasurement, MarginalsRequest, MeasuredTheme, Theme};
use crate::plan::{
    Bounding, CONFIDENCE, Cells, Domain as Codes, Lost, NoisedColumn, NoisedTable, PrivateQuery, ReadOff,
    Relation, What, YEAR,
};

/// The most combinations of codes that a question may range over.
const MOST_COMBINATIONS: usize = 1 << 16;
/// The most values that are read off at once.
const MOST_VALUES: usize = 1 << 10;

/// The answer to a question, as a measurement says it: of the themes that determine it the one that says it most sharply.
/// Nothing where none does. `id` is that of the measurement.
pub(crate) fn read_off(
    query: &PrivateQuery,
    id: &str,
    measured: &MarginalsMeasurement,
) -> Option<NoisedTable> {
    let request = measured.request.as_ref()?;
    let wanted = Wanted::of(query, request)?;
    let themes = request.themes.iter().zip(&measured.themes);
    let tables = themes.filter_map(|(theme, measured)| wanted.of_theme(query, id, theme, measured));
    tables.min_by(|a, b| widest(a).total_cmp(&widest(b)))
}

/// The widest half-width of a table.
pub(crate) fn widest(table: &NoisedTable) -> f64 {
    table.columns.iter().map(|column| column.half_width).fold(0.0, f64::max)
}

/// A question, as what it counts of each combination of codes.
struct Wanted<'q> {
    /// The columns of the table that it looks at, with their codes.
    columns: Vec<(String, &'q [String])>,
    /// For each vector, the cell of each combination that is counted; row-major over the columns.
    cells: Vec<Vec<Option<u32>>>,
}

impl<'q> Wanted<'q> {
    /// Nothing where it is no count of persons of one year by their codes in one table.
    fn of(query: &'q PrivateQuery, request: &MarginalsRequest) -> Option<Self> {
        let Relation::Table { instance, table } = &query.relation else { return None };
        let one_year = query.years.iter().eq([&request.year]);
        let counts = query.terms.iter().all(|term| matches!(term.what, What::Rows | What::Persons));
        let single = query.vectors.iter().all(|vector| vector.bounding == Bounding::One);
        if table != TABLE || !one_year || !counts || !single {
            return None;
        }
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        for (name, field) in &query.fields {
            if name == YEAR {
                fields.push((name.as_str(), vec![field.place_of_number(request.year.into())?]));
                continue;
            }
            let column = name.strip_prefix(instance.as_str())?.strip_prefix('_')?;
            let Codes::Codes(codes) = &field.domain else { return None };
            columns.push((column.to_owned(), codes.as_slice()));
            fields.push((name.as_str(), (0..codes.len()).collect()));
        }
        let combinations = fields.iter().try_fold(1_usize, |n, (_, places)| n.checked_mul(places.len()));
        let combinations = combinations.filter(|n| *n <= MOST_COMBINATIONS)?;
        let mut cells = vec![Vec::with_capacity(combinations); query.vectors.len()];
        for at in 0..combinations {
            let mut rest = at;
            let mut place_of = BTreeMap::new();
            for (name, places) in fields.iter().rev() {
                place_of.insert(*name, *places.get(rest % places.len())?);
                rest /= places.len();
            }
            let here = |name: &str, place: usize| place_of.get(name) == Some(&place);
            let passes = query.condition.could_hold(&here);
            for (vector, cells) in query.vectors.iter().zip(&mut cells) {
                let counted = passes && query.terms.get(vector.term)?.filter.could_hold(&here);
                cells.push(if counted { query.sets.get(vector.set)?.of_places(&place_of) } else { None });
            }
        }
        Some(Self { columns, cells })
    }

    /// The answer from one theme, if it determines it.
    fn of_theme(
        &self,
        query: &PrivateQuery,
        id: &str,
        theme: &Theme,
        measured: &MeasuredTheme,
    ) -> Option<NoisedTable> {
        if theme.events.is_some() {
            return None;
        }
        let domain = theme.domain().ok()?;
        let fit = Fit::of(&self.columns, theme)?;
        // Dims that the question does not look at are summed over.
        let about = Marginal::new(fit.dims.iter().map(|(dim, _)| *dim));
        let mut queries = Vec::new();
        for (vector, cells) in query.vectors.iter().zip(&self.cells) {
            let count = query.sets.get(vector.set).map(Cells::len)?;
            if queries.len() + count > MOST_VALUES {
                return None;
            }
            for of_cell in fit.indicators(cells, count)? {
                let coefficients = of_cell.into_iter().map(|counted| f64::from(u8::from(counted))).collect();
                queries.push(LinearQuery::of(&domain, &about, coefficients).ok()?);
            }
        }
        let measurements: Vec<Measured> = measured
            .measured
            .iter()
            .map(|one| Measured {
                marginal: Marginal::new(one.dims.iter().copied()),
                form: theme.form,
                sigma: one.sigma,
                values: one.values.clone(),
            })
            .collect();
        let joint = Reconstruction::new(domain, &measurements).ok()?.joint(&queries)?;
        Some(table(query, joint, (id.to_owned(), theme.name.clone())))
    }
}

/// How a theme's cells lie in the combinations of a question's codes.
struct Fit {
    /// The dims whose columns the question looks at, and how many groups they have.
    dims: Vec<(usize, usize)>,
    /// For each combination its cell over those dims, row-major; nothing where the theme's filter leaves it out.
    cell_of: Vec<Option<usize>>,
}

impl Fit {
    /// Nothing where the theme's filter is on a column that the question does not look at.
    fn of(columns: &[(String, &[String])], theme: &Theme) -> Option<Self> {
        let at = |column: &str| columns.iter().position(|(name, _)| name == column);
        let mut filters = Vec::new();
        for (column, passing) in &theme.filter {
            filters.push((at(column)?, passing));
        }
        let mut dims = Vec::new();
        for (number, dim) in theme.dims.iter().enumerate() {
            if let Some(column) = at(&dim.column) {
                let group = |code: &String| dim.groups.iter().position(|(_, codes)| codes.contains(code));
                let codes = columns.get(column)?.1;
                let groups: Option<Vec<usize>> = codes.iter().map(group).collect();
                // A code that the policy had then and has no more is in its group for ever.
                if dim.groups.iter().map(|(_, codes)| codes.len()).sum::<usize>() != codes.len() {
                    return None;
                }
                dims.push((number, column, groups?));
            }
        }
        let combinations = columns.iter().map(|(_, codes)| codes.len()).product();
        let mut cell_of = Vec::with_capacity(combinations);
        for at in 0..combinations {
            let mut rest = at;
            let mut places = vec![0; columns.len()];
            for (place, (_, codes)) in places.iter_mut().zip(columns).rev() {
                *place = rest % codes.len();
                rest /= codes.len();
            }
            let code = |column: usize| columns.get(column).and_then(|(_, codes)| codes.get(places[column]));
            let passes =
                filters.iter().all(|(column, passing)| code(*column).is_some_and(|c| passing.contains(c)));
            cell_of.push(passes.then(|| {
                dims.iter().fold(0, |cell, (dim, column, groups)| {
                    cell * theme.dims[*dim].groups.len() + groups[places[*column]]
                })
            }));
        }
        let dims = dims.into_iter().map(|(dim, _, _)| (dim, theme.dims[dim].groups.len())).collect();
        Some(Self { dims, cell_of })
    }

    /// For each of a vector's cells, which cells over the dims make it up. Nothing where one is cut in two, or something is
    /// counted that the theme leaves out.
    fn indicators(&self, cells: &[Option<u32>], count: usize) -> Option<Vec<Vec<bool>>> {
        let size = self.dims.iter().map(|(_, groups)| groups).product();
        // Of which cell of the question each cell over the dims is, once known.
        let mut owner: Vec<Option<Option<u32>>> = vec![None; size];
        for (wanted, cell) in cells.iter().zip(&self.cell_of) {
            match cell {
                None if wanted.is_some() => return None,
                None => {}
                Some(cell) => {
                    let owner = owner.get_mut(*cell)?;
                    if owner.is_some_and(|known| known != *wanted) {
                        return None;
                    }
                    *owner = Some(*wanted);
                }
            }
        }
        let mut indicators = vec![vec![false; size]; count];
        for (cell, owner) in owner.iter().enumerate() {
            if let Some(Some(number)) = owner {
                *indicators.get_mut(*number as usize)?.get_mut(cell)? = true;
            }
        }
        Some(indicators)
    }
}

/// Estimates as a noised table, column by column.
fn table(query: &PrivateQuery, joint: Joint, source: (String, String)) -> NoisedTable {
    let z = interval::z(CONFIDENCE);
    let mut left = joint.estimates.iter();
    let columns = query.vectors.iter().map(|vector| {
        let cells = query.sets.get(vector.set).map_or(0, Cells::len);
        let estimates: Vec<_> = left.by_ref().take(cells).collect();
        let widths: Vec<f64> = estimates.iter().map(|estimate| z * estimate.sd).collect();
        NoisedColumn {
            name: "count of persons".to_owned(),
            values: estimates.iter().map(|estimate| estimate.value).collect(),
            half_width: widths.iter().copied().fold(0.0, f64::max),
            shared: 0.0,
            whole: false,
            lost: Lost::Nothing,
            widths,
        }
    });
    NoisedTable { columns: columns.collect(), notes: Vec::new(), read_off: Some(ReadOff { source, joint }) }
}
