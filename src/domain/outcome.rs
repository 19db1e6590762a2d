//! What a call gave (a listing, or a failure with its cause) and what a whole pass gave.

use std::time::Duration;

use tokio::time::Instant;

use super::extensions::{Drift, Listed, Untold};
use super::{Cause, Class, Exchange, Grant, Operation, Phases, Reason, Warning};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The platform's total; `None` if the answer reports none.
    pub total: Option<u64>,
}

/// What the version query reported, each cut to 64 of `[0-9A-Za-z._-]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Release of the PBX.
    pub version: String,
    /// Telephony engine behind it.
    pub engine: String,
}

/// Why a call gave nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failure {
    /// What made it fail; the reason follows from it.
    pub cause: Cause,
    /// What else the words need.
    pub circumstances: Circumstances,
    /// `Retry-After`, where the answer had one.
    pub retry_after: Option<Duration>,
    /// Whether the answer looks like a refusal to whoever counts them, whatever its reason.
    pub refused: bool,
    /// Whether the request may have left a token on record there that nobody has.
    pub left_row: bool,
}

/// Under what circumstances a call failed, as far as words differ by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each true or not")]
pub struct Circumstances {
    /// The grant sent, where it is not the target's own.
    pub grant: Option<Grant>,
    /// Whether the very API asked had just issued the token.
    pub just_issued: bool,
    /// Whether it was asked by a GET without credentials.
    pub bare: bool,
    /// Whether a harmless query with the same token went well (`Some(true)`) or was refused, too.
    pub token_is_good: Option<bool>,
    /// Whether credentials were refused here lately, so that a ban is possible.
    pub ban_possible: bool,
    /// Whether the token taken before stays in use.
    pub token_serves: bool,
    /// Whether a refresh token came in the same answer and is kept.
    pub refresh_token_kept: bool,
    /// Whether credentials are kept back from whoever wants none over http.
    pub withheld: bool,
}

impl Failure {
    /// A failure without `Retry-After`.
    pub fn new(cause: impl Into<Cause>) -> Self {
        Self { cause: cause.into(), ..Self::default() }
    }

    /// One with `reason`, of any cause.
    ///
    /// # Panics
    /// A reason without a cause.
    #[cfg(test)]
    pub fn with(reason: Reason) -> Self {
        let of_it = |cause: &Cause| cause.reason() == reason;
        Self::new(Cause::samples().into_iter().find(of_it).expect("each reason has a cause"))
    }

    /// The closed reason.
    pub fn reason(&self) -> Reason {
        self.cause.reason()
    }

    /// The class of the reason; but what looks like a refusal is not repeated at the pace of a passing
    /// trouble, and what may hide that of a secret waits like it.
    pub fn class(&self) -> Class {
        match self.reason().class() {
            Class::Transient | Class::Denied if self.refused && self.left_row => Class::Refused,
            Class::Transient if self.refused => Class::Denied,
            class => class,
        }
    }
}

/// One HTTP exchange of a pass, as the board counts it; or a token request that failed before it was
/// sent.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pub operation: Operation,
    /// The grant sent; token operation only.
    pub grant: Option<Grant>,
    pub status: Option<u16>,
    /// From start to the last byte or the failure; `None`: nothing was sent.
    pub duration: Option<Duration>,
    pub phases: Phases,
    /// Earliest notAfter of the chain served, Unix seconds.
    pub certificate_expiry: Option<i64>,
    pub failure: Option<Reason>,
    /// Whether it looks like a refusal whatever its reason and status; see [`Failure::refused`].
    pub refused: bool,
    /// Whether credentials went in clear to somebody who wants none so.
    pub exposed: bool,
    /// Requests left and seconds until the limit resets, from the answer's headers.
    pub rate_limit: (Option<u64>, Option<u64>),
    /// What is odd about the answer, if it went well.
    pub warning: Option<Warning>,
}

impl Attempt {
    /// An attempt not yet judged.
    pub fn new(operation: Operation, grant: Option<Grant>, exchange: &Exchange) -> Self {
        Self {
            operation,
            grant,
            status: exchange.status.map(|s| s.as_u16()),
            duration: Some(exchange.duration),
            phases: exchange.phases,
            certificate_expiry: exchange.certificate_expiry,
            failure: None,
            refused: false,
            exposed: false,
            rate_limit: (None, None),
            warning: None,
        }
    }

    /// A token request that failed before it was sent.
    pub const fn unsent(grant: Grant, reason: Reason) -> Self {
        Self {
            operation: Operation::Token,
            grant: Some(grant),
            status: None,
            duration: None,
            phases: Phases { resolve: None, connect: None, tls: None, processing: None, transfer: None },
            certificate_expiry: None,
            failure: Some(reason),
            refused: false,
            exposed: false,
            rate_limit: (None, None),
            warning: None,
        }
    }

    /// Whether this looks to the far side like a failed try to get in: a refusal or denial by its
    /// reason, by its bare status, or according to its reader. Fail2ban counts such lines.
    pub const fn is_refusal(&self) -> bool {
        let by_reason = match self.failure {
            Some(reason) => matches!(reason.class(), Class::Refused | Class::Denied),
            None => false,
        };
        self.refused || by_reason || matches!(self.status, Some(401 | 403))
    }
}

/// What a failed exchange was to the PBX: the wait after it and the budget of refusals go by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// A refusal, in whatever words.
    Refusal,
    /// An answer to credentials that may stand in the place of a refusal.
    MayHideRefusal,
    /// A token may be on record there that nobody has: FreePBX writes the row before it signs.
    MayHaveLeftRow,
    /// It was not carried out, or left nothing.
    Passing,
}

/// What is known of a failed exchange.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// What was asked.
    pub operation: Operation,
    /// Why it failed.
    pub reason: Reason,
    /// Status code received.
    pub status: Option<u16>,
    /// Whether credentials went along.
    pub credentials: bool,
    /// Whether the request may have arrived.
    pub sent: bool,
    /// Who made the answer.
    pub by: Maker,
}

/// Who made an answer, as far as it matters for its harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The PBX's application, or its PHP, which refuse in words of their own.
    Pbx,
    /// Certainly somebody in front, before anybody looked at the request.
    Front,
    /// Anybody, or nobody.
    Unknown,
}

impl Seen {
    /// What it was to the PBX. A 5xx hides no refusal, whoever made it, nor does a network's fault, a proxy's or the pace.
    pub const fn trace(&self) -> Trace {
        let class = self.reason.class();
        let denied = matches!(class, Class::Denied) || matches!(self.status, Some(401 | 403));
        let answered = !self.reason.is_transport() && matches!(self.by, Maker::Unknown);
        let passes = matches!(self.status, None | Some(407 | 408 | 429 | 500..));
        if matches!(class, Class::Refused) {
            Trace::Refusal
        } else if !self.sent || matches!(self.by, Maker::Front) {
            Trace::Passing
        } else if self.credentials && answered && !passes {
            Trace::MayHideRefusal
        } else if denied {
            Trace::Refusal
        } else if matches!(self.operation, Operation::Token) && self.credentials {
            Trace::MayHaveLeftRow
        } else {
            Trace::Passing
        }
    }

    /// Whether this exchange may have left a row, whatever else it was.
    pub const fn may_have_left_row(&self) -> bool {
        let token = matches!(self.operation, Operation::Token);
        token && matches!(self.trace(), Trace::MayHideRefusal | Trace::MayHaveLeftRow)
    }
}

/// What may be shown of the token in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenView {
    /// When it was received, by the monotonic clock: its age is computed at the scrape.
    pub issued: Instant,
    /// The same in Unix seconds.
    pub issued_unix: f64,
    /// Unix seconds; `None` where its lifetime is unknown.
    pub expiry: Option<f64>,
}

#[derive(Debug)]
pub struct Outcome {
    pub attempts: Vec<Attempt>,
    /// What the token endpoint gave, or the failure that still stands there; `None`: nothing new.
    pub token: Option<Result<(), Failure>>,
    /// What the extensions endpoint gave; `None`: it could not be called without a token.
    pub extensions: Option<Result<Listing, Failure>>,
    /// What the version query gave; `None`: not asked.
    pub version: Option<Result<Version, Failure>>,
    /// Tokens refused by the API before their expiry.
    pub rejections: u32,
    /// The token in use at the end.
    pub facts: Option<TokenView>,
    /// Unix seconds of the next token request by the renewal rule, where the pass learned one.
    pub renewal_due: Option<f64>,
    pub wait: Duration,
    /// How the list compares with the extensions expected, or why it was not compared; `None`: none
    /// are expected, or there is no list.
    pub drift: Option<Result<Drift, Untold>>,
    /// The extensions one by one, where they are wanted.
    pub listed: Option<Listed>,
}

impl Outcome {
    /// The list, or what stands in its way and where; `None`: nothing was learned.
    pub fn result(&self) -> Option<Result<Listing, (Operation, &Failure)>> {
        match (&self.extensions, &self.token) {
            (Some(Ok(listing)), _) => Some(Ok(*listing)),
            (Some(Err(failure)), _) => Some(Err((Operation::Extensions, failure))),
            (None, Some(Err(failure))) => Some(Err((Operation::Token, failure))),
            (None, _) => None,
        }
    }

    /// Whether the pass got the list.
    pub const fn is_success(&self) -> bool {
        matches!(self.extensions, Some(Ok(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_exchange_was_to_the_pbx_as_a_table() {
        use Maker::{Front, Pbx, Unknown};
        use Reason::{
            AjaxDeclined, ApiNotFound, Connect, ConnectionLost, ExporterError, Forbidden, InvalidClient,
            QueryFailed, RateLimited, RedirectRefused, ResponseTooLarge, ServerError, Timeout, TokenRejected,
            UnexpectedResponse,
        };
        use Trace::{MayHaveLeftRow, MayHideRefusal, Passing, Refusal};
        // At the token endpoint, at the list.
        for (reason, status, by, token, list) in [
            (InvalidClient, Some(401), Pbx, Refusal, Refusal),
            (InvalidClient, Some(500), Pbx, Refusal, Refusal),
            (TokenRejected, Some(500), Pbx, Refusal, Refusal),
            (AjaxDeclined, Some(403), Pbx, Refusal, Refusal),
            (UnexpectedResponse, Some(401), Pbx, Refusal, Refusal),
            (Forbidden, Some(403), Unknown, MayHideRefusal, MayHideRefusal),
            (UnexpectedResponse, Some(401), Unknown, MayHideRefusal, MayHideRefusal),
            (UnexpectedResponse, Some(200), Unknown, MayHideRefusal, MayHideRefusal),
            (UnexpectedResponse, Some(302), Unknown, MayHideRefusal, MayHideRefusal),
            (RedirectRefused, Some(302), Unknown, MayHideRefusal, MayHideRefusal),
            (ApiNotFound, Some(404), Unknown, MayHideRefusal, MayHideRefusal),
            (ResponseTooLarge, Some(200), Unknown, MayHideRefusal, MayHideRefusal),
            (ApiNotFound, Some(404), Pbx, MayHaveLeftRow, Passing),
            (UnexpectedResponse, Some(200), Pbx, MayHaveLeftRow, Passing),
            (QueryFailed, Some(200), Pbx, MayHaveLeftRow, Passing),
            (ServerError, Some(500), Pbx, MayHaveLeftRow, Passing),
            (ServerError, Some(502), Unknown, MayHaveLeftRow, Passing),
            (RateLimited, Some(429), Unknown, MayHaveLeftRow, Passing),
            (Timeout, None, Unknown, MayHaveLeftRow, Passing),
            (Timeout, Some(200), Unknown, MayHaveLeftRow, Passing),
            (ConnectionLost, None, Unknown, MayHaveLeftRow, Passing),
            (UnexpectedResponse, Some(400), Front, Passing, Passing),
        ] {
            let seen = |operation| Seen { operation, reason, status, credentials: true, sent: true, by };
            assert_eq!(
                seen(Operation::Token).trace(),
                token,
                "{reason} {status:?} {by:?} at the token endpoint"
            );
            assert_eq!(seen(Operation::Extensions).trace(), list, "{reason} {status:?} {by:?} at the list");
            let bare = Seen { credentials: false, ..seen(Operation::Token) };
            assert!(matches!(bare.trace(), Refusal | Passing), "{reason} {status:?} without credentials");
        }
        for reason in [Connect, Timeout, ExporterError] {
            let (operation, status, by) = (Operation::Token, None, Unknown);
            let seen = Seen { operation, reason, status, credentials: true, sent: false, by };
            assert_eq!(seen.trace(), Passing, "{reason} before it was sent");
        }
    }

    #[test]
    fn what_may_hide_a_refused_secret_waits_like_it_and_a_row_alone_is_no_refusal() {
        for (reason, refused, left_row, class) in [
            (Reason::UnexpectedResponse, true, true, Class::Refused),
            (Reason::Forbidden, true, true, Class::Refused),
            (Reason::UnexpectedResponse, true, false, Class::Denied),
            (Reason::Forbidden, true, false, Class::Denied),
            (Reason::ServerError, false, true, Class::Transient),
            (Reason::RateLimited, true, true, Class::RateLimited),
        ] {
            let failure = Failure { refused, left_row, ..Failure::with(reason) };
            assert_eq!(failure.class(), class, "{reason} {refused} {left_row}");
        }
    }
}
