//! Tests over the whole crate, without an engine: noise is drawn here, on a made-up city.
#![allow(clippy::cast_possible_truncation, clippy::float_cmp)] // small made-up numbers, and exact ones

mod campaign;
pub(crate) mod city;
mod coverage;
mod diff;
mod display;
mod districts;
mod facts;
mod files;
mod json_stat;
mod metadata;
mod optimum;
mod page;
mod patrols;
mod plan;
mod scene;
mod seal;
mod season;
mod shapes;
mod shipped;
mod store;
mod trend;
mod width;
mod workload;
