//! Router and handlers of a few lines (axum only here).
//!
//! Belongs here: HTTP. Does not belong here: what a value means; whatever must be triggered elsewhere
//! goes through [`Control`].

mod confirm_page;
mod drift;
mod guard;
mod host_count_rows;
pub mod loopback;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::board::{Board, Slot};
use crate::clock::Clock;
use crate::control::{Control, ProbeNow};
use crate::metrics::{Coding, ExporterMetrics, Format, Kept, Scrape};
use guard::{Acts, SameSite};

#[derive(Clone)]
pub struct WebState {
    pub board: Arc<Board>,
    pub exporter: Arc<ExporterMetrics>,
    /// What one scrape leaves to the next.
    pub kept: Kept,
    pub clock: Clock,
    pub control: Arc<dyn Control>,
    /// Where the exposition is; see [`check_telemetry_path`].
    pub telemetry_path: String,
}

/// Whether `path` can be the telemetry path; the error fits after "failed to use it as telemetry path:".
pub fn check_telemetry_path(path: &str) -> Result<(), &'static str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    if !path.starts_with('/') {
        Err("it must begin with /")
    } else if path == "/" {
        Err("/ is the page that lists the targets; use /metrics")
    } else if path == "/-" || path.starts_with("/-/") {
        Err("paths under /-/ are taken; use /metrics")
    } else if path.starts_with("/oauth/") {
        Err("paths under /oauth/ are taken; use /metrics")
    } else if path.contains("//") || !path.bytes().all(plain) {
        Err("it may contain letters, digits and - . _ ~ between single slashes only; use /metrics")
    } else {
        Ok(())
    }
}

pub fn router(state: WebState) -> Result<Router, &'static str> {
    check_telemetry_path(&state.telemetry_path)?;
    Ok(Router::new()
        .route("/", get(index))
        .route(&state.telemetry_path, get(metrics))
        .route("/-/healthy", get(async || text(StatusCode::OK, "Healthy")))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload).fallback(use_post))
        .route("/-/probe", post(probe).fallback(use_post))
        .route("/oauth/start", get(confirm_page::form).post(confirm_page::start))
        .route("/oauth/callback", get(confirm_page::callback))
        .fallback(async || text(StatusCode::NOT_FOUND, "not found"))
        .with_state(state))
}

/// Serves until cancelled; then lets answers under way end.
pub async fn serve(listener: TcpListener, router: Router, cancel: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(cancel.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "failed to serve HTTP");
    }
}

/// Health and readiness alone.
pub fn health(control: Arc<dyn Control>) -> Router {
    let answer = async |State(control): State<Arc<dyn Control>>| readiness(&*control);
    Router::new()
        .route("/-/healthy", get(async || text(StatusCode::OK, "Healthy")))
        .route("/-/ready", get(answer))
        .fallback(async || text(StatusCode::NOT_FOUND, "not found"))
        .with_state(control)
}

async fn use_post() -> Response {
    let allow = [(header::ALLOW, HeaderValue::from_static("POST"))];
    (allow, text(StatusCode::METHOD_NOT_ALLOWED, "use POST")).into_response()
}

fn text(status: StatusCode, line: impl std::fmt::Display) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, format!("{line}\n")).into_response()
}

async fn index(State(state): State<WebState>) -> Response {
    let html = page::render(
        &state.board.slots(),
        state.clock.unix(),
        &state.telemetry_path,
        state.control.web_config_is_stale(),
    );
    (page::HEADERS, html).into_response()
}

async fn metrics(State(state): State<WebState>, headers: HeaderMap) -> Response {
    let (format, coding) = (Format::negotiate(&headers), Coding::negotiate(&headers));
    let scrape = match Scrape::new(&state.board, &state.exporter, &state.kept, format, coding) {
        Ok(scrape) => scrape,
        Err(error) => {
            return text(StatusCode::INTERNAL_SERVER_ERROR, format_args!("failed to compress: {error}"));
        }
    };
    let mut response = Response::new(Body::new(scrape));
    let mut set = |name: HeaderName, value| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_TYPE, format.content_type());
    set(header::VARY, "Accept, Accept-Encoding");
    if let Some(coding) = coding.header() {
        set(header::CONTENT_ENCODING, coding);
    }
    response
}

async fn ready(State(state): State<WebState>) -> Response {
    readiness(&*state.control)
}

fn readiness(control: &dyn Control) -> Response {
    if control.ready() {
        text(StatusCode::OK, "Ready")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "not ready: stopping, or targets are not yet probed")
    }
}

async fn reload(State(state): State<WebState>, _: Acts, _: SameSite) -> Response {
    match state.control.reload().await {
        Ok(()) => text(StatusCode::OK, "configuration reloaded"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

#[derive(Deserialize)]
struct ProbeQuery {
    target: Option<String>,
}

async fn probe(
    State(state): State<WebState>,
    _: Acts,
    _: SameSite,
    Query(query): Query<ProbeQuery>,
) -> Response {
    let Some(target) = query.target.filter(|target| !target.is_empty()) else {
        return text(StatusCode::BAD_REQUEST, "name the target: /-/probe?target=NAME");
    };
    match state.control.probe_now(&target).await {
        ProbeNow::Done => outcome(&state.board, &target),
        ProbeNow::UnknownTarget => unknown_target(),
        ProbeNow::TooSoon { retry_after } => {
            retry(retry_after, "this target was probed on request within the last minute")
        }
        ProbeNow::RefusalBudget { retry_after } => {
            let line = "this PBX rejected many requests lately; one more could make it ban this host \
                        (limits.refusals_per_origin)";
            retry(retry_after, line)
        }
        ProbeNow::Stopping => text(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    }
}

/// What the board now shows of `target`, which a reload may have taken away during the probe.
fn outcome(board: &Board, target: &str) -> Response {
    let slots = board.slots();
    match slots.iter().find(|slot| &*slot.info.name == target) {
        Some(slot) => text(StatusCode::OK, summary(slot)),
        None => unknown_target(),
    }
}

fn unknown_target() -> Response {
    text(StatusCode::NOT_FOUND, "no target of this name is configured")
}

/// `NAME: up` or `NAME: down`, then each condition as `; operation: reason: diagnosis`.
fn summary(slot: &Slot) -> String {
    let state = slot.state();
    let up = match state.up {
        Some(true) => "up",
        Some(false) => "down",
        None => "not yet probed",
    };
    let conditions = state.conditions().map(|(o, c)| format!("; {o}: {}: {}", c.reason, c.diagnosis));
    format!("{}: {up}{}", slot.info.name, conditions.collect::<String>())
}

fn retry(after: std::time::Duration, line: &str) -> Response {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    let line = format!("{line}; try again in {seconds} s");
    ([(header::RETRY_AFTER, seconds.to_string())], text(StatusCode::TOO_MANY_REQUESTS, line)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_paths_as_a_table() {
        for (path, allowed) in [
            ("/metrics", true),
            ("/a/b-c_d.e~f", true),
            ("/-metrics", true),
            ("/", false),
            ("", false),
            ("metrics", false),
            ("/-", false),
            ("/-/healthy", false),
            ("/oauth/callback", false),
            ("//metrics", false),
            ("/{wild}", false),
            ("/a?b", false),
            ("/a b", false),
        ] {
            assert_eq!(check_telemetry_path(path).is_ok(), allowed, "{path}");
        }
    }
}
