//! The checks in front of the router, in the order in which a request meets them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use http::header::{HOST, LOCATION, ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;
use url::Url;

use super::Settings;
use super::connection::Answer;
use super::connections::{Answering, Connections};
use super::hosts::{self, AllowedHosts};
use super::passwords::{Passwords, Verdict};
use super::rate::Bucket;
use super::socket::Peer;
use super::web_config::{InForce, WebConfig};

/// What a request's body may take: the largest is a form of two fields.
const BODY: usize = 64 * 1024;
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Whether the service lives, and whether it is ready.
const HEALTH: [&str; 2] = ["/-/healthy", "/-/ready"];
/// How long the answer of somebody who reads nothing takes to go.
const ROOM_WITHIN: Duration = Duration::from_secs(1);

/// Who sends a connection's requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor {
    pub peer: Peer,
    /// Whether its certificate was verified.
    pub verified: bool,
}

/// Whether this request may make the service do something; an extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayAct(pub bool);

/// What stands before the router.
pub(super) struct Gate {
    router: Router,
    hosts: AllowedHosts,
    /// What stands before each path; empty for none.
    prefix: String,
    /// Whether proxies may stand in front, so that nobody is known by where they come from.
    has_external_url: bool,
    lifecycle: bool,
    /// Answered under any name and however many ask: `/-/healthy` and `/-/ready`.
    always: [&'static str; 2],
    /// Answered under any name.
    any_host: [String; 2],
    places: Arc<Semaphore>,
    max_requests: usize,
    connections: Arc<Connections>,
    config: Option<Arc<WebConfig>>,
    passwords: Passwords,
    bucket: Option<Bucket>,
}

/// An answer without the router.
struct Refusal(Box<Response<Body>>);

impl Gate {
    pub(super) fn new(
        settings: &Settings,
        router: Router,
        connections: Arc<Connections>,
    ) -> anyhow::Result<Self> {
        let external = settings.external_url.as_ref().and_then(Url::host_str).map(str::to_owned);
        let limit = settings.config.as_ref().and_then(|config| config.now().rate_limit);
        Ok(Self {
            router,
            hosts: AllowedHosts::new(settings.allowed_hosts.iter().cloned().chain(external)),
            prefix: settings.route_prefix.trim_end_matches('/').to_owned(),
            has_external_url: settings.external_url.is_some(),
            lifecycle: settings.lifecycle,
            always: HEALTH,
            any_host: [settings.telemetry_path.clone(), "/sd".to_owned()],
            places: Arc::new(Semaphore::new(settings.max_requests)),
            max_requests: settings.max_requests,
            connections,
            config: settings.config.clone(),
            passwords: Passwords::new()?,
            bucket: limit.map(Bucket::new),
        })
    }

    /// How a new connection is to be secured.
    pub(super) fn tls(&self) -> Option<Arc<InForce>> {
        self.config.as_ref().map(|config| config.now()).filter(|now| now.tls.is_some())
    }

    /// The answer to one request.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        visitor: Visitor,
        answering: Answering,
    ) -> Response<Answer> {
        let now = self.config.as_ref().map(|config| config.now());
        let mut permit = None;
        let passed = match self.authenticated(now.as_deref(), &request, visitor).await {
            Ok(authenticated) => self.pass(request, visitor, authenticated, &mut permit).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = passed.unwrap_or_else(|refusal| *refusal.0);
        for (name, value) in now.iter().flat_map(|now| &now.headers) {
            // What a handler says of its own page is stricter.
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        response.map(|body| Answer { body, answering, _permit: permit })
    }

    /// Whether somebody is known to ask; nothing else of the service is behind an earlier check.
    async fn authenticated<B>(
        &self,
        now: Option<&InForce>,
        request: &Request<B>,
        visitor: Visitor,
    ) -> Result<bool, Refusal> {
        if self.bucket.as_ref().is_some_and(|bucket| !bucket.take(Instant::now())) {
            return Err(refuse(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
        }
        let Some(users) = now.map(|now| &now.users).filter(|users| !users.is_empty()) else {
            return Ok(visitor.verified);
        };
        match self.passwords.verdict(users, request.headers()).await {
            Verdict::Accepted => Ok(true),
            Verdict::Busy => Err(refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many passwords wait to be checked; try again",
            )),
            Verdict::Refused => {
                let mut refusal = refuse(StatusCode::UNAUTHORIZED, "Unauthorized");
                refusal.0.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
                Err(refusal)
            }
        }
    }

    async fn pass(
        &self,
        mut request: Request<Incoming>,
        visitor: Visitor,
        authenticated: bool,
        permit: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<Response<Body>, Refusal> {
        let host = named(&mut request)?;
        self.strip_prefix(&mut request)?;
        if !self.is_for_any_host(&request) && !host.as_deref().is_some_and(|host| self.hosts.allows(host)) {
            return Err(refuse(
                StatusCode::FORBIDDEN,
                "refused: pages are not served under the name that was asked for; --web.allowed-hosts names more",
            ));
        }
        if !self.always.contains(&request.uri().path()) {
            *permit = Some(self.place().await?);
        }
        let is_near = || !self.has_external_url && is_near(&request, visitor, host.as_deref());
        let may_act = authenticated || self.lifecycle || is_near();
        request.extensions_mut().insert(MayAct(may_act));
        let request = whole(request).await?;
        let Ok(response) = self.router.clone().oneshot(request).await;
        Ok(response)
    }

    /// Leaves of the path what the router knows.
    fn strip_prefix<B>(&self, request: &mut Request<B>) -> Result<(), Refusal> {
        if self.prefix.is_empty() {
            return Ok(());
        }
        let uri = request.uri();
        let rest = uri.path().strip_prefix(&self.prefix).filter(|rest| rest.starts_with('/'));
        let Some(rest) = rest else {
            let home = HeaderValue::from_str(&format!("{}/", self.prefix)).ok();
            return Err(match home.filter(|_| uri.path() == "/" || uri.path() == self.prefix) {
                Some(home) => Refusal(Box::new((StatusCode::FOUND, [(LOCATION, home)]).into_response())),
                None => refuse(StatusCode::NOT_FOUND, "not found"),
            });
        };
        let stripped = uri.query().map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}"));
        match stripped.parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return Err(refuse(StatusCode::BAD_REQUEST, "refused: the path is none")),
        }
        Ok(())
    }

    fn is_for_any_host<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        reads && (self.always.contains(&path) || self.any_host.iter().any(|open| open == path))
    }

    /// A place among the requests at once; a reader that does not read loses theirs.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(permit);
        }
        if self.connections.close_stalled(Instant::now())
            && let Ok(Ok(permit)) = timeout(ROOM_WITHIN, Arc::clone(&self.places).acquire_owned()).await
        {
            return Ok(permit);
        }
        let line = format!("{} requests are being answered already (--web.max-requests)", self.max_requests);
        Err(refuse(StatusCode::SERVICE_UNAVAILABLE, &line))
    }
}

/// The host that is asked, if any: no name may be there twice, in whatever form.
fn named<B>(request: &mut Request<B>) -> Result<Option<String>, Refusal> {
    let bad = |line| Err(refuse(StatusCode::BAD_REQUEST, line));
    let headers = request.headers();
    let twice = |name: &str| headers.get_all(name).iter().nth(1).is_some();
    if [HOST.as_str(), ORIGIN.as_str(), "sec-fetch-site"].into_iter().any(twice) {
        return bad("refused: Host, Origin and Sec-Fetch-Site may be there once");
    }
    let field = headers.get(HOST).map(HeaderValue::as_bytes);
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    if field.zip(authority).is_some_and(|(field, authority)| !field.eq_ignore_ascii_case(authority)) {
        return bad("refused: Host and the address asked for name two hosts");
    }
    let Some(named) = field.or(authority) else {
        return if request.version() == Version::HTTP_11 { bad("refused: no Host") } else { Ok(None) };
    };
    let Some(host) = std::str::from_utf8(named).ok().and_then(hosts::host) else {
        return bad("refused: Host is no host");
    };
    // HTTP/2 has it in the address alone; `web` compares Origin with the field.
    if let Some(value) = authority.and_then(|named| HeaderValue::from_bytes(named).ok()) {
        request.headers_mut().insert(HOST, value);
    }
    Ok(Some(host))
}

/// What proxies add. Behind one, every stranger comes from loopback.
const BY_PROXIES: [&str; 3] = ["forwarded", "x-real-ip", "via"];

fn is_near<B>(request: &Request<B>, visitor: Visitor, host: Option<&str>) -> bool {
    visitor.peer == Peer::Near
        && request.version() >= Version::HTTP_11
        && host.is_some_and(hosts::is_loopback)
        && !is_forwarded(request.headers())
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| name.as_str().starts_with("x-forwarded-") || BY_PROXIES.contains(&name.as_str()))
}

/// The request with its body read, so that nobody holds a handler by sending slowly.
async fn whole(request: Request<Incoming>) -> Result<Request<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    match timeout(BODY_WITHIN, axum::body::to_bytes(Body::new(body), BODY)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(_)) => {
            Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "refused: the body is too large, or broke off"))
        }
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT, "refused: the body did not come in time")),
    }
}

/// One line of text.
fn refuse(status: StatusCode, line: &str) -> Refusal {
    let headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ];
    Refusal(Box::new((status, headers, format!("{line}\n")).into_response()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, headers: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request = Request::builder().uri("/").version(version).body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    fn name_of(version: Version, headers: &[(&'static str, &'static str)]) -> Result<Option<String>, u16> {
        named(&mut request(version, headers)).map_err(|refusal| refusal.0.status().as_u16())
    }

    #[test]
    fn what_is_asked_for_is_named_once_and_must_be_named_in_http_1_1_alone() {
        let host = ("host", "watch.example.com:10177");
        let found = Ok(Some("watch.example.com".to_owned()));
        for (version, headers, expected) in [
            (Version::HTTP_11, &[host][..], found.clone()),
            (Version::HTTP_11, &[], Err(400)),
            (Version::HTTP_10, &[], Ok(None)),
            (Version::HTTP_10, &[host], found),
            (Version::HTTP_11, &[host, host], Err(400)),
            (Version::HTTP_11, &[host, ("origin", "null"), ("origin", "null")], Err(400)),
            (Version::HTTP_11, &[host, ("sec-fetch-site", "none"), ("sec-fetch-site", "none")], Err(400)),
            (Version::HTTP_11, &[("host", "")], Err(400)),
            (Version::HTTP_11, &[("host", "a b")], Err(400)),
        ] {
            assert_eq!(name_of(version, headers), expected, "{version:?} {headers:?}");
        }
    }

    #[test]
    fn an_address_in_the_request_line_must_be_that_of_the_host_field() {
        for (uri, host, status) in [
            ("http://localhost:1/", Some("localhost:1"), None),
            ("http://localhost:1/", Some("evil.example.com"), Some(400)),
            ("http://localhost:1/", None, None),
        ] {
            let mut request = Request::builder().uri(uri).body(()).unwrap();
            if let Some(host) = host {
                request.headers_mut().insert(HOST, HeaderValue::from_static(host));
            }
            let seen = named(&mut request).err().map(|refusal| refusal.0.status().as_u16());
            assert_eq!(seen, status, "{uri} {host:?}");
            assert!(status.is_some() || request.headers()[HOST] == "localhost:1");
        }
    }

    #[test]
    fn who_counts_as_near_as_a_table() {
        let local = ("host", "localhost:10177");
        for (peer, version, headers, expected) in [
            (Peer::Near, Version::HTTP_11, &[local][..], true),
            (Peer::Near, Version::HTTP_2, &[local], true),
            (Peer::Near, Version::HTTP_11, &[("host", "127.0.0.1")], true),
            (Peer::Near, Version::HTTP_10, &[local], false),
            (Peer::Far, Version::HTTP_11, &[local], false),
            (Peer::Near, Version::HTTP_11, &[("host", "watch.example.com")], false),
            (Peer::Near, Version::HTTP_11, &[local, ("forwarded", "for=192.0.2.1")], false),
            (Peer::Near, Version::HTTP_11, &[local, ("x-forwarded-for", "192.0.2.1")], false),
            (Peer::Near, Version::HTTP_11, &[local, ("x-forwarded-proto", "https")], false),
            (Peer::Near, Version::HTTP_11, &[local, ("x-real-ip", "192.0.2.1")], false),
            (Peer::Near, Version::HTTP_11, &[local, ("via", "1.1 proxy")], false),
        ] {
            let mut request = request(version, headers);
            let Ok(host) = named(&mut request) else { panic!("{headers:?}") };
            let near = is_near(&request, Visitor { peer, verified: false }, host.as_deref());
            assert_eq!(near, expected, "{peer:?} {version:?} {headers:?}");
        }
    }
}
