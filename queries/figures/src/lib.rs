//! The field's questions, made of private answers: planned releases and their key figures, the comparison of the districts, trends, seasons, and
//! the counts of open drug scenes.
//!
//! Everything here works on what `queries/engine` has already noised: this crate never sees a row, and its documents hold no
//! handle to any data. Planning a release ([`release::plan`]) needs the policy and the workload only.

pub mod compare;
pub mod districts;
mod error;
mod facts;
pub mod forecast;
mod holm;
pub mod json_stat;
pub mod key_figures;
pub mod release;
pub mod scene;
pub mod season;
#[cfg(test)]
mod tests;
mod text;
pub mod trend;
pub mod workload;

pub use error::FiguresError;
pub use text::{Display, Language, Text, number};
