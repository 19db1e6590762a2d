//! What resolver, connector and TLS stack report of an exchange to its recorder.
//!
//! hyper-util dials inside the task that sends the request, so a task-local reaches the hooks without
//! a map from connection to request. Only a dial that lost the race against a connection that came
//! free is moved to a task of its own; there the hooks find no recorder and report nothing.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types;

use super::recorder::Recorder;
use crate::domain::Phase;
use crate::domain::target::ServerName;

tokio::task_local! {
    static RECORDER: Arc<Recorder>;
}

/// Runs `future` with `recorder` at hand for the hooks.
pub(super) fn scope<F: Future>(recorder: Arc<Recorder>, future: F) -> impl Future<Output = F::Output> {
    RECORDER.scope(recorder, future)
}

/// The ClientHello to `name` is about to be made.
pub(super) fn handshake_begins(name: &pki_types::ServerName<'_>) {
    let _ = RECORDER.try_with(|recorder| {
        if recorder.is_target(name) {
            recorder.with(|trace| trace.enter(Phase::Tls));
        }
    });
}

/// `name` served a chain whose earliest notAfter is `expiry`.
pub(super) fn chain_served(name: &pki_types::ServerName<'_>, expiry: Option<i64>) {
    let _ = RECORDER.try_with(|recorder| {
        if recorder.is_target(name) {
            recorder.with(|trace| trace.certificate_expiry = expiry);
        }
    });
}

/// The server asks for a client certificate, and whether it gets one.
pub(super) fn certificate_asked(given: bool) {
    let _ = RECORDER.try_with(|recorder| recorder.with(|trace| trace.certificate_asked = Some(given)));
}

/// The system's resolver, timed.
pub(super) struct NotingResolver {
    /// What TLS calls another name than the one to look up.
    pub(super) server_name: Option<ServerName>,
}

impl NotingResolver {
    fn host<'a>(&'a self, name: &'a str) -> &'a str {
        let server = self.server_name.as_ref().filter(|server| server.name.eq_ignore_ascii_case(name));
        server.map_or(name, |server| server.host.trim_matches(['[', ']']))
    }
}

impl Resolve for NotingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = self.host(name.as_str()).to_owned();
        Box::pin(async move {
            if let Ok(address) = host.parse::<IpAddr>() {
                return Ok(Box::new(std::iter::once(SocketAddr::from((address, 0)))) as Addrs);
            }
            let _ = RECORDER.try_with(|recorder| recorder.resolve_begins(&host));
            let addresses = tokio::net::lookup_host((host, 0)).await?;
            let _ = RECORDER.try_with(|recorder| recorder.resolved());
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// Has a connector report to the recorder of the request it dials for.
pub(super) fn noted<F>(inner: F) -> Dial<F> {
    let recorder = RECORDER.try_with(Arc::clone).ok().inspect(|recorder| recorder.dial_begins());
    Dial { inner, recorder }
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
            self.recorder.take().inspect(|recorder| recorder.sent());
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
