//! The addresses below `/steward`. All of them are read; the only thing that happens is a login, and that is entered in the
//! book.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    StewardState,
    model::{Overview, Wanted},
    session::{Knock, Shut},
};
use crate::{
    pages::{self, Page, Place},
    routes::{Asked, Reply, answer},
    text::Lang,
};

/// Refusals of so long are shown.
const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Nobody's name is longer.
const LONGEST_NAME: usize = 100;

/// The steward's addresses, with a state of their own.
pub(crate) fn router<S>(state: StewardState) -> Router<S> {
    Router::new()
        .route("/steward", get(overview))
        // To look whether an address is there must not use up its token.
        .route("/steward/login", get(login).head(shut))
        .layer(middleware::map_response(keep_nothing))
        .with_state(state)
}

async fn keep_nothing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn lang(asked: &BTreeMap<String, String>) -> Lang {
    Lang::from_query(asked.get("lang").map(String::as_str))
}

fn page(state: &StewardState, lang: Lang, place: Place) -> Page {
    Page { lang, synthetic: state.source.synthetic(), place, query: Vec::new(), api: None }
}

/// The same for everybody who is not let in, whatever the reason.
async fn shut(State(state): State<StewardState>, Query(asked): Asked) -> Response {
    let lang = lang(&asked);
    let work = tokio::task::spawn_blocking(move || {
        Ok::<_, String>(Reply::Forbidden(pages::shut(&page(&state, lang, Place::Nowhere))))
    });
    answer(lang, work).await
}

/// `/steward/login?token=`
async fn login(State(state): State<StewardState>, Query(asked): Asked) -> Response {
    let language = lang(&asked);
    let token = asked.get("token").cloned().unwrap_or_default();
    let keeper = state.clone();
    let work = tokio::task::spawn_blocking(move || knock(&keeper, &token));
    match work.await {
        Ok(Knock::In(cookie)) => {
            let to = language.pick("/steward", "/steward?lang=en");
            let headers = [(header::LOCATION, to.to_owned()), (header::SET_COOKIE, cookie)];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Ok(Knock::Shut(_)) => shut(State(state), Query(asked)).await,
        Ok(Knock::Failed(error)) => {
            tracing::error!(%error, "a login could not be entered in the ledger");
            let work = tokio::task::spawn_blocking(move || {
                Ok::<_, String>(Reply::Fault(pages::no_entry(&page(&state, language, Place::Nowhere))))
            });
            answer(language, work).await
        }
        Err(error) => {
            tracing::error!(%error, "a login ended early");
            crate::routes::fault(language)
        }
    }
}

fn knock(state: &StewardState, token: &str) -> Knock<String> {
    let now = Timestamp::now();
    let knock =
        state.door.knock(token, now, || state.source.let_in(), |error| format!("no random numbers: {error}"));
    if let Knock::Shut(why) = &knock
        && !token.is_empty()
        && let Some(others) = state.door.to_note(now)
    {
        state.source.turned_away(&reason(*why, others));
    }
    knock
}

fn reason(why: Shut, others: u32) -> String {
    let others =
        if others == 0 { String::new() } else { format!("; {others} other attempts since the last note") };
    format!("{}{others}", why.as_str())
}

/// `/steward`
async fn overview(State(state): State<StewardState>, headers: HeaderMap, Query(asked): Asked) -> Response {
    let lang = lang(&asked);
    let work = tokio::task::spawn_blocking(move || {
        let now = Timestamp::now();
        let Some(until) = state.door.session(&headers, now) else {
            return Ok(Reply::Forbidden(pages::shut(&page(&state, lang, Place::Nowhere))));
        };
        let mut page = page(&state, lang, Place::Steward);
        let wanted = wanted(&asked);
        let entries = match state.source.entries(&wanted) {
            Ok(Some(entries)) => Ok(entries),
            Ok(None) => return Ok(Reply::Missing(pages::missing(&page, lang.text().errors.no_filter))),
            Err(why) => Err(why),
        };
        page.query = query(&wanted);
        let source = &state.source;
        let overview = Overview {
            who: source.who().to_owned(),
            until: until.to_string(),
            checked: source.checked(),
            accounts: source.accounts(),
            sums: source.sums(),
            forecast: source.forecast(),
            lost: source.lost(),
            refused: source.refused(now - LATELY),
            records: source.records(),
            wanted,
            entries,
        };
        Ok::<_, String>(Reply::Page(pages::steward(&page, &overview)))
    });
    answer(lang, work).await
}

fn wanted(asked: &BTreeMap<String, String>) -> Wanted {
    let get = |key: &str| asked.get(key).filter(|value| !value.is_empty()).cloned();
    let who = get("who").map(|who| who.chars().take(LONGEST_NAME).collect());
    Wanted { block: get("block"), who, kind: get("kind") }
}

/// The filters as the address names them.
fn query(wanted: &Wanted) -> Vec<(&'static str, String)> {
    let named = [("block", &wanted.block), ("who", &wanted.who), ("kind", &wanted.kind)];
    named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}
