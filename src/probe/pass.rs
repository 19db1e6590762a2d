//! The order of the calls of one pass.

use tokio::time::Instant;

use super::call::Call;
use super::{Pass, Probe, Stop};
use crate::domain::outcome::Version;
use crate::domain::{Failure, Listing, Operation, Reason};
use crate::oauth::{Asker, Held, NoToken};
use crate::observer::Question;
use crate::platform;

impl Probe {
    /// The list, with one new token where the one in hand was rejected.
    pub(super) async fn list(&self, pass: &mut Pass<'_>) -> Result<Result<Listing, Failure>, Stop> {
        self.look_in_clear(pass).await?;
        let mut held = self.token(pass).await?;
        let mut result = self.call_list(pass, &held).await?;
        if is_rejected(&result) && !held.fresh {
            pass.gathered.rejections += 1;
            self.token_origin.note_token_died();
            self.keeper.rejected(&self.target, held.issued, None).await;
            held = match self.token(pass).await {
                Ok(held) => held,
                Err(Stop::NoToken(NoToken::Budget(_))) => return Ok(result),
                Err(stop) => return Err(stop),
            };
            result = match self.call_list(pass, &held).await {
                Err(Stop::NoToken(NoToken::Budget(_))) => return Ok(result),
                second => second?,
            };
        }
        match &result {
            Err(failure) if failure.reason() == Reason::TokenRejected => {
                pass.gathered.rejections += 1;
                self.keeper.rejected(&self.target, held.issued, Some(failure.clone())).await;
            }
            Err(failure) if failure.reason() == Reason::InsufficientScope => {
                self.keeper.accepted(held.issued).await;
                self.keeper.doubt(&self.target).await;
            }
            result if platform::accepts_token(result) => self.keeper.accepted(held.issued).await,
            _ => {}
        }
        if result.is_ok() && self.target.version {
            pass.gathered.version = self.call_version(pass, &held).await?;
        }
        Ok(result)
    }

    async fn token(&self, pass: &mut Pass<'_>) -> Result<Held, Stop> {
        if pass.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let asker = Asker {
            target: &self.target,
            transport: &*self.transport,
            origin: &self.token_origin,
            clock: self.clock,
            after_refusals: self.after_refusals(Operation::Token),
            watch: pass.watch,
        };
        let known = pass.gathered.diary.attempts.len();
        let held = self.keeper.token(asker, &mut pass.gathered.diary).await;
        let failure = pass.gathered.diary.news.as_ref().and_then(|news| news.as_ref().err());
        for attempt in &pass.gathered.diary.attempts[known..] {
            self.note_outage(attempt);
            self.note_exposure(attempt, failure);
        }
        let held = held.map_err(Stop::NoToken)?;
        self.may_send()?;
        Ok(held)
    }

    async fn call_list(&self, pass: &mut Pass<'_>, held: &Held) -> Result<Result<Listing, Failure>, Stop> {
        let proven = self.memory().proven;
        if let Err(failure) = self.ask_permissions(pass, held, proven).await? {
            return Ok(Err(failure));
        }
        let call = Call { question: Question::List, held: Some(held), proven };
        let result = self.request_list(pass, &call).await?;
        let listed = pass.gathered.diary.attempts.len() - 1;
        self.memory().proven = !pass.gathered.diary.attempts[listed].is_refusal();
        let Err(failure) = result else {
            self.memory().validity = None;
            return Ok(result);
        };
        let refined = self.check_validity(pass, held, failure).await?;
        pass.gathered.diary.attempts[listed].failure = Some(refined.reason());
        Ok(Err(refined))
    }

    async fn call_version(
        &self,
        pass: &mut Pass<'_>,
        held: &Held,
    ) -> Result<Option<Result<Version, Failure>>, Stop> {
        let (until, refused) = self.memory().version_wait.unzip();
        if until.is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        let call = Call { question: Question::Version, held: Some(held), proven: refused.is_none() };
        let Some(request) = platform::version_request(&self.target) else { return Ok(None) };
        let result = match self.exchange(pass, &call, request, platform::read_version).await {
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
}

fn is_rejected(result: &Result<Listing, Failure>) -> bool {
    matches!(result, Err(failure) if failure.reason() == Reason::TokenRejected)
}
