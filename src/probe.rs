//! One pass over a target: token, list, one retry after a rejection; yields an [`Outcome`].
//!
//! Belongs here: the order of the calls, what is remembered between passes, and who watches. Does not belong here:
//! when a pass is made (`schedule`), what an answer means (`platform`), the token's life (`oauth`).

mod call;
mod harmless;
mod in_clear;
mod listing;
mod pass;
mod waits;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::{Origin, Share};
use crate::clock::Clock;
use crate::domain::extensions::{Listed, PageSize};
use crate::domain::outcome::{Outcome, Version};
use crate::domain::{Failure, Listing, Operation, Target};
use crate::oauth::{Diary, Keeper, NoToken};
use crate::observer::{Nobody, Observer};
use crate::platform::Validity;
use crate::store::Store;
use crate::transport::Transport;

use harmless::Told;
use in_clear::Exposed;

/// What probes one target, and remembers between passes.
pub struct Probe {
    target: Arc<Target>,
    transport: Arc<dyn Transport>,
    origin: Arc<Origin>,
    /// The token endpoint's, mostly the same.
    token_origin: Arc<Origin>,
    clock: Clock,
    keeper: Arc<Keeper>,
    /// Where the customer's own applications live on the same budget of requests.
    share: Option<Arc<Share>>,
    memory: Mutex<Memory>,
    keeps_list: bool,
}

#[derive(Debug, Default)]
struct Memory {
    /// Denials in a row.
    denied: u32,
    /// Whether the newest call of the list drew no refusal.
    proven: bool,
    /// What the harmless query told.
    validity: Option<Told>,
    /// The version is not asked before this, and how often in a row it was refused.
    version_wait: Option<(Instant, u32)>,
    /// Whether the transport failure that lasts began after refusals of this origin.
    outage: Option<bool>,
    /// No pass is due before this, unless the secrets change.
    quiet_until: Option<Instant>,
    /// Credentials went in clear to somebody who wants none so.
    exposed: Option<Exposed>,
    /// The keeper served the target before it changed: a change ends a back-off.
    inherited: bool,
    /// How many members its pages have.
    page_size: PageSize,
    /// Exchanges of a pass that the budget cut short: counted with the next.
    unfinished: Gathered,
}

/// Why there is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoOutcome {
    /// Cancelled: the service stops or the target is gone.
    Cancelled,
    /// The origin's budget of refusals is spent for so long.
    Budget(Duration),
}

/// One pass under way.
struct Pass<'a> {
    cancel: &'a CancellationToken,
    watch: &'a dyn Observer,
    gathered: Gathered,
}

/// What one pass gathers.
#[derive(Debug, Default)]
struct Gathered {
    diary: Diary,
    rejections: u32,
    version: Option<Result<Version, Failure>>,
    listed: Option<Listed>,
    /// One request of the list was for this pass alone.
    made_sure: bool,
    /// Of the token, where that was asked before the list.
    validity: Option<Validity>,
}

impl Probe {
    /// A probe that has not yet run. `before`: the probe of the target as it was, whose token stays good
    /// where it would be asked for in the same way.
    pub fn new(
        target: Arc<Target>,
        before: Option<&Self>,
        transport: Arc<dyn Transport>,
        origin: Arc<Origin>,
        clock: Clock,
    ) -> Self {
        let keeper = before.filter(|before| before.target.shares_token_with(&target));
        let memory = Memory { inherited: keeper.is_some(), ..Memory::default() };
        let keeper = keeper.map_or_else(Arc::default, |before| before.keeper.clone());
        let plan = || origin.shares().join(target.budget_owner(), 1.0 / target.interval.as_secs_f64());
        let share = target.platform.rate_limit.shared.then(plan);
        Self {
            target,
            transport,
            token_origin: origin.clone(),
            origin,
            clock,
            keeper,
            share,
            memory: Mutex::new(memory),
            keeps_list: false,
        }
    }

    /// The same where tokens are asked for at another origin.
    #[must_use]
    pub fn taking_tokens_at(mut self, origin: Arc<Origin>) -> Self {
        self.token_origin = origin;
        self
    }

    /// The same with tokens kept in `store`, where the keeper is not one from before.
    #[must_use]
    pub fn keeping_tokens(mut self, store: Option<Arc<Store>>) -> Self {
        if !self.memory().inherited {
            self.keeper = Arc::new(Keeper::new(store, &self.target));
        }
        self
    }

    /// What is probed.
    pub const fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// By which clock.
    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    /// One pass. A token request under way is carried to its end whatever `cancel` says.
    ///
    /// # Errors
    /// [`NoOutcome`] where nothing was measured.
    pub async fn pass(&self, cancel: &CancellationToken) -> Result<Outcome, NoOutcome> {
        self.watched(cancel, &Nobody).await
    }

    /// The same, and `watch` sees it as it goes.
    ///
    /// # Errors
    /// Those of [`Self::pass`].
    pub async fn watched(
        &self,
        cancel: &CancellationToken,
        watch: &dyn Observer,
    ) -> Result<Outcome, NoOutcome> {
        if std::mem::take(&mut self.memory().inherited) {
            self.keeper.end_wait().await;
        }
        let mut pass = Pass { cancel, watch, gathered: std::mem::take(&mut self.memory().unfinished) };
        let extensions = match self.list(&mut pass).await {
            Ok(result) => result,
            Err(Stop::Cancelled) => return Err(NoOutcome::Cancelled),
            Err(Stop::NoToken(NoToken::Budget(wait))) => {
                self.memory().unfinished = pass.gathered;
                return Err(NoOutcome::Budget(wait));
            }
            Err(Stop::NoToken(NoToken::Failed(operation, failure, wait))) => {
                let wait = wait.max(self.target.failure_interval);
                self.be_quiet(&failure, wait);
                let extensions = (operation == Operation::Extensions).then_some(Err(failure));
                return Ok(self.outcome(pass.gathered, extensions, wait).await);
            }
        };
        let wait = self.wait_after(&extensions).await;
        Ok(self.outcome(pass.gathered, Some(extensions), wait).await)
    }

    async fn outcome(
        &self,
        gathered: Gathered,
        extensions: Option<Result<Listing, Failure>>,
        wait: Duration,
    ) -> Outcome {
        let (facts, renewal_due) = self.keeper.facts().await;
        let wait = self.paced(&gathered, wait);
        if let Some(until) = &mut self.memory().quiet_until {
            *until = (Instant::now() + wait).max(*until);
        }
        Outcome {
            attempts: gathered.diary.attempts,
            token: gathered.diary.news,
            extensions,
            version: gathered.version,
            rejections: gathered.rejections,
            facts,
            renewal_due,
            wait,
            drift: gathered.listed.as_ref().and_then(|listed| self.drift(listed)),
            listed: gathered.listed.filter(|_| self.keeps_list),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a pass ends early.
enum Stop {
    Cancelled,
    NoToken(NoToken),
}
