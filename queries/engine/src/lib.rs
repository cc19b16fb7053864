//! From SQL to a private answer: checked plan, charge, bounded aggregation, noise.
//!
//! Nothing exact about protected data leaves this crate: what crosses the boundary is an [`Answer`] or one of
//! the noised measurements of [`measure`].

mod answer;
mod error;
pub mod measure;

pub use answer::{Answer, AnswerRef, AnswerSource, Bounds, ExpectedColumn, Explanation, PrivacyStatement};
pub use error::{EngineError, ErrorKind, UNIFORM_FAULT};
