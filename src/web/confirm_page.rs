//! The page for confirmations: a form for the one-time code, the way to the PBX, and back from it.
//!
//! The cookie is sent along when the PBX sends the browser back (`SameSite=Lax`), and with nothing that another site
//! makes the browser post. Nothing here shows a code, a token or a state.

use axum::extract::{Form, Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::guard::SameSite;
use super::{WebState, page, text};
use crate::control::{Confirm, Redirected};

const COOKIE: &str = "pbx_exporter_confirmation";

#[derive(Deserialize)]
pub(super) struct Start {
    #[serde(default)]
    target: String,
    #[serde(default)]
    code: String,
}

/// The form. It does not tell whether there is a target of that name.
pub(super) async fn form(State(state): State<WebState>, Query(start): Query<Start>) -> Response {
    match state.control.confirm() {
        Some(_) => ask(StatusCode::OK, &start.target, None),
        None => off(),
    }
}

pub(super) async fn start(State(state): State<WebState>, _: SameSite, Form(start): Form<Start>) -> Response {
    let Some(confirm) = state.control.confirm() else { return off() };
    match confirm.begin(&start.target, &start.code).await {
        Ok(begun) => {
            let cookie = set_cookie(confirm, begun.cookie.expose_secret(), 600);
            go(&begun.location, cookie)
        }
        Err(error) => ask(StatusCode::FORBIDDEN, &start.target, Some(&error)),
    }
}

pub(super) async fn callback(
    State(state): State<WebState>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(confirm) = state.control.confirm() else { return off() };
    let redirected = Redirected::from_query(query.as_deref().unwrap_or_default());
    let finished = confirm.finish(cookie(&headers).unwrap_or_default(), redirected).await;
    let mut response = match finished {
        Ok(text) => show(StatusCode::OK, "Access is confirmed", &html! { p { (text) } }),
        Err(error) => {
            let body = html! { p { (error) } };
            return show(StatusCode::BAD_REQUEST, "Access is not confirmed", &body);
        }
    };
    response.headers_mut().insert(header::SET_COOKIE, set_cookie(confirm, "", 0));
    response
}

fn off() -> Response {
    text(StatusCode::NOT_FOUND, "not found")
}

fn ask(status: StatusCode, target: &str, error: Option<&str>) -> Response {
    let mut response = show(status, "Confirm access", &fields(target, error));
    // Under `no-referrer` a browser posts the form with `Origin: null`, as another site's page would make it do.
    let policy = HeaderValue::from_static("same-origin");
    response.headers_mut().insert(header::REFERRER_POLICY, policy);
    response
}

fn fields(target: &str, error: Option<&str>) -> Markup {
    html! {
        @if let Some(error) = error { p role="alert" { strong { "Not started: " } (error) "." } }
        form method="post" action="start" autocomplete="off" {
            p { label { "Target " input name="target" required value=(target); } }
            p { label { "One-time code " input name="code" required autofocus; } }
            p { button { "Go to the PBX" } }
        }
        p.dim {
            "The code is shown by " code { "pbx_exporter authorize TARGET --page" } " on the exporter's host, and works \
             once."
        }
    }
}

fn show(status: StatusCode, title: &str, body: &Markup) -> Response {
    let header = html! { header { h1 { (title) } nav { a href="../" { "All targets" } } } };
    let page = page::document(&html! { title { (title) " - pbx_exporter" } }, &header, body);
    (status, headers(), page).into_response()
}

/// As the other page's, except for the form. Where it may lead is not limited: browsers apply that to each redirect that
/// follows, and the PBX's sign-in may need some.
fn headers() -> [(HeaderName, String); 5] {
    page::HEADERS.map(|(name, value)| (name, value.replace(" form-action 'none';", "")))
}

fn go(location: &str, cookie: HeaderValue) -> Response {
    let mut response = text(StatusCode::SEE_OTHER, "continue at the PBX");
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::SET_COOKIE, cookie);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// For this browser, these paths and so many seconds alone.
fn set_cookie(confirm: &dyn Confirm, value: &str, seconds: u32) -> HeaderValue {
    let url = confirm.external_url();
    let secure = if url.scheme() == "https" { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE}={value}; Path={}oauth/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
        url.path()
    );
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    fields.flat_map(|field| field.split("; ")).find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='))
}
