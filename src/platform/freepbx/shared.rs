//! The rules for what any call can meet: throttling, `ajax.php`, uncaught exceptions, and a bare status.

use http::StatusCode;

use super::body::{Body, Exception};
use super::{front, is_api_module, refusal, text};
use crate::domain::{Answer, Failure, Operation, Reason};
use crate::platform::CallContext;
use crate::platform::rules::has_challenge;

/// What the body says of itself that means the same at any address; `None`: nothing.
pub fn by_body(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        return Some(Failure::new(Reason::RateLimited, front::throttled(ctx)));
    }
    body.exception()
        .and_then(|exception| by_exception(ctx, answer, &exception))
        .or_else(|| by_dispatcher(ctx, body.error()?))
}

/// FreePBX/framework:amp_conf/htdocs/admin/libraries/BMO/Ajax.class.php.
fn by_dispatcher(ctx: &CallContext, error: &str) -> Option<Failure> {
    let failure = if let Some(variant) = error.strip_prefix("ajaxRequest declined") {
        Failure::new(Reason::AjaxDeclined, text::declined(ctx, variant))
    } else if ["ajaxRequest not found", "ajaxHandler not found"].contains(&error) {
        Failure::new(Reason::ApiNotFound, text::no_ajax(ctx))
    } else if error == "Not Authenticated" {
        Failure::new(Reason::ApiNotFound, text::gui_command(ctx))
    } else if error == "Unknown Error" {
        Failure::new(Reason::ServerError, text::unknown_error(ctx))
    } else {
        return None;
    };
    Some(failure)
}

fn by_exception(ctx: &CallContext, answer: &Answer, exception: &Exception) -> Option<Failure> {
    let token = ctx.operation == Operation::Token;
    let said = |part: &str| exception.message.contains(part);
    let is = |class: &str| exception.kind.rsplit('\\').next() == Some(class);
    let failure = if said("Module requested invalid") {
        Failure::new(Reason::ApiNotFound, text::module_invalid(ctx))
    } else if exception.message.starts_with("Attempted to load ")
        || exception.message.starts_with("Unable to locate ")
    {
        Failure::new(Reason::ApiNotFound, text::module_absent(ctx, exception.absent_module()))
    } else if !token && is("OAuthServerException") && exception.code.is_none_or(|code| code == 9) {
        refusal::token_rejected(ctx, None)
    } else if token && said("addScope()") {
        Failure::new(Reason::InvalidScope, text::unknown_allowed_scope(ctx))
    } else if said("Key file ") || said("Invalid key supplied") {
        Failure::new(Reason::ServerError, text::key_files(ctx))
    } else if is("HttpMethodNotAllowedException") {
        Failure::new(Reason::UnexpectedResponse, text::wrong_method(ctx))
    } else if is("HttpNotFoundException") {
        Failure::new(Reason::ApiNotFound, text::no_route(ctx))
    } else if said("Slim\\App::__construct()") {
        Failure::new(Reason::ServerError, text::slim_update(ctx))
    } else {
        return unnamed_exception(ctx, answer, exception);
    };
    Some(failure)
}

/// None of the known messages. Gateways give an object `error` too: only the name of a PHP class makes
/// it FreePBX's.
fn unnamed_exception(ctx: &CallContext, answer: &Answer, exception: &Exception) -> Option<Failure> {
    let kind = exception.shown()?;
    let empty_query = kind == "GraphQL\\Server\\RequestError";
    let diagnosis = if empty_query { text::empty_query(ctx) } else { text::exception(ctx, kind) };
    let reason =
        if answer.status.is_server_error() { Reason::ServerError } else { Reason::UnexpectedResponse };
    Some(Failure::new(reason, diagnosis))
}

/// What remains when the body says nothing known.
pub fn by_status(ctx: &CallContext, answer: &Answer, body: &Body) -> Failure {
    let proxied = ctx.target.client.proxy.is_some();
    let (reason, diagnosis) = match answer.status.as_u16() {
        200..=299 => (Reason::UnexpectedResponse, text::nonsense(ctx, body.html)),
        300..=399 => (Reason::UnexpectedResponse, front::redirected(ctx, answer.status)),
        400 if body.wants_https => (Reason::UnexpectedResponse, front::wants_https(ctx)),
        401 if body.html || has_challenge(answer, "basic") => {
            (Reason::UnexpectedResponse, front::password_in_front(ctx))
        }
        403 => (Reason::Forbidden, front::forbidden(ctx)),
        404 if body.is_slim_not_found() => (Reason::ApiNotFound, text::no_route(ctx)),
        404 if body.json().is_some() && is_api_module(ctx.path()) => {
            (Reason::ApiNotFound, front::nothing_behind_gateway(ctx))
        }
        404 => (Reason::ApiNotFound, front::not_found(ctx)),
        405 => (Reason::UnexpectedResponse, text::wrong_method(ctx)),
        407 if proxied => (Reason::Proxy, front::proxy_password(ctx)),
        502..=504 => (Reason::ServerError, front::gateway(ctx, answer.status)),
        500..=599 => (Reason::ServerError, text::bare_5xx(ctx, answer.status)),
        _ => (Reason::UnexpectedResponse, text::odd_status(ctx, answer.status)),
    };
    Failure::new(reason, diagnosis)
}
