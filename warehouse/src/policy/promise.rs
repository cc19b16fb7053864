//! What a policy promises to those whom the data are about, in a form that two policies can be compared by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ColumnRole, Limits, Policy, Role, TableKind};

/// The part of a policy that a change may loosen. Budgets are compared where they are kept, in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// Figures below this are not shown.
    pub suppress_below: i64,
    /// Answers and faults leave at multiples of this time, in milliseconds.
    pub answer_step_ms: u64,
    /// Every protected table: its family of privacy units, and its columns with their roles.
    pub protected: BTreeMap<String, ProtectedTable>,
    /// Tables that are not protected.
    pub open: Vec<String>,
    /// What each analyst may do.
    pub roles: BTreeMap<String, Vec<String>>,
    /// For how many years rows are kept, of tables that are not kept for ever.
    #[serde(default)]
    pub retention: BTreeMap<String, u32>,
    /// What a person-year counts in. A promise of before there were limits has none.
    #[serde(default)]
    pub limits: Limits,
}

/// A protected table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedTable {
    /// Family of its privacy units.
    pub family: String,
    /// Columns that hold more than the keys of rows.
    pub columns: Vec<String>,
}

impl Policy {
    /// What it promises.
    pub fn promise(&self) -> Promise {
        let protected =
            self.tables.values().filter(|table| table.kind == TableKind::Protected).map(|table| {
                let says = |role: &ColumnRole| !matches!(role, ColumnRole::Person | ColumnRole::Record);
                let columns = table.columns.iter().filter(|column| says(&column.role));
                let columns = columns.map(|column| column.name.clone()).collect();
                (table.name.clone(), ProtectedTable { family: table.family.clone(), columns })
            });
        let open = self.tables.values().filter(|table| table.kind != TableKind::Protected);
        let roles = self.analysts.iter().map(|analyst| {
            let roles = analyst.roles.iter().map(|role| role.as_str().to_owned());
            (analyst.name.clone(), roles.collect())
        });
        let retention =
            self.tables.values().filter_map(|table| Some((table.name.clone(), table.retention_years?)));
        Promise {
            suppress_below: self.suppress_below,
            answer_step_ms: self.query.answer_step_ms,
            protected: protected.collect(),
            open: open.map(|table| table.name.clone()).collect(),
            roles: roles.collect(),
            retention: retention.collect(),
            limits: self.limits,
        }
    }
}

impl Promise {
    /// In which ways it promises less than `earlier`: one sentence each, none if it does not.
    pub fn loosened_from(&self, earlier: &Self) -> Vec<String> {
        let mut ways = Vec::new();
        if self.suppress_below < earlier.suppress_below {
            ways.push(format!(
                "figures from {} on would be shown; until now from {}",
                self.suppress_below, earlier.suppress_below
            ));
        }
        if self.answer_step_ms < earlier.answer_step_ms {
            ways.push(format!(
                "answers would leave at steps of {} ms, and so say more about the data by their time; until now {} ms",
                self.answer_step_ms, earlier.answer_step_ms
            ));
        }
        ways.extend(self.limits.loosened_from(&earlier.limits));
        for (name, before) in &earlier.protected {
            let Some(now) = self.protected.get(name) else {
                // One that is left out altogether cannot be asked about.
                if self.open.contains(name) {
                    ways.push(format!("the table {name} would not be protected any more"));
                }
                continue;
            };
            if now.family != before.family {
                ways.push(format!(
                    "the table {name} would be paid from the budgets of {}; until now from those of {}",
                    now.family, before.family
                ));
            }
            let new: Vec<&str> =
                now.columns.iter().filter(|c| !before.columns.contains(c)).map(String::as_str).collect();
            if !new.is_empty() {
                ways.push(format!("the table {name} would hold more about persons: {}", new.join(", ")));
            }
        }
        for (name, before) in &earlier.retention {
            let declared = self.protected.contains_key(name) || self.open.contains(name);
            let longer = self.retention.get(name).is_none_or(|now| now > before);
            if declared && longer {
                ways.push(format!("rows of the table {name} would be kept for longer than {before} years"));
            }
        }
        for (name, roles) in &self.roles {
            let before = earlier.roles.get(name).map(Vec::as_slice).unwrap_or_default();
            for role in [Role::Release, Role::Steward].map(Role::as_str) {
                if roles.iter().any(|r| r == role) && !before.iter().any(|r| r == role) {
                    ways.push(format!("the analyst \"{name}\" would have the role \"{role}\""));
                }
            }
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(change: impl FnOnce(&mut Policy)) -> Vec<String> {
        let before = Policy::oslo();
        let mut after = Policy::oslo();
        change(&mut after);
        // Written down and read again, as the ledger does.
        let kept = serde_json::to_string(&before.promise()).expect("JSON");
        after.promise().loosened_from(&serde_json::from_str(&kept).expect("a promise"))
    }

    #[test]
    fn a_policy_that_promises_no_less_is_no_loosening() {
        assert!(changed(|_| {}).is_empty());
        assert!(changed(|policy| policy.suppress_below = 10).is_empty());
        assert!(
            changed(|policy| policy.tables.get_mut("contact").expect("a table").retention_years = Some(9))
                .is_empty()
        );
        assert!(changed(|policy| drop(policy.tables.remove("concern_report"))).is_empty());
        assert!(changed(|policy| policy.analysts.clear()).is_empty());
        assert!(changed(|policy| policy.query.answer_step_ms = 500).is_empty());
        assert!(changed(|policy| policy.limits = Limits { districts: Some(1), months: Some(6) }).is_empty());
    }

    /// What a region is, is public, and its figures are sums of figures that left already.
    #[test]
    fn other_regions_promise_no_less() {
        assert!(changed(|policy| policy.regions.clear()).is_empty());
        assert!(
            changed(|policy| {
                let grouping = policy.regions.values_mut().next().expect("a grouping");
                let one = grouping.regions[0].districts.split_off(1);
                grouping.regions[1].districts.extend(one);
            })
            .is_empty()
        );
    }

    #[test]
    fn a_promise_of_before_there_were_limits_reads() {
        let mut kept = serde_json::to_value(Policy::oslo().promise()).expect("JSON");
        kept.as_object_mut().expect("an object").remove("limits");
        let before: Promise = serde_json::from_value(kept).expect("a promise");
        assert!(before.limits.is_none());
        assert!(Policy::oslo().promise().loosened_from(&before).is_empty());
    }

    #[test]
    fn every_loosening_has_its_sentence() {
        let one = |change: fn(&mut Policy), said: &str| {
            let ways = changed(change);
            assert!(ways.len() == 1 && ways[0].contains(said), "{said}: {ways:?}");
        };
        one(|policy| policy.suppress_below = 4, "from 4 on");
        one(|policy| policy.query.answer_step_ms = 1, "steps of 1 ms");
        one(|policy| policy.limits.districts = Some(4), "in 4 districts; until now in 3 at most");
        one(|policy| policy.limits.months = None, "in any number of months; until now in 12 at most");
        one(
            |policy| policy.tables.get_mut("contact").expect("a table").kind = TableKind::Operational,
            "contact would not be protected",
        );
        one(
            |policy| policy.tables.get_mut("contact").expect("a table").family = "scene".into(),
            "budgets of scene",
        );
        for years in [None, Some(11)] {
            let ways = changed(|policy| {
                policy.tables.get_mut("contact").expect("a table").retention_years = years;
            });
            assert!(ways.len() == 1 && ways[0].contains("longer than 10 years"), "{ways:?}");
        }
        one(
            |policy| {
                let table = policy.tables.get_mut("referral").expect("a table");
                let mut column = table.columns[0].clone();
                column.name = "shoe_size".into();
                column.role = ColumnRole::Measure { min: 0, max: 60 };
                table.columns.push(column);
            },
            "more about persons: shoe_size",
        );
        one(
            |policy| {
                let district = policy.analysts.iter_mut().find(|a| a.name == "district").expect("one");
                district.roles.push(Role::Release);
            },
            "\"district\" would have the role \"release\"",
        );
    }
}
