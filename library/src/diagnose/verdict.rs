//! From the steps to one verdict.

use super::{Outcome, Status, Step, StepName, Verdict};
use crate::domain::{Failure, Operation, Target};
use crate::platform::{self, Certainty};

/// Why a diagnosis ended before the list.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something is broken: where, why, and what shows it.
    Broken(Operation, Failure, Vec<String>),
    /// It must not be asked for; in a few words, and why.
    Untested(&'static str, String),
}

pub(super) fn verdict(target: &Target, steps: &[Step], result: Result<Option<u64>, Stop>) -> Verdict {
    let warned = steps.iter().filter(|step| step.status == Status::Warn);
    let (signs, warnings): (Vec<_>, Vec<_>) = warned.partition(|step| is_sign(step.name));
    let told = |steps: Vec<&Step>| -> Vec<_> {
        steps.iter().map(|step| format!("{}: {}", title(step.name), step.detail)).collect()
    };
    let (signs, mut warnings) = (told(signs), told(warnings));
    if result.is_ok() {
        warnings.extend(signs.clone());
    }
    match result {
        Ok(total) => well(total, warnings),
        Err(Stop::Untested(title, why)) => untested(title, why, warnings),
        Err(Stop::Broken(operation, failure, mut evidence)) => {
            evidence.extend(signs);
            evidence.extend(
                failure
                    .retry_after
                    .map(|wait| format!("the answer asks to wait {}", humantime::format_duration(wait))),
            );
            evidence.extend(well_before(steps));
            Verdict { warnings, ..broken(target, operation, &failure, evidence) }
        }
    }
}

/// Steps whose oddities have the same cause as a failure after them.
fn is_sign(name: StepName) -> bool {
    matches!(name, StepName::Api | StepName::TokenContent | StepName::Permissions)
}

fn title(name: StepName) -> String {
    name.as_str().replace('_', " ")
}

fn well(total: Option<u64>, warnings: Vec<String>) -> Verdict {
    let listed = match total {
        Some(1) => "1 extension".to_owned(),
        Some(total) => format!("{total} extensions"),
        None => "a list without a total".to_owned(),
    };
    Verdict {
        outcome: Outcome::Well,
        failure: None,
        title: format!("the API works: {listed}"),
        certainty: (Certainty::Certain, "A token was taken and the list was read, just now.".to_owned()),
        evidence: Vec::new(),
        diagnosis: String::new(),
        avoid: Vec::new(),
        warnings,
    }
}

fn untested(title: &str, why: String, warnings: Vec<String>) -> Verdict {
    Verdict {
        outcome: Outcome::Untested,
        failure: None,
        title: title.to_owned(),
        certainty: (Certainty::Open, "What was not asked is not known.".to_owned()),
        evidence: Vec::new(),
        diagnosis: why,
        avoid: Vec::new(),
        warnings,
    }
}

fn broken(target: &Target, operation: Operation, failure: &Failure, evidence: Vec<String>) -> Verdict {
    let advice = platform::advice(target, operation, failure.reason, &evidence);
    Verdict {
        outcome: Outcome::Failed,
        failure: Some((operation, failure.reason)),
        title: advice.title.to_owned(),
        certainty: (advice.certainty, advice.because.to_owned()),
        evidence,
        diagnosis: failure.diagnosis.to_string(),
        avoid: advice.avoid.iter().map(|&text| text.to_owned()).collect(),
        warnings: Vec::new(),
    }
}

/// What worked narrows the cause down.
fn well_before(steps: &[Step]) -> Option<String> {
    let names: Vec<_> = steps
        .iter()
        .filter(|step| step.status == Status::Ok && step.seconds.is_some())
        .map(|step| title(step.name))
        .collect();
    (!names.is_empty()).then(|| format!("well before it: {}", names.join(", ")))
}
