//! Answers of the token endpoint that hold no usable token.

use super::body::Body;
use super::{refusal, shared, text};
use crate::domain::{Answer, Failure, Grant, Reason};
use crate::platform::CallContext;
use crate::platform::headers::with_retry_after;
use crate::platform::rules::may_refuse;

pub fn failure(ctx: &CallContext, answer: &Answer) -> Failure {
    let body = Body::of(answer);
    let failure = shared::by_body(ctx, answer, &body)
        .or_else(|| by_error_code(ctx, &body))
        .or_else(|| slim_error_page(ctx, &body))
        .unwrap_or_else(|| by_status(ctx, answer, &body));
    with_retry_after(failure, answer)
}

/// RFC 6749 section 5.2, and league/oauth2-server's own ways: version 6 says `invalid_credentials`
/// for a wrong password, and 6 and 8 `invalid_request` for a dead refresh token.
fn by_error_code(ctx: &CallContext, body: &Body) -> Option<Failure> {
    let (reason, diagnosis) = match body.error()? {
        "invalid_client" => (Reason::InvalidClient, refusal::client(ctx)),
        "invalid_grant" | "invalid_credentials" => (Reason::InvalidGrant, refusal::grant(ctx, body)),
        "invalid_request" if body.explains("refresh token is invalid") => {
            (Reason::InvalidGrant, refusal::refresh_token(ctx, body))
        }
        "invalid_request" if names_code(ctx, body) => (Reason::InvalidGrant, refusal::grant(ctx, body)),
        "invalid_request" => (Reason::InvalidRequest, refusal::request(ctx, body)),
        "invalid_scope" => (Reason::InvalidScope, refusal::scope(ctx)),
        "unsupported_grant_type" => (Reason::UnauthorizedClient, refusal::grant_type(ctx)),
        "unauthorized_client" => (Reason::UnauthorizedClient, refusal::unauthorized(ctx)),
        "server_error" | "temporarily_unavailable" => (Reason::ServerError, text::oauth_server_error(ctx)),
        _ => return None,
    };
    Some(Failure::new(reason, diagnosis))
}

/// league's AuthCodeGrant calls a code that is used up, expired or not its own a bad parameter.
fn names_code(ctx: &CallContext, body: &Body) -> bool {
    let hint = body.str("hint").unwrap_or_default();
    ctx.grant == Grant::AuthorizationCode && hint.to_ascii_lowercase().contains("authorization code")
}

fn slim_error_page(ctx: &CallContext, body: &Body) -> Option<Failure> {
    body.is_slim_error_page().then(|| Failure::new(Reason::ServerError, text::slim_error_at_token(ctx)))
}

fn by_status(ctx: &CallContext, answer: &Answer, body: &Body) -> Failure {
    if answer.status.is_success() && body.json().is_some() {
        let failure = Failure::new(Reason::UnexpectedResponse, text::no_access_token(ctx));
        return Failure { refused: true, ..failure };
    }
    let failure = shared::by_status(ctx, answer, body);
    let refused = may_refuse(answer.status) && !body.wants_https;
    Failure { refused, ..failure }
}
