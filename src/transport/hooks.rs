//! How far an exchange has come: a recorder that resolver, connector and TLS stack report to.
//!
//! hyper-util dials inside the task that sends the request, so a task-local reaches the hooks without
//! a map from connection to request. Only a dial that lost the race against a connection that came
//! free is moved to a task of its own; there the hooks find no recorder and report nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::ServerName;
use tokio::time::Instant;
use tower::{Layer, Service};
use url::Url;

use crate::domain::Phases;

tokio::task_local! {
    static RECORDER: Arc<Recorder>;
}

/// Where an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Resolve,
    Connect,
    Tls,
    Processing,
    Transfer,
}

impl Step {
    /// The phase's name in the metric contract.
    pub(super) const fn phase(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Processing => "processing",
            Self::Transfer => "transfer",
        }
    }
}

/// What is known of the exchange so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trace {
    pub(super) step: Step,
    since: Instant,
    /// The phases as they were before the dial now under way, to return to when it is given up.
    before_dial: Option<Phases>,
    pub(super) phases: Phases,
    /// Whether this exchange made the connection that it used.
    pub(super) fresh: bool,
    /// Whether the name looked up last was the target's, not a proxy's.
    pub(super) own_name: bool,
    pub(super) status: Option<StatusCode>,
    pub(super) certificate_expiry: Option<i64>,
}

impl Trace {
    fn enter(&mut self, step: Step) {
        let now = Instant::now();
        self.account(now);
        (self.step, self.since) = (step, now);
    }

    /// The request goes out on a connection that came free meanwhile: an unfinished dial is not its own.
    fn give_up_dial(&mut self) {
        if let Some(phases) = self.before_dial.take() {
            self.phases = phases;
            self.step = Step::Processing;
        }
    }

    fn account(&mut self, now: Instant) {
        let slot = match self.step {
            Step::Resolve => &mut self.phases.resolve,
            Step::Connect => &mut self.phases.connect,
            Step::Tls => &mut self.phases.tls,
            Step::Processing => &mut self.phases.processing,
            Step::Transfer => &mut self.phases.transfer,
        };
        *slot = Some(slot.unwrap_or(0.0) + (now - self.since).as_secs_f32());
    }
}

/// The notes of one exchange.
#[derive(Debug)]
pub(super) struct Recorder {
    trace: Mutex<Trace>,
    /// Host of an https target: certificates of any other name are a proxy's.
    tls_host: Option<Box<str>>,
    /// The target's host where a proxy stands in between, which has a name of its own.
    proxied_host: Option<Box<str>>,
}

impl Recorder {
    pub(super) fn new(start: Instant, url: &Url, proxied: bool) -> Arc<Self> {
        let host = || url.host_str().unwrap_or_default().trim_matches(['[', ']']).into();
        let trace = Trace {
            step: Step::Processing,
            since: start,
            before_dial: None,
            phases: Phases::default(),
            fresh: false,
            own_name: true,
            status: None,
            certificate_expiry: None,
        };
        Arc::new(Self {
            trace: Mutex::new(trace),
            tls_host: (url.scheme() == "https").then(host),
            proxied_host: proxied.then(host),
        })
    }

    /// Whether a proxy stands in between.
    pub(super) fn proxied(&self) -> bool {
        self.proxied_host.is_some()
    }

    /// What is known now.
    pub(super) fn trace(&self) -> Trace {
        self.with(|trace| *trace)
    }

    /// Closes the step that is under way and gives the whole.
    pub(super) fn finish(&self) -> Trace {
        self.with(|trace| {
            trace.account(Instant::now());
            *trace
        })
    }

    /// Another request of this exchange begins, after a redirect.
    pub(super) fn next_request(&self) {
        self.with(|trace| {
            trace.enter(Step::Processing);
            trace.fresh = false;
        });
    }

    /// The head of an answer has come.
    pub(super) fn head(&self, status: StatusCode) {
        self.with(|trace| {
            trace.give_up_dial();
            trace.enter(Step::Transfer);
            trace.status = Some(status);
        });
    }

    /// Runs `future` with this recorder at hand for the hooks.
    pub(super) fn scope<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        RECORDER.scope(Arc::clone(self), future)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Trace) -> T) -> T {
        act(&mut self.trace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn dial_begins(&self) {
        self.with(|trace| {
            trace.before_dial = Some(trace.phases);
            (trace.step, trace.since) = (Step::Connect, Instant::now());
        });
    }

    fn dial_done(&self) {
        self.with(|trace| {
            trace.before_dial = None;
            trace.fresh = true;
            trace.enter(Step::Processing);
        });
    }

    fn resolve_begins(&self, name: &str) {
        self.with(|trace| {
            trace.own_name = self.proxied_host.as_deref().is_none_or(|host| host == name);
            (trace.step, trace.since) = (Step::Resolve, Instant::now());
        });
    }

    fn resolved(&self) {
        self.with(|trace| trace.enter(Step::Connect));
    }

    fn is_target(&self, name: &ServerName<'_>) -> bool {
        match (&self.tls_host, &self.proxied_host) {
            (Some(host), Some(_)) => **host == *name.to_str(),
            (host, _) => host.is_some(),
        }
    }
}

/// The ClientHello to `name` is about to be made.
pub(super) fn handshake_begins(name: &ServerName<'_>) {
    let _ = RECORDER.try_with(|recorder| {
        if recorder.is_target(name) {
            recorder.with(|trace| trace.enter(Step::Tls));
        }
    });
}

/// `name` served a chain whose earliest notAfter is `expiry`.
pub(super) fn chain_served(name: &ServerName<'_>, expiry: Option<i64>) {
    let _ = RECORDER.try_with(|recorder| {
        if recorder.is_target(name) {
            recorder.with(|trace| trace.certificate_expiry = expiry);
        }
    });
}

/// The system's resolver, timed.
pub(super) struct NotingResolver;

impl Resolve for NotingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let _ = RECORDER.try_with(|recorder| recorder.resolve_begins(name.as_str()));
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let _ = RECORDER.try_with(|recorder| recorder.resolved());
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// Times the connector as a whole.
#[derive(Clone, Copy)]
pub(super) struct DialLayer;

impl<S> Layer<S> for DialLayer {
    type Service = NotingConnector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        NotingConnector(inner)
    }
}

/// A connector that reports to the recorder of the request it dials for.
#[derive(Clone)]
pub(super) struct NotingConnector<S>(S);

impl<S, R> Service<R> for NotingConnector<S>
where
    S: Service<R>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Dial<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let recorder = RECORDER.try_with(Arc::clone).ok();
        if let Some(recorder) = &recorder {
            recorder.dial_begins();
        }
        Dial { inner: self.0.call(request), recorder }
    }
}

/// A dial under way. Its recorder is let go once it has reported.
pub(super) struct Dial<F> {
    inner: F,
    recorder: Option<Arc<Recorder>>,
}

impl<F, T, E> Future for Dial<F>
where
    F: Future<Output = Result<T, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.recorder.is_some() && RECORDER.try_with(|_| ()).is_err() {
            // Polled by a task of its own: the race is lost.
            self.give_up();
        }
        let polled = Pin::new(&mut self.inner).poll(cx);
        if let Poll::Ready(result) = &polled
            && let Some(recorder) = self.recorder.take()
            && result.is_ok()
        {
            recorder.dial_done();
        }
        polled
    }
}

impl<F> Dial<F> {
    fn give_up(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.with(Trace::give_up_dial);
        }
    }
}
