//! Many tables from one budget: which marginals to measure how precisely, and how to put the noised
//! ones together again.
//!
//! All tables of a [`Domain`] are marginals of one table of counts, in which every unit is one row.
//! [`plan`] finds the noise with the least weighted sum of variances, or with the least largest one, before anything is
//! measured; [`least_rho`] the least price at which wanted half-widths hold. [`Reconstruction`] combines what was measured by
//! generalised least squares into the best unbiased values, with the covariance of any two of them; [`display`] makes a whole,
//! non-negative table that adds up, for reading only.
//!
//! # Privacy
//!
//! *Unit*: a person-year. It falls into exactly one cell of the domain, hence into one cell of every marginal; or, with one
//! attribute of [`Kind::Several`], it has a vector over that attribute of bounded L2 norm and one value of every other attribute
//! in each of its entries, and no table sums over that attribute. *Sensitivity*: what is measured of a marginal is the product of
//! a matrix with whole entries for each attribute, so one unit changes it by an L2 norm of at most the product of the largest
//! column norms ([`Domain::sensitivity_squared`], computed from the whole numbers themselves). *Mechanism*: discrete Gaussian
//! noise on each measured vector ([`crate::gaussian`]), by the caller. *Cost*: l2²/(2σ²) each, and all measured ones add up.
//! Planning sees no data; everything after the measurement is post-processing. *Source*: Xiao, He, Zhang, Kifer, "An Optimal and
//! Scalable Matrix Mechanism for Noisy Marginals under Convex Loss Functions" (`NeurIPS` 2023), and its extension to attributes of
//! which more than single values is asked, "ResidualPlanner+" (Xiao, He, Zhang, Kifer 2023, arXiv 2305.08175); written from the papers.
//!
//! # How it works
//!
//! The space of tables splits into orthogonal parts, one for every set A of attributes: what varies with each attribute of A and
//! with nothing less ([`parts`]). A plan is a precision λ for each part that a wanted table contains. The marginal on A measured
//! with precision τ adds τ·∏(sizes of the attributes left out) to the precision of all parts within A, so precisions of parts and
//! of marginals translate into each other; where that would need a negative precision, parts are measured by themselves ([`Form`]).

mod attribute;
mod axis;
mod display;
mod domain;
mod objective;
mod parts;
mod people;
mod plan;
mod query;
mod reconstruct;
mod round;
mod strategy;
mod within;

#[cfg(test)]
mod tests;

pub use attribute::{Attribute, Kind, MAX_ORDERED};
pub use display::{display, marginal_of};
pub use domain::{Domain, Form, MAX_ATTRIBUTES, MAX_CELLS, Marginal, Workload};
pub use objective::Objective;
pub use plan::{Plan, Variance, plan, split};
pub use query::{Estimate, LinearQuery};
pub use reconstruct::{Joint, Measured, Reconstruction};
pub use strategy::Strategy;
pub use within::least_rho;
