//! `/releases/{id}/{file}`: the files of a release, byte for byte as they were published.

use axum::{
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    DashboardState,
    routes::{self, Asked},
    text::Lang,
};

/// What a release's page may do: it has its own style, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file; what no release has is a page that says so.
pub(crate) async fn file(
    State(state): State<DashboardState>,
    Path((release, name)): Path<(String, String)>,
    Query(asked): Asked,
) -> Response {
    let lang = Lang::from_query(asked.get("lang").map(String::as_str));
    let (of, file) = (state.clone(), name.clone());
    match tokio::task::spawn_blocking(move || of.published().file(&release, &file)).await {
        Ok(Ok(Some(bytes))) => sent(&name, bytes),
        Ok(Ok(None)) => routes::missing(state, asked).await,
        Ok(Err(error)) => {
            tracing::error!(%error, "a file of a release could not be given");
            routes::fault(lang)
        }
        Err(error) => {
            tracing::error!(%error, "a file of a release ended early");
            routes::fault(lang)
        }
    }
}

fn sent(name: &str, bytes: Vec<u8>) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("csv") => "text/csv; charset=utf-8",
        Some("json") => "application/json",
        Some("parquet") => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    };
    // A release never changes.
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ];
    (headers, bytes).into_response()
}
