//! Answers of the protected resources: GraphQL, REST, the user's own call, the version.

use serde_json::Value;

use super::body::Body;
use super::{is_api_module, is_graphql, path, refusal, shared, text};
use crate::domain::outcome::Version;
use crate::domain::target::{Call, CustomCall};
use crate::domain::{Answer, Failure, Listing, Operation, Reason};
use crate::platform::CallContext;
use crate::platform::headers::with_retry_after;

pub fn read_list(ctx: &CallContext, answer: &Answer) -> Result<Listing, Failure> {
    let body = Body::of(answer);
    let read = || match &ctx.target.call {
        Call::Graphql => graphql_list(ctx, answer, &body),
        Call::Rest => rest_list(ctx, answer, &body),
        Call::Custom(call) => custom(ctx, call, answer, &body),
    };
    refused(ctx, answer, &body).map_or_else(read, Err).map_err(|failure| with_retry_after(failure, answer))
}

pub fn read_version(ctx: &CallContext, answer: &Answer) -> Result<Version, Failure> {
    let body = Body::of(answer);
    let read = || {
        let system = answer.status.is_success().then(|| body.data("system")).flatten();
        let member = |name: &str| Some(label(system?.get(name)?.as_str()?));
        let version = member("version").filter(|version| !version.is_empty());
        version
            .map(|version| Version { version, engine: member("engine").unwrap_or_default() })
            .ok_or_else(|| shared::by_status(ctx, answer, &body))
    };
    refused(ctx, answer, &body).map_or_else(read, Err).map_err(|failure| with_retry_after(failure, answer))
}

/// Cut to what the metric contract allows in a label.
fn label(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(64).collect()
}

/// What the answer says of a failure, whatever was called.
fn refused(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    shared::by_body(ctx, answer, body)
        .or_else(|| league(ctx, answer, body))
        .or_else(|| body.is_rest_unauthorized().then(|| refusal::scope_missing(ctx)))
        .or_else(|| graphql_errors(ctx, body))
        .or_else(|| bearer(ctx, answer))
}

/// league/oauth2-server 6 at a resource: 401 `access_denied`, its hint one of a known few. Under
/// another status only those few make it league's.
fn league(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    if body.error()? != "access_denied" {
        return None;
    }
    let hint = body.str("hint").and_then(refusal::known_hint);
    let leagues = answer.status == http::StatusCode::UNAUTHORIZED || hint.is_some();
    leagues.then(|| refusal::token_rejected(ctx, hint))
}

/// A gateway in front that speaks RFC 6750 section 3.1; FreePBX itself does not.
fn bearer(ctx: &CallContext, answer: &Answer) -> Option<Failure> {
    if shared::bearer_error(answer, "invalid_token") {
        return Some(refusal::token_rejected(ctx, None));
    }
    shared::bearer_error(answer, "insufficient_scope").then(|| refusal::scope_missing(ctx))
}

/// GraphQL's `errors` decide under any status and beside any `data`: 16 sends them with 400, 17 with
/// 200. A custom call is read so only where its path is GraphQL's.
fn graphql_errors(ctx: &CallContext, body: &Body) -> Option<Failure> {
    if !is_graphql(path(ctx.target, ctx.operation)) {
        return None;
    }
    let errors = body.graphql_errors()?;
    let said = |part: &str| {
        errors.iter().filter_map(|error| error.get("message")?.as_str()).any(|text| text.starts_with(part))
    };
    Some(if said("Cannot query field") {
        refusal::scope_missing(ctx)
    } else if said("Internal server error") {
        Failure::new(Reason::QueryFailed, text::resolver_failed(ctx))
    } else if errors.iter().any(|error| error.get("status") == Some(&Value::Bool(false))) {
        Failure::new(Reason::QueryFailed, text::status_false(ctx))
    } else {
        Failure::new(Reason::QueryFailed, text::graphql_error(ctx))
    })
}

fn graphql_list(ctx: &CallContext, answer: &Answer, body: &Body) -> Result<Listing, Failure> {
    let list = answer.status.is_success().then(|| body.data("fetchAllExtensions")).flatten();
    let Some(list) = list else { return Err(unread(ctx, answer, body)) };
    if list.get("status") == Some(&Value::Bool(false)) {
        return Err(Failure::new(Reason::QueryFailed, text::status_false(ctx)));
    }
    match list.get("totalCount") {
        Some(Value::Null) => Ok(Listing { total: None }),
        Some(Value::Number(total)) if total.is_u64() => Ok(Listing { total: total.as_u64() }),
        _ => Err(Failure::new(Reason::UnexpectedResponse, text::no_total(ctx))),
    }
}

/// `{"2000":{...},...}`; PHP writes an empty list, and one with keys from 0, as an array.
fn rest_list(ctx: &CallContext, answer: &Answer, body: &Body) -> Result<Listing, Failure> {
    if body.is_refused() {
        return Err(Failure::new(Reason::QueryFailed, text::status_false(ctx)));
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

/// The user's own call: any 2xx is a success, but for a page where only the API can answer.
fn custom(ctx: &CallContext, call: &CustomCall, answer: &Answer, body: &Body) -> Result<Listing, Failure> {
    let page = body.html && is_api_module(path(ctx.target, Operation::Extensions));
    if !answer.status.is_success() || page {
        return Err(unread(ctx, answer, body));
    }
    let pointer = call.total.as_ref().or(call.list.as_ref().map(|pointers| &pointers.list));
    let Some(pointer) = pointer else { return Ok(Listing::default()) };
    let total = body.json().and_then(|json| json.pointer(pointer)).and_then(count);
    total
        .map(|total| Listing { total: Some(total) })
        .ok_or_else(|| Failure::new(Reason::UnexpectedResponse, text::no_pointer(ctx, pointer)))
}

fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Array(items) => Some(items.len() as u64),
        Value::Object(members) => Some(members.len() as u64),
        Value::Null | Value::Bool(_) => None,
    }
}

fn unread(ctx: &CallContext, answer: &Answer, body: &Body) -> Failure {
    if body.is_slim_error_page() {
        return Failure::new(Reason::ServerError, text::slim_error_at_resource(ctx));
    }
    shared::by_status(ctx, answer, body)
}
