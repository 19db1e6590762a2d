//! The transport seam on simulated PBXes: no sockets, so that paused tokio time steers everything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use url::Url;

use super::pbx::{SimPbx, SimRequest};
use crate::domain::target::ClientSettings;
use crate::domain::{Answer, Exchange, Phases, Request, TransportError};
use crate::transport::{ExchangeFuture, Limits, Transport};

/// Simulated PBXes by origin. An origin that nobody has is a name that does not resolve.
#[derive(Debug, Default)]
pub struct SimTransport {
    pbxes: HashMap<String, Arc<SimPbx>>,
    failures: Mutex<HashMap<String, TransportError>>,
}

impl SimTransport {
    /// The same with `pbx` at `origin`.
    #[must_use]
    pub fn with(mut self, origin: &Url, pbx: Arc<SimPbx>) -> Self {
        self.pbxes.insert(key(origin), pbx);
        self
    }

    /// From now on every exchange with `origin` fails so before the PBX sees it; `None` ends that.
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
        let answer = pbx.answer(&sim_request(request));
        let delay = answer.delay.unwrap_or_default();
        sleep(delay.min(limits.timeout)).await;
        if delay >= limits.timeout {
            return Err(TransportError::Timeout { limit: limits.timeout, phase: "processing" });
        }
        if answer.body.len() as u64 > limits.body {
            return Err(TransportError::TooLarge(limits.body));
        }
        Ok(Answer { status: answer.status, headers: answer.headers, body: answer.body })
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
