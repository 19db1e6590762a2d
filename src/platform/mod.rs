//! What differs between PBXes: paths, requests, and the rules from an answer to a reason.
//!
//! Belongs here: pure functions from plain values to plain values, and the sentences that a person
//! woken at night reads. Does not belong here: I/O, time, retries, or when to ask again.

mod freepbx;
mod headers;
mod reach;

use crate::domain::extensions::Page;
use crate::domain::outcome::Version;
use crate::domain::target::PlatformId;
use crate::domain::{Answer, Class, Failure, Grant, Listing, Operation, Reason, Request, Target};

pub use headers::rate_limit;
pub use reach::{possible_reasons, transport_failure};

/// What was asked, for whoever judges the answer.
#[derive(Clone, Copy, Debug)]
pub struct CallContext<'a> {
    /// The PBX asked.
    pub target: &'a Target,
    /// What was asked of it.
    pub operation: Operation,
    /// The grant sent; for a protected resource the grant that gave the token.
    pub grant: Grant,
    /// Protected resources: whether the token was issued in this same pass.
    pub fresh: bool,
    /// Scopes that the token names: a hint, never trusted.
    pub scopes: Option<&'a [String]>,
    /// Whether the PBX's clock was compared with this machine's, and agrees.
    pub clock_agrees: bool,
}

impl CallContext<'_> {
    /// The path asked, without query.
    pub fn path(&self) -> &str {
        match self.target.platform {
            PlatformId::FreePbx => freepbx::path(self.target, self.operation),
        }
    }
}

/// What the harmless query says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// The API accepts the token.
    Accepted,
    /// The API refuses the token.
    Rejected,
    /// The answer tells neither.
    Unclear,
}

/// What the token endpoint shows to a request without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there; which release answers so, and what to know of that one.
    There {
        /// `FreePBX 17` for instance.
        release: &'static str,
        /// A part of a sentence.
        remark: Option<&'static str>,
    },
    /// It is not there or not reachable, so that credentials need not be sent.
    Absent(Failure),
    /// The answer tells neither.
    Unclear,
}

/// What a token may do, as far as one harmless query tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Whether the API accepts the token.
    pub validity: Validity,
    /// How many queries it may make.
    pub queries: Option<usize>,
    /// Whether the extensions list is among them.
    pub may_list: Option<bool>,
    /// Whether the target's call is that list.
    pub needs_listing: bool,
    /// Why nothing more is worth asking, where it is so.
    pub refused: Option<Failure>,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The answer has one meaning.
    Certain,
    /// Other causes are possible and rare.
    Likely,
    /// Several causes answer alike.
    Open,
}

impl Certainty {
    /// The word for people and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Open => "open",
        }
    }
}

/// What a reason means to a person besides its diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// How sure that is.
    pub certainty: Certainty,
    /// Why so sure, and what stays unknown.
    pub because: &'static str,
    /// What not to do: each a sentence.
    pub avoid: &'static [&'static str],
}

/// What to say of `reason` besides the diagnosis. `shown`: the evidence, in words of [`facts`] or of the
/// transport's error, by which one reason has causes more or less sure.
pub fn advice(target: &Target, operation: Operation, reason: Reason, shown: &[String]) -> Advice {
    match target.platform {
        PlatformId::FreePbx => freepbx::advice::of(target, operation, reason, shown),
    }
}

/// A request for the token endpoint without credentials, which tells whether the API is there.
pub fn presence_request(target: &Target) -> Request {
    match target.platform {
        PlatformId::FreePbx => freepbx::survey::presence_request(target),
    }
}

/// What the answer to [`presence_request`] tells.
pub fn read_presence(ctx: &CallContext, answer: &Answer) -> Presence {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::survey::read_presence(ctx, answer),
    }
}

/// A harmless query for what a token may do, without `Authorization`.
pub fn permissions_request(target: &Target) -> Request {
    match target.platform {
        PlatformId::FreePbx => freepbx::survey::permissions_request(target),
    }
}

/// What the answer to [`permissions_request`] tells.
pub fn read_permissions(ctx: &CallContext, answer: &Answer) -> Permissions {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::survey::read_permissions(ctx, answer),
    }
}

/// What an answer is, as evidence for people; repeats only what is known by heart.
pub fn facts(target: &Target, answer: &Answer) -> String {
    match target.platform {
        PlatformId::FreePbx => freepbx::survey::facts(answer),
    }
}

/// Path of the token endpoint.
pub fn token_path(target: &Target) -> &'static str {
    match target.platform {
        PlatformId::FreePbx => freepbx::TOKEN_PATH,
    }
}

/// Path of the authorization endpoint (RFC 6749 section 3.1), where people confirm; `None`: the platform has none.
pub fn authorize_path(target: &Target) -> Option<&'static str> {
    match target.platform {
        PlatformId::FreePbx => Some(freepbx::AUTHORIZE_PATH),
    }
}

/// Why `answer`, of any status, holds no usable token.
pub fn token_failure(ctx: &CallContext, answer: &Answer) -> Failure {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::token::failure(ctx, answer),
    }
}

/// A scope that is worth one more token request, because asking for it explicitly tells two causes of
/// this answer apart.
pub fn wants_scope_check(ctx: &CallContext, answer: &Answer) -> Option<&'static str> {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::follow_up::scope_check(ctx, answer),
    }
}

/// The failure once the request with an explicit scope gave a token (`Ok`) or another answer.
pub fn after_scope_check(ctx: &CallContext, first: Failure, second: Result<(), &Answer>) -> Failure {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::follow_up::after_scope_check(ctx, first, second),
    }
}

/// Whether a refused refresh calls for a new grant. Not where the client itself is refused: it would
/// be by any grant.
pub fn refresh_refused_means_dead(failure: &Failure) -> bool {
    failure.reason.class() == Class::Refused && failure.reason != Reason::InvalidClient
}

/// Whether using a refresh token revokes the access token issued with it.
pub fn refresh_revokes_access_token(target: &Target) -> bool {
    match target.platform {
        PlatformId::FreePbx => true,
    }
}

/// The request for the extensions list, without `Authorization`.
pub fn list_request(target: &Target) -> Request {
    match target.platform {
        PlatformId::FreePbx => freepbx::request::list(target),
    }
}

/// What the answer to [`list_request`] says.
pub fn read_list(ctx: &CallContext, answer: &Answer) -> Result<Listing, Failure> {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::resource::read_list(ctx, answer),
    }
}

/// The request for the extensions one by one, without `Authorization`. It takes the place of
/// [`list_request`]. `after` is what the page before told as its [`Page::next`].
pub fn extensions_request(target: &Target, _after: Option<&str>) -> Request {
    match target.platform {
        // All at once: paging by `after` is broken in some of its versions.
        PlatformId::FreePbx => freepbx::request::extensions(target),
    }
}

/// What the answer to [`extensions_request`] says. It fails just where [`read_list`] does.
pub fn read_extensions(ctx: &CallContext, answer: &Answer) -> Result<Page, Failure> {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::extensions::read(ctx, answer),
    }
}

/// A harmless query that any valid token may make, without `Authorization`; `None` where the platform
/// has none.
pub fn validity_request(target: &Target) -> Option<Request> {
    match target.platform {
        PlatformId::FreePbx => Some(freepbx::request::validity(target)),
    }
}

/// Whether `failure` leaves open if the token or something else is bad.
pub fn wants_validity_check(ctx: &CallContext, failure: &Failure) -> bool {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::follow_up::wants_validity_check(ctx, failure),
    }
}

/// What the answer to [`validity_request`] says of the token. No other body than one the platform's
/// own API gives decides it.
pub fn read_validity(answer: &Answer) -> Validity {
    freepbx::follow_up::read_validity(answer)
}

/// The failure once the token's validity was asked for.
pub fn after_validity_check(ctx: &CallContext, first: Failure, validity: Validity) -> Failure {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::follow_up::after_validity_check(ctx, first, validity),
    }
}

/// The version query, without `Authorization`.
pub fn version_request(target: &Target) -> Request {
    match target.platform {
        PlatformId::FreePbx => freepbx::request::version(target),
    }
}

/// What the answer to [`version_request`] says.
pub fn read_version(ctx: &CallContext, answer: &Answer) -> Result<Version, Failure> {
    match ctx.target.platform {
        PlatformId::FreePbx => freepbx::resource::read_version(ctx, answer),
    }
}

/// Whether this outcome proves that the resource accepted the token. FreePBX's `ajax_declined` does
/// not: its dispatcher refuses the address before anybody looks at a token.
pub fn accepts_token(result: &Result<Listing, Failure>) -> bool {
    match result {
        Ok(_) => true,
        Err(failure) => matches!(
            failure.reason,
            Reason::InsufficientScope | Reason::QueryFailed | Reason::AccessDenied | Reason::UserBlocked
        ),
    }
}

#[cfg(test)]
mod tests;
