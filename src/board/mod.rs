//! The newest state of each target: written by `probe` and `schedule`, read by `metrics` and `web`.
//!
//! A reader takes one immutable [`TargetState`] per target and is never in a writer's way; a writer
//! changes a copy and puts it up whole, so that what one scrape shows of a target is consistent.

mod failures;
mod host_count;
mod log_state;
mod transition;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use self::failures::Failures;
pub use self::host_count::HostCount;
pub use self::log_state::{Counted, FileProblem, LogState};
use crate::domain::extensions::{Drift, Untold};
pub use crate::domain::outcome::TokenView;
use crate::domain::outcome::Version;
use crate::domain::reason::ReasonSet;
use crate::domain::target::LogFile;
use crate::domain::{Grant, Operation, Phases, Reason, Warning};
use arc_swap::{ArcSwap, ArcSwapOption, Guard};

/// Upper bounds of the buckets of `pbx_request_duration_seconds`, seconds; `+Inf` follows.
pub const BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What stays the same for a target between reloads; what its readers need to know of it.
#[derive(Clone, Debug)]
pub struct TargetInfo {
    pub name: Arc<str>,
    /// Label value of `pbx_target_info`.
    pub platform: Arc<str>,
    /// The acquiring grant, label value of `pbx_target_info`.
    pub grant: Grant,
    /// `scheme://host[:port]`, and the path that the PBX lives below, for the page; never a label.
    pub origin: Arc<str>,
    pub plaintext: bool,
    pub https: bool,
    pub token_elsewhere: bool,
    /// Which operations are called, by `Operation::index`: `token` unless the grant is `static`,
    /// `extensions`, `version` where on.
    pub operations: [bool; Operation::COUNT],
    pub grants: Vec<Grant>,
    /// For each operation the reasons that can occur for this target.
    pub reasons: [ReasonSet; Operation::COUNT],
    pub log: Vec<LogFile>,
}

/// The state of one target at one moment. Counters that come in arrays have 32 bits: enough for a
/// probe a second over 136 years, and half the memory that a scrape has to walk through.
#[derive(Clone, Debug, Default)]
pub struct TargetState {
    /// Whether the newest probe got the list; `None` before the first.
    pub up: Option<bool>,
    /// One entry an operation, by `Operation::index`.
    pub endpoints: [Endpoint; Operation::COUNT],
    /// Whole passes.
    pub probes: u64,
    pub probe_failures: u64,
    pub consecutive_failures: u64,
    /// Unix seconds at the end of the newest pass.
    pub last_probe: Option<f64>,
    /// Unix seconds at the end of the newest successful pass.
    pub last_success: Option<f64>,
    pub wait: Duration,
    /// Unix seconds until which probes are put off because this origin's budget of refusing answers is spent.
    pub put_off: Option<f64>,
    pub token: Option<TokenView>,
    /// Unix seconds of the next token request by the renewal rule; stays when the token is dropped.
    pub renewal_due: Option<f64>,
    /// One entry for each of `TargetInfo::grants`, in that order.
    pub grants: Vec<GrantCounters>,
    /// Tokens refused by the API before their expiry.
    pub token_rejections: u64,
    /// The list's total, while the list is well and the total known.
    pub extensions: Option<u64>,
    /// Whether a list before named some.
    pub had_extensions: bool,
    pub rate_limit_remaining: Option<u64>,
    pub rate_limit_reset: Option<f64>,
    /// Earliest notAfter of the chain served by the API, and by a token endpoint elsewhere, Unix seconds.
    pub certificate_expiry: [Option<f64>; 2],
    pub version: Option<Arc<Version>>,
    /// How the newest list compares with the extensions expected, or why it was not compared; the ids
    /// are cut to the first few.
    pub drift: Option<Arc<Result<Drift, Untold>>>,
}

#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// Whether the newest exchange gave what it should; `None` before the first, and while the
    /// endpoint cannot be called without a token.
    pub up: Option<bool>,
    /// Why it is not up; `None` while up.
    pub condition: Option<Condition>,
    /// What was odd about the newest answer.
    pub warning: Option<Warning>,
    /// HTTP answers of status 200. Apart, because most targets have no others, and then no memory for them.
    pub ok: u64,
    /// Those by any other status code as received (100 to 599); [`Code::OTHER`] and [`Code::NONE`]
    /// apart. Sorted by code.
    pub others: Vec<(Code, u64)>,
    /// Failed requests by `Reason::index`; those of the token endpoint also by grant.
    pub failures: Failures,
    pub durations: Histogram,
    pub phases: Phases,
}

#[derive(Clone, Debug)]
pub struct Condition {
    pub reason: Reason,
    /// The name of the cause.
    pub cause: Cow<'static, str>,
    /// For people: what is wrong and how to fix it.
    pub diagnosis: Arc<str>,
    /// Unix seconds since when, without a break.
    pub since: f64,
}

/// A value of the label `code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code(pub u16);

impl Code {
    /// A status outside 100 to 599.
    pub const OTHER: Self = Self(u16::MAX - 1);
    pub const NONE: Self = Self(u16::MAX);
}

#[derive(Clone, Debug)]
pub struct GrantCounters {
    pub grant: Grant,
    pub requests: u64,
    /// Those that gave none, by `Reason::index`.
    pub failures: Failures,
}

impl GrantCounters {
    pub const fn new(grant: Grant) -> Self {
        Self { grant, requests: 0, failures: Failures::new() }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Histogram {
    /// Observations in each bucket alone (not cumulative); the last is above all bounds.
    pub counts: [u32; BUCKETS.len() + 1],
    pub sum: f64,
}

impl Histogram {
    pub fn observe(&mut self, seconds: f64) {
        let bucket = BUCKETS.partition_point(|bound| *bound < seconds);
        self.counts[bucket] += 1;
        self.sum += seconds;
    }
}

#[derive(Debug)]
pub struct Slot {
    pub info: TargetInfo,
    edition: AtomicU64,
    state: ArcSwap<TargetState>,
    /// Apart from `state`, because it has a writer of its own. `None`: no log is followed.
    log: ArcSwapOption<LogState>,
    /// The same for the second count; `None` where none is configured, and before the first.
    host_count: ArcSwapOption<HostCount>,
}

impl Slot {
    pub fn new(info: TargetInfo) -> Self {
        let state = TargetState {
            grants: info.grants.iter().copied().map(GrantCounters::new).collect(),
            ..TargetState::default()
        };
        let log = (!info.log.is_empty()).then(|| Arc::new(LogState::new(info.log.len())));
        let (edition, state) = (AtomicU64::new(0), ArcSwap::from_pointee(state));
        Self { info, edition, state, log: log.into(), host_count: ArcSwapOption::empty() }
    }

    /// Changes with whatever else is read here. What is read after it is at least as new.
    pub fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    /// The edition last: who reads it before sees what is new again, and who reads it after sees nothing older.
    fn put(&self, put: impl FnOnce()) {
        put();
        self.edition.fetch_add(1, Ordering::Release);
    }

    /// The newest state, for a look that ends soon: it costs less than [`Self::state`].
    pub fn peek(&self) -> Guard<Arc<TargetState>> {
        self.state.load()
    }

    pub fn state(&self) -> Arc<TargetState> {
        self.state.load_full()
    }

    pub fn publish(&self, state: TargetState) {
        self.put(|| self.state.store(Arc::new(state)));
    }

    /// What the PBX's own logs told; `None` where none is followed.
    pub fn log(&self) -> Option<Arc<LogState>> {
        self.log.load_full()
    }

    /// Puts up what the logs told; without effect where none is followed.
    pub fn publish_log(&self, state: LogState) {
        if !self.info.log.is_empty() {
            self.put(|| self.log.store(Some(Arc::new(state))));
        }
    }

    pub fn host_count(&self) -> Option<Arc<HostCount>> {
        self.host_count.load_full()
    }

    pub fn publish_host_count(&self, host_count: HostCount) {
        self.put(|| self.host_count.store(Some(Arc::new(host_count))));
    }
}

#[derive(Debug, Default)]
pub struct Board {
    slots: ArcSwap<Vec<Arc<Slot>>>,
}

impl Board {
    pub fn slots(&self) -> Arc<Vec<Arc<Slot>>> {
        self.slots.load_full()
    }

    /// Replaces the targets: who is not in `slots` is gone with all its series.
    pub fn replace(&self, slots: Vec<Arc<Slot>>) {
        self.slots.store(Arc::new(slots));
    }
}

impl TargetState {
    pub fn endpoint(&self, operation: Operation) -> &Endpoint {
        &self.endpoints[operation.index()]
    }

    pub fn endpoint_mut(&mut self, operation: Operation) -> &mut Endpoint {
        &mut self.endpoints[operation.index()]
    }

    /// Every condition now, the token's first.
    pub fn conditions(&self) -> impl Iterator<Item = (Operation, &Condition)> {
        Operation::ALL
            .into_iter()
            .filter_map(|operation| self.endpoint(operation).condition.as_ref().map(|c| (operation, c)))
    }

    /// What is odd where all is well.
    pub fn warnings(&self) -> impl Iterator<Item = (Operation, Warning)> {
        Operation::ALL.into_iter().filter_map(|operation| {
            let endpoint = self.endpoint(operation);
            Some((operation, endpoint.warning.filter(|_| endpoint.up == Some(true))?))
        })
    }

    /// The condition that explains the target's state best: the token's first.
    pub fn condition(&self) -> Option<(Operation, &Condition)> {
        self.conditions().next()
    }

    /// How the newest list compares with the extensions expected; `None` where it was not compared.
    pub fn drift(&self) -> Option<&Drift> {
        self.drift.as_deref()?.as_ref().ok()
    }
}
