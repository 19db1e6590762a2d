//! What `diagnose` asks besides the service's own requests, and what its answers tell a person.
//!
//! Two harmless questions: the token endpoint by GET, without credentials, which it never answers with
//! success; and, with a token, which queries that token may make. Judges nothing that `shared`,
//! `token_answer` and `resource_answer` judge.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::body::Body;
use super::{Called, called, database, host, resource_answer, token_answer};
use crate::domain::cause::Freepbx;
use crate::domain::outcome::Circumstances;
use crate::domain::platform::RequestForm;
use crate::domain::{Answer, Cause, Failure, Operation, Reason, Request, Target};
use crate::platform::{CallContext, Permissions, Presence, Validity, request};

/// Reads no data and needs no scope; full introspection breaks some 17.
const PERMISSIONS: &str = "{ __typename __schema { queryType { fields { name } } } }";
const LIST_FIELD: &str = "fetchAllExtensions";

pub fn presence_request(target: &Target) -> Request {
    let request = request::of(target, &RequestForm::default());
    // The last on its connection: a token request follows, which is never sent twice, and this one may be about to end.
    Request { url: target.token_address(), ..request }
}

/// Slim 3 (15 and 16) and Slim 4 (17) refuse a GET of the token route in ways of their own, which
/// proves that the rewrite is in force and the module there.
pub fn read_presence(ctx: &CallContext, answer: &Answer) -> Presence {
    let body = Body::of(answer);
    let refused = body.is_slim_wrong_method();
    let slim_4 = body.exception().is_some_and(|e| e.is("HttpMethodNotAllowedException"));
    if slim_4 || refused && answer.status != StatusCode::METHOD_NOT_ALLOWED {
        let remark = "before 17.0.8 it checks no client secret, so a token does not prove the secret right";
        return Presence::There { release: "FreePBX 17", remark: Some(remark) };
    }
    if refused {
        return Presence::There { release: "FreePBX 15 or 16", remark: None };
    }
    let failure = token_answer::failure(ctx, answer);
    let lasts = matches!(&failure.cause, Cause::Host(cause) if host::stops_all(cause));
    let own_words = body.is_slim_error_page()
        || matches!(failure.cause, Cause::Host(_))
        || body.exception().is_some_and(|e| e.shown().is_some());
    // Where the host's PHP_ERROR_LEVEL is NONE, 17 refuses the method by a 500 without a body.
    let nothing = answer.body.is_empty() && answer.status == StatusCode::INTERNAL_SERVER_ERROR;
    let failed = answer.status.is_server_error() && failure.reason() == Reason::ServerError;
    if failed && !lasts && (own_words || nothing) {
        return Presence::Unclear;
    }
    // Anybody else may answer so, and is given no credentials.
    Presence::Absent(without_credentials(answer, failure))
}

/// The service's own request has another method, and credentials.
fn without_credentials(answer: &Answer, failure: Failure) -> Failure {
    let of_a_token_request = answer.status == StatusCode::METHOD_NOT_ALLOWED
        || !matches!(
            failure.reason(),
            Reason::AjaxDeclined
                | Reason::ApiNotFound
                | Reason::Forbidden
                | Reason::RateLimited
                | Reason::Proxy
                | Reason::ServerError
                | Reason::UnexpectedResponse
        );
    let stranger = || Freepbx::NotFreepbx { status: answer.status.as_u16() }.into();
    let cause = if of_a_token_request { stranger() } else { failure.cause };
    Failure { cause, circumstances: Circumstances { bare: true, ..failure.circumstances }, ..failure }
}

pub fn permissions_request(target: &Target) -> Request {
    let query = serde_json::json!({ "query": PERMISSIONS }).to_string();
    let harmless = target.platform.validity.clone().unwrap_or_default();
    let form = RequestForm { body: Some(query), ..harmless };
    Request { last: false, ..request::of(target, &form) }
}

/// Whatever GraphQL itself says comes after the token was accepted.
pub fn read_permissions(ctx: &CallContext, answer: &Answer) -> Permissions {
    let body = Body::of(answer);
    let names = body.json().and_then(|json| json.pointer("/data/__schema/queryType/fields")?.as_array());
    let validity = match super::follow_up::read_validity(answer) {
        Validity::Unclear if body.graphql_errors().is_some() => Validity::Accepted,
        validity => validity,
    };
    let needs_listing = matches!(called(ctx.target), Called::Graphql);
    let status_refuses = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let refused = match validity {
        // The version's path is GraphQL's, whatever the target calls.
        Validity::Rejected => {
            Some(resource_answer::failure(&CallContext { operation: Operation::Version, ..*ctx }, answer))
        }
        // The list would go to the same address and draw the same refusal once more.
        Validity::Unclear if needs_listing && status_refuses => Some(resource_answer::failure(ctx, answer)),
        _ => None,
    };
    Permissions {
        validity,
        queries: names.map(|names| names.iter().map(|field| fit(&field["name"])).collect()),
        may_list: names.map(|names| names.iter().any(|field| field["name"] == LIST_FIELD)),
        needs_listing,
        refused,
    }
}

/// A name of GraphQL's small alphabet.
fn fit(name: &Value) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    name.as_str().unwrap_or_default().chars().filter(allowed).take(64).collect()
}

/// What an answer is, in words that are all ours: of its text only what is known by heart is named.
pub fn facts(answer: &Answer) -> String {
    let body = Body::of(answer);
    let mut facts = vec![format!("HTTP {}", answer.status.as_u16()), kind(answer, &body).to_owned()];
    facts.extend(said(&body));
    // league 6 sends that challenge with each `invalid_client`, where it means nothing more.
    let basic = body.error() != Some("invalid_client") && has_basic(answer);
    if basic {
        facts.push("asks for Basic authentication".to_owned());
    }
    facts.join(", ")
}

fn has_basic(answer: &Answer) -> bool {
    let challenge = answer.headers.get(WWW_AUTHENTICATE).map(HeaderValue::as_bytes);
    challenge.is_some_and(|value| value.starts_with(b"Basic"))
}

fn kind(answer: &Answer, body: &Body) -> &'static str {
    match (body.json(), body.html, answer.body.is_empty()) {
        (Some(_), ..) => body.around().kind(),
        (None, true, _) => "HTML",
        (None, false, true) => "no body",
        (None, false, false) => "neither JSON nor HTML",
    }
}

/// Words that FreePBX, league/oauth2-server and webonyx/graphql-php are known to use.
const ERRORS: [&str; 13] = [
    "invalid_client",
    "invalid_grant",
    "invalid_credentials",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
    "access_denied",
    "server_error",
    "ajaxRequest not found",
    "ajaxHandler not found",
    "Not Authenticated",
    "Unknown Error",
];
const HINTS: [&str; 9] = [
    "Error while decoding to JSON",
    "Missing \"Authorization\" header",
    "Access token is invalid",
    "Access token could not be verified",
    "Access token has been revoked",
    "Token has expired",
    "Token has been revoked",
    "Cannot decrypt the refresh token",
    "Token is not linked to client",
];

const EXCEPTIONS: [&str; 17] = [
    "Slim\\Http\\Stream",
    "Key path",
    "Unable to read key",
    "Allowed memory size",
    "Maximum execution time",
    "Composer detected issues in your platform",
    "ionCube",
    "No space left on device",
    "MySQL server has gone away",
    "could not find driver",
    "Module requested invalid",
    "Attempted to load",
    "Unable to locate",
    "Key file",
    "Invalid key supplied",
    "addScope()",
    "Slim\\App::__construct()",
];

fn said(body: &Body) -> Option<String> {
    if let Some(error) = body.error() {
        if error.starts_with("ajaxRequest declined") {
            return Some("error \"ajaxRequest declined\"".to_owned());
        }
        let word = ERRORS.into_iter().find(|known| *known == error)?;
        let hint = body.str("hint").and_then(|hint| HINTS.into_iter().find(|known| *known == hint));
        return Some(format!("error {word}{}", hint.map(|h| format!(", hint `{h}`")).unwrap_or_default()));
    }
    if let Some(exception) = body.exception() {
        if let Some(code) = database::read(&exception).and_then(|cause| cause.parameter("code")) {
            return Some(format!("PHP exception about the database ({code})"));
        }
        let known = EXCEPTIONS.into_iter().find(|known| exception.message.contains(known));
        let known = known.map(|text| format!(" with \"{text}\"")).unwrap_or_default();
        return Some(format!("PHP exception {}{known}", exception.shown().unwrap_or("of an odd name")));
    }
    if let Some(printed) = body.printed() {
        return Some(printed.kind_shown().to_owned());
    }
    if body.is_slim_error_page() {
        return Some("page \"Slim Application Error\"".to_owned());
    }
    let errors = body.graphql_errors()?;
    let starts = |text: &str| {
        let messages = errors.iter().filter_map(|error| error.get("message").and_then(Value::as_str));
        messages.into_iter().any(|message| message.starts_with(text))
    };
    let known = ["Cannot query field", "Internal server error"].into_iter().find(|text| starts(text));
    Some(known.map_or("GraphQL errors".to_owned(), |text| format!("GraphQL error \"{text}\"")))
}
