//! When to probe: interval, jitter, waits after failures, limits on what is in flight.
//!
//! One task holds the timetable; each pass runs in a task of its own, so that a panic or a hanging
//! PBX harms no other target. A target is put back on the timetable only when its pass has ended,
//! so passes never pile up.

mod drift;
mod entry;
mod host_counter;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use self::entry::{End, Entry, Finished, PassTask, jitter};
use crate::board::Board;
use crate::budget::Origin;
use crate::clock::Clock;
use crate::config::Limits;
use crate::control::ProbeNow;
use crate::domain::Target;
use crate::domain::outcome::Attempt;
use crate::metrics::ExporterMetrics;
use crate::probe::Probe;
use crate::store::Store;
use crate::transport::Transport;

/// A person may ask for one probe of a target within this time.
const MANUAL_INTERVAL: Duration = Duration::from_secs(60);
/// Readiness waits no longer than this for the first probes.
const READY_AFTER: Duration = Duration::from_secs(60);
/// First probes are spread over this for each target, and over one interval at most, so that all are soon known.
const SPREAD_PER_TARGET: Duration = Duration::from_millis(5);

#[derive(Clone)]
pub struct Parts {
    pub transport: Arc<dyn Transport>,
    pub board: Arc<Board>,
    pub metrics: Arc<ExporterMetrics>,
    /// Where tokens are kept over a restart, if anywhere.
    pub store: Option<Arc<Store>>,
    pub clock: Clock,
    /// Set once every target of the first configuration was probed.
    pub ready: Arc<AtomicBool>,
    pub cancel: CancellationToken,
}

enum Command {
    Replace(Vec<Arc<Target>>, Limits, oneshot::Sender<()>),
    ProbeNow(String, oneshot::Sender<ProbeNow>),
    Origin(String, oneshot::Sender<Option<Arc<Origin>>>),
    Note(String, Attempt),
}

#[derive(Clone, Debug)]
pub struct Handle(mpsc::Sender<Command>);

impl Handle {
    /// Makes `targets` the ones that are probed. Unchanged ones keep token, counters and timetable.
    pub async fn replace(&self, targets: Vec<Arc<Target>>, limits: Limits) {
        self.ask(|done| Command::Replace(targets, limits, done)).await;
    }

    /// One probe of the target of that name now, past any back-off.
    pub async fn probe_now(&self, target: String) -> ProbeNow {
        self.ask(|reply| Command::ProbeNow(target, reply)).await.unwrap_or(ProbeNow::Stopping)
    }

    /// The budget of refusals of the token endpoint of the target of that name; `None` where there is no such target.
    pub async fn origin(&self, target: String) -> Option<Arc<Origin>> {
        self.ask(|reply| Command::Origin(target, reply)).await.flatten()
    }

    /// Counts an exchange that somebody else made for the target of that name, when its next pass is due.
    pub async fn note(&self, target: String, attempt: Attempt) {
        // An error means that the scheduler stops, and nobody counts any more.
        self.0.send(Command::Note(target, attempt)).await.ok();
    }

    /// `None`: the scheduler stops.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.0.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}

pub struct Scheduler {
    parts: Parts,
    commands: mpsc::Receiver<Command>,
    limits: Limits,
    overall: Arc<Semaphore>,
    hosts: HashMap<String, Arc<Semaphore>>,
    origins: HashMap<String, Arc<Origin>>,
    entries: HashMap<u64, Entry>,
    names: HashMap<Arc<str>, u64>,
    /// When, when last attempted, who.
    due: BinaryHeap<Reverse<(Instant, Option<Instant>, u64)>>,
    /// And the same in Unix seconds.
    started: (Instant, f64),
    passes: JoinSet<Finished>,
    /// One task for each target with a second count.
    host_counts: TaskTracker,
    running: HashMap<Id, u64>,
    /// Of the first configuration, still without an outcome; `None` before that configuration came.
    awaited: Option<HashSet<u64>>,
    next_serial: u64,
}

impl Scheduler {
    pub fn new(parts: Parts, limits: Limits) -> (Self, Handle) {
        let (sender, commands) = mpsc::channel(64);
        let started = (Instant::now(), parts.clock.unix());
        let scheduler = Self {
            parts,
            commands,
            limits,
            overall: Arc::new(Semaphore::new(limits.probes_in_flight)),
            hosts: HashMap::new(),
            origins: HashMap::new(),
            entries: HashMap::new(),
            names: HashMap::new(),
            due: BinaryHeap::new(),
            started,
            passes: JoinSet::new(),
            host_counts: TaskTracker::new(),
            running: HashMap::new(),
            awaited: None,
            next_serial: 0,
        };
        (scheduler, Handle(sender))
    }

    /// Runs until cancelled; then waits for the passes under way, which end soon because they are
    /// cancelled too, except token requests.
    pub async fn run(mut self) {
        let cancel = self.parts.cancel.clone();
        let ready_at = Instant::now() + READY_AFTER;
        loop {
            let next = self.due.peek().map(|Reverse((at, ..))| *at);
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(command) = self.commands.recv() => self.obey(command),
                Some(joined) = self.passes.join_next_with_id() => self.joined(joined),
                () = tokio::time::sleep_until(ready_at), if !self.is_ready() => self.be_ready(),
                () = until(next) => self.start_due(),
            }
        }
        while self.passes.join_next().await.is_some() {}
        self.host_counts.close();
        self.host_counts.wait().await;
    }

    fn is_ready(&self) -> bool {
        self.parts.ready.load(Ordering::Relaxed)
    }

    fn be_ready(&self) {
        self.parts.ready.store(true, Ordering::Relaxed);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Replace(targets, limits, done) => {
                self.replace(targets, limits);
                // Who asked may have gone.
                done.send(()).ok();
            }
            Command::ProbeNow(name, reply) => self.probe_now(&name, reply),
            Command::Origin(name, reply) => {
                let serial = self.names.get(&*name);
                let target = serial.map(|serial| self.entries[serial].probe.target().clone());
                reply.send(target.map(|target| self.origin(target.token_origin()))).ok();
            }
            Command::Note(name, attempt) => {
                let entry = self.names.get(&*name).and_then(|serial| self.entries.get_mut(serial));
                if let Some(entry) = entry {
                    entry.noted.push(attempt);
                }
            }
        }
    }

    fn replace(&mut self, targets: Vec<Arc<Target>>, limits: Limits) {
        self.limit(limits);
        let spread = SPREAD_PER_TARGET * u32::try_from(targets.len()).unwrap_or(u32::MAX);
        let mut old = std::mem::take(&mut self.names);
        let mut order = Vec::with_capacity(targets.len());
        for target in targets {
            let name = target.name.clone();
            let kept = old.get(&name).copied().filter(|s| *self.entries[s].probe.target() == target);
            if kept.is_some() {
                old.remove(&name);
            }
            let before = old.get(&name).and_then(|serial| self.entries.get(serial));
            let before = before.map(|entry| entry.probe.clone());
            let serial = kept.unwrap_or_else(|| self.add(target, before.as_deref(), spread));
            self.names.insert(name, serial);
            order.push(serial);
        }
        for serial in old.into_values() {
            if let Some(mut entry) = self.entries.remove(&serial) {
                entry.cancel.cancel();
                entry.reply(ProbeNow::UnknownTarget);
            }
            self.outcome_came(serial);
        }
        self.put_on_board(&order);
        self.forget_unused();
        if self.awaited.is_none() {
            self.awaited = Some(self.entries.keys().copied().collect());
            self.outcome_came(u64::MAX);
        }
    }

    fn limit(&mut self, limits: Limits) {
        if limits == self.limits {
            return;
        }
        self.limits = limits;
        self.overall = Arc::new(Semaphore::new(limits.probes_in_flight));
        self.hosts.clear();
        for origin in self.origins.values() {
            origin.resize(limits.refusals_per_origin, limits.refusal_window);
        }
    }

    fn add(&mut self, target: Arc<Target>, before: Option<&Probe>, spread: Duration) -> u64 {
        let serial = self.next_serial;
        self.next_serial += 1;
        let (origin, token_origin) = (self.origin(&target.origin), self.origin(target.token_origin()));
        let jitter = jitter(&target.name);
        let due = Instant::now() + spread.min(target.interval).mul_f64(jitter);
        let place = self.place(target.interval, jitter);
        let (transport, clock) = (self.parts.transport.clone(), self.parts.clock);
        let probe = Probe::new(target, before, transport, origin, clock)
            .taking_tokens_at(token_origin)
            .keeping_tokens(self.parts.store.clone());
        let entry = Entry::new(probe, due, place, self.parts.cancel.child_token());
        if let Some(settings) = &entry.probe.target().host_count {
            let watch = host_counter::Watch::new(settings.clone(), &entry, &self.parts);
            self.host_counts.spawn(watch.run(due));
        }
        self.entries.insert(serial, entry);
        self.due.push(Reverse((due, None, serial)));
        serial
    }

    /// A moment at which a target of that jitter is due in each interval, over restarts too: in Unix time.
    fn place(&self, interval: Duration, jitter: f64) -> Instant {
        let (started, unix) = self.started;
        let interval = interval.as_secs_f64();
        started + Duration::from_secs_f64((interval * jitter - unix).rem_euclid(interval))
    }

    /// The budget of that origin, which all who ask it share.
    fn origin(&mut self, url: &Url) -> Arc<Origin> {
        let limits = self.limits;
        let new = || Arc::new(Origin::new(limits.refusals_per_origin, limits.refusal_window));
        self.origins.entry(url.origin().ascii_serialization()).or_insert_with(new).clone()
    }

    fn put_on_board(&self, order: &[u64]) {
        let slots: Vec<_> = order.iter().map(|serial| self.entries[serial].slot.clone()).collect();
        self.parts.metrics.set_targets(slots.len());
        self.parts.board.replace(slots);
    }

    fn forget_unused(&mut self) {
        self.origins.retain(|_, origin| Arc::strong_count(origin) > 1 || origin.refused_lately());
        self.hosts.retain(|_, gate| Arc::strong_count(gate) > 1);
    }

    fn probe_now(&mut self, name: &str, reply: oneshot::Sender<ProbeNow>) {
        let entry = self.names.get(name).and_then(|serial| Some((*serial, self.entries.get_mut(serial)?)));
        let Some((serial, entry)) = entry else {
            reply.send(ProbeNow::UnknownTarget).ok();
            return;
        };
        let now = Instant::now();
        if let Some(next) = entry.manual.map(|at| at + MANUAL_INTERVAL).filter(|next| *next > now) {
            reply.send(ProbeNow::TooSoon { retry_after: next - now }).ok();
            return;
        }
        entry.manual = Some(now);
        entry.asked.push(reply);
        if !entry.running {
            entry.due = now;
            self.start(serial);
        }
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, _, serial))) =
            self.due.peek().copied().filter(|Reverse((at, ..))| *at <= now)
        {
            self.due.pop();
            // What a manual probe or a reload has overtaken is no longer due.
            if self.entries.get(&serial).is_some_and(|entry| !entry.running && entry.due == at) {
                self.start(serial);
            }
        }
    }

    fn start(&mut self, serial: u64) {
        let Some(entry) = self.entries.get_mut(&serial) else { return };
        entry.running = true;
        let host = entry.probe.target().origin.host_str().unwrap_or_default();
        let per_host = self.limits.probes_per_host;
        let gate = match self.hosts.get(host) {
            Some(gate) => gate.clone(),
            None => self.hosts.entry(host.to_owned()).or_insert(Arc::new(Semaphore::new(per_host))).clone(),
        };
        let pass = PassTask {
            due: entry.due,
            place: entry.place,
            manual: !entry.asked.is_empty(),
            probe: entry.probe.clone(),
            slot: entry.slot.clone(),
            noted: std::mem::take(&mut entry.noted),
            cancel: entry.cancel.clone(),
            gates: [gate, self.overall.clone()],
            metrics: self.parts.metrics.clone(),
            clock: self.parts.clock,
        };
        entry.serving = std::mem::take(&mut entry.asked);
        let id = self.passes.spawn(pass.run()).id();
        self.running.insert(id, serial);
    }

    fn joined(&mut self, joined: Result<(Id, Finished), JoinError>) {
        let (id, finished) = match joined {
            Ok((id, finished)) => (id, Some(finished)),
            Err(error) => (error.id(), None),
        };
        let Some(serial) = self.running.remove(&id) else { return };
        let Finished { mut next, end } = finished.unwrap_or_else(|| self.panicked(serial));
        if matches!(end, End::Outcome | End::PutOff(_)) {
            self.outcome_came(serial);
        }
        if let End::PutOff(_) = end {
            // To a whole second, so that all who wait for one place come up together and in fair order.
            let second = (next - self.started.0).as_secs() + 1;
            next = self.started.0 + Duration::from_secs(second);
        }
        let Some(entry) = self.entries.get_mut(&serial) else { return };
        entry.running = false;
        entry.finish(end);
        entry.due = if entry.asked.is_empty() { next } else { Instant::now() };
        self.due.push(Reverse((entry.due, entry.attempted, serial)));
    }

    fn panicked(&self, serial: u64) -> Finished {
        self.parts.metrics.panicked();
        let wait = self.entries.get(&serial).map_or(Duration::ZERO, |entry| {
            entry.record_panic(self.parts.clock);
            entry.probe.target().backoff.denied
        });
        Finished { next: Instant::now() + wait, end: End::Outcome }
    }

    fn outcome_came(&mut self, serial: u64) {
        if let Some(awaited) = &mut self.awaited {
            awaited.remove(&serial);
            if awaited.is_empty() {
                self.be_ready();
            }
        }
    }
}

/// Waits until then; with nothing on the timetable, for as long as nothing comes onto it.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
