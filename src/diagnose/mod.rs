//! Every step on the way to a PBX and its API, one by one, and one verdict: for a person who looks on.
//!
//! Belongs here: what a person needs besides the service's own pass, which is watched (`observer`), what each step tells,
//! and the verdict, as data. Does not belong here: printing (`cli`), token and list (`probe`), what an answer means
//! (`platform`), how bytes travel (`transport`).

mod hosts;
mod plan;
mod run;
mod seen;
mod steps;
mod untested;
mod verdict;
mod way;

use crate::domain::{Operation, Reason};
use crate::logfile::Recent;
use crate::platform::Certainty;
use crate::probe::Probe;
use crate::transport::Dial;

pub use plan::{left_behind, plan, title};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in JSON; documented, so that it stays.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

words! {
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

words! {
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
    /// Which.
    pub name: StepName,
    /// Whose, where the token endpoint is on another host than the API.
    pub host: Option<String>,
    /// How it went.
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

words! {
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
    /// What came out.
    pub outcome: Outcome,
    /// Where and why it failed, in the words of the metrics; `None` where only the second count shows it.
    pub failure: Option<(Operation, Reason)>,
    /// In a few words.
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
    /// What it comes to.
    pub verdict: Verdict,
    /// How many extensions the list says there are, where it was read and tells.
    pub total: Option<u64>,
    /// The newest records of the PBX's own logs, where they are configured and on this host; redacted.
    pub log: Vec<Recent>,
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

/// Takes every step with the target of `probe`, which has not run yet, until one is broken.
pub async fn diagnose(probe: &Probe, dial: &dyn Dial, watch: &mut dyn Watch) -> Report {
    run::thorough(probe, dial, watch).await
}

/// The same with the steps of the service alone: one pass.
pub async fn test(probe: &Probe) -> Report {
    run::pass(probe).await
}
