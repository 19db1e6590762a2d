//! One HTTP exchange with time and size limit; keeps status, headers, phases, certificate expiry.
//!
//! Belongs here: everything that knows reqwest or rustls. Does not belong here: what an answer means.

mod dial;
mod failure;
mod hooks;
mod pool;
mod recorder;
mod redirect;
mod tls;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;
use url::Url;

pub(crate) use self::dial::{Certificate, DialFuture, Served};
pub use self::dial::{Dial, Event};
use self::pool::{Client, Pool};
use self::recorder::Recorder;
use crate::domain::target::ClientSettings;
use crate::domain::{Answer, Exchange, Request, TransportError};

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From start to the last byte.
    pub timeout: Duration,
    /// Largest body, bytes, as it comes over the wire: no content coding is ever asked for.
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

    async fn run(&self, settings: &ClientSettings, limits: Limits, request: Request) -> Exchange {
        let start = Instant::now();
        let client = match self.pool.client(settings) {
            Ok(client) => client,
            Err(cause) => return Exchange::unsent(TransportError::Exporter(cause)),
        };
        let recorder = Recorder::new(start, &request.url, client.proxies(&request.url));
        let journey = Journey { client: &client, recorder: &recorder, limit: limits.body };
        let timed = tokio::time::timeout(limits.timeout, journey.go(request));
        let result = hooks::scope(Arc::clone(&recorder), timed).await.unwrap_or_else(|_| {
            let phase = recorder.trace().step.phase();
            Err(TransportError::Timeout { limit: limits.timeout, phase })
        });
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
    client: &'a Client,
    recorder: &'a Recorder,
    limit: u64,
}

impl Journey<'_> {
    async fn go(&self, request: Request) -> Result<Answer, TransportError> {
        let Request { method, mut url, mut headers, body, last } = request;
        if last {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let mut visited = Vec::new();
        loop {
            let response = self.send(&method, &url, &headers, &body).await?;
            match redirect::next(&method, &url, response.status(), response.headers())? {
                None => return self.read(response).await,
                Some(next) if visited.len() == redirect::LIMIT || next == url || visited.contains(&next) => {
                    return Err(TransportError::RedirectLoop);
                }
                Some(next) => visited.push(std::mem::replace(&mut url, next)),
            }
            self.recorder.next_request();
        }
    }

    async fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<reqwest::Response, TransportError> {
        let mut request = reqwest::Request::new(method.clone(), url.clone());
        *request.headers_mut() = headers.clone();
        if !body.is_empty() {
            *request.body_mut() = Some(body.clone().into());
        }
        let response = self.client.http.execute(request).await.map_err(|e| self.failure(&e))?;
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED && self.recorder.proxied() {
            // The proxy's answer, not the PBX's: no status of an exchange with the PBX.
            return Err(TransportError::Proxy("it requires authentication, or other credentials".into()));
        }
        self.recorder.head(response.status());
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
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer { status: response.status(), headers, body: body.freeze() })
    }

    fn failure(&self, error: &reqwest::Error) -> TransportError {
        failure::classify(error, self.recorder)
    }
}
