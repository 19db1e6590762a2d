//! One exchange of a pass within the origin's budget.

use super::{Pass, Probe, Stop};
use crate::budget::Origin;
use crate::domain::outcome::Attempt;
use crate::domain::{Answer, Exchange, Failure, Operation, Request, TransportError};
use crate::oauth::{Held, NoToken};
use crate::observer::{Heard, Nobody, Observer, Question};
use crate::platform::{self, CallContext, maker};
use crate::transport::Limits;

/// One request.
pub(super) struct Call<'a> {
    pub question: Question<'a>,
    /// What goes with it; `None`: no credential does.
    pub held: Option<&'a Held>,
    /// Whether the newest answer here was no refusal.
    pub proven: bool,
}

impl Probe {
    /// One exchange within the origin's budget, written into the diary.
    pub(super) async fn exchange<T>(
        &self,
        pass: &mut Pass<'_>,
        call: &Call<'_>,
        mut request: Request,
        read: impl FnOnce(&CallContext<'_>, &Answer) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Stop> {
        if call.held.is_some() {
            self.may_send()?;
        }
        let complete = call.held.map_or(Ok(()), |held| {
            platform::with_token(&self.target, &mut request, &held.secret)?;
            self.target.add_secret_headers(&mut request.headers)
        });
        let operation = call.question.operation();
        let sent = async {
            let permit = self.budget(operation).admit(call.proven).await?;
            pass.watch.asks(call.question, &request.method, &request.url);
            let limits = Limits { timeout: self.target.timeout, body: self.target.body_limit };
            let exchange = match complete {
                Ok(()) => self.transport.exchange(&self.target.client, limits, request).await,
                Err(error) => Exchange::unsent(error),
            };
            Ok((permit, exchange))
        };
        let (permit, exchange) = tokio::select! {
            biased;
            () = pass.cancel.cancelled() => return Err(Stop::Cancelled),
            sent = sent => sent.map_err(|wait| Stop::NoToken(NoToken::Budget(wait)))?,
        };
        pass.watch.hears(Heard::of(exchange.result.as_ref()));
        let mut attempt = Attempt::new(operation, None, &exchange);
        let context = self.context(call, pass.watch);
        let heard = exchange.result.as_ref();
        let mut result = match heard {
            Ok(answer) => {
                attempt.rate_limit = platform::rate_limit(&self.target, answer);
                attempt.warning = platform::warning(answer);
                read(&context, answer)
            }
            Err(error) => Err(self.no_answer(&context, error)),
        };
        if let Err(failure) = &mut result {
            maker::judge(&context, call.held.is_some(), heard, &mut attempt, failure);
        }
        permit.judge(&attempt);
        self.note_outage(&attempt);
        self.note_exposure(&attempt, result.as_ref().err());
        pass.gathered.diary.attempts.push(attempt);
        Ok(result)
    }

    /// What it means that no request gets through.
    pub(crate) fn unreached(&self, operation: Operation, error: &TransportError) -> Failure {
        let question = if operation == Operation::Token { Question::Token } else { Question::List };
        self.no_answer(&self.context(&Call { question, held: None, proven: false }, &Nobody), error)
    }

    fn no_answer(&self, context: &CallContext<'_>, error: &TransportError) -> Failure {
        platform::transport_failure(context, error, self.after_refusals(context.operation))
    }

    pub(super) fn context<'a>(&'a self, call: &Call<'a>, watch: &dyn Observer) -> CallContext<'a> {
        CallContext {
            target: &self.target,
            operation: call.question.operation(),
            grant: self.target.auth.grant,
            fresh: call.held.is_none_or(|held| held.fresh),
            scopes: call.held.and_then(|held| held.scopes.as_deref()),
            clock_agrees: watch.clock_agrees(),
        }
    }

    /// The refusals that whoever is asked this may still give.
    fn budget(&self, operation: Operation) -> &Origin {
        if operation == Operation::Token { &self.token_origin } else { &self.origin }
    }

    /// Whether a transport failure now follows refusals: a ban is a timeout or a refused connection.
    pub(super) fn after_refusals(&self, operation: Operation) -> bool {
        self.memory().outage.unwrap_or_else(|| self.budget(operation).refused_credentials_lately())
    }

    pub(super) fn note_outage(&self, attempt: &Attempt) {
        let mut memory = self.memory();
        if attempt.duration.is_none() {
            return;
        }
        if attempt.status.is_some() {
            memory.outage = None;
        } else if memory.outage.is_none() {
            memory.outage = Some(self.budget(attempt.operation).refused_credentials_lately());
        }
    }
}
