//! The transport seam on simulated PBXes: no sockets, so that paused tokio time steers everything.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use url::Url;

use super::pbx::{SimRequest, Simulated};
use crate::domain::target::ClientSettings;
use crate::domain::tls_fault::TlsFault;
use crate::domain::{Answer, Exchange, Phase, Phases, Request, TransportError};
use crate::transport::{
    Certificate, Dial, DialFuture, Event, ExchangeFuture, Limits, Served, Sessions, Transport,
};

/// Simulated PBXes by origin. An origin that nobody has is a name that does not resolve.
#[derive(Debug, Default)]
pub struct SimTransport {
    pbxes: HashMap<String, Arc<dyn Simulated>>,
    failures: Mutex<HashMap<String, TransportError>>,
    sessions: Sessions,
}

impl SimTransport {
    #[must_use]
    pub fn with(mut self, origin: &Url, pbx: Arc<impl Simulated>) -> Self {
        self.pbxes.insert(key(origin), pbx);
        self
    }

    pub fn fail(&self, origin: &Url, error: Option<TransportError>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => failures.insert(key(origin), error),
            None => failures.remove(&key(origin)),
        };
    }

    fn failure(&self, origin: &str) -> Option<TransportError> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(origin).cloned()
    }

    async fn answer(&self, limits: Limits, request: Request) -> Result<Answer, TransportError> {
        let origin = key(&request.url);
        if let Some(error) = self.failure(&origin) {
            if let TransportError::Timeout { .. } = error {
                sleep(limits.timeout).await;
            }
            return Err(error);
        }
        let pbx = self.pbxes.get(&origin).ok_or_else(|| TransportError::Dns("no such host".into()))?;
        let (url, session) = (request.url.clone(), request.session.clone());
        let mut request = request;
        if let Some(target) = &session {
            self.sessions.add(target, &url, &mut request.headers);
        }
        let answer = pbx.answer(&sim_request(request));
        if let Some(target) = &session {
            self.sessions.keep(target, &url, answer.status, &answer.headers);
        }
        let delay = answer.delay.unwrap_or_default();
        sleep(delay.min(limits.timeout)).await;
        if delay >= limits.timeout {
            return Err(TransportError::Timeout { limit: limits.timeout, phase: Phase::Processing });
        }
        if answer.body.len() as u64 > limits.body {
            return Err(TransportError::TooLarge(limits.body));
        }
        Ok(Answer { status: answer.status, headers: answer.headers, body: answer.body })
    }
}

/// An address of the range for documentation (RFC 5737).
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// 2100-01-01.
const CHAIN_UNTIL: u64 = 4_102_444_800;
/// 2020-01-01.
const EXPIRED: u64 = 1_577_836_800;

fn look(
    url: &Url,
    error: Option<&TransportError>,
    seen: &mut dyn FnMut(Event),
) -> Result<(), TransportError> {
    let at = |phase: Phase| error.is_some_and(|error| fails_at(error, phase));
    let end = || error.cloned().map_or(Ok(()), Err);
    if at(Phase::Resolve) {
        return end();
    }
    let address = SocketAddr::from((ADDRESS, url.port_or_known_default().unwrap_or(443)));
    seen(Event::Resolved(vec![address]));
    if at(Phase::Connect) {
        return end();
    }
    seen(Event::Connected(address));
    if url.scheme() == "https" {
        let named = |name: &str| format!("CN={name}");
        let host = named(url.host_str().unwrap_or_default());
        let issuer = named("Made-up CA");
        let expired = matches!(error, Some(TransportError::Tls(TlsFault::Expired(..))));
        let not_after = if expired { EXPIRED } else { CHAIN_UNTIL };
        if !matches!(error, Some(TransportError::Tls(TlsFault::NotTls))) {
            seen(Event::Shown(vec![Certificate { subject: host, issuer, not_after }]));
        }
        if at(Phase::Tls) {
            return end();
        }
        seen(Event::Secured(Served { protocol: "TLS 1.3" }));
    }
    Ok(())
}

fn fails_at(error: &TransportError, step: Phase) -> bool {
    match error {
        TransportError::Dns(_) | TransportError::Resolver(_) => step == Phase::Resolve,
        TransportError::Connect(_) | TransportError::Here(_) => step == Phase::Connect,
        TransportError::Tls(_) => step == Phase::Tls,
        TransportError::Timeout { phase, .. } => *phase == step,
        _ => false,
    }
}

impl Dial for SimTransport {
    fn dial<'a>(
        &'a self,
        client: &'a ClientSettings,
        url: &'a Url,
        _: Duration,
        seen: &'a mut (dyn FnMut(Event) + Send),
    ) -> DialFuture<'a> {
        Box::pin(async move {
            if let Some(proxy) = &client.proxy {
                seen(Event::Proxied(proxy.url.as_str().trim_end_matches('/').to_owned()));
                return Ok(());
            }
            look(url, self.failure(&key(url)).as_ref(), seen)
        })
    }
}

fn sim_request(request: Request) -> SimRequest {
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    SimRequest {
        method: request.method,
        path_and_query: request.url.path().to_owned() + &query,
        headers: request.headers,
        body: request.body,
    }
}

fn key(url: &Url) -> String {
    url.origin().ascii_serialization()
}

impl Transport for SimTransport {
    fn exchange<'a>(&'a self, _: &'a ClientSettings, limits: Limits, request: Request) -> ExchangeFuture<'a> {
        Box::pin(async move {
            let start = Instant::now();
            let result = self.answer(limits, request).await;
            let status = result.as_ref().ok().map(|answer| answer.status);
            let duration: Duration = start.elapsed();
            let processing = status.map(|_| duration.as_secs_f32());
            let phases = Phases { processing, ..Phases::default() };
            Exchange { result, duration, phases, status, certificate_expiry: None }
        })
    }
}
