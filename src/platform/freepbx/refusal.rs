//! Diagnoses of refused credentials, tokens and scopes: one to four sentences that name the mend.
//!
//! Nothing of the far side's text is repeated; a hint is compared with the known ones, never shown.

use super::body::Body;
use super::follow_up::needed_scope;
use super::text::APPLICATIONS;
use super::{Called, called};
use crate::domain::{Failure, Grant, Operation, Reason};
use crate::platform::CallContext;

/// The application type that serves `grant`.
fn application_type<'a>(ctx: &CallContext<'a>, grant: Grant) -> &'a str {
    ctx.target.platform.application(grant).unwrap_or("application")
}

pub fn client(ctx: &CallContext) -> String {
    let kind = match ctx.grant {
        Grant::RefreshToken => application_type(ctx, ctx.target.auth.grant),
        grant => application_type(ctx, grant),
    };
    format!(
        "FreePBX refuses the client id or the client secret, sent with grant {} to {}. Compare both values with \
         {APPLICATIONS}: the application was deleted, its secret regenerated, or a blank or line end was copied \
         along. The grant is that of a {kind}: on FreePBX 15 and 16 an application serves one grant only and gives \
         this same answer to any other. 17 looks at no grant, and before 17.0.8 at the client id alone, so that a \
         wrong secret can have worked until an upgrade.",
        ctx.grant,
        ctx.path(),
    )
}

pub fn grant(ctx: &CallContext, body: &Body) -> String {
    match ctx.grant {
        Grant::Password => format!(
            "FreePBX refuses the user name or the password, sent with grant password to {}. This grant checks \
             accounts of User Management, not administrators of the GUI: create the user there or set its \
             password anew, then correct the target.",
            ctx.path()
        ),
        Grant::RefreshToken => refresh_token(ctx, body),
        Grant::AuthorizationCode => format!(
            "FreePBX refuses the authorization code at {}. A code serves once and for 10 minutes: a person has \
             to confirm access again.",
            ctx.path()
        ),
        Grant::ClientCredentials | Grant::Static => format!(
            "FreePBX answers invalid_grant to grant {} at {}, which it does not document. Check in \
             {APPLICATIONS} that the client id is that of a {}.",
            ctx.grant,
            ctx.path(),
            application_type(ctx, ctx.grant)
        ),
    }
}

/// league/oauth2-server's RefreshTokenGrant and its hints.
pub fn refresh_token(ctx: &CallContext, body: &Body) -> String {
    let cause = match body.str("hint") {
        Some("Token has expired") => "it has expired (FreePBX keeps one for a month)",
        Some("Token has been revoked") => {
            "it was revoked: it was used before (each serves once), or deleted in the PBX"
        }
        Some("Cannot decrypt the refresh token") => {
            "FreePBX cannot decrypt it: it was cut or altered, or the PBX's key changed, as at an upgrade of 17"
        }
        Some("Token is not linked to client") => "it was given to another client id",
        _ => "it expired (after a month), was used before (each serves once), or was revoked",
    };
    let mend = match ctx.target.auth.grant {
        Grant::Password | Grant::ClientCredentials => "A new grant replaces it without a person's help",
        Grant::AuthorizationCode => "A person has to confirm access again",
        _ => "A person has to give the exporter a new refresh token",
    };
    format!(
        "FreePBX refuses the refresh token at {}: {cause}. {mend}. If this recurs, look whether something \
         else uses the same refresh token.",
        ctx.path()
    )
}

/// league's hint is ``Check the `NAME` parameter``; only known names are repeated.
pub fn request(ctx: &CallContext, body: &Body) -> String {
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
    let named = KNOWN.iter().find(|name| hint.contains(&format!("`{name}`")));
    let what = named.map_or("a parameter".to_owned(), |name| format!("the parameter {name}"));
    format!(
        "The token endpoint {} finds {what} missing or malformed in the request with grant {}. Set it for \
         this target; if it is set, something in front of the PBX drops or rewrites the form body or the \
         Authorization header.",
        ctx.path(),
        ctx.grant,
    )
}

pub fn scope(ctx: &CallContext) -> String {
    let scopes = &ctx.target.auth.scopes;
    let asked = if scopes.is_empty() { "none asked".into() } else { format!("asked: {}", scopes.join(" ")) };
    format!(
        "FreePBX refuses the scopes ({asked}): one is unknown to its installed modules, or lies outside the \
         application's Allowed Scopes in {APPLICATIONS}. Ask for {}, or for none, which gives all that the \
         application may have. The words `*` and `extensions:read` of some guides are no FreePBX scopes, \
         and no user role changes this.",
        needed_scope(ctx),
    )
}

pub fn grant_type(ctx: &CallContext) -> String {
    format!(
        "The token endpoint {} does not know the grant type, or found none. FreePBX serves {} by itself, so \
         the form body was probably lost or rewritten on the way, by a proxy or by a redirect; FreePBX 17 \
         reads form-encoded bodies only.",
        ctx.path(),
        ctx.grant,
    )
}

pub fn unauthorized(ctx: &CallContext) -> String {
    format!(
        "This client may not use grant {} at {}. On FreePBX 15 and 16 an application serves one grant only: create a \
         {} in {APPLICATIONS} and use its client id and secret.",
        ctx.grant,
        ctx.path(),
        application_type(ctx, ctx.grant),
    )
}

/// What league/oauth2-server 6 hints at a resource.
#[derive(Clone, Copy)]
pub enum Hint {
    Missing,
    Invalid,
    Unverified,
    Revoked,
}

pub fn known_hint(text: &str) -> Option<Hint> {
    match text {
        "Missing \"Authorization\" header" => Some(Hint::Missing),
        "Access token is invalid" => Some(Hint::Invalid),
        "Access token could not be verified" => Some(Hint::Unverified),
        "Access token has been revoked" => Some(Hint::Revoked),
        _ => None,
    }
}

/// Of a token issued a moment ago, where the clock was looked at and is right.
fn clock_aside(hint: Option<Hint>) -> &'static str {
    match hint {
        Some(_) => {
            "it takes the token, issued a moment ago, for malformed; the PBX's clock is right. Look for a proxy that \
             alters the Authorization header, and check PHP's time zone."
        }
        None => {
            "it does not accept a token issued a moment ago. This answer does not tell the cause (FreePBX 17 gives the \
             same for all), and the PBX's clock is right: either a proxy or PHP-FPM drops the Authorization header \
             (Apache with FPM: `CGIPassAuth On`), or its API key pair does not match."
        }
    }
}

pub fn token_rejected(ctx: &CallContext, hint: Option<Hint>) -> Failure {
    let cause = match (hint, ctx.fresh) {
        (Some(Hint::Invalid) | None, true) if ctx.clock_agrees => clock_aside(hint),
        (Some(Hint::Missing), _) => {
            "it sees no Authorization header, although one was sent. A proxy in front or the PHP-FPM setup \
             drops it: let it through (Apache with FPM: `CGIPassAuth On`)."
        }
        (Some(Hint::Invalid), true) => {
            "it takes the token, issued a moment ago, for expired or malformed. Check the clock and time zone \
             of the PBX, and that no proxy alters the Authorization header."
        }
        (Some(Hint::Invalid), false) => {
            "the token has expired or is malformed. A new one mends this; if it recurs, check the PBX's clock."
        }
        (Some(Hint::Unverified), true) => {
            "it cannot verify the signature of a token issued a moment ago: its public key does not fit its \
             private one, or several PBXes answer at this address. If it is one PBX, move `api_oauth_public.key` alone away, in the \
             folder of the setting CERTKEYLOC, else keys/ below ASTETCDIR (normally /etc/asterisk/keys), then run `fwconsole ma \
             install api` and `fwconsole chown`: that makes it anew from the private key, which stays, so all tokens stay good."
        }
        (Some(Hint::Unverified), false) => {
            "it cannot verify the signature: the API's key pair was regenerated, as at an upgrade of the api \
             module, which ends all tokens. A new token mends this."
        }
        (Some(Hint::Revoked), _) => {
            "the token was revoked: its row or its application was deleted in the PBX, or its refresh token \
             was used elsewhere. A new token mends this unless the application is gone."
        }
        (None, true) => {
            "it does not accept a token issued a moment ago. This answer does not tell the cause (FreePBX 17 \
             gives the same for all): the Authorization header is dropped by a proxy or PHP-FPM, the PBX's clock \
             is wrong, or its API key pair does not match."
        }
        (None, false) => {
            "it no longer accepts the token. This answer does not tell the cause (FreePBX 17 gives the same for \
             all): the token was revoked, its row deleted, or the key pair regenerated at an upgrade. A new token \
             mends this; if not, look for a proxy that drops the Authorization header."
        }
    };
    let diagnosis = format!("FreePBX rejects the token at {}: {cause}", ctx.asked());
    Failure::new(Reason::TokenRejected, diagnosis)
}

/// The token's scope that covers what is needed: the same, or a wider one. `TYPE[:MODULE[:ACTION[:OBJECT]]]`.
fn named_scope<'a>(ctx: &CallContext<'a>, needed: &str) -> Option<&'a String> {
    let covers = |scope: &&String| {
        needed.strip_prefix(&***scope).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    ctx.scopes?.iter().find(covers)
}

/// Where the token's scopes let another of the platform's calls through.
fn rest_instead(ctx: &CallContext) -> String {
    let listed = ctx.operation == Operation::Extensions && matches!(called(ctx.target), Called::Graphql);
    let scope = named_scope(ctx, "rest:core:read:users").filter(|_| listed);
    scope.map_or_else(String::new, |scope| {
        format!(" Or set `call: rest`, which the token's scope {scope} lets through.")
    })
}

/// Of a query that is not offered, though the token names a scope that covers it: a hint, not a proof.
fn named_all_the_same(ctx: &CallContext) -> Option<String> {
    let needed = needed_scope(ctx);
    let module = needed.strip_prefix("gql:")?.split(':').next()?;
    let scope = named_scope(ctx, needed)?;
    Some(format!(
        "FreePBX accepts the token but does not offer {} to it, although the token names the scope {scope}, which covers that. So \
         Allowed Scopes are hardly the cause: the {module} module is too old for this query, disabled, or its GraphQL part failed to \
         load. Compare with `fwconsole ma list`, then run `fwconsole ma upgrade {module}`. No user permission or administrator role \
         takes its place.{}",
        ctx.asked(),
        rest_instead(ctx)
    ))
}

pub fn scope_missing(ctx: &CallContext) -> Failure {
    if let Some(diagnosis) = named_all_the_same(ctx) {
        return Failure::new(Reason::InsufficientScope, diagnosis);
    }
    let remark = match (ctx.scopes, ctx.operation, called(ctx.target)) {
        (Some([]), _, _) => {
            "The token names no scope at all, as happens on 17 when Allowed Scopes hold only unknown words."
        }
        (_, Operation::Version, _) => {
            "That scope guards changes as well (adding administrators, installing modules): leave the version \
             query off unless you want it."
        }
        (_, _, Called::Graphql) => "`gql:core:read:extension` exists but is not enough.",
        (_, _, Called::Custom) => "A name that this PBX's API does not have is answered in the same way.",
        (_, _, Called::Rest) => "",
    };
    let rest = rest_instead(ctx);
    let needed = needed_scope(ctx);
    let or_wider =
        if needed.contains(':') { " or a wider one" } else { " or the narrower one of its module" };
    let diagnosis = format!(
        "FreePBX accepts the token but not for {}: it lacks the scope {needed}{or_wider}. Add it to Allowed \
         Scopes in {APPLICATIONS}, and to the scopes of this target if it asks for any. No user permission or \
         administrator role takes its place. {remark}{rest}",
        ctx.asked(),
    );
    Failure::new(Reason::InsufficientScope, diagnosis.trim_end().to_owned())
}
