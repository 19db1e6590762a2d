//! How many refusing answers an origin may still give us.
//!
//! Fail2ban bans an address, not an application: every refusal that any target, retry or follow-up query gets from one origin counts against one budget, and a request takes its place in it before
//! it is sent, since it may be refused. Beside it, of the other kind of budget: who lives on it (`shares`).

mod shares;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::Class;
use crate::domain::outcome::Attempt;

pub use shares::{Share, Shares};

#[derive(Debug)]
pub struct Origin {
    state: Mutex<State>,
    freed: Notify,
    shares: Shares,
}

#[derive(Debug, Default)]
struct State {
    places: usize,
    /// Of these, for proven requests alone.
    kept: usize,
    window: Duration,
    refusals: VecDeque<Instant>,
    /// The newest refusal of credentials, denials of access aside.
    credentials_refused: Option<Instant>,
    /// When a token that had been good was last rejected.
    tokens_died: Option<Instant>,
    in_flight: usize,
}

/// A place in the budget, held while a request is under way; dropped, the place is free again.
#[derive(Debug)]
pub struct Permit<'a>(&'a Origin);

impl Origin {
    /// A budget of `places` refusing answers within any `window`.
    pub fn new(places: usize, window: Duration) -> Self {
        let state = State { places, kept: 1, window, ..State::default() };
        Self { state: Mutex::new(state), freed: Notify::new(), shares: Shares::default() }
    }

    /// The same for a single run, in which nobody is proven: no place is kept.
    #[must_use]
    pub fn keeping_none(self) -> Self {
        self.state().kept = 0;
        self
    }

    /// Who asks this origin, where requests are counted.
    pub const fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Changes the budget; what was refused stays counted.
    pub fn resize(&self, places: usize, window: Duration) {
        {
            let mut state = self.state();
            (state.places, state.window) = (places, window);
        }
        self.freed.notify_waiters();
    }

    /// Takes a place, waiting while only requests under way stand against it. A request that is not
    /// `proven` (its last answer was a refusal, or there was none yet) leaves the last place to those
    /// that are, so that one bad target does not blind its neighbours.
    pub async fn admit(&self, proven: bool) -> Result<Permit<'_>, Duration> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                if let Some(wait) = state.wait(proven) {
                    return Err(wait);
                }
                if state.refusals.len() + state.in_flight < state.places_for(proven) {
                    state.in_flight += 1;
                    return Ok(Permit(self));
                }
            }
            freed.await;
        }
    }

    pub fn refused_lately(&self) -> bool {
        !self.state().refusals.is_empty()
    }

    /// Whether this origin refused credentials within the window: what a ban follows.
    pub fn refused_credentials_lately(&self) -> bool {
        let state = self.state();
        state.credentials_refused.is_some_and(|at| Instant::now() < at + state.window)
    }

    /// How long until a request may be sent; `None`: now. See [`Self::admit`].
    pub fn wait(&self, proven: bool) -> Option<Duration> {
        self.state().wait(proven)
    }

    /// Notes that a token which had been good was rejected.
    pub fn note_token_died(&self) {
        self.state().tokens_died = Some(Instant::now());
    }

    pub fn tokens_died(&self) -> Option<Instant> {
        self.state().tokens_died
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while state.refusals.front().is_some_and(|at| *at + state.window <= now) {
            state.refusals.pop_front();
        }
        state
    }
}

impl State {
    fn places_for(&self, proven: bool) -> usize {
        if proven { self.places } else { self.places.saturating_sub(self.kept).max(1) }
    }

    fn wait(&self, proven: bool) -> Option<Duration> {
        let excess = self.refusals.len().checked_sub(self.places_for(proven))?;
        Some((self.refusals[excess] + self.window) - Instant::now())
    }
}

impl Permit<'_> {
    /// Gives the place back, or spends it where the answer was a refusal.
    pub fn judge(self, attempt: &Attempt) {
        if !attempt.is_refusal() {
            return;
        }
        let (now, mut state) = (Instant::now(), self.0.state());
        state.refusals.push_back(now);
        if attempt.failure.is_some_and(|reason| reason.class() == Class::Refused) {
            state.credentials_refused = Some(now);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        if std::thread::panicking() {
            // Nobody knows what the answer was.
            state.refusals.push_back(Instant::now());
        }
        drop(state);
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grant, Reason};

    fn refused() -> Attempt {
        Attempt::unsent(Grant::ClientCredentials, Reason::InvalidClient)
    }

    const WINDOW: Duration = Duration::from_secs(2400);

    #[tokio::test(start_paused = true)]
    async fn the_last_place_is_kept_for_a_proven_request() {
        let origin = Origin::new(6, WINDOW);
        for _ in 0..5 {
            origin.admit(false).await.expect("a place").judge(&refused());
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert_eq!(origin.admit(false).await.err(), Some(Duration::from_secs(2400 - 300)));
        origin.admit(true).await.expect("the kept place").judge(&refused());
        assert!(origin.admit(true).await.is_err());
        tokio::time::advance(WINDOW).await;
        assert!(!origin.refused_lately());
        assert!(origin.admit(false).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_run_keeps_no_place() {
        let origin = Origin::new(3, WINDOW).keeping_none();
        for _ in 0..3 {
            origin.admit(false).await.expect("a place").judge(&refused());
        }
        assert!(origin.admit(true).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_held_through_a_panic_is_spent() {
        let origin = std::sync::Arc::new(Origin::new(6, WINDOW));
        let held = origin.clone();
        let task = tokio_util::task::TaskTracker::new().spawn(async move {
            let _permit = held.admit(true).await.expect("a place");
            panic!("a test's panic");
        });
        assert!(task.await.is_err() && origin.refused_lately());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_under_way_hold_their_places() {
        let origin = Origin::new(3, WINDOW);
        let first = origin.admit(true).await.expect("a place");
        let second = origin.admit(false).await.expect("a place");
        let waits = tokio::time::timeout(Duration::from_secs(1), origin.admit(false)).await;
        assert!(waits.is_err(), "an unproven third must wait");
        drop(second);
        let third = origin.admit(false).await.expect("the freed place");
        third.judge(&refused());
        first.judge(&refused());
        assert!(origin.admit(false).await.is_err());
        assert!(origin.admit(true).await.is_ok());
    }
}
