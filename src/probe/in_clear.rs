//! Credentials stay here where whoever was sent them in clear wants none so.
//!
//! Until the configuration changes, which makes another probe; or until the PBX itself answers over http to requests
//! without credentials, so often in a row that it is no chance.

use std::time::Duration;

use super::call::Call;
use super::{Pass, Probe, Stop};
use crate::domain::outcome::Attempt;
use crate::domain::target::spared;
use crate::domain::{Answer, Failure, Operation};
use crate::oauth::NoToken;
use crate::observer::Question;
use crate::platform::{self, CallContext, maker};

/// So many answers of the PBX itself in a row.
const PROVEN: u32 = 3;

/// Why no credentials are sent.
#[derive(Clone, Debug)]
pub(super) struct Exposed {
    operation: Operation,
    failure: Failure,
    /// Answers of the PBX itself in a row.
    own: u32,
    /// Requests without credentials that somebody else answered, or nobody.
    others: u32,
}

impl Probe {
    /// Notes what an exchange with credentials told.
    pub(super) fn note_exposure(&self, attempt: &Attempt, failure: Option<&Failure>) {
        if let Some(failure) = failure.filter(|_| attempt.exposed) {
            // What it was to the PBX was that exchange's alone.
            let mut failure = Failure { refused: false, left_row: false, ..failure.clone() };
            failure.circumstances.withheld = true;
            self.memory().exposed =
                Some(Exposed { operation: attempt.operation, failure, own: 0, others: 0 });
        }
    }

    /// Whether credentials may go out; `Err`: not now.
    pub(super) fn may_send(&self) -> Result<(), Stop> {
        self.memory().exposed.as_ref().map_or(Ok(()), |exposed| Err(exposed.stop(Duration::ZERO)))
    }

    /// Asks without credentials where they are kept back. `Err`: they still are.
    pub(super) async fn look_in_clear(&self, pass: &mut Pass<'_>) -> Result<(), Stop> {
        let Some(mut exposed) = self.memory().exposed.clone() else { return Ok(()) };
        // Without a token a list is refused, which the token endpoint does to nobody.
        let at_token = exposed.operation == Operation::Token || platform::issues_itself(&self.target);
        let question = if at_token { Question::Presence } else { Question::List };
        let request = platform::bare_request(&self.target, question.operation());
        let call = Call { question, held: None, proven: false };
        let read = |context: &CallContext<'_>, answer: &Answer| {
            if maker::is_own(context, answer) { Ok(()) } else { Err(exposed.failure.clone()) }
        };
        let told = self.exchange(pass, &call, request, read).await?;
        (exposed.own, exposed.others) =
            if told.is_ok() { (exposed.own + 1, 0) } else { (0, exposed.others.saturating_add(1)) };
        if exposed.own == PROVEN {
            self.memory().exposed = None;
            return Ok(());
        }
        let denied = pass.gathered.diary.attempts.last().is_some_and(Attempt::is_refusal);
        let wait = if denied { self.target.backoff.denied * 2 } else { spared(exposed.others) };
        if exposed.operation == Operation::Token {
            pass.gathered.diary.news = Some(Err(exposed.failure.clone()));
        }
        let stop = exposed.stop(wait);
        self.memory().exposed = Some(exposed);
        Err(stop)
    }
}

impl Exposed {
    fn stop(&self, wait: Duration) -> Stop {
        Stop::NoToken(NoToken::Failed(self.operation, self.failure.clone(), wait))
    }
}
