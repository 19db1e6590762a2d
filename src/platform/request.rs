//! The requests made with a token, and how it goes with them. They only read.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::platform::{PageBy, Paging, RequestForm};
use crate::domain::{Request, Target, TransportError};

/// The request as described. What the target's own headers say wins.
pub fn of(target: &Target, form: &RequestForm) -> Request {
    let mut headers = target.headers.clone();
    if form.body.is_some() {
        add(&mut headers, CONTENT_TYPE, form.content_type.as_deref().unwrap_or("application/json"));
    }
    for (name, value) in form.headers.iter().chain(&target.platform.headers) {
        if let Ok(name) = HeaderName::try_from(name) {
            add(&mut headers, name, value);
        }
    }
    add(&mut headers, ACCEPT, "application/json");
    let body = form.body.clone().map_or_else(Bytes::new, Bytes::from);
    let (method, url) = (form.method.into(), target.address(&form.path));
    Request { method, url, headers, body, session: Some(Arc::clone(&target.name)), reads: true, last: true }
}

/// Checked when the description was; what no header can hold is left out.
fn add(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.entry(name).or_insert(value);
    }
}

pub fn list(target: &Target) -> Request {
    of(target, &target.called().request)
}

/// `after`: what the page before told; the first page has none.
pub fn extensions(target: &Target, after: Option<&str>) -> Request {
    let call = target.called();
    let mut request = of(target, call.each.as_ref().unwrap_or(&call.request));
    let page = call
        .paging
        .as_ref()
        .and_then(|paging| Some((paging, after.map_or_else(|| first(paging), |a| Some(a.to_owned()))?)));
    if let Some((paging, page)) = page {
        request.url.query_pairs_mut().append_pair(&paging.parameter, &page);
    }
    request
}

fn first(paging: &Paging) -> Option<String> {
    match paging.by {
        PageBy::Page => Some(first_page(paging).to_string()),
        PageBy::Offset | PageBy::Cursor => None,
    }
}

/// The number of the first page.
pub fn first_page(paging: &Paging) -> u64 {
    paging.first.unwrap_or(1).into()
}

/// Puts the token where the platform wants it.
///
/// # Errors
/// A token that no header field can hold.
pub fn with_token(
    target: &Target,
    request: &mut Request,
    token: &SecretString,
) -> Result<(), TransportError> {
    let (sent_as, token) = (&target.platform.sent_as, token.expose_secret());
    if let Some(parameter) = &sent_as.query {
        request.url.query_pairs_mut().append_pair(parameter, token);
        return Ok(());
    }
    let name =
        sent_as.header.as_ref().and_then(|name| HeaderName::try_from(name).ok()).unwrap_or(AUTHORIZATION);
    let usual = if name == AUTHORIZATION { "Bearer " } else { "" };
    let text = format!("{}{token}", sent_as.prefix.as_deref().unwrap_or(usual));
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        TransportError::Exporter(
            "the key or token has a character that no header field can hold; correct it".into(),
        )
    })?;
    value.set_sensitive(true);
    request.headers.insert(name, value);
    Ok(())
}
