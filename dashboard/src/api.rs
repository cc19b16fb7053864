//! The same published figures as JSON, and whether the server lives.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    DashboardState,
    published::{Document, Published, SourceError},
    routes::Asked,
};

/// `{error: {kind, message}}` with its status.
pub(crate) fn problem(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({"error": {"kind": kind, "message": message}}))).into_response()
}

async fn answer<F>(state: DashboardState, missing: &'static str, which: F) -> Response
where
    F: FnOnce(&dyn Published) -> Result<Option<Document>, SourceError> + Send + 'static,
{
    let work = tokio::task::spawn_blocking(move || {
        let published = state.published();
        match which(published)? {
            Some(document) => published.document(&document),
            None => Ok(None),
        }
    });
    match work.await {
        Ok(Ok(Some(document))) => Json(document).into_response(),
        Ok(Ok(None)) => problem(StatusCode::NOT_FOUND, "not_found", missing),
        Ok(Err(error)) => {
            tracing::error!(%error, "a document could not be given");
            problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "fault",
                "the document could not be read; the server's log says more",
            )
        }
        Err(error) => {
            tracing::error!(%error, "a document ended early");
            problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "fault",
                "the document could not be read; the server's log says more",
            )
        }
    }
}

/// The year asked for, else the newest with a release.
fn year(published: &dyn Published, asked: Option<&String>) -> Result<Option<i32>, SourceError> {
    match asked {
        Some(year) => Ok(year.parse().ok()),
        None => Ok(published.releases()?.iter().map(|r| r.year).max()),
    }
}

const NO_YEAR: &str = "no figures are published for this year; /api/releases lists the years that have";

/// `GET /api/figures?year=`
pub(crate) async fn figures(State(state): State<DashboardState>, Query(asked): Asked) -> Response {
    answer(state, NO_YEAR, move |p| Ok(year(p, asked.get("year"))?.map(Document::Figures))).await
}

/// `GET /api/districts?year=`
pub(crate) async fn districts(State(state): State<DashboardState>, Query(asked): Asked) -> Response {
    answer(state, NO_YEAR, move |p| Ok(year(p, asked.get("year"))?.map(Document::Districts))).await
}

/// `GET /api/releases`
pub(crate) async fn releases(State(state): State<DashboardState>) -> Response {
    answer(state, "no release", |_| Ok(Some(Document::Releases))).await
}

/// `GET /api/releases/{id}`
pub(crate) async fn release(State(state): State<DashboardState>, Path(id): Path<String>) -> Response {
    // The id becomes part of a path below: only what an id can hold gets there.
    let plain = !id.is_empty()
        && id.len() <= 100
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    answer(state, "there is no release of this id; /api/releases lists them", move |_| {
        Ok(plain.then_some(Document::Release(id)))
    })
    .await
}

/// `GET /api/budget`
pub(crate) async fn budget(State(state): State<DashboardState>) -> Response {
    answer(state, "no budget", |_| Ok(Some(Document::Budget))).await
}

/// `GET /healthz`
pub(crate) async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}
