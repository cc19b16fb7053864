//! What earlier releases measured of the same data: it is paid for, and makes a later release more exact.
//!
//! Two releases of a year and the same snapshot are about the same persons. Where a theme of the later one counts the same persons over
//! the same dimensions, the measurements of the earlier one are combined with its own by least squares; more cannot be known for
//! the price. Where the rows of the year have changed since, the earlier one is about other data: its figures are no unbiased
//! estimates of the new ones, so nothing is taken from it, and `release diff` says how the figures were revised. Who was taken out since
//! is still in the earlier measurements, as in the answers that stand: the release says so among its limits.
//!
//! A measurement is combined once. A workload that was only worded otherwise asks the engine for the same measurement again and gets it,
//! with the same noise: combined with itself it would look more exact than it is.
//!
//! # Privacy
//! Post-processing of published measurements.

use std::collections::BTreeSet;

use skjerm_privacy::marginals::Kind;

use super::document::{DimensionInfo, Measured, Release, ThemeMeasurement};
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
        .map(|one| Measured {
            from: Some(earlier.id.clone()),
            answer: Some(earlier.answer.clone()),
            ..one.clone()
        })
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
        && dims.zip(&checked.dims).all(|(a, b)| a.is_some_and(|a| same_codes(a, b)))
        && columns.zip(&checked.columns).all(|(a, b)| a == Some(b))
        && if measured.attributes.is_empty() {
            measured.sizes == checked.domain.sizes() && attributes.iter().all(|a| *a.kind() == Kind::Nominal)
        } else {
            measured.attributes == attributes
        }
}

/// Whatever they are called.
fn same_codes(a: &DimensionInfo, b: &DimensionInfo) -> bool {
    let of = |info: &DimensionInfo| {
        info.codes.iter().map(|code| (code.code.clone(), code.of.clone())).collect::<Vec<_>>()
    };
    a.order == b.order && of(a) == of(b)
}

/// The measurements of all earlier releases of the same data that say something about this theme, each of them once, and none that is
/// the release's own (`answer`).
pub(crate) fn measurements(
    earlier: &[&Release],
    answer: &str,
    theme: &Theme,
    checked: &CheckedTheme,
) -> Vec<Measured> {
    let mut combined = BTreeSet::from([answer]);
    let mut found = Vec::new();
    for release in earlier {
        let measured = of_release(release, theme, checked);
        if !measured.is_empty() && combined.insert(&release.answer) {
            found.extend(measured);
        }
    }
    found
}
