//! Many tables from one budget: which marginals to measure how precisely, and how to put the noised
//! ones together again.
//!
//! All tables of a [`Domain`] are marginals of one table of counts, in which every unit is one row.
//! [`plan`] finds the noise with the least weighted sum of variances before anything is measured;
//! [`Reconstruction`] combines what was measured by generalised least squares into the best unbiased
//! values, with the covariance of any two of them; [`display`] makes a whole, non-negative table that
//! adds up, for reading only.
//!
//! # Privacy
//!
//! *Unit*: a person-year, which is one row: it falls into exactly one cell of the domain, hence into
//! one cell of every marginal, which therefore has L2 sensitivity 1. *Mechanism*: discrete Gaussian
//! noise on each measured marginal ([`crate::gaussian`]), by the caller. *Cost*: a marginal measured
//! with σ costs ρ = 1/(2σ²), and all measured ones add up. Planning sees no data; everything after the
//! measurement is post-processing. *Source*: Xiao, He, Zhang, Kifer, "An Optimal and Scalable Matrix
//! Mechanism for Noisy Marginals under Convex Loss Functions" (`NeurIPS` 2023), written from the paper.
//!
//! # How it works
//!
//! The space of tables splits into orthogonal parts, one for every set A of attributes: the part that
//! varies with A and with nothing less ([`basis`]). A plan is a precision λ for each part. The marginal
//! on A measured with precision τ adds τ·∏(sizes of the attributes left out) to the precision of all
//! parts within A, so precisions of parts and of marginals translate into each other.

mod basis;
mod display;
mod domain;
mod plan;
mod query;
mod reconstruct;

#[cfg(test)]
mod tests;

pub use display::{display, marginal_of};
pub use domain::{Domain, MAX_ATTRIBUTES, MAX_CELLS, Marginal, Workload};
pub use plan::{Plan, plan, split};
pub use query::{Estimate, LinearQuery};
pub use reconstruct::{Joint, Measured, Reconstruction};
