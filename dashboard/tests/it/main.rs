//! The dashboard over made-up figures, and over an installation with a made-up release. All SYNTHETIC.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod html;
mod installation;
mod made_up;
mod made_up_release;
mod made_up_steward;
mod pages;
mod server;
mod steward;
mod steward_installation;
mod steward_walls;
