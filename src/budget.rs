//! How many refusing answers an origin may still give us.
//!
//! Fail2ban bans an address, not an application: every refusal that any target, retry or follow-up
//! query draws from one origin counts against one budget, and a request takes its place in it before
//! it is sent, since it may be refused.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The budget of one origin.
#[derive(Debug)]
pub struct Origin {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    places: usize,
    window: Duration,
    refusals: VecDeque<Instant>,
    in_flight: usize,
}

/// A place in the budget, held while a request is under way; dropped, the place is free again.
#[derive(Debug)]
pub struct Permit<'a>(&'a Origin);

impl Origin {
    /// A budget of `places` refusing answers within any `window`.
    pub fn new(places: usize, window: Duration) -> Self {
        let state = State { places, window, refusals: VecDeque::new(), in_flight: 0 };
        Self { state: Mutex::new(state), freed: Notify::new() }
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
    ///
    /// # Errors
    /// How long until past refusals leave a place.
    pub async fn admit(&self, proven: bool) -> Result<Permit<'_>, Duration> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                let places = if proven { state.places } else { state.places.saturating_sub(1).max(1) };
                if let Some(excess) = state.refusals.len().checked_sub(places) {
                    return Err((state.refusals[excess] + state.window) - Instant::now());
                }
                if state.refusals.len() + state.in_flight < places {
                    state.in_flight += 1;
                    return Ok(Permit(self));
                }
            }
            freed.await;
        }
    }

    /// Whether this origin refused anything within the window.
    pub fn refused_lately(&self) -> bool {
        !self.state().refusals.is_empty()
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

impl Permit<'_> {
    /// Notes that the answer was a refusal.
    pub fn refused(self) {
        self.0.state().refusals.push_back(Instant::now());
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(2400);

    #[tokio::test(start_paused = true)]
    async fn the_last_place_is_kept_for_a_proven_request() {
        let origin = Origin::new(6, WINDOW);
        for _ in 0..5 {
            origin.admit(false).await.expect("a place").refused();
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert_eq!(origin.admit(false).await.err(), Some(Duration::from_secs(2400 - 300)));
        origin.admit(true).await.expect("the kept place").refused();
        assert!(origin.admit(true).await.is_err());
        tokio::time::advance(WINDOW).await;
        assert!(!origin.refused_lately());
        assert!(origin.admit(false).await.is_ok());
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
        third.refused();
        first.refused();
        assert!(origin.admit(false).await.is_err());
        assert!(origin.admit(true).await.is_ok());
    }
}
