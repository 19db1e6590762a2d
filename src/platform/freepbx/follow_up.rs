//! When one more question tells causes apart that one answer cannot, and what its answer then means.

use super::body::Body;
use super::{Called, called, host, resource_answer, shared};
use crate::domain::cause::Freepbx;
use crate::domain::outcome::Circumstances;
use crate::domain::{Answer, Cause, Failure, Grant, Operation, Reason, Target};
use crate::platform::{CallContext, Validity};

/// FreePBX 15 and 16 hide two mistakes behind one bare page: an unknown word in the application's
/// allowed scopes (FreePBX/api:Oauth/Repositories/ScopeRepository.php gives null for it, and league's
/// `addScope()` throws) and an unreadable key. Only the first goes away with an explicit scope.
pub fn scope_check<'a>(ctx: &CallContext<'a>, answer: &Answer) -> Option<&'a str> {
    let asks_none = ctx.target.auth.scopes.is_empty() && ctx.grant != Grant::RefreshToken;
    let body = Body::of(answer);
    let hidden = answer.status.is_server_error() && body.is_slim_error_page() && body.exception().is_none();
    (ctx.operation == Operation::Token && asks_none && hidden)
        .then(|| needed_scope(ctx.target, ctx.operation))
}

/// The narrowest valid scope that lets the target's call through.
pub fn needed_scope(target: &Target, operation: Operation) -> &str {
    let known = match operation {
        Operation::Version => target.platform.version.as_ref().and_then(|version| version.scope.as_deref()),
        Operation::Token | Operation::Extensions => target.called().scope.as_deref(),
    };
    known.unwrap_or_else(|| {
        if super::own(&target.called().request.path).starts_with(super::REST_PATH) { "rest" } else { "gql" }
    })
}

pub fn after_scope_check(first: Failure, second: Result<(), &Answer>) -> Failure {
    let body = second.err().map(Body::of);
    let cause = if body.is_none() {
        // A database that recovered in between looks the same.
        Freepbx::AllowedScopeSuspected
    } else if body.as_ref().is_some_and(|body| body.error() == Some("invalid_scope")) {
        Freepbx::UnknownAllowedScope
    } else if body.is_some_and(|body| body.is_slim_error_page())
        && first.cause == Freepbx::HiddenCrashAtToken.into()
    {
        Freepbx::HiddenCrashWithScopeToo
    } else {
        return first;
    };
    Failure { cause: cause.into(), ..first }
}

/// Worth asking where the answer was nobody's in particular: the web server's, a proxy's, a crash's.
pub fn wants_validity_check(ctx: &CallContext, failure: &Failure) -> bool {
    // It has gone away meanwhile or it has not: either way the token is not in doubt.
    if matches!(&failure.cause, Cause::Host(cause) if host::stops_all(cause)) {
        return false;
    }
    let custom = ctx.operation == Operation::Extensions && matches!(called(ctx.target), Called::Custom);
    match failure.reason() {
        Reason::ServerError | Reason::UnexpectedResponse => ctx.operation != Operation::Token,
        Reason::Forbidden => custom,
        _ => false,
    }
}

pub fn read_validity(answer: &Answer) -> Validity {
    let body = Body::of(answer);
    let accepted = body.json().and_then(|json| json.pointer("/data/__typename")?.as_str()) == Some("Query");
    let sick = body.str("hint").is_some_and(|hint| resource_answer::broken_check(hint).is_some());
    let denied_16 =
        answer.status == http::StatusCode::UNAUTHORIZED && body.error() == Some("access_denied") && !sick;
    let denied_17 = body
        .exception()
        .is_some_and(|e| e.kind.ends_with("\\OAuthServerException") && e.code.is_none_or(|code| code == 9));
    match (answer.status.is_success() && accepted, denied_16 || denied_17) {
        (true, _) => Validity::Accepted,
        (false, true) => Validity::Rejected,
        (false, false) => Validity::Unclear,
    }
}

pub fn after_validity_check(ctx: &CallContext, first: Failure, validity: Validity) -> Failure {
    let (cause, token_is_good): (Cause, _) = match validity {
        Validity::Accepted => (shared::proved(first.cause), Some(true)),
        Validity::Rejected => (resource_answer::rejected(ctx), Some(false)),
        Validity::Unclear => return first,
    };
    let refused = first.refused && validity == Validity::Accepted;
    Failure { cause, circumstances: Circumstances { token_is_good, ..first.circumstances }, refused, ..first }
}
