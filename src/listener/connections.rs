//! Every open connection, what it is doing and since when; closes those that take too long, and makes room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::ExporterMetrics;

/// A handshake and a whole header.
const HEADER: Duration = Duration::from_secs(10);
/// Between two requests: longer than scrape intervals.
const IDLE: Duration = Duration::from_secs(300);
/// Without any progress of a reader.
const STALLED: Duration = Duration::from_secs(30);
/// A whole answer, however slowly it is read.
const ANSWER: Duration = Duration::from_secs(300);
/// What has stalled for so long makes room where others wait.
const MAKES_ROOM: Duration = Duration::from_secs(2);

/// The connections of all sockets.
pub(super) struct Connections {
    cap: usize,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Watch>>>,
    metrics: Arc<ExporterMetrics>,
}

impl Connections {
    pub(super) fn new(cap: usize, metrics: Arc<ExporterMetrics>) -> Arc<Self> {
        Arc::new(Self { cap, next: AtomicU64::new(0), open: Mutex::default(), metrics })
    }

    /// A place for a new connection; where all are taken, somebody who asks for nothing loses theirs. `None` where all work.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut open = lock(&self.open);
        if open.len() >= self.cap {
            let idlest = idlest(&open)?;
            self.close(&mut open, idlest);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let watch = Arc::new(Watch::new(Instant::now()));
        open.insert(id, Arc::clone(&watch));
        self.metrics.connected();
        Some(Place { id, watch, all: Arc::clone(self) })
    }

    /// Makes room where descriptors have run out.
    pub(super) fn close_idlest(&self) {
        let mut open = lock(&self.open);
        if let Some(idlest) = idlest(&open) {
            self.close(&mut open, idlest);
        }
    }

    /// Closes what is over its time.
    pub(super) fn sweep(&self, now: Instant) {
        let mut open = lock(&self.open);
        let late: Vec<_> = open.iter().filter(|(_, watch)| watch.is_late(now)).map(|(id, _)| *id).collect();
        for id in late {
            self.close(&mut open, id);
        }
    }

    /// Closes the connection whose reader has stalled longest; whether there was one.
    pub(super) fn close_stalled(&self, now: Instant) -> bool {
        let mut open = lock(&self.open);
        let stalled = open.iter().filter_map(|(id, watch)| Some((watch.stalled_since()?, *id)));
        let longest = stalled.filter(|(since, _)| now >= *since + MAKES_ROOM).min();
        if let Some((_, id)) = longest {
            self.close(&mut open, id);
        }
        longest.is_some()
    }

    fn close(&self, open: &mut HashMap<u64, Arc<Watch>>, id: u64) {
        if let Some(watch) = open.remove(&id) {
            watch.close.cancel();
            self.metrics.disconnected();
        }
    }
}

/// Whoever has never sent a whole header comes before whoever has; then the longest wait decides.
fn idlest(open: &HashMap<u64, Arc<Watch>>) -> Option<u64> {
    let idle = open.iter().filter_map(|(id, watch)| Some((watch.idle()?, *id)));
    idle.min().map(|(_, id)| id)
}

/// One connection's place, given back when dropped.
pub(super) struct Place {
    id: u64,
    pub watch: Arc<Watch>,
    all: Arc<Connections>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.close(&mut lock(&self.all.open), self.id);
    }
}

/// What one connection does.
pub(super) struct Watch {
    /// Cancelled where the connection is to end at once.
    pub close: CancellationToken,
    state: Mutex<State>,
}

struct State {
    /// Since when it waits, or began to send a header.
    since: Instant,
    /// Whether a whole header ever came.
    served: bool,
    /// Whether a header has begun.
    reading: bool,
    /// Whether many requests share it, so that what comes need not be a header.
    multiplexed: bool,
    requests: usize,
    /// Since when its socket takes nothing.
    blocked: Option<Instant>,
    next_answer: u64,
    answers: HashMap<u64, Sending>,
}

/// An answer under way.
struct Sending {
    begun: Instant,
    progress: Instant,
}

impl Watch {
    fn new(now: Instant) -> Self {
        let state = State {
            since: now,
            served: false,
            reading: false,
            multiplexed: false,
            requests: 0,
            blocked: None,
            next_answer: 0,
            answers: HashMap::new(),
        };
        Self { close: CancellationToken::new(), state: Mutex::new(state) }
    }

    /// HTTP/2 was agreed on.
    pub(super) fn multiplexed(&self) {
        lock(&self.state).multiplexed = true;
    }

    /// Bytes came.
    pub(super) fn received(&self) {
        let mut state = lock(&self.state);
        if state.requests == 0 && state.served && !state.reading && !state.multiplexed {
            (state.reading, state.since) = (true, Instant::now());
        }
    }

    /// Bytes went, or could not.
    pub(super) fn wrote(&self, progress: bool) {
        let mut state = lock(&self.state);
        state.blocked = if progress { None } else { state.blocked.or_else(|| Some(Instant::now())) };
    }

    /// A whole header came. The request lasts until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Answering {
        let mut state = lock(&self.state);
        state.requests += 1;
        (state.served, state.reading) = (true, false);
        state.next_answer += 1;
        Answering { id: state.next_answer, watch: Arc::clone(self) }
    }

    /// Whether nothing is lost where it ends now.
    pub(super) fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        state.requests == 0 && state.blocked.is_none()
    }

    /// The rank among those that could be closed; `None` while it works.
    fn idle(&self) -> Option<(bool, Instant)> {
        let state = lock(&self.state);
        (state.requests == 0).then_some((state.served, state.since))
    }

    fn stalled_since(&self) -> Option<Instant> {
        let state = lock(&self.state);
        state.answers.values().map(|sending| sending.progress).chain(state.blocked).min()
    }

    fn is_late(&self, now: Instant) -> bool {
        let state = lock(&self.state);
        let wait = if state.served && !state.reading { IDLE } else { HEADER };
        let waits = state.requests == 0 && now >= state.since + wait;
        let is_slow = |s: &Sending| now >= s.progress + STALLED || now >= s.begun + ANSWER;
        waits
            || state.blocked.is_some_and(|since| now >= since + STALLED)
            || state.answers.values().any(is_slow)
    }
}

/// A request and its answer, until dropped.
pub(super) struct Answering {
    id: u64,
    watch: Arc<Watch>,
}

impl Answering {
    /// The answer is asked for more.
    pub(super) fn progress(&self) {
        let now = Instant::now();
        let mut state = lock(&self.watch.state);
        let sending = state.answers.entry(self.id).or_insert(Sending { begun: now, progress: now });
        sending.progress = now;
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = lock(&self.watch.state);
        state.answers.remove(&self.id);
        state.requests -= 1;
        state.since = Instant::now();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(cap: usize) -> Arc<Connections> {
        Connections::new(cap, ExporterMetrics::new())
    }

    async fn later(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    fn is_closed(place: &Place) -> bool {
        place.watch.close.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn the_full_house_closes_the_silent_first_then_the_idlest_and_never_who_works() {
        let all = connections(3);
        let scraper = all.enter().unwrap();
        drop(scraper.watch.begin());
        later(1).await;
        let (silent, busy) = (all.enter().unwrap(), all.enter().unwrap());
        let work = busy.watch.begin();
        later(1).await;
        let fresh = all.enter().unwrap();
        assert!(is_closed(&silent) && !is_closed(&scraper) && !is_closed(&busy));
        drop(fresh.watch.begin());
        let newest = all.enter().unwrap();
        assert!(is_closed(&scraper) && !is_closed(&fresh), "the one that has idled longest");
        let (_b, _c) = (fresh.watch.begin(), newest.watch.begin());
        assert!(all.enter().is_none(), "all work");
        drop(work);
        assert!(all.enter().is_some() && is_closed(&busy));
    }

    #[tokio::test(start_paused = true)]
    async fn time_limits_as_a_table() {
        let all = connections(9);
        let sweep = || all.sweep(Instant::now());
        let (silent, idle, slow) = (all.enter().unwrap(), all.enter().unwrap(), all.enter().unwrap());
        for place in [&idle, &slow] {
            drop(place.watch.begin());
        }
        later(9).await;
        silent.watch.received();
        slow.watch.received();
        sweep();
        assert!(!is_closed(&silent));
        later(1).await;
        sweep();
        assert!(is_closed(&silent) && !is_closed(&slow), "ten seconds for a header, from its first byte");
        later(9).await;
        sweep();
        assert!(is_closed(&slow) && !is_closed(&idle));
        later(281).await;
        sweep();
        assert!(is_closed(&idle), "five minutes between two requests");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_does_not_read_is_closed_and_one_that_works_is_not() {
        let all = connections(9);
        let (deaf, slow, works) = (all.enter().unwrap(), all.enter().unwrap(), all.enter().unwrap());
        let answers = [&deaf, &slow, &works].map(|place| place.watch.begin());
        answers[0].progress();
        answers[1].progress();
        for _ in 0..14 {
            later(20).await;
            answers[1].progress();
        }
        all.sweep(Instant::now());
        assert!(is_closed(&deaf) && !is_closed(&slow) && !is_closed(&works), "no time limit for a handler");
        later(20).await;
        answers[1].progress();
        all.sweep(Instant::now());
        assert!(is_closed(&slow), "an answer has five minutes, however slowly it is read");
    }

    #[tokio::test(start_paused = true)]
    async fn who_stalls_longest_makes_room() {
        let all = connections(9);
        let (first, second) = (all.enter().unwrap(), all.enter().unwrap());
        let (a, b) = (first.watch.begin(), second.watch.begin());
        a.progress();
        assert!(!all.close_stalled(Instant::now()));
        later(2).await;
        b.progress();
        assert!(all.close_stalled(Instant::now()) && is_closed(&first) && !is_closed(&second));
        assert!(!all.close_stalled(Instant::now()));
    }
}
