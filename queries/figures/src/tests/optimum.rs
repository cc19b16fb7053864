//! The shipped workload's plan against an optimum that is found by dense matrices, knowing nothing of how plans are made.

use nalgebra::DMatrix;
use skjerm_privacy::marginals::{Domain, Kind, Marginal};
use skjerm_warehouse::policy::Policy;

use super::city::RHO;
use crate::release::plan;
use crate::workload::{Checked, Workload};

/// The rows of a table, over all cells of its theme.
fn rows(domain: &Domain, table: &Marginal) -> DMatrix<f64> {
    domain.sizes().iter().enumerate().fold(DMatrix::identity(1, 1), |all, (attribute, size)| {
        all.kronecker(&if table.attributes().contains(&attribute) {
            DMatrix::identity(*size, *size)
        } else {
            DMatrix::from_element(1, *size, 1.0)
        })
    })
}

/// Of a symmetric matrix f(eigenvalues).
fn of_eigenvalues(matrix: DMatrix<f64>, f: impl Fn(f64) -> f64) -> DMatrix<f64> {
    let eigen = matrix.symmetric_eigen();
    let largest = eigen.eigenvalues.max();
    let values = eigen.eigenvalues.map(|value| if value > 1e-12 * largest { f(value) } else { 0.0 });
    &eigen.eigenvectors * DMatrix::from_diagonal(&values) * eigen.eigenvectors.transpose()
}

/// With the weighted sum of squared rows G, no mechanism has less than (tr √G)²/N / 2ρ (Li, Miklau 2013), and the strategy with the
/// precision matrix √G reaches it where its diagonal is constant; over several themes ρ is split by the roots of these bounds. Every
/// table of the shipped workload has the standard deviation of that optimum, to 2 % (in truth to rounding).
#[test]
fn every_table_of_the_shipped_workload_is_at_the_optimum() {
    let (policy, workload) = (Policy::oslo(), Workload::key_figures());
    let checked = Checked::new(&workload, &policy).unwrap();
    let mut bounds = Vec::new();
    let mut strategies = Vec::new();
    for (theme, checked) in workload.themes.iter().zip(&checked.themes) {
        assert!(checked.domain.attributes().iter().all(|attribute| *attribute.kind() == Kind::Nominal));
        let cells = checked.domain.cells();
        let mut squared = DMatrix::zeros(cells, cells);
        for (spec, table) in theme.tables.iter().zip(&checked.tables) {
            let asked = rows(&checked.domain, table);
            squared += asked.transpose() * &asked * (spec.weight / asked.nrows() as f64);
        }
        let root = of_eigenvalues(squared, f64::sqrt);
        let diagonal = root.diagonal();
        assert!(diagonal.max() - diagonal.min() < 1e-9 * diagonal.max(), "the bound is tight");
        bounds.push(root.trace().powi(2) / cells as f64 / 2.0);
        strategies.push(root);
    }
    let distinct: Vec<f64> = workload.distinct.iter().map(|distinct| distinct.weight / 2.0).collect();
    let roots: f64 = bounds.iter().chain(&distinct).map(|bound| bound.sqrt()).sum();
    let planned = plan(&policy, &workload, 2023, RHO).unwrap();
    let planned = |name: &str| planned.tables.iter().find(|table| table.name == name).unwrap().sd;
    for (((theme, checked), bound), strategy) in
        workload.themes.iter().zip(&checked.themes).zip(&bounds).zip(strategies)
    {
        let rho = RHO * bound.sqrt() / roots;
        // A diagonal of 2ρ.
        let scale = 2.0 * rho / strategy.diagonal().max();
        let inverse = of_eigenvalues(strategy, |value| 1.0 / (scale * value));
        for (spec, table) in theme.tables.iter().zip(&checked.tables) {
            let asked = rows(&checked.domain, table);
            let optimum = ((&asked * &inverse * asked.transpose()).trace() / asked.nrows() as f64).sqrt();
            let ratio = planned(&spec.name) / optimum;
            assert!((ratio - 1.0).abs() < 0.02, "{}: {ratio}", spec.name);
            assert!((ratio - 1.0).abs() < 1e-3, "{}: {ratio}, apart from rounding", spec.name);
        }
    }
    for (distinct, bound) in workload.distinct.iter().zip(distinct) {
        let optimum = (0.5 / (RHO * bound.sqrt() / roots)).sqrt();
        assert!((planned(&distinct.name) / optimum - 1.0).abs() < 1e-3);
    }
}
