//! The steps in their order, until one is broken.

use std::time::Duration;

use oauth2::TokenResponse as _;
use secrecy::SecretString;
use tokio::time::Instant;

use super::steps::{self, Told};
use super::verdict::{Stop, verdict};
use super::{Parts, Report, Status, Step, StepName, Watch, hosts};
use crate::budget::Origin;
use crate::domain::outcome::Attempt;
use crate::domain::{Answer, Exchange, Failure, Grant, Operation, Reason, Request, Target, TransportError};
use crate::logfile;
use crate::platform::{self, CallContext, Presence, Validity};
use crate::transport::{Certificate, Limits};

/// Records shown of each log.
const NEWEST: usize = 5;

/// A diagnosis under way.
pub(super) struct Run<'a> {
    pub(super) target: &'a Target,
    pub(super) parts: Parts<'a>,
    watch: &'a mut dyn Watch,
    steps: Vec<Step>,
    /// Whom the next steps are about, where that is not clear.
    pub(super) host: Option<String>,
    since: Instant,
    pub(super) refused: Vec<String>,
    pub(super) chain: Vec<Certificate>,
    rate_limit: (Option<u64>, Option<u64>),
}

impl<'a> Run<'a> {
    pub(super) fn new(target: &'a Target, parts: Parts<'a>, watch: &'a mut dyn Watch) -> Self {
        Self {
            target,
            parts,
            watch,
            steps: Vec::new(),
            host: None,
            since: Instant::now(),
            refused: Vec::new(),
            chain: Vec::new(),
            rate_limit: (None, None),
        }
    }

    pub(super) async fn report(mut self) -> Report {
        let result = self.all().await;
        let counted = self.second_count(&result).await;
        let missing = StepName::ALL.iter().filter(|name| !self.steps.iter().any(|step| step.name == **name));
        for name in missing.copied().filter(|name| *name != StepName::SecondCount).collect::<Vec<_>>() {
            self.steps.push(Step {
                name,
                host: None,
                status: Status::Skipped,
                seconds: None,
                detail: super::NOT_REACHED.to_owned(),
                evidence: None,
            });
        }
        self.steps.sort_by_key(|step| step.name);
        let verdict = verdict(self.target, &self.steps, result, counted);
        let log = logfile::recent_redacted(&self.target.log, NEWEST);
        Report { steps: self.steps, verdict, log }
    }

    async fn all(&mut self) -> Result<Option<u64>, Stop> {
        self.way().await?;
        match platform::presence_request(self.target) {
            Some(request) => self.presence(request).await?,
            None => self.no_question(&[StepName::Api, StepName::Release]),
        }
        self.note(StepName::Encryption, steps::encryption(self.target));
        let (token, scopes) = self.credential().await?;
        let validity = if let Some(request) = platform::permissions_request(self.target) {
            self.permissions(request, &token, scopes.as_deref()).await?
        } else {
            self.no_question(&[StepName::Permissions]);
            Validity::Unclear
        };
        let (listing, listed) = self.list(&token, scopes.as_deref(), validity).await?;
        self.note(StepName::Expected, steps::expected(self.target, listed));
        self.note(StepName::RateLimit, steps::rate_limit(self.rate_limit));
        Ok(listing.total)
    }

    /// The token, or the fixed key, and the scopes that it names.
    async fn credential(&mut self) -> Result<(SecretString, Option<Vec<String>>), Stop> {
        if self.target.auth.grant == Grant::Static {
            return Ok((self.fixed_key()?, None));
        }
        let issued = self.token().await?;
        let scopes = issued.scope_hint();
        self.note(StepName::TokenContent, steps::content(issued.lifetime(), scopes.as_deref()));
        Ok((SecretString::from(issued.access_token().secret().as_str()), scopes))
    }

    /// Whether the API is there, before any credential is sent.
    async fn presence(&mut self, request: Request) -> Result<(), Stop> {
        self.begin(StepName::Api);
        let asked = self.asked(&request);
        let exchange = self.exchange(Operation::Token, request).await?;
        let answer = self.answered(StepName::Api, Operation::Token, &asked, exchange)?;
        let facts = format!("{asked}: {}", platform::facts(self.target, &answer));
        self.note_clock(Operation::Token, &answer);
        let context = self.context(Operation::Token, None);
        let release = match platform::read_presence(&context, &answer) {
            Presence::There { release, remark } => {
                let told = "the token endpoint is there: rewrite in force, module present";
                self.end(StepName::Api, (Status::Ok, told.to_owned()), Some(facts));
                let remark = remark.map(|remark| format!("; {remark}")).unwrap_or_default();
                (Status::Ok, format!("answers as {release} does{remark}"))
            }
            Presence::Unclear => {
                let told = "answers, but not as a token endpoint does";
                self.end(StepName::Api, (Status::Warn, told.to_owned()), Some(facts));
                (Status::Skipped, "the answer does not tell".to_owned())
            }
            Presence::Absent(failure) => {
                let told = failed(failure.reason, &facts);
                self.end(StepName::Api, told, Some(facts.clone()));
                return Err(Stop::Broken(Operation::Token, failure, vec![facts]));
            }
        };
        self.note(StepName::Release, release);
        Ok(())
    }

    /// Steps for which the platform has nothing harmless to be asked.
    fn no_question(&mut self, steps: &[StepName]) {
        for step in steps {
            let why = format!("{} has no harmless question for it", self.target.platform.title);
            self.note(*step, (Status::Skipped, why));
        }
    }

    async fn permissions(
        &mut self,
        request: Request,
        token: &SecretString,
        scopes: Option<&[String]>,
    ) -> Result<Validity, Stop> {
        self.begin(StepName::Permissions);
        let request = self.with_token(request, token)?;
        let asked = self.asked(&request);
        let exchange = self.exchange(Operation::Extensions, request).await?;
        let answer = self.answered(StepName::Permissions, Operation::Extensions, &asked, exchange)?;
        let facts = format!("{asked}: {}", platform::facts(self.target, &answer));
        let permissions = platform::read_permissions(&self.context(Operation::Extensions, scopes), &answer);
        let told = match &permissions.refused {
            Some(failure) => failed(failure.reason, &facts),
            None => steps::permissions(&permissions),
        };
        self.end(StepName::Permissions, told, Some(facts.clone()));
        match permissions.refused {
            Some(failure) => Err(Stop::Broken(Operation::Extensions, failure, vec![facts])),
            None => Ok(permissions.validity),
        }
    }

    /// Method and address, without a query, which may hold a key.
    pub(super) fn asked(&self, request: &Request) -> String {
        format!("{} {}", request.method, hosts::address(self.target, &request.url))
    }

    /// How many refusals whoever is asked this may still give.
    pub(super) fn budget(&self, operation: Operation) -> &'a Origin {
        if operation == Operation::Token { self.parts.token_origin } else { self.parts.origin }
    }

    pub(super) async fn exchange(
        &mut self,
        operation: Operation,
        request: Request,
    ) -> Result<Exchange, Stop> {
        let permit = self.budget(operation).admit(true).await.map_err(out_of_budget)?;
        let limits = Limits { timeout: self.target.timeout, body: self.target.body_limit };
        let exchange = self.parts.transport.exchange(&self.target.client, limits, request).await;
        permit.judge(&Attempt::new(Operation::Extensions, None, &exchange));
        Ok(exchange)
    }

    /// The answer, or the end where there is none.
    pub(super) fn answered(
        &mut self,
        step: StepName,
        operation: Operation,
        asked: &str,
        exchange: Exchange,
    ) -> Result<Answer, Stop> {
        let error = match exchange.result {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        self.end(step, (Status::Fail, error.to_string()), None);
        Err(Stop::Broken(operation, self.unanswered(operation, &error), vec![format!("{asked}: {error}")]))
    }

    pub(super) fn unanswered(&self, operation: Operation, error: &TransportError) -> Failure {
        let lately = self.budget(operation).refused_credentials_lately();
        platform::transport_failure(&self.context(operation, None), error, lately)
    }

    pub(super) fn context<'b>(
        &'b self,
        operation: Operation,
        scopes: Option<&'b [String]>,
    ) -> CallContext<'b> {
        let mut clocks = self.steps.iter().filter(|step| step.name == StepName::Clock).peekable();
        CallContext {
            target: self.target,
            operation,
            grant: self.target.auth.grant,
            fresh: true,
            scopes,
            clock_agrees: clocks.peek().is_some() && clocks.all(|step| step.status == Status::Ok),
        }
    }

    /// By the first answer of each host.
    pub(super) fn note_clock(&mut self, operation: Operation, answer: &Answer) {
        self.host = hosts::of(self.target, operation);
        if self.steps.iter().all(|step| step.name != StepName::Clock || step.host != self.host) {
            let now = self.parts.clock.unix() - self.since.elapsed().as_secs_f64() / 2.0;
            self.note(StepName::Clock, steps::clock(answer, now));
        }
        self.host = None;
    }

    pub(super) fn note_rate_limit(&mut self, answer: Option<&Answer>) {
        let told = answer.map(|answer| platform::rate_limit(self.target, answer)).unwrap_or_default();
        if told != (None, None) {
            self.rate_limit = told;
        }
    }

    pub(super) fn with_token(&self, mut request: Request, token: &SecretString) -> Result<Request, Stop> {
        platform::with_token(self.target, &mut request, token).map_err(|error| {
            let failure = self.unanswered(Operation::Extensions, &error);
            Stop::Broken(Operation::Extensions, failure, vec![error.to_string()])
        })?;
        Ok(request)
    }

    pub(super) fn begin(&mut self, name: StepName) {
        self.since = Instant::now();
        self.watch.begins(name);
    }

    /// Ends the step that was begun.
    pub(super) fn end(&mut self, name: StepName, told: Told, evidence: Option<String>) {
        let seconds = Some(self.since.elapsed());
        self.push(name, told, evidence, seconds);
    }

    /// A step that takes no time of its own.
    pub(super) fn note(&mut self, name: StepName, told: Told) {
        self.push(name, told, None, None);
    }

    fn push(
        &mut self,
        name: StepName,
        (status, detail): Told,
        evidence: Option<String>,
        seconds: Option<Duration>,
    ) {
        let seconds = seconds.map(|time| time.as_secs_f64());
        let step = Step { name, host: self.host.clone(), status, seconds, detail, evidence };
        self.watch.ends(&step);
        self.steps.push(step);
    }
}

/// The reason's word, and the facts behind it without the address, which stands in the plan.
pub(super) fn failed(reason: Reason, facts: &str) -> Told {
    let facts = facts.split_once(": ").map_or(facts, |(_, facts)| facts);
    (Status::Fail, format!("{reason} ({facts})"))
}

pub(super) fn out_of_budget(wait: Duration) -> Stop {
    let why = format!(
        "This host has drawn as many refusals as one run may draw from an origin (limits.refusals_per_origin, but no \
         more than 3), so nothing more was sent to it: more could bring a ban of this machine. Mend what the targets before \
         it show, then try again in {}.",
        humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)))
    );
    Stop::Untested("not tested: this origin has refused too often from this host", why)
}
