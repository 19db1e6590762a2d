//! The steps in their order, until one is broken: those of a person around the service's own pass.

use tokio_util::sync::CancellationToken;

use super::seen::Seen;
use super::verdict::{Counted, Stop, verdict};
use super::{Nobody, Report, Status, Step, StepName, Watch, steps, untested};
use crate::domain::{Failure, Operation, Target};
use crate::platform::Presence;
use crate::probe::{NoOutcome, Probe};
use crate::transport::Dial;
use crate::{host_count, logfile};

/// Records shown of each log.
const NEWEST: usize = 5;

/// A diagnosis under way.
pub(super) struct Run<'a> {
    pub(super) probe: &'a Probe,
    pub(super) target: &'a Target,
    pub(super) seen: Seen<'a>,
    /// Nobody does: who has seen enough ends the process.
    cancel: CancellationToken,
}

/// Takes every step with the target of `probe`, which has not run yet, until one is broken.
pub async fn diagnose(probe: &Probe, dial: &dyn Dial, watch: &mut dyn Watch) -> Report {
    let run = Run::new(probe, true, watch);
    let result = run.all(dial).await;
    let counted = run.second_count(&result).await;
    let log = logfile::recent_redacted(&probe.target().log, NEWEST);
    Report { log, ..run.report(result, counted) }
}

/// The same with the steps of the service alone: one pass.
pub async fn test(probe: &Probe) -> Report {
    let mut nobody = Nobody;
    let run = Run::new(probe, false, &mut nobody);
    let result = run.pass().await;
    run.report(result, None)
}

impl<'a> Run<'a> {
    fn new(probe: &'a Probe, thorough: bool, watch: &'a mut dyn Watch) -> Self {
        let target = &**probe.target();
        let seen = Seen::new(target, probe.clock(), thorough, watch);
        Self { probe, target, seen, cancel: CancellationToken::new() }
    }

    fn report(self, result: Result<Option<u64>, Stop>, counted: Option<Counted>) -> Report {
        let mut steps = self.seen.into_steps();
        for name in StepName::ALL.into_iter().filter(|name| *name != StepName::SecondCount) {
            if steps.iter().all(|step| step.name != name) {
                let (status, detail) = (Status::Skipped, super::NOT_REACHED.to_owned());
                steps.push(Step { name, host: None, status, seconds: None, detail, evidence: None });
            }
        }
        steps.sort_by_key(|step| step.name);
        let total = result.as_ref().ok().copied().flatten();
        let verdict = verdict(self.target, &steps, result, counted);
        Report { steps, verdict, total, log: Vec::new() }
    }

    async fn all(&self, dial: &dyn Dial) -> Result<Option<u64>, Stop> {
        self.way(dial).await?;
        self.presence().await?;
        self.seen.note(StepName::Encryption, steps::encryption(self.target));
        self.pass().await
    }

    /// Whether the API is there, before any credential is sent.
    async fn presence(&self) -> Result<(), Stop> {
        let Some(presence) = self.probe.presence(&self.cancel, &self.seen).await.map_err(unasked)? else {
            self.seen.no_question(StepName::Api);
            self.seen.no_question(StepName::Release);
            return Ok(());
        };
        let (api, release) = match presence.map_err(|failure| self.seen.broken(Operation::Token, failure))? {
            Presence::There { release, remark } => {
                let told = "the token endpoint is there: rewrite active, module present";
                let remark = remark.map(|remark| format!("; {remark}")).unwrap_or_default();
                ((Status::Ok, told), (Status::Ok, format!("answers like {release}{remark}")))
            }
            Presence::Unclear | Presence::Absent(_) => {
                let told = "answers, but not like a token endpoint";
                ((Status::Warn, told), (Status::Skipped, "the answer does not say".to_owned()))
            }
        };
        self.seen.close(StepName::Api, (api.0, api.1.to_owned()));
        self.seen.note(StepName::Release, release);
        Ok(())
    }

    /// What the service does: token, list, and what either leads to.
    async fn pass(&self) -> Result<Option<u64>, Stop> {
        if self.target.auth.grant.needs_person() {
            let told = "not asked: a refresh token works only once".to_owned();
            self.seen.note(StepName::Token, (Status::Skipped, told));
            return Err(untested::spent(self.target));
        }
        let outcome = self.probe.watched(&self.cancel, &self.seen).await.map_err(unasked)?;
        let broken = |(operation, failure): (_, &Failure)| self.seen.broken(operation, failure.clone());
        let listing = outcome.result().ok_or_else(|| unasked(NoOutcome::Cancelled))?.map_err(broken)?;
        self.seen.close(StepName::Extensions, steps::listed(self.target, listing));
        self.seen.note(StepName::Expected, steps::expected(outcome.drift.as_ref()));
        self.seen.note(StepName::RateLimit, steps::rate_limit(&outcome.attempts));
        Ok(listing.total)
    }

    /// Past the API, also where that is broken: whether the extensions are there is then worth most.
    async fn second_count(&self, listed: &Result<Option<u64>, Stop>) -> Option<Counted> {
        let settings = self.target.host_count.clone()?;
        self.seen.begin(StepName::SecondCount);
        let count = host_count::count_once(&settings).await.map_err(|error| error.to_string());
        let counted = Counted { kind: settings.source.kind(), count };
        let told = steps::second_count(&counted, listed.as_ref().ok().copied().flatten());
        self.seen.end(StepName::SecondCount, told, None);
        Some(counted)
    }
}

fn unasked(none: NoOutcome) -> Stop {
    match none {
        NoOutcome::Budget(wait) => untested::out_of_budget(wait),
        NoOutcome::Cancelled => {
            Stop::Untested("not tested", "The test was interrupted; try again.".to_owned())
        }
    }
}
