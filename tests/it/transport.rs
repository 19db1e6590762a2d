//! The transport against servers that behave, and that do not.

mod connections;
mod failures;
mod proxies;
mod redirects;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Method};
use pbx_exporter::domain::target::ClientSettings;
use pbx_exporter::domain::{Exchange, Request, TransportError};
use pbx_exporter::transport::{HttpTransport, Limits, Transport};

/// What must never be seen in an error.
const CANARY: &str = "canary-9f3b";

/// Long, because a resolver without network may take its time to say no.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(60), body: 64 * 1024 };
const SHORT: Limits = Limits { timeout: Duration::from_secs(1), body: 64 * 1024 };

fn get(url: &str) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer canary-9f3b"));
    let url = url.parse().expect("an address");
    Request { method: Method::GET, url, headers, body: Bytes::new(), session: None, reads: true, last: true }
}

fn kept(url: &str) -> Request {
    Request { last: false, ..get(url) }
}

fn post(url: &str) -> Request {
    Request {
        method: Method::POST,
        body: Bytes::from_static(b"secret=canary-9f3b"),
        reads: false,
        ..get(url)
    }
}

/// One exchange of a fresh transport.
async fn exchange(settings: &ClientSettings, limits: Limits, request: Request) -> Exchange {
    HttpTransport::new().exchange(settings, limits, request).await
}

/// One exchange that fails; its error shows no canary.
async fn failure(settings: &ClientSettings, limits: Limits, request: Request) -> (TransportError, Exchange) {
    failed(exchange(settings, limits, request).await)
}

fn failed(exchange: Exchange) -> (TransportError, Exchange) {
    let error = exchange.result.as_ref().expect_err("this exchange fails").clone();
    for shown in [error.to_string(), format!("{error:?}"), format!("{exchange:?}")] {
        assert!(!shown.contains(CANARY), "{shown}");
        assert!(
            !shown.contains("http://") || matches!(error, TransportError::RedirectElsewhere(_)),
            "{shown}"
        );
    }
    (error, exchange)
}

fn body(exchange: &Exchange) -> &[u8] {
    &exchange.result.as_ref().expect("an answer").body
}
