//! Every step on the way to a PBX and its API, one by one, and one verdict: for a person who looks on.
//!
//! Belongs here: what a person needs besides the service's own pass, which is watched (`observer`), what each step tells,
//! and the verdict, as data. Does not belong here: printing (`cli`), token and list (`probe`), what an answer means
//! (`platform`), how bytes travel (`transport`).

mod hosts;
mod plan;
mod proxies;
mod run;
mod seen;
mod steps;
mod untested;
mod verdict;
mod way;

use std::borrow::Cow;

use crate::domain::{Operation, Reason, vocabulary};
use crate::logfile::Recent;
use crate::platform::Certainty;

pub use plan::{left_behind, plan, title};
pub use run::{diagnose, test};

vocabulary! {
    /// A step, in the order in which they are taken.
    StepName {
        /// Host name to addresses.
        NameResolution => "name_resolution",
        /// TCP.
        Connect => "connect",
        /// TLS: protocol, chain, expiry.
        Tls => "tls",
        /// This machine's clock against the answer's `Date`.
        Clock => "clock",
        /// Whether the token endpoint is there, asked without credentials.
        Api => "api",
        /// Which release answers so.
        Release => "release",
        /// Whether credentials travel encrypted.
        Encryption => "encryption",
        /// One token request.
        Token => "token",
        /// Lifetime and scopes of the token.
        TokenContent => "token_content",
        /// What the token may do.
        Permissions => "permissions",
        /// The extensions list.
        Extensions => "extensions",
        /// The list against the expected one.
        Expected => "expected_extensions",
        /// Requests left, where the PBX tells.
        RateLimit => "rate_limit",
        /// The extensions counted past the API, where that is configured, whatever came of the steps before.
        SecondCount => "second_count",
    }
}

vocabulary! {
    /// How a step went.
    Status {
        /// As it should be.
        Ok => "ok",
        /// Works, and is worth a look.
        Warn => "warn",
        /// Broken: the verdict is about it.
        Fail => "fail",
        /// Not taken.
        Skipped => "skipped",
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: StepName,
    /// Whose, where the token endpoint is on another host than the API.
    pub host: Option<String>,
    pub status: Status,
    /// How long it took; `None` where nothing was waited for.
    pub seconds: Option<f64>,
    /// For people, in a line.
    pub detail: String,
    /// What was seen, where an answer or certificate shows it.
    pub evidence: Option<String>,
}

impl Step {
    /// What there is to say, and of whom.
    pub fn told(&self) -> String {
        match &self.host {
            Some(host) if !self.detail.starts_with(host.as_str()) => format!("{host}: {}", self.detail),
            _ => self.detail.clone(),
        }
    }
}

vocabulary! {
    /// What came out.
    Outcome {
        /// The list was had, and nothing contradicts it.
        Well => "ok",
        /// Nothing is known to be wrong, but the list was not asked for.
        Untested => "untested",
        /// Something is wrong.
        Failed => "failed",
    }
}

/// The one verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub outcome: Outcome,
    /// Where and why it failed, in the words of the metrics; `None` where only the second count shows it.
    pub failure: Option<(Operation, Reason)>,
    /// The name of the cause; `None` where [`Self::failure`] is.
    pub cause: Option<Cow<'static, str>>,
    pub title: String,
    /// How sure this is, and why.
    pub certainty: (Certainty, String),
    /// What it rests on.
    pub evidence: Vec<String>,
    /// What is wrong and what to click or type.
    pub diagnosis: String,
    /// What not to do.
    pub avoid: Vec<String>,
    /// What works and is worth a look all the same.
    pub warnings: Vec<String>,
}

/// The detail of a step that was not taken because an earlier one is broken.
pub const NOT_REACHED: &str = "not reached";

/// What one diagnosis gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Every step, also those not taken, in order.
    pub steps: Vec<Step>,
    pub verdict: Verdict,
    /// How many extensions the list says there are, where it was read and tells.
    pub total: Option<u64>,
    /// The newest records of the PBX's own logs, where they are configured and on this host; redacted.
    pub log: Vec<Recent>,
}

impl Report {
    /// How long all steps took.
    pub fn seconds(&self) -> f64 {
        self.steps.iter().filter_map(|step| step.seconds).sum()
    }
}

/// Who looks on.
pub trait Watch: Send {
    /// A step is about to be taken.
    fn begins(&mut self, step: StepName);
    /// A step is done, or skipped.
    fn ends(&mut self, step: &Step);
}

/// Nobody does.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Watch for Nobody {
    fn begins(&mut self, _: StepName) {}
    fn ends(&mut self, _: &Step) {}
}
