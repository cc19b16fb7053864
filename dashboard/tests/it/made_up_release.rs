//! A made-up release of the shipped workload, written into an installation as publishing would write it. SYNTHETIC.

use std::collections::BTreeMap;

use skjerm_figures::{
    Display, Text,
    release::{
        CodeInfo, DimensionInfo, DistinctFigure, Form, Measured, OperationalFigures, Release, Store,
        ThemeMeasurement,
    },
    workload::Workload,
};
use skjerm_warehouse::{Installation, policy::Policy};

/// The scale of the noise that the release says it has.
const SIGMA: f64 = 2.0;

/// Writes a release of that year and gives its id.
pub(crate) fn write(installation: &Installation, policy: &Policy, year: i32) -> String {
    Store::open(installation).save(release(policy, year), policy).unwrap().id
}

fn release(policy: &Policy, year: i32) -> Release {
    let workload = Workload::key_figures();
    let dimensions: Vec<DimensionInfo> =
        workload.dimensions.keys().map(|name| dimension(policy, &workload, name)).collect();
    let size: BTreeMap<&str, usize> = dimensions.iter().map(|d| (d.name.as_str(), d.codes.len())).collect();
    let themes = workload
        .themes
        .iter()
        .map(|theme| {
            let sizes: Vec<usize> = theme.dims.iter().map(|d| size[d.as_str()]).collect();
            let cells: usize = sizes.iter().product();
            // Something plain: the later the year and the earlier the cell, the more.
            let values: Vec<i64> = (0..cells)
                .map(|cell| i64::from(year - 2000) * 7 / (1 + i64::try_from(cell % 11).unwrap()))
                .collect();
            ThemeMeasurement {
                name: theme.name.clone(),
                dimensions: theme.dims.clone(),
                measured: vec![Measured {
                    form: Form::Whole,
                    from: None,
                    answer: None,
                    dims: (0..sizes.len()).collect(),
                    sigma: SIGMA,
                    values: values.clone(),
                }],
                display: values,
                attributes: Vec::new(),
                sizes,
            }
        })
        .collect();
    let distinct = workload.distinct.iter().map(|d| DistinctFigure {
        name: d.name.clone(),
        sigma: SIGMA,
        value: 115,
        display: Display::Count(115),
    });
    Release {
        id: String::new(),
        year,
        campaign: None,
        revision: 1,
        supersedes: None,
        synthetic: true,
        published: "2026-06-01".into(),
        snapshot: "SYNTHETIC".into(),
        answer: "SYNTHETIC".into(),
        rho: 0.155,
        epsilon: 2.7,
        delta: 1e-6,
        mechanism: Text::new("laget til en test", "made up for a test"),
        unit: Text::new("personår", "person-year"),
        known_limits: Vec::new(),
        distinct: distinct.collect(),
        workload,
        dimensions,
        themes,
        operational: Some(OperationalFigures {
            patrols: 1951,
            below_two_staff: 12,
            staffed: 1951,
            staff: 4100,
            joint: 200,
            by_shift: BTreeMap::new(),
            by_week: BTreeMap::new(),
        }),
        tables: Vec::new(),
    }
}

fn dimension(policy: &Policy, workload: &Workload, name: &str) -> DimensionInfo {
    let of = &workload.dimensions[name];
    let column = policy.table("person_year").unwrap().columns.iter().find(|c| c.name == of.column).unwrap();
    let skjerm_warehouse::policy::ColumnRole::Dimension { codes } = &column.role else {
        panic!("{name} is no dimension")
    };
    let list = policy.code_list(codes).unwrap();
    let codes = if of.groups.is_empty() {
        list.codes
            .iter()
            .map(|c| CodeInfo {
                code: c.code.clone(),
                label: Text::new(&c.no, &c.en),
                of: vec![c.code.clone()],
            })
            .collect()
    } else {
        of.groups
            .iter()
            .map(|g| CodeInfo { code: g.code.clone(), label: Text::new(&g.no, &g.en), of: g.of.clone() })
            .collect()
    };
    let label = of.label.clone().unwrap_or_else(|| Text::new(&list.label.no, &list.label.en));
    DimensionInfo { name: name.to_owned(), label, order: None, codes }
}
