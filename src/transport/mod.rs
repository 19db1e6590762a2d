//! One HTTP exchange with time and size limit; keeps status, headers, phases, certificate expiry.
//!
//! Belongs here: everything that knows reqwest or rustls. Does not belong here: what an answer means.

mod chain;
mod coding;
mod dial;
mod failure;
mod hooks;
mod pool;
mod recorder;
mod redirect;
mod session;
mod tls;
mod tunnel;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::StatusCode;
use http::header::{CONNECTION, HOST, HeaderValue};
use tokio::time::Instant;
use url::{Position, Url};

pub(crate) use self::dial::{Certificate, DialFuture, Served};
pub use self::dial::{Dial, Event};
use self::pool::{Client, Pool};
use self::recorder::Recorder;
pub(crate) use self::session::Sessions;
use crate::domain::target::ClientSettings;
use crate::domain::{Answer, Exchange, Phase, Request, TransportError};

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From start to the last byte.
    pub timeout: Duration,
    /// Largest body, bytes: as it comes over the wire, and once more when decoded.
    pub body: u64,
}

pub type ExchangeFuture<'a> = Pin<Box<dyn Future<Output = Exchange> + Send + 'a>>;

/// The seam between what is asked and how it travels.
pub trait Transport: Send + Sync {
    /// Sends `request` and waits for the whole answer, within `limits`. Never panics for anything
    /// the far side does. Dropping the future cancels the exchange.
    fn exchange<'a>(
        &'a self,
        client: &'a ClientSettings,
        limits: Limits,
        request: Request,
    ) -> ExchangeFuture<'a>;
}

/// HTTP/1.1 over TCP and TLS. Equal settings share a client and its connections.
#[derive(Default)]
pub struct HttpTransport {
    pool: Pool,
    sessions: Sessions,
}

impl HttpTransport {
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds a client of `settings` and drops it, so that a bad file is reported before it is needed; the error has the
    /// key of the target that is wrong.
    pub fn validate(settings: &ClientSettings) -> Result<(), (&'static str, String)> {
        Pool::validate(settings)
    }

    /// Drops the clients of all other settings than those in `used`, with their connections.
    pub fn retain(&self, used: &[&ClientSettings]) {
        self.pool.retain(used);
    }

    /// Forgets the sessions of all other targets than those that bear one of `names`.
    pub fn retain_sessions(&self, names: &[&str]) {
        self.sessions.retain(names);
    }

    async fn run(&self, settings: &ClientSettings, limits: Limits, request: Request) -> Exchange {
        let start = Instant::now();
        let client = match self.pool.client(settings) {
            Ok(client) => client,
            Err(cause) => return Exchange::unsent(TransportError::Exporter(cause)),
        };
        let recorder = Recorder::new(start, &settings.in_tls(&request.url), client.proxies(&request.url));
        let journey = Journey {
            settings,
            client: &client,
            recorder: &recorder,
            sessions: &self.sessions,
            limit: limits.body,
        };
        let timed = tokio::time::timeout(limits.timeout, journey.go(request));
        let result = hooks::scope(Arc::clone(&recorder), timed)
            .await
            .unwrap_or_else(|_| Err(silence(limits.timeout, recorder.trace().phase, recorder.proxied())));
        let trace = recorder.finish();
        Exchange {
            result,
            duration: start.elapsed(),
            phases: trace.phases,
            status: trace.status,
            certificate_expiry: trace.certificate_expiry,
        }
    }
}

/// Who was silent for `limit`, where it is not the far side.
fn silence(limit: Duration, phase: Phase, proxied: bool) -> TransportError {
    let time = humantime::format_duration(limit);
    match phase {
        Phase::Resolve => TransportError::Resolver(format!("no answer within {time}")),
        Phase::Connect if proxied => TransportError::Proxy(format!("no connection through it within {time}")),
        phase => TransportError::Timeout { limit, phase },
    }
}

impl Transport for HttpTransport {
    fn exchange<'a>(
        &'a self,
        client: &'a ClientSettings,
        limits: Limits,
        request: Request,
    ) -> ExchangeFuture<'a> {
        Box::pin(self.run(client, limits, request))
    }
}

/// An announced body gets its memory at once up to this, beyond it as it comes.
const RESERVE: u64 = 64 * 1024;

/// A request on its way, redirects within its origin included.
struct Journey<'a> {
    settings: &'a ClientSettings,
    client: &'a Client,
    recorder: &'a Recorder,
    sessions: &'a Sessions,
    limit: u64,
}

impl Journey<'_> {
    async fn go(&self, mut request: Request) -> Result<Answer, TransportError> {
        if request.last {
            request.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let mut visited = Vec::new();
        loop {
            let response = self.send(&request).await?;
            match redirect::next(&request.method, &request.url, response.status(), response.headers())? {
                None => return self.read(response).await,
                Some(next)
                    if visited.len() == redirect::LIMIT || next == request.url || visited.contains(&next) =>
                {
                    return Err(TransportError::RedirectLoop);
                }
                Some(next) => visited.push(std::mem::replace(&mut request.url, next)),
            }
            self.recorder.next_request();
        }
    }

    async fn send(&self, request: &Request) -> Result<reqwest::Response, TransportError> {
        let response = match self.client.http.execute(self.on_wire(request)).await {
            Err(error) if request.reads && failure::is_stale(&error, self.recorder) => {
                self.recorder.next_request();
                let client = self.client.without_connections().map_err(|e| self.failure(&e))?;
                client.execute(self.on_wire(request)).await
            }
            sent => sent,
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => return Err(self.refused(&error, &request.url).await),
        };
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED && self.recorder.proxied() {
            // The proxy's answer, not the PBX's: no status of an exchange with the PBX.
            return Err(TransportError::Tunnel(407));
        }
        self.recorder.head(response.status());
        if let Some(target) = &request.session {
            self.sessions.keep(target, &request.url, response.status(), response.headers());
        }
        Ok(response)
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Answer, TransportError> {
        let announced = response.content_length().unwrap_or(0);
        if announced > self.limit {
            return Err(TransportError::TooLarge(self.limit));
        }
        let mut body = BytesMut::with_capacity(usize::try_from(announced.min(RESERVE)).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failure(&e))? {
            if (body.len() + chunk.len()) as u64 > self.limit {
                return Err(TransportError::TooLarge(self.limit));
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = coding::decoded(status, &headers, body.freeze(), self.limit)?;
        Ok(Answer { status, headers, body })
    }

    async fn refused(&self, error: &reqwest::Error, url: &Url) -> TransportError {
        match (&self.settings.proxy, self.failure(error)) {
            (Some(proxy), TransportError::Proxy(words)) if words == failure::NO_TUNNEL => {
                tunnel::refusal(proxy, url).await
            }
            (_, failure) => failure,
        }
    }

    fn failure(&self, error: &reqwest::Error) -> TransportError {
        failure::classify(error, self.recorder)
    }

    fn on_wire(&self, request: &Request) -> reqwest::Request {
        let url = self.settings.in_tls(&request.url);
        let host = (url != request.url).then(|| &request.url[Position::BeforeHost..Position::AfterPort]);
        let mut wire = reqwest::Request::new(request.method.clone(), url);
        *wire.headers_mut() = request.headers.clone();
        if let Some(Ok(host)) = host.map(HeaderValue::from_str) {
            wire.headers_mut().insert(HOST, host);
        }
        if let Some(target) = &request.session {
            self.sessions.add(target, &request.url, wire.headers_mut());
        }
        if !request.body.is_empty() {
            *wire.body_mut() = Some(request.body.clone().into());
        }
        wire
    }
}
