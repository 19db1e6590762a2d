//! Who may trigger something, and that no other web site does it through the browser of somebody who is in
//! the network of this service.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use crate::listener::MayAct;

/// Extracts if no page of another site made the browser send this request. `Sec-Fetch-Site` decides
/// where a browser sends it (W3C Fetch Metadata), else `Origin` (RFC 6454) must name the host asked.
/// A client that is no browser sends neither and passes.
pub struct SameSite;

impl<S: Sync> FromRequestParts<S> for SameSite {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        if is_same_site(&parts.headers) {
            Ok(Self)
        } else {
            Err(super::text(StatusCode::FORBIDDEN, "refused: this request came from a page of another site"))
        }
    }
}

/// Extracts if whoever asks may make the service do something; the listener decides.
pub struct Acts;

impl<S: Sync> FromRequestParts<S> for Acts {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        if parts.extensions.get() == Some(&MayAct(true)) {
            return Ok(Self);
        }
        let line = "refused: this needs a user with a password or client certificate (--web.config.file), or \
                    --web.enable-lifecycle, or a request from this host itself by localhost, without a proxy and \
                    where no external URL is set";
        Err(super::text(StatusCode::FORBIDDEN, line))
    }
}

fn is_same_site(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, a)| a);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn requests_by_other_sites_as_a_table() {
        for (fetch_site, origin, passes) in [
            (None, None, true),
            (Some("same-origin"), None, true),
            (Some("none"), None, true),
            (Some("same-site"), None, false),
            (Some("cross-site"), None, false),
            (Some("cross-site"), Some("http://pbx-watch.example.com:10177"), false),
            (None, Some("http://pbx-watch.example.com:10177"), true),
            (None, Some("http://PBX-watch.example.com:10177"), true),
            (None, Some("http://pbx-watch.example.com"), false),
            (None, Some("https://evil.example.com"), false),
            (None, Some("null"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("pbx-watch.example.com:10177"));
            for (name, value) in [("sec-fetch-site", fetch_site), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(is_same_site(&headers), passes, "{fetch_site:?} {origin:?}");
        }
    }
}
