//! One token request within the origin's budget: sent, judged, and written into the diary.

use http::Method;
use secrecy::SecretString;

use super::keeper::{Asker, Diary};
use super::{IssuedToken, Refresh, TokenAnswer, request_token};
use crate::budget::Permit;
use crate::domain::cause::Local;
use crate::domain::outcome::Attempt;
use crate::domain::{Answer, Exchange, Failure, Grant, Operation, Reason, SecretError, Target};
use crate::observer::{Heard, Question};
use crate::platform::{self, CallContext, maker};

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

pub(super) struct Sent {
    pub result: Result<IssuedToken, Failure>,
    pub answer: Option<Answer>,
    /// The request failed for us and may yet have been carried out.
    pub may_have_worked: bool,
    /// What it brought although it failed.
    pub refresh_token: Option<SecretString>,
}

impl Sent {
    const fn without_answer(result: Result<IssuedToken, Failure>) -> Self {
        Self { result, answer: None, may_have_worked: false, refresh_token: None }
    }
}

/// Sends one token request on a place of the origin's budget and writes it into the diary.
pub(super) async fn send(
    asker: Asker<'_>,
    diary: &mut Diary,
    permit: Permit<'_>,
    grant: Grant,
    refresh: Option<Refresh<'_>>,
    scopes: Option<&str>,
) -> Sent {
    let question = scopes.map_or(Question::Token, Question::TokenWithScope);
    asker.watch.asks(question, &Method::POST, &asker.target.token_address());
    let answer = request_token(asker.transport, asker.target, grant, refresh, scopes).await;
    match &answer {
        Ok(TokenAnswer { exchange: Exchange { result: Ok(answer), .. }, token: Some(_), .. }) => {
            asker.watch.hears(Heard::Issued(answer));
        }
        Ok(TokenAnswer { exchange, .. }) => asker.watch.hears(Heard::of(exchange.result.as_ref())),
        Err(error) => asker.watch.lacks(error),
    }
    let (sent, attempt) = judge(asker.target, grant, answer, asker.after_refusals);
    permit.judge(&attempt);
    diary.attempts.push(attempt);
    sent
}

pub(super) fn unreadable(error: &SecretError) -> Failure {
    Failure::new(Local::SecretUnreadable { error: error.with_fix().into() })
}

/// What a token request gave, and how it counts. `after_refusals`: whether an outage now follows refusals.
pub(super) fn judge(
    target: &Target,
    grant: Grant,
    answer: Result<TokenAnswer, SecretError>,
    after_refusals: bool,
) -> (Sent, Attempt) {
    let TokenAnswer { exchange, token, refresh_token } = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let failure = unreadable(&error);
            let attempt = Attempt::unsent(grant, failure.reason());
            return (Sent::without_answer(Err(failure)), attempt);
        }
    };
    let (context, mut attempt) =
        (context(target, grant), Attempt::new(Operation::Token, Some(grant), &exchange));
    if let Ok(answer) = &exchange.result {
        attempt.rate_limit = platform::rate_limit(target, answer);
        attempt.warning = platform::warning(answer);
    }
    if let Some(token) = token {
        return (Sent::without_answer(Ok(token)), attempt);
    }
    let (mut failure, may_have_worked) = match &exchange.result {
        Ok(answer) => {
            let failure = platform::token_failure(&context, answer);
            let unclear = matches!(failure.reason(), Reason::ServerError | Reason::UnexpectedResponse);
            (failure, unclear || refresh_token.is_some())
        }
        Err(error) => {
            let failure = platform::transport_failure(&context, error, after_refusals);
            (failure, !error.never_sent())
        }
    };
    maker::judge(&context, true, exchange.result.as_ref(), &mut attempt, &mut failure);
    (Sent { result: Err(failure), answer: exchange.result.ok(), may_have_worked, refresh_token }, attempt)
}
