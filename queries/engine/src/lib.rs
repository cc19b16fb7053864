//! From SQL to a private answer: checked plan, charge, bounded aggregation, noise.
//!
//! Nothing exact about protected data leaves this crate: what crosses the boundary is an [`Answer`] or one of
//! the noised measurements of [`measure`].
//!
//! | module | subject |
//! |---|---|
//! | `plan` | SQL to a private query of our own types; knows text and policy, and no data |
//! | `run` | the private plan on a snapshot's files, bounding, noise |
//! | [`measure`] | marginals for releases, scene counts, patrols |
//! | `engine`, `planner`, `ask`, `explain`, `measuring` | who may, what it costs, in which order |
//! | `turn` | how many at once, and how long each may take |
//! | `book`, `pay`, `records` | the ledger: opened, charged before data are read, told what else happened |
//! | `keep` | the steward's work on the warehouse: erasure, retention, the check; noted in the ledger |
//! | `public` | reference data as tables that answers can be joined with |
//! | `policy_change` | which policy is in force, and what it takes to loosen it |

// The fuzzer's target is another crate; what it shares with the tests names this one.
#[cfg(test)]
extern crate self as skjerm_engine;

mod adopt;
mod answer;
mod ask;
mod book;
mod caller;
mod engine;
mod error;
mod explain;
#[cfg(test)]
#[path = "../fuzz/body.rs"]
mod fuzz_body;
#[cfg(test)]
#[path = "../fuzz/words.rs"]
mod fuzz_words;
mod keep;
mod kept;
pub mod measure;
mod measuring;
mod pay;
mod plan;
mod planner;
mod policy_change;
mod public;
mod records;
mod released;
mod run;
#[cfg(test)]
mod tests;
mod turn;

pub use answer::{Answer, AnswerRef, AnswerSource, Bounds, ExpectedColumn, Explanation, PrivacyStatement};
pub use caller::{Ask, Caller, Price};
pub use engine::Engine;
pub use error::{EngineError, ErrorKind, UNIFORM_FAULT};
pub use explain::explained;
pub use policy_change::PolicyChange;
