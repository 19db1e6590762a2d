//! Answers of the protected resources: GraphQL, REST, the user's own call, the version.

use serde_json::Value;

use super::body::Body;
use super::{Called, called, is_api_module, is_graphql, keys, needed_scope, shared};
use crate::domain::cause::{Freepbx, General, Host, Odd};
use crate::domain::outcome::Version;
use crate::domain::platform::CallForm;
use crate::domain::{Answer, Cause, Failure, Listing, Operation};
use crate::platform::headers::with_retry_after;
use crate::platform::rules::bearer_error;
use crate::platform::{CallContext, listing};

pub fn read_list(ctx: &CallContext, answer: &Answer) -> Result<Listing, Failure> {
    let body = Body::of(answer);
    let read = || match called(ctx.target) {
        Called::Graphql => graphql_list(ctx, answer, &body),
        Called::Rest => rest_list(ctx, answer, &body),
        Called::Custom => custom(ctx, ctx.target.called(), answer, &body),
    };
    refused(ctx, answer, &body).map_or_else(read, Err).map_err(|failure| with_retry_after(failure, answer))
}

pub fn read_version(ctx: &CallContext, answer: &Answer) -> Result<Version, Failure> {
    let body = Body::of(answer);
    let read = || {
        let told = answer.status.is_success().then(|| listing::version(&ctx.target.platform, body.json()));
        told.flatten().ok_or_else(|| shared::by_status(ctx, answer, &body))
    };
    refused(ctx, answer, &body).map_or_else(read, Err).map_err(|failure| with_retry_after(failure, answer))
}

/// Why an answer of GraphQL that holds nothing asked for does so.
pub fn failure(ctx: &CallContext, answer: &Answer) -> Failure {
    let body = Body::of(answer);
    let failure = refused(ctx, answer, &body).unwrap_or_else(|| shared::by_status(ctx, answer, &body));
    with_retry_after(failure, answer)
}

/// What the answer says of a failure, whatever was called.
fn refused(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    shared::by_body(ctx, answer, body)
        .or_else(|| league(ctx, answer, body))
        .or_else(|| body.is_rest_unauthorized().then(|| scope_missing(ctx)))
        .or_else(|| graphql_errors(ctx, body))
        .or_else(|| bearer(ctx, answer))
}

/// league/oauth2-server 6 at a resource: 401 `access_denied`, its hint one of a known few. Under
/// another status only those few make it league's.
fn league(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    if body.error()? != "access_denied" {
        return None;
    }
    let hinted = body.str("hint").and_then(|hint| by_hint(ctx, hint));
    let leagues = answer.status == http::StatusCode::UNAUTHORIZED || hinted.is_some();
    leagues.then(|| ctx.failure(hinted.unwrap_or_else(|| rejected(ctx))))
}

fn by_hint(ctx: &CallContext, hint: &str) -> Option<Cause> {
    if let Some(cause) = broken_check(hint) {
        return Some(cause);
    }
    let cause = match (hint, ctx.fresh) {
        ("Missing \"Authorization\" header", _) => Freepbx::HeaderDropped,
        ("Access token is invalid", true) if ctx.clock_agrees => Freepbx::FreshTokenMalformedClockRight,
        ("Access token is invalid", true) => Freepbx::FreshTokenMalformed,
        ("Access token is invalid", false) => Freepbx::TokenExpired,
        ("Access token could not be verified", true) => Freepbx::KeyPairMismatch,
        ("Access token could not be verified", false) => Freepbx::KeyPairRegenerated,
        ("Access token has been revoked", _) => Freepbx::TokenRevoked,
        _ => return None,
    };
    Some(cause.into())
}

/// league 6 gives the first hint for each RuntimeException, PDO's among them, and its library's words for a public key that is
/// none. Neither says anything of the token.
pub fn broken_check(hint: &str) -> Option<Cause> {
    if hint == "Error while decoding to JSON" {
        return Some(Host::TokenCheckFailed.into());
    }
    keys::read(hint, Operation::Extensions).map(Cause::from)
}

/// The token is refused without a hint.
pub fn rejected(ctx: &CallContext) -> Cause {
    match (ctx.fresh, ctx.clock_agrees) {
        (true, true) => Freepbx::FreshTokenRejectedClockRight.into(),
        (true, false) => General::FreshTokenRejected.into(),
        (false, _) => General::TokenRejected.into(),
    }
}

/// The token's scope that covers what is needed: the same, or a wider one. `TYPE[:MODULE[:ACTION[:OBJECT]]]`.
fn named_scope<'a>(ctx: &CallContext<'a>, needed: &str) -> Option<&'a str> {
    let covers = |scope: &&String| {
        needed.strip_prefix(&***scope).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    ctx.scopes?.iter().find(covers).map(String::as_str)
}

/// The API does not show this call to the token. That it names a scope which covers the call is a hint, not a proof.
fn scope_missing(ctx: &CallContext) -> Failure {
    let needed = needed_scope(ctx.target, ctx.operation);
    let module = needed.strip_prefix("gql:").and_then(|scope| scope.split(':').next());
    let listed = ctx.operation == Operation::Extensions && called(ctx.target) == Called::Graphql;
    // Where the token's scopes let another of the platform's calls through.
    let rest = named_scope(ctx, "rest:core:read:users").filter(|_| listed).unwrap_or_default().into();
    ctx.failure(match (module, named_scope(ctx, needed), ctx.scopes) {
        (Some(module), Some(named), _) => {
            Freepbx::QueryNotOffered { module: module.into(), named: named.into(), rest }
        }
        (_, _, Some([])) => Freepbx::NoScope,
        _ => Freepbx::ScopeMissing { rest },
    })
}

/// A gateway in front that speaks RFC 6750 section 3.1; FreePBX itself does not.
fn bearer(ctx: &CallContext, answer: &Answer) -> Option<Failure> {
    if bearer_error(answer, "invalid_token") {
        return Some(ctx.failure(rejected(ctx)));
    }
    bearer_error(answer, "insufficient_scope").then(|| scope_missing(ctx))
}

/// GraphQL's `errors` decide under any status and beside any `data`: 16 sends them with 400, 17 with
/// 200. A custom call is read so only where its path is GraphQL's.
fn graphql_errors(ctx: &CallContext, body: &Body) -> Option<Failure> {
    if !is_graphql(ctx.path()) {
        return None;
    }
    let errors = body.graphql_errors()?;
    let said = |part: &'static str| {
        let messages = errors.iter().filter_map(|error| error.get("message")?.as_str());
        messages.filter(move |text| text.starts_with(part))
    };
    // A scope hides what the type Query has, and nothing of other types.
    let is_hidden = |text: &str| text.contains("on type \"Query\"") || !text.contains("on type \"");
    Some(if said("Cannot query field").any(is_hidden) {
        scope_missing(ctx)
    } else if said("Cannot query field").next().is_some() {
        ctx.failure(Freepbx::FieldMissing)
    } else if said("Internal server error").next().is_some() {
        ctx.failure(Freepbx::ResolverFailed)
    } else if errors.iter().any(|error| error.get("status") == Some(&Value::Bool(false))) {
        ctx.failure(Freepbx::StatusFalse)
    } else {
        ctx.failure(Freepbx::GraphqlRefused)
    })
}

fn graphql_list(ctx: &CallContext, answer: &Answer, body: &Body) -> Result<Listing, Failure> {
    if answer.status.is_success() && body.is_null("fetchAllExtensions") {
        return Err(ctx.failure(Freepbx::ListNull));
    }
    let list = answer.status.is_success().then(|| body.data("fetchAllExtensions")).flatten();
    let Some(list) = list else { return Err(unread(ctx, answer, body)) };
    if list.get("status") == Some(&Value::Bool(false)) {
        return Err(ctx.failure(Freepbx::StatusFalse));
    }
    match list.get("totalCount") {
        Some(Value::Null) => Ok(Listing { total: None }),
        total => match total.and_then(listing::number) {
            Some(total) => Ok(Listing { total: Some(total) }),
            None => Err(ctx.failure(Freepbx::TotalMissing)),
        },
    }
}

/// `{"2000":{...},...}`; PHP writes an empty list, and one with keys from 0, as an array.
fn rest_list(ctx: &CallContext, answer: &Answer, body: &Body) -> Result<Listing, Failure> {
    if body.is_refused() {
        return Err(ctx.failure(Freepbx::StatusFalse));
    }
    let total = match body.json() {
        Some(Value::Object(users)) if users.values().all(is_user) => Some(users.len()),
        Some(Value::Array(users)) if users.iter().all(is_user) => Some(users.len()),
        _ => None,
    };
    match total.filter(|_| answer.status.is_success()) {
        Some(total) => Ok(Listing { total: Some(total as u64) }),
        None => Err(unread(ctx, answer, body)),
    }
}

fn is_user(value: &Value) -> bool {
    value.get("extension").is_some()
}

/// The user's own call: any 2xx is a success, except what FreePBX cannot have answered there, or says of itself.
fn custom(ctx: &CallContext, call: &CallForm, answer: &Answer, body: &Body) -> Result<Listing, Failure> {
    let page = body.html && super::own(ctx.path()).starts_with("/admin/api/");
    let api = is_api_module(ctx.path());
    if !answer.status.is_success() || page || (api && body.json().is_none()) {
        return Err(unread(ctx, answer, body));
    }
    if api && body.says_false() {
        return Err(ctx.failure(Freepbx::StatusFalse));
    }
    if is_graphql(ctx.path()) && body.has_no_data() {
        return Err(ctx.failure(Freepbx::DataNull));
    }
    let pointer = call.total.as_ref().or(call.list.as_ref());
    let Some(pointer) = pointer else { return Ok(Listing::default()) };
    let total = body.json().and_then(|json| json.pointer(pointer)).and_then(listing::count);
    total
        .map(|total| Listing { total: Some(total) })
        .ok_or_else(|| ctx.failure(Odd::NoTotal { pointer: pointer.as_str().into() }))
}

fn unread(ctx: &CallContext, answer: &Answer, body: &Body) -> Failure {
    if body.is_slim_error_page() {
        return ctx.failure(if is_graphql(ctx.path()) {
            Freepbx::HiddenCrashOfQuery
        } else {
            Freepbx::HiddenCrash
        });
    }
    shared::by_status(ctx, answer, body)
}
