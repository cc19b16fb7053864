//! The pages' addresses. Reading the published figures blocks, so that every handler does its work on a blocking thread.

use std::{collections::BTreeMap, fmt::Display};

use axum::{
    extract::{Query, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use crate::{
    DashboardState, assets,
    pages::{self, Page, Place},
    published::{Published, SourceError},
    text::Lang,
};

/// The query of an address; unknown keys mean nothing, and the last of several equal ones counts.
pub(crate) type Asked = Query<BTreeMap<String, String>>;

/// A page, or why there is none.
pub(crate) enum Reply {
    Page(askama::Result<String>),
    Missing(askama::Result<String>),
    Forbidden(askama::Result<String>),
    Fault(askama::Result<String>),
}

/// What a page needs: who asks for what, and what is published.
struct Visit<'a> {
    asked: &'a BTreeMap<String, String>,
    published: &'a dyn Published,
    page: Page,
}

impl Visit<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.asked.get(key).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn missing(&self, message: &str) -> Reply {
        let page = Page { query: Vec::new(), ..self.page.clone() };
        Reply::Missing(pages::missing(&page, message))
    }

    /// The year asked for, else the newest; and all years, oldest first. An error is the page to show instead.
    fn year(&mut self) -> Result<Result<(i32, Vec<i32>), Reply>, SourceError> {
        let mut years: Vec<i32> = self.published.releases()?.iter().map(|r| r.year).collect();
        years.sort_unstable();
        let Some(newest) = years.last().copied() else {
            return Ok(Err(Reply::Page(pages::nothing_yet(&self.page))));
        };
        let asked = self.get("year").map(|y| y.parse::<i32>().ok().filter(|y| years.contains(y)));
        match asked {
            None => Ok(Ok((newest, years))),
            Some(Some(year)) => {
                self.page.query.push(("year", year.to_string()));
                Ok(Ok((year, years)))
            }
            Some(None) => Ok(Err(self.no_year(&years))),
        }
    }

    fn no_year(&self, years: &[i32]) -> Reply {
        let list = years.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.missing(&(self.page.lang.text().errors.no_year)(&list))
    }
}

async fn visit<F>(state: DashboardState, asked: BTreeMap<String, String>, place: Place, show: F) -> Response
where
    F: FnOnce(Visit<'_>) -> Result<Reply, SourceError> + Send + 'static,
{
    let lang = Lang::from_query(asked.get("lang").map(String::as_str));
    let work = tokio::task::spawn_blocking(move || {
        let published = state.published();
        let page = Page { lang, synthetic: published.synthetic(), place, query: Vec::new(), api: None };
        show(Visit { asked: &asked, published, page })
    });
    answer(lang, work).await
}

/// The page that a blocking thread made. What went wrong goes to the log.
pub(crate) async fn answer<E: Display>(
    lang: Lang,
    work: tokio::task::JoinHandle<Result<Reply, E>>,
) -> Response {
    let reply = match work.await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => {
            tracing::error!(%error, "a page could not be shown");
            return fault(lang);
        }
        Err(error) => {
            tracing::error!(%error, "a page ended early");
            return fault(lang);
        }
    };
    let (status, html) = match reply {
        Reply::Page(html) => (StatusCode::OK, html),
        Reply::Missing(html) => (StatusCode::NOT_FOUND, html),
        Reply::Forbidden(html) => (StatusCode::FORBIDDEN, html),
        Reply::Fault(html) => (StatusCode::INTERNAL_SERVER_ERROR, html),
    };
    match html {
        Ok(html) => html_response(status, html),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            fault(lang)
        }
    }
}

fn html_response(status: StatusCode, html: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], html)
        .into_response()
}

/// 500 without internals.
pub(crate) fn fault(lang: Lang) -> Response {
    let page = Page { lang, synthetic: false, place: Place::Nowhere, query: Vec::new(), api: None };
    // Should even this page fail, its words alone are sent.
    let html = pages::fault(&page).unwrap_or_else(|_| lang.text().errors.fault_text.to_owned());
    html_response(StatusCode::INTERNAL_SERVER_ERROR, html)
}

/// `/`
pub(crate) async fn figures(State(state): State<DashboardState>, Query(asked): Asked) -> Response {
    visit(state, asked, Place::Figures, |mut visit| {
        let (year, years) = match visit.year()? {
            Ok(years) => years,
            Err(reply) => return Ok(reply),
        };
        let Some(figures) = visit.published.figures(year)? else { return Ok(visit.no_year(&years)) };
        visit.page.api = Some(format!("/api/figures?year={year}"));
        Ok(Reply::Page(pages::figures(&visit.page, &years, &figures)))
    })
    .await
}

/// `/districts`
pub(crate) async fn districts(State(state): State<DashboardState>, Query(asked): Asked) -> Response {
    visit(state, asked, Place::Districts, |mut visit| {
        let (year, years) = match visit.year()? {
            Ok(years) => years,
            Err(reply) => return Ok(reply),
        };
        let Some(comparison) = visit.published.districts(year)? else { return Ok(visit.no_year(&years)) };
        let compare = visit.get("compare").map(ToOwned::to_owned);
        if let Some(code) = &compare {
            if !comparison.districts.iter().any(|d| d.code == *code && d.rate.is_some()) {
                return Ok(visit.missing(visit.page.lang.text().errors.no_district));
            }
            visit.page.query.push(("compare", code.clone()));
        }
        // Districts are compared by their rates: who chooses one sees rates unless counts are asked for.
        let rate = visit.get("rate").map_or(compare.is_some(), |r| r == "1");
        visit.page.query.push(("rate", u8::from(rate).to_string()));
        visit.page.api = Some(format!("/api/districts?year={year}"));
        let choice = pages::DistrictChoice { rate, compare };
        Ok(Reply::Page(pages::districts(&visit.page, &years, &comparison, &choice)))
    })
    .await
}

/// `/trend`
pub(crate) async fn trend(State(state): State<DashboardState>, Query(asked): Asked) -> Response {
    visit(state, asked, Place::Trend, |mut visit| {
        let choices = visit.published.choices()?;
        let Some(first) = choices.iter().flat_map(|g| &g.items).next() else {
            return Ok(Reply::Page(pages::nothing_yet(&visit.page)));
        };
        let figure = visit.get("figure").unwrap_or(&first.name).to_owned();
        let Some(trend) = visit.published.trend(&figure)? else {
            return Ok(visit.missing(visit.page.lang.text().errors.no_figure));
        };
        visit.page.query.push(("figure", figure));
        visit.page.api = Some("/api/releases".to_owned());
        Ok(Reply::Page(pages::trend(&visit.page, &choices, &trend)))
    })
    .await
}

/// `/scene`
pub(crate) async fn scene(State(state): State<DashboardState>, Query(asked): Asked) -> Response {
    visit(state, asked, Place::Scene, |visit| {
        let scenes = visit.published.scenes()?;
        Ok(Reply::Page(pages::scene(&visit.page, &scenes)))
    })
    .await
}

/// `/releases`
pub(crate) async fn releases(State(state): State<DashboardState>, Query(asked): Asked) -> Response {
    visit(state, asked, Place::Releases, |mut visit| {
        let publications = visit.published.publications()?;
        visit.page.api = Some("/api/releases".to_owned());
        Ok(Reply::Page(pages::releases(&visit.page, &publications)))
    })
    .await
}

/// `/about`
pub(crate) async fn about(State(state): State<DashboardState>, Query(asked): Asked) -> Response {
    visit(state, asked, Place::About, |mut visit| {
        let budgets = visit.published.budgets()?;
        let sum = visit.published.spent_over_years()?;
        let releases = visit.published.releases()?;
        visit.page.api = Some("/api/budget".to_owned());
        Ok(Reply::Page(pages::about(&visit.page, &budgets, sum, &releases)))
    })
    .await
}

/// Anything else.
pub(crate) async fn nowhere(State(state): State<DashboardState>, Query(asked): Asked, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return crate::api::problem(StatusCode::NOT_FOUND, "not_found", "there is no such address");
    }
    missing(state, asked).await
}

/// 404.
pub(crate) async fn missing(state: DashboardState, asked: BTreeMap<String, String>) -> Response {
    visit(state, asked, Place::Nowhere, |visit| Ok(visit.missing(visit.page.lang.text().errors.missing_text)))
        .await
}

/// Anything but reading.
pub(crate) async fn read_only(Query(asked): Asked, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return crate::api::problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this address can only be read",
        );
    }
    let lang = Lang::from_query(asked.get("lang").map(String::as_str));
    let page = Page { lang, synthetic: false, place: Place::Nowhere, query: Vec::new(), api: None };
    match pages::read_only(&page) {
        Ok(html) => html_response(StatusCode::METHOD_NOT_ALLOWED, html),
        Err(_) => fault(lang),
    }
}

/// The stylesheet.
pub(crate) async fn stylesheet() -> Response {
    asset("text/css; charset=utf-8", assets::STYLESHEET)
}

/// The icon.
pub(crate) async fn icon() -> Response {
    asset("image/svg+xml", assets::ICON)
}

fn asset(kind: &'static str, content: &'static str) -> Response {
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, content).into_response()
}
