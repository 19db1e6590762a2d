//! Questions beside the list that change nothing: whether the API is there, what a token may do, whether it is accepted.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::call::Call;
use super::{Gathered, NoOutcome, Pass, Probe, Stop};
use crate::domain::cause::{General, Odd};
use crate::domain::{Answer, Failure, Operation, Reason};
use crate::oauth::{Held, NoToken};
use crate::observer::{Observer, Question};
use crate::platform::{self, CallContext, Presence, Validity};

/// One harmless query for so many failures of one reason: seldom, and yet its answer is never an old one.
const FAILURES_A_VALIDITY: u32 = 4;

/// What the harmless query told of a failure.
#[derive(Debug)]
pub(super) struct Told {
    reason: Reason,
    /// The issue of the token that it was sent with.
    issued: Instant,
    validity: Validity,
    /// For so many failures more it serves, if they are the same.
    left: u32,
}

impl Probe {
    /// Whether the token endpoint is there, before any credential is sent; `None`: the platform has no question for it.
    ///
    /// # Errors
    /// [`NoOutcome`] where it was not asked.
    pub(crate) async fn presence(
        &self,
        cancel: &CancellationToken,
        watch: &dyn Observer,
    ) -> Result<Option<Result<Presence, Failure>>, NoOutcome> {
        let Some(request) = platform::presence_request(&self.target) else { return Ok(None) };
        let mut pass = Pass { cancel, watch, gathered: Gathered::default() };
        let call = Call { question: Question::Presence, held: None, proven: false };
        let read = |context: &CallContext<'_>, answer: &Answer| match platform::read_presence(context, answer)
        {
            Presence::Absent(failure) => Err(failure),
            told => Ok(told),
        };
        match self.exchange(&mut pass, &call, request, read).await {
            Ok(told) => Ok(Some(told)),
            Err(Stop::NoToken(NoToken::Budget(wait))) => Err(NoOutcome::Budget(wait)),
            Err(_) => Err(NoOutcome::Cancelled),
        }
    }

    /// What the token may do, where whoever watches wants to know: then no validity check is needed after the list.
    pub(super) async fn ask_permissions(
        &self,
        pass: &mut Pass<'_>,
        held: &Held,
        proven: bool,
    ) -> Result<Result<(), Failure>, Stop> {
        let wanted = pass.watch.wants_permissions().then(|| platform::permissions_request(&self.target));
        let Some(request) = wanted.flatten() else { return Ok(Ok(())) };
        let call = Call { question: Question::Permissions, held: Some(held), proven };
        let read = |context: &CallContext<'_>, answer: &Answer| {
            let permissions = platform::read_permissions(context, answer);
            permissions.refused.clone().map_or(Ok(permissions), Err)
        };
        let permissions = self.exchange(pass, &call, request, read).await?;
        Ok(permissions.map(|permissions| {
            pass.watch.may(&permissions);
            pass.gathered.validity = Some(permissions.validity);
        }))
    }

    /// Tells "token bad" from "the call fails" by one harmless query, where the answer left it open; what it told serves
    /// for the next few failures as well. Not where the token endpoint fails, too: then neither is this call's own matter.
    pub(super) async fn check_validity(
        &self,
        pass: &mut Pass<'_>,
        held: &Held,
        failure: Failure,
    ) -> Result<Failure, Stop> {
        let call = Call { question: Question::Validity, held: Some(held), proven: self.memory().proven };
        let context = self.context(&call, pass.watch);
        let known = self.memory().validity.take();
        let no_token = pass
            .gathered
            .diary
            .attempts
            .iter()
            .any(|a| a.operation == Operation::Token && a.failure.is_some());
        if no_token || !platform::wants_validity_check(&context, &failure) {
            return Ok(failure);
        }
        if let Some(validity) = pass.gathered.validity {
            return Ok(platform::after_validity_check(&context, failure, validity));
        }
        let (reason, issued) = (failure.reason(), held.issued);
        let serves = |told: &Told| (told.reason, told.issued) == (reason, issued) && told.left > 0;
        if let Some(told) = known.filter(serves) {
            let validity = told.validity;
            self.memory().validity = Some(Told { left: told.left - 1, ..told });
            return Ok(platform::after_validity_check(&context, failure, validity));
        }
        let Some(request) = platform::validity_request(&self.target) else { return Ok(failure) };
        let validity = match self.exchange(pass, &call, request, |_, a| read_validity(a)).await {
            Err(Stop::NoToken(_)) => return Ok(failure),
            Err(Stop::Cancelled) => return Err(Stop::Cancelled),
            Ok(Ok(())) => Validity::Accepted,
            Ok(Err(refusal)) if refusal.reason() == Reason::TokenRejected => Validity::Rejected,
            Ok(Err(_)) => Validity::Unclear,
        };
        self.memory().validity = Some(Told { reason, issued, validity, left: FAILURES_A_VALIDITY - 1 });
        if validity == Validity::Accepted {
            self.keeper.accepted(issued).await;
        }
        Ok(platform::after_validity_check(&context, failure, validity))
    }
}

/// Only the reasons are of interest, for the counters.
fn read_validity(answer: &Answer) -> Result<(), Failure> {
    let status = answer.status.as_u16();
    match platform::read_validity(answer) {
        Validity::Accepted => Ok(()),
        Validity::Rejected => Err(Failure::new(General::TokenRejected)),
        Validity::Unclear if status >= 500 => Err(Failure::new(General::ServerFailed { status })),
        Validity::Unclear => Err(Failure::new(Odd::Status { status })),
    }
}
