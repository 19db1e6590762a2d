//! How long to wait for the next pass, and what ends a wait.

use std::time::Duration;

use tokio::time::Instant;

use super::{Gathered, Probe};
use crate::domain::pace::paced;
use crate::domain::{Class, Failure, Grant, Listing, Operation};

impl Probe {
    /// Ends every wait, for a person who has just fixed something.
    ///
    /// # Errors
    /// How long the origin's budget of refusals is spent; the waits stay as they are.
    pub async fn forgive(&self) -> Result<(), Duration> {
        // The token request or the list: whichever comes first will have its turn if either has one.
        let proven = self.memory().proven;
        if let (Some(wait), Some(other)) = (self.origin.wait(proven), self.token_origin.wait(proven)) {
            return Err(wait.min(other));
        }
        self.memory().quiet_until = None;
        self.keeper.forgive(&self.target).await;
        Ok(())
    }

    /// When to look again during a wait: sooner where a secret file may be fixed meanwhile.
    pub fn wake_after(&self, wait: Duration) -> Duration {
        let watches_files = || {
            let confirmed_elsewhere = self.target.auth.grant == Grant::AuthorizationCode;
            confirmed_elsewhere || self.target.secrets().any(|secret| secret.file().is_some())
        };
        let quiet = self.memory().quiet_until.is_some();
        if quiet && watches_files() { wait.min(self.target.failure_interval) } else { wait }
    }

    /// How long there is nothing to do yet; `None`: a pass is due. Fixed secrets end the wait.
    pub async fn quiet(&self) -> Option<Duration> {
        let until = self.memory().quiet_until?;
        // Also when the wait is over: a dead refresh token has no other end.
        let forgiven = self.keeper.forgive_if_changed(&self.target).await
            || self.keeper.is_confirmed(&self.target, self.clock).await;
        let wait = until - Instant::now();
        if !forgiven && !wait.is_zero() {
            return Some(wait);
        }
        self.memory().quiet_until = None;
        None
    }

    /// Slower where the customer's own applications live on the same budget and it would not last.
    pub(super) fn paced(&self, gathered: &Gathered, wait: Duration) -> Duration {
        let Some(share) = &self.share else { return wait };
        // What the token endpoint counts is something else.
        let calls = || gathered.diary.attempts.iter().filter(|attempt| attempt.operation != Operation::Token);
        let pass = (calls().count() - usize::from(gathered.made_sure)) as u64;
        let together = self.origin.shares().plan(share, pass as f64 / wait.as_secs_f64().max(1.0));
        let told = calls().rev().find_map(|attempt| Some((attempt.rate_limit.0?, attempt.rate_limit.1)));
        let Some((remaining, reset)) = told else { return wait };
        paced(wait, remaining, reset.map(Duration::from_secs), pass, together)
    }

    pub(super) async fn wait_after(&self, result: &Result<Listing, Failure>) -> Duration {
        let Err(failure) = result else {
            self.memory().denied = 0;
            return self.target.interval;
        };
        let denied = {
            let mut memory = self.memory();
            let denied = failure.class() == Class::Denied;
            memory.denied = if denied { memory.denied.saturating_add(1) } else { 0 };
            memory.denied
        };
        let wait = match failure.class() {
            Class::Refused => self.keeper.wait().await.max(self.target.failure_interval),
            Class::Transient | Class::Denied | Class::RateLimited => self.target.wait_after(failure, denied),
        };
        self.be_quiet(failure, wait);
        wait
    }

    pub(super) fn be_quiet(&self, failure: &Failure, wait: Duration) {
        if failure.class() != Class::Transient || failure.left_row {
            self.memory().quiet_until = Some(Instant::now() + wait);
        }
    }
}
