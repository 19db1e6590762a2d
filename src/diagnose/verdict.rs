//! From the steps to one verdict.

use super::{Outcome, Status, Step, StepName, Verdict, hosts};
use crate::causes;
use crate::domain::host_count::HostCountKind;
use crate::domain::platform::Certainty;
use crate::domain::{Failure, Operation, Reason, Target};

/// Why a diagnosis ended before the list.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something is broken: where, why, and what shows it.
    Broken(Operation, Failure, Vec<String>),
    /// It must not be asked for; in a few words, and why.
    Untested(&'static str, String),
}

/// What the second count gave; why not, in a sentence.
#[derive(Debug)]
pub(super) struct Counted {
    pub kind: HostCountKind,
    pub count: Result<u64, String>,
}

impl Counted {
    /// What a count says beside the API's total, or in place of a list. Why there is none the step has told.
    fn words(&self, total: Option<u64>, is_failing: bool) -> Option<String> {
        self.kind.compared(Ok(*self.count.as_ref().ok()?), total, is_failing)
    }

    /// Who has how many.
    pub fn told(&self) -> String {
        let count = self.count.as_ref().map_or_else(|_| "no count".to_owned(), u64::to_string);
        format!("{} has {count}", self.kind.counter())
    }

    /// How sure it is that the API hides extensions, and why; `None`: a list of `total` may well be right.
    fn contradicts(&self, total: u64) -> Option<(Certainty, &'static str)> {
        let count = *self.count.as_ref().ok()?;
        match self.kind {
            HostCountKind::Database { same_rows: true, .. } if count > total => Some((
                Certainty::Likely,
                "Both were counted just now, and the call counts these same rows. It is not certain that this database belongs to that \
                 PBX, or that no extension was created in between.",
            )),
            HostCountKind::Asterisk if count > total && total == 0 => Some((
                Certainty::Open,
                "Asterisk serves phones and the API lists none. An API that fails silently looks the same as extensions that were all \
                 deleted or lost, which Asterisk keeps until it is reloaded (Apply Config).",
            )),
            HostCountKind::Database { .. } | HostCountKind::Asterisk => None,
        }
    }

    fn avoid(&self) -> [&'static str; 2] {
        let by_source = match self.kind {
            HostCountKind::Database { .. } => {
                "Do not create the missing extensions again: the database has them."
            }
            HostCountKind::Asterisk => {
                "Do not press Apply Config or reload Asterisk before you have checked: Asterisk would then lose what the PBX has lost."
            }
        };
        [by_source, "Do not change credentials or scopes: the API gave its list without an error."]
    }
}

pub(super) fn verdict(
    target: &Target,
    steps: &[Step],
    result: Result<Option<u64>, Stop>,
    counted: Option<Counted>,
) -> Verdict {
    // What a second count says of the list is told in words of its own.
    let count = counted.as_ref().and_then(|counted| counted.count.as_ref().ok()).copied();
    let is_told = |step: &&Step| match step.name {
        StepName::SecondCount => count.is_some(),
        StepName::Extensions => count.is_some_and(|count| count > 0),
        _ => false,
    };
    let warned = steps.iter().filter(|step| step.status == Status::Warn && !is_told(step));
    let (signs, warnings): (Vec<_>, Vec<_>) = warned.partition(|step| is_sign(step.name));
    let told = |steps: Vec<&Step>| -> Vec<_> {
        steps.iter().map(|step| format!("{}: {}", title(step.name), step.told())).collect()
    };
    let (signs, mut warnings) = (told(signs), told(warnings));
    if result.is_ok() {
        warnings.extend(signs.clone());
    }
    match result {
        Ok(total) => listed(total, counted, warnings),
        Err(Stop::Untested(title, why)) => untested(title, why, warnings),
        Err(Stop::Broken(operation, failure, mut evidence)) => {
            evidence.extend(signs);
            evidence.extend(
                failure
                    .retry_after
                    .map(|wait| format!("the answer asks to wait for {}", humantime::format_duration(wait))),
            );
            // Where this side fails, that is no word on the API.
            let ours = failure.reason() == Reason::ExporterError;
            let counted = counted.filter(|counted| counted.count.is_ok());
            evidence.extend(counted.and_then(|c| if ours { Some(c.told()) } else { c.words(None, true) }));
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

/// The list was read; whether it is to be believed the second count may tell.
fn listed(total: Option<u64>, counted: Option<Counted>, mut warnings: Vec<String>) -> Verdict {
    let listed = match total {
        Some(1) => "1 extension".to_owned(),
        Some(total) => format!("{total} extensions"),
        None => "a list without a total".to_owned(),
    };
    let differing = counted.and_then(|counted| Some((counted.words(total, false)?, counted, total?)));
    let title = match differing {
        None => format!("the API works: {listed}"),
        Some((words, counted, total)) => {
            if let Some((certainty, because)) = counted.contradicts(total) {
                let certainty = (certainty, because.to_owned());
                return Verdict { certainty, warnings, ..contradicted(&listed, &counted, words) };
            }
            warnings.push(words);
            format!("the API answers with {listed}, but {}", counted.told())
        }
    };
    Verdict {
        outcome: Outcome::Well,
        failure: None,
        cause: None,
        title,
        certainty: (Certainty::Certain, "A token was issued and the list was read, just now.".to_owned()),
        evidence: Vec::new(),
        diagnosis: String::new(),
        avoid: Vec::new(),
        warnings,
    }
}

/// The API hides what is there.
fn contradicted(listed: &str, counted: &Counted, words: String) -> Verdict {
    Verdict {
        outcome: Outcome::Failed,
        failure: None,
        cause: None,
        title: format!("the API answers with {listed}, but {}", counted.told()),
        certainty: (Certainty::Open, String::new()),
        evidence: vec![format!("the API lists {listed}"), counted.told()],
        diagnosis: words,
        avoid: counted.avoid().map(str::to_owned).to_vec(),
        warnings: Vec::new(),
    }
}

fn untested(title: &str, why: String, warnings: Vec<String>) -> Verdict {
    Verdict {
        outcome: Outcome::Untested,
        failure: None,
        cause: None,
        title: title.to_owned(),
        certainty: (Certainty::Open, "What was not tested is not known.".to_owned()),
        evidence: Vec::new(),
        diagnosis: why,
        avoid: Vec::new(),
        warnings,
    }
}

fn broken(target: &Target, operation: Operation, failure: &Failure, evidence: Vec<String>) -> Verdict {
    let explained = causes::explain(target, operation, failure);
    let of = hosts::of(target, operation).map_or_else(String::new, |host| format!(" ({host})"));
    Verdict {
        outcome: Outcome::Failed,
        failure: Some((operation, failure.reason())),
        diagnosis: explained.diagnosis(),
        cause: Some(explained.cause),
        title: format!("{}{of}", explained.title),
        certainty: (explained.certainty, explained.because),
        evidence,
        avoid: explained.avoid,
        warnings: Vec::new(),
    }
}

/// What worked narrows the cause down.
fn well_before(steps: &[Step]) -> Option<String> {
    let well = |step: &&Step| {
        step.status == Status::Ok && step.seconds.is_some() && step.name != StepName::SecondCount
    };
    let names = steps.iter().filter(well).map(|step| match &step.host {
        Some(host) => format!("{} ({host})", title(step.name)),
        None => title(step.name),
    });
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| format!("passed before: {}", names.join(", ")))
}
