//! Answers of the token endpoint that hold no usable token.

use super::body::Body;
use super::shared;
use crate::domain::cause::{Freepbx, General, Odd};
use crate::domain::{Answer, Cause, Failure, Grant};
use crate::platform::CallContext;
use crate::platform::headers::with_retry_after;

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
    let cause: Cause = match body.error()? {
        "invalid_client" => General::ClientRefused.into(),
        "invalid_grant" | "invalid_credentials" => grant(ctx, body),
        "invalid_request" if body.explains("refresh token is invalid") => refresh_token(body),
        "invalid_request" if names_code(ctx, body) => grant(ctx, body),
        "invalid_request" => request(body),
        "invalid_scope" => scope(ctx, body),
        "unsupported_grant_type" => Freepbx::GrantTypeLost.into(),
        "unauthorized_client" => General::GrantNotAllowed.into(),
        "server_error" | "temporarily_unavailable" => Freepbx::OauthServerError.into(),
        _ => return None,
    };
    Some(ctx.failure(cause))
}

fn grant(ctx: &CallContext, body: &Body) -> Cause {
    match ctx.grant {
        Grant::Password => General::PasswordRefused.into(),
        Grant::RefreshToken => refresh_token(body),
        Grant::AuthorizationCode => General::CodeRefused.into(),
        Grant::ClientCredentials | Grant::Static => General::GrantRefused.into(),
    }
}

/// league/oauth2-server's RefreshTokenGrant and its hints.
fn refresh_token(body: &Body) -> Cause {
    match body.str("hint") {
        Some("Token has expired") => Freepbx::RefreshTokenExpired.into(),
        Some("Token has been revoked") => Freepbx::RefreshTokenRevoked.into(),
        Some("Cannot decrypt the refresh token") => Freepbx::RefreshTokenUnreadable.into(),
        Some("Token is not linked to client") => Freepbx::RefreshTokenOfAnother.into(),
        _ => General::RefreshTokenRefused.into(),
    }
}

/// league's hint is ``Check the `NAME` parameter``; only known names are repeated.
fn request(body: &Body) -> Cause {
    const KNOWN: [&str; 9] = [
        "client_id",
        "client_secret",
        "username",
        "password",
        "refresh_token",
        "grant_type",
        "scope",
        "redirect_uri",
        "code",
    ];
    let hint = body.str("hint").unwrap_or_default();
    let named = KNOWN.into_iter().find(|name| hint.contains(&format!("`{name}`")));
    named.map_or(General::RequestMalformed.into(), |name| {
        Freepbx::ParameterMalformed { parameter: name.into() }.into()
    })
}

/// league's hint is ``Check the `NAME` scope``; only what was asked for is repeated.
fn scope(ctx: &CallContext, body: &Body) -> Cause {
    let hint = body.str("hint").unwrap_or_default();
    let mut asked = ctx.target.auth.scopes.iter();
    match asked.find(|scope| hint.contains(&format!("`{scope}`"))) {
        Some(scope) if is_scope(scope) => Freepbx::ScopeNotCovered { refused: scope.as_str().into() }.into(),
        Some(scope) => Freepbx::ScopeUnknown { refused: scope.as_str().into() }.into(),
        None => General::ScopeRefused.into(),
    }
}

/// Whether it has the form of FreePBX's scopes: `TYPE[:MODULE[:ACTION[:OBJECT]]]`.
fn is_scope(scope: &str) -> bool {
    let mut parts = scope.split(':');
    let (kind, module, action) = (parts.next(), parts.next(), parts.next());
    let is_module = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    matches!(kind, Some("gql" | "rest"))
        && module.is_none_or(is_module)
        && matches!(action, None | Some("read" | "write"))
}

/// league's AuthCodeGrant calls a code that is used up, expired or not its own a bad parameter.
fn names_code(ctx: &CallContext, body: &Body) -> bool {
    let hint = body.str("hint").unwrap_or_default();
    ctx.grant == Grant::AuthorizationCode && hint.to_ascii_lowercase().contains("authorization code")
}

fn slim_error_page(ctx: &CallContext, body: &Body) -> Option<Failure> {
    body.is_slim_error_page().then(|| ctx.failure(Freepbx::HiddenCrashAtToken))
}

fn by_status(ctx: &CallContext, answer: &Answer, body: &Body) -> Failure {
    if answer.status.is_success() && body.json().is_some() {
        return Failure { refused: true, ..ctx.failure(Odd::NoToken) };
    }
    shared::by_status(ctx, answer, body)
}
