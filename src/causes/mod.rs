//! Every sentence that explains a failure, and nothing else: from a cause to what is wrong, how to fix it, and how sure that is.
//!
//! Belongs here: all English about failures, a table for each area, to be edited by whoever knows better words. Does not
//! belong here: what an answer means (`platform`), how bytes travel (`transport`), how words are laid out (`cli`, `web`).

mod fill;
mod freepbx;
mod freepbx_host;
mod general;
mod local;
mod person;
mod tls;
mod way;

use std::borrow::Cow;

pub(crate) use fill::in_shell;

use crate::domain::platform::{Certainty, Words as Own};
use crate::domain::{Cause, Failure, Operation, Reason, Target, Warning};

use fill::Fill;

/// What is said of one cause. Texts may name in braces what [`Fill`] knows, and the cause's own values.
#[derive(Clone, Copy)]
struct Words {
    /// What is wrong, in a few words.
    title: &'static str,
    /// What is wrong, in a sentence or a few.
    wrong: &'static str,
    /// What to do.
    fix: &'static str,
    certainty: Certainty,
    /// Why so sure, and what stays unknown.
    because: &'static str,
    /// What not to do: each a sentence.
    avoid: &'static [&'static str],
}

impl Words {
    /// The same for a cause of its own.
    const fn say(self, wrong: &'static str, fix: &'static str) -> Self {
        Self { wrong, fix, ..self }
    }
}

/// A failure in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The closed reason.
    pub reason: Reason,
    /// The cause's name.
    pub cause: Cow<'static, str>,
    /// What is wrong, in a few words.
    pub title: String,
    /// What is wrong, in a sentence or a few.
    pub wrong: String,
    /// What to do; empty where a description's words say it in one.
    pub fix: String,
    /// How sure this is.
    pub certainty: Certainty,
    /// Why so sure, and what stays unknown.
    pub because: String,
    /// What not to do: each a sentence.
    pub avoid: Vec<String>,
}

impl Explanation {
    /// What is wrong and what to do.
    pub fn diagnosis(&self) -> String {
        [self.wrong.as_str(), &self.fix]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// What `failure` of `operation` means to a person.
pub fn explain(target: &Target, operation: Operation, failure: &Failure) -> Explanation {
    let mut explanation = of(target, operation, failure, &failure.cause);
    let fill = Fill { target, operation, failure, cause: &failure.cause };
    fill.add_circumstances(&mut explanation);
    explanation
}

/// What is odd although all is well, and what to do.
pub const fn of_warning(warning: Warning) -> &'static str {
    match warning {
        Warning::EmptyList => freepbx_host::EMPTY_LIST,
        Warning::Mark => {
            "A byte order mark stands before the JSON, and strict clients fail at it. On the PBX a file of its code was saved with one: \
             save it again without."
        }
        Warning::Output => {
            "Other output stands around the JSON, and strict clients fail at it. Turn `display_errors` off in the php.ini of the PBX's web \
             server; its error log then names the file and line that print it."
        }
        Warning::DiskFull => {
            "Other output stands around the JSON, and says that a disk of the PBX is full. Look at `df -h` and `df -i` on the PBX and free \
             space before more fails."
        }
    }
}

fn of(target: &Target, operation: Operation, failure: &Failure, cause: &Cause) -> Explanation {
    let fill = Fill { target, operation, failure, cause };
    let own = target.platform.words(cause.reason(), operation);
    if let Cause::Rule(matched) = cause {
        let rule = matched.rule();
        let general = of(target, operation, failure, &matched.general);
        let general = Explanation { reason: rule.reason, cause: cause.name(), ..general };
        let rest = Own {
            title: rule.title.clone(),
            certainty: rule.certainty,
            because: rule.because.clone(),
            avoid: rule.avoid.clone(),
            ..Own::default()
        };
        let explanation = over(general, &rest);
        return match &rule.diagnosis {
            Some(text) => Explanation { wrong: fill.text(text), fix: String::new(), ..explanation },
            None => explanation,
        };
    }
    let words = words(target, cause, failure);
    let explanation = Explanation {
        reason: cause.reason(),
        cause: cause.name(),
        title: fill.text(words.title),
        wrong: fill.text(words.wrong),
        fix: fill.text(words.fix),
        certainty: words.certainty,
        because: fill.text(words.because),
        avoid: words.avoid.iter().map(|text| fill.text(text)).collect(),
    };
    let Some(own) = own else { return explanation };
    let explanation = over(explanation, own);
    match (&own.diagnosis, cause) {
        (Some(text), Cause::General(_)) => {
            Explanation { wrong: fill.text(text), fix: String::new(), ..explanation }
        }
        // What happened on the way is the same everywhere, and what to do there is not.
        (Some(text), Cause::Way(cause)) if way::may_be_fixed_otherwise(cause) => {
            Explanation { fix: fill.text(text), ..explanation }
        }
        (Some(text), Cause::Tls(_)) => Explanation { fix: fill.text(text), ..explanation },
        _ => explanation,
    }
}

fn words(target: &Target, cause: &Cause, failure: &Failure) -> Words {
    let freepbx = target.is_freepbx();
    let general = match cause {
        Cause::General(cause) => {
            freepbx.then(|| freepbx::general(cause)).flatten().unwrap_or_else(|| general::words(cause))
        }
        Cause::Odd(cause) => {
            freepbx.then(|| freepbx::odd(cause)).flatten().unwrap_or_else(|| general::odd(cause))
        }
        Cause::Freepbx(cause) => freepbx::of_call(freepbx::words(cause), cause.reason(), target),
        Cause::Host(cause) => freepbx_host::words(cause),
        Cause::Way(cause) => {
            let words = way::words(cause);
            let fix = freepbx.then(|| freepbx::fix_of_way(cause)).flatten();
            Words { fix: fix.unwrap_or(words.fix), ..words }
        }
        Cause::Tls(cause) => tls::words(cause),
        Cause::Local(cause) => local::words(cause),
        Cause::Person(cause, _) => person::words(cause),
        Cause::Rule(matched) => return words(target, &matched.general, failure),
    };
    let here = freepbx && failure.circumstances.just_issued;
    let less = here.then(|| freepbx::after_token(cause.reason())).flatten();
    less.map_or(general, |less| less.say(general.wrong, general.fix))
}

/// What is given in place of what is more general.
fn over(general: Explanation, own: &Own) -> Explanation {
    Explanation {
        title: own.title.clone().unwrap_or(general.title),
        certainty: own.certainty.unwrap_or(general.certainty),
        because: own.because.clone().unwrap_or(general.because),
        avoid: own.avoid.clone().unwrap_or(general.avoid),
        ..general
    }
}
