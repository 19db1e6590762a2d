//! From the outcome of a pass to the next state: pure transitions.

use std::sync::Arc;
use std::time::Duration;

use super::{Code, Condition, Endpoint, TargetInfo, TargetState};
use crate::causes::{self, Explanation};
use crate::domain::outcome::{Attempt, Outcome};
use crate::domain::{Failure, Operation, Target, Warning};

/// So many missing and unexpected extensions are kept by name: enough for a person to see which they
/// are, without the memory that a lost PBX of thousands would take.
const DRIFT_NAMED: usize = 20;

impl TargetState {
    /// Takes in what a pass over `target` gave. `now` in Unix seconds.
    pub fn record(&mut self, info: &TargetInfo, target: &Target, outcome: Outcome, now: f64) {
        self.count_all(info, &outcome.attempts, now);
        let success = outcome.is_success();
        self.probes += 1;
        self.probe_failures += u64::from(!success);
        self.consecutive_failures = if success { 0 } else { self.consecutive_failures + 1 };
        self.up = Some(success);
        self.last_probe = Some(now);
        if success {
            self.last_success = Some(now);
        }
        self.wait = in_milliseconds(outcome.wait);
        self.put_off = None;
        self.token = outcome.facts;
        self.renewal_due = outcome.renewal_due;
        self.token_rejections += u64::from(outcome.rejections);
        if let Some(result) = outcome.token {
            self.judge(target, Operation::Token, Some(result), now);
        }
        self.extensions = outcome.extensions.as_ref().and_then(|r| r.as_ref().ok()?.total);
        self.drift = outcome.drift.map(|drift| Arc::new(drift.map(|drift| drift.cut(DRIFT_NAMED))));
        self.doubt_zero(target);
        let listed = outcome.extensions.map(|result| result.map(|_| ()));
        self.judge(target, Operation::Extensions, listed, now);
        if let Some(version) = outcome.version {
            self.version = version.as_ref().ok().cloned().map(Arc::new);
            let told = version.map(|_| ());
            self.judge(target, Operation::Version, Some(told), now);
        } else if self.token.is_none() {
            self.judge(target, Operation::Version, None, now);
        }
    }

    /// None where there were some before, or where some are expected.
    fn doubt_zero(&mut self, target: &Target) {
        self.had_extensions |= self.extensions.is_some_and(|total| total > 0);
        let expected =
            self.drift.as_deref().is_some_and(|drift| drift.as_ref().is_ok_and(|drift| drift.expected > 0));
        if self.extensions == Some(0) && (self.had_extensions || expected) && target.hides_failed_lists() {
            self.endpoint_mut(Operation::Extensions).warning = Some(Warning::EmptyList);
        }
    }

    fn judge(
        &mut self,
        target: &Target,
        operation: Operation,
        result: Option<Result<(), Failure>>,
        now: f64,
    ) {
        let explain = |failure| Box::new(causes::explain(target, operation, &failure));
        self.endpoint_mut(operation).judge(result.map(|result| result.map_err(explain)), now);
    }

    /// Counts exchanges. `now` in Unix seconds.
    pub fn count_all(&mut self, info: &TargetInfo, attempts: &[Attempt], now: f64) {
        for attempt in attempts {
            self.count(info, attempt, now);
        }
    }

    fn count(&mut self, info: &TargetInfo, attempt: &Attempt, now: f64) {
        let endpoint = self.endpoint_mut(attempt.operation);
        if let Some(duration) = attempt.duration {
            endpoint.count_code(attempt.status);
            endpoint.durations.observe(duration.as_secs_f64());
            endpoint.phases = attempt.phases;
        }
        if let Some(reason) = attempt.failure {
            endpoint.failures[reason.index()] += 1;
        }
        if let Some(counters) = self.grants.iter_mut().find(|c| Some(c.grant) == attempt.grant) {
            counters.requests += 1;
            if let Some(reason) = attempt.failure {
                counters.failures[reason.index()] += 1;
            }
        }
        if attempt.certificate_expiry.is_some() {
            let elsewhere = info.token_elsewhere && attempt.operation == Operation::Token;
            self.certificate_expiry[usize::from(elsewhere)] = attempt.certificate_expiry.map(|t| t as f64);
        }
        if attempt.status.is_some() {
            self.endpoint_mut(attempt.operation).warning = attempt.warning;
            let (remaining, reset) = attempt.rate_limit;
            self.rate_limit_remaining = remaining;
            self.rate_limit_reset = reset.map(|s| now + s as f64);
        }
    }

    /// No probe for so long: that it was up is no longer known, what failed still stands.
    pub fn put_off(&mut self, wait: Duration, now: f64) {
        self.wait = in_milliseconds(wait);
        self.put_off = Some(now + wait.as_secs_f64());
        self.up = self.up.filter(|up| !up);
        self.extensions = None;
        self.endpoint_mut(Operation::Extensions).warning = None;
    }
}

impl Endpoint {
    fn count_code(&mut self, status: Option<u16>) {
        let code = match status {
            Some(200) => return self.ok += 1,
            None => Code::NONE,
            Some(status @ 100..=599) => Code(status),
            Some(_) => Code::OTHER,
        };
        match self.others.binary_search_by_key(&code, |(code, _)| *code) {
            Ok(at) => self.others[at].1 += 1,
            Err(at) => self.others.insert(at, (code, 1)),
        }
    }

    /// `None`: it cannot be called now, so nothing is known of it.
    fn judge(&mut self, result: Option<Result<(), Box<Explanation>>>, now: f64) {
        self.up = result.as_ref().map(Result::is_ok);
        let since = self.condition.as_ref().map(|c| (c.reason, c.since));
        self.condition = result.and_then(Result::err).map(|explained| Condition {
            reason: explained.reason,
            diagnosis: explained.diagnosis().into(),
            since: since.filter(|(reason, _)| *reason == explained.reason).map_or(now, |(_, since)| since),
            cause: explained.cause,
        });
    }
}

/// Without the microseconds that went by while it was computed.
fn in_milliseconds(wait: Duration) -> Duration {
    Duration::from_millis(u64::try_from((wait + Duration::from_micros(500)).as_millis()).unwrap_or(u64::MAX))
}
