//! What differs between PBXes: paths, requests, and the rules from an answer to a cause.
//!
//! Belongs here: pure functions from plain values to plain values. Does not belong here: I/O, time, retries, when to ask
//! again, or a sentence for people (`causes`).

mod builtin;
mod check;
pub(crate) mod freepbx;
mod headers;
mod json_body;
mod listing;
pub(crate) mod maker;
mod reach;
mod request;
mod rules;
mod token_form;

use url::Url;

use crate::domain::extensions::Page;
use crate::domain::outcome::{Circumstances, Version};
use crate::domain::{
    Answer, Cause, Class, Failure, Grant, Listing, Operation, Reason, Request, Target, Warning,
};

use crate::domain::platform;

pub use crate::domain::platform::Certainty;
pub use builtin::{DEFAULT, builtin, names, text};
pub(crate) use check::{
    headers::overrides_method, problems, settings::known, wrong_path, wrong_pointer, wrong_query,
};
pub use headers::rate_limit;
pub(crate) use json_body::Around;
pub use reach::{possible_reasons, transport_failure};
pub use request::with_token;
pub use token_form::{
    answer as token_answer, refresh_token as received_refresh_token, request as token_request,
};

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

impl<'a> CallContext<'a> {
    /// The path asked, without query.
    pub fn path(&self) -> &'a str {
        self.target.path_of(self.operation)
    }

    /// Where it was asked.
    fn origin(&self) -> &'a Url {
        self.target.origin_of(self.operation)
    }

    /// Whether the very API that is asked for a resource has just issued the token: it is there, and lets this host in.
    fn has_just_issued(&self) -> bool {
        self.operation != Operation::Token && self.fresh && issues_itself(self.target)
    }

    /// A failure of this call.
    fn failure(&self, cause: impl Into<Cause>) -> Failure {
        let circumstances = Circumstances {
            grant: Some(self.grant),
            just_issued: self.has_just_issued(),
            ..Circumstances::default()
        };
        Failure { circumstances, ..Failure::new(cause) }
    }

    /// Whether code of its own reads FreePBX's answers.
    fn is_freepbx(&self) -> bool {
        self.target.is_freepbx()
    }
}

/// Whether the API asked for resources issues their tokens, too.
pub fn issues_itself(target: &Target) -> bool {
    target.auth.grant != Grant::Static && !target.has_token_elsewhere()
}

/// Whether what ends one target's token ends those of all others at that PBX: FreePBX regenerates its keys at some upgrades.
pub fn tokens_die_together(target: &Target) -> bool {
    target.is_freepbx()
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
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
pub struct Permissions {
    /// Whether the API accepts the token.
    pub validity: Validity,
    /// The names of the queries that it may make.
    pub queries: Option<Vec<String>>,
    /// Whether the extensions list is among them.
    pub may_list: Option<bool>,
    /// Whether the target's call is that list.
    pub needs_listing: bool,
    /// Why nothing more is worth asking, where it is so.
    pub refused: Option<Failure>,
}

/// A request for the token endpoint without credentials, which tells whether the API is there; `None`: the
/// platform is not known to answer one in a way of its own.
pub fn presence_request(target: &Target) -> Option<Request> {
    target.is_freepbx().then(|| freepbx::survey::presence_request(target))
}

/// A request without credentials where `operation` is asked, of which only matters who answers: [`maker::is_own`].
pub fn bare_request(target: &Target, operation: Operation) -> Request {
    let request = request::of(target, &platform::RequestForm::default());
    let token = operation == Operation::Token;
    let url = if token { target.token_address() } else { request::list(target).url };
    // A session is a secret, too.
    Request { url, session: None, ..request }
}

/// What the answer to [`presence_request`] tells.
pub fn read_presence(ctx: &CallContext, answer: &Answer) -> Presence {
    freepbx::survey::read_presence(ctx, answer)
}

/// A harmless query for what a token may do, without the token; `None`: the platform has none.
pub fn permissions_request(target: &Target) -> Option<Request> {
    target.is_freepbx().then(|| freepbx::survey::permissions_request(target))
}

/// What the answer to [`permissions_request`] tells.
pub fn read_permissions(ctx: &CallContext, answer: &Answer) -> Permissions {
    freepbx::survey::read_permissions(ctx, answer)
}

/// What an answer is, as evidence for people; repeats only what is known by heart.
pub fn facts(target: &Target, answer: &Answer) -> String {
    if target.is_freepbx() { freepbx::survey::facts(answer) } else { rules::facts(target, answer) }
}

/// What is odd about an answer that holds JSON.
pub(crate) fn warning(answer: &Answer) -> Option<Warning> {
    const FULL: [&[u8]; 2] = [b"No space left on device", b"Disk quota exceeded"];
    let body = answer.body.trim_ascii();
    if let [b'{', .., b'}'] | [b'[', .., b']'] = body {
        return None; // without reading it once more
    }
    match json_body::read(body)?.around {
        Around::Nothing => None,
        Around::Mark => Some(Warning::Mark),
        Around::Output if FULL.iter().any(|words| maker::contains(body, words)) => Some(Warning::DiskFull),
        Around::Output => Some(Warning::Output),
    }
}

/// Path of the token endpoint.
pub fn token_path(target: &Target) -> &str {
    target.platform.token.as_ref().map_or("/", |token| &token.path)
}

/// Path of the authorization endpoint (RFC 6749 section 3.1), where people confirm; `None`: the platform has none.
pub fn authorize_path(target: &Target) -> Option<&str> {
    target.platform.token.as_ref()?.authorize.as_deref()
}

/// Whether that endpoint takes PKCE (RFC 7636).
pub fn takes_pkce(target: &Target) -> bool {
    target.platform.token.as_ref().is_some_and(|token| token.pkce)
}

/// Why `answer`, of any status, holds no usable token.
pub fn token_failure(ctx: &CallContext, answer: &Answer) -> Failure {
    if ctx.is_freepbx() {
        freepbx::token_answer::failure(ctx, answer)
    } else {
        rules::token_failure(ctx, answer)
    }
}

/// A scope that is worth one more token request, because asking for it explicitly tells two causes of
/// this answer apart.
pub fn wants_scope_check<'a>(ctx: &CallContext<'a>, answer: &Answer) -> Option<&'a str> {
    if ctx.is_freepbx() { freepbx::follow_up::scope_check(ctx, answer) } else { None }
}

/// The failure once the request with an explicit scope gave a token (`Ok`) or another answer.
pub fn after_scope_check(first: Failure, second: Result<(), &Answer>) -> Failure {
    freepbx::follow_up::after_scope_check(first, second)
}

/// Whether a refused refresh calls for a new grant. Not where the client itself is refused: it would
/// be by any grant.
pub fn refresh_refused_means_dead(failure: &Failure) -> bool {
    failure.reason().class() == Class::Refused && failure.reason() != Reason::InvalidClient
}

/// Whether using a refresh token revokes the access token issued with it.
pub fn refresh_revokes_access_token(target: &Target) -> bool {
    target.platform.token.as_ref().is_some_and(|token| token.refresh_revokes)
}

/// The request for the extensions list, without the token.
pub fn list_request(target: &Target) -> Request {
    request::list(target)
}

/// Whether the platform tells no total, so that it takes the list itself, all its pages, to know one.
pub fn counts_by_listing(target: &Target) -> bool {
    let call = target.called();
    call.total.is_none() && call.list.is_some() && call.paging.is_some()
}

/// Whether a total, or the extensions one by one, take a request a page.
pub fn lists_by_page(target: &Target) -> bool {
    counts_by_listing(target) || target.expected.is_some() && target.called().paging.is_some()
}

/// What the answer to [`list_request`] says.
pub fn read_list(ctx: &CallContext, answer: &Answer) -> Result<Listing, Failure> {
    if ctx.is_freepbx() {
        freepbx::resource_answer::read_list(ctx, answer)
    } else {
        rules::read_list(ctx, answer)
    }
}

/// The request for the extensions one by one, without the token. It takes the place of
/// [`list_request`]. `after` is what the page before told as its [`Page::next`].
pub fn extensions_request(target: &Target, after: Option<&str>) -> Request {
    request::extensions(target, after)
}

/// What the answer to [`extensions_request`] says. It fails just where [`read_list`] does.
pub fn read_extensions(ctx: &CallContext, answer: &Answer, after: Option<&str>) -> Result<Page, Failure> {
    if !ctx.is_freepbx() {
        return rules::read_extensions(ctx, answer, after);
    }
    let total = freepbx::resource_answer::read_list(ctx, answer)?.total;
    let found = json_body::read(&answer.body);
    let json = found.as_ref().map(|found| &found.json);
    Ok(Page { total, ..Page::alone(listing::extensions(ctx.target.called(), json)) })
}

/// A harmless query that any valid token may make, without the token; `None` where the platform
/// has none.
pub fn validity_request(target: &Target) -> Option<Request> {
    Some(request::of(target, target.platform.validity.as_ref()?))
}

/// Whether `failure` leaves open if the token or something else is bad.
pub fn wants_validity_check(ctx: &CallContext, failure: &Failure) -> bool {
    ctx.is_freepbx() && freepbx::follow_up::wants_validity_check(ctx, failure)
}

/// What the answer to [`validity_request`] says of the token. No other body than one the platform's
/// own API gives decides it.
pub fn read_validity(answer: &Answer) -> Validity {
    freepbx::follow_up::read_validity(answer)
}

/// The failure once the token's validity was asked for.
pub fn after_validity_check(ctx: &CallContext, first: Failure, validity: Validity) -> Failure {
    freepbx::follow_up::after_validity_check(ctx, first, validity)
}

/// The version query, without the token; `None` where the platform has none.
pub fn version_request(target: &Target) -> Option<Request> {
    Some(request::of(target, &target.platform.version.as_ref()?.request))
}

/// What the answer to [`version_request`] says.
pub fn read_version(ctx: &CallContext, answer: &Answer) -> Result<Version, Failure> {
    if ctx.is_freepbx() {
        freepbx::resource_answer::read_version(ctx, answer)
    } else {
        rules::read_version(ctx, answer)
    }
}

/// Whether this outcome proves that the resource accepted the token. FreePBX's `ajax_declined` does
/// not: its dispatcher refuses the address before anybody looks at a token.
pub fn accepts_token(result: &Result<Listing, Failure>) -> bool {
    match result {
        Ok(_) => true,
        Err(failure) => matches!(
            failure.reason(),
            Reason::InsufficientScope | Reason::QueryFailed | Reason::AccessDenied | Reason::UserBlocked
        ),
    }
}

#[cfg(test)]
mod tests;
