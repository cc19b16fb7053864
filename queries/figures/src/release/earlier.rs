//! What earlier releases measured of the same data: it is paid for, and makes a later release more exact.
//!
//! Two releases of a year and the same snapshot are about the same persons. Where a theme of the later one counts the same persons over
//! the same dimensions, the measurements of the earlier one are combined with its own by least squares; more cannot be known for
//! the price. Where the rows of the year have changed since, the earlier one is about other data: its figures are no unbiased
//! estimates of the new ones, so nothing is taken from it, and `release diff` says how the figures were revised.
//!
//! # Privacy
//! Post-processing of published measurements.

use skjerm_privacy::marginals::Kind;

use super::document::{Measured, Release, ThemeMeasurement};
use crate::workload::{CheckedTheme, Theme};

/// The measurements of an earlier release that say something about this theme.
fn of_release(earlier: &Release, theme: &Theme, checked: &CheckedTheme) -> Vec<Measured> {
    let found = earlier
        .workload
        .themes
        .iter()
        .filter_map(|specified| Some((specified, earlier.themes.iter().find(|m| m.name == specified.name)?)))
        .find(|(specified, measured)| is_same(earlier, (specified, measured), (theme, checked)));
    // What it took itself from still earlier ones is taken from these.
    let measured = found.into_iter().flat_map(|(_, measured)| &measured.measured);
    measured
        .filter(|one| one.from.is_none())
        .map(|one| Measured { from: Some(earlier.id.clone()), ..one.clone() })
        .collect()
}

/// Whether both count the same persons over the same dimensions, measured in the same way.
fn is_same(
    earlier: &Release,
    (specified, measured): (&Theme, &ThemeMeasurement),
    (theme, checked): (&Theme, &CheckedTheme),
) -> bool {
    let dims = specified.dims.iter().map(|name| earlier.dimensions.iter().find(|info| &info.name == name));
    let columns =
        specified.dims.iter().map(|name| earlier.workload.dimensions.get(name).map(|dim| &dim.column));
    let attributes = checked.domain.attributes();
    specified.filter == theme.filter
        && specified.events == theme.events
        && specified.dims.len() == checked.dims.len()
        && dims.zip(&checked.dims).all(|(a, b)| a.is_some_and(|a| a.codes == b.codes && a.order == b.order))
        && columns.zip(&checked.columns).all(|(a, b)| a == Some(b))
        && if measured.attributes.is_empty() {
            measured.sizes == checked.domain.sizes() && attributes.iter().all(|a| *a.kind() == Kind::Nominal)
        } else {
            measured.attributes == attributes
        }
}

/// The measurements of all earlier releases of the same data that say something about this theme.
pub(crate) fn measurements(earlier: &[&Release], theme: &Theme, checked: &CheckedTheme) -> Vec<Measured> {
    earlier.iter().flat_map(|release| of_release(release, theme, checked)).collect()
}
