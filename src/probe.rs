//! One pass over a target: token, list, one retry after a rejection; yields an [`Outcome`].
//!
//! Belongs here: the order of the calls and what is remembered between passes. Does not belong here:
//! when a pass is made (`schedule`), what an answer means (`platform`), the token's life (`oauth`).

mod listing;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::{Origin, Share};
use crate::clock::Clock;
use crate::domain::extensions::{Listed, PageSize};
use crate::domain::outcome::{Attempt, Outcome, Version};
use crate::domain::pace::paced;
use crate::domain::{
    Answer, Class, Exchange, Failure, Grant, Listing, Operation, Reason, Request, Target, TransportError,
};
use crate::oauth::{Asker, Diary, Held, Keeper, NoToken};
use crate::platform::{self, CallContext, Validity};
use crate::store::Store;
use crate::transport::{Limits, Transport};

/// One harmless query for so many failures of one reason: seldom, and yet its answer is never an old one.
const FAILURES_A_VALIDITY: u32 = 4;

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
    /// The keeper served the target before it changed: a change ends a back-off.
    inherited: bool,
    /// How many members its pages have.
    page_size: PageSize,
    /// Exchanges of a pass that the budget cut short: counted with the next.
    unfinished: Pass,
}

/// What the harmless query told of a failure.
#[derive(Debug)]
struct Told {
    reason: Reason,
    /// The issue of the token that it was sent with.
    issued: Instant,
    validity: Validity,
    /// For so many failures more it serves, if they are the same.
    left: u32,
}

/// Why there is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoOutcome {
    /// Cancelled: the service stops or the target is gone.
    Cancelled,
    /// The origin's budget of refusals is spent for so long.
    Budget(Duration),
}

/// What one pass gathers.
#[derive(Debug, Default)]
struct Pass {
    diary: Diary,
    rejections: u32,
    version: Option<Result<Version, Failure>>,
    listed: Option<Listed>,
    /// One request of the list was for this pass alone.
    made_sure: bool,
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

    /// Ends every wait, for a person who has just mended something.
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

    /// When to look again during a wait: sooner where a secret file may be mended meanwhile.
    pub fn wake_after(&self, wait: Duration) -> Duration {
        let watches_files = || {
            let confirmed_elsewhere = self.target.auth.grant == Grant::AuthorizationCode;
            confirmed_elsewhere || self.target.secrets().any(|secret| secret.file().is_some())
        };
        let quiet = self.memory().quiet_until.is_some();
        if quiet && watches_files() { wait.min(self.target.failure_interval) } else { wait }
    }

    /// How long there is nothing to do yet; `None`: a pass is due. Mended secrets end the wait.
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

    /// One pass. A token request under way is carried to its end whatever `cancel` says.
    ///
    /// # Errors
    /// [`NoOutcome`] where nothing was measured.
    pub async fn pass(&self, cancel: &CancellationToken) -> Result<Outcome, NoOutcome> {
        if std::mem::take(&mut self.memory().inherited) {
            self.keeper.end_wait().await;
        }
        let mut pass = std::mem::take(&mut self.memory().unfinished);
        let extensions = match self.list(cancel, &mut pass).await {
            Ok(result) => result,
            Err(Stop::Cancelled) => return Err(NoOutcome::Cancelled),
            Err(Stop::NoToken(NoToken::Budget(wait))) => {
                self.memory().unfinished = pass;
                return Err(NoOutcome::Budget(wait));
            }
            Err(Stop::NoToken(NoToken::Failed(operation, failure, wait))) => {
                let wait = wait.max(self.target.failure_interval);
                self.be_quiet(&failure, wait);
                let extensions = (operation == Operation::Extensions).then_some(Err(failure));
                return Ok(self.outcome(pass, extensions, wait).await);
            }
        };
        let wait = self.wait_after(&extensions).await;
        Ok(self.outcome(pass, Some(extensions), wait).await)
    }

    async fn outcome(
        &self,
        pass: Pass,
        extensions: Option<Result<Listing, Failure>>,
        wait: Duration,
    ) -> Outcome {
        let (facts, renewal_due) = self.keeper.facts().await;
        let wait = self.paced(&pass, wait);
        if let Some(until) = &mut self.memory().quiet_until {
            *until = (Instant::now() + wait).max(*until);
        }
        Outcome {
            attempts: pass.diary.attempts,
            token: pass.diary.news,
            extensions,
            version: pass.version,
            rejections: pass.rejections,
            facts,
            renewal_due,
            wait,
            drift: pass.listed.as_ref().and_then(|listed| self.drift(listed)),
            listed: pass.listed.filter(|_| self.keeps_list),
        }
    }

    /// Slower where the customer's own applications live on the same budget and it would not last.
    fn paced(&self, pass: &Pass, wait: Duration) -> Duration {
        let Some(share) = &self.share else { return wait };
        // What the token endpoint counts is something else.
        let calls = || pass.diary.attempts.iter().filter(|attempt| attempt.operation != Operation::Token);
        let pass = (calls().count() - usize::from(pass.made_sure)) as u64;
        let together = self.origin.shares().plan(share, pass as f64 / wait.as_secs_f64().max(1.0));
        let told = calls().rev().find_map(|attempt| Some((attempt.rate_limit.0?, attempt.rate_limit.1)));
        let Some((remaining, reset)) = told else { return wait };
        paced(wait, remaining, reset.map(Duration::from_secs), pass, together)
    }

    async fn wait_after(&self, result: &Result<Listing, Failure>) -> Duration {
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

    fn be_quiet(&self, failure: &Failure, wait: Duration) {
        if failure.class() != Class::Transient {
            self.memory().quiet_until = Some(Instant::now() + wait);
        }
    }

    /// The list, with one new token where the one in hand was rejected.
    async fn list(
        &self,
        cancel: &CancellationToken,
        pass: &mut Pass,
    ) -> Result<Result<Listing, Failure>, Stop> {
        let mut held = self.token(cancel, pass).await?;
        let mut result = self.call_list(cancel, pass, &held).await?;
        if is_rejected(&result) && !held.fresh {
            pass.rejections += 1;
            self.token_origin.note_token_died();
            self.keeper.rejected(&self.target, held.issued, None).await;
            held = match self.token(cancel, pass).await {
                Ok(held) => held,
                Err(Stop::NoToken(NoToken::Budget(_))) => return Ok(result),
                Err(stop) => return Err(stop),
            };
            result = match self.call_list(cancel, pass, &held).await {
                Err(Stop::NoToken(NoToken::Budget(_))) => return Ok(result),
                second => second?,
            };
        }
        match &result {
            Err(failure) if failure.reason == Reason::TokenRejected => {
                pass.rejections += 1;
                self.keeper.rejected(&self.target, held.issued, Some(failure.clone())).await;
            }
            Err(failure) if failure.reason == Reason::InsufficientScope => {
                self.keeper.accepted(held.issued).await;
                self.keeper.doubt(&self.target).await;
            }
            result if platform::accepts_token(result) => self.keeper.accepted(held.issued).await,
            _ => {}
        }
        if result.is_ok() && self.target.version {
            pass.version = self.call_version(cancel, pass, &held).await?;
        }
        Ok(result)
    }

    async fn token(&self, cancel: &CancellationToken, pass: &mut Pass) -> Result<Held, Stop> {
        if cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let asker = Asker {
            target: &self.target,
            transport: &*self.transport,
            origin: &self.token_origin,
            clock: self.clock,
            after_refusals: self.after_refusals(),
        };
        let known = pass.diary.attempts.len();
        let held = self.keeper.token(asker, &mut pass.diary).await;
        for attempt in &pass.diary.attempts[known..] {
            self.note_outage(attempt);
        }
        held.map_err(Stop::NoToken)
    }

    async fn call_list(
        &self,
        cancel: &CancellationToken,
        pass: &mut Pass,
        held: &Held,
    ) -> Result<Result<Listing, Failure>, Stop> {
        let call = Call { operation: Operation::Extensions, held, proven: self.memory().proven };
        let result = self.request_list(cancel, pass, &call).await?;
        let listed = pass.diary.attempts.len() - 1;
        self.memory().proven = !pass.diary.attempts[listed].is_refusal();
        let Err(failure) = result else {
            self.memory().validity = None;
            return Ok(result);
        };
        let refined = self.check_validity(cancel, pass, &call, failure).await?;
        pass.diary.attempts[listed].failure = Some(refined.reason);
        Ok(Err(refined))
    }

    /// Tells "token bad" from "the call fails" by one harmless query, where the answer left it open; what it told serves
    /// for the next few failures as well. Not where the token endpoint fails, too: then neither is this call's own matter.
    async fn check_validity(
        &self,
        cancel: &CancellationToken,
        pass: &mut Pass,
        call: &Call<'_>,
        failure: Failure,
    ) -> Result<Failure, Stop> {
        let context = self.context(call);
        let known = self.memory().validity.take();
        let no_token =
            pass.diary.attempts.iter().any(|a| a.operation == Operation::Token && a.failure.is_some());
        if no_token || !platform::wants_validity_check(&context, &failure) {
            return Ok(failure);
        }
        let (reason, issued) = (failure.reason, call.held.issued);
        let serves = |told: &Told| (told.reason, told.issued) == (reason, issued) && told.left > 0;
        if let Some(told) = known.filter(serves) {
            let validity = told.validity;
            self.memory().validity = Some(Told { left: told.left - 1, ..told });
            return Ok(platform::after_validity_check(&context, failure, validity));
        }
        let Some(request) = platform::validity_request(&self.target) else { return Ok(failure) };
        let validity = match self.exchange(cancel, pass, call, request, |_, a| read_validity(a)).await {
            Err(Stop::NoToken(_)) => return Ok(failure),
            Err(Stop::Cancelled) => return Err(Stop::Cancelled),
            Ok(Ok(())) => Validity::Accepted,
            Ok(Err(refusal)) if refusal.reason == Reason::TokenRejected => Validity::Rejected,
            Ok(Err(_)) => Validity::Unclear,
        };
        self.memory().validity = Some(Told { reason, issued, validity, left: FAILURES_A_VALIDITY - 1 });
        if validity == Validity::Accepted {
            self.keeper.accepted(issued).await;
        }
        Ok(platform::after_validity_check(&context, failure, validity))
    }

    async fn call_version(
        &self,
        cancel: &CancellationToken,
        pass: &mut Pass,
        held: &Held,
    ) -> Result<Option<Result<Version, Failure>>, Stop> {
        let (until, refused) = self.memory().version_wait.unzip();
        if until.is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        let call = Call { operation: Operation::Version, held, proven: refused.is_none() };
        let Some(request) = platform::version_request(&self.target) else { return Ok(None) };
        let result = match self.exchange(cancel, pass, &call, request, platform::read_version).await {
            Err(Stop::NoToken(_)) => return Ok(None),
            result => result?,
        };
        // A refusal waits like any other: it spends the same budget.
        self.memory().version_wait = result.as_ref().err().map(|failure| {
            let count = refused.unwrap_or_default() + 1;
            (Instant::now() + self.target.wait_after(failure, count), count)
        });
        Ok(Some(result))
    }

    /// One exchange with a protected resource, within the origin's budget, written into the diary.
    async fn exchange<T>(
        &self,
        cancel: &CancellationToken,
        pass: &mut Pass,
        call: &Call<'_>,
        mut request: Request,
        read: impl FnOnce(&CallContext<'_>, &Answer) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Stop> {
        let complete = platform::with_token(&self.target, &mut request, &call.held.secret)
            .and_then(|()| self.target.add_secret_headers(&mut request.headers));
        let sent = async {
            let permit = self.origin.admit(call.proven).await?;
            let limits = Limits { timeout: self.target.timeout, body: self.target.body_limit };
            let exchange = match complete {
                Ok(()) => self.transport.exchange(&self.target.client, limits, request).await,
                Err(error) => Exchange::unsent(error),
            };
            Ok((permit, exchange))
        };
        let (permit, exchange) = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Stop::Cancelled),
            sent = sent => sent.map_err(|wait| Stop::NoToken(NoToken::Budget(wait)))?,
        };
        let mut attempt = Attempt::new(call.operation, None, &exchange);
        let context = self.context(call);
        let result = match exchange.result {
            Ok(answer) => {
                attempt.rate_limit = platform::rate_limit(&self.target, &answer);
                read(&context, &answer)
            }
            Err(error) => Err(self.no_answer(&context, &error)),
        };
        attempt.failure = result.as_ref().err().map(|failure| failure.reason);
        let result =
            result.map_err(|failure| Failure { refused: failure.refused || attempt.is_refusal(), ..failure });
        permit.judge(&attempt);
        self.note_outage(&attempt);
        pass.diary.attempts.push(attempt);
        Ok(result)
    }

    fn no_answer(&self, context: &CallContext<'_>, error: &TransportError) -> Failure {
        platform::transport_failure(context, error, self.after_refusals())
    }

    fn context<'a>(&'a self, call: &Call<'a>) -> CallContext<'a> {
        CallContext {
            target: &self.target,
            operation: call.operation,
            grant: self.target.auth.grant,
            fresh: call.held.fresh,
            scopes: call.held.scopes.as_deref(),
            clock_agrees: false,
        }
    }

    /// Whether a transport failure now follows refusals: a ban is a timeout or a refused connection.
    fn after_refusals(&self) -> bool {
        self.memory().outage.unwrap_or_else(|| self.origin.refused_credentials_lately())
    }

    fn note_outage(&self, attempt: &Attempt) {
        let mut memory = self.memory();
        if attempt.duration.is_none() {
            return;
        }
        if attempt.status.is_some() {
            memory.outage = None;
        } else if memory.outage.is_none() {
            memory.outage = Some(self.origin.refused_credentials_lately());
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call of a protected resource.
struct Call<'a> {
    operation: Operation,
    held: &'a Held,
    /// Whether the newest answer here was no refusal.
    proven: bool,
}

/// Why a pass ends early.
enum Stop {
    Cancelled,
    NoToken(NoToken),
}

fn is_rejected(result: &Result<Listing, Failure>) -> bool {
    matches!(result, Err(failure) if failure.reason == Reason::TokenRejected)
}

/// Only the reasons are of interest, for the counters.
fn read_validity(answer: &Answer) -> Result<(), Failure> {
    match platform::read_validity(answer) {
        Validity::Accepted => Ok(()),
        Validity::Rejected => Err(Failure::new(Reason::TokenRejected, "")),
        Validity::Unclear if answer.status.is_server_error() => Err(Failure::new(Reason::ServerError, "")),
        Validity::Unclear => Err(Failure::new(Reason::UnexpectedResponse, "")),
    }
}
