//! What was seen so far: each step as it ends, made of what a pass asks and hears.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use tokio::time::Instant;
use url::Url;

use super::steps::{self, Told};
use super::verdict::Stop;
use super::{Status, Step, StepName, Watch, hosts, untested};
use crate::causes;
use crate::clock::Clock;
use crate::domain::token::Token;
use crate::domain::{Answer, Failure, Operation, Reason, SecretError, Target, Warning};
use crate::observer::{Heard, Observer, Question};
use crate::platform::{self, Permissions};

/// The observer of a pass for a person.
pub(super) struct Seen<'a> {
    target: &'a Target,
    clock: Clock,
    /// Whether the harmless questions are asked as well.
    thorough: bool,
    state: Mutex<State<'a>>,
}

struct State<'a> {
    watch: &'a mut dyn Watch,
    steps: Vec<Step>,
    /// Whom the next steps are about, where that is not clear.
    host: Option<String>,
    since: Instant,
    asked: Asked,
    lacking: Option<Stop>,
}

/// The request that a pass is at.
#[derive(Default)]
struct Asked {
    /// The step that it belongs to, until that has ended.
    step: Option<StepName>,
    /// Whose question it is.
    operation: Option<Operation>,
    /// Method and address, without a query, which may hold a key.
    request: String,
    /// Asked once more, with this scope.
    scope: Option<String>,
    /// A question that is no step and shows nothing.
    aside: bool,
    /// What the answers of this step were, each with its request.
    facts: Vec<String>,
    /// What is odd about the newest answer.
    warning: Option<Warning>,
    /// Why the newest did not come.
    error: Option<String>,
}

impl<'a> Seen<'a> {
    pub fn new(target: &'a Target, clock: Clock, thorough: bool, watch: &'a mut dyn Watch) -> Self {
        let (steps, since) = (Vec::new(), Instant::now());
        let state = State { watch, steps, host: None, since, asked: Asked::default(), lacking: None };
        Self { target, clock, thorough, state: Mutex::new(state) }
    }

    pub fn begin(&self, name: StepName) {
        self.state().begin(name);
    }

    /// Ends the step that was begun.
    pub fn end(&self, name: StepName, told: Told, evidence: Option<String>) {
        self.state().end(name, told, evidence);
    }

    /// A step that takes no time of its own.
    pub fn note(&self, name: StepName, told: Told) {
        self.state().push(name, told, None, None);
    }

    /// The next steps are about this host.
    pub fn about(&self, host: Option<String>) {
        self.state().host = host;
    }

    /// The platform has nothing harmless to be asked.
    pub fn no_question(&self, name: StepName) {
        let why = format!("{} has no harmless request for it", self.target.platform.title);
        self.note(name, (Status::Skipped, why));
    }

    /// Ends the step of the pass that is under way; its first answer is the evidence.
    pub fn close(&self, name: StepName, told: Told) {
        let mut state = self.state();
        let asked = std::mem::take(&mut state.asked);
        let told = match (told, asked.warning) {
            ((Status::Ok, detail), Some(odd)) => {
                (Status::Warn, format!("{detail} ({odd}). {}", causes::of_warning(odd)))
            }
            (told, _) => told,
        };
        state.end(name, told, asked.facts.into_iter().next());
    }

    /// Ends the step of the pass that is under way, which has failed.
    pub fn broken(&self, operation: Operation, failure: Failure) -> Stop {
        let mut state = self.state();
        if let Some(stop) = state.lacking.take() {
            return stop;
        }
        let mut asked = std::mem::take(&mut state.asked);
        let facts = asked.facts.pop();
        if let (Some(step), Some(facts)) = (asked.step, &facts) {
            match asked.error {
                Some(error) => state.end(step, (Status::Fail, error), None),
                None => state.end(step, failed(failure.reason(), facts), Some(facts.clone())),
            }
        }
        Stop::Broken(operation, failure, facts.into_iter().collect())
    }

    /// All steps that were taken.
    pub fn into_steps(self) -> Vec<Step> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).steps
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By the first answer of each host.
    fn note_clock(&self, state: &mut State<'_>, answer: &Answer) {
        let host = state.asked.operation.and_then(|operation| hosts::of(self.target, operation));
        if state.steps.iter().all(|step| step.name != StepName::Clock || step.host != host) {
            let now = self.clock.unix() - state.since.elapsed().as_secs_f64() / 2.0;
            state.host = host;
            state.push(StepName::Clock, steps::clock(answer, now), None, None);
            state.host = None;
        }
    }
}

impl Observer for Seen<'_> {
    fn asks(&self, question: Question<'_>, method: &Method, url: &Url) {
        let mut state = self.state();
        let step = match question {
            Question::Presence => Some(StepName::Api),
            Question::Token => Some(StepName::Token),
            Question::Permissions => Some(StepName::Permissions),
            Question::List => Some(StepName::Extensions),
            Question::TokenWithScope(_) | Question::Validity | Question::Version => None,
        };
        let asked = &mut state.asked;
        asked.scope = match question {
            Question::TokenWithScope(scope) => Some(scope.to_owned()),
            _ => None,
        };
        asked.operation = Some(question.operation());
        asked.aside = step.is_none();
        let Some(step) = step else { return };
        asked.request = format!("{method} {}", hosts::address(self.target, url));
        if asked.step != Some(step) {
            (asked.step, asked.error) = (Some(step), None);
            asked.facts.clear();
            state.begin(step);
        }
    }

    fn hears(&self, heard: Heard<'_>) {
        let mut state = self.state();
        let told = match heard {
            Heard::Nothing(_) if state.asked.aside => return,
            Heard::Nothing(error) => {
                state.asked.error = Some(error.to_string());
                error.to_string()
            }
            Heard::Issued(answer) | Heard::Answer(answer) => {
                self.note_clock(&mut state, answer);
                state.asked.warning = platform::warning(answer);
                platform::facts(self.target, answer)
            }
        };
        let asked = &mut state.asked;
        match (&asked.scope, asked.facts.last_mut()) {
            (Some(scope), Some(facts)) => {
                let told = if matches!(heard, Heard::Issued(_)) { "a token" } else { &told };
                let _ = write!(facts, "; asked for scope {scope}: {told}");
            }
            _ if asked.aside => {}
            _ => asked.facts.push(format!("{}: {told}", asked.request)),
        }
    }

    fn lacks(&self, error: &SecretError) {
        let mut state = self.state();
        state.asked = Asked::default();
        state.end(StepName::Token, (Status::Fail, error.to_string()), None);
        state.lacking = Some(untested::unreadable(error));
    }

    fn holds(&self, token: Option<&Token>) {
        if let Some(token) = token {
            self.close(StepName::Token, (Status::Ok, format!("issued for grant {}", self.target.auth.grant)));
            let told = steps::content(token.lifetime, token.scopes.as_deref());
            self.note(StepName::TokenContent, told);
        } else {
            for step in [StepName::Token, StepName::TokenContent] {
                self.note(step, (Status::Skipped, "a fixed key is used".to_owned()));
            }
        }
        if platform::permissions_request(self.target).is_none() {
            self.no_question(StepName::Permissions);
        }
    }

    fn may(&self, permissions: &Permissions) {
        self.close(StepName::Permissions, steps::permissions(permissions));
    }

    fn wants_permissions(&self) -> bool {
        self.thorough
    }

    fn clock_agrees(&self) -> bool {
        let state = self.state();
        let mut clocks = state.steps.iter().filter(|step| step.name == StepName::Clock).peekable();
        clocks.peek().is_some() && clocks.all(|step| step.status == Status::Ok)
    }
}

impl State<'_> {
    fn begin(&mut self, name: StepName) {
        self.since = Instant::now();
        self.watch.begins(name);
    }

    fn end(&mut self, name: StepName, told: Told, evidence: Option<String>) {
        let seconds = Some(self.since.elapsed());
        self.push(name, told, evidence, seconds);
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
fn failed(reason: Reason, facts: &str) -> Told {
    let facts = facts.split_once(": ").map_or(facts, |(_, facts)| facts);
    (Status::Fail, format!("{reason} ({facts})"))
}
