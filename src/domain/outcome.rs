//! What a call gave: a listing, or a failure with reason and diagnosis.

use std::borrow::Cow;
use std::time::Duration;

use super::Reason;

/// What the extensions list told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The platform's total; `None` where the answer tells none.
    pub total: Option<u64>,
}

/// What the version query told, each cut to 64 of `[0-9A-Za-z._-]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Release of the PBX.
    pub version: String,
    /// Telephony engine behind it.
    pub engine: String,
}

/// Why a call gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The closed reason.
    pub reason: Reason,
    /// A sentence or a few for people: what is wrong and how to mend it. Never a label.
    pub diagnosis: Cow<'static, str>,
    /// `Retry-After`, where the answer had one.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without `Retry-After`.
    pub fn new(reason: Reason, diagnosis: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, diagnosis: diagnosis.into(), retry_after: None }
    }
}
