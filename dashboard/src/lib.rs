//! The dashboard: published figures on pages, with their intervals, in Norwegian and English.
//!
//! The server shows what is published and the public figures of the budgets. No page and no address here can spend
//! budget or read protected data: what they are made of is behind [`Published`], which offers nothing of the kind.
//! The page of the [`steward`] exists where it is asked for, has a door, and shares nothing with the public ones but its look.
//! Pages work without script and load nothing from elsewhere.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod api;
mod assets;
pub mod chart;
mod files;
mod headers;
pub mod model;
pub mod pages;
mod published;
mod routes;
mod server;
mod source;
pub mod steward;
pub mod text;

pub use published::{Document, Published, SourceError};
pub use server::{DEFAULT_ADDRESS, DashboardError, bind, for_this_machine, serve, serve_on};
pub use source::{InstallationSource, SYNTHETIC_MARK};
pub use steward::StewardState;

use std::sync::Arc;

use axum::{Router, extract::Request, middleware, routing::get};
use skjerm_warehouse::Installation;
use tower_http::trace::TraceLayer;

/// What the pages are made from.
#[derive(Clone)]
pub struct DashboardState {
    published: Arc<dyn Published>,
}

impl DashboardState {
    /// The published figures and budgets of an installation.
    pub fn open(installation: &Installation) -> Result<Self, DashboardError> {
        Ok(Self::new(InstallationSource::open(installation)?))
    }

    /// Any published figures.
    pub fn new(published: impl Published) -> Self {
        Self { published: Arc::new(published) }
    }

    fn published(&self) -> &dyn Published {
        self.published.as_ref()
    }
}

/// What a server serves: the public pages, and beside them the steward's, if it was started for that.
#[derive(Clone)]
pub struct Site {
    public: DashboardState,
    steward: Option<StewardState>,
}

impl Site {
    /// The public pages and the steward's.
    pub fn with_steward(public: DashboardState, steward: StewardState) -> Self {
        Self { public, steward: Some(steward) }
    }
}

impl From<DashboardState> for Site {
    fn from(public: DashboardState) -> Self {
        Self { public, steward: None }
    }
}

/// All addresses of the dashboard.
pub fn router(site: impl Into<Site>) -> Router {
    let Site { public, steward } = site.into();
    let mut router = Router::new()
        .route("/", get(routes::figures))
        .route("/districts", get(routes::districts))
        .route("/trend", get(routes::trend))
        .route("/scene", get(routes::scene))
        .route("/releases", get(routes::releases))
        .route("/releases/{id}/{file}", get(files::file))
        .route("/about", get(routes::about))
        .route("/assets/skjerm.css", get(routes::stylesheet))
        .route("/assets/skjerm.svg", get(routes::icon))
        .route("/api/figures", get(api::figures))
        .route("/api/districts", get(api::districts))
        .route("/api/releases", get(api::releases))
        .route("/api/releases/{id}", get(api::release))
        .route("/api/budget", get(api::budget))
        .route("/healthz", get(api::healthz));
    if let Some(steward) = steward {
        router = router.merge(steward::routes::router(steward));
    }
    router
        .fallback(routes::nowhere)
        .method_not_allowed_fallback(routes::read_only)
        .layer(middleware::from_fn(headers::secure))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .with_state(public)
}

/// What the log says of a request. Not its query: that of a login is a secret.
fn span(request: &Request) -> tracing::Span {
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path())
}
