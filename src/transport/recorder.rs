//! The notes of one exchange: how far it has come, how long each phase took, what was seen on the way.
//!
//! Does not belong here: who reports, which is `hooks`.

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use rustls::pki_types::ServerName;
use tokio::time::Instant;
use url::Url;

use crate::domain::{Phase, Phases};

#[derive(Clone, Copy, Debug)]
pub(super) struct Trace {
    pub(super) phase: Phase,
    since: Instant,
    /// The phases as they were before the dial now under way, to return to when it is given up.
    before_dial: Option<Phases>,
    pub(super) phases: Phases,
    /// Whether this exchange made the connection that it used.
    pub(super) fresh: bool,
    /// Whether the name looked up last was the target's, not a proxy's.
    pub(super) own_name: bool,
    /// Whether a client certificate was asked for; if so, whether one was given.
    pub(super) certificate_asked: Option<bool>,
    pub(super) status: Option<StatusCode>,
    pub(super) certificate_expiry: Option<i64>,
}

impl Trace {
    pub(super) fn enter(&mut self, phase: Phase) {
        let now = Instant::now();
        self.account(now);
        (self.phase, self.since) = (phase, now);
    }

    /// The request goes out on a connection that came free meanwhile: an unfinished dial is not its own.
    pub(super) fn give_up_dial(&mut self) {
        if let Some(phases) = self.before_dial.take() {
            self.phases = phases;
            self.phase = Phase::Processing;
        }
    }

    fn account(&mut self, now: Instant) {
        let slot = match self.phase {
            Phase::Resolve => &mut self.phases.resolve,
            Phase::Connect => &mut self.phases.connect,
            Phase::Tls => &mut self.phases.tls,
            Phase::Processing => &mut self.phases.processing,
            Phase::Transfer => &mut self.phases.transfer,
        };
        *slot = Some(slot.unwrap_or(0.0) + (now - self.since).as_secs_f32());
    }
}

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
            phase: Phase::Processing,
            since: start,
            before_dial: None,
            phases: Phases::default(),
            fresh: false,
            own_name: true,
            certificate_asked: None,
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

    /// The request went out, on whatever connection.
    pub(super) fn sent(&self) {
        self.with(Trace::give_up_dial);
    }

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
            trace.enter(Phase::Processing);
            trace.fresh = false;
        });
    }

    /// The head of an answer has come.
    pub(super) fn head(&self, status: StatusCode) {
        self.with(|trace| {
            trace.give_up_dial();
            trace.enter(Phase::Transfer);
            trace.status = Some(status);
        });
    }

    /// Looks at or changes the notes.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Trace) -> T) -> T {
        act(&mut self.trace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn dial_begins(&self) {
        self.with(|trace| {
            trace.before_dial = Some(trace.phases);
            (trace.phase, trace.since) = (Phase::Connect, Instant::now());
        });
    }

    pub(super) fn dial_done(&self) {
        self.with(|trace| {
            trace.before_dial = None;
            trace.fresh = true;
            trace.enter(Phase::Processing);
        });
    }

    pub(super) fn resolve_begins(&self, name: &str) {
        self.with(|trace| {
            trace.own_name = self.proxied_host.as_deref().is_none_or(|host| host == name);
            (trace.phase, trace.since) = (Phase::Resolve, Instant::now());
        });
    }

    pub(super) fn resolved(&self) {
        self.with(|trace| trace.enter(Phase::Connect));
    }

    pub(super) fn is_target(&self, name: &ServerName<'_>) -> bool {
        match (&self.tls_host, &self.proxied_host) {
            (Some(host), Some(_)) => **host == *name.to_str(),
            (host, _) => host.is_some(),
        }
    }
}
