//! The listener of `authorize` on this machine's own address (RFC 8252 section 7.3), and its one-line pages.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::{mpsc, oneshot};

use crate::control::Redirected;

/// What a browser brought, and where to say what came of it.
pub struct Brought {
    pub redirected: Redirected,
    /// Whether it was of use, and a sentence.
    pub reply: oneshot::Sender<(bool, String)>,
}

/// Serves `path` alone, and gives what browsers bring there.
pub fn router(path: &str) -> (Router, mpsc::Receiver<Brought>) {
    let (sender, receiver) = mpsc::channel(4);
    // Not by a route: the path is the application's own, and may have characters that mean something there.
    let state = (path.to_owned(), sender);
    (Router::new().fallback(get(callback)).with_state(state), receiver)
}

type Shared = (String, mpsc::Sender<Brought>);

async fn callback(
    State((path, sender)): State<Shared>,
    uri: axum::http::Uri,
    RawQuery(query): RawQuery,
) -> Response {
    if uri.path() != path {
        return page(StatusCode::NOT_FOUND, "not found");
    }
    let (reply, answer) = oneshot::channel();
    let redirected = Redirected::from_query(query.as_deref().unwrap_or_default());
    if sender.send(Brought { redirected, reply }).await.is_err() {
        return page(StatusCode::GONE, "this confirmation has ended");
    }
    match answer.await {
        Ok((true, text)) => page(StatusCode::OK, &text),
        Ok((false, text)) => page(StatusCode::BAD_REQUEST, &text),
        Err(_) => page(StatusCode::GONE, "this confirmation has ended"),
    }
}

fn page(status: StatusCode, line: &str) -> Response {
    let mut response = super::text(status, line).into_response();
    let no_referrer = axum::http::HeaderValue::from_static("no-referrer");
    response.headers_mut().insert(header::REFERRER_POLICY, no_referrer);
    response
}
