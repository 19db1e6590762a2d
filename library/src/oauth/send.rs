//! One token request within the origin's budget: sent, judged, and written into the diary.

use super::keeper::{Asker, Diary};
use super::{IssuedToken, TokenAnswer, request_token};
use crate::budget::Permit;
use crate::domain::outcome::Attempt;
use crate::domain::{Answer, Failure, Grant, Operation, Reason, SecretError, Target, TransportError};
use crate::platform::{self, CallContext};
use secrecy::SecretString;

pub(super) const fn context(target: &Target, grant: Grant) -> CallContext<'_> {
    CallContext {
        target,
        operation: Operation::Token,
        grant,
        fresh: false,
        scopes: None,
        clock_agrees: false,
    }
}

/// What one token request gave.
pub(super) struct Sent {
    pub result: Result<IssuedToken, Failure>,
    pub answer: Option<Answer>,
    /// The request failed for us and may yet have been carried out.
    pub may_have_worked: bool,
}

/// Sends one token request on a place of the origin's budget and writes it into the diary.
pub(super) async fn send(
    asker: Asker<'_>,
    diary: &mut Diary,
    permit: Permit<'_>,
    grant: Grant,
    refresh: Option<&SecretString>,
    scopes: Option<&str>,
) -> Sent {
    let TokenAnswer { exchange, token } =
        match request_token(asker.transport, asker.target, grant, refresh, scopes).await {
            Ok(answer) => answer,
            Err(error) => {
                let failure = unreadable(&error);
                diary.attempts.push(Attempt::unsent(grant, failure.reason));
                return Sent { result: Err(failure), answer: None, may_have_worked: false };
            }
        };
    let mut attempt = Attempt::new(Operation::Token, Some(grant), &exchange);
    let sent = judge(asker, grant, token, exchange.result, &mut attempt);
    permit.judge(&attempt);
    diary.attempts.push(attempt);
    sent
}

/// What a secret that cannot be read means.
pub(super) fn unreadable(error: &SecretError) -> Failure {
    let text = format!("No token was asked for: {}. The PBX is not to blame.", error.with_mend());
    Failure::new(Reason::ExporterError, text)
}

fn judge(
    asker: Asker<'_>,
    grant: Grant,
    token: Option<IssuedToken>,
    answer: Result<Answer, TransportError>,
    attempt: &mut Attempt,
) -> Sent {
    let context = context(asker.target, grant);
    attempt.rate_limit =
        answer.as_ref().map(|answer| platform::rate_limit(asker.target, answer)).unwrap_or_default();
    let (mut failure, answer, may_have_worked) = match (token, answer) {
        (Some(token), _) => return Sent { result: Ok(token), answer: None, may_have_worked: false },
        (None, Ok(answer)) => {
            let failure = platform::token_failure(&context, &answer);
            let unclear = matches!(failure.reason, Reason::ServerError | Reason::UnexpectedResponse);
            (failure, Some(answer), unclear)
        }
        (None, Err(error)) => {
            let failure = platform::transport_failure(&context, &error, asker.after_refusals);
            (failure, None, !error.never_sent())
        }
    };
    attempt.failure = Some(failure.reason);
    failure.refused |= attempt.is_refusal();
    Sent { result: Err(failure), answer, may_have_worked }
}
