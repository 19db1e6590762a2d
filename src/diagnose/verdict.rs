//! From the steps to one verdict.

use super::{Outcome, Status, Step, Verdict};
use crate::domain::{Failure, Operation, Target};
use crate::platform::{self, Certainty};

/// Why a diagnosis ended before the list.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something is broken: where, why, and what shows it.
    Broken(Operation, Failure, String),
    /// It must not be asked for; why.
    Untested(String),
}

pub(super) fn verdict(target: &Target, steps: &[Step], result: Result<Option<u64>, Stop>) -> Verdict {
    let warned = steps.iter().filter(|step| step.status == Status::Warn);
    let warnings: Vec<_> =
        warned.map(|step| format!("{}: {}", step.name.as_str().replace('_', " "), step.detail)).collect();
    match result {
        Ok(total) => well(total, warnings),
        Err(Stop::Untested(why)) => untested(why, warnings),
        Err(Stop::Broken(operation, failure, shown)) => {
            let mut evidence = vec![shown];
            evidence.extend(well_before(steps));
            Verdict { warnings, ..broken(target, operation, &failure, evidence) }
        }
    }
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

fn untested(why: String, warnings: Vec<String>) -> Verdict {
    Verdict {
        outcome: Outcome::Untested,
        failure: None,
        title: "nothing is known to be wrong, but the token was not tested".to_owned(),
        certainty: (Certainty::Open, "What was not asked is not known.".to_owned()),
        evidence: Vec::new(),
        diagnosis: why,
        avoid: Vec::new(),
        warnings,
    }
}

fn broken(target: &Target, operation: Operation, failure: &Failure, evidence: Vec<String>) -> Verdict {
    let advice = platform::advice(target, operation, failure.reason);
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
        .map(|step| step.name.as_str().replace('_', " "))
        .collect();
    (!names.is_empty()).then(|| format!("well before it: {}", names.join(", ")))
}
